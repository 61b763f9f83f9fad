"""Bytes, text and offsets of one file."""

from __future__ import annotations

import ast
import codecs
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.analysis.source import Source, UnreadableSource

FIXTURES = Path(__file__).parents[1] / "fixtures" / "projects"


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"", "utf-8", ""),
        (b"x = 1", "utf-8", "x = 1"),
        ("x = 'é'\n".encode(), "utf-8", "x = 'é'\n"),
        (codecs.BOM_UTF8 + b"x = 1\n", "utf-8", "x = 1\n"),
        (codecs.BOM_UTF8 + b"# coding: utf8\nx = 1\n", "utf-8", "# coding: utf8\nx = 1\n"),
        (b"# coding: latin-1\nx = '\xe9'\n", "iso-8859-1", "# coding: latin-1\nx = 'é'\n"),
        (b"# -*- coding: latin-1-unix -*-\n'\xe9'", "iso-8859-1", None),
        (b"# -*- coding: UTF_8-dos -*-\r\nx = 1\r\n", "utf-8", None),
        (b"# -*- coding: utf-8-mac -*-\rx = 1\r", "utf-8", None),
        (b"# vim: set fileencoding=cp1252 :\nx = '\x80'\n", "cp1252", None),
        ("#!/usr/bin/python\n# coding: gbk\nx = '训练'\n".encode("gbk"), "gbk", None),
        ("\n# coding: gbk\nx = '训练'\n".encode("gbk"), "gbk", None),
        ("\r# coding: gbk\rx = '训练'\r".encode("gbk"), "gbk", None),
        # Only the first two lines count, and only comments on lines of their own.
        (b"\n\n# coding: ascii\nx = '\xc3\xa9'\n", "utf-8", None),
        (b"x = 1\n# coding: ascii\ny = '\xc3\xa9'\n", "utf-8", None),
        (b"x = 1  # coding: ascii\ny = '\xc3\xa9'\n", "utf-8", None),
        (b"# a\ry = 'coding: ascii \xc3\xa9'\r", "utf-8", None),
        (b"\x0c# coding: latin-1\n# \xe9\n", "iso-8859-1", None),
    ],
)
def test_the_encoding_is_the_one_that_python_reads(
    data: bytes, encoding: str, text: str | None
) -> None:
    source = Source(data)
    assert source.encoding == encoding
    assert text is None or source.text == text
    assert source.encode(source.text) == data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x = '\xe9'\n", "not valid utf-8"),
        (b"# coding: ascii\nx = '\xe9'\n", "not valid ascii"),
        (b"# coding: gbk\nx = '\xff'\n", "not valid gbk"),
        (b"# coding: klingon\nx = 1\n", "unknown encoding 'klingon'"),
        (b"# coding: rot13\nx = 1\n", "unknown encoding 'rot13'"),
        (b"# coding: utf-16\nx = 1\n", "utf-16"),
        (b"# coding: undefined\n", "not valid undefined"),
        (b"# coding: unicode_escape\nx = '\\x41'\n", "round-trip"),
        (codecs.BOM_UTF8 + b"# coding: latin-1\nx = 1\n", "byte order mark"),
        (codecs.BOM_UTF16_LE + "x = 1\n".encode("utf-16-le"), "not valid utf-8"),
        (b"\x89PNG\r\n\x1a\n", "not valid utf-8"),
    ],
)
def test_what_is_no_text_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableSource, match=reason):
        Source(data)


@pytest.mark.parametrize(
    ("data", "newline"),
    [
        (b"", "\n"),
        (b"x", "\n"),
        (b"x\n", "\n"),
        (b"x\r\ny\n", "\r\n"),
        (b"x\ny\r\n", "\n"),
        (b"x\ry\r\n", "\r"),
        (b"x\x0cy\r\n", "\r\n"),
        (b"x = '\xe2\x80\xa8'\r\n", "\r\n"),  # a line separator, though not Python's
    ],
)
def test_the_line_ending_is_the_first_one(data: bytes, newline: str) -> None:
    assert Source(data).newline == newline


