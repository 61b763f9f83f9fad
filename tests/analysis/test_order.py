"""What a variable may hold where it is read."""

from __future__ import annotations

import ast

import pytest

from migrate.analysis.order import may_hold
from tests.analysis.names import module_of
from tests.codemods.support import dedent


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = 1\nx = 2\nshow(x)\nx = 4\n", {2}),
        ("x = 1\nif a:\n    x = 3\nshow(x)\n", {1, 3}),
        ("x = 1\nif a:\n    x = 3\nelse:\n    show(x)\n", {1}),
        ("if a:\n    x = 2\n    show(x)\nelse:\n    x = 5\n", {2}),
        ("x = 1\nfor i in a:\n    show(x)\n    x = 4\n", {1, 4}),
        ("for i in a:\n    x = 2\n    show(x)\n    x = 4\n", {2}),
        ("for x in a:\n    x = x + 2\n    show(x)\n", {2}),
        ("x = 1\nfor x in a:\n    show(x)\n", {1, 2}),
        ("x = 1\nfor i in a:\n    if i:\n        x = 4\n    show(x)\n", {1, 4}),
        ("for i in a:\n    x = 2\n    for j in b:\n        show(x)\n        x = 5\n", {2, 5}),
        ("x = 1\ndef f():\n    show(x)\nx = 4\n", {1, 4}),
        ("def f(x):\n    show(x)\n    x = 3\n", {3, None}),
        ("def f(x):\n    x = 2\n    show(x)\n", {2, None}),
        ("x = 1\nfor x in a: show(x)\n", {1, 2}),
        ("x = 1\nf = lambda: show(x)\nx = 3\n", {1, 3}),
        ("x = 1\ndef g():\n    global x\n    x = 4\nx = 5\ng()\nshow(x)\n", {4, 5}),
        ("x = 1\nx = 2; show(x)\n", {2}),
        ("x = 1\nwhile a:\n    show(x)\n    if b:\n        x = 5\n", {1, 5}),
    ],
)
def test_what_a_variable_may_hold(source: str, lines: set[int | None]) -> None:
    module = module_of(dedent(source))
    (load,) = (
        call.args[0]
        for call in module.all_of(ast.Call)
        if isinstance(call.func, ast.Name) and call.func.id == "show"
    )
    assert isinstance(load, ast.Name)
    found = {getattr(binding.statement, "lineno", None) for binding in may_hold(module, load)}
    assert found == lines
