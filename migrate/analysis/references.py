"""What each piece of a project's code refers to: its own functions, and names of libraries.

A reference counts like a call: a function handed to ``functools.partial`` or kept in a table is
as good as called. Only functions given to a ``tf.data`` transformation are kept apart, since they
become part of the input pipeline, which always runs on the host.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from migrate.analysis.input_pipeline import InputPipeline
from migrate.analysis.module import Module
from migrate.analysis.nodes import Definition, Function, is_self, spelled
from migrate.analysis.project import Project
from migrate.analysis.scopes import Scope
from migrate.analysis.symbols import COMPUTED

LIBRARIES = ("tensorflow.", "keras.", "horovod.")
_ROOTS = tuple(library[:-1] for library in LIBRARIES)
_DEFINITIONS = frozenset({ast.AsyncFunctionDef, ast.ClassDef, ast.FunctionDef})
# Methods that tell what an object of unknown class does.
TELLING_METHODS = frozenset({"minimize", "apply_gradients", "compute_gradients"})
# The same of Keras's optimizers, for training loops of one's own.
KERAS_UPDATES = "get_updates"


class Use(NamedTuple):
    """A name of a library at a place.

    Args:
        name: qualified, or ``.method`` on an object of unknown class.
    """

    name: str
    path: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


class Facts(NamedTuple):
    """What a piece of code refers to; tuples, since a large project has many.

    Args:
        references: project functions, classes and methods, by qualified name, each once.
        pipeline: those that are only handed to a ``tf.data`` transformation.
        uses: library names, but for those in
        pipeline_uses: code that only a ``tf.data`` transformation calls.
    """

    references: tuple[str, ...] = ()
    pipeline: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ()
    pipeline_uses: tuple[Use, ...] = ()


@dataclass
class ClassFacts:
    """A class, or several of one name.

    Args:
        bases: those that are the project's own.
        parents: all bases of each definition; None for one that is not known.
    """

    methods: set[str] = field(default_factory=set)
    bases: list[str] = field(default_factory=list)
    parents: list[tuple[str | None, ...]] = field(default_factory=list)


def method_in(project: Project, owner: str, name: str) -> str | None:
    """The method that objects of a class have, qualified: its own or an inherited one.

    Args:
        owner: qualified name of a class of the project.
    """
    seen: set[str] = set()
    queue = [owner]
    while queue:
        key = queue.pop(0)
        if key in seen:
            continue
        seen.add(key)
        known = classes_in(project, key.partition(":")[0]).get(key)
        if known is None:
            continue
        if name in known.methods:
            return f"{key}.{name}"
        queue += known.bases
    return None


def functions_in(project: Project, path: str) -> dict[str, Facts]:
    """What each function of a file refers to; the module's own code is ``path:``."""
    return project.cached_for(path, _functions)


def names_in(project: Project, path: str) -> frozenset[str]:
    """What the code of a file names, in libraries and in the project, wherever in it."""
    return project.cached_for(path, _names)


def classes_in(project: Project, path: str) -> dict[str, ClassFacts]:
    """The classes of a file, by qualified name."""
    return project.cached_for(path, _classes)[0]


def is_unit_test(project: Project, path: str) -> bool:
    """Whether the file defines a test case."""
    return project.cached_for(path, _classes)[1]


def facts_of(project: Project, module: Module, nodes: Iterable[ast.AST]) -> Facts:
    """What a part of a function refers to, such as the body of a ``with``."""
    notes = _Notes()
    reader = _Reader(project, module)
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute | ast.Name) and _is_read(module, part):
                name = reader.told_by(part)
                if name is not None:
                    reader.note(part, name, notes)
    return notes.facts()


def owner_of(module: Module, node: ast.AST) -> str:
    """The function whose code the node is; the module's own code is ``path:``."""
    key = f"{module.path}:"
    for parent in reversed(list(module.ancestors(node))):
        key = _inside(key, parent)
    return key


def files_of(keys: Iterable[str]) -> set[str]:
    """The files that functions are in, by their qualified names."""
    return {key.partition(":")[0] for key in keys}


def _functions(project: Project, path: str) -> dict[str, Facts]:
    functions: dict[str, _Notes] = {}
    module = project.parsed(path)
    if module is None:
        return {}
    reader = _Reader(project, module)
    parents = module.parents
    # The function that each node's children belong to.
    inner: dict[ast.AST, str] = {module.tree: f"{path}:"}
    looked_up = _looked_up(module)
    for node in module.nodes:
        kind = node.__class__
        if kind is ast.Name or kind is ast.Attribute:
            if (
                node.ctx.__class__ is not ast.Load  # type: ignore[attr-defined]
                or parents[node].__class__ is ast.Attribute
            ):
                continue
            name = reader.told_by(node)  # type: ignore[arg-type]
        else:
            name = looked_up.get(node)
        if name is None:
            continue
        parent = parents[node]
        way = []
        while parent not in inner:
            way.append(parent)
            parent = parents[parent]
        owner = inner[parent]
        for part in reversed(way):
            if part.__class__ in _DEFINITIONS:
                owner = _inside(owner, part)
            inner[part] = owner
        notes = functions.get(owner)
        if notes is None:
            notes = functions[owner] = _Notes()
        reader.note(node, name, notes)
    return {owner: notes.facts() for owner, notes in functions.items()}


