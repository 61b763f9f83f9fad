"""A half-precision mode without loss scaling.

What it finds: a configuration that trains with allow_mix_precision, allow_mix_precision_fp16,
force_fp16, mixed_float16 or fp16 while nothing in the project scales the loss for the NPU.

Why: gradients below float16's smallest number become zero, and training stalls or diverges. On the
Ascend 910 float16 saturates instead of overflowing, so that TensorFlow's own loss scaling never
sees an overflow: NPULossScaleOptimizer asks the device.

Example:
    custom_op.parameter_map["precision_mode"].s = tf.compat.as_bytes("allow_mix_precision")
    train_op = tf.train.AdamOptimizer(1e-4).minimize(loss)

becomes:
    manager = ExponentialUpdateLossScaleManager(2**32, 1000, 2, decr_ratio=0.5)
    optimizer = NPULossScaleOptimizer(tf.train.AdamOptimizer(1e-4), manager)
    train_op = optimizer.minimize(loss)

Not handled: a mode that is only known when the program runs.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "Loss Scale"; adapter,
npu_loss_scale_optimizer.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.findings import Finding
from migrate.runtime import computes_gradients_in_fp16
from migrate.verify.static.adapter import LOSS_SCALERS, calls_of
from migrate.verify.static.check import Check, Context
from migrate.verify.static.openings import openings
from migrate.verify.static.precision import Precision, precisions
from migrate.verify.static.reach import trains_around

CHK201 = Check("CHK201", "loss-scale")
_LITERALS = tuple(name.encode() for name in sorted(LOSS_SCALERS))


@CHK201.on_port
def find_unscaled(context: Context) -> Iterator[Finding]:
    half = [p for p in precisions(context) if p.mode and computes_gradients_in_fp16(p.mode)]
    if not half or _is_scaled(context):
        return
    for found in half:
        if where := _trained(context, found):
            message = f"{found.mode} without loss scaling (it trains at {where})"
            advice = "Wrap the optimizer in NPULossScaleOptimizer with a loss scale manager."
            yield context.finding(found.path, found.line, "warning", message, advice)


def _trained(context: Context, precision: Precision) -> str:
    """Where the code trains that the precision mode is for."""
    if precision.place is not None:
        return trains_around(context.project, *precision.place)
    places = [o for o in openings(context.project, context.adapter) if o.trains]
    return f"{places[0].path}:{places[0].line}" if places else ""


def _is_scaled(context: Context) -> bool:
    return any(
        True for module in context.modules(*_LITERALS) for _ in calls_of(module, LOSS_SCALERS)
    )
