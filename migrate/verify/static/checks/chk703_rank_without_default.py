"""The rank is read from the environment, with no default.

What it finds: `int(os.getenv("RANK_ID"))`, `int(os.environ.get("RANK_SIZE"))`,
`os.environ["DEVICE_INDEX"]` and the like.

Why: a run on one device, by hand or on a host, does not set them: int(None) is a TypeError and
the subscript a KeyError, before anything is trained.

Example:
    rank = int(os.getenv("RANK_ID"))

becomes:
    rank = int(os.getenv("RANK_ID", "0"))

Authority: CANN "TensorFlow 1.15 Model Porting Guide", environment variables (RANK_ID, RANK_SIZE and
RANK_TABLE_FILE belong to distributed runs).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.values import constant
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context

CHK703 = Check("CHK703", "rank-without-default")
_DEFAULTS = {"RANK_ID": "0", "RANK_SIZE": "1", "DEVICE_INDEX": "0", "DEVICE_NUM": "1"}
_READERS = ("os.getenv", "os.environ.get")


@CHK703.on_port
def find_required(context: Context) -> Iterator[Finding]:
    for module in context.modules(b"RANK_", b"DEVICE_INDEX", b"DEVICE_NUM"):
        places: dict[str, list[int]] = {}
        for node in module.nodes:
            if (name := _required(module, node)) is not None:
                places.setdefault(name, []).append(node.lineno)  # type: ignore[attr-defined]
        for name, lines in places.items():
            more = f" (also on lines {', '.join(map(str, lines[1:]))})" if lines[1:] else ""
            message = f"fails where {name} is not set, as on a single device{more}"
            advice = f'Write os.getenv("{name}", "{_DEFAULTS[name]}").'
            yield context.finding(module, lines[0], "warning", message, advice)


def _required(module: Module, node: ast.AST) -> str | None:
    """The variable that the node cannot do without."""
    name: object = None
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        if module.qualified(node.value) == "os.environ" and not _is_tested(module, node):
            name = constant(module, node.slice)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "int":
        read = node.args[0] if len(node.args) == 1 else None
        if isinstance(read, ast.Call) and len(read.args) == 1 and not read.keywords:
            name = constant(module, read.args[0]) if _reads(module, read.func) else None
    return name if isinstance(name, str) and name in _DEFAULTS else None


def _reads(module: Module, func: ast.expr) -> bool:
    # npu_init's star import brings an `os` as well.
    return module.qualified(func) in _READERS or module.text_of(func) in _READERS


def _is_tested(module: Module, node: ast.AST) -> bool:
    """Whether a condition or a try is around it."""
    return any(
        isinstance(parent, ast.If | ast.IfExp | ast.Try) for parent in module.ancestors(node)
    )
