"""Replaces what Python 3 no longer has in files that it can parse.

What it does: the methods `iteritems`, `iterkeys`, `itervalues` and `has_key`; the builtin names
`xrange`, `raw_input`, `unicode`, `basestring`, `long`, `unichr`, `file`, `reduce`, `reload`,
`intern` and `StandardError` where nothing defines them; functions that compare two elements, given
to `sorted` and `sort`; `print >>file, x` and `print ("%d") % x`, which parse and then fail; and an
index into `keys()`, `values()` or `items()` of a dict or an h5py file. `cmp(a, b)` is written out.
`execfile`, `apply`, `buffer`, `coerce` and other uses of `cmp` are warnings.

Why: Python 3.7 stops there with an AttributeError, NameError or TypeError, often late: in the
evaluation after a training.

Example:
    for name, value in metrics.iteritems():
        print ('%s: %f') % (name, value)

becomes:
    for name, value in metrics.items():
        print(('%s: %f') % (name, value))

Fix safety: safe: what is replaced fails in Python 3. `items()` is a view, not a copy: a loop that
adds or removes keys was an error with `iteritems` too.

Not handled: a method that a class of the project defines; names in a file with a star import from a
library that may define them; code for Python 2 behind a check of the version, or in a `try` that
expects the failure. An index into `keys()` of an unknown object is a note.

Authority: Python documentation, "What's New In Python 3.0".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from migrate.analysis.module import Module
from migrate.analysis.nodes import is_self, keyword, spelled
from migrate.analysis.project import Project
from migrate.analysis.words import identifiers_in
from migrate.codemods.edits import Edit
from migrate.codemods.guards import is_guarded
from migrate.codemods.rule import Change, Context, Rule, RuntimeImport

_METHODS = {"iteritems": "items", "iterkeys": "keys", "itervalues": "values"}
_NAMES = {
    "StandardError": "Exception",
    "basestring": "str",
    "file": "open",
    "intern": "intern",
    "long": "int",
    "raw_input": "input",
    "reduce": "reduce",
    "reload": "reload",
    "unichr": "chr",
    "unicode": "str",
    "xrange": "range",
}
_MOVED = {"intern": "sys", "reduce": "functools", "reload": "importlib"}
# What to do instead of calling these.
_GONE = {
    "apply": "Write function(*arguments).",
    "buffer": "Use memoryview.",
    "cmp": "Write (a > b) - (a < b).",
    "coerce": "Convert the numbers where they are used.",
    "execfile": "Write exec(open(path).read()).",
}
_VIEWS = frozenset({"items", "keys", "values"})
_DICTS = frozenset(
    "dict collections.Counter collections.OrderedDict collections.defaultdict easydict.EasyDict "
    "h5py.File h5py.Group".split()
)
# Codecs that read ASCII as what it is.
_ASCII_CODECS = frozenset(
    "ascii us-ascii utf-8 utf8 utf_8 latin-1 latin1 latin_1 iso-8859-1 iso8859-1".split()
)
# Libraries whose `import *` brings none of the names.
_HARMLESS_STARS = frozenset("ctypes math matplotlib numpy os pylab tensorflow tkinter".split())
# What can be moved around an `in` without parentheses.
_SIMPLE = ast.Attribute | ast.Call | ast.Constant | ast.Name | ast.Subscript | ast.JoinedStr
_OWN_METHOD = re.compile(
    rb"\bdef[ \t]+(iteritems|iterkeys|itervalues|has_key|items|keys|values|sort)\b"
)

_OLD_METHODS = frozenset({*_METHODS, "has_key"})
_OLD_NAMES = frozenset({*_NAMES, *_GONE})


def _may_be_old(project: Project, path: str) -> bool:
    words, module = project.cached_for(path, identifiers_in), project.parsed(path)
    if module is None:
        return False
    if not _OLD_METHODS.isdisjoint(words.attributes):
        return True
    named = _OLD_NAMES.intersection(words.names)
    if any(module.is_free(name, load) for name in named for load in module.loads.get(name, ())):
        return True
    return (
        any(isinstance(_first(expression), ast.BinOp) for expression in module.all_of(ast.Expr))
        or any(_indexed_view(subscript) for subscript in module.all_of(ast.Subscript))
        or any(_may_order(call) for call in module.all_of(ast.Call))
    )


NPU802 = Rule(
    "NPU802",
    "python2-names",
    group="compat",
    finds=_may_be_old,
    whole=True,  # a method of that name may come from anywhere
)


@NPU802.on_module
def replace_names(context: Context) -> Iterator[Change]:
    for node, changes in _changes(context):
        found = list(changes)
        if found and not is_guarded(context.module, node):
            yield from found


def _changes(context: Context) -> Iterator[tuple[ast.AST, Iterator[Change]]]:
    module = context.module
    for call in module.all_of(ast.Call):
        if isinstance(call.func, ast.Attribute):
            yield call, _method(context, call, call.func)
        yield call, _ordering(context, call)
    for name in (*_NAMES, *_GONE):
        for load in module.loads.get(name, ()):
            yield load, _name(context, load)
    for expression in module.all_of(ast.Expr):
        yield expression, _print(context, expression)
    for subscript in module.all_of(ast.Subscript):
        yield subscript, _index(context, subscript)


def _method(context: Context, call: ast.Call, func: ast.Attribute) -> Iterator[Change]:
    module = context.module
    plain = not call.keywords and len(call.args) == (func.attr == "has_key")
    if not plain or func.attr not in _OLD_METHODS:
        return
    if func.attr in context.project.cached(_own_methods):
        return
    _, end = module.span(func)
    start = end - len(func.attr)
    if func.attr != "has_key":
        yield Edit(start, end, _METHODS[func.attr])
        return
    yield from _membership(context, call, func)


def _own_methods(project: Project) -> frozenset[str]:
    """The methods that classes of the project have under names of dict's."""
    return frozenset(
        found.decode()
        for path in project.python_files
        for found in _OWN_METHOD.findall(project.files[path].data)
    )


