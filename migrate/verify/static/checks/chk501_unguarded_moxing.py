"""moxing is imported where it may not exist.

What it finds: an import of moxing at the top level of a file, outside of a `try` and of a
condition.

Why: moxing is part of ModelArts and in no package index. Everywhere else, on one's own Ascend
machine too, the import stops the program before it does anything.

Example:
    import moxing as mox

becomes:
    try:
        import moxing as mox
    except ImportError:
        mox = None

Authority: ModelArts documentation, MoXing Framework (preinstalled in ModelArts environments only).
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.analysis.imported import imported_packages
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context

CHK501 = Check("CHK501", "unguarded-moxing")


@CHK501.on_port
def find_unguarded(context: Context) -> Iterator[Finding]:
    for module in context.modules(b"moxing"):
        for node in module.tree.body:
            if "moxing" in imported_packages(node):
                message = "moxing exists on ModelArts only; elsewhere this import fails"
                advice = "Import it in the function that copies, or inside try/except ImportError."
                yield context.finding(module, node, "warning", message, advice)
