"""Where a line of an earlier text of a file stands in a later one."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import cached_property


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

        Where a line was replaced, the line in the same place of what replaced it; where it was
        deleted, the line that follows.
        """
        if line == 0 or self._before == self._after:
            return line
        index = line - 1
        for first, last, new_first, new_last in self._blocks:
            if index < last:
                return max(min(new_first + index - first, max(new_last - 1, new_first)), 0) + 1
        return line

    @cached_property
    def _blocks(self) -> list[tuple[int, int, int, int]]:
        before, after = self._before.split(b"\n"), self._after.split(b"\n")
        matcher = SequenceMatcher(None, before, after, autojunk=False)
        return [tuple(block[1:]) for block in matcher.get_opcodes()]  # type: ignore[misc]
