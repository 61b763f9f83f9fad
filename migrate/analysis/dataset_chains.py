"""How a dataset is built up: chains of methods, and the names and functions on their way."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.consumers import ITERATORS, OF_FILES, Consumers
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function

_BARRIERS = frozenset({"shuffle", "repeat", "batch", "padded_batch", "window"})
_BARRIER_TEXT = re.compile(
    r"\b(?:shuffle|repeat|(?:padded_)?batch|shuffle_and_repeat|map_and_batch|\w*bucket\w*)\s*\("
)
_COUNTING = frozenset({"skip", "take"})
# Steps behind a source at which its data is looked at; where it is judged, the most that real
# projects took is 56.
MOST_STEPS = 200
# How code that divides its data itself calls the number of the part.
_OWN_RANKS = re.compile(
    r"\b(?:shard_(?:index|id|num)|worker_(?:index|id)|(?:local_)?rank|(?:get_)?rank_id"
    r"|input_pipeline_id|hvd|horovod|Get_rank|worker_num)\b"
)
_SHARD = re.compile(r"\.shard\(")


def may_be_dataset(module: Module, node: ast.AST) -> bool:
    """Whether an expression may be a dataset, and not its method or a tuple that holds it."""
    if isinstance(node, ast.Attribute) and _is_called(module, node):
        return False
    parent = module.parents.get(node)
    unpacked = isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple)
    return not unpacked and not isinstance(node, ast.Tuple | ast.List | ast.Dict | ast.Lambda)


def _is_called(module: Module, node: ast.AST) -> bool:
    parent = module.parents.get(node)
    return isinstance(parent, ast.Call) and parent.func is node


def takes_dataset(module: Module, function: Function, node: ast.AST) -> bool:
    """Whether the function is given a dataset, other than to make the source of."""
    names = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
    within = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    for parameter in (*function.args.args, *function.args.kwonlyargs):
        annotation = parameter.annotation
        if annotation is not None and module.qualified(annotation) == "tensorflow.data.Dataset":
            return True
    for name in names - within:
        for load in module.loads.get(name, ()):
            parent = module.parents[load]
            is_method = isinstance(parent, ast.Attribute) and parent.attr in ITERATORS
            if is_method and module.function_of(load) is function:
                return True
    return False


def divides_itself(module: Module, node: ast.expr) -> bool:
    """Whether a part by the number of the process is what an expression is made of."""
    return _is_made_with(module, node, _OWN_RANKS)


def spreads_shard(module: Module, node: ast.AST) -> bool:
    """Whether it spreads the elements of a dataset, such as files, that is a part already."""
    funcs = (parent.func for parent in module.ancestors(node) if isinstance(parent, ast.Call))
    return any(
        isinstance(func, ast.Attribute)
        and func.attr in OF_FILES
        and _is_made_with(module, func.value, _OWN_RANKS, _SHARD)
        for func in funcs
    )


def _is_made_with(module: Module, node: ast.expr, *signs: re.Pattern[str]) -> bool:
    """Whether what an expression is made of shows any of some signs."""
    texts = (module.text_of(part) for part in _made_of(module, node))
    return any(sign.search(text) for text in texts for sign in signs)


def _made_of(module: Module, node: ast.expr, depth: int = 3) -> Iterator[ast.AST]:
    """An expression, and what its names were assigned in the function around."""
    yield node
    for part in ast.walk(node) if depth else ():
        if not isinstance(part, ast.Name):
            continue
        scope, bindings = module.lookup(part.id, part) or (None, [])
        if scope is not module.scopes[node]:
            continue
        for binding in bindings:
            made = binding.node
            if binding.kind != "value":  # perhaps one of several: x, y = part(x, y, rank)
                made = getattr(binding.statement, "value", None)
            if isinstance(made, ast.expr):
                yield from _made_of(module, made, depth - 1)


def is_barrier(consumers: Consumers, module: Module, node: ast.AST) -> bool:
    """Whether a call shuffles, repeats or batches, or may do so."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        if node.func.attr in _BARRIERS:
            return True
        if node.func.attr == "apply":
            return bool(_BARRIER_TEXT.search(module.text_of(node)))
    return any(
        _BARRIER_TEXT.search(owner.text_of(function))
        for owner, function in consumers.called(module, node)
    )


def behind_counting(module: Module, node: ast.AST) -> ast.AST:
    """The last ``skip`` or ``take`` of the chain of methods that a dataset begins, or itself.

    The chain goes on where it is assigned to a name and the next statement begins with that.
    """
    last, current = node, node
    while True:
        attribute = module.parents.get(current)
        if isinstance(attribute, ast.Attribute) and _is_called(module, attribute):
            call = module.parents[attribute]
            if attribute.attr in _BARRIERS or (
                attribute.attr == "apply" and _BARRIER_TEXT.search(module.text_of(call))
            ):
                return last
            current = call
            last = call if attribute.attr in _COUNTING else last
            continue
        following = _next_load(module, current)
        if following is None:
            return last
        current = following


def _next_load(module: Module, node: ast.AST) -> ast.AST | None:
    """The name that begins the value of the next statement, if ``node`` was assigned to it."""
    statement = module.parents.get(node)
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target = statement.targets[0]
    following = next(iter(module.statements_after(statement)), None)
    if not isinstance(target, ast.Name) or not isinstance(following, ast.Assign):
        return None
    root: ast.AST = following.value
    while isinstance(root, ast.Call | ast.Attribute):
        root = root.func if isinstance(root, ast.Call) else root.value
    return root if isinstance(root, ast.Name) and root.id == target.id else None
