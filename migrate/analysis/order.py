"""Whether code can run in an order, as far as its place in the file tells."""

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
