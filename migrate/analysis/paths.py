"""Where the paths that a project gives to file functions come from.

Follows each path backwards, over the whole project, to the leftmost piece it is made of: a text in
the code, a flag, or an environment variable. What comes first decides where the path leads: in
``os.path.join("./data", name, "*.jpg")`` that is ``"./data"``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from migrate.analysis.file_functions import Access, file_uses
from migrate.analysis.module import Module, argument, keyword
from migrate.analysis.project import Project
from migrate.analysis.references import classes_in, is_unit_test
from migrate.analysis.runtime_names import RANK_FILE, runtime_name

Kind = Literal["text", "flag", "variable"]
Function = ast.FunctionDef | ast.AsyncFunctionDef

# A file without any of these gives no path to a function that file_functions knows.
_MAY_TAKE = re.compile(
    rb"open|[gG]lob|[dD]ir|walk|load|read|write|[sS]av|copy|move|summary|Summary|Record|Dataset"
    rb"|File|exists|remove|restore|heckpoint|mage|Logger|Board|touch|retrieve|Supervisor|graph"
    rb"|to_csv|to_pickle|dump|riter|basicConfig"
)
_DEFINES_FLAGS = re.compile(rb"add_argument|DEFINE_string")
_TEXT_FLAG = re.compile(r"(?:tensorflow|absl)\.flags\.DEFINE_string")
# What gives back the path it is given, as far as where it leads is concerned.
_PASSING = frozenset(
    "os.path.abspath os.path.dirname os.path.normpath os.path.realpath os.path.expandvars "
    "os.path.splitext pathlib.Path pathlib.PurePath os.fspath list sorted str "
    "tensorflow.gfile.Glob glob.glob glob.iglob".split()
)
_TEXT_METHODS = frozenset("rstrip strip replace lower encode decode joinpath".split())
_RUNTIME = "npu_runtime.places."
_PLACEHOLDER = re.compile(r"\{(\w*)(?:[!:][^{}]*)?\}|%(?:\((\w+)\))?[-0-9.]*[sdr]")
# Stands among the names where text is glued to the value.
_GLUED = "+"
# What one path may cost to follow: names that are made of one another can ask for more.
_MOST_STEPS = 2_000
# How far from name to name; Python gives up at 1000 nested calls, and a step takes several.
_DEEPEST = 100


@dataclass(frozen=True)
class Origin:
    """The first piece of a path.

    Args:
        path: the file in which it stands.
        span: of the expression to be wrapped; of a flag, of the call that defines it.
        text: the path as far as it is known: the text, or the flag's or variable's name.
        default: of a flag, its default where that is a text.
        names: variables, attributes and parameters on the way to the function.
    """

    kind: Kind
    path: str
    line: int
    span: tuple[int, int]
    text: str
    names: frozenset[str] = frozenset()
    default: str = ""

    @property
    def is_stem(self) -> bool:
        """Whether text is glued to it somewhere, as to a name: ``name + ".txt"``."""
        return _GLUED in self.names


@dataclass
class Paths:
    """What a project gives to file functions.

    Args:
        origins: with what happens to the paths that begin with them, as (access, file, line).
        joins: spans of ``"./" + path`` by file, where the path may become an absolute one.
    """

    origins: dict[Origin, set[tuple[Access, str, int]]] = field(default_factory=dict)
    joins: dict[str, set[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class FlagCall:
    """Where a flag of texts is defined."""

    path: str
    line: int
    span: tuple[int, int]
    default: str


def paths_of(project: Project) -> Paths:
    """Follows every path that the project, its unit tests apart, gives to a file function."""
    return _Tracer(project).found


class _Tracer:
    def __init__(self, project: Project) -> None:
        self.found = Paths()
        self._project = project
        self._flags: dict[str, list[FlagCall]] = {}
        self._seen: set[tuple[str, ast.AST]] = set()
        self._depth = 0
        # The files that hold a word, unit tests apart.
        self._holding: dict[str, list[str]] = {}
        # What is assigned to each attribute: file, place among its assignments.
        self._assigned: dict[str, list[tuple[str, int]]] = {}
        # The calls of each function: file, place among its calls, whether `self` is left out.
        self._callers: dict[tuple[str, int, int], list[tuple[str, int, bool]]] = {}
        for path in project.python_files:
            if _DEFINES_FLAGS.search(project.files[path].data):
                module = project.parsed(path)
                if module is not None:
                    self._find_flags(module)
        for path in project.python_files:
            if not _MAY_TAKE.search(project.files[path].data) or is_unit_test(project, path):
                continue
            module = project.parsed(path)
            for use in file_uses(module) if module is not None else ():
                assert module is not None
                self._seen = set()
                where = (use.access, path, use.node.lineno)
                for origin in self._origins(module, use.node, frozenset()):
                    self.found.origins.setdefault(_merged(self.found, origin), set()).add(where)

    # --- flags ------------------------------------------------------------------------------

    def _find_flags(self, module: Module) -> None:
        flag: str | None
        for call, name in module.calls:
            if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument":
                flag = _argparse_name(call)
            elif _TEXT_FLAG.fullmatch(name or ""):
                flag = _text(argument(call, "name", 0) or argument(call, "flag_name", 0))
            else:
                continue
            if flag:
                default = argument(call, "default", 1) or argument(call, "default_value", 1)
                place = FlagCall(module.path, call.lineno, module.span(call), _text(default) or "")
                self._flags.setdefault(flag, []).append(place)

    # --- one step back ----------------------------------------------------------------------

    def _origins(
        self, module: Module, node: ast.expr | None, names: frozenset[str]
    ) -> Iterator[Origin]:
        key = (module.path, node)
        if node is None or key in self._seen or len(self._seen) > _MOST_STEPS:
            return
        self._seen.add((module.path, node))
        if self._depth < _DEEPEST:
            self._depth += 1
            # A list: what takes the origins may begin other ways in between.
            found = list(self._step(module, node, names))
            self._depth -= 1
            yield from found

    def _step(self, module: Module, node: ast.expr, names: frozenset[str]) -> Iterator[Origin]:
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and node.value:
                yield self._text_origin(module, node, node.value, names)
        elif isinstance(node, ast.JoinedStr):
            yield from self._from_f_string(module, node, names)
        elif isinstance(node, ast.BinOp):
            yield from self._from_operator(module, node, names)
        elif isinstance(node, ast.Call):
            yield from self._from_call(module, node, names)
        elif isinstance(node, ast.Name):
            yield from self._from_name(module, node, names | {node.id})
        elif isinstance(node, ast.Attribute):
            yield from self._from_attribute(module, node, names | {node.attr})
        elif isinstance(node, ast.Subscript):
            if module.qualified(node.value) == "os.environ":
                yield from self._variable(module, node, node.slice, None, names)
            else:
                yield from self._origins(module, node.value, names)
        elif isinstance(node, ast.IfExp):
            yield from self._origins(module, node.body, names)
            yield from self._origins(module, node.orelse, names)
        elif isinstance(node, ast.BoolOp | ast.List | ast.Tuple | ast.Dict):
            parts = node.elts if isinstance(node, ast.List | ast.Tuple) else node.values
            for part in parts:
                yield from self._origins(module, part, names)
        elif isinstance(node, ast.ListComp | ast.GeneratorExp):
            yield from self._origins(module, node.elt, names)
        elif isinstance(node, ast.NamedExpr):
            yield from self._origins(module, node.value, names)

    def _text_origin(
        self, module: Module, node: ast.expr, text: str, names: frozenset[str]
    ) -> Origin:
        return Origin("text", module.path, node.lineno, module.span(node), text, names)

    def _variable(
        self,
        module: Module,
        node: ast.expr,
        name: ast.expr,
        default: ast.expr | None,
        names: frozenset[str],
    ) -> Iterator[Origin]:
        text = _text(name)
        if text:
            yield Origin("variable", module.path, node.lineno, module.span(node), text, names)
        elif default is not None:
            yield from self._origins(module, default, names)

    def _from_f_string(
        self, module: Module, node: ast.JoinedStr, names: frozenset[str]
    ) -> Iterator[Origin]:
        first = node.values[0] if node.values else None
        if isinstance(first, ast.FormattedValue):
            more = [part for part in node.values[1:2] if not _begins_anew(part)]
            yield from self._origins(module, first.value, names | {_GLUED} if more else names)
        elif (text := _text(first)) and not only_here(text):
            yield self._text_origin(module, node, text, names)

    def _from_operator(
        self, module: Module, node: ast.BinOp, names: frozenset[str]
    ) -> Iterator[Origin]:
        if isinstance(node.op, ast.Div):
            yield from self._origins(module, node.left, names)
        elif isinstance(node.op, ast.Add):
            left = _text(node.left)
            behind = []
            if left is not None and (not left or only_here(left)):
                behind = list(self._origins(module, node.right, names))
            if behind and left:
                self.found.joins.setdefault(module.path, set()).add(module.span(node))
            if behind:
                yield from behind
            else:
                more = frozenset() if _begins_anew(node.right) else frozenset({_GLUED})
                yield from self._origins(module, node.left, names | more)
        elif isinstance(node.op, ast.Mod) and (text := _text(node.left)):
            given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            yield from self._formatted(module, node, text, given, {}, names)

    def _formatted(
        self,
        module: Module,
        node: ast.expr,
        text: str,
        given: list[ast.expr],
        by_word: dict[str | None, ast.expr],
        names: frozenset[str],
    ) -> Iterator[Origin]:
        """``text.format(...)`` or ``text % ...``: its first placeholder, or the text itself."""
        first = _PLACEHOLDER.match(text)
        if first is None:
            if not (_PLACEHOLDER.search(text) and only_here(text[: text.find("{")])):
                yield self._text_origin(module, node, text, names)
            return
        word = first[1] or first[2] or "0"
        if text[first.end() : first.end() + 1] not in ("", "/"):
            names |= {_GLUED}
        if word.isdigit() and int(word) < len(given):
            yield from self._origins(module, given[int(word)], names)
        elif word in by_word:
            yield from self._origins(module, by_word[word], names)

    def _from_call(self, module: Module, call: ast.Call, names: frozenset[str]) -> Iterator[Origin]:
        name = module.qualified(call.func) or module.own_method(call.func)
        if name is None and isinstance(call.func, ast.Name) and call.func.id in _PASSING:
            name = call.func.id if module.is_free(call.func.id, call.func) else None
        func = call.func
        if name is not None and name.startswith(_RUNTIME):
            return
        if runtime_name(module, func) == RANK_FILE:
            yield from self._joined(module, call.args, names)
            return
        if name == "os.path.join":
            yield from self._joined(module, call.args, names)
        elif name in ("os.environ.get", "os.getenv") and call.args:
            default = argument(call, "default", 1)
            yield from self._variable(module, call, call.args[0], default, names)
        elif name in _PASSING:
            yield from self._joined(module, call.args, names)
        elif isinstance(func, ast.Attribute) and func.attr == "format" and _text(func.value):
            words = {k.arg: k.value for k in call.keywords}
            text = _text(func.value) or ""
            yield from self._formatted(module, call, text, call.args, words, names)
        elif isinstance(func, ast.Attribute) and func.attr in _TEXT_METHODS and name is None:
            yield from self._origins(module, func.value, names)
        elif name is not None and ":" in name:
            yield from self._returned(name, names)

    def _joined(
        self, module: Module, parts: list[ast.expr], names: frozenset[str]
    ) -> Iterator[Origin]:
        if not parts:
            return
        first = _text(parts[0])
        if len(parts) > 1 and first is not None and (not first or only_here(first)):
            behind = list(self._origins(module, parts[1], names))
            if behind:  # what is absolute behind it wins
                yield from behind
                return
        yield from self._origins(module, parts[0], names)

    def _returned(self, name: str, names: frozenset[str]) -> Iterator[Origin]:
        owner, function = self._function(name)
        if owner is None or function is None:
            return
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and owner.function_of(node) is function:
                yield from self._origins(owner, node.value, names)

    def _function(self, name: str) -> tuple[Module | None, Function | None]:
        path, _, dotted = name.partition(":")
        owner = self._project.parsed(path) if path in self._project.files else None
        found = owner.definition(dotted) if owner is not None else None
        return owner, found if isinstance(found, Function) else None

    # --- names ------------------------------------------------------------------------------

    def _from_name(self, module: Module, node: ast.Name, names: frozenset[str]) -> Iterator[Origin]:
        found = module.lookup(node.id, node)
        if found is None:
            yield from self._global(module.qualified(node), names)
            return
        scope, bindings = found
        for binding in bindings:
            if binding.kind == "value" and isinstance(binding.node, ast.expr):
                yield from self._origins(module, binding.node, names)
            elif binding.kind == "import":
                yield from self._global(binding.qualified, names)
            elif binding.kind == "parameter" and isinstance(scope.node, Function):
                yield from self._given(module, scope.node, node.id, names)
            elif isinstance(binding.statement, ast.For | ast.comprehension):
                yield from self._origins(module, binding.statement.iter, names)

    def _global(self, name: str | None, names: frozenset[str]) -> Iterator[Origin]:
        """What ``path.py:NAME`` is bound to."""
        path, colon, word = (name or "").partition(":")
        module = self._project.parsed(path) if colon and path in self._project.files else None
        if module is None or "." in word:
            return
        for binding in module.scope.bindings.get(word, []):
            if binding.kind == "value" and isinstance(binding.node, ast.expr):
                yield from self._origins(module, binding.node, names | {word})

    def _from_attribute(
        self, module: Module, node: ast.Attribute, names: frozenset[str]
    ) -> Iterator[Origin]:
        name = module.qualified(node)
        if name is not None and ":" in name and "." not in name.partition(":")[2]:
            yield from self._global(name, names)
            return
        if name is not None and ":" not in name and ".FLAGS." not in name:
            return
        owner = module.class_of(node) if _is_self(node.value) else None
        if owner is not None:
            method = next(
                (s for s in owner.body if isinstance(s, Function) and s.name == node.attr), None
            )
            if method is not None and method.decorator_list:
                yield from self._returned(f"{module.path}:{owner.name}.{node.attr}", names)
                return
            values = module.attributes_of(owner).get(node.attr, [])
            if values:
                for value in values:
                    yield from self._origins(module, value, names)
                return
        elif node.attr in self._flags and not _is_self(node.value):
            flags = self._flags[node.attr]
            for flag in [f for f in flags if f.path == module.path] or flags:
                place = flag.path, flag.line, flag.span
                yield Origin("flag", *place, node.attr, names, flag.default)
            return
        yield from self._attribute_anywhere(node.attr, names)

    def _attribute_anywhere(self, name: str, names: frozenset[str]) -> Iterator[Origin]:
        """What any file assigns to an attribute of that name, or a class binds in its body."""
        if name not in self._assigned:
            self._assigned[name] = list(self._assignments(name))
        for path, place in self._assigned[name]:
            module = self._project.module(path)
            yield from self._origins(module, module.all_of(ast.Assign)[place].value, names)

    def _assignments(self, name: str) -> Iterator[tuple[str, int]]:
        for module in self._naming(name):
            for place, statement in enumerate(module.all_of(ast.Assign)):
                for target in statement.targets:
                    bound = getattr(target, "attr", None) == name or (
                        isinstance(target, ast.Name)
                        and target.id == name
                        and isinstance(module.parents[statement], ast.ClassDef)
                    )
                    if bound:
                        yield module.path, place

    def _naming(self, word: str) -> Iterator[Module]:
        if word not in self._holding:
            text, files = word.encode(), self._project.files
            self._holding[word] = [
                path
                for path in self._project.python_files
                if text in files[path].data and not is_unit_test(self._project, path)
            ]
        for path in self._holding[word]:
            module = self._project.parsed(path)
            if module is not None:
                yield module

    # --- parameters -------------------------------------------------------------------------

    def _given(
        self, module: Module, function: Function, name: str, names: frozenset[str]
    ) -> Iterator[Origin]:
        """What calls pass for a parameter, and its default."""
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        words = [parameter.arg for parameter in positional]
        if name in words:
            index = words.index(name) - len(words) + len(arguments.defaults)
            if index >= 0:
                yield from self._origins(module, arguments.defaults[index], names)
        for parameter, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if parameter.arg == name:
                yield from self._origins(module, value, names)
        owner = module.parents.get(function)
        method = isinstance(owner, ast.ClassDef)
        position = words.index(name) if name in words else 99
        for caller, call, bound in self._calls_of(module, function, owner):
            at = position - 1 if method and bound else position
            yield from self._origins(caller, argument(call, name, at) if at >= 0 else None, names)

    def _calls_of(
        self, module: Module, function: Function, owner: ast.AST | None
    ) -> Iterator[tuple[Module, ast.Call, bool]]:
        """Calls of a function of the project, and whether ``self`` is left out of them."""
        key = (module.path, function.lineno, function.col_offset)
        if key not in self._callers:
            # Places rather than nodes, which would keep the parsed files in memory.
            self._callers[key] = [
                (other.path, next(n for n, (c, _) in enumerate(other.calls) if c is call), bound)
                for other, call, bound in self._find_calls(module, function, owner)
            ]
        for path, place, bound in self._callers[key]:
            caller = self._project.module(path)
            yield caller, caller.calls[place][0], bound

    def _find_calls(
        self, module: Module, function: Function, owner: ast.AST | None
    ) -> Iterator[tuple[Module, ast.Call, bool]]:
        in_class = isinstance(owner, ast.ClassDef)
        prefix = f"{owner.name}." if isinstance(owner, ast.ClassDef) else ""
        path = f"{module.path}:"
        if isinstance(owner, ast.ClassDef) and function.name == "__init__":
            for made in self._heirs(f"{path}{owner.name}"):
                for other in self._naming(made.rpartition(":")[2]):
                    for call, called in other.calls_of(made, f"{made}.__init__"):
                        yield other, call, called == made
            for other in self._naming("super"):
                for call, name in other.calls_worded("__init__"):
                    func = call.func
                    if (
                        name is None
                        and isinstance(func, ast.Attribute)
                        and func.attr == "__init__"
                        and isinstance(func.value, ast.Call)
                        and (inner := other.class_of(call)) is not None
                        and f"{path}{owner.name}" in self._bases(f"{other.path}:{inner.name}")
                    ):
                        yield other, call, True
            return
        wanted = f"{path}{prefix}{function.name}"
        for other in self._naming(function.name):
            for call, name in other.calls_worded(function.name):
                func = call.func
                if name == wanted:
                    yield other, call, in_class and not _names_class(other, func)
                elif in_class and isinstance(func, ast.Attribute) and func.attr == function.name:
                    if name is None or ":" in name:
                        yield other, call, not _names_class(other, func)
                elif isinstance(func, ast.Name) and func.id == function.name and name is None:
                    found = other.lookup(func.id, func)
                    if found and any(b.node is function for b in found[1]):
                        yield other, call, False

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


def _merged(found: Paths, origin: Origin) -> Origin:
    """The origin that is known already, with all names on the ways from it."""
    for known in found.origins:
        if (known.path, known.span) == (origin.path, origin.span):
            if origin.names <= known.names:
                return known
            both = replace(known, names=known.names | origin.names)
            found.origins[both] = found.origins.pop(known)
            return both
    return origin


def _argparse_name(call: ast.Call) -> str:
    dest = keyword(call, "dest")
    if dest is not None:
        return _text(dest.value) or ""
    texts = [_text(name) or "" for name in call.args]
    long = [text for text in texts if text.startswith("--")] or texts[:1]
    return long[0].lstrip("-").replace("-", "_") if long else ""


def _names_class(module: Module, func: ast.expr) -> bool:
    """``Class.method(self, ...)``, which passes ``self`` itself."""
    if not isinstance(func, ast.Attribute):
        return True
    word = (module.qualified(func.value) or "").partition(":")[2]
    return word[:1].isupper() and "." not in word


def _text(node: ast.AST | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def _begins_anew(node: ast.expr) -> bool:
    """Whether a text goes on below the folder that stands before it."""
    while isinstance(node, ast.BinOp):
        node = node.left
    return (_text(node) or "").startswith("/")


def only_here(text: str) -> bool:
    """``./`` and its kind, which lead nowhere by themselves."""
    return bool(text) and not text.strip("./") and ".." not in text


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
