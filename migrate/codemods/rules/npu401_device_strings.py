"""Takes GPU names out of device strings.

What it does: a string that names a GPU and is used as a TensorFlow device loses the GPU. What
else it names stays: '/job:worker/device:GPU:0' becomes '/job:worker', and '/gpu:0' becomes '',
TensorFlow's "no opinion". Literals, '%', format, f-strings, sums, `+=`, names, attributes,
parameters, defaults of flags and functions that return devices are followed through the project
to where they are used: tf.device, replica_device_setter, DeviceSpec, `device=` of TF-Slim.

Where a CPU takes the GPU's place if TensorFlow, the NVIDIA driver or CUDA_VISIBLE_DEVICES names no
GPU, as in `'/gpu:0' if tf.test.is_gpu_available() else '/cpu:0'`, the CPU goes as well, with a
note: an NPU machine has no GPU, and the pin would keep the model on its host. A choice that a
person makes, such as `if FLAGS.use_gpu`, stays.

Why: a pin on a GPU that is not there fails without soft placement, and says something false with
it. '/cpu:0' would be as false: it asks for the host. With no opinion an operator goes where the
enclosing scopes, the NPU adapter or TensorFlow put it.

Example:
    with tf.device('/job:worker/gpu:%d' % index):

becomes:
    with tf.device('/job:worker'):

Options: none.

Fix safety: safe. An empty device merges into the scope around it, as `tf.device` documents: inside
`tf.device('/cpu:0')` operators that were pinned to a GPU are now pinned to the CPU, which changes
no result. The adapter offloads a graph whatever its devices say; only a run with NPU_DEVICE=host on
a machine with a GPU computes such operators (the gradients of TF-Slim's clones) on the CPU.

Unit tests: an assertion on the device of code that this rule changes is changed with it. Pins
that a test makes for itself stay, with what it expects of them: they need no GPU to pass.

Not handled: devices that are compared with something, strings that only look like devices, and
devices whose very type is put in, as in `'/%s:0' % kind`; each is a finding. Devices given to
distribution strategies stay: NPU705's use none of them.

Authority: TensorFlow 1.15.0, python/framework/device_spec.py and ops.py (Graph.device); CANN
"TensorFlow 1.15 Model Porting Guide", manual migration (remove tf.device on GPUs).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.codemods.device_pins import Pins
from migrate.codemods.items import without_keywords
from migrate.codemods.rule import Change, Context, Rule

NPU401 = Rule(
    "NPU401",
    "device-strings",
    group="devices",
    literals=(b"gpu", b"GPU", b"Gpu"),
    claims=frozenset(
        {"tensorflow.device", "tensorflow.DeviceSpec", "tensorflow.train.replica_device_setter"}
    ),
)
_TYPE, _INDEX = 3, 4


@NPU401.on_module
def free_devices(context: Context) -> Iterator[Change]:
    pins = context.project.cached(Pins).of(context.module.path)
    yield from pins.edits
    for note in pins.notes:
        yield context.finding(note.node, note.severity, note.message, note.advice)
    if b"DeviceSpec" not in context.module.source.data:
        return
    for call, _ in context.module.calls_of("tensorflow.DeviceSpec"):
        yield from _free_spec(context, call)


def _free_spec(context: Context, call: ast.Call) -> Iterator[Change]:
    """tf.DeviceSpec(device_type='GPU', device_index=i): an index means nothing by itself."""
    by_name = {k.arg: k.value for k in call.keywords}
    positional = call.args[_TYPE : _INDEX + 1]
    kind = by_name.get("device_type", positional[0] if positional else None)
    if not isinstance(kind, ast.Constant) or str(kind.value).upper() != "GPU":
        return
    yield from without_keywords(context.module, call, ("device_type", "device_index"))
    for value in positional:
        yield context.replace(value, "None")
