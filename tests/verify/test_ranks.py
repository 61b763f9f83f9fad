"""Distributed trainings, made by hand, on several simulated devices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migrate import cli
from tests.tf115 import required_tf115

pytestmark = pytest.mark.tf115

# Each rank has data of its own; only what all of them know makes their weights equal.
TRAIN = """
import os
import tensorflow as tf
from npu_bridge import npu_init

rank = int(os.environ['RANK_ID'])
x = tf.constant([[rank + 1.0]])
w = tf.get_variable('w', [1, 1], initializer=tf.ones_initializer())
loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
optimizer = npu_init.NPUDistributedOptimizer(tf.train.GradientDescentOptimizer(0.01))
train = optimizer.minimize(loss)
config = npu_init.npu_config_proto(tf.ConfigProto())
with tf.Session(config=config) as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(3):
        sess.run(train)
    print('weight of rank %d: %.6f' % (rank, sess.run(w)[0, 0]))
"""
LOST = TRAIN.replace("    for _", "    assert rank == 0, 'this rank is lost'\n    for _")


def test_ranks_exchange_what_they_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    required_tf115()
    (tmp_path / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["simulate", "--ranks", "2", "--", "python", "train.py"]) == 0
    captured = capfd.readouterr()
    # Gradients are 2w and 8w; their mean is 5w.
    for rank in (0, 1):
        assert f"weight of rank {rank}: {(1 - 0.01 * 5) ** 3:.6f}" in captured.out
    assert captured.err.count("3 training steps") == 2


def test_verify_runs_a_port_made_by_hand_on_two_ranks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    required_tf115()
    port = tmp_path / "port"
    port.mkdir()
    (port / "train.py").write_text(TRAIN)
    words = ["verify", str(port), "--run", "--ranks", "2", "--json", "-"]
    assert cli.main([*words, "--", "python", "train.py"]) == 0
    _, run, _, _, _ = json.loads(capsys.readouterr().out)["parts"]
    assert run["counts"][1] == {"what": "training sessions on the device", "number": 2, "of": 2}


def test_a_lost_rank_ends_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    required_tf115()
    port = tmp_path / "port"
    port.mkdir()
    (port / "train.py").write_text(LOST)
    words = ["verify", str(port), "--run", "--ranks", "2"]
    assert cli.main([*words, "--", "python", "train.py"]) == 1
    assert "AssertionError: this rank is lost" in capsys.readouterr().out
