"""A project's files as modules that import one another.

Qualified names of the project's own things read ``path/to/file.py:Class.method``; those of
libraries are dotted (``tensorflow.train.Saver``).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

from migrate.analysis.closure import reached
from migrate.analysis.import_paths import ImportPaths
from migrate.analysis.imported import importing
from migrate.analysis.module import Module
from migrate.analysis.parsed import Parsed
from migrate.analysis.source import Source, UnreadableSource
from migrate.analysis.symbols import canonical, known
from migrate.analysis.syntax import NewerPython
from migrate.upstream.tree import ITSELF, SourceFile

T = TypeVar("T")

# Larger files are generated data; parsing one costs seconds and nearly a gigabyte.
MAX_PARSED_BYTES = 1_000_000
TOO_NEW = "Python 3.7, which runs TensorFlow 1.15.0, cannot run it"


class Failure(NamedTuple):
    """Why a file cannot be analysed.

    Args:
        reason: what the parser said.
        line: 1-based, or 0.
        kind: ``syntax``, ``version`` (a Python later than 3.7), ``encoding`` or ``size``.
    """

    reason: str
    line: int
    kind: str


class Unparsable(Exception):
    """A file cannot be analysed.

    The project keeps the failure and not the exception, whose traceback would keep all that was
    parsed at the time.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class TopLevel(NamedTuple):
    """What a file binds at its top level, kept when the parsed file is not.

    Args:
        own: names that stand for themselves.
        others: names that stand for something imported, or may do so; where one import alone
            binds it, with what tells what that means.
    """

    own: frozenset[str] = frozenset()
    others: Mapping[str, Callable[[], str] | None] = MappingProxyType({})
    star_imports: tuple[str, ...] = ()


def top_level(project: Project, path: str) -> TopLevel:
    """What a file binds; derive with ``cached_for``."""
    module = project.parsed(path)
    if module is None:
        return TopLevel()
    others = {
        name: bindings[0].resolve if len(bindings) == 1 else None
        for name, bindings in module.scope.bindings.items()
        if any(b.kind == "import" or isinstance(b.node, ast.Attribute | ast.Name) for b in bindings)
    }
    own = frozenset(module.scope.bindings) - others.keys()
    return TopLevel(own, others, tuple(module.star_imports))


