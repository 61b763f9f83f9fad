"""What must hold for a file that was rewritten, checked in every run, not only in tests."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter

from migrate.analysis.source import Source
from migrate.analysis.syntax import parse

_QUOTES = re.compile(r"\"\"\"|'''")


class GateFailed(Exception):
    """A rewritten file does not keep a promise; the original stays."""


def check_python(text: str) -> ast.Module:
    """The text parses as Python 3.7, as far as this Python can tell; its tree.

    Raises:
        GateFailed: it does not.
    """
    try:
        return parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise GateFailed(f"the result does not parse as Python 3.7: {error}") from None


def check_comments(before: str, after: str) -> None:
    """Every comment of the original is still there.

    Raises:
        GateFailed: naming the first one that is not.
    """
    if _commented(before) <= _commented(after) and _QUOTES.findall(before) == _QUOTES.findall(
        after
    ):
        return  # whole lines stayed, and no string can have swallowed one: no need to tokenize
    kept = _comments(after)
    lost = [comment for comment, count in _comments(before).items() if kept[comment] < count]
    if lost:
        raise GateFailed(f"a comment would be lost: {lost[0]}")


def check_bytes(source: Source, text: str) -> bytes:
    """The bytes of the changed text.

    Raises:
        GateFailed: the file's encoding cannot say it.
    """
    try:
        return source.encode(text)
    except UnicodeError as error:
        raise GateFailed(f"the result is not {source.encoding}: {error}") from None


def _commented(text: str) -> Counter[str]:
    """Every line that can hold a comment."""
    return Counter(line.strip() for line in text.splitlines() if "#" in line)


def _comments(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    if "#" not in text:
        return found
    # tokenize takes a backslash before a lone CR for one in the middle of a line.
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                found[token.string.rstrip()] += 1
    except (tokenize.TokenError, IndentationError, SyntaxError):
        # Python 2 text, which only a fixer of its own touches: count lines instead.
        found = Counter(line.strip() for line in text.splitlines() if line.lstrip()[:1] == "#")
    return found
