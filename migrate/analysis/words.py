"""Which files hold a word: asked before a file is parsed for the sake of a name."""

from __future__ import annotations

import re
from functools import cached_property

from migrate.analysis.project import Project

_WORD = re.compile(rb"\w+")
# What a project gives names to, and other files may ask for: functions, classes, attributes.
_NAMED = re.compile(rb"\b(?:def|class)[ \t]+(\w+)|\.(\w+)[ \t]*=")
# Before so many words are asked for, looking for each costs less than an index of all.
_FEW = 100


class Words:
    """The files of a project by the words that stand in them, as the files stand now."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._found: dict[str, list[str]] = {}

    def files_with(self, word: str) -> list[str]:
        """Those that hold a word, sorted by path."""
        if word not in self._found:
            text, files = word.encode(), self._project.files
            found = self._index.get(text) if len(self._found) > _FEW else None
            if found is None:
                found = [path for path in self._project.python_files if text in files[path].data]
            self._found[word] = found
        return self._found[word]

    @cached_property
    def _index(self) -> dict[bytes, list[str]]:
        files = self._project.files
        named = {
            word
            for path in self._project.python_files
            for pair in _NAMED.findall(files[path].data)
            for word in pair
        }
        found: dict[bytes, list[str]] = {}
        for path in self._project.python_files:
            for word in named.intersection(_WORD.findall(files[path].data)):
                found.setdefault(word, []).append(path)
        return found
