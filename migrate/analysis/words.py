"""Which files hold a word: asked before a file is parsed for the sake of a name."""

from __future__ import annotations

import re

from migrate.analysis.project import Project

_WORD = re.compile(rb"\w+")
# What a project gives names to: functions, classes, attributes and what a class binds.
_NAMED = re.compile(rb"\b(?:def|class)[ \t]+(\w+)|(\w+)[ \t]*=(?!=)")


class Words:
    """The files of a project by the words that stand in them, as the files stand now."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._named = {
            word
            for path in project.python_files
            for pair in _NAMED.findall(project.files[path].data)
            for word in pair
        }
        self._files: dict[bytes, list[str]] = {}
        for path in project.python_files:
            for word in self._named.intersection(_WORD.findall(project.files[path].data)):
                self._files.setdefault(word, []).append(path)

    def files_with(self, word: str) -> list[str]:
        """Those that hold a word, sorted by path."""
        text = word.encode()
        if text not in self._named:
            files = self._project.files
            self._files[text] = [p for p in self._project.python_files if text in files[p].data]
            self._named.add(text)
        return self._files[text]
