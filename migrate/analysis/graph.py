"""Which of the project's functions reach which, and what they use of TensorFlow on the way."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property

from migrate.analysis.closure import reached
from migrate.analysis.project import Project
from migrate.analysis.references import ClassFacts, Facts, Use, classes_in, functions_in


class Graph:
    """References between the project's functions, as the files stand now."""

    def __init__(self, project: Project) -> None:
        self._functions: dict[str, Facts] = {}
        self._classes: dict[str, ClassFacts] = {}
        for path in project.python_files:
            self._functions |= functions_in(project, path)
            self._classes |= classes_in(project, path)
        self._callers: dict[str, list[str]] = {}
        for key, facts in self._functions.items():
            for target in facts.references:
                self._callers.setdefault(target, []).append(key)
        self._below: dict[str, set[str]] = {}
        for name, known in self._classes.items():
            for base in known.bases:
                self._below.setdefault(base, set()).add(name)
        # What only `tf.data` transformations run.
        self.pipeline_only = self._reached_by_pipelines_only()
        self._targets_of: dict[str, tuple[str, ...]] = {}

    def facts(self, key: str) -> Facts | None:
        return self._functions.get(key)

    def functions_of(self, paths: Collection[str]) -> set[str]:
        """Every function of some files."""
        return {key for key in self._functions if key.partition(":")[0] in paths}

    def reach(self, roots: Iterable[str]) -> set[str]:
        """Every function that the roots refer to, directly or not, the roots included."""
        return reached(roots, self._targets)

    def leading(self, targets: Iterable[str]) -> set[str]:
        """Every function that ``reach`` leads from to one of the targets, these included."""
        return reached(targets, lambda key: self._leading_at_once.get(key, ()))

    @cached_property
    def _leading_at_once(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        # A method of a base that does nothing itself still leads to what overrides it.
        methods = {f"{name}.{m}" for name, known in self._classes.items() for m in known.methods}
        for key in {*self._functions, *self._classes, *self._callers, *self._below, *methods}:
            for target in self._targets(key):
                found.setdefault(target, []).append(key)
        return found

    def callers(self, roots: Iterable[str]) -> set[str]:
        """Every function that reaches one of the roots, the roots included."""
        return reached(roots, self._runners)

    def _runners(self, key: str) -> set[str]:
        runners = set(self._callers.get(key, ()))
        owner, _, method = key.rpartition(".")
        # A method runs where its class, or a class derived from it, is made.
        if method and ":" in owner:
            runners |= {owner, *self.derived(owner)}
        return runners

    def derived(self, key: str) -> set[str]:
        """The project's classes below a class."""
        return reached(self._below.get(key, ()), lambda one: self._below.get(one, ()))

    def uses(self, functions: Iterable[str]) -> Iterator[Use]:
        for key in sorted(functions):
            facts = self.facts(key)
            if facts is not None:
                yield from facts.uses

    def naming(self, key: str) -> list[str]:
        """The files that name a module's top-level function, class or value, or a part of it."""
        return self._naming.get(key, [])

    @cached_property
    def _naming(self) -> dict[str, list[str]]:
        found: dict[str, set[str]] = {}
        for key, facts in self._functions.items():
            path = key.partition(":")[0]
            for target in (*facts.references, *facts.pipeline):
                owner, colon, dotted = target.partition(":")
                found.setdefault(f"{owner}{colon}{dotted.partition('.')[0]}", set()).add(path)
        return {name: sorted(paths) for name, paths in found.items()}

    def members(self, key: str) -> set[str]:
        """The methods of a class, of its bases and of the classes derived from it."""
        found: set[str] = set()
        for name in self.reach_classes(key):
            found |= {f"{name}.{method}" for method in self._classes[name].methods}
        return found

    def reach_classes(self, key: str) -> set[str]:
        """A class with its bases and the classes derived from it."""
        family = {key} | self.derived(key)
        queue = [key]
        while queue:
            known = self._classes.get(queue.pop())
            for base in known.bases if known else []:
                if base not in family:
                    family.add(base)
                    queue.append(base)
        return {name for name in family if name in self._classes}

    def _members(self, key: str) -> set[str]:
        """A class that is made runs its methods and those of its bases."""
        known = self._classes.get(key)
        if known is None:
            return set()
        members = {f"{key}.{name}" for name in known.methods}
        pipeline = {p for m in members if (f := self._functions.get(m)) for p in f.pipeline}
        return (members - pipeline - self.pipeline_only) | set(known.bases)

    def _targets(self, key: str) -> tuple[str, ...]:
        known = self._targets_of.get(key)
        if known is None:
            facts = self.facts(key)
            targets = facts.references if facts else ()
            known = tuple({*targets, *self._members(key), *self._overrides(key)})
            self._targets_of[key] = known
        return known

    def _overrides(self, key: str) -> set[str]:
        """``self.method()`` may mean the method of a derived class."""
        owner, _, method = key.rpartition(".")
        if owner not in self._classes or method not in self._classes[owner].methods:
            return set()
        return {
            f"{name}.{method}"
            for name in self.derived(owner)
            if method in self._classes[name].methods
        }

    def _reached_by_pipelines_only(self) -> set[str]:
        called = {target for facts in self._functions.values() for target in facts.references}
        piped = {target for facts in self._functions.values() for target in facts.pipeline}
        only = piped - called
        # What only they call belongs to the pipeline too.
        grown = True
        while grown:
            more = {
                key
                for key, callers in self._callers.items()
                if key not in only and only.issuperset(callers)
            }
            only |= more
            grown = bool(more)
        return only
