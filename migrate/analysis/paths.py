"""Where the paths that a project gives to file functions come from.

Follows each path backwards, over the whole project, to the leftmost piece it is made of: a text in
the code, a flag, or an environment variable. What comes first decides where the path leads: in
``os.path.join("./data", name, "*.jpg")`` that is ``"./data"``.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from migrate.analysis.callers import Callers
from migrate.analysis.file_functions import Access, file_uses
from migrate.analysis.flags import default_of, is_argparse
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, argument, is_self, keyword, spelled, string
from migrate.analysis.parts import Parts
from migrate.analysis.path_ways import (
    ANY_KEY,
    ITEM,
    OPENED,
    Ask,
    Back,
    Behind,
    Either,
    Item,
    Origin,
    Way,
    Ways,
    comes_before,
    is_here,
)
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test
from migrate.analysis.values import constant
from migrate.analysis.words import holds_any

_DEFINES_FLAGS = (b"add_argument", b"DEFINE_string")
_TEXT_FLAG = re.compile(r"(?:tensorflow|absl)\.flags\.DEFINE_string")
PARSES = frozenset({"parse_args", "parse_known_args"})
# What one path may cost to follow: names that are made of one another can ask for more.
_MOST_STEPS = 2_000
_OPENED = frozenset({OPENED})
# Stands for what was found before on the way from the same path.
_AGAIN = Origin("moved", "", 0, (0, 0), "")
# What takes a path out of tables within tables, and how far that is followed.
Keys = tuple[str, ...]
_MOST_KEYS = 3
# How far from name to name; Python gives up at 1000 nested calls, and a step takes several.
_DEEPEST = 100


@dataclass
class Paths:
    """What a project gives to file functions.

    Args:
        origins: with what happens to the paths that begin with them, as (access, file, line).
        joins: spans of ``"./" + path`` by file, where the path may become an absolute one.
    """

    origins: dict[Origin, set[tuple[Access, str, int]]] = field(default_factory=dict)
    joins: dict[str, set[tuple[int, int]]] = field(default_factory=dict)


def paths_of(project: Project) -> Paths:
    """Follows every path that the project, its unit tests apart, gives to a file function."""
    return _Tracer(project).found


class _Tracer:
    def __init__(self, project: Project) -> None:
        self.found = Paths()
        self._project = project
        self._callers = project.cached(Callers)
        self._parts = project.cached(Parts)
        self._flags: dict[str, list[Origin]] = {}
        self._answers: dict[tuple[object, ...], tuple[Way, ...]] = {}
        self._known: dict[tuple[str, tuple[int, int]], Origin] = {}
        # On the way from one path.
        self._seen: set[tuple[str, int, Keys]] = set()
        self._asked: set[tuple[object, ...]] = set()
        # Of both, what has any origin.
        self._led: set[tuple[object, ...]] = set()
        self._depth = 0
        for path in project.python_files:
            for flag in project.cached_for(path, flags_in):
                self._flags.setdefault(flag.text, []).append(flag)
        for path in project.python_files:
            for number, access, line, is_file in project.cached_for(path, taken_in):
                self._seen.clear()
                self._asked.clear()
                self._led.clear()
                where = (access, path, line)
                names = _OPENED if is_file else frozenset()
                for origin in self._origins(path, number, names, ()):
                    if origin.kind != "moved":
                        self.found.origins.setdefault(self._merged(origin), set()).add(where)

    def _merged(self, origin: Origin) -> Origin:
        """The origin that is known already, with all names on the ways from it."""
        key = (origin.path, origin.span)
        known = self._known.setdefault(key, origin)
        if not origin.names <= known.names:
            both = known._replace(names=known.names | origin.names)
            self.found.origins[both] = self.found.origins.pop(known)
            known = self._known[key] = both
        return known

    def _origins(self, path: str, number: int, names: frozenset[str], keys: Keys) -> list[Origin]:
        """What an expression begins with.

        Args:
            keys: what takes the path out of a table that the expression is, the outermost last.
        """
        key = (path, number, keys)
        if key in self._led:
            return [_AGAIN]
        if key in self._seen or len(self._seen) > _MOST_STEPS:
            return []
        self._seen.add(key)
        if self._depth >= _DEEPEST:
            return []
        self._depth += 1
        reader = self._project.cached_for(path, Ways)
        ways = reader.of(number)
        found = self._along(ways, names - _OPENED if reader.is_made(number) else names, keys)
        self._depth -= 1
        if found:
            self._led.add(key)
        return found

    def _along(self, ways: tuple[Way, ...], names: frozenset[str], keys: Keys) -> list[Origin]:
        found: list[Origin] = []
        for way in ways:
            if isinstance(way, Back):
                within = keys if way.key is None else (*keys, way.key)
                if len(within) > _MOST_KEYS:
                    within = ()  # any value of the tables
                found += self._origins(way.path, way.number, names | way.names, within)
            elif isinstance(way, Item):
                last = keys[-1] if keys else ANY_KEY
                if way.is_taken_by(last):
                    found += self._origins(way.value.path, way.value.number, names, keys[:-1])
                elif len(keys) > 1 and last == ANY_KEY and way.is_taken_by(keys[-2]):
                    # The last one may have been the place in a list of tables.
                    found += self._origins(way.value.path, way.value.number, names, keys[:-2])
            elif isinstance(way, Ask):
                key, ways = self._answer(way, keys)
                led = self._along(ways, names | way.names, keys)
                if led:
                    self._led.add(key)
                found += led
            elif isinstance(way, Origin):
                all_names = names | way.names
                is_item = ITEM in all_names
                found.append(way._replace(names=all_names - _OPENED if is_item else all_names))
            elif isinstance(way, Behind):
                found += self._behind(way, names, keys)
            else:
                found += self._either(way, names, keys)
        return found

    def _behind(self, way: Behind, names: frozenset[str], keys: Keys) -> list[Origin]:
        found = self._along(way.last, names, keys)
        return found if _is_place(found) else found + self._along(way.before, names, keys)

    def _either(self, way: Either, names: frozenset[str], keys: Keys) -> list[Origin]:
        first, otherwise = way.first, way.otherwise
        found = self._origins(first.path, first.number, names, keys)
        if found and way.join is not None:
            self.found.joins.setdefault(first.path, set()).add(way.join)
        if found or otherwise is None:
            return found
        return self._along((otherwise,), names, keys)

    # --- what other files tell --------------------------------------------------------------

    def _answer(self, ask: Ask, keys: Keys) -> tuple[tuple[object, ...], tuple[Way, ...]]:
        """The ways on from a question, behind what tells it from others."""
        flags = self._flags.get(ask.of, []) if ask.what == "attribute" else []
        part = self._parts.of(ask.path)
        if near := [flag for flag in flags if self._parts.of(flag.path) == part]:
            behind = [
                (path, number)
                for path in self._callers.holding(ask.of, ask.path)
                for number in self._project.cached_for(path, put_behind_in).get(ask.of, ())
            ]
            found = [
                origin for place in behind for origin in self._origins(*place, frozenset(), ())
            ]
            if not _is_place(found):
                found += [f for f in near if f.path == ask.path] or near
            return ("flag", ask.of), tuple(found)
        if ask.what == "parameter":
            key: tuple[object, ...] = (ask.path, ask.number, ask.of)
        else:
            key = ("assigned" if ask.what == "attribute" else ask.what, ask.of, part)
        asked = (key, keys)
        if asked in self._led:
            return asked, (_AGAIN,)
        if asked in self._asked:
            return asked, ()  # where it leads is on the way already
        self._asked.add(asked)
        if key not in self._answers:
            self._answers[key] = tuple(self._find(ask))
        return asked, self._answers[key]

    def _find(self, ask: Ask) -> Iterator[Back]:
        if ask.what == "parameter":
            yield from self._given(ask.path, ask.number, ask.of)
        elif ask.what in ("assigned", "attribute"):
            for path in self._callers.holding(ask.of, ask.path):
                for number in self._project.cached_for(path, assigned_in).get(ask.of, ()):
                    yield Back(path, number)
        else:
            path, _, dotted = ask.of.partition(":")
            what: Literal["name", "returns"] = "name" if ask.what == "name" else "returns"
            for number in self._project.cached_for(path, Ways).values(what, dotted):
                yield Back(path, number)

    def _given(self, path: str, number: int, name: str) -> Iterator[Back]:
        """The default of a parameter, and what calls pass for it."""
        taken = self._project.cached_for(path, Ways).parameters(number)
        if name in taken.defaults:
            yield Back(path, taken.defaults[name])
        position = taken.positional.index(name) if name in taken.positional else 99
        for other, call, bound in self._callers.of(path, number, taken.function, taken.owner):
            at = position - 1 if bound else position
            given = call.argument(name, at) if at >= 0 else None
            if given is not None:
                yield Back(other, given)


def taken_in(project: Project, path: str) -> list[tuple[int, Access, int, bool]]:
    """The expressions of a file that are paths: number, what happens there, line, if it is a file.

    A unit test has none, nor has a ``setup.py``, which is for building packages. Derive it with
    ``cached_for``.
    """
    if is_unit_test(project, path) or posixpath.basename(path) == "setup.py":
        return []
    module = project.parsed(path)
    if module is None:
        return []
    return [
        (module.numbers[use.node], use.access, use.node.lineno, use.is_file)
        for use in file_uses(module)
    ]


def flags_in(project: Project, path: str) -> list[Origin]:
    """The flags of texts that a file defines; derive with ``cached_for``."""
    found = []
    flag: str | None
    defines = holds_any(project.files[path].data, _DEFINES_FLAGS)
    module = project.parsed(path) if defines else None
    for call, name in module.calls if module is not None else ():
        assert module is not None
        if is_argparse(call):
            flag = _argparse_name(call)
        elif _TEXT_FLAG.fullmatch(name or ""):
            flag = string(argument(call, "name", 0) or argument(call, "flag_name", 0))
        else:
            continue
        if flag:
            default, span = constant(module, default_of(call)), module.span(call)
            text = default if isinstance(default, str) else ""
            found.append(Origin("flag", path, call.lineno, span, flag, default=text))
    return found


def _is_place(origins: list[Origin]) -> bool:
    """Whether a folder that begins with these is one that is known.

    That of a flag without a default may be none.
    """
    return any(o.kind != "flag" or o.default for o in origins)


def put_behind_in(project: Project, path: str) -> dict[str, list[int]]:
    """What puts attributes behind another place: ``a.x = os.path.join(a.root, a.x)``, by name.

    Derive it with ``cached_for``.
    """
    found: dict[str, list[int]] = {}
    module = project.parsed(path) if b"os.path" in project.files[path].data else None
    for call in module.all_of(ast.Call) if module is not None else ():
        assert module is not None
        statement = module.parents[call]
        if not isinstance(statement, ast.Assign) or module.name_of(call.func) != "os.path.join":
            continue
        targets = {ast.dump(part) for part in call.args[1:]}
        for target in statement.targets:
            if isinstance(target, ast.Attribute) and _surely_put(module, target.value, call):
                read = ast.Attribute(target.value, target.attr, ast.Load())
                if ast.dump(read) in targets:
                    found.setdefault(target.attr, []).append(module.numbers[call])
    return found


def _surely_put(module: Module, holder: ast.expr, join: ast.Call) -> bool:
    """Whether a join puts what holds the flags behind a place, wherever its code is run.

    What holds them is what is parsed, or what the folder is an attribute of, too.
    """
    if is_self(holder) or is_here(module, join.args[0]):
        return False
    block = module.block_of(module.statement_of(join))
    found = module.lookup(holder.id, holder) if isinstance(holder, ast.Name) else None
    values = [b.node for b in found[1] if b.kind == "value"] if found else []
    parsed = any(isinstance(v, ast.Call) and spelled(v.func) in PARSES for v in values)
    same = ast.dump(holder)
    parts = (p for p in ast.walk(join.args[0]) if isinstance(p, ast.Attribute))
    if not parsed and not any(ast.dump(part.value) == same for part in parts):
        return False
    parent = module.parents[module.parents[join]]
    if isinstance(parent, ast.Module | Function):
        return True
    return any(comes_before(module, value, join, block) for value in values)


def _argparse_name(call: ast.Call) -> str:
    dest = keyword(call, "dest")
    if dest is not None:
        return string(dest.value) or ""
    texts = [string(name) or "" for name in call.args]
    long = [text for text in texts if text.startswith("--")] or texts[:1]
    return long[0].lstrip("-").replace("-", "_") if long else ""


def assigned_in(project: Project, path: str) -> dict[str, list[int]]:
    """What a file assigns to attributes of each name, or a class binds in its body.

    Derive it with ``cached_for``.
    """
    found: dict[str, list[int]] = {}
    module = project.parsed(path)
    for statement in module.all_of(ast.Assign) if module is not None else ():
        assert module is not None
        for target in statement.targets:
            name = getattr(target, "attr", None)
            if isinstance(target, ast.Name) and isinstance(module.parents[statement], ast.ClassDef):
                name = target.id
            if name is not None:
                found.setdefault(name, []).append(module.numbers[statement.value])
    return found
