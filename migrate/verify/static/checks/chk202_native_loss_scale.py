"""Loss scaling by TensorFlow's own means, which the Ascend 910 defeats.

What it finds: TensorFlow's loss scale optimizers and managers, and its graph rewrite for mixed
precision, in a port for the NPU. Not what is within `npu_optimizer`: that replaces it.

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

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.optimizers import GPU_SCALES, optimizer_sites
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context
from migrate.verify.static.processes import Processes

CHK202 = Check("CHK202", "native-loss-scale")
_KERAS = "tensorflow.keras.mixed_precision.experimental"
_MODULES = frozenset({"tensorflow.contrib.mixed_precision", _KERAS})
_NAMES = GPU_SCALES | {
    "tensorflow.train.experimental.DynamicLossScale",
    "tensorflow.train.experimental.FixedLossScale",
}
_LITERALS = (b"mixed_precision", b"MixedPrecision", b"DynamicLossScale", b"FixedLossScale")


@CHK202.on_port
def find_native(context: Context) -> Iterator[Finding]:
    # `migrate port` has no finding for these: NPU201 wraps them in npu_optimizer, or says why not,
    # and the report lists Keras's as names to look at. Only a port made by hand has them bare.
    for module in context.modules(*_LITERALS):
        for call, name in module.calls:
            if name is None or not (name in _NAMES or name.rpartition(".")[0] in _MODULES):
                continue
            if not context.project.cached(Processes).loads(module.path, lambda _: True):
                continue  # no part of what runs on the NPU
            may_be_replaced = _uses_npu_optimizer(module) and not name.startswith(_KERAS)
            if may_be_replaced and not _is_bare(context, module, call):
                continue
            shown = module.text_of(call.func)
            message = f"{shown} looks for inf and NaN, which the NPU does not produce"
            advice = "Use NPULossScaleOptimizer with FixedLossScaleManager or its kin."
            yield context.finding(module, call, "warning", message, advice)


def _uses_npu_optimizer(module: Module) -> bool:
    """Whether a module names the runtime's npu_optimizer."""
    return b"npu_optimizer" in module.source.data and any(
        "npu_runtime" in name and name.endswith("npu_optimizer") for _, name in module.named
    )


def _is_bare(context: Context, module: Module, call: ast.Call) -> bool:
    """Whether an optimizer that scales the loss for GPUs is not within npu_optimizer."""
    return any(site.node is call for site in optimizer_sites(module, context.project))
