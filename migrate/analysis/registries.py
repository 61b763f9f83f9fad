"""What is put into the tables of functions and classes that a project chooses from by a key."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.graph import Graph
from migrate.analysis.module import Module
from migrate.analysis.project import Project

_PUTTING = frozenset({"add", "append", "extend", "setdefault", "update"})


def table_of(module: Module, node: ast.expr) -> str:
    """The qualified name of a value of the project's top levels; "" for anything else."""
    if isinstance(node, ast.Name) and (found := module.lookup(node.id, node)) is not None:
        scope, bindings = found
        if scope is module.scope and all(b.kind == "value" for b in bindings):
            return f"{module.path}:{node.id}"
    name = module.qualified(node) or ""
    return name if ":" in name else ""


def registered(project: Project, table: str) -> set[str] | None:
    """The functions and classes in a table, such as ``MODELS`` of ``MODELS[name]()``.

    Args:
        table: its qualified name, ``path:NAME``.

    Returns:
        The qualified names of those of the project; None where nothing is seen to be put in, or
        anything may be, such as what a decorator is given.
    """
    path, _, name = table.partition(":")
    found: set[str] = set()
    is_filled = False
    for file in sorted({path, *project.cached(Graph).naming(table)}):
        module = project.parsed(file)
        if module is None:
            return None
        for value in _values_put_in(module, table, name):
            names = _named(module, value)
            if names is None or (not names and isinstance(value, ast.Call)):
                return None
            is_filled |= bool(ast.unparse(value).strip("{}[]()"))
            found |= names
    return found if is_filled else None


def _values_put_in(module: Module, table: str, name: str) -> Iterator[ast.expr]:
    for binding in module.scope.bindings.get(name, []):
        if isinstance(binding.node, ast.expr) and table == f"{module.path}:{name}":
            yield binding.node
    for use in (*module.loads.get(name, ()), *module.attribute_loads.get(name, ())):
        if table_of(module, use) != table:
            continue
        parent = module.parents[use]
        statement = module.parents[parent]
        if isinstance(parent, ast.Subscript) and isinstance(statement, ast.Assign):
            if parent in statement.targets:
                yield statement.value
        elif isinstance(statement, ast.Call) and getattr(parent, "attr", "") in _PUTTING:
            yield from statement.args


def _named(module: Module, value: ast.expr) -> set[str] | None:
    """What of the project an expression names; None where it holds what a function is given."""
    found, seen, values = set(), set(), [value]
    while values:
        parts = set(ast.walk(values.pop()))
        for part in parts:
            if not isinstance(part, ast.Name | ast.Attribute):
                continue
            qualified = module.qualified(part)
            if qualified and ":" in qualified:
                found.add(qualified)
            if not isinstance(part, ast.Name) or part.id in seen:
                continue
            scope, bindings = module.lookup(part.id, part) or (None, [])
            if scope is None or scope.node in parts:
                continue  # a builtin, or a parameter of a lambda that is put in
            seen.add(part.id)
            if any(binding.kind == "parameter" for binding in bindings):
                return None
            values += [
                b.node for b in bindings if b.kind == "value" and isinstance(b.node, ast.expr)
            ]
    return found
