"""How many changes a reviewer counts, who sees statements and lines rather than edits."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit


def changed_statements(module: Module, edits: Iterable[Edit]) -> int:
    """The number of statements that the edits touch; that of a block counts with its head.

    Args:
        module: the file as it was.
        edits: those of one rule.
    """
    touched = (module.source.line_of(edit.start) for edit in edits)
    return len({module.statement_lines.get(line, line) for line in touched})


def changed_places(old: bytes, new: bytes) -> int:
    """The number of places at which two texts differ, in runs of lines.

    Args:
        old: a file's bytes; empty where there was none.
        new: what it became.
    """
    lines = old.splitlines(), new.splitlines()
    matcher = SequenceMatcher(None, *lines, autojunk=False)
    return max(1, sum(opcode[0] != "equal" for opcode in matcher.get_opcodes()))
