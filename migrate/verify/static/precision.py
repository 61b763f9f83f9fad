"""The precision modes that a port asks for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from migrate.analysis.module import Module, keyword
from migrate.codemods.options import constant
from migrate.verify.static.adapter import calls_of
from migrate.verify.static.check import Context
from migrate.verify.static.entries import Entries, value_of

# Those in which gradients are float16.
HALF = frozenset(
    "allow_mix_precision allow_mix_precision_fp16 force_fp16 mixed_float16 fp16".split()
)
_KEYS = ("precision_mode", "precision_mode_v2")


@dataclass(frozen=True)
class Precision:
    """A place that sets the mode.

    Args:
        mode: None where it cannot be told.
    """

    module: Module
    node: ast.AST
    mode: str | None


def precisions(context: Context) -> Iterator[Precision]:
    """Every place of a port that sets the precision mode of the NPU."""
    for entry in context.project.cached(Entries):
        for parameter in entry.parameters:
            if entry.is_npu and parameter.key in _KEYS:
                value = value_of(entry.module, parameter.value)
                mode = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
                yield Precision(
                    entry.module, parameter.statement, mode if isinstance(mode, str) else None
                )
    for module in context.modules(b"precision_mode"):
        for call, _ in calls_of(module, frozenset({"NPURunConfig"})):
            for key in _KEYS:
                given = keyword(call, key)
                if given is not None:
                    mode = constant(module, given.value)
                    if mode is not None or not isinstance(given.value, ast.Constant):
                        yield Precision(module, given, mode if isinstance(mode, str) else None)
