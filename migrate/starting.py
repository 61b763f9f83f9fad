"""How Python is told to start a script: by its path, or as a module of its package."""

from __future__ import annotations

import ast
from itertools import pairwise

from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.codemods.guards import IMPORTS, is_guarded


def start_words(project: Project, script: str) -> tuple[str, ...]:
    """The words behind ``python``, in the project's folder, that start a script.

    One that imports relatively has to be started as a module of its package.
    """
    module = module_name(script)
    wanted = relative_imports(project, script) if module else []
    # From beyond the port's root nothing can be imported.
    is_within = all(node.level <= script.count("/") for node in wanted)
    return ("-m", module) if wanted and is_within else (script,)


def module_name(script: str) -> str:
    """What ``python -m`` calls a script in the project's folder; empty where no package has it."""
    path = script.removesuffix(".py")
    return path.replace("/", ".") if "/" in path and "." not in path else ""


def relative_import(project: Project, script: str) -> int:
    """The line of the first import that fails where a script is started by its path; 0 for none."""
    return min((node.lineno for node in relative_imports(project, script)), default=0)


def relative_imports(project: Project, script: str) -> list[ast.ImportFrom]:
    """The imports that fail where a script is started by its path."""
    module = project.parsed(script)
    if module is None or b"__package__" in module.source.data:
        return []
    return [
        node
        for node in module.imports
        if isinstance(node, ast.ImportFrom) and node.level and not _is_avoided(module, node)
    ]


def _is_avoided(module: Module, node: ast.ImportFrom) -> bool:
    """Whether a relative import may fail, or is only there for those who import the file."""
    around = [node, *module.ancestors(node)]
    for child, parent in pairwise(around):
        if not isinstance(parent, ast.If) or (started := _asks_for_name(parent.test)) is None:
            continue
        if child in (parent.orelse if started else parent.body):
            return True
    return is_guarded(module, node, IMPORTS)


def _asks_for_name(test: ast.expr) -> bool | None:
    """Whether it is true of a script that is started, or of a module; None for other conditions."""
    if not any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(test)):
        return None
    return not any(isinstance(part, ast.NotEq) for part in ast.walk(test))
