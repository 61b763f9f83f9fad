"""Where a class or function of a library is named without being called there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from migrate.analysis.module import Module
from migrate.analysis.nodes import defaults, is_self, spelled

Way = Literal["called", "default", "harmless", "value"]

# What only looks at a class.
_LOOKERS = frozenset(
    {"isinstance", "issubclass", "hasattr", "type", "print", "repr", "cast", "super"}
)


class Mention(NamedTuple):
    """A place that names something.

    Args:
        name: qualified.
        way: ``called`` at once or through a plain alias or ``functools.partial``; ``default`` of a
            parameter that the function only calls; ``harmless`` (a check of a type, an annotation,
            a base class); or ``value``: handed on, so that the code does not tell where it is
            called, nor with what.
    """

    node: ast.expr
    name: str
    way: Way


def mentions(module: Module, wanted: Callable[[str], bool]) -> Iterator[Mention]:
    """The places that name one of the wanted things, in source order."""
    for node, name in module.named:
        if wanted(name):
            yield Mention(node, name, _way(module, node, name))


class Through(NamedTuple):
    """What a call means whose name stands for something else.

    Args:
        name: qualified name of what is called in the end.
        shift: what to add to the position of one of its arguments to get that in this call.
        partial: whether arguments were given before, by ``functools.partial``.
    """

    name: str
    shift: int
    partial: bool


def called_through(module: Module, call: ast.Call) -> Through | None:
    """What a call runs through a parameter's default, or a name that stands for a partial."""
    func = call.func
    if isinstance(func, ast.Name):
        default = _default_of(module, func)
        if default is not None:
            name = module.qualified(default)
            return Through(name, 0, partial=False) if name is not None else None
        _, bindings = module.lookup(func.id, func) or (None, [])
        values = [binding.node for binding in bindings]
    elif isinstance(func, ast.Attribute) and (owner := module.class_of(func)) is not None:
        values = [*module.attributes_of(owner).get(func.attr, [])] if is_self(func.value) else []
    else:
        return None
    partial = values[0] if len(values) == 1 else None
    if not isinstance(partial, ast.Call) or not is_partial(module, partial):
        return None
    name = module.qualified(partial.args[0])
    return Through(name, 1 - len(partial.args), partial=True) if name is not None else None


def is_partial(module: Module, call: ast.Call) -> bool:
    return bool(call.args) and module.name_of(call.func) == "functools.partial"


def named(module: Module, call: ast.Call) -> ast.expr:
    """The part of a call that names what it calls, now or through a partial."""
    return call.args[0] if is_partial(module, call) else call.func


def only_called(module: Module, partial: ast.Call) -> bool:
    """Whether each use of what a partial is bound to calls it, so that ``called_through`` tells."""
    statement = module.parents[partial]
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if isinstance(target, ast.Name):
        found = module.lookup(target.id, target)
        loads = module.reads(found[0].node, target.id) if found is not None else []
        return all(_is_func(module, load) for load in loads)
    if isinstance(target, ast.Attribute):
        return all(_is_func(module, load) for load in module.attribute_loads.get(target.attr, []))
    return False


def _default_of(module: Module, name: ast.Name) -> ast.expr | None:
    """The default of the parameter that a name stands for, if it is never bound to more."""
    found = module.lookup(name.id, name)
    if found is None or [b.kind for b in found[1]] != ["parameter"]:
        return None
    arguments = getattr(found[0].node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return None
    return next((default for arg, default in defaults(arguments) if arg.arg == name.id), None)


def _way(module: Module, node: ast.expr, name: str) -> Way:
    child: ast.AST = node
    parent = module.parents[node]
    while isinstance(parent, ast.Tuple | ast.List | ast.keyword | ast.Starred):
        child, parent = parent, module.parents[parent]
    if isinstance(parent, ast.Call):
        if parent.func is child:
            return "called"
        if parent.args[:1] == [node] and is_partial(module, parent):
            return "called"
        last = spelled(parent.func)
        return "harmless" if last in _LOOKERS or "sinstance" in last.lower() else "value"
    if isinstance(parent, ast.ClassDef | ast.Compare | ast.Expr | ast.ExceptHandler):
        return "harmless"
    if _is_annotation(module, node):
        return "harmless"
    if isinstance(parent, ast.Assign) and child is node and _is_alias(module, parent, name):
        return "called"
    if isinstance(parent, ast.arguments) and _is_called_default(module, node, parent):
        return "default"
    return "value"


def _is_annotation(module: Module, node: ast.expr) -> bool:
    child: ast.AST = node
    for parent in module.ancestors(node):
        if child in (getattr(parent, "annotation", None), getattr(parent, "returns", None)):
            return True
        if isinstance(parent, ast.stmt):
            return False
        child = parent
    return False


def _is_alias(module: Module, statement: ast.Assign, name: str) -> bool:
    """Whether it gives another name to the same thing, which is followed wherever it is read."""
    return not isinstance(module.scopes[statement].node, ast.ClassDef) and all(
        isinstance(target, ast.Name) and module.qualified(target) == name
        for target in statement.targets
    )


def _is_called_default(module: Module, node: ast.expr, arguments: ast.arguments) -> bool:
    """Whether it is a parameter's default, and the parameter is only called."""
    function = module.parents[arguments]
    for parameter in (*arguments.args, *arguments.kwonlyargs):
        loads = module.reads(function, parameter.arg)
        if loads and _default_of(module, loads[0]) is node:
            return all(_is_func(module, load) for load in loads)
    return False


def _is_func(module: Module, node: ast.AST) -> bool:
    call = module.parents[node]
    return isinstance(call, ast.Call) and call.func is node
