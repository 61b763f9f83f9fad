"""Writes Python's own types where NumPy's aliases for them stand.

What it does: `numpy.bool`, `int`, `float`, `complex`, `object`, `str`, `long` and `unicode` become
`bool`, `int`, `float`, `complex`, `object`, `str`, `int` and `str`.

Why: NumPy deprecated these names in 1.20, where each use prints a warning, and removed them in
1.24. They always were the very same types.

Example:
    labels = labels.astype(np.float)

becomes:
    labels = labels.astype(float)

Fix safety: safe. Where the file gives the name of the type another meaning, the place stays as it
is and is a note.

Not handled: the names in strings and `getattr`; `from numpy import float`.

Authority: NumPy 1.20.0 release notes, "Using the aliases of builtin types like np.int is
deprecated".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.codemods.rule import Change, Context, Rule

_TYPES = {
    **{name: name for name in ("bool", "complex", "float", "int", "object", "str")},
    "long": "int",
    "unicode": "str",
}


def _aliases(module: Module) -> Iterator[ast.Attribute]:
    for node in module.all_of(ast.Attribute):
        read = node.attr in _TYPES and isinstance(node.ctx, ast.Load)
        if read and module.name_of(node) == f"numpy.{node.attr}":
            yield node


def _has_aliases(project: Project, path: str) -> bool:
    module = project.parsed(path)
    return module is not None and any(True for _ in _aliases(module))


NPU806 = Rule("NPU806", "numpy-aliases", group="compat", finds=_has_aliases)


@NPU806.on_module
def name_types(context: Context) -> Iterator[Change]:
    module = context.module
    for node in _aliases(module):
        name = _TYPES[node.attr]
        if module.is_free(name, node):
            yield context.replace(node, name)
        else:
            message = f"numpy.{node.attr} is gone from NumPy 1.24, and `{name}` means another thing"
            yield context.finding(node, "note", message, f"Use the builtin {name}.")
