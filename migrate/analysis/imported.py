"""What import statements name, and which of a project's files they bring in."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from migrate.analysis.closure import reached

if TYPE_CHECKING:
    from migrate.analysis.module import Module
    from migrate.analysis.project import Project

_STAND_ON_TENSORFLOW = frozenset({"tensorflow", "keras", "horovod", "tf_slim"})


def imported_names(node: ast.AST) -> list[tuple[str, int]]:
    """The modules that an import statement may name, each with its relative level.

    ``from a import b`` may name the module ``a.b`` as well as ``a``, and ``import a.b`` names both.
    Other nodes name none.
    """
    if isinstance(node, ast.Import):
        names = (alias.name.split(".") for alias in node.names)
        return [(".".join(parts[:n]), 0) for parts in names for n in range(1, len(parts) + 1)]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        below = [(f"{base}.{alias.name}".strip("."), node.level) for alias in node.names]
        return [(base, node.level), *below]
    return []


def imported_packages(node: ast.AST) -> set[str]:
    """The topmost packages that an absolute import names; other nodes name none."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and not node.level:
        return {(node.module or "").partition(".")[0]}
    return set()


def imports_tensorflow(module: Module) -> bool:
    """Whether the file imports TensorFlow, or what stands on it, anywhere in it."""
    return any(not _STAND_ON_TENSORFLOW.isdisjoint(imported_packages(n)) for n in module.imports)


def imported_by(project: Project, *entries: str) -> list[str]:
    """Scripts and the project's modules that they import, directly or not, in that order."""
    found: dict[str, None] = {}
    left = deque(entries)
    while left:
        path = left.popleft()
        if path not in found and path in project.files and project.failure(path) is None:
            found[path] = None
            left += project.cached_for(path, imported_files)
    return list(found)


def imported_files(project: Project, path: str) -> list[str]:
    """The files that a file's imports may mean, each once, in order; derive with ``cached_for``."""
    found: dict[str, None] = {}
    module = project.parsed(path)
    for node in module.imports if module is not None else ():
        for dotted, level in imported_names(node):
            target = project.resolve_import(path, dotted, level).partition(":")[0]
            if target in project.files:
                found[target] = None
    return list(found)


def importers(project: Project) -> dict[str, list[str]]:
    """The files that import each file themselves; derive with ``cached``."""
    found: dict[str, list[str]] = {}
    for path in project.python_files:
        for imported in project.cached_for(path, imported_files):
            found.setdefault(imported, []).append(path)
    return found


def importing(project: Project, paths: Iterable[str]) -> set[str]:
    """Some files, and all that import them, directly or not."""
    known = project.cached(importers)
    return reached(paths, lambda path: known.get(path, ()))
