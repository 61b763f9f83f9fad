"""Which places of a project can be moved, to where, and by which edit."""

from __future__ import annotations

import ast
import posixpath
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from migrate.analysis.commands import named_in_commands
from migrate.analysis.entry_points import training_scripts
from migrate.analysis.file_functions import WRITING, Access
from migrate.analysis.imported import imported_by, importing
from migrate.analysis.module import Module
from migrate.analysis.nodes import spelled, string
from migrate.analysis.path_ways import Origin, only_here
from migrate.analysis.paths import paths_of
from migrate.analysis.project import Project
from migrate.analysis.words import holds_any, words_of

Target = Literal["data", "output"]
Uses = set[tuple[Access, str, int]]

_DATA = frozenset(
    "annotation annotations corpus data datadir dataroot dataset datasets image images imgs input "
    "inputs labels records tfrecord tfrecords vocab".split()
)
_OUTPUT = frozenset(
    "checkpoint checkpoints ckpt ckpts event events experiment experiments export exports log "
    "logdir logs out outdir output outputs result results run runs sample samples save saved "
    "snapshot snapshots summaries summary tensorboard".split()
)
_PLACE = frozenset(
    "checkpoint ckpt dir directory dirs file filename folder path root datadir dataroot logdir "
    "outdir savedir".split()
)
_COMPARING = (b"==", b"!=", b" in ", b"literal_eval", b"loads", b"yaml")
# What takes a text that is no path.
_PARSING = frozenset("ast.literal_eval json.loads yaml.load yaml.safe_load".split())
_OPENING = frozenset({"open", "GFile", "Open", "FastGFile"})
# The folder that relative places are in changes, and not to that of the script itself.
_CHDIR = re.compile(rb"\bos\.chdir\((?![^\n]*__file__)")
_ELSEWHERE = re.compile(r"/|~|[A-Za-z]:[\\/]")


class Relocation(NamedTuple):
    """One place that moves.

    Args:
        target: whether it is found below the data's folder or below the outputs'.
        checkpoint: whether something reads back there what a training wrote.
        restored: whether that is done with the place itself, and not with one that is called alike.
    """

    origin: Origin
    target: Target
    checkpoint: bool
    restored: bool


class Remark(NamedTuple):
    """One place that stays, and why."""

    line: int
    message: str
    advice: str = ""


@dataclass
class FilePlaces:
    """The places of one file.

    Args:
        joins: spans of ``"./" + path`` with a path that moves.
    """

    moved: list[Relocation] = field(default_factory=list)
    stays: list[Remark] = field(default_factory=list)
    joins: list[tuple[int, int]] = field(default_factory=list)


