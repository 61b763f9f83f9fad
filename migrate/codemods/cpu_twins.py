"""The CPU devices that a program takes instead of a GPU where it finds none.

On an NPU machine there is no GPU either: such a pin would keep the whole model on the host.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.codemods.gpu_answers import asks_for_gpus

_CPU = re.compile(r"/?(?:device:)?(?:XLA_)?CPU(?::(?:\d+|\*))?", re.IGNORECASE)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)


def alternatives(module: Module, project: Project, node: ast.expr) -> Iterator[ast.Constant]:
    """The literals of CPU devices that stand in for a GPU device when there is no GPU.

    Args:
        node: the expression that spells the GPU device.
    """
    inner: ast.AST = node
    parent = module.parents[node]
    while isinstance(parent, ast.IfExp | ast.BoolOp):
        if isinstance(parent, ast.IfExp) and inner is not parent.test:
            other = parent.orelse if inner is parent.body else parent.body
            if asks_for_gpus(project, module, parent.test):
                yield from _cpus(other)
        elif isinstance(parent, ast.BoolOp) and asks_for_gpus(project, module, parent):
            yield from _cpus(parent.values[-1])
        inner, parent = parent, module.parents[parent]
    statement = parent
    if isinstance(statement, ast.Assign | ast.Return) and statement.value is inner:
        scope = _scope(module, statement)
        for like in _likes(module, scope, statement):
            if any(
                isinstance(around, ast.If) and asks_for_gpus(project, module, around.test)
                for place in (statement, like)
                for around in _within(module, scope, place)
            ):
                yield from _cpus(like.value)


def is_falsy_choice(module: Module, node: ast.expr) -> bool:
    """Whether ``x and '/gpu:0' or y`` would take ``y`` if the device were empty."""
    parent = module.parents[node]
    return (
        isinstance(parent, ast.BoolOp)
        and isinstance(parent.op, ast.And)
        and isinstance(module.parents[parent], ast.BoolOp)
    )


def _likes(
    module: Module, scope: ast.AST, statement: ast.Assign | ast.Return
) -> Iterator[ast.Assign | ast.Return]:
    """What else binds the same target, or returns, in a scope."""
    for node in ast.walk(scope):
        if not isinstance(node, type(statement)) or _scope(module, node) is not scope:
            continue
        if (
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


def _cpus(node: ast.expr | None) -> Iterator[ast.Constant]:
    if isinstance(node, ast.IfExp):
        yield from _cpus(node.body)
        yield from _cpus(node.orelse)
    elif isinstance(node, ast.Constant) and _CPU.fullmatch(str(node.value)):
        yield node
