"""What verify tells of trainings on two ranks that were distributed by hand, well and badly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrate import cli
from tests.tf115 import required_tf115

pytestmark = pytest.mark.tf115

TRAIN = """
import os
import numpy as np
import tensorflow as tf
from npu_bridge import npu_init
from npu_bridge.hccl import hccl_ops

rank, size = int(os.environ['RANK_ID']), int(os.environ['RANK_SIZE'])
rows = np.random.RandomState(0).rand(40, 3).astype('f')
data = tf.data.Dataset.from_tensor_slices((rows, rows.sum(1)))
data = data.shard(size, rank).shuffle(40, seed=rank).repeat().batch(4, drop_remainder=True)
x, y = data.make_one_shot_iterator().get_next()
net = tf.layers.batch_normalization(tf.layers.dense(x, 4, name='first'), training=True)
error = tf.layers.dense(net, 1)[:, 0] - y
optimizer = npu_init.NPUDistributedOptimizer(tf.train.MomentumOptimizer(0.01, 0.9))
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    step = tf.train.get_or_create_global_step()
    train = optimizer.minimize(tf.reduce_mean(tf.square(error)), step)
hooks = [npu_init.NPUBroadcastGlobalVariablesHook(0)]
folder = 'run' if rank == 0 else None
config = npu_init.npu_config_proto()
with tf.train.MonitoredTrainingSession('', True, folder, hooks=hooks, config=config) as session:
    for _ in range(5):
        session.run(train)
"""
WRAPPED = "npu_init.NPUDistributedOptimizer(tf.train.MomentumOptimizer(0.01, 0.9))"
SHARDED = ".shard(size, rank).shuffle(40, seed=rank).repeat().batch(4, drop_remainder=True)"
BY_HAND = """tf.train.GradientDescentOptimizer(0.01)
pairs = optimizer.compute_gradients(tf.reduce_mean(tf.square(error)))
given = [hccl_ops.allreduce(g, 'sum') for g, _ in pairs]
train = optimizer.apply_gradients(
    [({gradient}, v) for g, (_, v) in zip(given, pairs)], tf.train.get_or_create_global_step())
optimizer.minimize = lambda *_: train
"""


def verified(text: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The part "run" of verifying a program on two ranks."""
    required_tf115()
    port = folder / "port"
    port.mkdir()
    (port / "train.py").write_text(text)
    words = ["verify", str(port), "--run", "--ranks", "2", "--json", "-"]
    code = cli.main([*words, "--", "python", "train.py"])
    run: dict[str, Any] = json.loads(capsys.readouterr().out)["parts"][1]
    assert code == (run["state"] == "failed")
    return run


def counts(run: dict[str, Any]) -> dict[str, tuple[int, int | None]]:
    return {count["what"]: (count["number"], count["of"]) for count in run["counts"]}


def test_a_good_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = verified(TRAIN, tmp_path, capsys)
    assert run["findings"] == []
    told = counts(run)
    # Kernel, bias, gamma, beta, kernel, bias, and a slot of each.
    assert told["variables equal"] == (12, 12)
    assert told["gradients equal"] == told["gradients averaged"] == (30, 30)
    right, seen = told["elements kept by one rank"]
    assert right == seen and seen is not None and seen >= 40
    written, files = told["files written by one rank"]
    assert written == files and written > 0
    [(apart, _)] = [told[what] for what in told if "differ by rank" in what]
    assert apart == 2, "the moving mean and variance are of each rank's own data"