class Places:
    """The places of a project, judged together: what one script writes another reads.

    Attributes:
        files: those with any place.
        texts: what a recipe can call them by.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        found = project.cached(paths_of)
        self._origins = found.origins
        self._joins = found.joins
        self._uses: dict[str, Uses] = defaultdict(set)
        self._in_file: dict[str, list[Origin]] = defaultdict(list)
        self._near: dict[str, list[Origin]] = defaultdict(list)
        self._alike: dict[str, list[Origin]] = defaultdict(list)
        for origin, uses in found.origins.items():
            self._uses[_key(origin)] |= uses
            self._near[_key(origin)].append(origin)
            self._in_file[origin.path].append(origin)
            self._alike[_whole(origin)].append(origin)
        self.texts = frozenset(origin.text for origin in found.origins)
        self.files = frozenset({origin.path for origin in found.origins} | found.joins.keys())

    def of(self, path: str, chosen: Mapping[str, str]) -> FilePlaces:
        """The places of a file, in source order.

        Args:
            chosen: what the recipe says of single places: ``data``, ``output`` or ``keep``, by
                their text, or the name of a flag or variable.
        """
        file = FilePlaces(joins=sorted(self._joins.get(path, ())))
        told = set()
        away: dict[str, Origin] = {}
        for origin in sorted(self._in_file.get(path, ()), key=lambda o: o.span):
            verdict = self._judge(origin, chosen.get(origin.text))
            if verdict == "away":
                away.setdefault(origin.text, origin)
            elif isinstance(verdict, Remark):
                if (verdict.message, origin.text) not in told:
                    file.stays.append(verdict)
                told.add((verdict.message, origin.text))
            elif verdict is not None:
                restored = any(access == "state" for access, _, _ in self._origins[origin])
                checkpoint = self.is_checkpoint(origin)
                file.moved.append(Relocation(origin, verdict, checkpoint, restored))
        if away:
            file.stays.append(_away(list(away.values())))
        return file

    def target_of(self, origin: Origin) -> Target | None:
        """Where a place leads by what is done there, and by its name; None if that says nothing."""
        uses = self._uses[_key(origin)]
        accesses = {access for access, _, _ in uses} - {"ask"}
        if origin.kind == "text" and not accesses:
            return None
        alike = self._alike[_whole(origin)]
        own = {access for one in alike for access, _, _ in self._origins[one]} - {"ask"}
        if own and own <= WRITING and names_output(_whole(origin).partition("/")[2]):
            return "output"  # such as logs in the folder of the data
        if accesses and accesses <= WRITING and self._is_result(uses):
            return "output"  # such as plots in a folder that is called images
        names = [f"{_key(one)} {one.text if one.kind == 'flag' else ''}" for one in alike]
        if any(map(names_data, names)):
            return "data"
        if any(map(names_output, names)):
            return "output"
        if accesses == {"read"}:
            return "data"
        if "state" in accesses or (accesses and accesses <= WRITING):
            return "output"
        readers = {path for access, path, _ in uses if access == "read"}
        writers = {path for access, path, _ in uses if access in WRITING}
        if readers and writers:
            if self._trained_on(origin):
                return "data"
            return "output" if self._in_one_program(readers, writers) else "data"
        return None

    def is_checkpoint(self, origin: Origin) -> bool:
        """Whether something reads back there what a training wrote."""
        return any(access == "state" for access, _, _ in self._uses[_key(origin)])

    def is_written(self, origin: Origin) -> bool:
        """Whether something writes there."""
        return any(access in WRITING for access, _, _ in self._origins[origin])

    def _is_result(self, uses: Uses) -> bool:
        """Whether a script that trains writes there, rather than to make data for others."""
        written = {path for access, path, _ in uses if access == "write"}
        return any(written & files for files in self._project.cached(_training_programs))

    def _trained_on(self, origin: Origin) -> bool:
        """Whether a script that trains reads there, and leaves writing to others."""
        for files in self._project.cached(_training_programs):
            accesses = {
                access
                for one in self._near[_key(origin)]
                if one.path in files
                for access, path, _ in self._origins[one]
                if path in files
            }
            if "read" in accesses and not accesses & WRITING:
                return True
        return False

    def _in_one_program(self, readers: set[str], writers: set[str]) -> bool:
        """Whether a script reads what it wrote itself: what it makes for others is data."""
        reading = importing(self._project, readers)
        return not reading.isdisjoint(importing(self._project, writers))

    def _judge(
        self, origin: Origin, chosen: str | None
    ) -> Target | Literal["away"] | Remark | None:
        if chosen == "keep":
            return None
        if chosen in ("data", "output"):
            return "data" if chosen == "data" else "output"
        what = repr(origin.text)
        if origin.kind == "text":
            if "://" in origin.text:
                return "away"
            if _ELSEWHERE.match(origin.text):
                message = f"{what} is an absolute place: it stays where it is"
                advice = "Make it relative, or a flag, if it may be elsewhere on an Ascend machine."
                return Remark(origin.line, message, advice)
            if self._comes_along(origin, origin.text):
                return None
            if _CHDIR.search(self._project.files[origin.path].data):
                message = f"{what} stays: os.chdir says here what it is relative to"
                return Remark(origin.line, message)
            words = self._project.cached_for(origin.path, named_in_commands)
            if posixpath.normpath(origin.text) in map(posixpath.normpath, words):
                message = f"{what} stays: a command that this file runs names it, too"
                return Remark(origin.line, message)
            if only_here(origin.text) and not self.is_written(origin):
                return Remark(origin.line, f"{what}: what is read in the current folder stays")
        elif self._comes_along(origin, origin.default):
            return None
        if self.is_compared(origin):
            if origin.kind == "flag" and not names_place(origin.text):
                return None
            message = f"{what} is a place, but also compared with a text: left as it is"
            return Remark(origin.line, message, _BY_RECIPE)
        target = self.target_of(origin)
        if target is None and origin.kind == "text":
            message = f"{what} is a place, but nothing tells whether it is read or written"
            return Remark(origin.line, message, _BY_RECIPE)
        return target

    def _comes_along(self, origin: Origin, text: str) -> bool:
        """Whether the place is among the project's own files, and only read."""
        place = _stem(text)
        if place == "." or any(
            self.is_written(one) and _may_meet(_path_of(one), place)
            for one in self._near[_key(origin)]
        ):
            return False
        folder = posixpath.dirname(origin.path)
        below = "" if _is_cut(text) else "/"
        for candidate in {place, posixpath.normpath(posixpath.join(folder, place))}:
            for path in self._project.files:
                if path == candidate or (
                    path.startswith(candidate + below) and not path.endswith(".py")
                ):
                    return True
        return False

    def is_compared(self, origin: Origin) -> bool:
        """Whether its value is compared with a text somewhere, or parsed: it may be no path."""
        compared = self._project.cached(_compared)
        if origin.kind == "text":
            return any(origin.text in compared.get(name, ()) for name in origin.names)
        return origin.kind == "flag" and any(compared.get(origin.text, ()))


