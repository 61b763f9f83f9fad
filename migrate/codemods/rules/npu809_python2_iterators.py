"""Gives iterators, and classes with operators of Python 2, what Python 3 calls in them.

What it does: `x.next()` becomes `next(x)` where x is an iterator for certain: a generator, a file,
or what `iter`, `os.walk`, `csv.reader`, `itertools` and the like make. A class that is its own
iterator and has `next` but no `__next__` gets `__next__ = next`; likewise `__bool__` for
`__nonzero__`, and `__truediv__` for `__div__`.

Why: Python 3 asks iterators for `__next__` and has no `next` in its own: `AttributeError:
'generator' object has no attribute 'next'`, often in the loop that trains.

Example:
    batches = read_batches(path)
    images, labels = batches.next()

becomes:
    batches = read_batches(path)
    images, labels = next(batches)

Fix safety: safe: what is replaced fails in Python 3, and an own method `next` stays what it was.

Not handled: `.next()` of what is not known is a warning, or a note where a class of the project has
such a method. `__cmp__` and `__getslice__` are warnings.

Authority: PEP 3114; Python documentation, "What's New In Python 3.0", "Operators And Special
Methods".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.nodes import is_none, is_self, own_nodes, spelled
from migrate.analysis.project import Project
from migrate.codemods.edits import Edit
from migrate.codemods.guards import is_guarded
from migrate.codemods.rule import Change, Context, Rule
from migrate.codemods.statements import behind

NPU809 = Rule(
    "NPU809",
    "python2-iterators",
    group="compat",
    literals=(b"next", b"__nonzero__", b"div__", b"__cmp__", b"__getslice__"),
    signs=re.compile(
        rb"\.[ \t]*next\b|\bdef[ \t]+(?:next|__(?:nonzero|div|idiv|rdiv|cmp|getslice)__)\b"
    ),
    whole=True,  # a method of that name may come from anywhere
)

_SPECIAL = {
    "__div__": "__truediv__",
    "__idiv__": "__itruediv__",
    "__nonzero__": "__bool__",
    "__rdiv__": "__rtruediv__",
    "next": "__next__",
}
_GONE = {
    "__cmp__": ("__lt__", "Define __eq__ and __lt__."),
    "__getslice__": ("__getitem__", "Let __getitem__ take slices."),
}
_BUILTINS = frozenset({"enumerate", "file", "iter", "open", "reversed"})
_ITERATORS = frozenset(
    "csv.DictReader csv.reader glob.iglob gzip.open io.open os.walk re.finditer "
    "six.iteritems six.iterkeys six.itervalues tensorflow.io.tf_record_iterator "
    "tensorflow.python_io.tf_record_iterator".split()
)
# Methods of dicts that give a view in Python 3, which is no iterator.
_VIEWS = frozenset({"iteritems", "iterkeys", "itervalues"})
_CALLED = re.compile(r"[\s)]*(\.\s*next\s*\(\s*\))")
_OWN_NEXT = re.compile(rb"\bdef[ \t]+next\b")
_DEEPEST = 8


@NPU809.on_module
def iterate(context: Context) -> Iterator[Change]:
    module = context.module
    for owner in module.all_of(ast.ClassDef):
        if not is_guarded(module, owner):
            yield from _class(context, owner)
    for load in module.attribute_loads.get("next", ()):
        call = module.parents[load]
        if is_guarded(module, load):
            continue
        kind = _kind(context, load.value, 0)
        if isinstance(call, ast.Call) and call.func is load:
            if not call.args and not call.keywords:
                yield from _call(context, call, load, kind)
        elif kind == "iterator":
            end = module.span(load)[1]
            yield Edit(end - len("next"), end, "__next__")


def _call(context: Context, call: ast.Call, func: ast.Attribute, kind: str) -> Iterator[Change]:
    module = context.module
    start, end = module.span(call)
    value_end = module.span(func.value)[1]
    found = _CALLED.fullmatch(module.source.text, value_end, end)
    if kind in ("iterator", "view") and found and module.is_free("next", func):
        around = ("next(iter(", "))") if kind == "view" else ("next(", ")")
        yield Edit(start, start, around[0])
        yield Edit(found.start(1), end, around[1])
    elif kind != "other":
        own = context.project.cached(_has_own_next)
        message = f"{module.text_of(func)}() fails in Python 3 if that is an iterator"
        advice = f"Then write next({module.text_of(func.value)})."
        yield context.finding(call, "note" if own else "warning", message, advice)


def _has_own_next(project: Project) -> bool:
    return any(_OWN_NEXT.search(project.files[path].data) for path in project.python_files)


def _kind(context: Context, node: ast.AST | None, depth: int) -> str:
    """What a value is: an `iterator`, a `view` of a dict, some `other` thing, or `unknown`."""
    module = context.module
    if node is None or depth > _DEEPEST:
        return "unknown"
    if isinstance(node, ast.GeneratorExp):
        return "iterator"
    if isinstance(node, ast.Call):
        return _kind_of_call(context, node)
    values: list[ast.AST | None] = []
    if isinstance(node, ast.Name):
        if is_self(node):
            return "other"
        found = module.lookup(node.id, node)
        if found is None:
            return "unknown"
        bound = found[1]
        if all(binding.kind == "definition" for binding in bound):
            return "other"
        values = [b.node if b.kind == "value" else None for b in bound]
    elif isinstance(node, ast.Attribute) and is_self(node.value):
        owner = module.class_of(node)
        values = list(module.attributes_of(owner).get(node.attr, ())) if owner else []
        values = [v for v in values if not is_none(v)]
    kinds = {_kind(context, value, depth + 1) for value in values}
    # A view would start anew with each next(iter(view)).
    return kinds.pop() if len(kinds) == 1 and "view" not in kinds else "unknown"


def _kind_of_call(context: Context, call: ast.Call) -> str:
    module, func = context.module, call.func
    if isinstance(func, ast.Name) and func.id in _BUILTINS and module.is_free(func.id, func):
        return "iterator"
    if isinstance(func, ast.Attribute) and func.attr in _VIEWS and not call.args:
        return "view"
    name = module.qualified(func) or module.own_method(func)
    if name is None:
        # An object of a class, such as tfe.Iterator(dataset), has what that class defines.
        called = spelled(func)
        return "other" if called[:1].isupper() else "unknown"
    path, colon, dotted = name.partition(":")
    if not colon:
        known = name in _ITERATORS or name.startswith("itertools.")
        return "iterator" if known else "other"
    other = context.project.parsed(path) if path.endswith(".py") else None
    made = other.definition(dotted) if other is not None else None
    if isinstance(made, ast.FunctionDef) and not made.decorator_list:
        yields = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in own_nodes(made))
        return "iterator" if yields else "unknown"
    return "other" if isinstance(made, ast.ClassDef) else "unknown"


def _class(context: Context, owner: ast.ClassDef) -> Iterator[Change]:
    module = context.module
    scope = next(s for s in module.every_scope if s.node is owner)
    for method in owner.body:
        if not isinstance(method, ast.FunctionDef):
            continue
        if method.name in _GONE:
            instead, advice = _GONE[method.name]
            if instead not in scope.bindings:
                message = f"Python 3 does not call {method.name}"
                yield context.finding(method, "warning", message, advice)
            continue
        new = _SPECIAL.get(method.name)
        if new is None or new in scope.bindings or _sets(module, new):
            continue
        if len(scope.bindings[method.name]) > 1 or method.decorator_list:
            continue
        if new != "__next__" or (_is_plain(method) and _is_iterator(module, owner, 0)):
            yield behind(module, method, f"{new} = {method.name}")


def _sets(module: Module, name: str) -> bool:
    """Whether the file gives a class the method from outside: `Feed.__next__ = Feed.next`."""
    return any(
        isinstance(node.ctx, ast.Store) and node.attr == name
        for node in module.all_of(ast.Attribute)
    )


def _is_plain(method: ast.FunctionDef) -> bool:
    return len(method.args.args) - len(method.args.defaults) <= 1


def _is_iterator(module: Module, owner: ast.ClassDef, depth: int) -> bool:
    """Whether a class is its own iterator, by itself or by a base in the same file."""
    if depth > _DEEPEST:
        return False
    for method in owner.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__iter__":
            values = [node.value for node in module.returns.get(method, ())]
            return any(value is not None and is_self(value) for value in values)
    bases = [module.definition(base.id) for base in owner.bases if isinstance(base, ast.Name)]
    return any(
        isinstance(base, ast.ClassDef) and _is_iterator(module, base, depth + 1) for base in bases
    )
