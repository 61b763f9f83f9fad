"""What the calls of a project's functions pass, kept as facts: the trees may be dropped.

An expression is known by its file and its number among the file's nodes.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, is_self
from migrate.analysis.parts import Parts
from migrate.analysis.project import Project
from migrate.analysis.references import classes_in, is_unit_test, names_in
from migrate.analysis.words import Words

# Methods of texts, lists, tables and open files, as in `log.write(line)`: such a word alone does
# not tell whose method is called.
_OF_BUILTINS = frozenset(
    name for kind in (str, bytes, list, dict, set, io.TextIOWrapper) for name in dir(kind)
)
# Libraries that give back, or hold, what others made: an object of the project as well.
_HANDING_ON = frozenset(
    "Queue asyncio cPickle cloudpickle collections concurrent contextlib contextlib2 copy dill "
    "functools heapq importlib itertools joblib mock multiprocessing operator pickle queue shelve "
    "threading tqdm types unittest weakref".split()
)
_DEEPEST = 6


class CallFacts(NamedTuple):
    """One call.

    Args:
        number: of the call among the nodes of its file.
        name: qualified name of what it calls, or None.
        attribute: the word behind the last dot, where it calls an attribute.
        of_class: whether a class, not an object, stands before that dot, or nothing at all.
        local: functions of the file that a plain name without a qualified one may mean.
        above: for ``super().method``, the class around it.
        positional: the arguments by position, up to those that hide behind ``*args``.
        keywords: the others.
    """

    number: int
    name: str | None
    attribute: str
    of_class: bool
    local: tuple[int, ...]
    above: str
    positional: tuple[int, ...]
    keywords: tuple[tuple[str, int], ...]

    def argument(self, name: str, position: int) -> int | None:
        """The number of an argument by keyword or position."""
        for word, number in self.keywords:
            if word == name:
                return number
        return self.positional[position] if position < len(self.positional) else None


class Callers:
    """The calls of functions, unit tests apart, as the files stand now."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._words = project.cached(Words)
        self._parts = project.cached(Parts)
        self._holding: dict[str, list[str]] = {}

    def holding(self, word: str, near: str) -> list[str]:
        """The files in a file's part that parse and hold a word, unit tests apart."""
        if word not in self._holding:
            self._holding[word] = [
                path
                for path in self._words.files_with(word)
                if not is_unit_test(self._project, path) and self._project.failure(path) is None
            ]
        return self._parts.near(near, self._holding[word])

    def of(
        self, path: str, number: int, name: str, owner: str | None
    ) -> Iterator[tuple[str, CallFacts, bool]]:
        """Calls of a function: the file, the call, and whether ``self`` is left out of it.

        Args:
            path: the function's file.
            number: of the function among the nodes there.
            owner: the class that it is a method of.
        """
        if owner is not None and name == "__init__":
            yield from self._constructions(path, owner)
            return
        wanted = f"{path}:{owner}.{name}" if owner is not None else f"{path}:{name}"
        methods = set(self._words.files_with_attribute(name)) if owner is not None else set()
        for other in self.holding(name, path):
            if other != path and other not in methods and not self._names(other, wanted):
                continue
            for call in self._calls(other, name):
                if call.name == wanted:
                    yield other, call, owner is not None and not call.of_class
                elif owner is not None and call.attribute == name and self._may_be(call, name):
                    yield other, call, not call.of_class
                elif other == path and number in call.local:
                    yield other, call, False

    def _may_be(self, call: CallFacts, method: str) -> bool:
        """Whether a method that is called may be any class's of the project that has its name."""
        if method not in _OF_BUILTINS or call.above:
            return call.name is None or ":" in call.name
        made = (call.name or "").rpartition(".")[0]  # an heir, perhaps
        path, colon, _ = made.partition(":")
        known = classes_in(self._project, path).get(made) if colon else None
        return known is not None and method not in known.methods

    def _constructions(self, path: str, owner: str) -> Iterator[tuple[str, CallFacts, bool]]:
        for made in self._heirs(f"{path}:{owner}"):
            word = made.rpartition(":")[2]
            own = f"{made}.__init__"
            for other in self.holding(word, path):
                if not self._names(other, made, own):
                    continue
                calls = {
                    call.number: call
                    for call in (*self._calls(other, word), *self._calls(other, "__init__"))
                    if call.name in (made, own)
                }
                for _, call in sorted(calls.items()):
                    yield other, call, call.name == made
        heirs = {heir.partition(":")[0] for heir in self._below.get(f"{path}:{owner}", ())}
        for other in self.holding("super", path) if heirs else ():
            if other not in heirs:
                continue
            for call in self._calls(other, "__init__"):
                if call.above and f"{path}:{owner}" in self._bases(f"{other}:{call.above}"):
                    yield other, call, True

    def _names(self, path: str, *names: str) -> bool:
        """Whether a file names a function or class by what it is, so that it may call it."""
        return not names_in(self._project, path).isdisjoint(names)

    def _calls(self, path: str, word: str) -> list[CallFacts]:
        return self._project.cached_for(path, _calls_by_word).get(word, [])

    def _heirs(self, name: str) -> list[str]:
        """A class, and those below it that take its constructor."""
        found, left = [], [name]
        while left:
            heir = left.pop()
            if heir not in found:
                found.append(heir)
                for below in self._below.get(heir, []):
                    path = below.partition(":")[0]
                    if "__init__" not in classes_in(self._project, path)[below].methods:
                        left.append(below)
        return found

    @cached_property
    def _below(self) -> dict[str, list[str]]:
        """The classes that name each class as a base."""
        found: dict[str, list[str]] = {}
        for path in self._project.python_files:
            for heir, facts in classes_in(self._project, path).items():
                for base in facts.bases:
                    found.setdefault(base, []).append(heir)
        return found

    def _bases(self, name: str) -> list[str]:
        facts = classes_in(self._project, name.partition(":")[0]).get(name)
        return facts.bases if facts is not None else []


