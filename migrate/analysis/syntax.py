"""Parsing as the Python that runs a port, which has TensorFlow 1.15.0: Python 3.7."""

from __future__ import annotations

import ast
import gc
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

TARGET_VERSION = (3, 7)
# Refused for Python 3.7 although `with (a):` always was Python: a real Python 3.7 has to tell.
_IN_DOUBT = "Parenthesized context managers"
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
            return _checked(ast.parse(text, feature_version=TARGET_VERSION))
        except SyntaxError as error:
            tree = ast.parse(text)  # what is wrong for every version is told by this one
            if error.msg.startswith(_IN_DOUBT):
                return tree
            raise NewerPython(error.msg, (None, error.lineno, None, None)) from None


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
