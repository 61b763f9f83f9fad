"""What comes of a dataset behind the place where it may be divided."""

from __future__ import annotations

import ast
from typing import NamedTuple

from migrate.analysis.consumers import Consumers
from migrate.analysis.dataset_chains import MOST_STEPS, is_barrier
from migrate.analysis.feeding import Step
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument

_ZIP = "tensorflow.data.Dataset.zip"
_BATCHING = frozenset({"batch", "padded_batch"})
_UNBATCHING = frozenset({"unbatch", "flat_map", "interleave"})


class Ahead(NamedTuple):
    """What stands against a division, or asks for a later one.

    Args:
        joined: the pairs that the elements become a part of; they have to stay together.
        objection: why it must not be divided.
    """

    joined: Step | None = None
    objection: str = ""


class _Way(NamedTuple):
    """A step, and what the elements went through in front of it.

    Args:
        shuffled: they are in random order.
        closed: they were shuffled, repeated or batched.
        batched: each is several already.
    """

    step: Step
    shuffled: bool = False
    closed: bool = False
    batched: bool = False


def look_ahead(consumers: Consumers, step: Step, shuffled: bool) -> Ahead:
    """Follows a dataset to what its elements are joined with, counted or put in order by.

    Datasets that are each shuffled before they are zipped are no pairs.

    Args:
        shuffled: the source gives its elements in random order.
    """
    ways = [_Way(step, shuffled)]
    seen: set[tuple[object, ...]] = set()
    while ways and len(seen) < MOST_STEPS:
        way = ways.pop()
        for following in consumers.after(way.step):
            if following.key in seen:
                continue
            seen.add(following.key)
            module, node = following.module, following.node
            line = f"{module.path}:{getattr(node, 'lineno', 0)}"
            if _is_zip(module, node):
                if way.shuffled:
                    continue
                if way.closed:
                    return Ahead(objection=f"its elements are paired with others only at {line}")
                return Ahead(following)
            method = _method(node)
            if not way.closed and method in ("skip", "take"):
                return Ahead(objection=f"a part of it is taken at {line}, counted from all of it")
            if (not way.closed and method == "window") or (way.batched and method in _BATCHING):
                return Ahead(objection=f"its order matters: {method} at {line}")
            ways.append(_behind(consumers, way, following, method))
    return Ahead()


def _behind(consumers: Consumers, way: _Way, following: Step, method: str) -> _Way:
    node = following.node
    is_closing = is_barrier(consumers, following.module, node)
    is_shuffling = is_closing and _shuffles(following.module, node)
    batched = (way.batched or method in _BATCHING) and method not in _UNBATCHING
    return _Way(following, way.shuffled or is_shuffling, way.closed or is_closing, batched)


def _method(node: ast.AST) -> str:
    func = node.func if isinstance(node, ast.Call) else None
    return func.attr if isinstance(func, ast.Attribute) else ""


def _shuffles(module: Module, node: ast.AST) -> bool:
    """Whether a call shuffles as no other does: with the same seed, pairs stay pairs."""
    if not isinstance(node, ast.Call):
        return False
    if _method(node) == "shuffle":
        return argument(node, "seed", 1) is None
    return "shuffle" in module.text_of(node) and "seed" not in module.text_of(node)


def _is_zip(module: Module, node: ast.AST) -> bool:
    """Whether it joins several datasets."""
    if not isinstance(node, ast.Call) or module.qualified(node.func) != _ZIP or not node.args:
        return False
    given = node.args[0]
    return not isinstance(given, ast.Tuple | ast.List) or len(given.elts) > 1
