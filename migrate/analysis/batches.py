"""Every place that makes batches with ``tf.data``, and whether its dataset ever ends."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, own_nodes
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
    return False


def _call_is_endless(module: Module, project: Project, call: ast.Call, depth: int) -> bool:
    name = module.qualified(call.func) or ""
    if ":" in name:
        return _function_is_endless(project, name, depth)
    if not isinstance(call.func, ast.Attribute) or call.func.attr in _ENDING:
        return False
    if name == f"{_DATASET}.repeat" and _is_forever(argument(call, "count", 0), call):
        return True
    if call.func.attr == "apply" and call.args and isinstance(call.args[0], ast.Call):
        inner = call.args[0]
        if module.qualified(inner.func) in _REPEATERS:
            return _is_forever(argument(inner, "count", 1), inner)
    if name.startswith(f"{_DATASET}."):
        return is_endless(module, project, call.func.value, depth + 1)
    return False


def _is_forever(count: ast.expr | None, call: ast.Call) -> bool:
    if count is None:
        return not any(k.arg is None for k in call.keywords) and not any(
            isinstance(a, ast.Starred) for a in call.args
        )
    try:
        return ast.literal_eval(count) in (None, -1)
    except ValueError:
        return False


def _name_is_endless(module: Module, project: Project, name: ast.Name, depth: int) -> bool:
    """Goes through what is assigned to the name in front of its use.

    An assignment under a condition counts for what it may spoil, not for what it may mend.
    """
    found = module.lookup(name.id, name)
    if found is None or any(b.kind != "value" for b in found[1]):
        return False
    here = module.statement_of(name)
    blocks = {id(here), *(id(parent) for parent in module.ancestors(here))}
    endless = False
    for binding in sorted(found[1], key=lambda b: getattr(b.statement, "lineno", 0)):
        statement, value = binding.statement, binding.node
        if not isinstance(statement, ast.stmt) or not isinstance(value, ast.AST):
            return False
        if statement.lineno >= here.lineno:
            break
        if _root(value) == name.id:
            kept = endless and _keeps(module, value)
            made = kept or _repeats(module, project, value, depth)
        else:
            made = is_endless(module, project, value, depth + 1)
        certain = id(module.parents[statement]) in blocks and not _other_branch(
            module, statement, here
        )
        endless = made if certain else endless and made
    return endless


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _keeps(module: Module, node: ast.AST) -> bool:
    """Whether a chain of methods does not end what it starts from."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _ENDING:
            return False
        node = node.func.value
    return isinstance(node, ast.Name)


def _repeats(module: Module, project: Project, node: ast.AST, depth: int) -> bool:
    """Whether the chain itself repeats, whatever it starts from."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _ENDING:
            return False
        plain = node.func.attr == "repeat" and _is_forever(argument(node, "count", 0), node)
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
