"""Rounding to fp16 shows what a loss scale is for, and changes nothing unless asked to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulator.processes import NPU, simulate
from tests.tf115 import required_tf115

pytestmark = pytest.mark.tf115

Simulate = Callable[..., str]
MIXED = 'config = npu(use_off_line=True, precision_mode=b"allow_mix_precision")'
# Two layers, so that a gradient goes through a product on its way.
MODEL = """
x = tf.constant(np.linspace(0.1, 1, 24, dtype=np.float32).reshape(2, 3, 4, 1))
kernel = tf.get_variable("kernel", initializer=np.full((2, 2, 1, 2), 0.3, np.float32))
dense = tf.get_variable("dense", initializer=np.full((24, 1), 0.1, np.float32))
hidden = tf.reshape(tf.nn.conv2d(x, kernel, 1, "SAME"), [2, 24])
loss = tf.reduce_mean(tf.square(tf.matmul(hidden, dense) - 1))
optimizer = tf.train.GradientDescentOptimizer(0.1)
"""
GRADIENTS = """
def small(optimizer):
    return [g for g, _ in optimizer.compute_gradients(loss * 1e-9)]

from npu_bridge.npu_init import FixedLossScaleManager, NPULossScaleOptimizer
scaled = NPULossScaleOptimizer(optimizer, FixedLossScaleManager(2.0**24))
both = small(optimizer), small(scaled)
with tf.Session(config=config) as session:
    session.run(tf.global_variables_initializer())
    for gradients in session.run(both):
        print(*["%.2g" % np.mean(g != 0) for g in gradients])
"""


@pytest.fixture
def run(tmp_path: Path) -> Simulate:
    python = required_tf115().python

    def simulated(*parts: str, **settings: str) -> str:
        done = simulate("\n".join([NPU, *parts]), tmp_path, python=python, **settings)
        assert done.code == 0, done.error
        return done.out.strip()

    return simulated


def test_small_gradients_vanish_unless_the_loss_is_scaled(run: Simulate) -> None:
    assert run(MIXED, MODEL, GRADIENTS, NPU_SIMULATOR_FP16="1") == "0 0\n1 1"
    assert run(MIXED, MODEL, GRADIENTS) == "1 1\n1 1"


@pytest.mark.parametrize(
    "config",
    [
        "config = tf.ConfigProto()",
        "config = npu(use_off_line=True)",
        'config = npu(use_off_line=True, precision_mode=b"force_fp32")',
        'config = npu(use_off_line=True, precision_mode_v2=b"origin")',
        'config = npu(use_off_line=False, precision_mode=b"allow_mix_precision")',
    ],
)
def test_other_sessions_stay(run: Simulate, config: str) -> None:
    assert run(config, MODEL, GRADIENTS, NPU_SIMULATOR_FP16="1") == "1 1\n1 1"


def test_an_overflow_leaves_a_step_out_and_lowers_the_scale(run: Simulate) -> None:
    """By more than on the device, so that a few steps are enough."""
    program = """
    from npu_bridge.npu_init import ExponentialUpdateLossScaleManager, NPULossScaleOptimizer
    manager = ExponentialUpdateLossScaleManager(2.0**32, 1000, 2, decr_ratio=0.5)
    slow = tf.train.GradientDescentOptimizer(1e-5)
    train = NPULossScaleOptimizer(slow, manager).minimize(loss * 2.0**10)
    scale = manager.get_loss_scale()
    with tf.Session(config=config) as session:
        session.run(tf.global_variables_initializer())
        print(session.run(scale) == 2.0**15)
        before = session.run(dense)
        session.run(train)
        print((session.run(dense) == before).all(), session.run(scale) == 2.0**11)
        for _ in range(4):
            session.run(train)
        print((session.run(dense) != before).all(), 1 <= session.run(scale) < 2.0**11)
        print(np.isfinite(session.run(loss)))
    """
    parts = [line[4:] for line in program.splitlines()]
    expected = "True\nTrue True\nTrue True\nTrue"
    assert run(MIXED, MODEL, *parts, NPU_SIMULATOR_FP16="1") == expected
    assert run(MIXED, MODEL, *parts).startswith("False\nFalse False")


def test_where_a_scale_begins_can_be_said_and_is_told(tmp_path: Path) -> None:
    program = """
    import tensorflow as tf
    from npu_bridge.npu_init import ExponentialUpdateLossScaleManager
    for begins in 2.0**32, 2.0**10:
        ExponentialUpdateLossScaleManager(begins, 1000)
    """
    python = required_tf115().python
    for settings, scale in (({}, 2.0**15), ({"NPU_SIMULATOR_LOSS_SCALE": str(2**20)}, 2.0**20)):
        folder = tmp_path / str(scale)
        folder.mkdir()
        done = simulate(program, folder, python=python, NPU_SIMULATOR_FP16="1", **settings)
        told = [(event["begins"], event["falls"]) for event in done.events("scale")]
        assert told == [(scale, 2.0**-4), (2.0**10, 2.0**-4)], done.error


def test_training_drifts_a_little_and_goes_on(run: Simulate) -> None:
    program = """
    train = optimizer.minimize(loss)
    with tf.train.MonitoredTrainingSession(config=config) as session:
        for _ in range(5):
            last = session.run([loss, train])[0]
    print(repr(float(last)))
    """
    parts = [line[4:] for line in program.splitlines()]
    exact = float(run(MIXED, MODEL, *parts))
    half = float(run(MIXED, MODEL, *parts, NPU_SIMULATOR_FP16="1"))
    assert half != exact
    assert half == pytest.approx(exact, rel=0.05)


def test_products_in_loops_and_branches(run: Simulate) -> None:
    program = """
    def body(i, y):
        return i + 1, tf.cond(i > 1, lambda: y, lambda: tf.matmul(y, weights))

    weights = tf.get_variable("w", initializer=np.full((2, 2), 1e-5, np.float32))
    _, y = tf.while_loop(lambda i, y: i < 3, body, [0, tf.constant([[1.0, 1e-9]])])
    (gradient,) = tf.gradients(y, weights)
    with tf.Session(config=config) as session:
        session.run(tf.global_variables_initializer())
        print(session.run([y, gradient])[0].max() == 0)
    """
    parts = [line[4:] for line in program.splitlines()]
    assert run(MIXED, *parts, NPU_SIMULATOR_FP16="1") == "True"
    assert run(MIXED, *parts) == "False"
