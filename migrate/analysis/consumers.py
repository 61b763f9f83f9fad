"""What training data, and other data, is read for: each iterator and each loop judged alone.

A dataset may end in several iterators, and a function that makes one may be called by training and
by evaluation. So data is followed up to what takes it element by element, and from there to what
that serves.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from migrate.analysis.data_sources import FILE_READERS
from migrate.analysis.feeding import Feeding, Step, last_name
from migrate.analysis.follower import Follower
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, argument
from migrate.analysis.project import Project
from migrate.analysis.references import owner_of
from migrate.analysis.shards import NPU_SHARD
from migrate.analysis.training import trains
from migrate.analysis.training_runs import TrainingRuns

# ``mixed``: training, as far as can be told, but other data may come the same way. ``other``:
# statistics and the like; ``aside``: those of programs that do not train. ``lost``: what becomes
# of it cannot be followed.
Purpose = Literal["train", "mixed", "evaluate", "other", "aside", "lost"]
Purposes = dict[Purpose, str]

ITERATORS = frozenset({"make_one_shot_iterator", "make_initializable_iterator"})
OF_FILES = frozenset({"interleave", "flat_map", "parallel_interleave", "apply"})


@dataclass
class Consumed(Feeding):
    """Where data goes, as long as it is a dataset.

    Args:
        iterators: what makes an iterator of it.
        readers: objects that read the files in a queue of names; whether others use them, too.
        sharded: whether each rank takes its part on the way.
        covered: whether it is names of files that something else reads.
        others: functions that fetch its values, for whatever it may be.
        callers: those that a function returns it to, where they are several.
        initializers: what starts an iterator of it anew.
        runs: what is in the ``feed_dict`` with which a session runs it, each with a place.
        passed: the places (path and span) of all expressions that hold it.
    """

    iterators: list[Step] = field(default_factory=list)
    readers: list[tuple[Module, ast.expr, bool]] = field(default_factory=list)
    sharded: bool = False
    covered: bool = False
    others: set[str] = field(default_factory=set)
    callers: list[Step] = field(default_factory=list)
    initializers: list[Step] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)
    passed: set[tuple[object, ...]] = field(default_factory=set)


@dataclass
class Judged:
    """What data is read for.

    Args:
        purposes: all of them, each with a place (``path:line``) where there is one.
        consumed: how far it is a dataset.
    """

    purposes: Purposes
    consumed: Consumed


class Consumers(Follower):
    """Tells what data is read for; what it has looked up serves all data of a project."""

    def __init__(self, project: Project) -> None:
        super().__init__(project)
        self._runs = TrainingRuns(project)
        self._judged: dict[tuple[object, ...], Judged] = {}
        self._read_for: dict[tuple[object, ...], Purposes] = {}
        self._may_train: dict[str, bool] = {}
        self._following: Consumed = Consumed()

    def judge(self, step: Step, *, stream: bool = False) -> Judged:
        """What the data that a step holds is read for.

        Args:
            stream: it is a queue or what comes out of one, which is read once.
        """
        key = (*step.key, stream)
        if key not in self._judged:
            self._judged[key] = self._judge(step, stream)
        return self._judged[key]

    def _judge(self, step: Step, stream: bool) -> Judged:
        consumed = self._trace(step)
        purposes = self._at_once(consumed) if stream else self._purposes(consumed)
        for iterator in consumed.iterators:
            if iterator.key not in self._read_for:
                ends = self._trace(iterator)
                self._read_for[iterator.key] = self._at_once(ends) | self._refilled(ends)
            found = self._read_for[iterator.key]
            place = f"{iterator.module.path}:{getattr(iterator.node, 'lineno', 0)}"
            for purpose, where in (found or {"lost": place}).items():
                purposes.setdefault(purpose, where)
        consumed.iterators.clear()  # they are judged, and would keep their files in memory
        consumed.callers.clear()
        return Judged(purposes, consumed)

    def _trace(self, step: Step) -> Consumed:
        found = self._following = Consumed()
        found.passed = {key[:2] for key in self.trace(step, found)}
        return found

    def _at_once(self, ends: Consumed) -> Purposes:
        """What data that is read once is for: if it trains, that alone, for each that gets it."""
        purposes = self._purposes(ends)
        if not ends.callers:
            return {"train": purposes["train"]} if "train" in purposes else purposes
        for caller in ends.callers:
            if caller.key not in self._read_for:
                self._read_for[caller.key] = {}  # a function that gets it from itself ends here
                self._read_for[caller.key] = self._at_once(self._trace(caller))
            for purpose, where in self._read_for[caller.key].items():
                if purpose in ("evaluate", "other"):
                    purposes.setdefault(purpose, where)
        return purposes

    def _refilled(self, ends: Consumed) -> Purposes:
        """Whether an iterator is started with other data as well: its initializer is fed that."""
        fed: dict[str, str] = {}
        for initializer in ends.initializers:
            fed |= self._trace(initializer).runs
        return {"evaluate": max(fed.values(), key=_by_line)} if len(fed) > 1 else {}

    def _purposes(self, found: Consumed) -> Purposes:
        purposes: Purposes = {}
        if found.trains:
            purposes["train"] = min(found.trains)
        elif found.mixed:
            purposes["mixed"] = min(found.mixed)
        if found.evaluates:
            purposes["evaluate"] = min(found.evaluates)
        if not purposes and found.others:
            near = {key for key in found.others if self._is_where_training_is(key)}
            purposes["other" if near else "aside"] = min(near or found.others)
        return purposes

    def _is_where_training_is(self, key: str) -> bool:
        """Whether some program that trains runs the function as well."""
        if key not in self._may_train:
            around = self._graph.reach(self._graph.callers({key}))
            self._may_train[key] = any(trains(use) for use in self._graph.uses(around))
        return self._may_train[key]

    def called(self, module: Module, call: ast.Call) -> Iterator[tuple[Module, Function]]:
        """The project's functions that a call may run, also where a name stands for several."""
        for owner, function, _ in self._definitions(
            module, call, module.qualified(call.func) or ""
        ):
            yield owner, function
        if isinstance(call.func, ast.Name):
            _, bindings = module.lookup(call.func.id, call.func) or (None, [])
            for part in (
                p for b in bindings if b.kind == "value" and b.node for p in ast.walk(b.node)
            ):
                name = (
                    module.qualified(part) if isinstance(part, ast.Name | ast.Attribute) else None
                )
                path, colon, dotted = (name or "").partition(":")
                other = self._reads.module(path) if colon else None
                found = other.definition(dotted) if other is not None else None
                if other is not None and isinstance(found, Function):
                    yield other, found

    def after(self, step: Step) -> list[Step]:
        """What holds the data next."""
        self._asked.clear()
        return list(self.steps_from(step, Consumed()))

    def _steps_from(self, step: Step, found: Feeding) -> Iterator[Step]:
        parent = step.module.parents.get(step.node)
        if isinstance(parent, ast.Attribute) and parent.attr == "initializer":
            assert isinstance(found, Consumed)
            found.initializers.append(Step(step.module, parent))
        yield from self._from_tuple(step) or super()._steps_from(step, found)

    def _from_tuple(self, step: Step) -> list[Step]:
        """Where one of several values goes that a function returns together."""
        module = step.module
        together = module.parents.get(step.node)
        if not isinstance(together, ast.Tuple) or step.entered:
            return []
        if not isinstance(module.parents.get(together), ast.Return):
            return []
        position = together.elts.index(step.node)  # type: ignore[arg-type]
        found: list[Step] = []
        for caller in self._returned(step):
            statement = caller.module.parents.get(caller.node)
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(target, ast.Tuple) and len(target.elts) == len(together.elts):
                found += self._store(caller, target.elts[position], None)
            else:
                found.append(caller)
        return found

    # --- what ends a dataset --------------------------------------------------------------------

    def _method_call(self, step: Step, call: ast.Call, found: Feeding) -> Iterator[Step]:
        node = step.node
        assert isinstance(found, Consumed)
        if not isinstance(node, ast.Attribute) or step.function:
            yield from super()._method_call(step, call, found)
        elif node.attr in ITERATORS:
            found.iterators.append(Step(step.module, call, step.entered, step.shared))
        elif node.attr == "shard":
            found.sharded = True
        elif node.attr in OF_FILES and self._reads_files(step.module, call):
            found.covered = True
        elif node.attr in ("run", "eval"):
            found.others.add(owner_of(step.module, call))
        else:
            yield from super()._method_call(step, call, found)

    def _call(self, step: Step, call: ast.Call, found: Feeding) -> Iterator[Step]:
        module, node = step.module, step.node
        assert isinstance(found, Consumed)
        if call.func is node:
            yield from super()._call(step, call, found)
            return
        name = module.qualified(call.func) or ""
        last = last_name(call, name)
        if name == NPU_SHARD:
            found.sharded = True
        elif name in FILE_READERS:
            found.covered = True
        elif last in ITERATORS:
            found.iterators.append(Step(module, call, step.entered, step.shared))
        elif self._is_fed(call, node, last):
            self._feed(step, call, found)
        elif last in ("run", "partial_run") and ":" not in name:
            found.others.add(owner_of(module, call))
            if (fed := argument(call, "feed_dict", 1)) is not None:
                found.runs.setdefault(_data_in(fed), f"{module.path}:{call.lineno}")
            yield from self._to(step, call)
        elif last in ("read", "read_up_to") and isinstance(call.func, ast.Attribute):
            found.readers.append((module, call.func.value, step.shared))
            yield from self._to(step, call)
        elif self._makes_object(module, call, name):
            if step.function:
                yield from self._to(step, call, function=False)  # data that is made when needed
            else:
                yield from self._enter(step, call, name)
        elif consuming := self._consuming(module, call):
            owner, function = consuming
            if owner.returned_class(_dotted(owner, function)) == "tensorflow.data.Dataset":
                yield from self._to(step, call)  # kept in memory, and a dataset again
            elif ".run(" in owner.text_of(function):
                yield from self._enter(step, call, name)
            else:
                found.iterators.append(Step(module, call, step.entered, step.shared))
        else:
            yield from super()._call(step, call, found)

    def _consuming(self, module: Module, call: ast.Call) -> tuple[Module, Function] | None:
        """A function of the project's that makes an iterator of the dataset it is given."""
        for owner, function in self.called(module, call):
            if any(name in owner.text_of(function) for name in ITERATORS):
                return owner, function
        return None

    def _is_fed(self, call: ast.Call, node: ast.AST, last: str) -> bool:
        return argument(call, "feed_dict", 1 if last in ("run", "partial_run") else 99) is node

    def _feed(self, step: Step, call: ast.Call, found: Consumed) -> None:
        place = f"{step.module.path}:{call.lineno}"
        found.fed.add(place)
        trains = self._runs.trains(step.module, call)
        found.add("train" if trains else "evaluate", place, step.shared)

    def _makes_object(self, module: Module, call: ast.Call, name: str) -> bool:
        """Whether the call makes an object of a class of the project's, which keeps the data."""
        path, colon, dotted = name.partition(":")
        if colon:
            other = self._reads.module(path)
            return other is not None and isinstance(other.definition(dotted), ast.ClassDef)
        return _own_class(module, call) is not None

    def _definitions(
        self, module: Module, call: ast.Call, name: str
    ) -> Iterator[tuple[Module, Function, int]]:
        owner = _own_class(module, call)
        if owner is not None:
            yield from self._constructor(owner)
        else:
            yield from super()._definitions(module, call, name)

    def _returned(self, step: Step) -> Iterator[Step]:
        callers = list(super()._returned(step))
        if len(callers) > 1:
            self._following.callers += callers
        yield from callers

    def _reads_files(self, module: Module, call: ast.Call) -> bool:
        """Whether what the call is given makes datasets of files."""
        given = [*call.args, *(k.value for k in call.keywords)]
        for part in (part for value in given for part in ast.walk(value)):
            if not isinstance(part, ast.Name | ast.Attribute):
                continue
            name = module.qualified(part) or ""
            if name in FILE_READERS:
                return True
            facts = self._graph.facts(name)
            if facts is None and isinstance(part, ast.Name):
                facts = self._graph.facts(f"{owner_of(module, part)}.{part.id}")
            if facts is not None and any(use.name in FILE_READERS for use in facts.uses):
                return True
        return False


def _data_in(fed: ast.expr) -> str:
    """The text of what is fed, without numbers such as the size of a batch."""
    if not isinstance(fed, ast.Dict):
        return ast.unparse(fed)
    pairs = zip(fed.keys, fed.values, strict=True)
    return ", ".join(
        f"{ast.unparse(key) if key is not None else '**'}: {ast.unparse(value)}"
        for key, value in pairs
        if not isinstance(value, ast.Constant) or isinstance(value.value, str)
    )


def _own_class(module: Module, call: ast.Call) -> str | None:
    """The class that ``cls(...)`` makes an object of in a class method."""
    if not isinstance(call.func, ast.Name) or call.func.id != "cls":
        return None
    owner = module.class_of(call)
    return f"{module.path}:{owner.name}" if owner is not None else None


def _by_line(place: str) -> tuple[str, int]:
    path, _, line = place.rpartition(":")
    return path, int(line)


def _dotted(module: Module, function: Function) -> str:
    parent = module.parents[function]
    return f"{parent.name}.{function.name}" if isinstance(parent, ast.ClassDef) else function.name
