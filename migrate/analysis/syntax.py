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
# Refused before Python 3.9 although `with (a):` always was Python: a real Python 3.7 has to tell.
_IN_DOUBT = "Parenthesized context managers"
_UNDOUBTED_VERSION = (3, 9)
_F_STRING = re.compile(r"""\b(?:[fF][rR]?|[rR][fF])['"]""")
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
            ast.parse(text)  # what is wrong for every version is told by this one
            if not error.msg.startswith(_IN_DOUBT):
                raise _newer(error.msg, error.lineno) from None
            tree = _parse_undoubted(text)
    if sys.version_info >= (3, 12) and _F_STRING.search(text):
        _check_f_strings(text)
    return tree


def _parse_undoubted(text: str) -> ast.Module:
    """Parses what has a context manager in brackets: the rest of it is for Python 3.7.

    Raises:
        NewerPython: it is not.
    """
    try:
        tree = ast.parse(text, feature_version=_UNDOUBTED_VERSION)
    except SyntaxError as error:
        raise _newer(error.msg, error.lineno) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.NamedExpr):
            message = "Assignment expressions are only supported in Python 3.8 and greater"
            raise _newer(message, node.lineno)
        if isinstance(node, ast.arguments) and node.posonlyargs:
            message = "Positional-only parameters are only supported in Python 3.8 and greater"
            raise _newer(message, node.posonlyargs[0].lineno)
    return tree


def _newer(message: str, line: int | None) -> NewerPython:
    return NewerPython(message, (None, line, None, None))


def _check_f_strings(text: str) -> None:
    """Finds in f-strings what Python 3.12's parser lets pass for any version.

    Earlier ones first read an f-string as any other, to the quotes that end it, and then the
    expressions in it, which hold no backslash and no comment.

    Raises:
        NewerPython: ``f'{x=}'``, or ``f'{d['x']}'`` and its kind.
    """
    quotes: list[str] = []  # of the f-strings around
    last = ""
    # tokenize takes a backslash before a lone CR for one in the middle of a line.
    lines = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"))
    for token in tokenize.generate_tokens(lines.readline):
        kind, written = tokenize.tok_name[token.type], token.string
        if kind == "FSTRING_END":
            quotes.pop()
        around = quotes[:-1] if kind == "FSTRING_MIDDLE" else quotes
        message = ""
        if around and last == "=" and written in ("}", "!", ":"):
            message = "self documenting expressions are only supported in Python 3.8 and greater"
        elif any(quote in written for quote in around):
            message = "its own quotes within an expression need Python 3.12"
        elif around and ("\\" in written or kind == "COMMENT"):
            message = "a backslash or a comment within an expression needs Python 3.12"
        elif "\n" in written and any(len(quote) == 1 for quote in around):
            message = "an expression over several lines needs Python 3.12"
        if message:
            raise _newer(f"f-string: {message}", token.start[0])
        if kind == "FSTRING_START":
            quotes.append(written.lstrip("fFrR"))
        last = written if kind == "OP" else ""


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
