"""Reports parts of TensorFlow and Keras that exist for NVIDIA GPUs only.

What it does: warns of cuDNN's recurrent layers, NCCL's collectives and Keras's multi_gpu_model,
each with what to use instead. Nothing is changed.

Why: their operators have no kernel on the CPU and none on the NPU: a graph that holds one fails
when it is placed.

Example:
    tf.keras.layers.CuDNNLSTM(64)

stays as it is, with a warning: LSTM computes the same, with weights of another layout.

Options: none.

Fix safety: nothing is fixed. To replace a layer changes checkpoints and may change numerics.

Not handled: `data_format='channels_first'` in convolutions, which the NPU takes.

Authority: TensorFlow 1.15.0, core/ops/cudnn_rnn_ops.cc and nccl_ops.cc (kernels for GPU only);
Keras 2.3.1, utils/multi_gpu_utils.py (fails with fewer GPUs than asked for).
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.codemods.rule import Change, Context, Rule

_HCCL = "Let each NPU have a process; HCCL reduces their gradients."
_LAYERS = "Use the layer without CuDNN in its name; checkpoints are not compatible."
_ADVICE = {
    "tensorflow.contrib.cudnn_rnn.": "Use tf.nn.dynamic_rnn, or tf.contrib.rnn's cells.",
    "tensorflow.contrib.nccl.": _HCCL,
    "tensorflow.python.ops.nccl_ops.": _HCCL,
    "tensorflow.keras.layers.CuDNN": _LAYERS,
    "keras.layers.CuDNN": _LAYERS,
    "tensorflow.keras.utils.multi_gpu_model": "Train on one NPU, or with a process for each.",
    "keras.utils.multi_gpu_model": "Train on one NPU, or with a process for each.",
}

NPU407 = Rule(
    "NPU407",
    "gpu-only-apis",
    group="devices",
    literals=(b"cudnn", b"CuDNN", b"Cudnn", b"nccl", b"multi_gpu_model"),
    only_reports=True,
)


@NPU407.on_module
def report_gpu_only(context: Context) -> Iterator[Change]:
    for call, name in context.module.calls:
        advice = next(
            (text for start, text in _ADVICE.items() if (name or "").startswith(start)), ""
        )
        if advice:
            shown = context.module.text_of(call.func)
            yield context.finding(call, "warning", f"{shown} needs NVIDIA GPUs", advice)
