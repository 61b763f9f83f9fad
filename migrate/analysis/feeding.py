"""What a batch ends in: an optimizer, an evaluation, or a feed."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from migrate.analysis.estimators import ESTIMATORS
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, place_of
from migrate.analysis.references import TELLING_METHODS
from migrate.analysis.training import (
    GRADIENTS,
    KERAS_RUNNING,
    KERAS_TRAINING,
    OPTIMIZING,
    OTHER_MINIMIZERS,
)

End = Literal["train", "evaluate"]

_TRAINERS = GRADIENTS | OPTIMIZING
# Methods of a distribution strategy that call their first argument with the batch.
_PER_REPLICA = frozenset({"call_for_each_replica", "experimental_run", "experimental_run_v2"})
_EVALUATING = frozenset({"evaluate", "predict", *KERAS_RUNNING})


class Step(NamedTuple):
    """One expression that holds the batch or what is computed from it.

    Args:
        entered: whether an argument led here, so that a return leads nowhere new.
        shared: whether other data may come the same way.
        function: whether it is a function that returns the batch.
    """

    module: Module
    node: ast.AST
    entered: bool = False
    shared: bool = False
    function: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """The same for the same place of a module that is parsed anew."""
        place = place_of(self.node)
        return (self.module.path, place, self.entered, self.shared, self.function)


@dataclass
class Feeding:
    """Where a batch ends.

    Args:
        trains: places (``path:line``) of optimizers and training loops that get it alone.
        mixed: those that may get other data the same way.
        evaluates: places that evaluate or predict with it.
        fed: places where its fetched values are fed to a placeholder.
    """

    trains: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
    evaluates: set[str] = field(default_factory=set)
    fed: set[str] = field(default_factory=set)

    def add(self, end: End, place: str, shared: bool) -> None:
        """Adds a place that trains or evaluates, which other data may reach as well."""
        if end == "evaluate":
            self.evaluates.add(place)
        elif shared:
            self.mixed.add(place)
        else:
            self.trains.add(place)


def end_of(step: Step, call: ast.Call, name: str, keyword: str) -> End | None:
    """What a call does that takes the batch, when it is an end of the way.

    Args:
        name: what is called, qualified; empty where that cannot be told.
        keyword: of the argument that is the batch; empty for one without.
    """
    last = last_name(call, name)
    minimizes = last in TELLING_METHODS and ":" not in name
    if name in _TRAINERS or (minimizes and not name.startswith(OTHER_MINIMIZERS)):
        return "train"
    if name in ("tensorflow.estimator.TrainSpec", "tensorflow.estimator.EvalSpec"):
        return "train" if last == "TrainSpec" else "evaluate"
    if keyword in ("train_input_fn", "eval_input_fn"):
        return "train" if keyword == "train_input_fn" else "evaluate"
    if last in _PER_REPLICA and ":" not in name:
        return "train" if _minimizes(step.module, call) else None
    handed = step.function or keyword == "input_fn" or name.rpartition(".")[0] in ESTIMATORS
    if ":" in name:
        return None
    if handed and last == "train":
        return "train"
    if handed and last in _EVALUATING:
        return "evaluate"
    if last in KERAS_TRAINING:
        if keyword == "validation_data":
            return "evaluate"
        return "train" if argument(call, "x", 0) is step.node or keyword == "generator" else None
    return "evaluate" if last in KERAS_RUNNING else None


def last_name(call: ast.Call, name: str) -> str:
    """The last part of the name of what is called, of a method the method's own."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else name.rpartition(".")[2]


def _minimizes(module: Module, call: ast.Call) -> bool:
    """Whether a function of this file that a call is given minimizes a loss."""
    given = call.args[0] if call.args else None
    if not isinstance(given, ast.Name) or (bound := module.lookup(given.id, given)) is None:
        return False
    return any(
        isinstance(part, ast.Attribute) and part.attr in TELLING_METHODS
        for binding in bound[1]
        if binding.kind == "definition" and binding.node is not None
        for part in ast.walk(binding.node)
    )
