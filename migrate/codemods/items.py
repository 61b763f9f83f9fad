"""Takes arguments out of a call, or items out of a display, in edits as small as can be.

Works on the text alone: what is between two items, comments above all, decides what goes, and
several rules can take arguments out of one call without colliding.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit
from migrate.codemods.removals import comments_in

Span = tuple[int, int]


def without_arguments(
    module: Module, call: ast.Call, gone: Collection[ast.expr | ast.keyword]
) -> Iterator[Edit]:
    """Takes positional arguments and keywords out of a call."""
    arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    arguments.sort(key=lambda argument: (argument.lineno, argument.col_offset))
    start = module.span(call.func)[1]
    opening = module.source.text.index("(", _skip(module.source.text, start, ")"))
    spans = [module.span(argument) for argument in arguments]
    chosen = [argument in gone for argument in arguments]
    yield from _without(module, opening + 1, spans, chosen, module.span(call)[1] - 1)


def without_keywords(module: Module, call: ast.Call, names: Collection[str]) -> Iterator[Edit]:
    yield from without_arguments(module, call, [k for k in call.keywords if k.arg in names])


def without_keys(module: Module, display: ast.Dict, gone: Collection[ast.expr]) -> Iterator[Edit]:
    """Takes the items of the given keys out of a dict display."""
    start, end = module.span(display)
    spans = [
        (module.span(key)[0] if key is not None else module.span(value)[0], module.span(value)[1])
        for key, value in zip(display.keys, display.values, strict=True)
    ]
    yield from _without(module, start + 1, spans, [key in gone for key in display.keys], end - 1)


def _without(
    module: Module, opening: int, spans: Sequence[Span], gone: Sequence[bool], closing: int
) -> Iterator[Edit]:
    """Edits between two brackets.

    Args:
        opening: just behind the opening bracket.
        spans: the items.
        gone: which of them go.
        closing: at the closing bracket.
    """
    text = module.source.text
    if not any(gone):
        return
    if all(gone) and not comments_in(text[opening:closing]):
        yield Edit(opening, closing, "")
        return
    first = 0
    while first < len(spans):
        if not gone[first]:
            first += 1
            continue
        last = first
        while last + 1 < len(spans) and gone[last + 1]:
            last += 1
        before = spans[first - 1][1] if first else None
        behind = spans[last + 1][0] if last + 1 < len(spans) else None
        yield _run_removed(module, spans[first][0], spans[last][1], before, behind, closing)
        first = last + 1


def _run_removed(
    module: Module, start: int, end: int, before: int | None, behind: int | None, closing: int
) -> Edit:
    """Removes neighbouring items from ``start`` to ``end``.

    Args:
        before: where the item before them ends; None for the first.
        behind: where the item after them begins; None for the last.
    """
    source = module.source
    comma = _comma(source.text, end, behind if behind is not None else closing)
    stop = comma + 1 if comma is not None else _skip(source.text, end, ")", closing)
    comments = comments_in(source.text[start:stop])
    margin = source.text[source.line_start(start) : start]
    rest = source.text[stop : source.line_end(stop)]
    if not margin.strip() and not rest.strip() and stop < source.line_end(stop):
        # Whole lines.
        kept = "".join(margin + comment + source.newline for comment in comments)
        return Edit(source.line_start(start), source.line_end(stop), kept)
    indent = margin[: len(margin) - len(margin.lstrip())]
    kept = "".join(comment + source.newline + indent for comment in comments)
    if comma is None and before is not None and not comments:
        # The last item: the comma before it goes as well, but no comment that follows it.
        previous = _comma(source.text, before, start)
        assert previous is not None
        if not comments_in(source.text[previous:start]):
            line = source.line_start(previous)
            if not source.text[line:previous].strip() and not rest.strip():
                return Edit(line, source.line_end(stop), "")  # the comma begins a line of its own
            return Edit(previous, stop, "")
        return Edit(start, stop, "")
    if behind is not None and not comments_in(source.text[stop:behind]):
        gap = source.text[stop:behind]
        if ("\n" not in gap and "\r" not in gap) or not margin.strip() or before is None:
            return Edit(start, behind, kept if not margin.strip() else _inline(kept))
        # The next item has a line of its own, and stays there.
        assert before is not None
        previous = _comma(source.text, before, start)
        assert previous is not None
        return Edit(previous + 1, stop, _inline(kept))
    if margin.strip() and not rest.lstrip().startswith("#"):
        start -= len(margin) - len(margin.rstrip())
    elif rest.lstrip().startswith("#"):
        stop += len(rest) - len(rest.lstrip())
    return Edit(start, stop, kept if not margin.strip() else _inline(kept))


def _inline(kept: str) -> str:
    return f"  {kept}" if kept else ""


def _comma(text: str, position: int, limit: int) -> int | None:
    """Where the comma behind an item is; None when a bracket or ``limit`` comes first."""
    position = _skip(text, position, ")", limit)
    return position if position < limit and text[position] == "," else None


def _skip(text: str, position: int, characters: str, limit: int | None = None) -> int:
    """Past blanks, comments, continued lines and any of ``characters``; stops at anything else.

    With nothing but blanks and comments before ``limit``, stays where the last of
    ``characters`` was, so that the blanks keep their place.
    """
    end = len(text) if limit is None else limit
    reached = position
    while position < end:
        if text[position] in characters:
            position += 1
            reached = position
        elif text[position] == "#":
            while position < end and text[position] not in "\r\n":
                position += 1
        elif text[position].isspace() or text[position] == "\\":
            position += 1
        else:
            return position
    return reached
