"""Texts as Markdown shows them: as they are, whatever characters they hold."""

from __future__ import annotations

import re

from migrate.upstream.names import printable

_KEPT = re.compile(
    r"(?<![`\\])`([^`]*[^`\s][^`]*)`(?!`)|https?://[^\s<>|)\]，。；、）]*[^\s<>|)\]，。；、）.,;:!?]"
)
_SPECIAL = re.compile(
    r"([\\`*\[\]<>|~]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # not in a name such as batch_size
    r"|&(?=[#\w]+;)"
    r"|^(?:[#+=-]|\d+(?=[.)](?:\s|$))))"
)
_TICKS = re.compile(r"`+")


def escaped(value: object) -> str:
    """A text on one line, for a paragraph, a list or a cell of a table.

    Addresses become links, and what stands between backticks is code.
    """
    text = printable(" ".join(str(value).split()))
    parts: list[str] = []
    end = 0
    for found in _KEPT.finditer(text):
        kept = code(found[1]) if found[1] else f"<{found[0]}>"
        parts += [_plain(text[end : found.start()], not parts), kept]
        end = found.end()
    return "".join([*parts, _plain(text[end:], not parts)])


def _plain(text: str, first: bool) -> str:
    def escape(match: re.Match[str]) -> str:
        if match[1][0].isdigit():  # a list's number: its dot
            return f"{match[1]}\\" if first else match[1]
        starts = match[1] in "#+=-"
        return match[1] if starts and not first else f"\\{match[1]}"

    return _SPECIAL.sub(escape, text)


def code(value: object) -> str:
    """A text as code, for a cell of a table as well; empty stays empty."""
    text = printable(" ".join(str(value).split()))
    if not text:
        return ""
    fence = "`" * (1 + max(map(len, _TICKS.findall(text)), default=0))
    pad = " " if "`" in (text[0], text[-1]) else ""
    # A table's cells are cut before its code is read.
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")