def _looked_up(module: Module) -> dict[ast.AST, str]:
    """The library names that ``getattr`` looks up, or what they begin with, by its call."""
    found: dict[ast.AST, str] = {}
    if b"getattr" not in module.source.data:
        return found
    for call in module.all_of(ast.Call):
        if not isinstance(call.func, ast.Name) or call.func.id != "getattr":
            continue
        name = module.qualified(call)
        owner = module.computed_in(call) or ""
        # Of an object, such as FLAGS, any attribute may be asked for; a module has names.
        if owner.startswith(LIBRARIES) or owner in _ROOTS:
            if owner.rpartition(".")[2].islower():
                found[call] = f"{owner}.{COMPUTED}"
        elif (
            name is not None
            and name.startswith(LIBRARIES)
            and not isinstance(module.parents[call], ast.Attribute)  # noted as a longer name
        ):
            found[call] = name
    return found


def _names(project: Project, path: str) -> frozenset[str]:
    found: set[str] = set()
    for facts in functions_in(project, path).values():
        found.update(facts.references, facts.pipeline)
        found |= {use.name for use in (*facts.uses, *facts.pipeline_uses)}
    module = project.parsed(path) if b"getattr" in project.files[path].data else None
    if module is not None:
        found |= {name for call in module.all_of(ast.Call) if (name := module.qualified(call))}
    return frozenset(found)


def _classes(project: Project, path: str) -> tuple[dict[str, ClassFacts], bool]:
    classes: dict[str, ClassFacts] = {}
    is_test = False
    module = project.parsed(path)
    if module is None or b"class" not in module.source.data:
        return classes, is_test
    for node in module.all_of(ast.ClassDef):
        known = classes.setdefault(f"{path}:{node.name}", ClassFacts())
        for statement in node.body:
            if isinstance(statement, Function):
                known.methods.add(statement.name)
        known.parents.append(tuple(module.qualified(base) for base in node.bases))
        for name in known.parents[-1]:
            if name is None:
                continue
            if ":" in name:
                known.bases.append(name)
                # A base of the project's own, where its file knows unit tests.
                file = project.files.get(name.partition(":")[0])
                if file is None or not any(w in file.data for w in (b"unittest", b"tf.test")):
                    continue
            if name.endswith("TestCase"):
                is_test = True
    return classes, is_test


# What this module derives of each file.
FACTS = (_functions, _names, _classes)


@dataclass(slots=True)
class _Notes:
    """The facts of a piece of code while it is read."""

    references: dict[str, None] = field(default_factory=dict)
    pipeline: dict[str, None] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    pipeline_uses: list[Use] = field(default_factory=list)

    def facts(self) -> Facts:
        return Facts(
            tuple(self.references),
            tuple(self.pipeline),
            tuple(self.uses),
            tuple(self.pipeline_uses),
        )


class _Reader:
    def __init__(self, project: Project, module: Module) -> None:
        self._project = project
        self._module = module
        self._pipeline = InputPipeline(project, module)
        # What each name of a scope stands for.
        self._names: dict[tuple[Scope, str], str | None] = {}

    def told_by(self, node: ast.Attribute | ast.Name) -> str | None:
        """What a name that is read stands for, as far as that is of use: for a ``Use``, or own."""
        target = self._target(node)
        if target is None:
            told = spelled(node) if isinstance(node, ast.Attribute) else ""
            return f".{told}" if told in TELLING_METHODS or told == KERAS_UPDATES else None
        return target if ":" in target or target.startswith(LIBRARIES) else None

    def note(self, node: ast.AST, name: str, notes: _Notes) -> None:
        """Adds what a piece of code tells."""
        module = self._module
        name = sys.intern(name)  # many files have the same
        if ":" in name:
            (notes.pipeline if self._pipeline.holds(node) else notes.references)[name] = None
            return
        piped = isinstance(node, ast.Attribute | ast.Name) and name[0] != "."
        uses = notes.pipeline_uses if piped and self._pipeline.holds(node) else notes.uses
        uses.append(Use(name, module.path, node.lineno))  # type: ignore[attr-defined]
        if name == "tensorflow.app.run" and "main" in module.scope.bindings:
            notes.references[f"{module.path}:main"] = None  # what it calls by default

    def _target(self, node: ast.Attribute | ast.Name) -> str | None:
        module = self._module
        if isinstance(node, ast.Attribute):
            return self._method(node) if is_self(node.value) else module.name_of(node)
        key = (module.scopes[node], node.id)
        if key not in self._names:
            known = module.name_of(node)
            if known is None and (local := _local_function(module, node)) is not None:
                known = _inside(owner_of(module, local), local)
            self._names[key] = known
        return self._names[key]

    def _method(self, node: ast.Attribute) -> str | None:
        module = self._module
        owner = module.class_of(node)
        if owner is None:
            return None
        return method_in(self._project, f"{module.path}:{owner.name}", node.attr)


def _is_read(module: Module, node: ast.Attribute | ast.Name) -> bool:
    """Whether the name is read, and no part of a longer one."""
    return node.ctx.__class__ is ast.Load and module.parents[node].__class__ is not ast.Attribute


def _inside(owner: str, node: ast.AST) -> str:
    if node.__class__ in _DEFINITIONS:
        assert isinstance(node, Definition)
        return f"{owner}{'' if owner.endswith(':') else '.'}{node.name}"
    return owner


def _local_function(module: Module, node: ast.Name) -> ast.AST | None:
    """The definition, when the name is a function defined inside another."""
    found = module.lookup(node.id, node)
    if found is None or found[0].parent is None:
        return None
    definitions = [b.node for b in found[1] if b.kind == "definition"]
    return definitions[0] if len(definitions) == 1 else None
