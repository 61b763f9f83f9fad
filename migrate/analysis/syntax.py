"""Parsing as the Python that runs a port, which has TensorFlow 1.15.0: Python 3.7."""

from __future__ import annotations

import ast
import warnings

TARGET_VERSION = (3, 7)
# Refused for Python 3.7 although `with (a):` always was Python: a real Python 3.7 has to tell.
_IN_DOUBT = "Parenthesized context managers"


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
            return ast.parse(text, feature_version=TARGET_VERSION)
        except SyntaxError as error:
            tree = ast.parse(text)  # what is wrong for every version is told by this one
            if error.msg.startswith(_IN_DOUBT):
                return tree
            raise NewerPython(error.msg, (None, error.lineno, None, None)) from None
