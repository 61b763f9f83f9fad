"""Gradients of training runs are told as optimizers take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.simulator.processes import NPU, simulate
from tests.tf115 import required_tf115

pytestmark = pytest.mark.tf115

PROGRAM = """
config = npu(use_off_line=True, precision_mode=b"allow_mix_precision")
from npu_bridge.npu_init import ExponentialUpdateLossScaleManager, NPULossScaleOptimizer
x = tf.constant(np.linspace(0.1, 1, 8, dtype=np.float32).reshape(2, 4))
first = tf.get_variable("first", initializer=np.full((4, 3), 0.3, np.float32))
table = tf.get_variable("table", initializer=np.full((5, 1), 0.1, np.float32))
rows = tf.nn.embedding_lookup(table, [0, 2, 2])
loss = tf.reduce_mean(tf.square(tf.matmul(tf.matmul(x, first), rows) - 1)) * FACTOR
optimizer = OPTIMIZER
train = optimizer.minimize(loss)
with tf.train.MonitoredTrainingSession(config=config) as session:
    for _ in range(5):
        session.run(train)
"""
SGD = "tf.train.MomentumOptimizer(1e-5, 0.9)"
SCALED = f"NPULossScaleOptimizer({SGD}, ExponentialUpdateLossScaleManager(2.0**32, 1000))"


def numerics(folder: Path, optimizer: str, factor: str, **settings: str) -> list[Any]:
    program = PROGRAM.replace("OPTIMIZER", optimizer).replace("FACTOR", factor)
    script = "\n".join([NPU, program])
    done = simulate(
        script, folder, python=required_tf115().python, NPU_SIMULATOR_NUMERICS="1", **settings
    )
    assert done.code == 0, done.error
    [events] = done.traces
    return [event.fields["gradients"] for event in events if event.kind == "numerics"]


def test_values_that_are_not_0(tmp_path: Path) -> None:
    steps = numerics(tmp_path, SGD, "1e-9")
    assert len(steps) == 5
    for step in steps:
        assert step.keys() == {"first", "table"}
        assert step["first"][:3] == [12, 12, 0]
        assert step["table"][0] == step["table"][1] > 0
        assert 0 < step["first"][3] < 1e-8


def test_in_fp16_they_vanish_unless_scaled(tmp_path: Path) -> None:
    for step in numerics(tmp_path, SGD, "1e-9", NPU_SIMULATOR_FP16="1"):
        assert step["first"] == [12, 0, 0, 0.0]
        assert step["table"][1:] == [0, 0, 0.0]
    (tmp_path / "scaled").mkdir()
    for step in numerics(tmp_path / "scaled", SCALED, "1e-6", NPU_SIMULATOR_FP16="1"):
        assert step["first"][:3] == [12, 12, 0]


def test_an_overflow(tmp_path: Path) -> None:
    first, *_, last = numerics(tmp_path, SCALED, "2.0**10", NPU_SIMULATOR_FP16="1")
    assert first["first"][2] == 12
    assert last["first"][1:3] == [12, 0]
