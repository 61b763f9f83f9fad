"""Whether training is reached around a place in the code."""

from __future__ import annotations

import ast

from migrate.analysis.graph import Graph
from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.references import owner_of
from migrate.analysis.training import trains


def functions_around(project: Project, module: Module, node: ast.AST) -> set[str]:
    """The functions that the code with a node calls, and those that lead to it."""
    graph = project.cached(Graph)
    owners = {owner_of(module, node)}
    owner_class = module.class_of(node)
    if owner_class is not None:  # what one method configures, another uses
        owners |= graph.members(owner_of(module, owner_class.body[0]))
    return graph.reach(owners | graph.callers(owners))


def trains_around(project: Project, module: Module, node: ast.AST) -> str:
    """Where code around a node trains, as ``file:line``; empty where none does."""
    graph = project.cached(Graph)
    for use in graph.uses(functions_around(project, module, node)):
        if trains(use):
            return use.place
    return ""
