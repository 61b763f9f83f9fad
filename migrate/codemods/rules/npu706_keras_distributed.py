"""Averages the gradients of Keras models over the ranks.

What it does: puts `npu_keras_optimizer(...)` around the optimizer that a Keras model is compiled
with, and around a Keras optimizer where it minimizes, applies gradients or makes updates itself.

Why: processes that train on one NPU each must share what they learn. A model that is only
compiled and fitted, once in each process, is trained as many times, each time on a part of the
data.

Example:
    model.compile(optimizer='adam', loss='mse')

becomes:
    model.compile(optimizer=npu_keras_optimizer('adam'), loss='mse')

The optimizer is changed in place and keeps its name, so that saved models load anywhere. All ranks
start from the variables of rank 0, and that one alone saves models and writes summaries.

Options: none.

Fix safety: safe. With one process `npu_keras_optimizer` returns its argument. Optimizers of
tf.train are NPU201's, and those of Horovod average already.

Not handled, and told: an optimizer that hides in `*args` or `**kwargs`, one that standalone Keras
is to find by its name, and a model that is loaded and trained without being compiled.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", distributed training, "Keras"; adapter,
npu_optimizer.py (NPUDistributedOptimizer, npu_distributed_optimizer_wrapper).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.keras_models import is_model
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, has_stars, is_self, keyword
from migrate.analysis.optimizers import KERAS_OPTIMIZERS, is_optimizer
from migrate.analysis.project import Project
from migrate.analysis.references import names_in
from migrate.analysis.training import KERAS_TRAINING
from migrate.analysis.words import identifiers_in
from migrate.codemods.imports import runtime_import
from migrate.codemods.rule import Change, Context, Rule

_WRAPPER = "npu_keras_optimizer"
_APPLYING = frozenset({"apply_gradients", "get_updates", "minimize"})
_LOADERS = frozenset({"keras.models.load_model", "tensorflow.keras.models.load_model"})
_BY_HAND = f"Compile it with {_WRAPPER}(...) by hand; until then each rank trains for itself."


def _may_average(project: Project, path: str) -> bool:
    attributes = project.cached_for(path, identifiers_in).attributes
    return (
        "compile" in attributes
        or not _APPLYING.isdisjoint(attributes)
        or not _LOADERS.isdisjoint(names_in(project, path))
    )


NPU706 = Rule(
    "NPU706",
    "keras-distributed",
    group="distributed",
    literals=(b".compile(", b"load_model", b".get_updates(", b"keras"),
    finds=_may_average,
    unit_tests=False,
)


@NPU706.on_module
def average_gradients(context: Context) -> Iterator[Change]:
    module = context.module
    compiled = [call for call in module.all_of(ast.Call) if _compiles(context, call)]
    for call in compiled:
        value = argument(call, "optimizer", 0)
        if value is not None:
            yield from _wrap(context, value)
        elif has_stars(call):
            yield context.finding(
                call, "warning", "the optimizer may hide in *args or **kwargs", _BY_HAND
            )
    for call in module.all_of(ast.Call):
        if isinstance(call.func, ast.Attribute) and call.func.attr in _APPLYING:
            owner = call.func.value
            if (module.instance_of(owner) or "").startswith(KERAS_OPTIMIZERS):
                yield from _wrap(context, owner)
    if not compiled:
        yield from _loaded(context)


def _compiles(context: Context, call: ast.Call) -> bool:
    """Whether a call compiles a model, by the model's class or by what it is given."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr != "compile":
        return False
    kind = context.module.instance_of(func.value)
    if kind is None and is_self(func.value):
        owner = context.module.class_of(call)
        kind = f"{context.module.path}:{owner.name}" if owner is not None else None
    if kind is not None and is_model(context.project, kind):
        return True
    if context.module.name_of(func) is not None:
        return False  # re.compile
    if has_stars(call):
        return b"keras" in context.module.source.data
    return bool(keyword(call, "loss") and argument(call, "optimizer", 0))


def _wrap(context: Context, value: ast.expr) -> Iterator[Change]:
    module = context.module
    if _averages(context, value):
        return
    if isinstance(value, ast.Constant) and _is_standalone(module):
        yield context.finding(
            value,
            "warning",
            "gradients are not averaged: Keras finds this optimizer by its name",
            f"Give it {_WRAPPER}(keras.optimizers.get(...)).",
        )
        return
    wanted = runtime_import(module, _WRAPPER)
    yield from context.wrap(value, f"{wanted.bound}(", ")")
    yield wanted


def _averages(context: Context, value: ast.expr) -> bool:
    """Whether its gradients are averaged, by this rule's wrapper, NPU201's or Horovod's."""
    module = context.module
    made: list[ast.AST | None] = [value]
    if isinstance(value, ast.Name) and (found := module.lookup(value.id, value)):
        made += [binding.node for binding in found[1]]
    for node in made:
        if isinstance(node, ast.Call):
            name = module.name_of(node.func) or ""
            last = name.rpartition(".")[2]
            if last == _WRAPPER or (last == "DistributedOptimizer" and "horovod" in name):
                return True
    kind = module.instance_of(value)
    return kind is not None and is_optimizer(context.project, kind)


def _is_standalone(module: Module) -> bool:
    """Whether the file's Keras is the standalone one."""
    names = {name.partition(".")[0] for _, name in module.named}
    return "keras" in names


def _loaded(context: Context) -> Iterator[Change]:
    """A model that is loaded and trained, in a file that compiles none."""
    module = context.module
    trained = any(
        isinstance(call.func, ast.Attribute) and call.func.attr in KERAS_TRAINING
        for call in module.all_of(ast.Call)
    )
    for call, _ in module.calls_of(*_LOADERS):
        if trained:
            yield context.finding(
                call, "warning", "a model is trained with the optimizer that it has", _BY_HAND
            )
