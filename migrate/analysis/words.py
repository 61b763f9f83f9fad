"""Words, and which files hold one: asked before a file is parsed for the sake of a name."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from migrate.analysis.imported import imported_files
from migrate.analysis.project import Project

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class Identifiers(NamedTuple):
    """What stands in a file's code.

    Args:
        attributes: the words behind a dot.
        names: all others: of variables and imports, and texts where ``getattr`` may take them.

    Each word is there once. They are tuples, since sets of them all would take much memory.
    """

    attributes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Words:
    """The files of a project by the words that stand in them, as the files stand now."""

    def __init__(self, project: Project) -> None:
        self._behind_dots: dict[str, list[str]] = {}
        self._elsewhere: dict[str, list[str]] = {}
        for path in project.python_files:
            words = project.cached_for(path, identifiers_in)
            for word in words.attributes:
                self._behind_dots.setdefault(word, []).append(path)
            for word in words.names:
                self._elsewhere.setdefault(word, []).append(path)

    def files_with(self, word: str) -> list[str]:
        """Those that hold a word, sorted by path."""
        return sorted({*self.files_with_attribute(word), *self._elsewhere.get(word, ())})

    def files_with_attribute(self, word: str) -> list[str]:
        """Those that hold it behind a dot, sorted by path."""
        return self._behind_dots.get(word, [])


def identifiers_in(project: Project, path: str) -> Identifiers:
    """The words of a file's code; derive with ``cached_for``."""
    module = project.parsed(path)
    if module is None:
        return Identifiers()
    names = {node.id for node in module.all_of(ast.Name)}
    for alias in module.all_of(ast.alias):
        names.update(alias.name.split("."))
        names.add(alias.asname or "")
    if b"getattr" in module.source.data:
        names |= {n.value for n in module.all_of(ast.Constant) if isinstance(n.value, str)}
    attributes = {node.attr for node in module.all_of(ast.Attribute)}
    return Identifiers(tuple(attributes), tuple(names))


def words_of(name: str) -> frozenset[str]:
    """The words that a name is made of, in lower case; ``logdir`` is one."""
    return frozenset(word.lower() for word in _WORD.findall(name))


def is_used_elsewhere(project: Project, path: str, name: str) -> bool:
    """Whether another file of the project reaches ``name`` through the module at ``path``.

    Errs on the side of yes: a module that star-imports this one and mentions the name in
    any way counts.
    """
    module = path.removesuffix("__init__.py").rstrip("/").removesuffix(".py")
    stem = posixpath.basename(module).encode()
    wanted = name.encode()
    for other in project.python_files:
        data = project.files[other].data
        if other == path or stem not in data or wanted not in data:
            continue
        if project.failure(other) is not None:
            return True
        if name in project.cached_for(other, identifiers_in).attributes:
            return True
        if path not in project.cached_for(other, imported_files):
            continue
        for node in project.module(other).all_of(ast.ImportFrom):
            base = project.resolve_import(other, node.module or "", node.level)
            if base == f"{path}:" and any(a.name in (name, "*") for a in node.names):
                return True
    return False


def holds_any(data: bytes, words: Iterable[bytes]) -> bool:
    """Whether any of some words stands in a file; faster than a pattern of all of them."""
    return any(word in data for word in words)
