"""Where a project reads names, attributes and functions; what unit tests read does not count."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice

from migrate.analysis.graph import Graph
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, is_self
from migrate.analysis.order import read_after
from migrate.analysis.parts import Parts
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test
from migrate.analysis.words import Words


class Reads:
    """Finds what reads a name, and keeps what was asked."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._graph = project.cached(Graph)
        self._parts = project.cached(Parts)
        self._words = project.cached(Words)
        self._called_once: dict[tuple[str, int], bool] = {}
        self._read_after: dict[ast.Name, list[ast.Name]] = {}

    def module(self, path: str) -> Module | None:
        """The parsed file; None for what does not parse, and for unit tests."""
        if path not in self._project.files or is_unit_test(self._project, path):
            return None  # what tests do with the data is no training
        return self._project.parsed(path)

    def of_variable(self, module: Module, name: ast.Name) -> list[ast.Name]:
        """Where a variable is read that something is assigned to, or that takes something in."""
        if isinstance(name.ctx, ast.Store):
            if name not in self._read_after:
                self._read_after[name] = read_after(module, name)
            return self._read_after[name]
        # An object that takes something in may be elsewhere already.
        found = module.lookup(name.id, name)
        return module.reads(found[0].node, name.id) if found else []

    def of_global(self, qualified: str, name: str) -> Iterator[tuple[Module, ast.AST]]:
        """Where a name of a file's top level is read, in the whole project."""
        for path in self._graph.naming(qualified):
            module = self.module(path)
            if module is None:
                continue
            for node in (*module.loads.get(name, ()), *module.attribute_loads.get(name, ())):
                if module.qualified(node) == qualified:
                    yield module, node

    def of_attribute(
        self, module: Module, target: ast.Attribute, owner: ast.ClassDef | None = None
    ) -> Iterator[tuple[Module, ast.AST, bool]]:
        """Where an attribute is read, and whether of an object that is certainly of its class."""
        owner = owner or (module.class_of(target) if is_self(target.value) else None)
        family = self._graph.reach_classes(f"{module.path}:{owner.name}") if owner else set()
        for other in self._reading(target.attr, module.path):
            for node in other.attribute_loads.get(target.attr, ()):
                certain = self._is_certain(other, node.value, family)
                if certain is not None:
                    yield other, node, certain

    def of_function(self, module: Module, function: Function) -> Iterator[tuple[Module, ast.AST]]:
        """Where a function or method is called or handed on."""
        parent = module.parents[function]
        if isinstance(parent, ast.ClassDef):
            holder = ast.Attribute(ast.Name("self", ast.Load()), function.name, ast.Store())
            for other, load, _ in self.of_attribute(module, holder, parent):
                yield other, load
        elif module.scopes[function] is module.scope:
            yield from self.of_global(f"{module.path}:{function.name}", function.name)
        else:
            scope = module.scopes[function]
            for load in module.reads(scope.node, function.name):
                yield module, load

    def is_called_once(self, module: Module, function: Function) -> bool:
        """Whether one place at most calls a function, or makes the class that it constructs."""
        key = (module.path, function.lineno)
        if key not in self._called_once:
            parent = module.parents[function]
            places: Iterator[tuple[Module, ast.AST]]
            if function.name == "__init__" and isinstance(parent, ast.ClassDef):
                places = self.of_global(f"{module.path}:{parent.name}", parent.name)
            else:
                places = self.of_function(module, function)
            self._called_once[key] = len(list(islice(places, 2))) < 2
        return self._called_once[key]

    def _reading(self, attribute: str, near: str) -> Iterator[Module]:
        """The files in a file's part that may read an attribute of that name."""
        for path in self._parts.near(near, self._words.files_with_attribute(attribute)):
            module = self.module(path)
            if module is not None:
                yield module

    def _is_certain(self, module: Module, node: ast.expr, family: set[str]) -> bool | None:
        """Whether an object is of one of the classes; None when it is certainly not."""
        if is_self(node):
            around = module.class_of(node)
            mine = around is not None and f"{module.path}:{around.name}" in family
            return True if mine else None
        kind = module.instance_of(node)
        if kind is None:
            return False if module.qualified(node) is None else None
        return True if kind in family else None
