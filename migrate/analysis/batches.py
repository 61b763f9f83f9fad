"""Every place that makes batches with ``tf.data``, and whether its dataset ever ends."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from migrate.analysis.callers import Callers
from migrate.analysis.flow import Flow
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, has_stars, is_self, own_nodes
from migrate.analysis.project import Project

_DATASET = "tensorflow.data.Dataset"
# Where `drop_remainder` is in TensorFlow 1.15.0.
BATCHERS: dict[str, int] = {
    f"{_DATASET}.batch": 1,
    f"{_DATASET}.padded_batch": 3,
    "tensorflow.contrib.data.map_and_batch": 3,
    "tensorflow.data.experimental.map_and_batch": 3,
    "tensorflow.data.experimental.map_and_batch_with_legacy_function": 3,
}
_METHODS = {"batch": 1, "padded_batch": 3}
# Methods that only datasets have.
_TELLING = frozenset({"make_one_shot_iterator", "make_initializable_iterator", "prefetch"})
_REPEATERS = frozenset(
    {
        "tensorflow.data.experimental.shuffle_and_repeat",
        "tensorflow.contrib.data.shuffle_and_repeat",
    }
)
# Methods by which an endless dataset may end.
_ENDING = frozenset({"take", "take_while", "reduce"})
# What gives a dataset in a chain of methods that begins with one of unknown class: a parameter.
_OF_DATASETS = frozenset(
    "apply batch cache enumerate filter map padded_batch prefetch repeat shard shuffle skip "
    "unbatch window with_options".split()
)
_DEPTH = 12


class BatchSite(NamedTuple):
    """One place that makes batches.

    Args:
        position: that of ``drop_remainder`` in the call.
    """

    module: Module
    call: ast.Call
    position: int

    @property
    def drops(self) -> ast.expr | None:
        """What the call says about the remainder; None when it says nothing."""
        return argument(self.call, "drop_remainder", self.position)

    @property
    def dataset(self) -> ast.expr | None:
        """The dataset that goes in."""
        if isinstance(self.call.func, ast.Attribute) and self.call.func.attr in _METHODS:
            return self.call.func.value
        parent = self.module.parents.get(self.call)
        if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
            return parent.func.value  # dataset.apply(map_and_batch(...))
        return None


def batch_sites(module: Module) -> Iterator[BatchSite]:
    """The places of one module, in source order."""
    for call, name in module.calls:
        if name in BATCHERS:
            yield BatchSite(module, call, BATCHERS[name])
        elif name is None and isinstance(call.func, ast.Attribute):
            position = _METHODS.get(call.func.attr)
            if position is not None and _is_dataset(module, call):
                yield BatchSite(module, call, position)


def _is_dataset(module: Module, call: ast.Call) -> bool:
    """Whether the methods around it tell that an object of unknown class is a dataset."""
    chain: ast.AST = call
    while True:
        parent = module.parents.get(chain)
        if not isinstance(parent, ast.Attribute):
            break
        if parent.attr in _TELLING:
            return True
        chain = module.parents[parent]
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        name = parent.targets[0].id
        return any(
            isinstance(n, ast.Attribute)
            and n.attr in _TELLING
            and isinstance(n.value, ast.Name)
            and n.value.id == name
            for n in own_nodes(module.function_of(call) or module.tree)
        )
    return False


def is_endless(module: Module, project: Project, node: ast.AST | None, depth: int = 0) -> bool:
    """Whether a dataset certainly never ends, since it repeats without a count."""
    if node is None or depth > _DEPTH:
        return False
    if isinstance(node, ast.Call):
        return _call_is_endless(module, project, node, depth)
    if isinstance(node, ast.Name):
        return _name_is_endless(module, project, node, depth)
    if isinstance(node, ast.Attribute) and is_self(node.value):
        return _attribute_is_endless(module, project, node, depth)
    return False


def _call_is_endless(module: Module, project: Project, call: ast.Call, depth: int) -> bool:
    name = module.qualified(call.func) or module.own_method(call.func) or ""
    if ":" in name:
        return _function_is_endless(project, name, depth)
    if not isinstance(call.func, ast.Attribute) or call.func.attr in _ENDING:
        return False
    if name == f"{_DATASET}.zip":
        given = call.args[0] if call.args else None
        parts = given.elts if isinstance(given, ast.Tuple | ast.List) else []
        return bool(parts) and all(is_endless(module, project, p, depth + 1) for p in parts)
    of_dataset = name.startswith(f"{_DATASET}.") or (not name and call.func.attr in _OF_DATASETS)
    is_repeat = of_dataset and call.func.attr == "repeat"
    if is_repeat and _is_forever(module, argument(call, "count", 0), call):
        return True
    if call.func.attr == "apply" and call.args and isinstance(call.args[0], ast.Call):
        inner = call.args[0]
        if module.qualified(inner.func) in _REPEATERS:
            return _is_forever(module, argument(inner, "count", 1), inner)
    return of_dataset and is_endless(module, project, call.func.value, depth + 1)


def _is_forever(module: Module, count: ast.expr | None, call: ast.Call) -> bool:
    if count is None:
        return not has_stars(call)
    if isinstance(count, ast.Name):
        _, bindings = module.lookup(count.id, count) or (None, [])
        value = bindings[0].node if len(bindings) == 1 and bindings[0].kind == "value" else None
        if not isinstance(value, ast.Constant | ast.UnaryOp):
            return False
        count = value
    try:
        return ast.literal_eval(count) in (None, -1)
    except ValueError:
        return False


def _attribute_is_endless(
    module: Module, project: Project, node: ast.Attribute, depth: int
) -> bool:
    """Goes by what its function assigns in front of its use, else by all that the class does."""
    owner, function = module.class_of(node), module.function_of(node)
    values = module.attributes_of(owner).get(node.attr, []) if owner is not None else []
    here = module.statement_of(node)
    before = [
        (statement, value)
        for value in values
        if module.function_of(value) is function
        and (statement := module.statement_of(value)).lineno < here.lineno
    ]
    if before:
        return _is_endless_at(module, project, here, _root(node), before, False, depth)
    return bool(values) and all(is_endless(module, project, v, depth + 1) for v in values)


def _name_is_endless(module: Module, project: Project, name: ast.Name, depth: int) -> bool:
    """Goes by what is assigned to the name in front of its use."""
    found = module.lookup(name.id, name)
    if found is None or any(b.kind not in ("value", "parameter") for b in found[1]):
        return False
    scope, bindings = found
    assigned = [b for b in bindings if b.kind == "value"]
    here = module.statement_of(name)
    endless = len(assigned) < len(bindings) and _parameter_is_endless(
        module, project, scope.node, name.id, depth
    )
    steps: list[tuple[ast.stmt, ast.AST]] = []
    for binding in assigned:
        statement, value = binding.statement, binding.node
        if not isinstance(statement, ast.stmt) or not isinstance(value, ast.AST):
            return False
        if statement.lineno < here.lineno:
            steps.append((statement, value))
    return _is_endless_at(module, project, here, name.id, steps, endless, depth)


def _is_endless_at(
    module: Module,
    project: Project,
    here: ast.stmt,
    variable: str,
    steps: Sequence[tuple[ast.stmt, ast.AST]],
    endless: bool,
    depth: int,
) -> bool:
    """Whether a variable's dataset is endless at a statement.

    An assignment under a condition counts for what it may spoil, not for what it may mend.

    Args:
        variable: its name, or that of the object's attribute with `self.`.
        steps: the statements in front that assign it, with the values.
        endless: what it is before them.
    """
    blocks = {id(here), *(id(parent) for parent in module.ancestors(here))}
    for statement, value in sorted(steps, key=lambda step: step[0].lineno):
        if _root(value) == variable:
            kept = endless and _keeps(value)
            made = kept or _repeats(module, project, value)
        else:
            made = is_endless(module, project, value, depth + 1)
        certain = id(module.parents[statement]) in blocks and not _other_branch(
            module, statement, here
        )
        endless = made if certain else endless and made
    return endless


def _parameter_is_endless(
    module: Module, project: Project, function: ast.AST, name: str, depth: int
) -> bool:
    """Whether all calls of a function pass an endless dataset, and it is only called."""
    if not isinstance(function, ast.FunctionDef) or depth > _DEPTH:
        return False
    parent = module.parents[function]
    owner = parent.name if isinstance(parent, ast.ClassDef) else None
    callers = project.cached(Callers)
    calls = list(callers.of(module.path, module.numbers[function], function.name, owner))
    if len(calls) != len(project.cached(Flow).uses_of(module, function)):
        return False
    words = [p.arg for p in function.args.args]
    position = words.index(name) if name in words else len(words)
    for path, call, bound in calls:
        number = call.argument(name, position - bound)
        other = project.module(path)
        if number is None or not is_endless(other, project, other.nodes[number], depth + 1):
            return False
    return bool(calls)


def _root(node: ast.AST) -> str:
    """The variable, or attribute of the object, that a chain of calls begins with."""
    while isinstance(node, ast.Call | ast.Attribute):
        if isinstance(node, ast.Attribute) and is_self(node.value):
            return f"self.{node.attr}"
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _keeps(node: ast.AST) -> bool:
    """Whether a chain of methods does not end what it starts from."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _ENDING:
            return False
        node = node.func.value
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and is_self(node.value))


