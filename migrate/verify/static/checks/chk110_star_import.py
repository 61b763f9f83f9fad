"""The star import of npu_init replaces a name that the file imports for something else.

What it finds: a file that imports `util`, `session`, `backend`, `os`, `tf` or another name that
npu_init has as well, for something else and before `from npu_bridge.npu_init import *`, and then
uses it.

Why: npu_init has no `__all__`, so the star import binds each of its names, and from r1.3.0 those
include tf, os, session and util, from r1.8.0 backend. The file's own module is gone without a word;
the first use fails with an AttributeError, or does something else.

Example:
    from libs import util
    from npu_bridge.npu_init import *
    util.load_images(folder)

becomes:
    from npu_bridge.npu_init import npu_config_proto
    from libs import util

Authority: adapter, npu_init.py, r1.1.1 to r1.15.0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.findings import Finding
from migrate.verify.static.adapter import NPU_INIT, described
from migrate.verify.static.check import Check, Context

CHK110 = Check("CHK110", "star-import")
# Under either spelling it is the same module.
_SAME = {"tensorflow.keras.backend": "tensorflow.python.keras.backend"}


@CHK110.on_port
def find_rebound(context: Context) -> Iterator[Finding]:
    for module in context.modules(b"npu_init"):
        star = _star(module)
        if star is None:
            continue
        for name, bound in module.scope.bindings.items():
            last = max(_line(binding.statement) for binding in bound)
            if last >= star.lineno or name not in module.loads:
                continue  # bound again behind the star import, or never read
            what = described(NPU_INIT, name, context.adapter)
            meant = module.exported(name) or ""
            if what is None or meant.startswith("npu_bridge.") or _same(what, meant):
                continue
            shown = what.removeprefix("= ") if what.startswith("= ") else f"own {name}"
            message = f"the star import makes {name} the adapter's {shown}, not line {last}'s"
            advice = "Import the names that are needed, such as npu_config_proto, instead of *."
            yield context.finding(module, star, "error", message, advice)


def _same(what: str, meant: str) -> bool:
    return what == f"= {_SAME.get(meant, meant)}"


def _star(module: Module) -> ast.ImportFrom | None:
    """The file's last star import of npu_init at its top level."""
    found = [
        node
        for node in module.tree.body
        if isinstance(node, ast.ImportFrom)
        and node.module == NPU_INIT
        and any(alias.name == "*" for alias in node.names)
    ]
    return found[-1] if found else None


def _line(node: ast.AST | None) -> int:
    return getattr(node, "lineno", 0)
