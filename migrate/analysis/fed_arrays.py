"""Arrays in memory that a program cuts into batches itself, to feed or to fit a model with them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from migrate.analysis.data_sources import Source, arrays
from migrate.analysis.dataset_chains import divides_itself
from migrate.analysis.keras_models import KerasUse
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument
from migrate.analysis.order import may_hold
from migrate.analysis.project import Project
from migrate.analysis.shards import holds_shard
from migrate.analysis.training_runs import runs_training

_FEEDS = re.compile(rb"feed_dict|\.run\([^\n]*,")
# What makes the next batch, by its name.
_BATCHING = re.compile(r"batch|next|sample|minibatch|fetch|generat|iterat|load", re.I)
_NO_DATA = re.compile(
    r"\b(?:np|numpy|random|rng|tf|time|math)\.|\.run\(|noise|sample_[zZ]\b|\.eval\(|range\("
)
# Methods of arrays that give the same rows in another form.
_FORMING = frozenset("astype copy flatten ravel reshape squeeze tolist transpose".split())


class Fed(NamedTuple):
    """Data that a training run is fed with.

    Args:
        call: the run.
        names: the arrays that batches are slices of; empty where they cannot be found.
        what: how the data is come by.
    """

    module: Module
    call: ast.Call
    names: tuple[str, ...]
    what: str


def fitted_arrays(module: Module, project: Project) -> Iterator[Source]:
    """What Keras models are fitted to; without a place to divide where that is a generator."""
    keras = project.cached(KerasUse)
    if not any(key.partition(":")[0] == module.path for key in keras.places):
        return
    for call, place in keras.calls(module):
        if not place.certain and not keras.makes_models:
            continue
        if any(_is_of_loop(module, argument) for argument in call.args):
            continue  # a batch of a source that is looked at itself
        first = call.args[0] if call.args else None
        if place.method == "fit" and isinstance(first, ast.Starred):
            yield Source(module, call, "fit", (first.value,))
        elif place.method == "fit" and argument(call, "y", 1) is not None:
            given = arrays(module, call, "fit")
            yield given if place.certain else given._replace(taken=(), doubtful=True)
        elif place.method == "fit_generator" and not _is_flow(
            module, argument(call, "generator", 0)
        ):
            yield Source(module, call, "fit_generator", ())


def _is_of_loop(module: Module, node: ast.expr) -> bool:
    """Whether it is what a loop goes through."""
    found = module.lookup(node.id, node) if isinstance(node, ast.Name) else None
    return found is not None and any(isinstance(b.statement, ast.For) for b in found[1])


def _is_flow(module: Module, node: ast.expr | None) -> bool:
    """Whether it is ``ImageDataGenerator.flow``, whose arrays are a source themselves."""
    if isinstance(node, ast.Name):
        _, bindings = module.lookup(node.id, node) or (None, [])
        return any(isinstance(b.node, ast.expr) and _is_flow(module, b.node) for b in bindings)
    func = node.func if isinstance(node, ast.Call) else None
    return isinstance(func, ast.Attribute) and func.attr == "flow"


def may_feed(project: Project, path: str) -> bool:
    """Whether a file may feed a session, or fit a Keras model."""
    keras = project.cached(KerasUse)
    if any(key.partition(":")[0] == path for key in keras.places):
        return True
    data = project.files[path].data
    return b"tensorflow" in data and _FEEDS.search(data) is not None


def fed_arrays(module: Module) -> Iterator[Fed]:
    """What the training runs of a file are fed with, those of each function together."""
    if not _FEEDS.search(module.source.data):
        return
    of_functions: dict[ast.AST | None, list[Fed]] = {}
    for call in module.all_of(ast.Call):
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "run":
            continue
        feed = argument(call, "feed_dict", 1)
        found = _fed(module, call, feed) if feed is not None else None
        if found is not None and runs_training(module, call):
            of_functions.setdefault(module.function_of(call), []).append(found)
    for first, *others in of_functions.values():
        names = tuple(dict.fromkeys(name for fed in (first, *others) for name in fed.names))
        yield first._replace(names=names, what=" and ".join(sorted(names)) or first.what)


def _fed(module: Module, call: ast.Call, feed: ast.expr) -> Fed | None:
    bases: dict[str, ast.expr] = {}
    unknown = ""
    for value in _values(module, call, feed):
        found = list(_origins(module, value))
        cuts = [source for source in found if isinstance(source, ast.Subscript)]
        bases |= {module.text_of(cut.value): cut.value for cut in cuts}
        for source in [] if cuts else found:
            if _BATCHING.search(text := module.text_of(source)) and not _NO_DATA.search(text):
                unknown = unknown or text.partition("\n")[0][:60]
    if any(_is_divided(module, base) for base in bases.values()):
        return None
    return Fed(module, call, tuple(bases), unknown) if bases or unknown else None


def _is_divided(module: Module, array: ast.expr) -> bool:
    """Whether an array holds a rank's part, by the kit or by its own code."""
    if not isinstance(array, ast.Name):
        return False
    _, bindings = module.lookup(array.id, array) or (None, [])
    values = [b.statement.value for b in bindings if isinstance(b.statement, ast.Assign)]
    return holds_shard(module, array) or any(divides_itself(module, value) for value in values)


