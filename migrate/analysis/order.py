"""What a variable may hold where it is read, as far as the places of statements tell."""

from __future__ import annotations

import ast

from migrate.analysis.module import Module

# Code in them may run again behind itself.
_LOOPS = (
    *(ast.For, ast.AsyncFor, ast.While),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def may_follow(module: Module, stored: ast.Name, load: ast.Name) -> bool:
    """Whether code can run from where a name is bound to where it is read."""
    function = module.function_of(stored)
    binding, reading = [stored, *module.ancestors(stored)], [load, *module.ancestors(load)]
    if module.function_of(load) is not function or any(isinstance(p, ast.Lambda) for p in reading):
        return True  # that runs later
    shared = set(binding).intersection(reading)
    if any(isinstance(parent, _LOOPS) for parent in shared):
        return True
    for parent in shared:
        if isinstance(parent, ast.If):
            first, other = binding[binding.index(parent) - 1], reading[reading.index(parent) - 1]
            if (first in parent.orelse) != (other in parent.orelse):
                return False  # in one branch what the other binds is not there
    statement = module.statement_of(stored)
    simple = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign)
    return module.span(load)[0] >= module.span(statement if simple else stored)[1]


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
