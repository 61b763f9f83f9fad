"""What a rewritten file must keep."""

from __future__ import annotations

import pytest

from migrate.analysis.source import Source
from migrate.codemods.gates import (
    GateFailed,
    check_bytes,
    check_comments,
    check_python,
)


@pytest.mark.parametrize(
    "text",
    ["", "x = 1", "async def f(): await g()\n", "x: int = f'{y!r}'\n", "print('x', end='')\r\n"],
)
def test_python_3_7(text: str) -> None:
    check_python(text)


@pytest.mark.parametrize(
    "text",
    [
        "print 'x'\n",
        "(x := 1)\n",
        "def f(a, /): pass\n",
        "match x:\n    case 1: pass\n",
        "f'{x=}' if (y := 1) else 0\n",
        "x = 1\0\n",
        "if x:\n\ty\n        z\n",
        "(" * 1000,
        "x = 1" + " + 1" * 50_000,
        "-" * 200_000 + "1",
    ],
)
def test_not_python_3_7(text: str) -> None:
    with pytest.raises(GateFailed, match=r"does not parse as Python 3\.7"):
        check_python(text)


@pytest.mark.parametrize(
    "text",
    [
        "f'{d['x']}'",
        'f"{d["x"]}"',
        "rf'{d['x']}'",
        "x = f'a' f'{d['x']}'",
        "f'{f'{x}'}'",
        "f'{f\"{d['x']}\"}'",
        "f'{x:{d['w']}}'",
        'f"""{d["""x"""]}"""',
        "f'{\"\\n\".join(x)}'",
        "f'{r\"\\d\"}'",
        "f'''{x # y\n}'''",
        "f'{\n x}'",
        'f\'{"""a\nb"""}\'',
        "f'{x = !r}'",
    ],
)
def test_f_strings_of_later_pythons(text: str) -> None:
    with pytest.raises(GateFailed, match=r"does not parse as Python 3\.7"):
        check_python(f"{text}\n")


@pytest.mark.parametrize(
    "text",
    [
        "f'{d[\"x\"]}'",
        "f'''{d['x']}'''",
        "f'''{f\"{x}\"}'''",
        "f'''{\nx}'''",
        "f'''a\n'{x}' \"'''",
        "f'\\'{x}\\n'",
        "f'{x}\\\n{y}'",
        "f'{x:\\n}'",
        "f'{x:=^9}{y!r:>{w}}{{}}'",
        "f'{a == b}{a >= b}{dict(a=1)}'",
        "f'{\"#\"}'",
        "f'{x}'  # it's {x=}",
        "f'''{x}\r\n'''\r\ny = 1\r",
    ],
)
def test_f_strings_of_python_3_7(text: str) -> None:
    check_python(f"{text}\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # a\n", "# a\n"),
        ("# a\n# b\n", "# b\n# a\n# c\n"),
        ("# a\n# a\n", "# a\nx = 1  # a\n"),
        ("# a  \r\nx = 1\r\n", "# a\r\n"),
        ("x = '# a'\n", "x = 1\n"),
        ("'''\n# a\n'''\n", ""),
        ("x = 1\n", "x = 1  # new\n"),
        ("def f():\n    return 1\n # a\n # b\n", "def f():\n    return 2\n # a\n # b\n"),
        ("f(  # a\n  x)\n", "f(x)  # a\n"),
        ("# é 训练\n", "# é 训练"),
        ("x = 1\r# a\ry = 2\r", "# a\r"),
        ("if x: \\\r  y # a\rz\r", "x # a\r"),
    ],
)
def test_kept_comments(before: str, after: str) -> None:
    check_comments(before, after)


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ("x = 1  # a\n", "x = 1\n", "# a"),
        ("# a\n# a\n", "# a\n", "# a"),
        ("# a\n# b\n# c\n", "# b\n", "# a"),
        ("x = 1  # a\n", "x = '# a'\n", "# a"),
        ("# a\n", "'''\n# a\n'''\n", "# a"),
        ("def f():\n    return 1\n # a\n # b\n", "def f():\n    return 1\n", "# a"),
        ("# a b\n", "# a  b\n", "# a b"),
        ("#!/usr/bin/python\n", "", "#!/usr/bin/python"),
    ],
)
def test_lost_comments(before: str, after: str, lost: str) -> None:
    with pytest.raises(GateFailed, match=f"lost: {lost}"):
        check_comments(before, after)


def test_the_result_must_be_in_the_encoding_of_the_file() -> None:
    source = Source(b"# coding: latin-1\nx = '\xe9'\n")
    assert check_bytes(source, "# coding: latin-1\nx = 'ü'\n").endswith(b"'\xfc'\n")
    with pytest.raises(GateFailed, match="not iso-8859-1"):
        check_bytes(source, "# coding: latin-1\nx = '训'\n")
    marked = Source(b"\xef\xbb\xbfx\n")
    assert check_bytes(marked, "训\n") == b"\xef\xbb\xbf" + "训\n".encode()
