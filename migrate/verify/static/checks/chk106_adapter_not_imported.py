"""NpuOptimizer is configured, but nothing imports npu_bridge.

What it finds: a file that adds an NpuOptimizer entry although no script that leads there imports
npu_bridge in any form.

Why: importing npu_bridge loads the adapter's library, which registers the graph passes. Without it
TensorFlow knows no NpuOptimizer, and the session fails or trains on the host.

Example:
    import tensorflow as tf
    custom_op = config.graph_options.rewrite_options.custom_optimizers.add()
    custom_op.name = "NpuOptimizer"

Authority: adapter, npu_bridge/helper/helper.py (loads _tf_adapter.so on import).
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.findings import Finding
from migrate.verify.static.check import Check, Context
from migrate.verify.static.entries import NPU_OPTIMIZER, Entries
from migrate.verify.static.processes import Processes

CHK106 = Check("CHK106", "adapter-not-imported")


@CHK106.on_port
def find_missing_import(context: Context) -> Iterator[Finding]:
    for path in context.project.python_files:
        for entry in context.project.cached(Entries).of(path):
            processes = context.project.cached(Processes)
            if entry.name == NPU_OPTIMIZER and not processes.loads(path, lambda name: True):
                message = "NpuOptimizer is configured, but no script imports npu_bridge"
                advice = "Add `import npu_bridge` to the script that is started."
                yield context.finding(entry.module, entry.call, "error", message, advice)
                break
