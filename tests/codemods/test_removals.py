"""What goes with a deleted statement, and what a deleted statement leaves behind."""

import ast
from collections.abc import Iterator

import pytest

from migrate.codemods.removals import removal_of
from migrate.codemods.rule import Change, Context, Rule
from tests.codemods.support import _VARIANTS, dedent, port_files

REMOVE = Rule("NPU499", "remove", group="devices")


@REMOVE.on_module
def remove(context: Context) -> Iterator[Change]:
    """Deletes every statement that calls gone() or assigns to an attribute .gone."""
    for node in context.module.nodes:
        if not isinstance(node, ast.Expr | ast.Assign):
            continue
        called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        if (called and context.module.text_of(node).startswith("gone(")) or (
            isinstance(node, ast.Assign) and context.module.text_of(node.targets[0]) == "x.gone"
        ):
            yield removal_of(context.module, node)


def check(before: str, after: str) -> None:
    before, after = dedent(before), dedent(after)

    def port(data: bytes) -> bytes:
        ported = port_files({"a.py": data}, "NPU499", rules=(REMOVE,))
        assert not ported.findings
        return ported.files["a.py"]

    assert port(before.encode()).decode() == after
    for name, vary in _VARIANTS.items():
        assert port(vary(before)) == vary(after), f"different with {name}"


def test_whole_lines_go() -> None:
    check(
        """
        a = 1
        gone(1,
             2)
        b = 2
        """,
        """
        a = 1
        b = 2
        """,
    )


def test_the_last_lines_go() -> None:
    check("a = 1\ngone(2)\ngone(3)\n", "a = 1\n")


def test_a_block_that_empties_becomes_pass() -> None:
    check(
        """
        def f():
            gone(1)
            gone(2)
        """,
        """
        def f():
            pass
        """,
    )


def test_an_if_that_empties_goes() -> None:
    check(
        """
        def f(a):
            if a.b > 1 and not a.c:
                gone(1)
                x.gone = 2
            if a: gone(3)
            return a
        """,
        """
        def f(a):
            return a
        """,
    )


def test_nested_ifs_go() -> None:
    check(
        """
        if a:
            for b in [1, 2]:
                if b:
                    gone(b)
        c = 1
        """,
        """
        c = 1
        """,
    )


def test_if_and_else_both_empty() -> None:
    check(
        """
        if a:
            gone(1)
        elif b:
            gone(2)
        else:
            gone(3)
        c = 1
        """,
        """
        c = 1
        """,
    )


def test_an_if_whose_test_does_something_stays() -> None:
    check(
        """
        if start():
            gone(1)
        for i in read():
            gone(2)
        """,
        """
        if start():
            pass
        for i in read():
            pass
        """,
    )


def test_a_loop_whose_variable_is_used_later_stays() -> None:
    check(
        """
        for i in range(3):
            gone(i)
        print(i)
        """,
        """
        for i in range(3):
            pass
        print(i)
        """,
    )


def test_an_else_that_empties_goes() -> None:
    check(
        """
        def f(a):
            if a:
                b = 1
            else:
                gone(1)
                gone(2)
            return b
        """,
        """
        def f(a):
            if a:
                b = 1
            return b
        """,
    )


def test_an_elif_that_empties_goes_only_without_an_else() -> None:
    check(
        """
        if a:
            b = 1
        elif c:
            gone(1)
        if a:
            b = 1
        elif c:
            gone(1)
        else:
            b = 2
        """,
        """
        if a:
            b = 1
        if a:
            b = 1
        elif c:
            pass
        else:
            b = 2
        """,
    )


def test_an_if_with_an_else_keeps_its_branches() -> None:
    check(
        """
        if a:
            gone(1)
        else:
            b = 1
        try:
            gone(1)
        except ValueError:
            pass
        finally:
            gone(2)
        """,
        """
        if a:
            pass
        else:
            b = 1
        try:
            pass
        except ValueError:
            pass
        finally:
            pass
        """,
    )


def test_comments_stay() -> None:
    check(
        """
        def f(a):
            # before
            gone(1)  # beside
            gone(  # first
                2,
                # second
                3)
            if a:
                # inside
                gone(4)
            else:
                # inside the else
                gone(5)
            return a
        """,
        """
        def f(a):
            # before
            # beside
            # first
            # second
            # inside
            # inside the else
            return a
        """,
    )


def test_an_else_with_a_comment_keeps_its_head() -> None:
    check(
        """
        if a:
            b = 1
        else:
            # why
            gone(5)
        """,
        """
        if a:
            b = 1
        else:
            # why
            pass
        """,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a = 1; gone(1); b = 2\n", "a = 1; b = 2\n"),
        ("gone(1); b = 2\n", "b = 2\n"),
        ("a = 1; gone(1)\n", "a = 1\n"),
        ("a = 1\ngone(1);\nb = 2\n", "a = 1\nb = 2\n"),
        ("a = 1\ngone(1);  # why\n", "a = 1\n# why\n"),
        ("a = 1; gone(1);\n", "a = 1; \n"),
        ("gone(1); gone(2); b = 2\n", "b = 2\n"),
        ("a = 1; gone(1); gone(2)\n", "a = 1\n"),
        ("a = 1; gone(1); gone(2); b = 2\n", "a = 1; b = 2\n"),
        ("if start(): gone(1)\n", "if start(): pass\n"),
        ("if a: b = 1; gone(1)\n", "if a: b = 1\n"),
        ("if a: gone(1); b = 1\n", "if a: b = 1\n"),
    ],
)
def test_lines_that_statements_share(before: str, after: str) -> None:
    check(before, after)


TELL = Rule("NPU498", "tell", group="devices")


@TELL.on_module
def tell(context: Context) -> Iterator[Change]:
    """Tells of each use of seen; answers where it is looped over, and deletes it from calls."""
    for node in context.module.nodes:
        if isinstance(node, ast.Name) and node.id == "seen":
            yield context.finding(node, "note", "told")
            parent = context.module.parents[node]
            if isinstance(parent, ast.For):
                yield context.replace(node, "[]")
            elif isinstance(parent, ast.Call):
                yield removal_of(context.module, context.module.statement_of(node))


def told(text: str) -> list[int]:
    ported = port_files({"a.py": dedent(text)}, "NPU498", "NPU499", rules=(REMOVE, TELL))
    return [finding.line for finding in ported.findings]


@pytest.mark.parametrize(
    "text",
    [
        "for x in seen:\n    gone(x)\nkept()\n",
        "if done:\n    for x in seen:\n        gone(x)\nkept()\n",
        "def f():\n    for x in seen:\n        gone(x)  # why\n",
        "x.gone = seen\n",
    ],
)
def test_nobody_is_told_of_what_another_rule_has_removed(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("for x in seen:\n    gone(x)\n    kept()\n", [1]),
        ("gone(1); y = seen\n", [1]),
        ("y = (0,\n     seen)\ngone(1)\n", [2]),
        ("drop(seen)\n", [1]),  # Its own doing.
        ("if 1:\n    gone(1)\n    drop(seen)\nkept()\n", [3]),
    ],
)
def test_of_all_else_it_is_told(text: str, lines: list[int]) -> None:
    assert told(text) == lines
