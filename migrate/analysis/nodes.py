"""Kinds of nodes, and what a node tells without the file that it is in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef
FunctionNode = Function | ast.Lambda
Definition = Function | ast.ClassDef


def place_of(node: Any) -> tuple[int, int, int, int, type[ast.AST]]:
    """Tells a statement or expression from the others of its file.

    The node itself does not, where a file may be dropped on the way and parsed anew.
    """
    start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    return (*start, *end, node.__class__)


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's own code, without the functions and classes inside it."""
    stack = list(ast.iter_child_nodes(function))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, FunctionNode | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(node))


def keyword(call: ast.Call, name: str) -> ast.keyword | None:
    """The keyword argument ``name`` of a call."""
    return next((k for k in call.keywords if k.arg == name), None)


def argument(call: ast.Call, name: str, position: int) -> ast.expr | None:
    """An argument by keyword or position; None when absent or hidden behind ``*args``."""
    found = keyword(call, name)
    if found is not None:
        return found.value
    before = call.args[: position + 1]
    if len(before) > position and not any(isinstance(a, ast.Starred) for a in before):
        return before[position]
    return None


def has_stars(call: ast.Call) -> bool:
    """Whether arguments hide behind ``*args`` or ``**kwargs``."""
    return any(isinstance(a, ast.Starred) for a in call.args) or any(
        k.arg is None for k in call.keywords
    )


def defaults(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr]]:
    """The parameters that have defaults, with these, in source order."""
    without = len(arguments.args) - len(arguments.defaults)
    yield from zip(arguments.args[without:], arguments.defaults, strict=True)
    for parameter, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            yield parameter, default


def method(owner: ast.AST | None, name: str) -> Function | None:
    """The first method of a class that has a name; None where it is no class, too."""
    for statement in owner.body if isinstance(owner, ast.ClassDef) else ():
        if isinstance(statement, Function) and statement.name == name:
            return statement
    return None


def decorators(function: Function) -> set[str]:
    """The plain names among a function's decorators, such as ``property``."""
    return {d.id for d in function.decorator_list if isinstance(d, ast.Name)}


def spelled(node: ast.AST | None) -> str:
    """The last part of a name as it stands there, ``c`` of ``a.b.c``; empty for other nodes."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def string(node: ast.AST | None) -> str | None:
    """The text that stands in a string's place in the code; None for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def is_self(node: ast.AST) -> bool:
    """Whether it is the name by which methods call their object."""
    return isinstance(node, ast.Name) and node.id == "self"


def is_none(node: ast.AST | None) -> bool:
    """Whether it is the constant ``None``."""
    return isinstance(node, ast.Constant) and node.value is None
