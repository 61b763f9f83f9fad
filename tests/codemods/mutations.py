"""Other ways to write the same program: comments, blank lines, continuations, line endings."""

from __future__ import annotations

import ast
import io
import random
import tokenize
from collections.abc import Callable

Token = tokenize.TokenInfo
_SKIPPED = (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.COMMENT)


def mutated(text: str, chance: random.Random, *, comments_within: bool) -> str:
    """A text that means the same, made by a few random changes of its layout.

    Args:
        comments_within: whether comments may come to stand within expressions.
    """
    meaning = dump(text)
    changes = [*_CHANGES, _comment_brackets] if comments_within else _CHANGES
    for _ in range(chance.randint(1, 5)):
        change = chance.choice(changes)
        try:
            changed = change(text, chance)
            if dump(changed) == meaning:
                text = changed
        except (SyntaxError, tokenize.TokenError):
            continue
    return text


def dump(text: str) -> str:
    return ast.dump(ast.parse(text))


def encoded(text: str, chance: random.Random) -> bytes:
    """The text with some line ending, and perhaps with a byte order mark or no final newline."""
    text = text.replace("\n", chance.choice(["\n", "\n", "\r\n", "\r\n", "\r"]))
    if chance.random() < 0.2:
        text = text.rstrip("\r\n")
    return chance.choice([b"", b"", b"\xef\xbb\xbf"]) + text.encode()


def _tokens(text: str) -> list[Token]:
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def _insert(
    text: str, places: list[tuple[int, int]], what: list[str], chance: random.Random
) -> str:
    """Puts texts at some of the places, given as line and column."""
    lines = text.splitlines(keepends=True)
    count = min(len(places), chance.randint(1, 8))
    for line, column in sorted(chance.sample(places, count), reverse=True):
        old = lines[line - 1]
        lines[line - 1] = old[:column] + chance.choice(what) + old[column:]
    return "".join(lines)


def _within_brackets(text: str) -> list[tuple[int, int]]:
    depth, places = 0, []
    for token in _tokens(text):
        if token.type == tokenize.OP and token.string in ")]}":
            depth -= 1
        if depth and token.type != tokenize.COMMENT:
            places.append(token.start)
        if token.type == tokenize.OP and token.string in "([{":
            depth += 1
    return places


def _between_tokens(text: str) -> list[tuple[int, int]]:
    before: Token | None = None
    places = []
    for token in _tokens(text):
        plain = token.type not in (*_SKIPPED, tokenize.NEWLINE, tokenize.NL)
        if plain and before is not None and before.end[0] == token.start[0]:
            places.append(token.start)
        before = token if plain else None
    return places


def _line_ends(text: str, *types: int) -> list[tuple[int, int]]:
    tokens = _tokens(text)
    return [token.start for token in tokens if token.type in types]


def _split_brackets(text: str, chance: random.Random) -> str:
    return _insert(text, _within_brackets(text), ["\n", "\n\t", "  \n    ", "\n\n\n"], chance)


def _comment_brackets(text: str, chance: random.Random) -> str:
    return _insert(text, _within_brackets(text), ["# é\n", " # one\n  ", "\n  # two\n"], chance)


def _continue_lines(text: str, chance: random.Random) -> str:
    return _insert(text, _between_tokens(text), ["\\\n", " \\\n", " \\\n      "], chance)


def _space_tokens(text: str, chance: random.Random) -> str:
    return _insert(text, _between_tokens(text), [" ", "\t", "   "], chance)


def _comment_lines(text: str, chance: random.Random) -> str:
    return _insert(text, _line_ends(text, tokenize.NEWLINE), ["  # note", "# tf.Session()"], chance)


def _end_lines(text: str, chance: random.Random) -> str:
    return _insert(text, _line_ends(text, tokenize.NEWLINE), ["  ", "\t", ";", " ; # x"], chance)


def _add_lines(text: str, chance: random.Random) -> str:
    added = [
        "\n",
        "# left\n",
        "        # right\n",
        "\n\n# a\n\n",
        " # a\n # b\n",
        "\x0c\n",
        "    \n",
    ]
    starts = [(line, 0) for line, _ in _line_ends(text, tokenize.NEWLINE) if line > 1]
    lines = text.count("\n")
    starts = [(line + 1, 0) for line, _ in starts if line < lines]
    return _insert(text, starts, added, chance)


def _end_file(text: str, chance: random.Random) -> str:
    return text + chance.choice(["\n\n\n", "# end", "  # a\n  # b\n", "    ", "\x0c", "\n# x\n  "])


def _begin_file(text: str, chance: random.Random) -> str:
    return (
        chance.choice(["\n", "# c\n", "#!/usr/bin/env python\n", "\x0c\n", "# L\n#\n# M\n\n"])
        + text
    )


def _indent(text: str, chance: random.Random) -> str:
    """Every block indented in another way; lines that continue a statement stay as they are."""
    unit = chance.choice(["\t", "  ", "   ", " ", "        "])
    lines = text.splitlines(keepends=True)
    level, fresh = 0, True
    for token in _tokens(text):
        if token.type == tokenize.INDENT:
            level += 1
        elif token.type == tokenize.DEDENT:
            level -= 1
        elif token.type == tokenize.NEWLINE:
            fresh = True
        elif fresh and token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER):
            line = token.start[0] - 1
            lines[line] = unit * level + lines[line][token.start[1] :]
            fresh = False
    return "".join(lines)


def _join_lines(text: str, chance: random.Random) -> str:
    """Two statements on one line."""
    ends = [t for t in _tokens(text) if t.type == tokenize.NEWLINE]
    if not ends:
        return text
    lines = text.splitlines(keepends=True)
    for end in sorted(chance.sample(ends, min(3, len(ends))), reverse=True):
        line = end.start[0] - 1
        if line + 1 < len(lines) and lines[line].endswith("\n") and "#" not in lines[line]:
            lines[line : line + 2] = [lines[line][:-1].rstrip() + "; " + lines[line + 1].lstrip()]
    return "".join(lines)


_CHANGES: list[Callable[[str, random.Random], str]] = [
    _split_brackets,
    _continue_lines,
    _space_tokens,
    _comment_lines,
    _end_lines,
    _add_lines,
    _end_file,
    _begin_file,
    _indent,
    _join_lines,
]
