"""Which files of a project may run in one program, as far as their imports tell.

An object made in one file can be read in another only where a program loads both. A tree of many
programs falls into parts that import nothing of one another; looking for a name beyond its part
costs much and finds what only happens to be called the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from posixpath import commonpath

from migrate.analysis.imported import imported_files
from migrate.analysis.project import Project
from migrate.analysis.words import holds_any

# What imports by a name that only a run can tell.
IMPORTS_BY_NAME = (b"import_module", b"__import__")


class Parts:
    """The files by the part that they belong to, as the files stand now; use with ``cached``.

    A part that imports modules by computed names may load whatever lies in its folder or below.
    """

    def __init__(self, project: Project) -> None:
        self._above: dict[str, str] = {path: path for path in project.python_files}
        for path in project.python_files:
            for other in project.cached_for(path, imported_files):
                self._join(path, other)
        by_name = [p for p in self._above if holds_any(project.files[p].data, IMPORTS_BY_NAME)]
        folders: dict[str, list[str]] = {}
        for path in self._above:
            folders.setdefault(self.of(path), []).append(path.rpartition("/")[0])
        for part in dict.fromkeys(map(self.of, by_name)):
            around = commonpath(folders[part])
            for path in self._above:
                if not around or path.startswith(f"{around}/"):
                    self._join(part, path)

    def of(self, path: str) -> str:
        """One file of the part that a file belongs to, the same for all of them."""
        above = self._above
        while (other := above.get(path, path)) != path:
            above[path] = above[other]
            path = above[path]
        return path

    def all(self) -> list[list[str]]:
        """The files of each part, the largest part first."""
        found: dict[str, list[str]] = {}
        for path in self._above:
            found.setdefault(self.of(path), []).append(path)
        return sorted(found.values(), key=len, reverse=True)

    def near(self, path: str, others: Iterable[str]) -> list[str]:
        """Those of some files that are in the part of ``path``."""
        part = self.of(path)
        return [other for other in others if self.of(other) == part]

    def _join(self, path: str, other: str) -> None:
        if other in self._above:
            first, second = sorted((self.of(path), self.of(other)))
            self._above[second] = first
