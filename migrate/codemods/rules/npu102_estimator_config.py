"""Gives every Estimator a RunConfig whose sessions run on the NPU.

What it does: wraps the `config` of `tf.estimator.Estimator`, of the canned Estimators, of
`tf.keras.estimator.model_to_estimator` and of `TPUEstimator` in `npu_run_config(...)`, and adds it
where there is none. A `TPUEstimator` gets `use_tpu=False`, with which it is like any other
Estimator; where code decides that, a note says so.
In a class of the project's own the call of the base class's constructor is what gets it. Where
input functions or the model use operators that the device does not have (queues, string and table
operators, which all canned Estimators use), it asks for `mix_compile_mode`.

Why: an Estimator opens its sessions itself, with the `session_config` of its RunConfig, or with a
default one: without NpuOptimizer in it, training runs on the host CPU, silently.

Example:
    tf.estimator.Estimator(model_fn, config=tf.estimator.RunConfig(model_dir=path))

becomes:
    tf.estimator.Estimator(model_fn, config=npu_run_config(tf.estimator.RunConfig(model_dir=path)))

Every Estimator is on the device, one that only evaluates or predicts as well. `TrainSpec`,
`EvalSpec` and `train_and_evaluate` take the Estimator's own configuration.

Options: none.

Fix safety: safe. The RunConfig keeps its class and all of its other settings; off the device
(NPU_DEVICE=host) its session_config is what the Estimator itself would have used.

Not handled: the Estimators of `tf.contrib.learn`, a class whose constructor does not call its
base's, arguments hidden in `**kwargs`, and an Estimator's class as a value (in a dict, as an
argument): each is an error, with its place.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "Estimator"; TensorFlow 1.15.0,
`tensorflow_estimator/python/estimator/estimator.py` (maybe_overwrite_model_dir_and_session_config),
`canned/head.py` (class names as strings) and `tpu/tpu_estimator.py` (is_running_on_cpu).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from migrate.analysis.estimators import (
    RUN_CONFIGS,
    TPU_ESTIMATOR,
    EstimatorSite,
    all_configurable,
    estimating_files,
    estimator_mentions,
    estimator_sites,
)
from migrate.analysis.graph import Graph
from migrate.analysis.host_ops import host_uses
from migrate.analysis.inventory import Settled
from migrate.analysis.mentions import mentions, named
from migrate.analysis.nodes import argument, has_stars
from migrate.analysis.symbols import short
from migrate.codemods.calls import add_keywords
from migrate.codemods.configuring import configure_call
from migrate.codemods.rule import Change, Context, Rule, SessionRow

NPU102 = Rule(
    "NPU102",
    "estimator-config",
    group="session",
    paths=lambda project: project.cached(estimating_files),
    unit_tests=False,
)
_BY_HAND = (
    "Make it a tf.estimator.Estimator, or give it config=npu_run_config(...) by hand; until then "
    "it trains on the host."
)


@NPU102.on_module
def configure_estimators(context: Context) -> Iterator[Change]:
    module = context.module
    outcome: dict[ast.expr, Literal["", "native", "rewritten"]] = {}
    for site in estimator_sites(module, context.project):
        kind = short(site.kind)
        yield SessionRow(module.path, site.call.lineno, kind, "device", "an Estimator's model")
        changes = None
        reason = site.why_not or "its configuration may hide in *args or **kwargs"
        if site.position is not None:
            changes = configure_call(
                context,
                site.call,
                "config",
                site.position,
                "npu_run_config",
                _options(context, site),
            )
        outcome[named(module, site.call)] = "" if changes is None else "rewritten"
        if changes is None:
            yield context.finding(site.call, "error", f"{kind} not configured: {reason}", _BY_HAND)
        else:
            yield from changes
            yield from _off_tpu(context, site)
    for mention in estimator_mentions(module, context.project):
        if mention.way == "value":
            kind = short(mention.name).rpartition(":")[2]
            yield context.finding(
                mention.node,
                "error",
                f"{kind} is a value here: nobody can tell where it is called, so it is not "
                "configured",
                _BY_HAND,
            )
        elif status := outcome.get(mention.node, "native"):
            yield Settled(module.path, mention.node.lineno, mention.name, status)
    settings = list(mentions(module, RUN_CONFIGS.__contains__))
    if not settings or not context.project.cached(all_configurable):
        return
    for mention in settings:  # each goes through npu_run_config
        yield Settled(module.path, mention.node.lineno, mention.name)


def _off_tpu(context: Context, site: EstimatorSite) -> Iterator[Change]:
    """Has a TPUEstimator train as other Estimators do."""
    if site.kind != TPU_ESTIMATOR or site.position is None:
        return
    given = argument(site.call, "use_tpu", site.position + 2)
    if given is None and not has_stars(site.call):
        yield add_keywords(context.module, site.call, {"use_tpu": "False"})
    elif isinstance(given, ast.Constant):
        if given.value:
            yield context.replace(given, "False")
    else:
        said = "in ** here" if given is None else context.module.text_of(given)
        message = f"use_tpu ({said}) must be false: the device is not Google's TPU"
        yield context.finding(site.call, "note", message, "Look at the program's flags.")


def _options(context: Context, site: EstimatorSite) -> str:
    graph = context.project.cached(Graph)
    mixed = site.canned or host_uses(graph.uses(site.scope(context.project)))
    return "mix_compile_mode=True" if mixed else ""
