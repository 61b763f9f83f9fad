"""Where each rank's part of the training data is to be taken.

From each source the data is followed until everything it is read for is training: that is the
place, as early as can be, so that evaluation and statistics have all of it. Places lie in front of
shuffling, repeating and batching, since behind them the parts would overlap.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from migrate.analysis.consumers import Consumed, Consumers, Judged
from migrate.analysis.data_sources import Source, data_sources, may_hold_sources
from migrate.analysis.dataset_chains import (
    MOST_STEPS,
    behind_counting,
    divides_itself,
    is_barrier,
    may_be_dataset,
    spreads_shard,
    takes_dataset,
)
from migrate.analysis.dataset_joins import look_ahead
from migrate.analysis.fed_arrays import Fed, fed_arrays, fitted_arrays, may_feed
from migrate.analysis.feeding import Step
from migrate.analysis.modes import mode_of
from migrate.analysis.module import Module
from migrate.analysis.nodes import Definition
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test
from migrate.analysis.shards import holds_shard, is_shard
from migrate.analysis.splits import split_called, split_named, training_condition
from migrate.findings import Severity

_TEXTS = {
    "plain": ("{}(", ")"),
    "tuple": ("{}(tuple(", "))"),
    "pair": ("*{}((", "))"),
    "keywords": ("**{}(dict(", "))"),
}
_RECORDS = re.compile(r"tensorflow\.(?:TFRecord|TextLine|FixedLengthRecord|LMDB)Reader")


class Place(NamedTuple):
    """A part to be taken.

    Args:
        line: of the expression.
        start, end: characters between which it stands.
        before, after: what comes around it; ``{}`` in ``before`` stands for the function's name.
        source: the file and, behind a colon, the outermost name that holds the source.
        trains: where its data trains (``path:line``).
        files: the data is names of files.
        passed: the places (path, span in lines and columns) that hold its data.
        spot: its own.
        by_name: nothing but a name says that the data is for training.
    """

    path: str
    line: int
    start: int
    end: int
    before: str
    after: str
    source: str
    trains: str
    files: bool
    spot: tuple[object, ...]
    passed: frozenset[tuple[object, ...]]
    by_name: bool = False


class Doubt(NamedTuple):
    """A source that stays whole although it may train.

    Args:
        arrays: what a recipe can name to divide it.
    """

    path: str
    line: int
    source: str
    severity: Severity
    why: str
    arrays: tuple[str, ...] = ()


class Sharding:
    """All places of a project."""

    def __init__(self, project: Project) -> None:
        self.places: dict[str, list[Place]] = {}
        self.doubts: dict[str, list[Doubt]] = {}
        consumers: Consumers | None = None
        for path in project.python_files:
            if not may_hold_sources(project, path) and not may_feed(project, path):
                continue
            module = project.parsed(path) if not is_unit_test(project, path) else None
            if module is None:
                continue
            consumers = consumers or Consumers(project)
            for source in data_sources(module, project):
                for found in _Placing(source, consumers).places():
                    self._add(found)
            for source in fitted_arrays(module, project):
                for found in _Placing(source, consumers).given():
                    self._add(found)
            for fed in fed_arrays(module):
                self._feed(fed)
        self._keep_last()

    def _keep_last(self) -> None:
        """Of places that the same data passes only the last, where other data has joined it."""
        spots = {place.spot: place for own in self.places.values() for place in own}
        for path, own in self.places.items():
            self.places[path] = [
                place
                for place in own
                if not any(other != place and spot in place.passed for spot, other in spots.items())
            ]

    def _add(self, found: Place | Doubt) -> None:
        if isinstance(found, Doubt):
            doubts = self.doubts.setdefault(found.path, [])
            if found not in doubts:
                doubts.append(found)
        else:
            places = self.places.setdefault(found.path, [])
            if all((found.start, found.end) != (p.start, p.end) for p in places):
                places.append(found)

    def _feed(self, fed: Fed) -> None:
        source = _name_of(fed.module, fed.call)
        why = f"batches for the training are fed by hand, from {fed.what}"
        arrays = fed.names if assignment_of(fed.module, fed.names) is not None else ()
        self._add(Doubt(fed.module.path, fed.call.lineno, source, "warning", why, arrays))

    @property
    def paths(self) -> frozenset[str]:
        return frozenset({*self.places, *self.doubts})


class _Placing:
    """Finds the places of one source."""

    def __init__(self, source: Source, consumers: Consumers) -> None:
        self._source = source
        self._consumers = consumers
        self._seen: set[tuple[object, ...]] = set()
        self._joins: set[tuple[object, ...]] = set()  # which lead to themselves in a loop

    def places(self) -> Iterator[Place | Doubt]:
        source = self._source
        module = source.module
        if self._is_done() or mode_of(module, source.node) == "eval":
            return
        first = Step(module, source.node, function=source.function)
        judged = self._consumers.judge(first, stream=source.stream)
        if judged.consumed.covered or judged.consumed.sharded:
            return
        if source.stream or source.function:
            yield from self._undivided(first, judged)
        else:
            found = list(self._divided(first))
            is_told = len(self._seen) < MOST_STEPS
            yield from found if is_told else self._doubt(judged)

    def given(self) -> Iterator[Place | Doubt]:
        """The same for what trains where it is."""
        module, node = self._source.module, self._source.node
        if self._is_done():
            return
        place = f"{module.path}:{node.lineno}"
        judged = Judged({"mixed" if self._source.doubtful else "train": place}, Consumed())
        if self._source.taken:
            yield self._own_place("", judged)
        else:
            yield from self._doubt(judged)

    def _is_done(self) -> bool:
        """Whether the source is within a shard, or its code divides data among ranks itself."""
        module, node = self._source.module, self._source.node
        for parent in module.ancestors(node):
            if is_shard(module, parent):
                return True
        if any(is_shard(module, part) for part in ast.walk(node)):
            return True
        if any(holds_shard(module, taken) for taken in self._source.taken):
            return True
        if divides_itself(module, node) or spreads_shard(module, node):
            return True
        function = module.function_of(node)
        # What is made of a dataset that is given: that one is divided.
        return function is not None and takes_dataset(module, function, node)

    # --- queues and input functions -------------------------------------------------------------

    def _undivided(self, step: Step, judged: Judged) -> Iterator[Place | Doubt]:
        """What cannot be divided behind its source: there, or not at all."""
        purposes = judged.purposes
        if not {"train", "mixed", "lost"} & purposes.keys() and purposes:
            return
        module, node = step.module, step.node
        if split_called(module, node) == "eval":
            if "train" in purposes:
                yield from self._doubt(judged)
            return
        condition = named = ""
        if purposes.keys() != {"train"} and mode_of(module, node) != "train":
            both = {"evaluate", "other"} & purposes.keys()
            named = "" if both else split_named(module, node) or ""
            if named == "eval":
                return
            condition = "" if named else training_condition(module, node)
            if not named and not condition:
                yield from self._doubt(judged)
                return
        reader = self._reader(judged.consumed)
        if reader is not None and is_shard(*reader):
            return
        if reader is not None:
            place = self._place(reader[0], (reader[1],), "plain", condition, judged)
        elif self._source.taken:
            place = self._own_place(condition, judged)
        else:
            yield from self._doubt(judged)
            return
        yield place._replace(by_name=bool(named))

    def _reader(self, consumed: Consumed) -> tuple[Module, ast.expr] | None:
        """The reader of the files in a queue, if it serves this queue alone."""
        readers = consumed.readers if self._source.reads_names else []
        if len(readers) != 1 or readers[0][2]:
            return None
        module, reader, _ = readers[0]
        if not _RECORDS.fullmatch(module.instance_of(reader) or ""):
            return None
        made: ast.AST | None = reader
        if isinstance(reader, ast.Name):
            found = module.lookup(reader.id, reader)
            bindings = found[1] if found is not None else []
            made = bindings[0].node if len(bindings) == 1 else None
        return (module, made) if isinstance(made, ast.Call) else None

    # --- datasets -------------------------------------------------------------------------------

    def _divided(self, step: Step) -> Iterator[Place | Doubt]:
        """The earliest places behind a step at which all data is for training."""
        if step.key in self._seen or len(self._seen) == MOST_STEPS:
            return
        self._seen.add(step.key)
        module, node = step.module, step.node
        if not may_be_dataset(module, node):
            yield from self._onward(step)
            return
        judged = self._consumers.judge(step)
        purposes = judged.purposes.keys() - {"aside"}
        mode = mode_of(module, node)
        is_source = node is self._source.node
        named = split_named(module, node)
        if mode == "eval" or not purposes & {"train", "mixed", "lost"}:
            unseen = is_source and not judged.purposes
            if unseen and "train" in (named, mode):
                yield from _marked(self._ending_at(step, "", judged), mode != "train")
            return
        if named == "eval" and "train" not in purposes:
            return
        if split_called(module, node) == "eval":
            yield from self._doubt(judged)
            return
        certain = purposes == {"train"} or mode == "train"
        if certain or (named == "train" and not purposes & {"evaluate", "other"}):
            yield from _marked(self._ending_at(step, "", judged), not certain)
        elif condition := training_condition(module, node):
            yield from self._ending_at(step, condition, judged)
        elif step.function or is_barrier(self._consumers, module, node):
            yield from self._doubt(judged)
        else:
            found = list(self._onward(step))
            if found:
                yield from found
            elif purposes & {"train", "mixed"} and not judged.consumed.sharded:
                yield from self._doubt(judged)

    def _onward(self, step: Step) -> Iterator[Place | Doubt]:
        for following in self._consumers.after(step):
            yield from self._divided(following)

    def _ending_at(self, step: Step, condition: str, judged: Judged) -> Iterator[Place | Doubt]:
        """A place at a step, or behind what counts elements after it."""
        if step.function:
            yield from self._doubt(judged)
            return
        last = behind_counting(step.module, step.node)
        ahead = look_ahead(self._consumers, Step(step.module, last), self._source.is_shuffled)
        if ahead.objection:
            yield from self._doubt(judged, ahead.objection)
            return
        if ahead.joined is not None and ahead.joined.key in self._joins:
            yield from self._doubt(judged, "its elements are paired with others in a loop")
            return
        if ahead.joined is not None:
            self._joins.add(ahead.joined.key)
            yield from self._ending_at(ahead.joined, condition, judged)
            return
        if last is not step.node:
            yield self._place(step.module, (last,), "plain", condition, judged)
        elif step.node is not self._source.node:
            yield self._place(step.module, (step.node,), "plain", condition, judged)
        elif self._source.taken:
            yield self._own_place(condition, judged)
        else:
            yield from self._doubt(judged)

    # --- results --------------------------------------------------------------------------------

    def _own_place(self, condition: str, judged: Judged) -> Place:
        source = self._source
        return self._place(source.module, source.taken, source.form, condition, judged)

    def _place(
        self,
        module: Module,
        taken: tuple[ast.AST, ...],
        form: str,
        condition: str,
        judged: Judged,
    ) -> Place:
        before, after = _TEXTS[form]
        if condition:
            after = f"{after[:-1]}, {condition})"
        start, end = module.span(taken[0])[0], module.span(taken[-1])[1]
        if form == "keywords":
            start = module.span(_keyword_of(module, taken[0]))[0]
        trains = judged.purposes.get("train") or judged.purposes.get("mixed", "")
        line = module.source.line_of(start)
        are_files = self._source.files or bool(judged.consumed.readers)
        files = are_files and taken == self._source.taken
        spot = Step(module, taken[0]).key[:2]
        passed = frozenset(judged.consumed.passed)
        return Place(
            *(module.path, line, start, end, before, after),
            source=_name_of(self._source.module, self._source.node),
            trains=trains,
            files=files,
            spot=spot,
            passed=passed,
        )

    def _doubt(self, judged: Judged, objection: str = "") -> Iterator[Doubt]:
        source, purposes = self._source, judged.purposes
        if objection:
            why = objection
        elif split_called(source.module, source.node) == "eval":
            why = f"its name says evaluation, but it trains at {min(purposes.values())}"
        elif "train" in purposes and ("evaluate" in purposes or "other" in purposes):
            other = purposes.get("evaluate") or "statistics"
            why = f"it feeds the training at {purposes['train']} and also {other}"
        elif "train" in purposes:
            why = f"it feeds the training at {purposes['train']}, but in a form that is not known"
        elif "mixed" in purposes:
            why = f"whether it is for training ({purposes['mixed']}) cannot be told"
        else:
            why = "what it is for cannot be followed"
        severity: Severity = "warning" if {"train", "mixed"} & purposes.keys() else "note"
        yield Doubt(
            source.module.path,
            source.node.lineno,
            _name_of(self._source.module, self._source.node),
            severity,
            why,
        )


def _marked(found: Iterator[Place | Doubt], by_name: bool) -> Iterator[Place | Doubt]:
    for item in found:
        yield item._replace(by_name=by_name) if isinstance(item, Place) else item


def _keyword_of(module: Module, value: ast.AST) -> ast.AST:
    parent = module.parents[value]
    return parent if isinstance(parent, ast.keyword) else value


def _name_of(module: Module, node: ast.AST) -> str:
    """The file, and the outermost function or class around."""
    outermost = ""
    for parent in module.ancestors(node):
        if isinstance(parent, Definition):
            outermost = parent.name
    return f"{module.path}:{outermost}"


def assignment_of(module: Module, names: Sequence[str]) -> ast.Assign | None:
    """The last statement that assigns some variables or attributes."""
    wanted = set(names)
    found: list[ast.Assign] = []
    for statement in module.all_of(ast.Assign):
        targets = [part for target in statement.targets for part in ast.walk(target)]
        assigned = {module.text_of(p) for p in targets if isinstance(p, ast.Name | ast.Attribute)}
        if assigned & wanted:
            found.append(statement)
    return found[-1] if found else None
