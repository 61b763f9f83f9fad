"""Where a line of an earlier text of a file stands in a later one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cached_property

# As Python counts lines.
_LINE_END = re.compile(rb"\r\n|\r|\n")

_ALIKE = 0.4  # of two lines, from which on one is taken for what became of the other


class LineMap:
    """Follows the lines of a file through its rewriting.

    Args:
        before: the text that line numbers are given for.
        after: the text that they are wanted for.
    """

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after

    def __getitem__(self, line: int) -> int:
        """The line of ``after`` for a line of ``before``, both counted from 1; 0 stays 0.

        Where a line was replaced, the line that is most like it among those that replaced it;
        where it was deleted, the line that follows.
        """
        return self._found(line)[0]

    def is_lost(self, line: int) -> bool:
        """Whether a line was deleted, or replaced by none that is like it."""
        return self._found(line)[1] < _ALIKE

    def _found(self, line: int) -> tuple[int, float]:
        """The line of ``after`` for one of ``before``, and how much they are alike, up to 1."""
        if line == 0 or self._before == self._after:
            return line, 1.0
        before, after = self._lines
        for tag, first, last, new_first, new_last in self._blocks:
            if line > last:
                continue
            if tag == "equal":
                return new_first + line - first, 1.0
            new = range(new_first, new_last)
            if not new:
                return min(new_first + 1, max(len(after), 1)), 0.0
            alike = {index + 1: _likeness(before[line - 1], after[index]) for index in new}
            return max(alike.items(), key=lambda item: item[1])
        return line, 1.0

    @cached_property
    def _lines(self) -> tuple[list[bytes], list[bytes]]:
        return _split(self._before), _split(self._after)

    @cached_property
    def _blocks(self) -> Sequence[tuple[str, int, int, int, int]]:
        return SequenceMatcher(None, *self._lines, autojunk=False).get_opcodes()


def _split(text: bytes) -> list[bytes]:
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def _likeness(first: bytes, second: bytes) -> float:
    return SequenceMatcher(None, first.strip(), second.strip(), autojunk=False).ratio()
