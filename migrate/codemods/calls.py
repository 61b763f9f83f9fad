"""Keyword arguments added to one call."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit

# What stands before the last argument, and behind it.
_GAP = re.compile(r"[(,](?:[ \t]*|((?:\r\n|\r|\n)[ \t]*))")
_TAIL = re.compile(r",?[ \t\r\n]*")


def add_keywords(module: Module, call: ast.Call, added: Mapping[str, str]) -> Edit:
    """Adds keyword arguments to a call.

    Args:
        module: the file that holds the call.
        call: the call.
        added: keyword to value, as source; put behind the last argument, in the layout of the
            arguments that are there.

    Returns:
        One edit within the call.

    Raises:
        ValueError: libcst does not read the call without loss.
    """
    place = _place(module, call)
    if place is not None:
        end, between = place
        text = between.join(f"{name}={value}" for name, value in added.items())
        return Edit(end, end, between + text if call.args or call.keywords else text)
    from migrate.codemods.call_layouts import with_keywords  # imports libcst, which is slow

    return with_keywords(module, call, added)


def _place(module: Module, call: ast.Call) -> tuple[int, str] | None:
    """Where the last argument of a call ends, and what separates arguments there.

    None for layouts that are not plain: with comments, with parentheses around the last arguments,
    or with blanks before a comma.
    """
    text = module.source.text
    given = sorted(module.span(node) for node in (*call.args, *call.keywords))
    start, end = module.span(call.func)[1], module.span(call)[1] - 1
    if not given:
        return (end, ", ") if text[start:end] == "(" else None
    before = text[start : given[0][0]] if len(given) == 1 else text[given[-2][1] : given[-1][0]]
    gap = _GAP.fullmatch(before)
    last = given[-1][1]
    if gap is None or not _TAIL.fullmatch(text[last:end]) or _has_generator(call):
        return None
    return last, f",{gap[1]}" if gap[1] else ", "


def _has_generator(call: ast.Call) -> bool:
    """Whether it may be ``f(x for x in y)``, which needs parentheses where it is not alone."""
    return any(isinstance(value, ast.GeneratorExp) for value in call.args)
