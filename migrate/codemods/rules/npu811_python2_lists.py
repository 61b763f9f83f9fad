"""Makes lists and whole numbers of what Python 3 makes iterators and fractions of.

What it does: `map`, `zip`, `filter`, `range`, and `keys()`, `values()` and `items()` of a dict, are
put into `list(...)` where only a list will do: an index, `len`, `append`, `sort`, `+` with a list,
`shuffle`, `numpy.array`, or a statement that is there for what `map` calls. A `/` in the arguments
of `range`, the bounds of a slice, the shape of a new NumPy array or the times of a list becomes
`//`. The lists, and the arguments of `range`, may be what a variable or an attribute of `self`
holds.

Why: Python 3 stops there with a TypeError; `numpy.array(map(...))` and `map` on its own do not even
stop: the array has one element, and nothing is called.

Example:
    order = range(len(images))
    random.shuffle(order)
    for i in range(len(order) / batch_size):

becomes:
    order = list(range(len(images)))
    random.shuffle(order)
    for i in range(len(order) // batch_size):

Fix safety: safe: in Python 2 these are lists and whole numbers, and in Python 3 the use fails.

Not handled: what a variable holds that is assigned more than once, unless it is made of its own
value (`rows = filter(fits, rows)`), or that goes to another function. A file that imports
`division` from `__future__` keeps its `/`. Other divisions are left to NPU801's note.

Authority: Python documentation, "What's New In Python 3.0", "Views And Iterators Instead Of Lists"
and "Integers".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain

from migrate.analysis.module import Module
from migrate.analysis.nodes import is_self, spelled
from migrate.analysis.project import Project
from migrate.analysis.values import bound_value
from migrate.codemods.edits import Edit
from migrate.codemods.guards import LISTS, is_guarded
from migrate.codemods.python2 import has_true_division, may_be_whole
from migrate.codemods.rule import Change, Context, Rule

_MAKERS = frozenset({"filter", "map", "zip"})
_VIEWS = frozenset({"items", "keys", "values"})
# What lists can do; a range and the views of a dict can do some of it, too.
_METHODS = frozenset({"append", "extend", "insert", "pop", "remove", "reverse", "sort"})
# `values()` of something else may be a dict or a set, which can do the others.
_ONLY_LISTS = frozenset({"append", "extend", "insert", "reverse", "sort"})
# Functions that want a list as their first argument.
_SHUFFLES = frozenset({"numpy.random.shuffle", "random.shuffle"})
_SEQUENCES = frozenset(
    "numpy.argmax numpy.argmin numpy.argsort numpy.array numpy.asarray numpy.concatenate "
    "numpy.hstack numpy.max numpy.mean numpy.median numpy.min numpy.random.choice "
    "numpy.random.permutation numpy.stack numpy.std numpy.sum numpy.unique numpy.vstack "
    "random.choice random.sample tensorflow.add_n tensorflow.concat tensorflow.constant "
    "tensorflow.convert_to_tensor tensorflow.stack".split()
)
# Functions whose first argument is a shape.
_SHAPES = frozenset({"numpy.empty", "numpy.full", "numpy.ones", "numpy.zeros"})
# Objects whose slices may have fractions as bounds.
_FRACTIONS = frozenset({"ix", "loc", "mgrid", "ogrid", "r_", "c_", "s_", "index_exp"})


def _has_any(project: Project, path: str) -> bool:
    module = project.parsed(path)
    return module is not None and any(True for _ in chain(_lists(module), _divisions(module)))


NPU811 = Rule("NPU811", "python2-lists", group="compat", finds=_has_any)


@NPU811.on_module
def make_lists(context: Context) -> Iterator[Change]:
    module = context.module
    for call in _lists(module):
        yield from context.wrap(call, "list(", ")")
    yield from _divisions(module)


def _lists(module: Module) -> Iterator[ast.Call]:
    """What makes no list in Python 3, where one is needed."""
    for call in module.all_of(ast.Call):
        kind = _kind(module, call)
        if kind and _needs_list(module, call, kind) and not is_guarded(module, call, LISTS):
            yield call


def _divisions(module: Module) -> Iterator[Edit]:
    """What makes divisions whole where a whole number is needed."""
    if not has_true_division(module.tree):
        for bound in _bounds(module):
            edits = list(_whole(module, bound))
            if edits and not is_guarded(module, bound, LISTS):
                yield from edits


def _kind(module: Module, call: ast.Call) -> str:
    """`map` for what is an iterator, `range` or `view`; empty for anything else."""
    func = call.func
    if isinstance(func, ast.Name) and func.id in {*_MAKERS, "range", "xrange"}:
        starred = any(keyword.arg is None for keyword in call.keywords)
        if not module.is_free(func.id, func) or starred:
            return ""
        return "map" if func.id in _MAKERS else func.id
    plain = isinstance(func, ast.Attribute) and not call.args and not call.keywords
    if plain and func.attr in _VIEWS:  # type: ignore[attr-defined]
        return "view"
    return ""


def _needs_list(module: Module, call: ast.Call, kind: str) -> bool:
    if kind == "xrange":
        return False  # it was none in Python 2
    if isinstance(module.parents[call], ast.Expr):
        return kind == "map" and getattr(call.func, "id", "") == "map"
    if _is_used_as_list(module, call, kind):
        return True
    place = module.parents[call]
    if not isinstance(place, ast.Assign) or len(place.targets) != 1 or place.value is not call:
        return False
    target = place.targets[0]
    if isinstance(target, ast.Name):
        uses: list[ast.expr] = [
            use
            for use in module.all_of(ast.Name)
            if use.id == target.id and use is not target and _only_holds(module, use, call)
        ]
    elif isinstance(target, ast.Attribute) and is_self(target.value):
        owner = module.class_of(target)
        values = module.attributes_of(owner).get(target.attr, []) if owner is not None else []
        if values != [call] and not (call in values and _is_of_itself(module, target, call)):
            return False
        uses = [
            use
            for use in module.attribute_loads.get(target.attr, ())
            if is_self(use.value) and module.class_of(use) is owner
        ]
    else:
        return False
    return not any(_is_iterator(module, use) for use in uses) and any(
        _is_used_as_list(module, use, kind) for use in uses
    )


def _only_holds(module: Module, use: ast.Name, call: ast.Call) -> bool:
    """Whether a name holds what a call made, and lists that were added to it."""
    found = module.lookup(use.id, use)
    if found is None:
        return False
    values = [
        binding.node
        for binding in found[1]
        if not isinstance(binding.statement, ast.AugAssign | ast.Delete)
    ]
    return values == [call] or (call in values and _is_of_itself(module, use, call))


def _is_of_itself(module: Module, holder: ast.expr, call: ast.Call) -> bool:
    """Whether it makes less or other of what its holder held: `rows = filter(fits, rows)`."""
    return module.text_of(holder) in map(module.text_of, call.args)


def _is_iterator(module: Module, use: ast.expr) -> bool:
    """Whether a use says that it is one: `next(x)`."""
    place = module.parents[use]
    return (
        isinstance(place, ast.Call)
        and isinstance(place.func, ast.Name)
        and place.func.id in ("next", "iter")
    )


def _is_used_as_list(module: Module, use: ast.expr, kind: str) -> bool:
    """Whether a place fails in Python 3 unless it gets a list.

    A dict's views are told by their methods only: other objects have `keys()`, too, and what they
    give may well be indexed.
    """
    place = module.parents[use]
    if isinstance(place, ast.Attribute):
        called = module.parents[place]
        is_called = isinstance(called, ast.Call) and called.func is place
        # On the spot it would change a list that nobody has.
        methods = _ONLY_LISTS if kind == "view" else _METHODS
        return is_called and place.attr in methods and not isinstance(use, ast.Call)
    if isinstance(place, ast.Subscript) and place.value is use:
        return kind == "map" or (kind == "range" and not isinstance(place.ctx, ast.Load))
    if isinstance(place, ast.AugAssign):
        return kind != "view" and place.target is use and isinstance(place.op, ast.Add)
    if isinstance(place, ast.BinOp):
        other = place.right if place.left is use else place.left
        lists = isinstance(other, ast.List | ast.ListComp) or (
            isinstance(other, ast.Call) and _kind(module, other) in ("map", "range")
        )
        return kind != "view" and isinstance(place.op, ast.Add) and lists
    if not isinstance(place, ast.Call) or not place.args or place.args[0] is not use:
        return False
    name = module.name_of(place.func)
    if name in _SHUFFLES:
        return True
    if isinstance(place.func, ast.Name) and place.func.id == "len" and kind == "map":
        return module.is_free("len", place.func)
    if name in ("numpy.array", "numpy.asarray"):
        return kind in ("map", "view")
    return name in _SEQUENCES and kind == "map"


def _bounds(module: Module) -> Iterator[ast.expr]:
    """Expressions that have to be whole numbers."""
    for call in module.all_of(ast.Call):
        if _kind(module, call) in ("range", "xrange"):
            for argument in call.args:
                yield from (argument, *_held(module, argument))
        elif call.args and _is_shaped(module, call.func):
            shape = call.args[0]
            yield from shape.elts if isinstance(shape, ast.Tuple | ast.List) else [shape]
    for product in module.all_of(ast.BinOp):
        if isinstance(product.op, ast.Mult) and isinstance(product.left, ast.List):
            yield product.right
    for node in module.all_of(ast.Subscript):
        name = spelled(node.value)
        if name not in _FRACTIONS:
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            for part in parts:
                if isinstance(part, ast.Slice):
                    yield from (b for b in (part.lower, part.upper, part.step) if b is not None)


def _is_shaped(module: Module, func: ast.expr) -> bool:
    name = spelled(func)
    return f"numpy.{name}" in _SHAPES and module.name_of(func) in _SHAPES


def _held(module: Module, node: ast.expr) -> list[ast.expr]:
    """The one value of a variable or an attribute of `self`."""
    if isinstance(node, ast.Attribute) and is_self(node.value):
        owner = module.class_of(node)
        values = module.attributes_of(owner).get(node.attr, []) if owner else []
        return values if len(values) == 1 else []
    value = bound_value(module, node)
    return [value] if value is not node else []


def _whole(module: Module, node: ast.expr) -> Iterator[Edit]:
    """Edits that make the divisions whole of which a number is the sum or product."""
    if isinstance(node, ast.UnaryOp):
        yield from _whole(module, node.operand)
    if not isinstance(node, ast.BinOp):
        return
    yield from _whole(module, node.left)
    yield from _whole(module, node.right)
    if may_be_whole(node):
        start, end = module.span(node.left)[1], module.span(node.right)[0]
        between = module.source.text[start:end]
        if between.count("/") == 1 and "#" not in between:
            place = start + between.index("/")
            yield Edit(place, place + 1, "//")
