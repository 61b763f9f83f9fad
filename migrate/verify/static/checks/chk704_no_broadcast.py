"""Training is distributed, but the ranks may start from different variables.

What it finds: gradients that are reduced over the devices in sessions of the project's own, while
nothing broadcasts the initial variables: no NPUBroadcastGlobalVariablesHook, npu_hooks_append,
hccl_ops.broadcast or NPUEstimator.

Why: each rank initializes its variables by itself. Equal gradients keep different variables
different: every rank trains another model, and the checkpoint of rank 0 is one of them.

Example:
    optimizer = NPUDistributedOptimizer(optimizer)
    sess.run(tf.global_variables_initializer())

becomes:
    with tf.train.MonitoredTrainingSession(hooks=npu_hooks_append(hooks)) as sess:

Not handled: ranks that restore the same checkpoint, or that initialize with the same fixed seeds,
are equal without a broadcast.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", distributed training (broadcast the initial
variables of rank 0); adapter, npu_hook.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.findings import Finding
from migrate.verify.static.adapter import BROADCASTERS, calls_of
from migrate.verify.static.check import Check, Context
from migrate.verify.static.distribution import reducing_calls

CHK704 = Check("CHK704", "no-broadcast")
_LITERALS = tuple(name.encode() for name in sorted(BROADCASTERS))


@CHK704.on_port
def find_unequal_starts(context: Context) -> Iterator[Finding]:
    first = next(reducing_calls(context), None)
    if first is None or any(
        True for module in context.modules(*_LITERALS) for _ in calls_of(module, BROADCASTERS)
    ):
        return
    module, call, name = first
    message = f"{name} reduces gradients, but nothing gives the ranks the same initial variables"
    advice = "Broadcast rank 0's variables after initialization: hooks=npu_hooks_append(hooks)."
    yield context.finding(module, call, "warning", message, advice)