def _away(origins: list[Origin]) -> Remark:
    """The places of a file that are not on this machine; a table can hold very many of them."""
    first, *others = origins
    if not others:
        return Remark(first.line, f"{first.text!r} is not on this machine: left as it is")
    what = f"{first.text!r} and {len(others)} more from here on"
    return Remark(first.line, f"{what} are not on this machine: left as they are")


def _is_opened(module: Module, node: ast.expr) -> bool:
    """Whether it is a name for an open file, whatever else in the project is called like it."""
    found = module.lookup(node.id, node) if isinstance(node, ast.Name) else None
    return any(
        isinstance(b.statement, ast.withitem)
        or (isinstance(b.node, ast.Call) and spelled(b.node.func) in _OPENING)
        for b in (found[1] if found else ())
    )


_BY_RECIPE = "Say what it is in the recipe: [rules.NPU501.places], data, output or keep."


def is_relative(text: str) -> bool:
    """Whether a text, taken for a path, depends on the current folder."""
    return bool(text) and "://" not in text and not _ELSEWHERE.match(text)


def names_place(name: str) -> bool:
    """Whether a flag's name says that its value is a file or folder."""
    return any(word in _PLACE or word.endswith("dir") for word in words_of(name))


def names_data(name: str) -> bool:
    """Whether a name speaks of data, and of nothing that a training writes."""
    return bool(words_of(name) & _DATA) and not words_of(name) & _OUTPUT


def names_output(name: str) -> bool:
    """Whether a name speaks of what a training writes, and not of data."""
    return bool(words_of(name) & _OUTPUT) and not words_of(name) & _DATA


def _key(origin: Origin) -> str:
    """What places have in common that are one: the topmost folder, or the name."""
    path = _path_of(origin)
    return _top(path) if is_relative(path) else origin.text


def _path_of(origin: Origin) -> str:
    return origin.text if origin.kind == "text" else origin.default


def _stem(text: str) -> str:
    """A place up to what a format fills in."""
    return posixpath.normpath(text.partition("%")[0].partition("{")[0])


def _is_cut(text: str) -> bool:
    """Whether a format fills in a part of a name: ``data/part-%d``, and not ``data/%s``."""
    stem = text.partition("%")[0].partition("{")[0]
    return stem != text and not stem.endswith("/")


def _may_meet(text: str, place: str) -> bool:
    """Whether one of two places may lie below the other, or be it."""
    stem = _stem(text)
    if stem == "." or f"{stem}/".startswith(f"{place}/"):
        return True
    return place.startswith(stem) if _is_cut(text) else f"{place}/".startswith(f"{stem}/")


def _whole(origin: Origin) -> str:
    """What places have in common that are one file or folder."""
    path = origin.text if origin.kind == "text" else origin.default
    return posixpath.normpath(path) if is_relative(path) else origin.text


def _top(path: str) -> str:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return parts[0] if parts else "."


def _training_programs(project: Project) -> list[frozenset[str]]:
    """Each script that trains, with the files that it imports."""
    return [frozenset(imported_by(project, path)) for path in project.cached(training_scripts)]


def _compared(project: Project) -> dict[str, set[str]]:
    """The texts that each name is compared with."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in project.python_files:
        for name, texts in project.cached_for(path, compared_in).items():
            found[name] |= texts
    return found


def compared_in(project: Project, path: str) -> dict[str, set[str]]:
    """The texts that each name of a file is compared with, and ``{}`` for one that is parsed.

    Derive it with ``cached_for``.
    """
    found: dict[str, set[str]] = {}
    data = project.files[path].data
    module = project.parsed(path) if holds_any(data, _COMPARING) else None
    for call, called in module.calls if module is not None else ():
        name = spelled(call.args[0]) if called in _PARSING and call.args else ""
        if name and module is not None and not _is_opened(module, call.args[0]):
            found.setdefault(name, set()).add("{}")
    for compare in module.all_of(ast.Compare) if module is not None else ():
        if not isinstance(compare.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            continue
        sides = [compare.left, *compare.comparators]
        texts = {
            text for side in sides for part in ast.walk(side) if (text := string(part)) is not None
        }
        for side in sides:
            name = spelled(side)
            if texts and name:
                found.setdefault(name, set()).update(texts)
    return found
