"""Keyword arguments of one call, added without touching anything else."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.analysis.module import Module
from migrate.codemods.call_layouts import with_keywords
from migrate.codemods.calls import add_keywords
from migrate.codemods.edits import apply
from tests.analysis.names import project_of
from tests.codemods.support import dedent


def edited(text: str, added: Mapping[str, str]) -> str:
    """The text with keywords added to the first call of ``f``."""
    module: Module = project_of({"a.py": text.encode()}).module("a.py")
    calls = [n for n in module.nodes if isinstance(n, ast.Call) and ast.unparse(n.func) == "f"]
    edit = add_keywords(module, calls[0], added)
    result = apply(text, [edit])
    assert result == apply(text, [with_keywords(module, calls[0], added)]), "not as by libcst"
    ast.parse(result)
    start, end = module.span(calls[0])
    assert start <= edit.start <= edit.end <= end, "an edit outside of the call"
    return result


def check(before: str, after: str, added: Mapping[str, str]) -> None:
    before, after = dedent(before), dedent(after)
    assert edited(before, added) == after
    crlf = edited(before.replace("\n", "\r\n"), added)
    assert crlf == after.replace("\n", "\r\n"), "different with CRLF"
    tabs = edited(before.replace("    ", "\t"), added)
    assert tabs == after.replace("    ", "\t"), "different with tabs"


ADD = {"k": "g(1)"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f()", "f(k=g(1))"),
        ("f( )", "f( k=g(1))"),
        ("f(a)", "f(a, k=g(1))"),
        ("f(a, b)", "f(a, b, k=g(1))"),
        ("f(a,b)", "f(a,b, k=g(1))"),
        ("f(a,)", "f(a, k=g(1),)"),
        ("f(a, )", "f(a, k=g(1), )"),
        ("f( a )", "f( a, k=g(1) )"),
        ("f(*a)", "f(*a, k=g(1))"),
        ("f(**a)", "f(**a, k=g(1))"),
        ("f(a, *b, c=1, **d)", "f(a, *b, c=1, **d, k=g(1))"),
        ("f(f(a))", "f(f(a), k=g(1))"),
        ("x = y.z(f(a)(b))", "x = y.z(f(a, k=g(1))(b))"),
        ("f (a)", "f (a, k=g(1))"),
        ("f(a if b else c)", "f(a if b else c, k=g(1))"),
        ("f(lambda: a)", "f(lambda: a, k=g(1))"),
        ("f('é', \"ü\")  # é", "f('é', \"ü\", k=g(1))  # é"),
        ("x = f'é{f(a)}'", "x = f'é{f(a, k=g(1))}'"),
        ("f(a); b = 1; c = (1 ,2)", "f(a, k=g(1)); b = 1; c = (1 ,2)"),
        ("f(a, b=1, # c\n  d=2)", "f(a, b=1, # c\n  d=2,\n  k=g(1))"),
        ("x = (a +\n     f(b))", "x = (a +\n     f(b, k=g(1)))"),
        ("x = [f(b\n      .c)]", "x = [f(b\n      .c, k=g(1))]"),
        ("f(a, \\\n  b)", "f(a, \\\n  b, k=g(1))"),
        ("x = 1 + \\\n  f(a)", "x = 1 + \\\n  f(a, k=g(1))"),
    ],
)
def test_a_keyword_is_added(before: str, after: str) -> None:
    check(before, after, ADD)
    check(before + "\n", after + "\n", ADD)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            """
            f(
                a,
                b
            )
            """,
            """
            f(
                a,
                b,
                k=g(1)
            )
            """,
        ),
        (
            """
            f(
                a,  # first
                b,  # second
            )
            """,
            """
            f(
                a,  # first
                b,  # second
                k=g(1),
            )
            """,
        ),
        (
            """
            f(
                a  # only
            )
            """,
            """
            f(
                a,  # only
                k=g(1)
            )
            """,
        ),
        (
            """
            f(a,
              b)
            """,
            """
            f(a,
              b,
              k=g(1))
            """,
        ),
        (
            """
            f(a, b,
              c, d)
            """,
            """
            f(a, b,
              c, d, k=g(1))
            """,
        ),
        (
            """
            f(
                # nothing yet
            )
            """,
            """
            f(
                # nothing yet
            k=g(1))
            """,
        ),
        (
            """
            if x:
                y = (
                    z.f
                    .g(f(
                        a,

                        # why
                        b=1)))
            """,
            """
            if x:
                y = (
                    z.f
                    .g(f(
                        a,

                        # why
                        b=1,
                        k=g(1))))
            """,
        ),
    ],
)
def test_a_keyword_is_added_in_the_layout_of_the_others(before: str, after: str) -> None:
    check(before, after, ADD)


COMMENTED = [
    """
    f(
        a,  # one
        k=1,  # two
        b=2,  # three
    )  # four
    """,
    """
    f(  # zero
        # one
        k=1,  # two
        # three
        b=2  # four
        # five
    )
    """,
    """
    f(a,  # one

      # two

      k=1)  # three
    """,
    """
    f(a  # one
      ,  # two
      k  # three
      =  # four
      1  # five
      ,  # six
      # seven
      )
    """,
    """
    f(  # one
        k=1  # two
    )
    """,
    """
    f(k=1,  # one
      **b)
    """,
    """
    f(a, k=g(  # one
        1,  # two
    ), b=2)  # three
    """,
    """
    f(a,  # one
      k=1, b=2)
    """,
]


@pytest.mark.parametrize("before", COMMENTED)
def test_adding_keeps_all_comments(before: str) -> None:
    text = dedent(before)
    assert edited(text, {"z": "1"}).count("#") == text.count("#")


def test_several_are_added_in_their_order() -> None:
    check("f(a)", "f(a, y=1, z=2)", {"y": "1", "z": "2"})


def test_a_lone_generator_gets_parentheses() -> None:
    check("f(x for x in y)", "f((x for x in y), k=1)", {"k": "1"})
    check("f((x for x in y))", "f((x for x in y), k=1)", {"k": "1"})
    check("f(x for x in y if f(z))", "f((x for x in y if f(z)), k=1)", {"k": "1"})
    check("f(\n  x\n  for x in y)", "f(\n  (x\n  for x in y),\n  k=1)", {"k": "1"})


def test_lone_carriage_returns_are_kept() -> None:
    assert edited("f(\ra,\rb)\rx\r", {"k": "1"}) == "f(\ra,\rb,\rk=1)\rx\r"


def test_mixed_line_endings_are_kept() -> None:
    text = "x = 1\r\nf(\n  a,\r\n  b)\n"
    assert edited(text, {"k": "1"}) == "x = 1\r\nf(\n  a,\r\n  b,\r\n  k=1)\n"
    assert edited("x\r\nf(\n  a)\r\n", {"k": "1"}) == "x\r\nf(\n  a,\n  k=1)\r\n"
    assert edited("x\nf(\r\n  a)\n", {"k": "1"}) == "x\nf(\r\n  a,\r\n  k=1)\n"


@pytest.mark.parametrize(
    "text",
    [
        "def g():\n    f(1)\n # a\n # b\n",  # libcst drops these comments from a whole module
        "f(1)\n\n\n   ",
        "\ufefff(1)"[1:],
        "\x0cf(1)\n\x0c",
        "async def g():\n  await f(1)\n",
        "class A:\n  @f(1)\n  def g(self): pass\n",
        "def g():\n  yield f(1)\n  return not f(2)\n",
        "assert(f(1))\n",
        "x = yield_ if f(1) else -f(2)**3\n",
        "print(f(1)if x else y)\n",
        "x = [f(1)for y in z]\n",
    ],
)
def test_nothing_outside_of_the_call_changes(text: str) -> None:
    after = edited(text, {"k": "2"})
    assert after == text.replace("f(1)", "f(1, k=2)", 1)


ARGUMENTS = st.lists(
    st.sampled_from(["a", "'é'", "g(x, y=1)", "[1, 2]", "lambda: 0", "(1,\n 2)", "a\n .b"]),
    max_size=3,
)
KEYWORDS = st.lists(
    st.sampled_from(["k=1", "m=g(k=2)", "n = '#'", "o=(x for x in y)"]), max_size=3, unique=True
)
SEPARATORS = st.sampled_from([", ", ",", " , ", ",\n    ", ",  # c\n    ", "\n  ,\n", ", \\\n  "])
ENDS = st.sampled_from(["", " ", ",", ", ", "\n", ",\n", "  # e\n", ",  # e\n  # f\n"])
AROUND = st.sampled_from(["{}", "x = {}\n", "if x:\n    y = [{}]  # é\n", "é({})", "({}\n)"])


@given(
    ARGUMENTS, KEYWORDS, SEPARATORS, ENDS, AROUND, st.sampled_from(["\n", "\r\n"]), st.booleans()
)
def test_edits_of_any_layout_mean_what_they_say(
    arguments: list[str],
    keywords: list[str],
    separator: str,
    end: str,
    around: str,
    newline: str,
    stars: bool,
) -> None:
    given_ = [*arguments, *(["*s"] if stars else []), *keywords]
    if not given_:
        end = end.replace(",", "")
    call = f"f({separator.join(given_)}{end})"
    text = around.format(call).replace("\n", newline)
    ast.parse(text)
    after = edited(text, {"z": "w(0)"})
    wanted = ast.dump(ast.parse(around.format(f"f({', '.join([*given_, 'z=w(0)'])})")))
    assert ast.dump(ast.parse(after)) == wanted
    assert after.count("#") == text.count("#")
    if newline == "\r\n":
        assert after.count("\r\n") == after.count("\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(\n    a=1,  # one\n)", "f(\n    a=1,  # one\n    k=v,\n)"),
        ("f(\n    a=1  # one\n)", "f(\n    a=1,  # one\n    k=v\n)"),
        ("f(\n    a=1,  # one\n    # end\n)", "f(\n    a=1,  # one\n    k=v,\n    # end\n)"),
        ("f(a=1,\n  b=2  # two\n  )", "f(a=1,\n  b=2,  # two\n  k=v\n  )"),
    ],
)
def test_a_comment_stays_with_the_argument_it_is_about(before: str, after: str) -> None:
    assert edited(before, {"k": "v"}) == after
