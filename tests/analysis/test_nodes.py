"""What a node tells without its file."""

from __future__ import annotations

import ast

import pytest

from migrate.analysis.nodes import argument, decorators, own_nodes, spelled


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("f(1, 2)", "2"),
        ("f(1, b=2)", "2"),
        ("f(b=2)", "2"),
        ("f(1)", None),
        ("f(*a, 2)", None),
        ("f(1, *a)", None),
        ("f(1, 2, *a)", "2"),
        ("f(*a, b=2)", "2"),
        ("f(1, **k)", None),
    ],
)
def test_an_argument_by_name_or_position(call: str, expected: str | None) -> None:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    found = argument(node, "b", 1)
    assert (None if found is None else ast.unparse(found)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("c", "c"), ("a.b.c", "c"), ("f().c", "c"), ("a[0].c", "c"), ("c()", ""), ("c[0]", "")],
)
def test_the_last_part_of_a_name(expression: str, expected: str) -> None:
    assert spelled(ast.parse(expression, mode="eval").body) == expected


def test_nothing_spells_no_name() -> None:
    assert spelled(None) == ""


def test_decorators_that_are_plain_names() -> None:
    function = ast.parse("@property\n@a.setter\n@b(1)\n@c\ndef f(self): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    assert decorators(function) == {"property", "c"}


def test_the_nodes_of_a_function_are_not_those_of_functions_within() -> None:
    source = """
def f(a):
    x = a
    def g(): y = 1
    class C: z = 2
    return lambda: w
"""
    names = {n.id for n in own_nodes(ast.parse(source).body[0]) if isinstance(n, ast.Name)}
    assert names == {"x", "a"}