def test_lines_end_where_python_says() -> None:
    source = Source("a\n\rb\r\nc\x0cd\x0be\x1c\x85\u2028\nf".encode())
    starts = [source.text[start:][:1] for start in source.line_starts]
    assert starts == ["a", "\r", "b", "c", "f"]


@pytest.mark.parametrize("text", ["", "x", "x\n", "x\ny", "x\r\n\r\ny\r", "é\n\x0c\ny\n"])
def test_every_offset_lies_in_its_line(text: str) -> None:
    source = Source(text.encode())
    for offset in range(len(text) + 1):
        line = source.line_of(offset)
        start, end = source.line_start(offset), source.line_end(offset)
        assert start <= offset <= end
        assert source.line_starts[line - 1] == start
        assert source.line_of(start) == line


def test_columns_count_bytes_and_offsets_characters() -> None:
    source = Source("x = 1\n训练('é'); y\n".encode())
    [_, call, name] = ast.parse(source.text).body
    assert source.offset(call.lineno, call.col_offset) == source.text.index("训")
    assert source.offset(name.lineno, name.col_offset) == source.text.index("y")
    assert name.col_offset != source.text.index("y") - source.line_starts[1]


ODD = [
    "",
    "x = 1",
    "é = 'ü'; f(é)\n",
    "f('训练', g(x)); h(y)\r\nif x:\r\n\ty = f(\r\n  '训', z)\r\n",
    "x = f(1)\ry = f('é')\rz = g(y)\r",
    "\x0cdef f():\n    return\x0cg('é', h(1))\n",
    "x = '''é\n\x0c\r\n''', f(y)\n",
    "x = ('é'  # ü\n     'ö'), f(\n 1)\n",
    "x = 'é' \\\n  + f(1)\n",
    "x = f'é{f(1)} ü{g(y)!r:>{h(2)}}'\n",
    "x = '\u2028', f(1)\ny = g()\n",
    "x = '\U0001f600' + f('\U0001f600', y)\n",
    "@d('é')\ndef f(a: 'é' = g(1), *b, **c) -> h('ü'): pass\n",
    "class A(b, metaclass=c('é')): x = f(1)\n",
    "for é in f('é'):\n  with g(é) as h, i('ü') as j: k(j)\n",
    "[f(é) for é in g('é') if h(é)]; {f(a): g(b) for a, b in c('é')}\n",
    "lambda é, *a: f(é)(g)[h('é'):i]\n",
]


def check_texts(data: bytes) -> None:
    source = Source(data)
    # get_source_segment splits the whole text again for each node.
    with mock.patch("ast._splitlines_no_ff", cache(ast._splitlines_no_ff)):  # type: ignore[attr-defined]
        for node in ast.walk(ast.parse(source.text)):
            if isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword | ast.alias):
                start = source.offset(node.lineno, node.col_offset)
                end = source.offset(node.end_lineno, node.end_col_offset)
                assert source.text[start:end] == ast.get_source_segment(source.text, node)


@pytest.mark.parametrize("text", ODD)
def test_the_text_of_a_node_is_what_ast_says(text: str) -> None:
    check_texts(text.encode())


FIXTURE_FILES = sorted(FIXTURES.rglob("*.py"))


def test_the_text_of_a_node_is_what_ast_says_in_every_fixture() -> None:
    checked = 0
    for path in FIXTURE_FILES:
        data = path.read_bytes()
        try:
            ast.parse(Source(data).text)
        except (UnreadableSource, SyntaxError, ValueError):
            continue
        check_texts(data)
        checked += 1
    assert checked > 70


PIECES = st.sampled_from(
    [
        "x = f(1)",
        "y = g('é')",
        "训 = h('训', k=1)",
        "if x: f(é)",
        "a = '''é",
        "'''; b(c)",
        "# ü",
        "",
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\x0c\n"])


@given(st.lists(st.tuples(PIECES, ENDS), max_size=12))
def test_the_text_of_a_node_is_what_ast_says_in_mixtures(lines: list[tuple[str, str]]) -> None:
    text = "".join(piece + end for piece, end in lines)
    try:
        ast.parse(text)
    except SyntaxError:
        return
    check_texts(text.encode())
