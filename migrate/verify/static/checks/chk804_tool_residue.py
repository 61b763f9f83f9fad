"""A statement that is a bare None: residue of an automatic conversion.

What it finds: statements that consist of the name None and nothing else, in files that import
npu_bridge.

Why: the adapter's converter writes None where it took a call out (hvd.init(), a memory setting). It
does nothing; where the call was the point, something is missing now.

Example:
    if use_horovod:
        None

Authority: adapter, convert_tf2npu (ast_impl.py).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.nodes import is_none
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context

CHK804 = Check("CHK804", "tool-residue")


@CHK804.on_port
def find_bare_none(context: Context) -> Iterator[Finding]:
    for module in context.modules(b"npu_bridge"):
        for node in module.nodes:
            if isinstance(node, ast.Expr) and is_none(node.value):
                message = "a bare None, where a converter took a call out"
                yield context.finding(module, node, "note", message, "Remove it, or mend it.")