def _membership(context: Context, call: ast.Call, func: ast.Attribute) -> Iterator[Change]:
    """`d.has_key(k)` is `k in d`, or, where that would need care, `d.__contains__(k)`."""
    module = context.module
    key, owner, place = call.args[0], func.value, module.parents[call]
    inner = module.text_of(key) + module.text_of(owner)
    alone = not isinstance(
        place, ast.Attribute | ast.Await | ast.BinOp | ast.Compare | ast.Starred | ast.Subscript
    )
    negated = isinstance(place, ast.UnaryOp)
    if negated:
        alone = isinstance(place.op, ast.Not) and isinstance(  # type: ignore[attr-defined]
            module.parents[place], ast.If | ast.IfExp | ast.While | ast.BoolOp | ast.Assert
        )
    plain = isinstance(key, _SIMPLE) and isinstance(owner, _SIMPLE)
    if not (alone and plain) or any(c in inner for c in "\n\r#") or _has_old_names(key, owner):
        _, end = module.span(func)
        yield Edit(end - len("has_key"), end, "__contains__")
        return
    word = "not in" if negated else "in"
    text = f"{module.text_of(key)} {word} {module.text_of(owner)}"
    yield context.replace(place if negated else call, text)


def _has_old_names(*nodes: ast.AST) -> bool:
    names = {spelled(n) for node in nodes for n in ast.walk(node)}
    return bool(names & {"has_key", *_METHODS, *_NAMES})


def _name(context: Context, node: ast.Name) -> Iterator[Change]:
    module = context.module
    if not module.is_free(node.id, node) or not _stars_are_known(module, context.project, set()):
        return
    place = module.parents[node]
    is_called = isinstance(place, ast.Call) and place.func is node
    name = _NAMES.get(node.id)
    if node.id == "cmp" and isinstance(place, ast.Call) and is_called and _is_plain(place):
        left, right = map(module.text_of, place.args)
        yield context.replace(place, f"(({left} > {right}) - ({left} < {right}))")
    elif node.id == "unicode" and isinstance(place, ast.Call) and _is_decoded(module, place):
        text = module.text_of(place.args[0])
        # The call's parentheses may be what holds the parts of a text together.
        spans_lines = "\n" in text or "\r" in text
        yield context.replace(place, f"({text})" if spans_lines else text)
    elif name is None or (node.id == "file" and not is_called):
        advice = _GONE.get(node.id, "Test for io.IOBase.")
        yield context.finding(node, "warning", f"Python 3 has no {node.id}", advice)
    elif name == node.id:
        # The edit changes nothing; what the place lacks is the import.
        yield context.replace(node, name)
        yield RuntimeImport(name, _MOVED[name])
    elif module.is_free(name, node):
        yield context.replace(node, name)
    else:
        message = f"Python 3 has no {node.id}, and {name} means another thing here"
        yield context.finding(node, "warning", message, f"Use the builtin {name}.")


def _is_decoded(module: Module, call: ast.Call) -> bool:
    """Whether it is ``unicode("a", "utf-8")``: of a text that is one already in Python 3."""
    values = [arg.value if isinstance(arg, ast.Constant) else None for arg in call.args]
    if len(values) != 2 or call.keywords:
        return False
    text, codec = values
    # Other texts were bytes, of which several may make one letter.
    if not (isinstance(text, str) and text.isascii() and isinstance(codec, str)):
        return False
    # A comment outside of the text would go with the call.
    around = module.text_of(call).replace(module.text_of(call.args[0]), "", 1)
    return codec.lower() in _ASCII_CODECS and "#" not in around


def _is_plain(call: ast.Call) -> bool:
    """Whether a call's two arguments may be written, and looked up, twice."""
    parts = [part for arg in call.args for part in ast.walk(arg)]
    kinds = ast.Name | ast.Attribute | ast.Subscript | ast.Constant | ast.expr_context
    known = all(isinstance(part, kinds) for part in parts) and not _has_old_names(*call.args)
    return known and len(call.args) == 2 and not call.keywords


def _may_order(call: ast.Call) -> bool:
    func = call.func
    name = spelled(func)
    given = len(call.args) > (name == "sorted") or keyword(call, "cmp") is not None
    return name in ("sort", "sorted") and given


