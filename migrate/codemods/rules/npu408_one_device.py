"""Says where a project trains on several devices, since its port trains on one.

What it does: warns of `tf.distribute` strategies and parameter servers (`tf.train.Server`,
`SyncReplicasOptimizer`), once for each kind in a file. Nothing is changed.

Why: none of them drives an NPU. A port that starts with a strategy or a server in place trains on
one NPU at best, with the batch, the steps and the learning rate that were meant for several.

Example:
    strategy = tf.distribute.MirroredStrategy()

stays as it is, with a warning.

Options: none.

Fix safety: nothing is fixed.

Not handled: towers, the copies of a model that a loop builds for each GPU. They all go to the one
NPU and compute the same (NPU401).

Authority: CANN "TensorFlow 1.15 Model Porting Guide", distributed training (one process per NPU).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrate.analysis.references import is_unit_test
from migrate.codemods.rule import Change, Context, Rule

_KINDS = (
    (
        re.compile(
            r"tensorflow\.(contrib\.)?distribute\.(experimental\.)?\w*Strategy"
            r"|tensorflow\.contrib\.estimator\.replicate_model_fn"
        ),
        "a distribution strategy",
        "Take it out, and train on one NPU; or start a process for each NPU by hand.",
    ),
    (
        re.compile(r"tensorflow\.train\.(Server|SyncReplicasOptimizer)"),
        "parameter servers and workers",
        "Start it as a single process, without a cluster.",
    ),
)

NPU408 = Rule(
    "NPU408",
    "one-device",
    group="devices",
    literals=(b"Strategy", b"replicate_model_fn", b"Server", b"SyncReplicas"),
)


@NPU408.on_module
def tell_what_distributes(context: Context) -> Iterator[Change]:
    if is_unit_test(context.project, context.module.path):
        return
    for names, what, advice in _KINDS:
        calls = [call for call, name in context.module.calls if names.fullmatch(name or "")]
        if calls:
            shown = context.module.text_of(calls[0].func)
            message = f"{shown}: this port trains on one device, not with {what}"
            yield context.finding(calls[0], "warning", message, advice)
