"""Which files hold a word: asked before a file is parsed for the sake of a name."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from migrate.analysis.project import Project

_NONE: frozenset[str] = frozenset()


class Identifiers(NamedTuple):
    """What stands in a file's code.

    Args:
        attributes: the words behind a dot.
        names: all others: of variables and imports, and texts where ``getattr`` may take them.
    """

    attributes: frozenset[str] = _NONE
    names: frozenset[str] = _NONE


class Words:
    """The files of a project by the words that stand in them, as the files stand now."""

    def __init__(self, project: Project) -> None:
        self._files = [(p, project.cached_for(p, identifiers_in)) for p in project.python_files]
        self._found: dict[str, list[str]] = {}
        self._behind_dots: dict[str, list[str]] = {}

    def files_with(self, word: str) -> list[str]:
        """Those that hold a word, sorted by path."""
        if word not in self._found:
            self._found[word] = [
                p for p, words in self._files if word in words.attributes or word in words.names
            ]
        return self._found[word]

    def files_with_attribute(self, word: str) -> list[str]:
        """Those that hold it behind a dot, sorted by path."""
        if word not in self._behind_dots:
            self._behind_dots[word] = [p for p, words in self._files if word in words.attributes]
        return self._behind_dots[word]


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
    attributes = frozenset(node.attr for node in module.all_of(ast.Attribute))
    return Identifiers(attributes, frozenset(names))


def holds_any(data: bytes, words: Iterable[bytes]) -> bool:
    """Whether any of some words stands in a file; faster than a pattern of all of them."""
    return any(word in data for word in words)
