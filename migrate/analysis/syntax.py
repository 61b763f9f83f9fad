"""Parsing as the Python that runs a port, which has TensorFlow 1.15.0: Python 3.7."""

from __future__ import annotations

import ast
import gc
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

TARGET_VERSION = (3, 7)
# Refused for Python 3.7 although `with (a):` always was Python: a real Python 3.7 has to tell.
_IN_DOUBT = "Parenthesized context managers"
# What stands in each ``f'{x=}'``, and hardly anywhere else.
_EQUALS = re.compile(r"=\s*[}!:]")
# How deep Python 3.11 lets a tree be; Python 3.10 has no limit, 3.7 cannot compile a tree so deep.
_DEEPEST = 3000


class NewerPython(SyntaxError):
    """The text is Python, but not as early as 3.7."""


def parse(text: str) -> ast.Module:
    """The tree of a text that Python 3.7 can run, as far as this Python can tell.

    Raises:
        NewerPython: only a later Python can.
        SyntaxError: it is not Python 3.
        ValueError, RecursionError, MemoryError: it cannot be parsed at all.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # upstream's invalid escapes are not ours to tell
        try:
            tree = _checked(ast.parse(text, feature_version=TARGET_VERSION))
        except SyntaxError as error:
            tree = ast.parse(text)  # what is wrong for every version is told by this one
            if error.msg.startswith(_IN_DOUBT):
                return tree
            raise NewerPython(error.msg, (None, error.lineno, None, None)) from None
    line = _self_documenting(text)
    if line:
        message = "f-string: self documenting expressions are only supported in Python 3.8 and"
        raise NewerPython(f"{message} greater", (None, line, None, None))
    return tree


def _self_documenting(text: str) -> int:
    """The line of an ``f'{x=}'``, or 0: Python 3.12's parser lets it pass for any version."""
    if sys.version_info < (3, 12) or not _EQUALS.search(text):
        return 0
    within, last = 0, ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        within += (kind == "FSTRING_START") - (kind == "FSTRING_END")
        if within and last == "=" and token.string in ("}", "!", ":"):
            return token.start[0]
        last = token.string if kind == "OP" else ""
    return 0


def _checked(tree: ast.Module) -> ast.Module:
    """The tree, unless Python 3.10 has let it be deeper than later ones do."""
    if sys.version_info < (3, 11):
        level: list[ast.AST] = [tree]
        depth = 0
        while level and depth < _DEEPEST:
            depth += 1
            level = [child for node in level for child in ast.iter_child_nodes(node)]
        if level:
            raise RecursionError("maximum recursion depth exceeded during ast construction")
    return tree


@contextmanager
def uncollected() -> Iterator[None]:
    """Leaves memory to reference counts alone, at half the cost.

    A parsed module is some hundred thousand objects but no cycle, so it goes as soon as the project
    drops it; the cyclic collector would only visit all those objects again and again. What was
    parsed has to be gone at the end, or the collector visits all of it once.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
