"""Devices whose very type is put together, as in ``'/%s:%d' % (kind, index)``."""

from __future__ import annotations

import ast
import re
from typing import Literal

from migrate.analysis.module import Module
from migrate.analysis.values import bound_value

# ``maybe``: what is put in cannot be told.
Answer = Literal["gpu", "maybe", "no"]

_HOLE = "\0"
_PERCENT = re.compile(r"%(?:\(\w+\))?[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
_FIELD = re.compile(r"\{[^{}]*\}")
_OTHERS = re.compile(r"(?:job|replica|task):", re.IGNORECASE)
_DEVICE = re.compile(rf"/(?:device:)?{_HOLE}:(?:{_HOLE}|\d+)")
_CASES = frozenset({"lower", "upper", "strip"})


def is_device(node: ast.expr) -> bool:
    """Whether a text that is put together can only be a device, such as ``'/%s:%d' % ...``."""
    parts = _parts(node)
    text = "".join(part if isinstance(part, str) else _HOLE for part in parts)
    return parts != [node] and _DEVICE.fullmatch(text) is not None


def computed_type(module: Module, device: ast.expr) -> Answer:
    """Whether the type in a device string is put in from elsewhere, and may be a GPU.

    A string that spells its type, such as ``'/gpu:%d' % index``, is none.
    """
    parts = _parts(bound_value(module, device))
    text = "".join(part if isinstance(part, str) else _HOLE for part in parts)
    holes = [part for part in parts if isinstance(part, ast.expr)]
    answers: set[Answer] = set()
    number = 0
    for place, component in enumerate(text.split("/")):
        here = holes[number : number + component.count(_HOLE)]
        number += len(here)
        kind, colon, _ = component.removeprefix("device:").partition(":")
        # What comes first may be a whole device, or its beginning.
        if here and not _OTHERS.match(component) and (place or colon):
            answers |= {_answer(module, hole) for hole in here[: kind.count(_HOLE)]}
    return "gpu" if "gpu" in answers else "maybe" if "maybe" in answers else "no"


def _parts(node: ast.expr) -> list[str | ast.expr]:
    """The text of a string, and what is put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return [part for value in node.values for part in _parts(value)]
    if isinstance(node, ast.FormattedValue):
        return [node.value]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_parts(node.left), *_parts(node.right)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        return _filled(node.left, _PERCENT, values, node.right)
    if (template := _of_method(node, frozenset({"format"}))) is not None:
        assert isinstance(node, ast.Call)
        values = [*node.args, *(k.value for k in node.keywords)]
        return _filled(template, _FIELD, values, node)
    return [node]


def _of_method(node: ast.AST, names: frozenset[str]) -> ast.expr | None:
    """The object of which a call is a method with one of these names."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.value if node.func.attr in names else None
    return None


def _filled(
    template: ast.expr, field: re.Pattern[str], values: list[ast.expr], whole: ast.expr
) -> list[str | ast.expr]:
    if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
        return [whole]
    texts = field.split(template.value)
    plain = len(values) == len(texts) - 1 and not re.search(r"%\(|\{\w", template.value)
    parts: list[str | ast.expr] = [texts[0]]
    for number, text in enumerate(texts[1:]):
        # By name or by number: any of them, so all.
        parts += [values[number] if plain else ast.Tuple(values, ast.Load()), text]
    return parts


def _answer(module: Module, node: ast.AST) -> Answer:
    words, known = _words(module, node)
    if any("gpu" in word.lower() for word in words):
        return "gpu"
    return "no" if known else "maybe"


def _words(module: Module, node: ast.AST, depth: int = 4) -> tuple[set[str], bool]:
    """The texts that a value may be, and whether these are all."""
    if isinstance(node, ast.Constant):
        return {str(node.value)}, True
    if isinstance(node, ast.IfExp):
        return _all(module, [node.body, node.orelse], depth)
    if isinstance(node, ast.Tuple | ast.List):
        return _all(module, node.elts, depth)
    if (text := _of_method(node, _CASES)) is not None:
        return _words(module, text, depth)
    if isinstance(node, ast.Name) and depth:
        _, bindings = module.lookup(node.id, node) or (None, [])
        values: list[ast.AST | None] = []
        for binding in bindings:
            statement = binding.statement
            if binding.kind == "value":
                values.append(binding.node)
            elif isinstance(statement, ast.Assign):
                values.append(statement.value)  # a, b = 'gpu', 0
            else:
                values.append(statement.iter if isinstance(statement, ast.For) else None)
        if values:
            return _all(module, values, depth - 1)
    return set(), False


def _all(
    module: Module, nodes: list[ast.expr] | list[ast.AST | None], depth: int
) -> tuple[set[str], bool]:
    found = [_words(module, node, depth) if node is not None else (set(), False) for node in nodes]
    return set[str]().union(*(words for words, _ in found)), all(known for _, known in found)
