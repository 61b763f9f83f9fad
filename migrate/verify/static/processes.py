"""Which files come together in one process: by what the project's scripts import."""

from __future__ import annotations

from collections.abc import Callable

from migrate.analysis.closure import reached
from migrate.analysis.imported import imported_names
from migrate.analysis.project import Project


class Processes:
    """The imports of a project; derive with ``cached``."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._imports: dict[str, frozenset[str]] = {}
        self._names: dict[str, frozenset[str]] = {}
        for path in project.python_files:
            self._imports[path], self._names[path] = _read(project, path)
        self._importers: dict[str, set[str]] = {}
        for path, imported in self._imports.items():
            for other in imported:
                self._importers.setdefault(other, set()).add(path)

    def loads(self, path: str, wanted: Callable[[str], bool]) -> bool:
        """Whether some process with this file in it imports a library module.

        Args:
            wanted: tells it by its dotted name.
        """
        matching = {p for p, names in self._names.items() if any(map(wanted, names))}
        if not matching:
            return False
        scripts = reached({path}, lambda file: self._importers.get(file, frozenset()))
        return bool(reached(scripts, lambda file: self._imports.get(file, frozenset())) & matching)


def is_npu_init(name: str) -> bool:
    return name == "npu_bridge.npu_init" or name.startswith("npu_bridge.npu_init.")


def _read(project: Project, path: str) -> tuple[frozenset[str], frozenset[str]]:
    """The project's files that a file imports, and the names of libraries that matter."""
    own: set[str] = set()
    names: set[str] = set()
    module = project.parsed(path)
    if module is None or b"import" not in project.files[path].data:
        return frozenset(), frozenset()
    for node in module.nodes:
        for name, level in imported_names(node):
            if not name:  # `from . import x` names the folder only on the way to x
                continue
            if not level and name.startswith(("npu_bridge", "npu_runtime")):
                names.add(name)
                continue
            found, colon, _ = project.resolve_import(path, name, level).partition(":")
            if colon and found in project.files:
                own.add(found)
    return frozenset(own), frozenset(names)
