"""The CPU devices that a program takes instead of a GPU where it finds none.

On an NPU machine there is no GPU either: such a pin would keep the whole model on the host.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.nodes import string
from migrate.analysis.project import Project
from migrate.codemods.gpu_answers import asks_for_gpus

_CPU = re.compile(r"/?(?:device:)?(?:XLA_)?CPU(?::(?:\d+|\*))?", re.IGNORECASE)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)


def fallbacks(module: Module, project: Project) -> Iterator[ast.Constant]:
    """The literals of CPU devices that stand in for a GPU when there is none."""
    for node in module.nodes:
        if _is_cpu(node) and _is_fallback(module, project, node):
            assert isinstance(node, ast.Constant)
            yield node


def falsy_choice(module: Module, node: ast.expr) -> ast.expr | None:
    """The ``y`` that ``x and '/gpu:0' or y`` would take if the device were empty."""
    parent = module.parents[node]
    if not isinstance(parent, ast.BoolOp) or not isinstance(parent.op, ast.And):
        return None
    choice = module.parents[parent]
    return choice.values[-1] if isinstance(choice, ast.BoolOp) else None


def _is_cpu(node: ast.AST | None) -> bool:
    text = string(node)
    return text is not None and _CPU.fullmatch(text) is not None


def _is_fallback(module: Module, project: Project, literal: ast.AST) -> bool:
    inner, parent = literal, module.parents[literal]
    while isinstance(parent, ast.IfExp | ast.BoolOp | ast.List | ast.Tuple):
        if isinstance(parent, ast.BoolOp):
            last = isinstance(parent.op, ast.Or) and parent.values[-1] is inner
            if last and asks_for_gpus(project, module, parent):
                return True
        elif isinstance(parent, ast.List | ast.Tuple):
            if not all(map(_is_cpu, parent.elts)):
                return False
        elif inner is not parent.test:
            other = parent.orelse if inner is parent.body else parent.body
            if not _is_cpu(other) and asks_for_gpus(project, module, parent.test):
                return True
        inner, parent = parent, module.parents[parent]
    if not isinstance(parent, ast.Assign | ast.Return) or parent.value is not inner:
        return False
    scope = _scope(module, parent)
    return any(
        isinstance(around, ast.If) and asks_for_gpus(project, module, around.test)
        for like in _likes(module, scope, parent)
        if not _is_cpu(like.value)
        for place in (parent, like)
        for around in _within(module, scope, place)
    )


def _likes(
    module: Module, scope: ast.AST, statement: ast.Assign | ast.Return
) -> Iterator[ast.Assign | ast.Return]:
    """What else binds the same target, or returns, in a scope."""
    for node in ast.walk(scope):
        if node is statement or not isinstance(node, type(statement)):
            continue
        if _scope(module, node) is scope and (
            isinstance(node, ast.Return)
            or isinstance(statement, ast.Return)
            or _targets(node) == _targets(statement)
        ):
            yield node


def _targets(statement: ast.Assign) -> list[str]:
    return [ast.dump(target) for target in statement.targets]


def _scope(module: Module, node: ast.AST) -> ast.AST:
    return next(parent for parent in module.ancestors(node) if isinstance(parent, _SCOPES))


def _within(module: Module, scope: ast.AST, node: ast.AST) -> Iterator[ast.AST]:
    """What surrounds a statement inside of a scope."""
    for parent in module.ancestors(node):
        if parent is scope:
            return
        yield parent
