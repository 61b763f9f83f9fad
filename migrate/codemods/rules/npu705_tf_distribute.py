"""Trains with one process for each NPU where TensorFlow's strategies train on many GPUs.

What it does: puts `npu_strategy(...)` around each class of strategies of `tf.distribute` and
`tf.contrib.distribute` where it is called or handed on. What it makes is a OneDeviceStrategy,
whatever the arguments are. An Estimator's `train_distribute` and `eval_distribute`,
`with strategy.scope()`, distributed datasets and `experimental_run_v2` stay as they are.

Why: TensorFlow's strategies know no NPU. On Ascend each process trains on one device, and several
processes train as one: each reads its part of the data (NPU701), gradients are averaged (NPU201,
NPU706), and all start from the variables of the first.

Example:
    strategy = tf.distribute.MirroredStrategy(['/gpu:0', '/gpu:1'])

becomes:
    strategy = npu_strategy(tf.distribute.MirroredStrategy)(['/gpu:0', '/gpu:1'])

For the program there is one replica in each process: `num_replicas_in_sync` is 1, so that a batch
of `n * strategy.num_replicas_in_sync` is that of one device, and N processes train on N such
batches, as N replicas do. A note names the places, since a learning rate may depend on it too.
What `strategy.reduce` gives is this process's own. A ParameterServerStrategy gets a note: its
replicas updated at their own pace, and now do so in step.

Options: none.

Fix safety: safe on one device, where it computes what the strategy computes with one replica. With
NPU_DEVICE=host the strategy is upstream's own.

Not handled, and told: TPUStrategy, classes derived from a strategy, `replicate_model_fn`, clusters
in TF_CONFIG, and parameter servers (`tf.train.Server`, `SyncReplicasOptimizer`,
`replica_device_setter` with a cluster), which there are none of on NPUs.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", distributed training; adapter,
npu_bridge/estimator/npu/npu_strategy.py (a strategy of one device); TensorFlow 1.15.0,
python/distribute/one_device_strategy.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.inventory import Settled
from migrate.analysis.mentions import mentions
from migrate.analysis.nodes import keyword
from migrate.analysis.references import functions_in
from migrate.analysis.symbols import short
from migrate.codemods.imports import runtime_import
from migrate.codemods.rule import Change, Context, Rule
from migrate.findings import Finding

NPU705 = Rule(
    "NPU705",
    "tf-distribute",
    group="distributed",
    literals=(
        *(b"Strategy", b"num_replicas_in_sync", b"replicate_model_fn", b"TF_CONFIG"),
        *(b"Server", b"SyncReplicas", b"replica_device_setter"),
    ),
    unit_tests=False,
)

_STRATEGY = re.compile(r"tensorflow\.(contrib\.)?distribute\.(experimental\.)?[A-Z]\w*Strategy")
_DISTRIBUTE = re.compile(r"tensorflow\.(contrib\.)?distribute\.")
_WRAPPER = "npu_runtime.npu_strategy"
_SERVERS = re.compile(r"tensorflow\.train\.(Server|SyncReplicasOptimizer|replica_device_setter)")
_REPLICATED = "tensorflow.contrib.estimator.replicate_model_fn"
_REPLICAS = "num_replicas_in_sync"
_UNUSED = "what a strategy is made with: npu_strategy leaves it out"
_IN_STEP = "without servers all devices update in step, on averaged gradients"
_IN_STEP_ADVICE = "Rates chosen for updates out of step may want another value."
_BY_HAND = "Take it out by hand: each process trains on one device."
_CLASS_BY_HAND = "See what follows from it: the strategy is a tf.distribute.OneDeviceStrategy."


@NPU705.on_module
def one_device_each(context: Context) -> Iterator[Change]:
    module = context.module
    wanted = runtime_import(module, "npu_strategy")
    wrapped: list[ast.AST] = []
    for mention in mentions(module, lambda name: _STRATEGY.fullmatch(name) is not None):
        node, name = mention.node, mention.name
        shown = short(name)
        parent = module.parents[node]
        if isinstance(parent, ast.Call) and module.name_of(parent.func) == _WRAPPER:
            wrapped.append(parent)
        elif name.endswith(".TPUStrategy"):
            yield context.finding(node, "warning", f"{shown} is for Google's TPU only", _BY_HAND)
        elif isinstance(parent, ast.ClassDef):
            yield context.finding(
                node, "warning", f"a strategy of its own, derived from {shown}", _BY_HAND
            )
        elif isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "isinstance":
            yield context.finding(
                node, "warning", f"what npu_strategy makes is no {shown}", _CLASS_BY_HAND
            )
        elif mention.way == "harmless" or name.endswith((".Strategy", ".DistributionStrategy")):
            yield Settled(module.path, node.lineno, name, "native", "only looks at the class")
        else:
            yield from context.wrap(node, f"{wanted.bound}(", ")")
            yield wanted
            yield Settled(module.path, node.lineno, name)
            wrapped.append(node)
            if "ParameterServer" in name:
                yield context.finding(node, "note", f"{shown}: {_IN_STEP}", _IN_STEP_ADVICE)
    yield from _settled(context, wrapped)
    yield from _told(context)


def _settled(context: Context, strategies: list[ast.AST]) -> Iterator[Change]:
    """What else the file names of strategies, and of tf.distribute where it makes them."""
    module = context.module
    calls = [module.parents[node] for node in strategies]
    lines = {
        line
        for call in calls
        if isinstance(call, ast.Call)
        for line in range(call.lineno, (call.end_lineno or call.lineno) + 1)
    }
    for facts in functions_in(context.project, module.path).values():
        for use in facts.uses:
            if not _DISTRIBUTE.match(use.name) or _STRATEGY.fullmatch(use.name):
                continue
            if (found := _STRATEGY.match(use.name)) is not None:
                if not found.group().endswith(".TPUStrategy"):
                    yield Settled(use.path, use.line, use.name)
            elif use.line in lines:
                yield Settled(use.path, use.line, use.name, "native", _UNUSED)


def _told(context: Context) -> Iterator[Change]:
    module = context.module
    replicas = [node.lineno for node in module.attribute_loads.get(_REPLICAS, [])]
    if replicas:
        places = ", ".join(map(str, replicas[1:]))
        yield Finding(
            module.path,
            replicas[0],
            context.code,
            "note",
            f"{_REPLICAS} is 1 in each process" + (f" (also in line {places})" if places else ""),
            "Batches are those of one device. Where a learning rate grows with it, let NPU703 "
            "scale the rate.",
        )
    servers = [(call, name) for call, name in module.calls if _SERVERS.fullmatch(name or "")]
    servers = [
        (call, name)
        for call, name in servers
        if not str(name).endswith("_setter") or keyword(call, "cluster")
    ]
    if servers:
        shown = module.text_of(servers[0][0].func)
        yield context.finding(
            servers[0][0],
            "warning",
            f"{shown}: there are no parameter servers on NPUs",
            "Start it without a cluster, and take the servers out by hand: processes train as one "
            "by averaging gradients.",
        )
    for call, _ in module.calls_of(_REPLICATED):
        yield context.finding(
            call, "warning", "replicate_model_fn builds one tower for each GPU", _BY_HAND
        )
    for node in module.all_of(ast.Subscript):
        if isinstance(node.ctx, ast.Store) and _is_tf_config(node.slice):
            yield context.finding(
                node,
                "warning",
                "TF_CONFIG names a cluster of TensorFlow's own",
                "Leave it unset on NPUs: RANK_TABLE_FILE names the devices.",
            )


def _is_tf_config(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == "TF_CONFIG"
