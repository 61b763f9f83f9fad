"""Which files come together in one process: by what the project's scripts import."""

from __future__ import annotations

from collections.abc import Callable

from migrate.analysis.imported import imported_by, imported_names, importing
from migrate.analysis.project import Project


class Processes:
    """What the files of a project import of the adapter and its kin; derive with ``cached``."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._names = {path: _names(project, path) for path in project.python_files}

    def loads(self, path: str, wanted: Callable[[str], bool]) -> bool:
        """Whether some process with this file in it imports a library module.

        Args:
            wanted: tells it by its dotted name.
        """
        matching = {p for p, names in self._names.items() if any(map(wanted, names))}
        if not matching:
            return False
        scripts = importing(self._project, {path})
        return not matching.isdisjoint(imported_by(self._project, *scripts))


def is_npu_init(name: str) -> bool:
    return name == "npu_bridge.npu_init" or name.startswith("npu_bridge.npu_init.")


def _names(project: Project, path: str) -> frozenset[str]:
    module = project.parsed(path) if b"npu_" in project.files[path].data else None
    return frozenset(
        name
        for node in (module.imports if module is not None else ())
        for name, level in imported_names(node)
        if not level and name.startswith(("npu_bridge", "npu_runtime"))
    )
