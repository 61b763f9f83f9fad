"""Which script of a project is the one that trains."""

from __future__ import annotations

import re

from migrate.analysis.graph import Graph
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test
from migrate.analysis.training import trains

_SCRIPT = re.compile(rb"^if\s*\(?\s*__name__\s*==\s*['\"]__main__['\"]", re.MULTILINE)


def training_scripts(project: Project) -> list[str]:
    """The scripts that train, in sorted order: those with ``if __name__ == "__main__"``.

    An evaluation that makes the same model does not train. So what a script names counts, step by
    step, and first without the methods of a class that it makes but does not call; where no
    script trains by that, with them.
    """
    graph = project.cached(Graph)
    scripts = [
        path
        for path in project.python_files
        if _SCRIPT.search(project.files[path].data) and not is_unit_test(project, path)
    ]
    named = [path for path in scripts if _trains(graph, _named(graph, f"{path}:"))]
    return named or [path for path in scripts if _trains(graph, graph.reach({f"{path}:"}))]


def _trains(graph: Graph, functions: set[str]) -> bool:
    return any(trains(use) for use in graph.uses(functions))


def _named(graph: Graph, root: str) -> set[str]:
    found: set[str] = set()
    left = [root]
    while left:
        key = left.pop()
        if key in found:
            continue
        found.add(key)
        facts = graph.facts(key)
        if facts is not None:
            left += facts.references
        elif not key.endswith(".__init__"):
            left.append(f"{key}.__init__")  # a class
    return found
