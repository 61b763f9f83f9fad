"""Follows a dataset forwards: through its iterator and tensors, names, attributes and returns.

A call's result depends on its arguments; a function of the project is entered only to see what it
does with them. Where two ways may be mixed up (an iterator that takes several datasets, a function
that several places call), the answer says so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.feeding import Feeding, Step, end_of, last_name
from migrate.analysis.graph import Graph
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, decorators, is_self
from migrate.analysis.order import is_replaced
from migrate.analysis.project import Project
from migrate.analysis.reads import Reads
from migrate.analysis.references import TELLING_METHODS, method_in, owner_of

# Losses that a collection keeps, and what gets them out of it.
_COLLECTING = (
    "tensorflow.losses.",
    "tensorflow.contrib.losses.",
    "tensorflow.contrib.slim.losses.",
)
_COLLECTED = frozenset(
    {"get_total_loss", "get_losses", "get_collection", "create_clones", "optimize_clones"}
)
_SHARING = frozenset({"from_structure", "from_string_handle", "make_initializer"})
_RUNNING = frozenset({"run", "eval", "partial_run"})
_ADDING = frozenset({"append", "extend", "add", "insert", "update", "setdefault"})
_TRANSPARENT = (
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.List, ast.Tuple, ast.Set, ast.Dict),
    *(ast.Starred, ast.IfExp, ast.Await, ast.ListComp, ast.GeneratorExp, ast.SetComp),
    *(ast.DictComp, ast.Slice, ast.FormattedValue, ast.JoinedStr),
)
_BINDING = (ast.AnnAssign, ast.AugAssign, ast.For, ast.comprehension)
_LIMIT = 4000


class Follower:
    """Follows batches through a project; what it has looked up serves every batch."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._graph = project.cached(Graph)
        self._reads = Reads(project)
        self._asked: set[tuple[object, ...]] = set()

    def trace(self, first: Step, found: Feeding) -> set[tuple[object, ...]]:
        """Adds to ``found`` where what a step holds ends; gives the keys of all steps there."""
        self._asked.clear()
        # Generators, not lists: only the modules on the way to a step stay in memory.
        stack: list[Iterator[Step]] = [iter([first])]
        seen: set[tuple[object, ...]] = set()
        while stack and len(seen) < _LIMIT:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
            elif step.key not in seen:
                seen.add(step.key)
                stack.append(self.steps_from(step, found))
        return seen

    # --- one step -----------------------------------------------------------------------------

    def steps_from(self, step: Step, found: Feeding) -> Iterator[Step]:
        """What holds the batch next; where it ends goes into ``found``.

        Variables that have another value by then are left out.
        """
        statement = step.module.statement_of(step.node)
        for following in self._steps_from(step, found):
            module, load = following.module, following.node
            given = statement if module is step.module else None
            if not isinstance(load, ast.Name) or not is_replaced(module, load, given):
                yield following

    def _steps_from(self, step: Step, found: Feeding) -> Iterator[Step]:
        module, node = step.module, step.node
        parent = module.parents.get(node)
        if isinstance(parent, ast.keyword):
            parent = module.parents.get(parent)
        if isinstance(parent, ast.Call):
            yield from self._call(step, parent, found)
        elif isinstance(parent, ast.Attribute):
            yield from self._to(step, parent)
        elif isinstance(parent, ast.Subscript):
            if parent.value is node:
                yield from self._to(step, parent)
        elif isinstance(parent, _TRANSPARENT):
            yield from self._to(step, parent)
        elif isinstance(parent, ast.Lambda):
            yield from self._to(step, parent, function=True)
        elif isinstance(parent, ast.Assign):
            for target in parent.targets:
                yield from self._store(step, target, parent.value)
        elif isinstance(parent, _BINDING) and parent.target is not node:
            yield from self._store(step, parent.target, None)
        elif isinstance(parent, ast.withitem) and parent.optional_vars is not None:
            yield from self._store(step, parent.optional_vars, None)
        elif isinstance(parent, ast.Return | ast.Yield | ast.YieldFrom) and not step.entered:
            yield from self._returned(step)

    def _to(self, step: Step, node: ast.AST, function: bool | None = None) -> Iterator[Step]:
        holds = step.function if function is None else function
        yield Step(step.module, node, step.entered, step.shared, holds)

    def _call(self, step: Step, call: ast.Call, found: Feeding) -> Iterator[Step]:
        module, node = step.module, step.node
        if call.func is node:
            yield from self._method_call(step, call, found)
            return
        name = module.qualified(call.func) or module.own_method(call.func) or ""
        last = last_name(call, name)
        place = f"{module.path}:{call.lineno}"
        keyword = _keyword(call, node)
        if keyword == "feed_dict":
            found.fed.add(place)
        elif last in _RUNNING and ":" not in name:
            yield from _fetched(module, call)
        elif end := end_of(step, call, name, keyword):
            found.add(end, place, step.shared)
        elif last in _SHARING:
            shared = Step(module, call, step.entered, True)
            yield shared
            if last == "make_initializer" and isinstance(call.func, ast.Attribute):
                yield from self._back(shared, call.func.value)
        elif ":" in name or (isinstance(call.func, ast.Name) and not name):
            yield from self._enter(step, call, name)
            yield from self._to(step, call)
        else:
            if name.startswith(_COLLECTING) or last == "add_to_collection":
                yield from self._collected(step)
            if last in _ADDING and isinstance(call.func, ast.Attribute):
                yield from self._back(step, call.func.value)
            yield from self._to(step, call)

    def _method_call(self, step: Step, call: ast.Call, found: Feeding) -> Iterator[Step]:
        """The step is ``x.method`` in ``x.method(...)``, or a function that returns the batch."""
        node = step.node
        if not isinstance(node, ast.Attribute) or step.function:
            yield from self._to(step, call, function=False)
        elif node.attr in _RUNNING:
            yield from _fetched(step.module, call)
        elif node.attr in TELLING_METHODS:
            pass  # the optimizer's own rate or counter came from the batch, not the loss
        else:
            yield from self._to(step, call)

    def _enter(self, step: Step, call: ast.Call, name: str) -> Iterator[Step]:
        """The parameter that takes the argument, inside of the called function."""
        for module, function, shift in self._definitions(step.module, call, name):
            parameter = _parameter(function, call, step.node, shift)
            if parameter is None:
                continue
            shared = step.shared or not self._reads.is_called_once(module, function)
            for load in module.reads(function, parameter):
                yield Step(module, load, True, shared, step.function)

    def _collected(self, step: Step) -> Iterator[Step]:
        """Losses that come out of a collection in the functions around."""
        owner = owner_of(step.module, step.node)
        for key in self._graph.callers({owner}):
            path = key.partition(":")[0]
            module = self._reads.module(path)
            if module is None or not any(n.encode() in module.source.data for n in _COLLECTED):
                continue
            for call, name in module.calls:
                collected = (name or "").rpartition(".")[2] in _COLLECTED
                if collected and owner_of(module, call) == key:
                    yield Step(module, call, True, step.shared)

    # --- names, attributes, returns -----------------------------------------------------------

    def _store(self, step: Step, target: ast.expr, value: ast.expr | None) -> Iterator[Step]:
        module = step.module
        if isinstance(target, ast.Tuple | ast.List):
            parts = list(target.elts)
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(parts):
                parts = [p for p, v in zip(parts, value.elts, strict=True) if v is step.node]
            for part in parts:
                yield from self._store(step, part, None)
        elif isinstance(target, ast.Starred):
            yield from self._store(step, target.value, None)
        elif isinstance(target, ast.Subscript):
            yield from self._back(step, target.value)
        elif isinstance(target, ast.Name):
            for name in self._reads.of_variable(module, target):
                yield Step(module, name, step.entered, step.shared, step.function)
            if module.lookup(target.id, target) == (
                module.scope,
                module.scope.bindings.get(target.id),
            ):
                qualified = f"{module.path}:{target.id}"
                if self._is_asked(step, "name", qualified):
                    return
                for other, load in self._reads.of_global(qualified, target.id):
                    yield Step(other, load, step.entered, step.shared, step.function)
        elif isinstance(target, ast.Attribute):
            owner = module.class_of(target) if is_self(target.value) else None
            holder = f"{module.path}:{owner.name}" if owner else ""
            if self._is_asked(step, "attribute", holder, target.attr):
                return
            for other, load, certain in self._reads.of_attribute(module, target):
                yield Step(other, load, step.entered, step.shared or not certain, step.function)

    def _back(self, step: Step, holder: ast.expr) -> Iterator[Step]:
        """An object that has taken the batch in: every use of it."""
        while isinstance(holder, ast.Subscript):
            holder = holder.value
        if isinstance(holder, ast.Name | ast.Attribute):
            yield from self._store(step, holder, None)

    def _returned(self, step: Step) -> Iterator[Step]:
        module = step.module
        function = module.function_of(step.node)
        if function is None or self._is_asked(step, "returned", module.path, function.lineno):
            return
        shared = step.shared
        for other, node in self._reads.of_function(module, function):
            called = other.parents.get(node)
            if isinstance(called, ast.Call) and called.func is node:
                yield Step(other, called, False, shared, step.function)
            else:
                is_property = "property" in decorators(function)
                yield Step(other, node, False, shared, not is_property)

    def _is_asked(self, step: Step, *question: object) -> bool:
        """Whether such a step has led to the same question before: its answers are on the way."""
        key = (*question, step.entered, step.shared, step.function)
        asked = key in self._asked
        self._asked.add(key)
        return asked

    def _definitions(
        self, module: Module, call: ast.Call, name: str
    ) -> Iterator[tuple[Module, Function, int]]:
        """The functions that a call may run, and how many arguments come before its own."""
        if isinstance(call.func, ast.Name):
            found = module.lookup(call.func.id, call.func)
            local = [b.node for b in found[1] if b.kind == "definition"] if found else []
            for node in local:
                if isinstance(node, Function) and found and found[0] is not module.scope:
                    yield module, node, 0
        path, colon, dotted = name.partition(":")
        other = self._reads.module(path) if colon else None
        node = other.definition(dotted) if other is not None else None
        if other is None or node is None:
            return
        if isinstance(node, ast.ClassDef):
            yield from self._constructor(name)
        elif isinstance(node, Function):
            plain = "staticmethod" in decorators(node)
            yield other, node, int("." in dotted and not plain)

    def _constructor(self, owner: str) -> Iterator[tuple[Module, Function, int]]:
        """The constructor of a class of the project, its own or an inherited one."""
        path, _, dotted = (method_in(self._project, owner, "__init__") or "").partition(":")
        module = self._reads.module(path)
        node = module.definition(dotted) if module is not None else None
        if module is not None and isinstance(node, Function):
            yield module, node, 1


