import pytest

from migrate.lines import LineMap


@pytest.mark.parametrize(
    ("before", "after", "line", "expected"),
    [
        (b"a\nb\nc\n", b"a\nb\nc\n", 2, 2),
        (b"a\nb\nc\n", b"new\na\nb\nc\n", 2, 3),
        (b"a\nb\nc\n", b"a\nc\n", 3, 2),
        (b"a\nb\nc\n", b"a\nchanged\nc\n", 2, 2),
        (b"a\nb\nc\n", b"a\nc\n", 2, 2),
        (b"a\nb\nc\n", b"b\nc\n", 1, 1),
        (b"a\r\nb\r\n", b"new\r\na\r\nb\r\n", 2, 3),
        (b"a\nb", b"new\na\nb", 2, 3),
        (b"a\n", b"b\n", 0, 0),
        (b"a\ns = S()\n", b"a\nfrom n import c\ns = S(c())\n", 2, 3),
        (b"a\ns = S(\n  x)\n", b"a\nfrom n import c\ns = S(\n  x, c())\n", 3, 4),
        (b"a\rs = S()\rb\r", b"a\rfrom n import c\rs = S(c())\rb\r", 2, 3),
        (b"a\rs = S()\rb\r", b"a\rfrom n import c\rs = S(c())\rb\r", 3, 4),
        (b"a\x0cb\nc\n", b"new\na\x0cb\nc\n", 2, 3),
        (b"a\nb\nc", b"a\n", 3, 1),
    ],
)
def test_lines_are_followed(before: bytes, after: bytes, line: int, expected: int) -> None:
    assert LineMap(before, after)[line] == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"a\nb\nc\n", b"a\nc\n", [2]),
        (b"a\nb\nc\n", b"a\nb\nc\n", []),
        (b"a\nb\nc\n", b"new\na\nb\n", [3]),
        (b"a\ns = S()\n", b"a\nfrom n import c\ns = S(c())\n", []),
        (b"a\ngone(1)\ns = S()\n", b"a\ns = S(c())\n", [2]),
    ],
)
def test_lines_that_are_lost(before: bytes, after: bytes, expected: list[int]) -> None:
    lines = LineMap(before, after)
    assert [line for line in range(4) if lines.is_lost(line)] == expected