def _ordering(context: Context, call: ast.Call) -> Iterator[Change]:
    """A function that compares two elements, given to `sorted` or to `sort` of a list."""
    module, func = context.module, call.func
    is_sorted = (
        isinstance(func, ast.Name) and func.id == "sorted" and module.is_free("sorted", func)
    )
    is_sort = isinstance(func, ast.Attribute) and func.attr == "sort"
    if not is_sorted and not (is_sort and "sort" not in context.project.cached(_own_methods)):
        return
    compare = keyword(call, "cmp")
    before = call.args[is_sorted : is_sorted + 1]
    value = compare.value if compare is not None else before[0] if before else None
    if value is None or any(isinstance(arg, ast.Starred) for arg in call.args):
        return
    compares = isinstance(value, ast.Lambda) and len(value.args.args) == 2
    if compare is None and not is_sorted and not compares:
        return  # an axis, perhaps
    text = module.source.text
    start, end = module.span(value)
    head = module.span(compare)[0] if compare is not None else start
    alone = len(call.args) + len(call.keywords) == is_sorted + 1
    if alone and re.fullmatch(r"(cmp\s*=\s*)?", text[head:start]):
        yield Edit(head, start, "key=cmp_to_key(")
        yield Edit(end, end, ")")
        yield RuntimeImport("cmp_to_key", "functools")
    else:
        message = f"{module.text_of(func)}() compares by its key only in Python 3"
        yield context.finding(call, "warning", message, "Use functools.cmp_to_key as its key.")


def _stars_are_known(module: Module, project: Project, seen: set[str]) -> bool:
    """Whether no star import may bring a name that cannot be seen."""
    for star in module.star_imports:
        path, colon, _ = star.partition(":")
        if not colon:
            if star.partition(".")[0] not in _HARMLESS_STARS:
                return False
        elif path not in seen:
            seen.add(path)
            other = project.parsed(path) if path.endswith(".py") else None
            if other is None or not _stars_are_known(other, project, seen):
                return False
    return True


def _first(statement: ast.Expr) -> ast.expr:
    """The expression, or the first of several with commas between them."""
    value = statement.value
    return value.elts[0] if isinstance(value, ast.Tuple) and value.elts else value


def _print(context: Context, statement: ast.Expr) -> Iterator[Change]:
    module = context.module
    value, first = statement.value, _first(statement)
    if not isinstance(first, ast.BinOp):
        return
    if isinstance(first.op, ast.RShift) and _is_print(module, first.left):
        start, end = module.span(statement)
        file = f"file={module.text_of(first.right)})"
        rest = value.elts[1:] if isinstance(value, ast.Tuple) else []
        if not rest:
            yield Edit(start, end, f"print({file}")
        else:
            yield Edit(start, module.span(rest[0])[0], "print(")
            comma = ", end=' '" if module.span(rest[-1])[1] < end else ""
            yield Edit(module.span(rest[-1])[1], end, f"{comma}, {file}")
        return
    left: ast.expr = first
    while isinstance(left, ast.BinOp):
        left = left.left
    if value is first and isinstance(left, ast.Call) and _is_print(module, left.func):
        name_end = module.span(left.func)[1]
        bracket = module.source.text.index("(", name_end)
        yield Edit(name_end, bracket, "(")
        yield Edit(module.span(value)[1], module.span(value)[1], ")")


def _is_print(module: Module, node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "print" and module.is_free("print", node)


def _indexed_view(node: ast.Subscript) -> ast.Attribute | None:
    """What is called in ``d.keys()[0]``."""
    call = node.value
    if not isinstance(call, ast.Call) or call.args or call.keywords:
        return None
    func = call.func
    return func if isinstance(func, ast.Attribute) and func.attr in _VIEWS else None


def _index(context: Context, node: ast.Subscript) -> Iterator[Change]:
    func = _indexed_view(node)
    if func is None:
        return
    if func.attr in context.project.cached(_own_methods):
        return
    if _is_dict(context.module, func.value, 6):
        yield from context.wrap(node.value, "list(", ")")
    else:
        message = f"{func.attr}() of a dict cannot be indexed in Python 3"
        advice = f"If it is a dict, write list(...{func.attr}())."
        yield context.finding(node, "note", message, advice)


def _is_dict(module: Module, node: ast.AST | None, depth: int) -> bool:
    if node is None or depth == 0:
        return False
    if isinstance(node, ast.Dict | ast.DictComp):
        return True
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "dict":
            return module.is_free("dict", node.func)
        return module.qualified(node.func) in _DICTS
    values: Sequence[ast.AST | None] = []
    if isinstance(node, ast.Name):
        found = module.lookup(node.id, node)
        values = [b.node if b.kind == "value" else None for b in found[1]] if found else []
    elif isinstance(node, ast.Attribute) and is_self(node.value):
        owner = module.class_of(node)
        values = module.attributes_of(owner).get(node.attr, []) if owner else []
    return bool(values) and all(_is_dict(module, value, depth - 1) for value in values)
