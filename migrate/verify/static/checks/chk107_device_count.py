"""device_count names a device that TensorFlow does not have.

What it finds: `device_count={'NPU': n}` (or any key but CPU, GPU and the XLA devices).

Why: TensorFlow makes devices by the types that are registered with it, and the adapter registers
none called NPU that could be counted: the entry has no effect. The NPU is chosen by
ASCEND_DEVICE_ID, one for each process.

Example:
    config = tf.ConfigProto(device_count={"NPU": 1})

Authority: TensorFlow 1.15.0, core/common_runtime/device_factory.cc (looks up registered types);
CANN "TensorFlow 1.15 Model Porting Guide", environment variables.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.nodes import keyword
from migrate.analysis.values import constant
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context

CHK107 = Check("CHK107", "device-count")
_TYPES = frozenset({"CPU", "GPU", "XLA_CPU", "XLA_GPU"})


@CHK107.on_port
def find_counted_npus(context: Context) -> Iterator[Finding]:
    for module in context.modules(b"device_count"):
        for node, name in _counts(module):
            if isinstance(name, str) and name.upper() not in _TYPES:
                message = f"device_count of {name!r} has no effect"
                advice = "Remove it; ASCEND_DEVICE_ID chooses the NPU of a process."
                yield context.finding(module, node, "warning", message, advice)


def _counts(module: Module) -> Iterator[tuple[ast.AST, object]]:
    for call, _ in module.calls_of("tensorflow.ConfigProto"):
        given = keyword(call, "device_count")
        if given is not None and isinstance(given.value, ast.Dict):
            for key in given.value.keys:
                if key is not None:
                    yield key, constant(module, key)
    for node in module.nodes:
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "device_count"
        ):
            yield node, constant(module, node.slice)