def _fetched(module: Module, call: ast.Call) -> Iterator[Step]:
    """What ``session.run`` returns is no tensor any more; it may be fed again near by."""
    names = {
        part.id
        for target in _targets(module, call)
        for part in ast.walk(target)
        if isinstance(part, ast.Name)
    }
    for node in ast.walk(module.function_of(call) or module.tree):
        if isinstance(node, ast.keyword) and node.arg == "feed_dict":
            used = {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
            if used & names:
                yield Step(module, node.value)


def _targets(module: Module, call: ast.Call) -> list[ast.expr]:
    parent = module.parents.get(call)
    while isinstance(parent, ast.Subscript | ast.Attribute):
        parent = module.parents.get(parent)
    return parent.targets if isinstance(parent, ast.Assign) else []


def _keyword(call: ast.Call, node: ast.AST) -> str:
    return next((k.arg or "" for k in call.keywords if k.value is node), "")


def _parameter(function: Function, call: ast.Call, node: ast.AST, shift: int) -> str | None:
    keyword = _keyword(call, node)
    every = function.args.args
    if keyword:
        names = {a.arg for a in [*every, *function.args.kwonlyargs]}
        return keyword if keyword in names else None
    for position, value in enumerate(call.args):
        if value is node and position + shift < len(every):
            return every[position + shift].arg
    return None
