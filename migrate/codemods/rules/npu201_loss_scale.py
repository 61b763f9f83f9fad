"""Wraps every optimizer that trains: loss scaled where gradients are in fp16, averaged over ranks.

What it does: puts `npu_optimizer(...)` around each `tf.train` or `tf.contrib.opt` optimizer, and
around those of the project's own that are derived from one, where it is made. Of an optimizer
that is made around another one (MovingAverageOptimizer, SyncReplicasOptimizer, Horovod's) the
inner one is wrapped. Where a function chooses between optimizers, the chosen one is wrapped, once.
What `tf.contrib.layers.optimize_loss` takes may also be a class, a function or a name. And it puts
`npu_gradients` in the place of `tf.gradients` where an optimizer applies the gradients, clipped or
not, in the same function.

Why: on Ascend 910 numbers that are too large or too small for fp16 saturate or vanish, without inf
or NaN. Small gradients become 0, and the model stops learning, unless the loss is scaled. And
several processes, one for each device, train one model only if they average their gradients.

Example:
    d_step = tf.train.AdamOptimizer(rate).minimize(d_loss)
    grads, _ = tf.clip_by_global_norm(tf.gradients(g_loss, weights), 5.0)
    g_step = tf.train.AdamOptimizer(rate).apply_gradients(zip(grads, weights))

becomes:
    d_step = npu_optimizer(tf.train.AdamOptimizer(rate)).minimize(d_loss)
    grads, _ = tf.clip_by_global_norm(npu_gradients(g_loss, weights), 5.0)
    g_step = npu_optimizer(tf.train.AdamOptimizer(rate)).apply_gradients(zip(grads, weights))

With one rank, `npu_optimizer` returns its argument itself, `npu_gradients` is `tf.gradients`, and
the graph is exactly upstream's, with NPU_DEVICE=host, with a precision mode that does not compute
gradients in fp16 (such as none), and with NPU_LOSS_SCALE=off. Else the optimizer is an
NPULossScaleOptimizer with a manager of its own, for each call: gradients from `compute_gradients`
are unscaled, so clipping them stays right. So are those of `npu_gradients`; their loss has the
scale of the optimizer that applies them, and a scale of 1 until one does. A loss scale for GPUs
that the project has (tf.contrib.mixed_precision, tf.train.experimental) is wrapped as well: the
runtime then puts the adapter's in its place. One of the adapter's stays as it is.

With RANK_SIZE above 1 it averages the gradients over the ranks, by NPUDistributedOptimizer within
the NPULossScaleOptimizer: those from `compute_gradients` before they are clipped, others, such as
those from `npu_gradients`, as they are applied. Nothing is averaged twice, neither where Horovod or
the adapter does so already. A step that overflows on one rank is left out on all. Before the first
training run of each session all ranks get the variables of rank 0, and only rank 0 writes
checkpoints, event files, graphs and exported models; all ranks read them. Other ranks leave the
evaluations of tf.estimator.train_and_evaluate to rank 0.

Options: none.

Fix safety: safe. It changes numbers only where the precision mode does. Then the first steps,
some thirty, may be left out, and the step counter with them, until the scale (2**32, halved after
two steps that overflow) fits the model. Checkpoints then hold the state of the scale besides
upstream's variables: training goes on from one in any other precision mode, and from upstream's.

Not handled: losses that stay unscaled, and are told: gradients from `tf.gradients` of which it is
not certain that an optimizer of tf.train applies them (they go through other functions, or through
variables from run to run), or from which variables are assigned in a program without an optimizer
(several ranks do not average these, either), Keras optimizers, those that a canned Estimator makes
by itself, classes that are handed to a library, and classes that are looked up by a computed name,
or imported by one where the project names no other optimizer. Gradients that are a part of a loss,
such as a penalty, stay as they are. Optimizers in unit tests, and those of sessions that the recipe
keeps on the host, are left alone.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "Mixed Precision" and "Loss Scaling";
"Distributed Training"; adapter, npu_loss_scale_optimizer.py and npu_optimizer.py; TensorFlow
1.15.0, contrib/layers/python/layers/optimizers.py.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.device_sessions import DeviceSessions
from migrate.analysis.estimators import BY_HAND, estimator_sites
from migrate.analysis.gradient_flow import GradientFlow
from migrate.analysis.inventory import Settled
from migrate.analysis.keras_models import KerasUse
from migrate.analysis.nodes import argument
from migrate.analysis.optimizers import (
    GPU_SCALES,
    MAY_OPTIMIZE,
    adapter_scales,
    optimizer_sites,
)
from migrate.analysis.references import TELLING_METHODS, functions_in, is_unit_test, owner_of
from migrate.analysis.symbols import short
from migrate.analysis.training import KERAS_TRAINING
from migrate.analysis.words import holds_any
from migrate.codemods.imports import runtime_import
from migrate.codemods.rule import Change, Context, ProjectContext, Rule
from migrate.findings import Finding

NPU201 = Rule(
    "NPU201",
    "loss-scale",
    group="precision",
    literals=(*MAY_OPTIMIZE, b"gradients"),
    claims=GPU_SCALES | {"tensorflow.contrib.mixed_precision.*"},
    unit_tests=False,
)
_BY_HAND = "Wrap what makes the optimizer in npu_optimizer(...) by hand."
_GRADIENTS = "tensorflow.gradients"
_OPTIMIZES = (b"apply_gradients", b"minimize")


@NPU201.on_module
def scale_losses(context: Context) -> Iterator[Change]:
    module, project = context.module, context.project
    wanted = runtime_import(module, "npu_optimizer")
    sites = list(optimizer_sites(module, project))
    gradients = [call for call, _ in module.calls_of(_GRADIENTS)]
    hosted = project.cached(DeviceSessions).hosted if sites or gradients else frozenset()
    for site in sites:
        if owner_of(module, site.node) in hosted:
            continue
        if site.why_not:
            yield context.finding(
                site.node, "warning", f"the loss is not scaled: {site.why_not}", _BY_HAND
            )
            continue
        yield from context.wrap(site.node, f"{wanted.bound}(", ")")
        yield wanted
    for call in adapter_scales(module):
        yield context.finding(
            call,
            "note",
            "the adapter's loss scale is used already: it stays as it is",
            "NPU_LOSS_SCALE does not steer it.",
        )
    yield from _applied(context, [c for c in gradients if owner_of(module, c) not in hosted])
    yield from _canned(context)
    yield from _keras(context)


@NPU201.on_part
def tell_of_others(context: ProjectContext) -> Iterator[Change]:
    """An optimizer whose class is imported by a name that only a run can tell."""
    project = context.project
    if not any(b"import_module" in project.files[path].data for path in project.python_files):
        return
    uses = [
        use
        for path in project.python_files
        if not is_unit_test(project, path)
        for facts in functions_in(project, path).values()
        for use in facts.uses
    ]
    applied = [use for use in uses if use.name == ".apply_gradients"]
    if applied and not any(_is_optimizer(use.name) for use in uses):
        yield Finding(
            applied[0].path,
            applied[0].line,
            context.code,
            "warning",
            "the loss is not scaled, nor gradients averaged over ranks: what makes the optimizer "
            "was not found",
            _BY_HAND,
        )


def _is_optimizer(name: str) -> bool:
    return name.rpartition(".")[2].endswith("Optimizer") or ".optimizers" in name


def _applied(context: Context, calls: list[ast.Call]) -> Iterator[Change]:
    """Gradients of tf.gradients that an optimizer applies: it cannot get at their loss."""
    module = context.module
    flow = GradientFlow(module, context.project)
    wanted = runtime_import(module, "npu_gradients")
    methods: dict[ast.AST | None, set[str]] = {}
    for node in module.all_of(ast.Attribute):
        if node.attr in TELLING_METHODS:
            methods.setdefault(module.function_of(node), set()).add(node.attr)
    # Where the program has an optimizer, what is assigned may be sums for it, or statistics.
    optimized = any(
        holds_any(context.project.files[path].data, _OPTIMIZES)
        for path in (context.project.python_files if calls else ())
    )
    for call in calls:
        if call in flow.applied:
            yield context.replace(call.func, wanted.bound)
            yield wanted
            yield Settled(module.path, call.func.lineno, _GRADIENTS)
            continue
        near = methods.get(module.function_of(call), set())
        if call in flow.in_losses:
            continue
        if not optimized and call in flow.assigned:
            files = context.project.files
            reduces = any(b"allreduce" in files[p].data for p in context.project.python_files)
            averaged = "" if reduces else ", and several ranks do not average these gradients"
            yield context.finding(
                call,
                "warning",
                f"the loss is not scaled{averaged}: no optimizer of tf.train applies them, "
                "variables are assigned",
                "Derive what does so from tf.train.Optimizer, with an apply_gradients.",
            )
            continue
        may_train = near == {"apply_gradients"} or (not near and flow.is_of_weights(call))
        if may_train:
            yield context.finding(
                call,
                "warning",
                "the loss may not be scaled: cannot tell whether an optimizer applies what "
                "tf.gradients computes",
                "If one does, use npu_gradients(...) instead.",
            )


def _canned(context: Context) -> Iterator[Change]:
    for site in estimator_sites(context.module, context.project):
        if not site.canned or site.kind in BY_HAND:
            continue  # those make no optimizer, or stay on the host until NPU102's advice is taken
        given = argument(site.call, "optimizer", 99)
        if given is None or (isinstance(given, ast.Constant) and isinstance(given.value, str)):
            kind = short(site.kind)
            yield context.finding(
                site.call,
                "warning",
                f"the loss is not scaled: {kind} makes its optimizer by itself",
                "Give it optimizer=npu_optimizer(...).",
            )


def _keras(context: Context) -> Iterator[Change]:
    keras = context.project.cached(KerasUse)
    training = [
        call
        for call, place in keras.calls(context.module)
        if place.method in KERAS_TRAINING and (place.certain or keras.makes_models)
    ]
    if training:
        yield context.finding(
            training[0],
            "note",
            f"the loss is not scaled: Keras makes its own optimizers ({len(training)} calls train)",
            "If it stops learning in mixed precision, set NPU_PRECISION_MODE=none.",
        )