class Project:
    """The current state of a project's files; parsing is done on demand.

    Symbolic links are none of its files: what is imported through one is what that leads to.

    Args:
        files: the files, by path.
        beside: where in its repository modules lie that are none of its files, by name.
    """

    def __init__(
        self, files: Mapping[str, SourceFile], beside: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.beside = beside
        self._folder = next((name for name, place in beside.items() if place == ITSELF), "")
        self._files = {path: file for path, file in files.items() if not file.target}
        self._links = {path: f.target for path, f in files.items() if f.target in self._files}
        self._narrowed: list[str] | None = None
        self._together: Collection[Callable[[Project, str], object]] = ()
        self._unread: list[str] = []
        self._is_reading = False
        self._parsed = Parsed(sum(len(files[path].data) for path in self.python_files))
        # What names of own modules stand for, as far as somebody asked.
        self._members: dict[tuple[str, str], str | None] = {}
        self._own: dict[tuple[str, str], str | None] = {}
        self._looking: set[tuple[str, str]] = set()
        self._failures: dict[str, Failure] = {}
        self._parsable: set[str] = set()
        self._derived: dict[Callable[[Project], Any], Any] = {}
        self._derived_of: dict[str, dict[Callable[[Project, str], Any], Any]] = {}
        # The classes that calls of own functions and classes make, and the files that asked.
        self._returned: dict[str, str | None] = {}
        self._askers: dict[str, set[str]] = {}
        self._imports = ImportPaths(self._files, self._links, self._folder)

    def cached(self, derive: Callable[[Project], T]) -> T:
        """What ``derive`` makes of the project, made once for as long as no file changes."""
        if derive not in self._derived:
            self._derived[derive] = derive(self)
        return cast(T, self._derived[derive])

    def cached_for(self, path: str, derive: Callable[[Project, str], T]) -> T:
        """What ``derive`` makes of one file, made once for as long as that file stays."""
        known = self._derived_of.setdefault(path, {})
        if derive not in known:
            # A name may lead into a folder without __init__.py, of which there is nothing to read.
            is_unread = self._parsed.get(path) is None and path in self._files
            if derive in self._together and is_unread:
                self._unread.append(path)
            if self._unread and not self._is_reading:
                self._read()
            else:
                known[derive] = derive(self, path)
        return cast(T, known[derive])

    def derive_together(self, facts: Collection[Callable[[Project, str], object]]) -> None:
        """Has ``cached_for`` make all of these as soon as a file is parsed for one of them."""
        self._together = facts

    def _read(self) -> None:
        self._is_reading = True  # what it asks of other files is made alone
        try:
            while self._unread:
                path = self._unread.pop()
                known = self._derived_of.setdefault(path, {})
                for derive in self._together:
                    if derive not in known:
                        known[derive] = derive(self, path)
                if self._looking:
                    break  # others would be read in the middle of what is looked for
        finally:
            self._unread.clear()
            self._is_reading = False

    @property
    def files(self) -> Mapping[str, SourceFile]:
        return self._files

    @property
    def python_files(self) -> list[str]:
        """Their paths, sorted; not to be changed."""
        return self.all_python_files if self._narrowed is None else self._narrowed

    @cached_property
    def all_python_files(self) -> list[str]:
        """The same of the whole project, also while it is narrowed."""
        return sorted(path for path in self._files if path.endswith(".py"))

    @contextmanager
    def narrowed(self, paths: Collection[str]) -> Iterator[None]:
        """Has ``python_files``, and so all that is derived, be some of them for a while.

        Their names still resolve in all files.
        """
        if len(paths) == len(self.python_files):
            yield
            return
        self._narrowed = sorted(paths)
        self._derived.clear()
        self._parsed.favour(paths)
        try:
            yield
        finally:
            self._narrowed = None
            self._derived.clear()

    def expect(self, data: bytes, tree: ast.Module) -> None:
        """Takes the tree of what a file is to be, from somebody who has parsed it already."""
        self._parsed.expect(data, tree)

    def update(self, changed: Mapping[str, SourceFile]) -> None:
        """Replaces or adds files; what is unchanged stays parsed."""
        new = any(path not in self._files and path.endswith(".py") for path in changed)
        python = {path for path in changed if path.endswith(".py")}
        own = {key: self._own.pop(key) for key in list(self._own) if key[0] in changed}
        returned = {
            key: found for key, found in self._returned.items() if key.partition(":")[0] in changed
        }
        stars = {
            path: self._stars(path)
            for path in changed
            if top_level in self._derived_of.get(path, ())
        }
        for path, file in changed.items():
            self._files[path] = file
            self._failures.pop(path, None)
            self._parsable.discard(path)
            self._derived_of.pop(path, None)
            self._parsed.drop(path)
        if not python:
            return
        self._derived.clear()
        self._returned.clear()
        if new:
            self.__dict__.pop("all_python_files", None)
            self._imports = ImportPaths(self._files, self._links, self._folder)
        stale: set[str] = set()
        if new:
            stale.update(self.python_files)
        elif any(self._own_name(*key) != found for key, found in own.items()) or any(
            self._stars(path) != found for path, found in stars.items()
        ):
            stale = importing(self, python)
        stale |= self._asking(
            n for n, found in returned.items() if self._returned_class(n) != found
        )
        if stale:
            # Names that these have resolved through the changed ones mean something else now.
            for path in stale:
                self._parsed.drop(path)
                self._derived_of.pop(path, None)
            self._derived.clear()
            self._members.clear()
            self._own.clear()
            self._returned.clear()

    def _asking(self, functions: Iterable[str]) -> set[str]:
        """The files that have asked what functions make, and those that have asked of these."""
        asking: dict[str, set[str]] = {}
        for name, paths in self._askers.items():
            asking.setdefault(name.partition(":")[0], set()).update(paths)
        first = {path for name in functions for path in self._askers.get(name, ())}
        return reached(first, lambda path: asking.get(path, set()))

    def module(self, path: str) -> Module:
        """The parsed file.

        Raises:
            Unparsable: not Python 3.7, not readable as text, or too large.
        """
        module = self._parsed.get(path)
        if module is not None:
            return module
        if path in self._failures:
            raise Unparsable(self._failures[path])
        try:
            module = self._parse(path)
        except Unparsable as error:
            self._failures[path] = error.failure
            raise
        self._parsable.add(path)
        self._parsed.keep(path, module)
        return module

    def failure(self, path: str) -> Failure | None:
        """Why a file does not parse; None for one that does."""
        if path not in self._parsable and path not in self._failures:
            self.parsed(path)
        return self._failures.get(path)

    def parsed(self, path: str) -> Module | None:
        """The parsed file, or None for one that does not parse or is a folder."""
        try:
            return self.module(path) if path in self._files else None
        except Unparsable:
            return None

    def _parse(self, path: str) -> Module:
        data = self._files[path].data
        if len(data) > MAX_PARSED_BYTES:
            raise Unparsable(Failure(f"{len(data):,} bytes: taken for generated data", 0, "size"))
        try:
            source = Source(data)
        except UnreadableSource as error:
            raise Unparsable(Failure(str(error), 0, "encoding")) from None
        try:
            return Module(
                path,
                source,
                lambda dotted, level: self.resolve_import(path, dotted, level),
                self._follow,
                self._star,
                lambda qualified: self._made_by(path, qualified),
                self._parsed.expected(data),
            )
        except NewerPython as error:
            raise Unparsable(
                Failure(f"{TOO_NEW}: {error.msg}", error.lineno or 0, "version")
            ) from None
        except SyntaxError as error:
            raise Unparsable(Failure(error.msg, error.lineno or 0, "syntax")) from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise Unparsable(Failure(str(error) or type(error).__name__, 0, "syntax")) from None

    # --- names ------------------------------------------------------------------------------

    def resolve_import(self, importer: str, dotted: str, level: int) -> str:
        """What ``import dotted`` (or ``from ..dotted import``) in ``importer`` means."""
        return self._imports.resolve(importer, dotted, level)

    @property
    def own_packages(self) -> frozenset[str]:
        """The names by which files import this project itself; see `own_package`."""
        return self._imports.own_packages

    def _follow(self, base: str, attribute: str) -> str:
        path, colon, dotted = base.partition(":")
        if not colon:
            return canonical(f"{base}.{attribute}")
        if dotted:
            return f"{base}.{attribute}"
        found = self._member(path, attribute)
        return found or f"{path}:{attribute}"

    def _star(self, base: str, name: str) -> str | None:
        path, colon, _ = base.partition(":")
        if colon:
            return self._member(path, name)
        qualified = canonical(f"{base}.{name}")
        return qualified if known(qualified) else None

    def _member(self, path: str, name: str) -> str | None:
        """What a name of the module or folder at ``path`` stands for; None when it has none."""
        key = (path, name)
        if key not in self._members:
            if key in self._looking:  # `from . import name`, or modules that take it in a circle
                return self._imports.submodule(path, name)
            self._looking.add(key)
            try:
                self._members[key] = self._find_member(path, name)
            finally:
                self._looking.discard(key)
        return self._members[key]

    def _find_member(self, path: str, name: str) -> str | None:
        places, seen = [f"{path}:"], set()
        while places:
            place = places.pop()
            if place in seen:
                continue
            seen.add(place)
            file, colon, _ = place.partition(":")
            if not colon:
                if qualified := self._star(place, name):
                    return qualified
                continue
            if found := self._own_name(file, name) or self._imports.submodule(file, name):
                return found
            if file in self._files and not name.startswith("_"):
                places += self._stars(file)  # the last one wins
        return None

    def binds(self, path: str, name: str) -> bool:
        """Whether the top level of a file binds a name itself."""
        bound = self.cached_for(path, top_level)
        return name in bound.own or name in bound.others

    def _stars(self, path: str) -> tuple[str, ...]:
        return self.cached_for(path, top_level).star_imports

    def _own_name(self, path: str, name: str) -> str | None:
        """What a module itself binds a name to, star imports apart."""
        key = (path, name)
        if key not in self._own:
            found: str | None = None
            bound = self.cached_for(path, top_level) if path in self._files else TopLevel()
            if name in bound.own:
                found = f"{path}:{name}"
            elif name in bound.others:
                resolve = bound.others[name]
                told = resolve() if resolve is not None else self.module(path).exported(name)
                found = told or f"{path}:{name}"
            self._own[key] = found
        return self._own[key]

    def _made_by(self, asker: str, qualified: str) -> str | None:
        self._askers.setdefault(qualified, set()).add(asker)
        return self._returned_class(qualified)

    def _returned_class(self, qualified: str) -> str | None:
        if qualified not in self._returned:
            self._returned[qualified] = None  # functions that call one another end here
            path, _, dotted = qualified.partition(":")
            module = self.parsed(path) if path in self._files else None
            if module is not None:
                self._returned[qualified] = module.returned_class(dotted)
        return self._returned[qualified]
