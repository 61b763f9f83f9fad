"""Keyword arguments added to one call."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit

_ON_ONE_LINE = re.compile(r",[ \t]*")
_ON_LINES = re.compile(r",(?:\r\n|\r|\n)[ \t]*")


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
    end = module.span(call)[1] - 1
    between = _between(module, call)
    if between is not None:
        text = between.join(f"{name}={value}" for name, value in added.items())
        return Edit(end, end, text if not (call.args or call.keywords) else between + text)
    from migrate.codemods.call_layouts import with_keywords  # imports libcst, which is slow

    return with_keywords(module, call, added)


def _between(module: Module, call: ast.Call) -> str | None:
    """What separates the arguments of a call of a plain layout; None for other ones.

    Plain is one without comments, whose last argument the closing parenthesis follows at once.
    """
    text = module.source.text
    given = sorted(module.span(node) for node in (*call.args, *call.keywords))
    start, end = module.span(call.func)[1], module.span(call)[1] - 1
    if not given:
        return ", " if text[start:end] == "(" else None
    if given[-1][1] != end or isinstance(call.args[-1] if call.args else None, ast.GeneratorExp):
        return None
    if len(given) == 1:
        return ", " if text[start : given[0][0]] == "(" else None
    gap = text[given[-2][1] : given[-1][0]]
    if _ON_ONE_LINE.fullmatch(gap):
        return ", "
    return gap if _ON_LINES.fullmatch(gap) else None
