"""Loops that build a copy of a model, a tower, for each GPU that was counted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.flow import Flow, Place
from migrate.analysis.module import Module
from migrate.analysis.nodes import place_of, spelled
from migrate.analysis.project import Project
from migrate.analysis.references import TELLING_METHODS
from migrate.analysis.training import GRADIENTS

# What makes of the GPUs their number, or goes through them.
_COUNTING = frozenset("enumerate len list range sorted tuple xrange".split())
_BUILDING = frozenset({"tensorflow.device", *GRADIENTS})


def towers(project: Project, module: Module, node: ast.AST) -> list[str]:
    """The places (``path:line``) of loops that are entered once for each GPU, and that train.

    Loops behind a test of the same value, and values that have another source as well, such as
    ``gpus or ['/cpu:0']``, are left out.

    Args:
        node: the list of GPUs, or their number.
    """
    flow = project.cached(Flow)
    found: set[str] = set()
    names: set[str] = set()
    queue: list[Place] = [(module, node)]
    seen: set[tuple[object, ...]] = set()
    while queue:
        module, node = queue.pop()
        key = (module.path, place_of(node))
        if key in seen:
            continue
        seen.add(key)
        node = _counted(module, node)
        parent = module.parents[node]
        if isinstance(parent, ast.For) and parent.iter is node:
            if _trains(module, parent) and not _is_tested(module, parent, names):
                found.add(f"{module.path}:{parent.lineno}")
        elif isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            target = parent.targets[0]
            _, bindings = module.lookup(target.id, target) or (None, [])
            if len(bindings) == 1:
                names.add(target.id)
                queue += flow.reads(module, target)
        elif isinstance(parent, ast.Return) and (function := module.function_of(node)) is not None:
            names.add(function.name)
            queue += _calls(flow.uses_of(module, function))
    return sorted(found)


def _counted(module: Module, node: ast.AST) -> ast.AST:
    """The largest expression that has as many parts as the value, or is their number."""
    while True:
        parent = module.parents[node]
        if isinstance(parent, ast.comprehension) and parent.iter is node:
            node = module.parents[parent]
        elif (
            isinstance(parent, ast.Call)
            and parent.args == [node]
            and isinstance(parent.func, ast.Name)
            and parent.func.id in _COUNTING
        ):
            node = parent
        else:
            return node


def _calls(uses: list[Place]) -> Iterator[Place]:
    for module, node in uses:
        call = module.parents[node]
        if isinstance(call, ast.Call) and call.func is node:
            yield module, call


def _trains(module: Module, loop: ast.For) -> bool:
    return any(
        (isinstance(part, ast.Attribute) and part.attr in TELLING_METHODS)
        or (isinstance(part, ast.Call) and module.qualified(part.func) in _BUILDING)
        for part in ast.walk(loop)
    )


def _is_tested(module: Module, loop: ast.For, names: set[str]) -> bool:
    """Whether the loop is behind an ``if`` that asks for the value."""
    return any(
        spelled(part) in names
        for parent in module.ancestors(loop)
        if isinstance(parent, ast.If)
        for part in ast.walk(parent.test)
    )
