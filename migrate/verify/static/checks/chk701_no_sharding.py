"""Training is distributed, but every rank may read the same data.

What it finds: gradients that are reduced over the devices while nothing in the project takes a
rank's own part of the data: no `dataset.shard(...)` or `npu_shard(...)`, and without tf.data no
question for the rank. The runtime's `npu_optimizer`, which reduces on several devices only, counts
where a script starts several.

Why: with the same files, the same seed and no shard, all ranks compute the same gradients. Eight
devices then train as one does, at eight times the cost; different seeds only make it less plain.

Example:
    optimizer = NPUDistributedOptimizer(optimizer)
    dataset = tf.data.TFRecordDataset(files).shuffle(1000).batch(32, drop_remainder=True)

becomes:
    dataset = tf.data.TFRecordDataset(files).shard(get_rank_size(), get_rank_id()).shuffle(1000)

Authority: CANN "TensorFlow 1.15 Model Porting Guide", distributed training (shard before shuffle
and batch).
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.findings import Finding
from migrate.verify.static.check import Check, Context
from migrate.verify.static.distribution import (
    asks_for_rank,
    reducing_calls,
    several_devices,
    shards,
)

CHK701 = Check("CHK701", "no-sharding")
_ALWAYS = "npu_optimizer"  # in every port of this kit


@CHK701.on_port
def find_unsharded(context: Context) -> Iterator[Finding]:
    one_device = next(several_devices(context), None) is None
    first = next(
        (call for call in reducing_calls(context) if not (one_device and call[2] == _ALWAYS)), None
    )
    if first is None or shards(context):
        return
    uses_datasets = any(True for _ in context.modules(b"tf.data", b"Dataset"))
    if not uses_datasets and asks_for_rank(context):
        return
    module, call, name = first
    message = f"{name} reduces gradients over the ranks, but no data is sharded"
    advice = (
        "Give each rank its part: dataset.shard(rank_size, rank_id) or npu_shard(data), before"
        " shuffle and batch."
    )
    yield context.finding(module, call, "warning", message, advice)