def _calls_by_word(project: Project, path: str) -> dict[str, list[CallFacts]]:
    """The calls of a file that may be of the project's own functions, in source order."""
    found: dict[str, list[CallFacts]] = {}
    module = project.parsed(path)
    for call, name in module.calls if module is not None else ():
        assert module is not None
        if name is not None and ":" not in name:
            continue
        func = call.func
        name = name or module.own_method(func)
        if (
            name is None
            and isinstance(func, ast.Attribute)
            and _is_foreign(project, module, func.value)
        ):
            continue
        words = {(name or "").rpartition(":")[2].rpartition(".")[2]}
        if isinstance(func, ast.Attribute):
            words.add(func.attr)
        elif isinstance(func, ast.Name):
            words.add(func.id)
        facts = _facts(module, call, name)
        for word in words - {""}:
            found.setdefault(word, []).append(facts)
    return found


def _is_foreign(project: Project, module: Module, node: ast.expr) -> bool:
    """Whether an object is one that a library made, as by ``PIL.Image.open(name).convert()``."""
    while isinstance(node, ast.Call):
        name = module.name_of(node.func)
        if name is not None or not isinstance(node.func, ast.Attribute):
            return _makes_foreign(project, module, node)
        node = node.func.value
    found = module.lookup(node.id, node) if isinstance(node, ast.Name) else None
    made = [b.node for b in found[1]] if found else []
    return bool(made) and all(_makes_foreign(project, module, value) for value in made)


def _makes_foreign(project: Project, module: Module, node: ast.AST | None) -> bool:
    """Whether it is a call of a library that gives back an object of the library's own."""
    name = module.name_of(node.func) if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or name is None or ":" in name:
        return False
    if name.partition(".")[0] in _HANDING_ON:
        return False
    given = [*node.args, *(word.value for word in node.keywords)]
    return not any(_holds_own(project, module, value, _DEEPEST) for value in given)


def _holds_own(project: Project, module: Module, node: ast.AST | None, depth: int) -> bool:
    """Whether a value is an object or a class of the project, or shows one that it holds."""
    if node is None or depth == 0:
        return False
    if is_self(node):
        return True
    name = module.name_of(node.func if isinstance(node, ast.Call) else node)
    path, colon, _ = (name or "").partition(":")
    if name and colon and name.removesuffix("()") in classes_in(project, path):
        return True
    values: Iterable[ast.AST | None] = ()
    if isinstance(node, ast.Name):
        found = module.lookup(node.id, node)
        values = [b.node for b in found[1] if b.kind == "value"] if found else ()
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        values = node.elts
    elif isinstance(node, ast.Dict):
        values = node.values
    elif isinstance(node, ast.IfExp):
        values = (node.body, node.orelse)
    elif isinstance(node, ast.Starred):
        values = (node.value,)
    return any(_holds_own(project, module, value, depth - 1) for value in values)


def _facts(module: Module, call: ast.Call, name: str | None) -> CallFacts:
    func, numbers = call.func, module.numbers
    local: tuple[int, ...] = ()
    above, attribute, of_class = "", "", True
    if isinstance(func, ast.Attribute):
        attribute = func.attr
        word = (module.qualified(func.value) or "").partition(":")[2]
        of_class = word[:1].isupper() and "." not in word
        if name is None and isinstance(func.value, ast.Call):
            around = module.class_of(call)
            above = around.name if around is not None else ""
    elif isinstance(func, ast.Name) and name is None:
        found = module.lookup(func.id, func)
        nodes = [b.node for b in found[1]] if found is not None else []
        local = tuple(numbers[n] for n in nodes if isinstance(n, Function) and n.name == func.id)
    positional = []
    for argument in call.args:
        if isinstance(argument, ast.Starred):
            break
        positional.append(numbers[argument])
    keywords = tuple((k.arg, numbers[k.value]) for k in call.keywords if k.arg is not None)
    return CallFacts(
        numbers[call], name, attribute, of_class, local, above, tuple(positional), keywords
    )
