"""Every place that gives a graph a shape which is not fixed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal, NamedTuple

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, has_stars, is_none, keyword, string
from migrate.analysis.project import Project
from migrate.analysis.symbols import short
from migrate.analysis.values import bound_value

Kind = Literal["placeholder", "reshape", "values", "sparse", "generator", "tail"]

PLACEHOLDERS = {"tensorflow.placeholder": 1, "tensorflow.placeholder_with_default": 1}
_RESHAPE = "tensorflow.reshape"
# How many elements come out depends on the values that go in.
_BY_VALUE = frozenset(
    "tensorflow." + name
    for name in (
        "boolean_mask dynamic_partition unique unique_with_counts setdiff1d "
        "sets.set_intersection sets.set_union sets.set_difference image.non_max_suppression"
    ).split()
)
_WHERE = frozenset({"tensorflow.where", "tensorflow.where_v2"})
_SPARSE = "tensorflow.sparse_placeholder"
_GENERATOR = "tensorflow.data.Dataset.from_generator"
# Queues whose last batch may be smaller, where they are told so.
_QUEUES = frozenset(
    f"tensorflow.{name}"
    for name in (
        "train.batch train.batch_join train.maybe_batch train.maybe_batch_join "
        "train.shuffle_batch train.shuffle_batch_join train.maybe_shuffle_batch "
        "train.maybe_shuffle_batch_join contrib.training.bucket "
        "contrib.training.bucket_by_sequence_length"
    ).split()
)

# A file that names none of these has no such place.
OPEN_NAMES = _BY_VALUE | _WHERE | _QUEUES | PLACEHOLDERS.keys() | {_SPARSE, _GENERATOR}


class OpenShape(NamedTuple):
    """One place.

    Args:
        name: the name that the placeholder is bound to, or None.
        label: the operator's ``name`` argument, or None.
        batch: the leading ``None`` of the shape, which a batch size may replace.
        what: in words.
    """

    module: Module
    call: ast.Call
    kind: Kind
    what: str
    name: str | None = None
    label: str | None = None
    batch: ast.expr | None = None


def open_shapes(module: Module) -> Iterator[OpenShape]:
    """The places of one module, in source order."""
    dynamic: set[tuple[int, str]] = set()
    for call, name in module.calls:
        if name in PLACEHOLDERS:
            place = _placeholder(module, call, PLACEHOLDERS[name])
            if place is not None:
                yield place
                if place.name is not None and (found := module.lookup(place.name, call)):
                    dynamic.add((id(found[0]), place.name))
        elif name == _RESHAPE:
            if _is_open_reshape(module, call, dynamic):
                yield OpenShape(module, call, "reshape", "reshape of an open placeholder to -1")
        elif name in _BY_VALUE or (name in _WHERE and _is_search(call)):
            what = f"{short(name)}, whose output's size depends on values"
            yield OpenShape(module, call, "values", what)
        elif name == _SPARSE:
            what = "sparse placeholder, whose number of values each feed decides"
            yield OpenShape(module, call, "sparse", what)
        elif name == _GENERATOR and _lacks(call, "output_shapes", 2):
            what = "from_generator without output_shapes"
            yield OpenShape(module, call, "generator", what)
        elif name in _QUEUES and _may_end_smaller(call):
            what = f"{short(name)}, whose last batch may be smaller"
            yield OpenShape(module, call, "tail", what)


def _lacks(call: ast.Call, name: str, position: int) -> bool:
    """Whether a call certainly does not say a shape."""
    if has_stars(call):
        return False
    given = argument(call, name, position)
    return given is None or is_none(given)


def _may_end_smaller(call: ast.Call) -> bool:
    given = keyword(call, "allow_smaller_final_batch")
    if given is None:
        return False
    return not isinstance(given.value, ast.Constant) or bool(given.value.value)


def placeholder_names(module: Module) -> set[str]:
    """What the placeholders of a module are bound to, or called, whatever their shapes."""
    names: set[str | None] = set()
    for call, _ in module.calls_of(*PLACEHOLDERS):
        names |= {_bound_name(module, call), _label(call)}
    return {name for name in names if name}


def _placeholder(module: Module, call: ast.Call, position: int) -> OpenShape | None:
    shape = argument(call, "shape", position)
    if has_stars(call):
        return None
    shape = bound_value(module, shape) if shape is not None else None
    name = _bound_name(module, call)
    called = f"placeholder {name}" if name else "placeholder"
    if shape is None or is_none(shape):
        what = f"{called} without a shape"
    elif any(is_none(part) for part in ast.walk(shape)):
        what = f"{called} of shape {module.text_of(shape)}"
    else:
        return None
    return OpenShape(
        module,
        call,
        "placeholder",
        " ".join(what.split()),
        name,
        _label(call),
        _leading_none(shape) if shape is not None else None,
    )


def _leading_none(shape: ast.expr) -> ast.expr | None:
    while isinstance(shape, ast.BinOp):
        shape = shape.left
    if isinstance(shape, ast.List | ast.Tuple) and shape.elts and is_none(shape.elts[0]):
        return shape.elts[0]
    return None


def _bound_name(module: Module, call: ast.Call) -> str | None:
    parent = module.parents.get(call)
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        target = parent.targets[0]
        if isinstance(target, ast.Name):
            return target.id
        if isinstance(target, ast.Attribute):
            return target.attr
    return None


def _label(call: ast.Call) -> str | None:
    return string(argument(call, "name", 2))


def _is_open_reshape(module: Module, call: ast.Call, dynamic: set[tuple[int, str]]) -> bool:
    shape = argument(call, "shape", 1)
    if shape is None or not call.args or not any(_is_minus_one(part) for part in ast.walk(shape)):
        return False
    for part in ast.walk(call.args[0]):
        found = module.lookup(part.id, part) if isinstance(part, ast.Name) else None
        if found is not None and (id(found[0]), part.id) in dynamic:  # type: ignore[attr-defined]
            return True
    return False


def _is_minus_one(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and node.operand.value == 1
    )


def _is_search(call: ast.Call) -> bool:
    """``tf.where`` with a condition only gives the places where it holds."""
    return argument(call, "x", 1) is None and not any(k.arg is None for k in call.keywords)


def sliced_feeds(project: Project, place: OpenShape) -> Iterator[tuple[Module, ast.expr]]:
    """Feeds of a placeholder whose value is a slice that may be shorter at the end."""
    names = _names(place)
    for path in project.python_files:
        data = project.files[path].data
        if not any(name.encode() in data for name in names):
            continue
        module = project.parsed(path)
        for node in module.nodes if module is not None else []:
            for key, value in _entries(node):
                fed = key is not None and _last(key) in names
                if fed and module is not None and _is_varying_slice(module, value):
                    yield module, value


def _entries(node: ast.AST) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    """What a dict display or an assignment puts under which key."""
    if isinstance(node, ast.Dict):
        yield from zip(node.keys, node.values, strict=True)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                yield target.slice, node.value


def _names(place: OpenShape) -> set[str]:
    """What the placeholder is called, also where it is handed on by keyword or attribute."""
    names = {place.name} if place.name else set()
    if place.label:
        names.add(place.label)
    module = place.module
    for node in module.nodes:
        if isinstance(node, ast.keyword) and node.arg and _last(node.value) == place.name:
            names.add(node.arg)
        elif isinstance(node, ast.Assign) and _last(node.value) == place.name:
            names |= {_last(target) for target in node.targets}
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and _last(value) == place.name:
                    names.add(str(key.value))
    return {name for name in names if name}


def _last(node: ast.AST) -> str:
    """The last word of a name, an attribute or a subscript."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        tensor, colon, _ = node.value.partition(":")
        return tensor if colon else ""
    return node.id if isinstance(node, ast.Name) else ""


def _is_varying_slice(module: Module, value: ast.expr) -> bool:
    """``images[i:i + n]``: its end may lie behind the last image."""
    if isinstance(value, ast.Name):
        found = module.lookup(value.id, value)
        bound = [b.node for b in found[1]] if found else []
        return any(isinstance(n, ast.expr) and _is_varying_slice(module, n) for n in bound)
    return any(
        isinstance(part, ast.Slice)
        and part.upper is not None
        and not isinstance(part.upper, ast.Constant)
        for part in ast.walk(value)
    )
