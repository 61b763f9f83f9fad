"""Arguments taken out of calls, and items out of displays, in every layout."""

import ast
from collections.abc import Iterator

import pytest

from migrate.codemods.items import without_keys, without_keywords
from migrate.codemods.rule import Change, Context, Rule
from tests.codemods.support import _VARIANTS, dedent, port_files

TAKE = Rule("NPU497", "take", group="devices")


@TAKE.on_module
def take(context: Context) -> Iterator[Change]:
    """Takes x= and y= out of calls, and 'x' and 'y' out of dicts."""
    for node in context.module.nodes:
        if isinstance(node, ast.Call):
            yield from without_keywords(context.module, node, ("x", "y"))
        elif isinstance(node, ast.Dict):
            keys = [k for k in node.keys if isinstance(k, ast.Constant) and k.value in ("x", "y")]
            yield from without_keys(context.module, node, keys)


def check(before: str, after: str) -> None:
    before, after = dedent(before), dedent(after)

    def port(data: bytes) -> bytes:
        ported = port_files({"a.py": data}, "NPU497", rules=(TAKE,))
        assert not ported.findings
        return ported.files["a.py"]

    assert port(before.encode()).decode() == after
    for name, vary in _VARIANTS.items():
        assert port(vary(before)) == vary(after), f"different with {name}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(x=1)", "f()"),
        ("f(x=1,)", "f()"),
        ("f( x=1 )", "f()"),
        ("f(x=1, y=2)", "f()"),
        ("f(x=1, a=2)", "f(a=2)"),
        ("f(a=1, x=2)", "f(a=1)"),
        ("f(a=1, x=2,)", "f(a=1,)"),
        ("f(a, x=2, b=3)", "f(a, b=3)"),
        ("f(a, x=2, y=3, b=3)", "f(a, b=3)"),
        ("f(a, x=2, y=3)", "f(a)"),
        ("f((a), x=2)", "f((a))"),
        ("f(x=(1), a=2)", "f(a=2)"),
        ("f(x=(1))", "f()"),
        ("f(a, x=(1),)", "f(a,)"),
        ("f(a , x=2 , b=3)", "f(a , b=3)"),
        ("f(*a, x=1, **b)", "f(*a, **b)"),
        ("(f)(x=1)", "(f)()"),
        ("f (x=1)", "f ()"),
        ("f(g(x=1), a=[x])", "f(g(), a=[x])"),
        ("f(a=',)', x=',)', b=1)", "f(a=',)', b=1)"),
        ("v = {'x': 1, 'a': 2}", "v = {'a': 2}"),
        ("v = {'a': 2, 'x': (1)}", "v = {'a': 2}"),
        ("v = {'x': 1}", "v = {}"),
        ("v = {**a, 'x': 1}", "v = {**a}"),
    ],
)
def test_on_one_line(before: str, after: str) -> None:
    check(before + "\n", after + "\n")


def test_on_lines_of_their_own() -> None:
    check(
        """
        f(
            x=1,
            a=2,
            y=g(
                3,
            ),
            b=4,
        )
        f(
            a=1,
            x=2
        )
        v = {
            'a': 1,
            'x': 2,
        }
        """,
        """
        f(
            a=2,
            b=4,
        )
        f(
            a=1,
        )
        v = {
            'a': 1,
        }
        """,
    )


def test_aligned_with_the_bracket() -> None:
    check(
        """
        f(x=1,
          a=2,
          y=3)
        f(a=2,
          x=1,
          b=3)
        f(a=2, x=1,
          b=3)
        f(a=2,
          b=3, x=1)
        """,
        """
        f(a=2)
        f(a=2,
          b=3)
        f(a=2,
          b=3)
        f(a=2,
          b=3)
        """,
    )


def test_commas_that_begin_lines() -> None:
    check(
        """
        f(a=2
          , x=(1,
               2)
          )
        f(a=2
          , x=1)
        f(a=2
          , b=3
          , x=1
          , y=2
          )
        f(a=2
          , x=1
          , b=3)
        """,
        """
        f(a=2
          )
        f(a=2
          )
        f(a=2
          , b=3
          )
        f(a=2
          , b=3)
        """,
    )


def test_comments_stay() -> None:
    check(
        """
        f(
            # on x
            x=1,  # beside x
            a=2,  # beside a
            y=g(  # opening
                3,  # three
            ),  # beside y
            b=4,
        )
        f(a=2,  # beside a
          x=1)
        f(
            x=1  # alone
        )
        f(x=1,  # first
          a=2)
        """,
        """
        f(
            # on x
            # beside x
            a=2,  # beside a
            # opening
            # three
            # beside y
            b=4,
        )
        f(a=2,  # beside a
          )
        f(
            # alone
        )
        f(# first
          a=2)
        """,
    )