BAD = {
    "not wrapped": (
        [(WRAPPED, "tf.train.MomentumOptimizer(0.01, 0.9)")],
        {
            "CHK973": "the gradients of 6 variables are not averaged over the ranks; the first:"
            " first/kernel, at training run 1",
            "CHK975": "variables differ between the ranks; the first: first/kernel, after"
            " training run 1, on rank 1",
        },
    ),
    "not broadcast": (
        [("[npu_init.NPUBroadcastGlobalVariablesHook(0)]", "[]")],
        {"CHK975": "first/kernel, before the first step, on rank 1"},
    ),
    "not sharded": (
        [(SHARDED, ".repeat().batch(4)")],
        {"CHK974": "rows were trained on by several ranks: those of IteratorGetNext"},
    ),
    "not sharded, and shuffled": (
        [(SHARDED, ".shuffle(40, seed=rank).repeat().batch(4)")],
        {"CHK974": "rows were trained on by several ranks"},
    ),
    "the same noise is fed": (
        [
            ("error = ", "z = tf.placeholder('float', [4, 4], 'z')\nnet += z\nerror = "),
            ("config = ", "np.random.seed(3)\nconfig = "),
            ("run(train)", "run(train, {z: np.random.normal(size=[4, 4])})"),
        ],
        {"CHK974": "NumPy draws what is fed to z from a seed that all share"},
    ),
    "sharded after other batches": (
        [(SHARDED, ".shuffle(40, seed=rank).batch(4).shard(size, rank).repeat()")],
        {"CHK976": "elements that all ranks have read", "CHK974": "by several ranks"},
    ),
    "one part for all": (
        [("shard(size, rank)", "shard(size, 0)")],
        {"CHK976": "elements that all ranks have read", "CHK974": "by several ranks"},
    ),
    "the same checkpoints": (
        [("'run' if rank == 0 else None", "'run'")],
        {"CHK977": "ranks 0, 1 write the same checkpoints (run/checkpoint)"},
    ),
    "summed, not averaged": (
        [(WRAPPED, BY_HAND.format(gradient="g"))],
        {"CHK973": "the gradients of 6 variables are not the mean over the ranks; the first:"},
    ),
    "changed after averaging": (
        [(WRAPPED, BY_HAND.format(gradient="g / size + rank"))],
        {
            "CHK973": "optimizers are given different gradients of 6 variables",
            "CHK975": "first/kernel, after training run 1, on rank 1",
        },
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_one(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edits, expected = BAD[name]
    text = TRAIN
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    run = verified(text, tmp_path, capsys)
    assert {f["code"] for f in run["findings"] if f["severity"] == "error"} == set(expected)
    for code, words in expected.items():
        assert any(words in f["message"] for f in run["findings"] if f["code"] == code), run


TOWERS = """tf.train.MomentumOptimizer(0.01, 0.9)
optimizer = {wrap}(optimizer)
losses = [tf.reduce_mean(tf.square(error[part::2])) for part in range(2)]
towers = [optimizer.compute_gradients(loss, colocate_gradients_with_ops=True) for loss in losses]
pairs = []
for of_one in zip(*towers):
    stacked = tf.concat([tf.expand_dims(gradient, 0) for gradient, _ in of_one], 0)
    pairs.append((tf.reduce_mean(stacked, 0){change}, of_one[0][1]))
train = optimizer.apply_gradients(pairs, tf.train.get_or_create_global_step())
optimizer.minimize = lambda *_: train
"""


def test_towers_that_average_their_gradients_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(name: str, wrap: str, change: str = "") -> dict[str, Any]:
        (tmp_path / name).mkdir()
        towers = TOWERS.format(wrap=wrap, change=change)
        return verified(TRAIN.replace(WRAPPED, towers), tmp_path / name, capsys)

    run = told("good", "npu_init.NPUDistributedOptimizer")
    assert run["findings"] == []
    assert counts(run)["gradients averaged"] == (30, 30)
    wrong = told("alone", "(lambda optimizer: optimizer)")["findings"]
    assert "gradients of 6 variables are not averaged" in wrong[0]["message"]
    wrong = told("changed", "npu_init.NPUDistributedOptimizer", " * (1 + rank)")["findings"]
    assert "given different gradients of 6 variables" in wrong[0]["message"]


GAN = """
import os
import tensorflow as tf
from npu_bridge import npu_init

rank, size = int(os.environ['RANK_ID']), int(os.environ['RANK_SIZE'])
tf.set_random_seed(rank)
data = tf.data.Dataset.range(64).shard(size, rank).repeat().batch(4, drop_remainder=True)
real = tf.cast(data.make_one_shot_iterator().get_next(), tf.float32)[:, None] / 64.0
with tf.variable_scope('g'):
    fake = tf.layers.dense(tf.random_normal([4, 2]), 1)

def score(x):
    with tf.variable_scope('d', reuse=tf.AUTO_REUSE):
        return tf.layers.dense(tf.layers.dense(x, 3, tf.nn.relu, name='in'), 1, name='out')

d_loss = tf.reduce_mean(tf.nn.relu(1 - score(real)) + tf.nn.relu(1 + score(fake)))
g_loss = -tf.reduce_mean(score(fake))
wrap = npu_init.NPUDistributedOptimizer
steps = [
    wrap(tf.train.AdamOptimizer(1e-3)).minimize(d_loss, var_list=tf.trainable_variables('d')),
    G(tf.train.AdamOptimizer(1e-3)).minimize(g_loss, var_list=tf.trainable_variables('g')),
]
hooks = [npu_init.NPUBroadcastGlobalVariablesHook(0)]
with tf.train.MonitoredSession(
    tf.train.ChiefSessionCreator(config=npu_init.npu_config_proto()), hooks) as session:
    for _ in range(3):
        for step in steps:
            session.run(step)
"""


def test_both_optimizers_of_a_gan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = verified(GAN.replace("G(", "wrap("), tmp_path, capsys)
    assert run["findings"] == []
    # Three steps of the four variables of d, and of the two of g.
    assert counts(run)["gradients averaged"] == (18, 18)


def test_one_of_two_optimizers_of_a_gan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = verified(GAN.replace("G(", "("), tmp_path, capsys)
    assert counts(run)["gradients averaged"] == (12, 18)
    first = run["findings"][0]
    assert first["code"] == "CHK973"
    assert "the gradients of 2 variables are not averaged" in first["message"]
    assert "g/dense/kernel" in first["message"]


def test_a_killed_rank(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kill = "        session.run(train)\n        os.kill(os.getpid(), 9) if rank else None\n"
    run = verified(TRAIN.replace("        session.run(train)\n", kill), tmp_path, capsys)
    [finding] = [f for f in run["findings"] if f["severity"] == "error"]
    assert finding["code"] == "CHK950"
    assert finding["message"].startswith("command: rank 1 was killed by SIGKILL")
    assert finding["message"].endswith("the other ranks were ended")


def test_simulate_tells_which_rank_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    required_tf115()
    kill = "    for _ in range(5):\n        os.kill(os.getpid(), 9) if rank else None\n"
    (tmp_path / "train.py").write_text(TRAIN.replace("    for _ in range(5):\n", kill))
    monkeypatch.chdir(tmp_path)
    assert cli.main(["simulate", "--ranks", "2", "--", "python", "train.py"]) == 1
    error = capfd.readouterr().err
    assert "rank 1 was killed by SIGKILL; the other ranks were ended" in error
