"""What a variable may hold where it is read, as far as the places of statements tell."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, FunctionNode
from migrate.analysis.scopes import Binding

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
        shared = module.parents[load]
        while shared not in heights:
            if isinstance(shared, FunctionNode):
                return True
            shared = module.parents[shared]
        height = heights[shared]
        if own < height or height <= again:
            return True
        return module.span(load)[0] >= end and not are_apart(module, stored, load)

    return [load for load in module.reads(found[0].node, stored.id) if may_follow(load)]


def may_hold(module: Module, load: ast.Name) -> list[Binding]:
    """The bindings of a variable whose value it may have where it is read."""
    _, bindings = module.lookup(load.id, load) or (None, [])
    last = _last_before(module, load, bindings)
    function = module.function_of(load)
    if last is None or module.function_of(last) is not function:
        return bindings
    numbers = module.numbers
    before = set(module.ancestors(last))
    since = {node for node in module.ancestors(load) if node not in before}
    if any(isinstance(node, ast.Lambda | ast.GeneratorExp) for node in since):
        return bindings

    def reaches(statement: ast.AST) -> bool:
        """Whether it can run between the last one and the read, perhaps in a loop around both."""
        if statement is last or module.function_of(statement) is not function:
            return True
        if any(node in since and isinstance(node, _AGAIN) for node in module.ancestors(statement)):
            return True
        between = numbers[last] < numbers[statement] < numbers[load]
        return between and not are_apart(module, statement, load)

    return [b for b in bindings if b.statement is None or reaches(b.statement)]


def are_apart(module: Module, node: ast.AST, other: ast.AST) -> bool:
    """Whether they stand in two branches of a condition."""
    way = {id(parent) for parent in (other, *module.ancestors(other))}
    below = node
    for parent in module.ancestors(node):
        if id(parent) in way:
            branch = parent.orelse if isinstance(parent, ast.If) else []
            return (below in branch) != any(id(statement) in way for statement in branch)
        below = parent
    return False


def is_replaced(module: Module, load: ast.Name, given: ast.stmt | None) -> bool:
    """Whether a variable certainly has another value where it is read than a statement gave it.

    Args:
        given: the statement; None where that is in another file.
    """
    _, bindings = module.lookup(load.id, load) or (None, [])
    if len(bindings) < 2:
        return False  # the value is the statement's
    last = _last_before(module, load, bindings)
    if last is None:
        return False
    if given is last:
        return False
    if given is not None and module.function_of(given) is module.function_of(last):
        return given.lineno < last.lineno
    return any(isinstance(p, ast.Name) and p.id == load.id for p in ast.walk(last.value))


def _last_before(module: Module, load: ast.Name, bindings: Sequence[Binding]) -> ast.Assign | None:
    """The last assignment that certainly runs before a variable is read."""
    read = module.statement_of(load)
    around = {read, *module.ancestors(read)}
    number = module.numbers[read]
    for binding in reversed(bindings):  # they come in source order
        statement = binding.statement
        if (
            isinstance(statement, ast.Assign)
            and module.numbers[statement] < number
            and module.parents[statement] in around
            and any(other in around for other in module.block_of(statement))
        ):
            return statement
    return None
