"""Code that tests for a version, or expects to fail, and so has a replacement of its own."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from migrate.analysis.module import Module

# What tests of Python's version, or of what it has, hold.
_VERSIONS = (
    *("version_info", "PY2", "PY3", "python_version", "hasattr", "sys.version", "hexversion"),
    *("str is bytes", "bytes is str", "str == bytes", "bytes == str"),
)
# How Python 3 fails where it meets names, modules and lists of Python 2.
NAMES = frozenset({"AttributeError", "NameError"})
IMPORTS = frozenset({"ImportError", "ModuleNotFoundError"})
LISTS = frozenset({"AttributeError", "TypeError"})
_ALL_FAILURES = frozenset({"BaseException", "Exception", "StandardError", "the bare one"})
_LEAVES = ast.Return | ast.Raise | ast.Continue | ast.Break


def is_guarded(
    module: Module,
    node: ast.AST,
    failures: Collection[str] = NAMES,
    versions: Collection[str] = _VERSIONS,
) -> bool:
    """Whether a place is meant for Python 2 only, or expected to fail in Python 3.

    That is: behind a test of the version; in a ``try`` that expects the failure, or where that or
    a failed import is handled.

    Args:
        failures: the names of the exceptions that Python 3 raises there.
        versions: what a test of the version holds.
    """
    child = node
    for parent in module.ancestors(node):
        if isinstance(parent, ast.If | ast.IfExp | ast.While | ast.BoolOp):
            test = parent if isinstance(parent, ast.BoolOp) else parent.test
            if _asks_for_version(module, test, versions):
                return True
        if isinstance(parent, ast.Try):
            tried = child in parent.body and _expects(parent, parent.handlers, failures)
            if tried or (
                isinstance(child, ast.ExceptHandler)
                and _expects(parent, [child], {*failures, *IMPORTS})
            ):
                return True
        if any(
            isinstance(s, ast.If)
            and isinstance(s.body[-1], _LEAVES)
            and _asks_for_version(module, s.test, versions)
            for s in module.statements_before(child)
        ):
            return True
        child = parent
    return False


def _asks_for_version(module: Module, test: ast.expr, versions: Collection[str]) -> bool:
    if any(word in module.text_of(test) for word in versions):
        return True
    for name in ast.walk(test):
        found = module.lookup(name.id, name) if isinstance(name, ast.Name) else None
        for binding in found[1] if found else ():
            if binding.kind == "value" and binding.node is not None:
                text = module.text_of(binding.node)
                if len(text) < 200 and any(word in text for word in versions):
                    return True
    return False


def _expects(
    tried: ast.Try, handlers: Sequence[ast.ExceptHandler], failures: Collection[str]
) -> bool:
    """Whether some handlers of a ``try`` are for what Python 3 does."""
    caught = {name for handler in handlers for name in _names_in(handler.type)}
    if not caught.isdisjoint(failures):
        return True
    # What catches everything may be about something else, unless imports are tried.
    imports = all(isinstance(s, ast.Import | ast.ImportFrom) for s in tried.body)
    return imports and bool(caught & _ALL_FAILURES)


def _names_in(node: ast.AST | None) -> Iterator[str]:
    if node is None:
        yield "the bare one"
        return
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
