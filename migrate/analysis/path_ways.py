"""One step back from an expression to what its value is made of, as facts of one file.

An expression is known by its file and its number among the file's nodes, so that the ways can be
followed again and again when the file's tree is long dropped.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, argument, defaults, is_self, method, string
from migrate.analysis.project import Project
from migrate.analysis.runtime_names import RANK_FILE, runtime_name
from migrate.analysis.scopes import Binding, Scope
from migrate.analysis.values import constant

# A place that is "moved" stands in the port's runtime already: there is nothing left to do.
Kind = Literal["text", "flag", "variable", "moved"]

# What gives back the path it is given, as far as where it leads is concerned.
_PASSING = frozenset(
    "os.path.abspath os.path.dirname os.path.normpath os.path.realpath os.path.expandvars "
    "os.path.splitext pathlib.Path pathlib.PurePath os.fspath list sorted str "
    "tensorflow.gfile.Glob glob.glob glob.iglob".split()
)
_TEXT_METHODS = frozenset("rstrip strip replace lower encode decode joinpath".split())
_RUNTIME = "npu_runtime.places."
_HERE = frozenset({"os.curdir", "os.path.curdir"})
_WHOLE = frozenset({"os.path.abspath", "os.path.realpath"})
_PLACEHOLDER = re.compile(r"\{(\w*)(?:[!:][^{}]*)?\}|%(?:\((\w+)\))?[-0-9.]*[sdr]")
_FILLED = re.compile(r"\{[^{}]*\}|%(?:\(\w+\))?[-+#0-9.]*[a-z]")
# The pattern of a key that only a run can tell.
ANY_KEY = ".*"
# Stands among the names where text is glued to the value.
GLUED = "+"
# The same where the value itself is opened as a file, and where it is one of several.
OPENED = "()"
ITEM = "[]"
_NONE: frozenset[str] = frozenset()
_GLUE = frozenset({GLUED})
# What has another value than what it is made of.
_MADE = (
    ast.BinOp
    | ast.Call
    | ast.Dict
    | ast.GeneratorExp
    | ast.JoinedStr
    | ast.List
    | ast.ListComp
    | ast.Subscript
    | ast.Tuple
)


class Origin(NamedTuple):
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
        return GLUED in self.names

    @property
    def is_file(self) -> bool:
        """Whether something opens it, as it is, as a file."""
        return OPENED in self.names


class Back(NamedTuple):
    """To another expression.

    Args:
        names: variables and the like that are passed on the way.
        key: a pattern of what takes the value out of that, where it is a table.
    """

    path: str
    number: int
    names: frozenset[str] = _NONE
    key: str | None = None


class Item(NamedTuple):
    """To one value of a table.

    Args:
        key: the text under which it stands; None for what may be any.
        is_word: whether it is a mere word among other things: no place, as far as one can see.
    """

    value: Back
    key: str | None
    is_word: bool

    def is_taken_by(self, key: str) -> bool:
        """Whether a key may take it out of the table: those of its pattern."""
        if self.key is None:
            return True
        known = key.replace(ANY_KEY, "")
        return re.fullmatch(key, self.key) is not None and bool(known or not self.is_word)


class Either(NamedTuple):
    """To an expression, if that has any origin; else to another one, to a text, or nowhere.

    Args:
        join: the span of ``"./" + path``, or of ``"./%s" % path`` and the like, where it is that.
    """

    first: Back
    otherwise: Back | Origin | None
    join: tuple[int, int] | None = None


class Behind(NamedTuple):
    """To a folder that a name was put behind, and to what the name was if that may be no place.

    Args:
        last: from ``name = os.path.join(folder, name)``.
        before: from the values that the name surely had before.
    """

    last: tuple[Way, ...]
    before: tuple[Way, ...]


class Ask(NamedTuple):
    """To what only other files can tell.

    Args:
        what: a ``name`` at the top level of a file; what a function ``returns``; what is assigned
            to any ``attribute`` of a name, or a flag of that name; the same, but flags
            (``assigned``); what a ``parameter`` is given.
        of: the qualified name, the attribute or the parameter.
        path: of the file in which it is asked, or of the parameter's function.
        number: of the parameter's function.
    """

    what: Literal["name", "returns", "attribute", "assigned", "parameter"]
    of: str
    path: str
    number: int = 0
    names: frozenset[str] = _NONE


Way = Origin | Back | Item | Either | Behind | Ask


class Parameters(NamedTuple):
    """What a function takes.

    Args:
        function: its name.
        owner: the class that it is a method of.
        positional: the names by position.
        defaults: the numbers of the expressions, by name.
    """

    function: str
    owner: str | None
    positional: tuple[str, ...]
    defaults: dict[str, int]


class Ways:
    """The ways back from the expressions of one file, as far as somebody asked.

    Derive it with ``cached_for``.
    """

    def __init__(self, project: Project, path: str) -> None:
        self._project = project
        self._path = path
        self._known: dict[int, tuple[Way, ...]] = {}
        self._made: set[int] = set()
        self._values: dict[tuple[str, str], tuple[int, ...]] = {}
        self._parameters: dict[int, Parameters] = {}

    def values(self, what: Literal["name", "returns"], dotted: str) -> tuple[int, ...]:
        """The values of a name at the top level, or what a function returns."""
        key = (what, dotted)
        if key not in self._values:
            module = self._project.parsed(self._path)
            of = _bound if what == "name" else _returned
            nodes = of(module, dotted) if module is not None else ()
            self._values[key] = tuple(module.numbers[n] for n in nodes) if module else ()
        return self._values[key]

    def parameters(self, number: int) -> Parameters:
        """Those of a function."""
        if number not in self._parameters:
            module = self._project.module(self._path)
            self._parameters[number] = _parameters(module, module.nodes[number])
        return self._parameters[number]

    def of(self, number: int) -> tuple[Way, ...]:
        """Those from an expression, in the order in which they count."""
        if number not in self._known:
            reader = _Reader(self._project.module(self._path))
            nodes = reader.module.nodes
            # All that lies behind it in this file as well, while the file is parsed.
            left = [number]
            while left:
                one = left.pop()
                if one not in self._known:
                    ways = self._known[one] = tuple(reader.ways(nodes[one]))
                    if isinstance(nodes[one], _MADE):
                        self._made.add(one)
                    left += _onward(ways)
        return self._known[number]

    def is_made(self, number: int) -> bool:
        """Whether an expression, of which ``of`` was asked, makes a value of others."""
        return number in self._made


def _onward(ways: tuple[Way, ...]) -> Iterator[int]:
    """The expressions to which ways lead within their file."""
    for way in ways:
        if isinstance(way, Back):
            yield way.number
        elif isinstance(way, Item):
            yield way.value.number
        elif isinstance(way, Either):
            yield way.first.number
            if isinstance(way.otherwise, Back):
                yield way.otherwise.number
        elif isinstance(way, Behind):
            yield from _onward((*way.last, *way.before))


class _Reader:
    def __init__(self, module: Module) -> None:
        self.module = module
        self._numbers = module.numbers
        self._path = module.path

    def _back(self, node: ast.AST | None, names: frozenset[str] = _NONE) -> Iterator[Back]:
        if node is not None:
            yield Back(self._path, self._numbers[node], names)

    def ways(self, node: ast.AST) -> Iterator[Way]:
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and node.value:
                yield self._text(node, node.value)
        elif isinstance(node, ast.JoinedStr):
            yield from self._from_f_string(node)
        elif isinstance(node, ast.BinOp):
            yield from self._from_operator(node)
        elif isinstance(node, ast.Call):
            yield from self._from_call(node)
        elif isinstance(node, ast.Name):
            yield from self._from_name(node)
        elif isinstance(node, ast.Attribute):
            yield from self._from_attribute(node)
        elif isinstance(node, ast.Subscript):
            if self.module.qualified(node.value) == "os.environ":
                yield from self._variable(node, node.slice, None)
            else:
                number = self._numbers[node.value]
                yield Back(self._path, number, key=_pattern(self.module, node.slice))
        elif isinstance(node, ast.IfExp):
            yield from self._back(node.body)
            yield from self._back(node.orelse)
        elif isinstance(node, ast.Dict):
            yield from self._from_table(node)
        elif isinstance(node, ast.BoolOp | ast.List | ast.Tuple):
            for part in node.values if isinstance(node, ast.BoolOp) else node.elts:
                yield from self._back(part)
        elif isinstance(node, ast.ListComp | ast.GeneratorExp):
            yield from self._back(node.elt)

    def _text(self, node: ast.expr, text: str) -> Origin:
        return Origin("text", self._path, node.lineno, self.module.span(node), text)

    def _variable(self, node: ast.expr, name: ast.expr, default: ast.expr | None) -> Iterator[Way]:
        text = string(name)
        if text:
            yield Origin("variable", self._path, node.lineno, self.module.span(node), text)
        else:
            yield from self._back(default)

    def _from_table(self, node: ast.Dict) -> Iterator[Way]:
        words = [_is_word(value) for value in node.values]
        for key, value, is_word in zip(node.keys, node.values, words, strict=True):
            back = Back(self._path, self._numbers[value])
            if key is None:
                yield back  # another table, as by **others
            else:
                yield Item(back, string(key), is_word and not all(words))

    def _from_f_string(self, node: ast.JoinedStr) -> Iterator[Way]:
        first = node.values[0] if node.values else None
        if isinstance(first, ast.FormattedValue):
            glued = any(not _begins_anew(part) for part in node.values[1:2])
            yield from self._back(first.value, _GLUE if glued else _NONE)
        elif (text := string(first)) and not only_here(text):
            yield self._text(node, text)
        elif text and text.endswith("/") and isinstance(node.values[1], ast.FormattedValue):
            names = _NONE if not node.values[2:] or _begins_anew(node.values[2]) else _GLUE
            value = Back(self._path, self._numbers[node.values[1].value], names)
            yield Either(value, None, self.module.span(node))

    def _from_operator(self, node: ast.BinOp) -> Iterator[Way]:
        if isinstance(node.op, ast.Div):
            yield from self._back(node.left)
        elif isinstance(node.op, ast.Add):
            left = string(node.left)
            names = _NONE if _begins_anew(node.right) else _GLUE
            whole = Back(self._path, self._numbers[node.left], names)
            if left is not None and (not left or only_here(left)):
                right = Back(self._path, self._numbers[node.right])
                yield Either(right, whole, self.module.span(node) if left else None)
            else:
                yield whole
        elif isinstance(node.op, ast.Mod) and (text := string(node.left)):
            given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            yield from self._formatted(node, text, given, {})

    def _formatted(
        self,
        node: ast.expr,
        text: str,
        given: list[ast.expr],
        by_word: dict[str | None, ast.expr],
    ) -> Iterator[Way]:
        """``text.format(...)`` or ``text % ...``: its first placeholder, or the text itself."""
        first = _PLACEHOLDER.search(text)
        lead = text[: first.start()] if first else text
        if first is None or (lead and not only_here(lead)):
            yield self._text(node, text)
            return
        word = first[1] or first[2] or "0"
        names = _NONE if text[first.end() : first.end() + 1] in ("", "/") else _GLUE
        value = by_word.get(word)
        if word.isdigit() and int(word) < len(given):
            value = given[int(word)]
        otherwise = self._text(node, text) if lead and text[first.start()] == "%" else None
        if value is None and otherwise:
            yield otherwise  # filled from elsewhere, as by % locals()
        for back in self._back(value, names):
            if lead.endswith("/"):
                yield Either(back, otherwise, self.module.span(node))
            elif not lead:
                yield back
            elif otherwise:
                yield otherwise

    def _from_call(self, call: ast.Call) -> Iterator[Way]:
        module, func = self.module, call.func
        name = module.qualified(func) or module.own_method(func)
        if name is None and isinstance(func, ast.Name) and func.id in _PASSING:
            name = func.id if module.is_free(func.id, func) else None
        if name is not None and name.startswith(_RUNTIME):
            yield Origin("moved", self._path, call.lineno, module.span(call), "")
            return
        is_rank_file = runtime_name(module, func) == RANK_FILE
        if is_rank_file or name == "os.path.join" or name in _PASSING:
            yield from self._joined(call.args)
        elif name in ("os.environ.get", "os.getenv") and call.args:
            yield from self._variable(call, call.args[0], argument(call, "default", 1))
        elif isinstance(func, ast.Attribute) and func.attr == "format" and string(func.value):
            words = {k.arg: k.value for k in call.keywords}
            yield from self._formatted(call, string(func.value) or "", call.args, words)
        elif isinstance(func, ast.Attribute) and func.attr in _TEXT_METHODS and name is None:
            yield from self._back(func.value)
        elif name is not None and ":" in name:
            yield Ask("returns", name, self._path)

    def _joined(self, parts: list[ast.expr]) -> Iterator[Way]:
        if not parts:
            return
        whole = Back(self._path, self._numbers[parts[0]])
        if len(parts) > 1 and is_here(self.module, parts[0]):
            yield Either(Back(self._path, self._numbers[parts[1]]), whole)  # if that is absolute
        else:
            yield whole

    # --- names ------------------------------------------------------------------------------

    def _from_name(self, node: ast.Name) -> Iterator[Way]:
        names = frozenset({node.id})
        found = self.module.lookup(node.id, node)
        if found is None:
            yield from self._global(self.module.qualified(node), names)
            return
        scope, bindings = found
        last = [binding for binding in bindings if self._puts_behind(binding, node.id)]
        before = [binding for binding in bindings if binding not in last]
        replaced = [b for b in before if any(self._replaces(one, b, scope) for one in last)]
        if last:
            ways = [
                tuple(
                    way for binding in some for way in self._bound(node.id, scope, binding, names)
                )
                for some in (last, replaced)
            ]
            yield Behind(*ways)
        for binding in before:
            if binding not in replaced:
                yield from self._bound(node.id, scope, binding, names)

    def _bound(
        self, name: str, scope: Scope, binding: Binding, names: frozenset[str]
    ) -> Iterator[Way]:
        if binding.kind == "value" and isinstance(binding.node, ast.expr):
            yield from self._back(binding.node, names)
        elif binding.kind == "import":
            yield from self._global(binding.qualified, names)
        elif binding.kind == "parameter" and isinstance(scope.node, Function):
            yield Ask("parameter", name, self._path, self._numbers[scope.node], names)
        elif isinstance(binding.statement, ast.For | ast.comprehension):
            yield from self._back(binding.statement.iter, names | {ITEM})

    def _puts_behind(self, binding: Binding, name: str) -> bool:
        """Whether it is ``name = os.path.join(folder, name)``, or a sum or a format like it."""
        parts = self._parts_of(binding.node)
        holding = [any(_is_name(part, name) for part in ast.walk(one)) for one in parts]
        return any(holding[1:]) and not holding[0] and not is_here(self.module, parts[0])

    def _parts_of(self, node: ast.AST | None) -> list[ast.expr]:
        """What a path is made of where a folder comes first; else nothing."""
        if isinstance(node, ast.Call):
            return node.args if self.module.name_of(node.func) == "os.path.join" else []
        parts: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left: ast.expr = node
            while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
                parts.insert(0, left.right)
                left = left.left
            return [left, *parts] if _begins_anew(parts[0]) else []
        if isinstance(node, ast.BinOp) and (string(node.left) or "").startswith("%s/"):
            return node.right.elts if isinstance(node.right, ast.Tuple) else []
        return []

    def _replaces(self, last: Binding, before: Binding, scope: Scope) -> bool:
        """Whether a value surely is what another one becomes: both come in one block."""
        if last.node is None:
            return False
        block = self.module.block_of(self.module.statement_of(last.node))
        if before.kind == "parameter":
            return block is getattr(scope.node, "body", None)
        if isinstance(before.statement, ast.For):
            return block is before.statement.body
        return before.kind == "value" and comes_before(self.module, before.node, last.node, block)

    def _global(self, name: str | None, names: frozenset[str]) -> Iterator[Way]:
        """What ``path.py:NAME`` is bound to."""
        _, colon, word = (name or "").partition(":")
        if name is not None and colon and "." not in word:
            yield Ask("name", name, self._path, names=names | {word})

    def _from_attribute(self, node: ast.Attribute) -> Iterator[Way]:
        module, names = self.module, frozenset({node.attr})
        name = module.qualified(node)
        if name is not None and ":" in name and "." not in name.partition(":")[2]:
            yield from self._global(name, names)
            return
        if name is not None and ":" not in name and ".FLAGS." not in name:
            return
        if not is_self(node.value):
            yield Ask("attribute", node.attr, self._path, names=names)
            return
        owner = module.class_of(node)
        if owner is not None:
            found = method(owner, node.attr)
            if found is not None and found.decorator_list:
                yield Ask("returns", f"{self._path}:{owner.name}.{node.attr}", self._path, 0, names)
                return
            values = module.attributes_of(owner).get(node.attr, [])
            for value in values:
                yield from self._back(value, names)
            if values:
                return
        yield Ask("assigned", node.attr, self._path, names=names)


def _pattern(module: Module, key: ast.expr) -> str | None:
    """What a key of a table is like, as far as it is known; None for the place in a list."""
    known = constant(module, key)
    if isinstance(known, str):
        return re.escape(known)
    if known is not None or isinstance(key, ast.Slice | ast.UnaryOp | ast.Tuple):
        return None
    if isinstance(key, ast.BinOp) and isinstance(key.op, ast.Add):
        return "".join(_pattern(module, side) or ANY_KEY for side in (key.left, key.right))
    if isinstance(key, ast.JoinedStr):
        return "".join(re.escape(text) if (text := string(p)) else ANY_KEY for p in key.values)
    if isinstance(key, ast.Name) and (each := _each(module, key)):
        return "(?:" + "|".join(map(re.escape, each)) + ")"
    text = None
    if isinstance(key, ast.BinOp) and isinstance(key.op, ast.Mod):
        text = string(key.left)
    elif isinstance(key, ast.Call) and isinstance(key.func, ast.Attribute):
        text = string(key.func.value) if key.func.attr == "format" else None
    return ANY_KEY.join(map(re.escape, _FILLED.split(text))) if text is not None else ANY_KEY


def _each(module: Module, name: ast.Name) -> list[str]:
    """The texts that a loop binds a name to, as ``for name in ("a", "b")``; empty for others."""
    _, bindings = module.lookup(name.id, name) or (None, [])
    texts: list[str] = []
    for binding in bindings:
        values = getattr(getattr(binding.statement, "iter", None), "elts", ())
        found = [text for value in values if (text := string(value)) is not None]
        if not values or len(found) < len(values):
            return []
        texts += found
    return texts


def _is_word(node: ast.expr) -> bool:
    """Whether it is a text that does not look like a path."""
    text = string(node)
    return text is not None and "/" not in text and "." not in text


def _bound(module: Module, name: str) -> Iterator[ast.expr]:
    """The values of a name at the top level."""
    for binding in module.scope.bindings.get(name, []):
        if binding.kind == "value" and isinstance(binding.node, ast.expr):
            yield binding.node


def _returned(module: Module, dotted: str) -> Iterator[ast.expr]:
    """What a function returns."""
    function = module.definition(dotted)
    returns = module.returns.get(function, []) if function is not None else []
    for node in sorted(returns, key=module.depth):
        if node.value is not None:
            yield node.value


def _parameters(module: Module, function: ast.AST) -> Parameters:
    assert isinstance(function, Function)
    owner = module.parents.get(function)
    return Parameters(
        function.name,
        owner.name if isinstance(owner, ast.ClassDef) else None,
        tuple(p.arg for p in function.args.args),
        {p.arg: module.numbers[default] for p, default in defaults(function.args)},
    )


def is_here(module: Module, node: ast.expr) -> bool:
    """Whether an expression is the current folder."""
    if isinstance(node, ast.Name) and (found := module.lookup(node.id, node)):
        nodes = [binding.node for binding in found[1]]
        if len(nodes) == 1 and isinstance(nodes[0], ast.Call | ast.Attribute):
            node = nodes[0]
    if isinstance(node, ast.Call):
        name = module.qualified(node.func)
        return name == "os.getcwd" or (
            name in _WHOLE and len(node.args) == 1 and is_here(module, node.args[0])
        )
    text = string(node)
    if text is not None:
        return not text or only_here(text)
    return module.qualified(node) in _HERE


def comes_before(
    module: Module, node: ast.AST | None, other: ast.AST | None, block: list[ast.stmt]
) -> bool:
    """Whether an expression is in an earlier statement of a block, or within one, than another."""
    places = []
    for one in (node, other):
        while one is not None and one not in block:
            one = module.parents.get(one)
        if one is None:
            return False
        places.append(one)
    return block.index(places[0]) < block.index(places[1])


def only_here(text: str) -> bool:
    """``./`` and its kind, which lead nowhere by themselves."""
    return bool(text) and not text.strip("./") and ".." not in text


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _begins_anew(node: ast.expr) -> bool:
    """Whether a text goes on below the folder that stands before it."""
    while isinstance(node, ast.BinOp):
        node = node.left
    return (string(node) or "").startswith("/")