def _repeats(module: Module, project: Project, node: ast.AST) -> bool:
    """Whether the chain itself repeats, whatever it starts from."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _ENDING:
            return False
        plain = node.func.attr == "repeat" and _is_forever(module, argument(node, "count", 0), node)
        if plain or (node.func.attr == "apply" and _call_is_endless(module, project, node, _DEPTH)):
            return True
        node = node.func.value
    return False


def _other_branch(module: Module, statement: ast.stmt, here: ast.AST) -> bool:
    """Whether the statement is in the branch of a condition that does not lead here."""
    parent = module.parents[statement]
    if not isinstance(parent, ast.If):
        return False
    around = {id(here), *(id(node) for node in module.ancestors(here))}
    branch = parent.body if statement in parent.body else parent.orelse
    return not any(id(s) in around for s in branch)


def _function_is_endless(project: Project, name: str, depth: int) -> bool:
    path, _, dotted = name.partition(":")
    module = project.parsed(path) if path in project.files else None
    function = module.definition(dotted) if module is not None else None
    if module is None or not isinstance(function, ast.FunctionDef):
        return False
    returned = [n.value for n in own_nodes(function) if isinstance(n, ast.Return)]
    return bool(returned) and all(
        is_endless(module, project, value, depth + 1) for value in returned
    )
