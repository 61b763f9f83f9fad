"""Replacements in a text, and the guarantee that they do not collide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, order=True)
class Edit:
    """Puts ``text`` in place of the characters from ``start`` to ``end``.

    Equal offsets insert.
    """

    start: int
    end: int
    text: str


def collision(edits: Iterable[Edit]) -> tuple[Edit, Edit] | None:
    """Two different edits that touch the same characters, if there are any."""
    ordered = sorted(set(edits))
    for first, second in pairwise(ordered):
        if second.start < first.end or (second.start == first.start and second.end > second.start):
            return first, second
    return None


def apply(text: str, edits: Sequence[Edit]) -> str:
    """The text with every edit made; insertions at one place keep the order given.

    Raises:
        ValueError: two edits touch the same characters.
    """
    if found := collision(edits):
        raise ValueError(f"edits collide: {found[0]} and {found[1]}")
    parts = []
    position = 0
    for edit in sorted(dict.fromkeys(edits), key=lambda e: (e.start, e.end)):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


def narrowed(edit: Edit, text: str) -> Edit:
    """The same change without the characters that stay equal at both ends."""
    old, new = text[edit.start : edit.end], edit.text
    limit = min(len(old), len(new))
    head = 0
    while head < limit and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < limit - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return Edit(edit.start + head, edit.end - tail, new[head : len(new) - tail])
