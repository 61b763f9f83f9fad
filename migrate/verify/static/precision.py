"""The precision modes that a port asks for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from migrate.analysis.module import Module
from migrate.analysis.nodes import is_none, keyword
from migrate.analysis.values import constant
from migrate.runtime import PRECISION_MODE
from migrate.verify.static.adapter import calls_of
from migrate.verify.static.check import Context
from migrate.verify.static.entries import Entries, value_of

_KEYS = ("precision_mode", "precision_mode_v2")
# The runtime that a port of this kit carries says there what was chosen when it was made.
_DEFAULTS = "npu_runtime/defaults.py"


@dataclass(frozen=True)
class Precision:
    """A place that sets the mode.

    Args:
        mode: None where it cannot be told.
        place: the code that sets it; None for the runtime of a port, which all its sessions take.
    """

    path: str
    line: int
    mode: str | None
    place: tuple[Module, ast.AST] | None


def precisions(context: Context) -> Iterator[Precision]:
    """Every place of a port that sets the precision mode of the NPU."""
    for entry in context.project.cached(Entries):
        for parameter in entry.parameters:
            if entry.is_npu and parameter.key in _KEYS:
                value = value_of(entry.module, parameter.value)
                yield _precision(entry.module, parameter.statement, value)
    for module in context.modules(b"precision_mode"):
        for call, _ in calls_of(module, frozenset({"NPURunConfig"})):
            for key in _KEYS:
                given = keyword(call, key)
                if given is not None and not is_none(given.value):
                    yield _precision(module, given, constant(module, given.value))
    runtime = context.files.get(_DEFAULTS)
    if runtime is not None and (found := PRECISION_MODE.search(runtime.data)):
        line = runtime.data.count(b"\n", 0, found.start()) + 1
        yield Precision(_DEFAULTS, line, found[1].decode(), None)


def _precision(module: Module, node: ast.stmt | ast.keyword, value: object) -> Precision:
    mode = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    place = (module, node)
    return Precision(module.path, node.lineno, mode if isinstance(mode, str) else None, place)
