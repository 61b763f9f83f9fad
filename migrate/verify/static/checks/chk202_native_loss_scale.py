"""Loss scaling by TensorFlow's own means, which the Ascend 910 defeats.

What it finds: TensorFlow's loss scale optimizers and managers, and its graph rewrite for mixed
precision, in a port for the NPU.

Why: they look for inf and NaN to find an overflow. On the Ascend 910 float16 saturates at its
largest number, so none appears: the scale grows without bound while gradients are wrong. The
rewrite for mixed precision inserts casts for a GPU.

Example:
    optimizer = tf.train.experimental.enable_mixed_precision_graph_rewrite(optimizer)

becomes:
    custom_op.parameter_map["precision_mode"].s = tf.compat.as_bytes("allow_mix_precision")
    optimizer = NPULossScaleOptimizer(optimizer, FixedLossScaleManager(1024))

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "Loss Scale" (saturation mode).
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.findings import Finding
from migrate.verify.static.check import Check, Context
from migrate.verify.static.processes import Processes

CHK202 = Check("CHK202", "native-loss-scale")
_NAMES = (
    "tensorflow.contrib.mixed_precision.",
    "tensorflow.train.experimental.enable_mixed_precision_graph_rewrite",
    "tensorflow.train.experimental.MixedPrecisionLossScaleOptimizer",
    "tensorflow.train.experimental.DynamicLossScale",
    "tensorflow.train.experimental.FixedLossScale",
    "tensorflow.keras.mixed_precision.",
)
_LITERALS = (b"mixed_precision", b"MixedPrecision", b"DynamicLossScale", b"FixedLossScale")


@CHK202.on_port
def find_native(context: Context) -> Iterator[Finding]:
    for module in context.modules(*_LITERALS):
        for call, name in module.calls:
            if name is not None and name.startswith(_NAMES):
                if not context.project.cached(Processes).loads(module.path, lambda _: True):
                    continue  # no part of what runs on the NPU
                shown = module.text_of(call.func)
                message = f"{shown} looks for inf and NaN, which the NPU does not produce"
                advice = "Use NPULossScaleOptimizer with FixedLossScaleManager or its kin."
                yield context.finding(module, call, "warning", message, advice)