def _values(module: Module, call: ast.Call, feed: ast.expr) -> Iterator[ast.expr]:
    """What a run is fed with; of a variable, also what is put into it before."""
    if isinstance(feed, ast.Dict):
        yield from feed.values
    if not isinstance(feed, ast.Name):
        return
    made = [b.node for b in may_hold(module, feed) if isinstance(b.node, ast.Dict)]
    for node in made:
        yield from node.values
    first = min((module.numbers[node] for node in made), default=0)
    for load in module.loads.get(feed.id, []):
        parent = module.parents[load]
        around = module.parents[parent]
        if not first < module.numbers[load] < module.numbers[call]:
            continue
        if isinstance(parent, ast.Subscript) and isinstance(around, ast.Assign):
            if parent in around.targets:
                yield around.value
        elif isinstance(parent, ast.Attribute) and parent.attr == "update":
            given = around.args[0] if isinstance(around, ast.Call) and around.args else None
            if isinstance(given, ast.Dict):
                yield from given.values


def _origins(module: Module, value: ast.AST, depth: int = 4) -> Iterator[ast.expr]:
    """The slices, calls and loops that a fed value comes from, within its function.

    A slice takes several rows (`_is_cut`).
    """
    if isinstance(value, ast.Name) and depth > 0:
        for binding in may_hold(module, value):
            statement = binding.statement
            if isinstance(statement, ast.For):
                yield statement.iter
            elif isinstance(statement, ast.Assign):
                yield from _origins(module, binding.node or statement.value, depth - 1)
    elif isinstance(value, ast.Subscript) and _is_cut(value):
        yield value
    elif isinstance(value, ast.Subscript):
        yield from _origins(module, value.value, depth)
        yield from _cuts(value.slice)
    elif isinstance(value, ast.Call):
        func = value.func
        if isinstance(func, ast.Attribute) and func.attr in _FORMING:
            yield from _origins(module, func.value, depth)
            return
        yield value
        if not isinstance(func, ast.Attribute) or func.attr != "run":
            for part in value.args:
                yield from _origins(module, part, depth - 1)
            yield from _cuts(func, *value.keywords)
    elif isinstance(value, ast.BinOp):
        yield from _origins(module, value.left, depth)
        yield from _origins(module, value.right, depth)
    else:
        yield from _cuts(value)


def _cuts(*nodes: ast.AST) -> Iterator[ast.Subscript]:
    """All slices of several rows within some expressions."""
    for node in nodes:
        for part in ast.walk(node):
            if isinstance(part, ast.Subscript) and _is_cut(part):
                yield part


def _is_cut(node: ast.Subscript) -> bool:
    """Whether it takes several rows: ``x[i:j]``, or ``x[chosen]`` by a variable."""
    index = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
    if isinstance(index, ast.Slice):
        return index.lower is not None and index.upper is not None
    return isinstance(index, ast.Name) and bool(re.search(r"id|ind|perm|batch", index.id))
