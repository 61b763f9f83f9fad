"""Replacements in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.codemods.edits import Edit, apply, collision, narrowed


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([], "0123456789"),
        ([Edit(2, 4, "ab")], "01ab456789"),
        ([Edit(2, 4, "")], "01456789"),
        ([Edit(3, 3, "x")], "012x3456789"),
        ([Edit(0, 0, "x"), Edit(10, 10, "y")], "x0123456789y"),
        ([Edit(0, 10, "")], ""),
        ([Edit(5, 6, "b"), Edit(1, 2, "a")], "0a234b6789"),
        # Insertions at one place keep their order.
        ([Edit(3, 3, "b"), Edit(3, 3, "a")], "012ba3456789"),
        # Neighbours do not touch.
        ([Edit(2, 4, "a"), Edit(4, 6, "b")], "01ab6789"),
        ([Edit(2, 4, "a"), Edit(4, 4, "b")], "01ab456789"),
        # The same edit of two rules is one edit.
        ([Edit(2, 4, "a"), Edit(2, 4, "a")], "01a456789"),
    ],
)
def test_edits_are_applied(edits: list[Edit], expected: str) -> None:
    assert collision(edits) is None
    assert apply("0123456789", edits) == expected


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(2, 4, "a"), Edit(2, 4, "b")],
        [Edit(2, 4, "a"), Edit(3, 5, "b")],
        [Edit(2, 6, "a"), Edit(3, 4, "b")],
        [Edit(2, 6, "a"), Edit(3, 3, "b")],
        [Edit(2, 2, "a"), Edit(2, 4, "b")],
        [Edit(8, 9, "z"), Edit(2, 6, "a"), Edit(0, 1, "y"), Edit(5, 7, "b")],
        [Edit(0, 9, ""), Edit(1, 2, ""), Edit(7, 8, "")],
    ],
)
def test_edits_that_touch_the_same_characters_are_refused(edits: list[Edit]) -> None:
    assert collision(edits) is not None
    assert collision(edits[::-1]) is not None
    with pytest.raises(ValueError, match="collide"):
        apply("0123456789", edits)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Edit(0, 4, "f(x)"), Edit(4, 4, "")),
        (Edit(0, 4, "f(x, y)"), Edit(3, 3, ", y")),
        (Edit(0, 4, "g(x)"), Edit(0, 1, "g")),
        (Edit(0, 4, ""), Edit(0, 4, "")),
        (Edit(0, 0, "a"), Edit(0, 0, "a")),
        (Edit(2, 3, "xx"), Edit(3, 3, "x")),
    ],
)
def test_an_edit_is_narrowed_to_what_differs(edit: Edit, expected: Edit) -> None:
    assert narrowed(edit, "f(x) + f(x)") == expected


@given(st.text("ab\r\n", max_size=8), st.text("ab\r\n", max_size=8), st.text("ab", max_size=4))
def test_a_narrowed_edit_does_the_same(old: str, new: str, around: str) -> None:
    text = around + old + around
    edit = Edit(len(around), len(around) + len(old), new)
    assert apply(text, [narrowed(edit, text)]) == apply(text, [edit])


EDITS = st.lists(
    st.builds(
        lambda start, length, text: Edit(start, start + length, text),
        st.integers(0, 12),
        st.integers(0, 4),
        st.text("xy", max_size=2),
    ),
    max_size=6,
)


@given(EDITS)
def test_whatever_is_applied_leaves_the_rest_alone(edits: list[Edit]) -> None:
    text = "0123456789abcdef"
    if collision(edits):
        return
    touched = {n for edit in edits for n in range(edit.start, edit.end)}
    kept = "".join(c for n, c in enumerate(text) if n not in touched)
    assert "".join(c for c in apply(text, edits) if c not in "xy") == kept
    inserted = sum(len(edit.text) for edit in set(edits))
    assert len(apply(text, edits)) == len(kept) + inserted


@given(EDITS)
def test_two_edits_collide_exactly_when_they_touch(edits: list[Edit]) -> None:
    def touch(a: Edit, b: Edit) -> bool:
        a, b = sorted((a, b))
        return b.start < a.end or (a.start == b.start and b.end > b.start)

    distinct = sorted(set(edits))
    pairs = [(a, b) for n, a in enumerate(distinct) for b in distinct[n + 1 :]]
    assert (collision(edits) is not None) == any(touch(a, b) for a, b in pairs)
