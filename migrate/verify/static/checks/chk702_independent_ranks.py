"""A script starts several ranks that train independently of one another.

What it finds: a shell script that sets RANK_SIZE (or DEVICE_NUM) to more than 1 in a project that
nowhere reduces gradients over the devices.

Why: each rank trains a model of its own. The script multiplies the throughput by the number of
ranks, and the result is that of one rank with one device's batch.

Example:
    export RANK_SIZE=8
    for ((RANK_ID = 0; RANK_ID < RANK_SIZE; RANK_ID++)); do python train.py & done

Authority: CANN "TensorFlow 1.15 Model Porting Guide", distributed training (NPUDistributedOptimizer
or hccl_ops.allreduce).
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.findings import Finding
from migrate.verify.static.check import Check, Context
from migrate.verify.static.distribution import reducing_calls, several_devices, uses_tensorflow

CHK702 = Check("CHK702", "independent-ranks")


@CHK702.on_port
def find_independent(context: Context) -> Iterator[Finding]:
    places = list(several_devices(context))
    if not places or not uses_tensorflow(context):
        return
    if next(reducing_calls(context), None) is not None:
        return
    for path, line, number in places:
        message = f"starts {number} ranks, but nothing reduces gradients: {number} separate runs"
        advice = "Wrap the optimizer in NPUDistributedOptimizer, or remove the script."
        yield context.finding(path, line, "error", message, advice)
