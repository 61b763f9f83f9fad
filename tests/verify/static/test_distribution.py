"""CHK701 to CHK705: several devices."""

from __future__ import annotations

import pytest

from tests.verify.static.support import found, places

TRAIN = """
import os
import tensorflow as tf
from npu_bridge.npu_init import *

def batches(files):
    dataset = tf.data.TFRecordDataset(files)
    return dataset{shard}.batch(8, drop_remainder=True)

def train(loss, hooks):
    optimizer = {optimizer}
    step = optimizer.minimize(loss)
    with tf.train.MonitoredTrainingSession(hooks={hooks}, config=npu_config_proto()) as sess:
        sess.run(step)
"""
ADAM = "tf.train.AdamOptimizer(1e-3)"
REDUCING = [f"NPUDistributedOptimizer({ADAM})", f"npu_tf_optimizer({ADAM})"]
SHARD = ".shard(get_rank_size(), get_rank_id())"
HOOKS = "npu_hooks_append(hooks)"
EIGHT = "export RANK_SIZE=8\npython3 train.py\n"


def port(optimizer: str = REDUCING[0], shard: str = SHARD, hooks: str = HOOKS) -> str:
    return TRAIN.format(optimizer=optimizer, shard=shard, hooks=hooks)


CODES = ("CHK701", "CHK702", "CHK703", "CHK704", "CHK705")


@pytest.mark.parametrize("code", CODES)
def test_a_port_for_several_devices_has_no_findings(code: str) -> None:
    assert found({"train.py": port(), "run_8p.sh": EIGHT}, code) == []


@pytest.mark.parametrize("code", CODES)
def test_a_port_for_one_device_has_no_findings(code: str) -> None:
    files = {"train.py": port(ADAM, "", "hooks"), "run_1p.sh": "export RANK_SIZE=1\n"}
    assert found(files, code) == []


@pytest.mark.parametrize("optimizer", REDUCING)
def test_ranks_need_a_part_of_the_data_each(optimizer: str) -> None:
    assert places(port(optimizer, shard=""), "CHK701") == ["warning 10"]


def test_without_datasets_asking_for_the_rank_will_do() -> None:
    code = """
    from npu_bridge.npu_init import *
    def train(opt, images):
        part = images[{rank}::8]
        return npu_tf_optimizer(opt)
    """
    assert places(code.replace("{rank}", "get_npu_rank_id()"), "CHK701") == []
    assert places(code.replace("{rank}", "0"), "CHK701") == ["warning 4"]


def test_ranks_that_reduce_nothing_are_separate_runs() -> None:
    files = {"train.py": port(ADAM, SHARD, "hooks"), "test/train_full_8p.sh": EIGHT}
    assert places(files, "CHK702") == ["error test/train_full_8p.sh:1"]


@pytest.mark.parametrize("script", ["# export RANK_SIZE=8\n", "RANK_SIZE=1\n", "echo $RANK_SIZE\n"])
def test_scripts_for_one_rank_are_fine(script: str) -> None:
    assert found({"train.py": port(ADAM, "", "hooks"), "run.sh": script}, "CHK702") == []


def test_other_frameworks_are_not_judged() -> None:
    assert found({"train.py": "import mindspore\n", "run.sh": EIGHT}, "CHK702") == []


@pytest.mark.parametrize(
    ("read", "told"),
    [
        ('int(os.getenv("RANK_ID"))', True),
        ('int(os.environ.get("RANK_SIZE"))', True),
        ('os.environ["DEVICE_INDEX"]', True),
        ('int(os.getenv("RANK_ID", "0"))', False),
        ('int(os.getenv("RANK_ID") or 0)', False),
        ('os.getenv("RANK_ID")', False),
        ('int(os.getenv("WORKERS"))', False),
    ],
)
def test_the_rank_needs_a_default(read: str, told: bool) -> None:
    assert places(f"import os\nrank = {read}\n", "CHK703") == (["warning 2"] if told else [])


