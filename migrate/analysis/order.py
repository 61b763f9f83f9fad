"""What a variable may hold where it is read, as far as the places of statements tell."""

from __future__ import annotations

import ast
from typing import Any

from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, FunctionNode

# Code in them may run again behind itself.
_AGAIN = (
    *(ast.For, ast.AsyncFor, ast.While, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def read_after(module: Module, stored: ast.Name) -> list[ast.Name]:
    """Where a variable is read that may still hold what is bound to it at one place.

    Args:
        stored: its name, at that place.
    """
    found = module.lookup(stored.id, stored)
    if found is None:
        return []
    binding = [stored, *module.ancestors(stored)]
    heights = {node: height for height, node in enumerate(binding)}
    own = next((h for h, node in enumerate(binding) if isinstance(node, Function)), len(binding))
    again = max((h for h, node in enumerate(binding) if isinstance(node, _AGAIN)), default=0)
    statement = module.statement_of(stored)
    simple = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign)
    end = module.span(statement if simple else stored)[1]

    def may_follow(load: ast.Name) -> bool:
        below: ast.AST = load
        shared = module.parents[load]
        while shared not in heights:
            if isinstance(shared, FunctionNode):
                return True
            below, shared = shared, module.parents[shared]
        height = heights[shared]
        if own < height or height <= again:
            return True
        if isinstance(shared, ast.If):
            otherwise: list[Any] = shared.orelse
            if (binding[height - 1] in otherwise) != (below in otherwise):
                return False  # in one branch what the other binds is not there
        return module.span(load)[0] >= end

    return [load for load in module.reads(found[0].node, stored.id) if may_follow(load)]


def is_replaced(module: Module, load: ast.Name, given: ast.stmt | None) -> bool:
    """Whether a variable certainly has another value where it is read than a statement gave it.

    Args:
        given: the statement; None where that is in another file.
    """
    _, bindings = module.lookup(load.id, load) or (None, [])
    if len(bindings) < 2:
        return False  # the value is the statement's
    read = module.statement_of(load)
    around = {id(parent) for parent in module.ancestors(read)}
    before = [
        statement
        for binding in bindings
        if isinstance(statement := binding.statement, ast.Assign)
        and statement.lineno < read.lineno
        and id(module.parents[statement]) in around
    ]
    if not before:
        return False
    last = max(before, key=lambda statement: statement.lineno)
    if given is last:
        return False
    if given is not None and module.function_of(given) is module.function_of(last):
        return given.lineno < last.lineno
    return any(isinstance(p, ast.Name) and p.id == load.id for p in ast.walk(last.value))