def test_a_guarded_read_is_fine() -> None:
    code = """
    import os
    if "RANK_ID" in os.environ:
        rank = int(os.environ["RANK_ID"])
    os.environ["RANK_ID"] = "0"
    """
    assert found(code, "CHK703") == []


def test_ranks_need_the_same_start() -> None:
    assert places(port(hooks="hooks"), "CHK704") == ["warning 10"]
    broadcast = port(hooks="hooks") + "\ndef start(v):\n    return hccl_ops.broadcast([v], 0)\n"
    assert places(broadcast, "CHK704") == []


OURS = """
import tensorflow as tf
from npu_runtime import npu_optimizer, npu_session_config, npu_shard

def train(files, loss):
    dataset = {data}(tf.data.TFRecordDataset(files)).batch(8, drop_remainder=True)
    step = {optimizer}(tf.train.AdamOptimizer(1e-3)).minimize(loss)
    with tf.train.MonitoredTrainingSession(config=npu_session_config()) as sess:
        sess.run(step)
"""
CLAIMED = "export RANK_SIZE=${RANK_SIZE:-8}\npython3 train.py\n"
README = "| 特性列表 | 是否支持 |\n|---|---|\n| 分布式训练 | 是 |\n"


def ours(data: str = "npu_shard", optimizer: str = "npu_optimizer") -> dict[str, str]:
    code = OURS.format(data=data, optimizer=optimizer)
    return {"train.py": code, "test/train_full_8p.sh": CLAIMED, "README.md": README}


@pytest.mark.parametrize("code", [*CODES, "CHK803"])
def test_a_port_by_this_kit_has_no_findings(code: str) -> None:
    assert found(ours(), code) == []
    alone = {"train.py": ours("list")["train.py"]}
    assert found(alone, code) == [], "it trains on one device, and nobody claims more"


def test_a_port_by_this_kit_without_its_parts() -> None:
    assert places(ours("list"), "CHK701") == ["warning 6"]
    bare = ours(optimizer="list")
    assert places(bare, "CHK702") == ["error test/train_full_8p.sh:1"]
    assert places(bare, "CHK803") == ["warning README.md:3"]


HOROVOD = """
import tensorflow as tf
import npu_runtime.horovod as hvd

class Backend:
    rank = property(lambda self: hvd.rank())

def train(images, loss):
    hvd.init()
    part = images[hvd.rank()::hvd.size()]
    step = hvd.DistributedOptimizer(tf.train.AdamOptimizer(1e-3)).minimize(loss)
    hooks = [hvd.BroadcastGlobalVariablesHook(0)]
    with tf.train.MonitoredTrainingSession(hooks=hooks) as sess:
        sess.run(step)
"""


@pytest.mark.parametrize("code", [*CODES, "CHK803"])
def test_horovod_on_hccl_has_no_findings(code: str) -> None:
    assert found({"train.py": HOROVOD, "run_8p.sh": EIGHT, "README.md": README}, code) == []


def test_horovod_sums_by_its_inner_name() -> None:
    own = HOROVOD.replace("hvd.DistributedOptimizer(", "(").replace(
        "minimize(loss)", "minimize(hvd.mpi_ops._allreduce(loss))"
    )
    assert found({"train.py": own, "run_8p.sh": EIGHT}, "CHK702") == []


def test_horovod_on_hccl_without_its_parts() -> None:
    unequal = HOROVOD.replace("hvd.BroadcastGlobalVariablesHook(0)", "")
    assert places(unequal, "CHK704") == ["warning 10"]
    same = HOROVOD.replace("images[hvd.rank()::hvd.size()]", "images").replace("hvd.rank()", "0")
    assert places(same, "CHK701") == ["warning 10"]


def test_horovod_is_an_error() -> None:
    assert places("import horovod.tensorflow as hvd\nhvd.init()\n", "CHK705") == ["error 1"]
    optional = "try:\n    import horovod.tensorflow as hvd\nexcept ImportError:\n    hvd = None\n"
    assert places(optional, "CHK705") == []
