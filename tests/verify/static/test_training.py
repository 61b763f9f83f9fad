"""CHK108, CHK201, CHK202: what a step does, and loss scaling."""

from __future__ import annotations

import pytest

from tests.verify.static.support import found, places

STEP = """
import tensorflow as tf

class Trainer:
    def __init__(self, loss):
        self.loss = loss
        self.train_op = tf.train.AdamOptimizer(1e-3).minimize(loss)

    def step(self, sess, feed, verbose):
        _, loss = sess.run([self.train_op, self.loss], feed_dict=feed)
{second}
        return loss
"""


@pytest.mark.parametrize(
    "second",
    [
        "        _, scale = sess.run([self.train_op, 'loss_scale:0'], feed_dict=feed)",
        "        sess.run(self.train_op, feed_dict=feed)",
        "        sess.run(self.train_op, feed)",
        "        if verbose:\n            sess.run([self.train_op], feed_dict=feed)",
        "        sess.run({'train': self.train_op}, feed_dict=feed)",
        "        fetches = [self.train_op, self.loss]\n        sess.run(fetches, feed_dict=feed)",
    ],
)
def test_a_training_op_that_runs_twice_is_told(second: str) -> None:
    (finding,) = found(STEP.format(second=second), "CHK108")
    assert finding.severity == "warning"
    assert finding.line > 9 and "line 9" in finding.message


@pytest.mark.parametrize(
    "second",
    [
        "        sess.run(self.loss, feed_dict=feed)",
        "        sess.run(self.train_op, feed_dict=other_feed())",
        "        other.run(self.train_op, feed_dict=feed)",
        "        if verbose:\n            return loss\n        for _ in range(3):\n"
        "            sess.run(self.train_op, feed_dict=feed)",
        "        def again():\n            sess.run(self.train_op, feed_dict=feed)",
        "        summary = sess.run([self.loss, self.summary], feed_dict=feed)",
    ],
)
def test_other_runs_are_not(second: str) -> None:
    assert found(STEP.format(second=second), "CHK108") == []


def test_exclusive_runs_are_not() -> None:
    code = """
    def step(sess, train_op, loss, feed, verbose):
        if verbose:
            return sess.run([train_op, loss], feed_dict=feed)
        return sess.run(train_op, feed_dict=feed)

    def either(sess, train_op, loss, feed, verbose):
        if verbose:
            sess.run([train_op, loss], feed_dict=feed)
        else:
            sess.run(train_op, feed_dict=feed)
    """
    assert found(code, "CHK108") == []


HALF = """
import tensorflow as tf
from npu_bridge.npu_init import *

def train(config):
    op = config.graph_options.rewrite_options.custom_optimizers.add()
    op.name = "NpuOptimizer"
    op.parameter_map["{key}"].s = tf.compat.as_bytes("{mode}")
    optimizer = {optimizer}
    step = optimizer.minimize(tf.Variable(1.0))
    with tf.Session(config=config) as sess:
        sess.run(step)
"""
ADAM = "tf.train.AdamOptimizer(1e-3)"


@pytest.mark.parametrize(
    ("key", "mode", "told"),
    [
        ("precision_mode", "allow_mix_precision", True),
        ("precision_mode", "force_fp16", True),
        ("precision_mode_v2", "mixed_float16", True),
        ("precision_mode", "must_keep_origin_dtype", False),
        ("precision_mode", "allow_fp32_to_fp16", False),
        ("precision_mode", "force_fp32", False),
        ("precision_mode_v2", "origin", False),
    ],
)
def test_half_precision_needs_loss_scaling(key: str, mode: str, told: bool) -> None:
    code = HALF.format(key=key, mode=mode, optimizer=ADAM)
    assert places(code, "CHK201") == (["warning 7"] if told else [])
    scaled = f"NPULossScaleOptimizer({ADAM}, FixedLossScaleManager(1024))"
    assert places(HALF.format(key=key, mode=mode, optimizer=scaled), "CHK201") == []


def test_half_precision_in_inference_needs_none() -> None:
    code = HALF.format(key="precision_mode", mode="force_fp16", optimizer="saver()")
    code = code.replace("optimizer.minimize(tf.Variable(1.0))", "tf.constant(1)")
    assert places(code, "CHK201") == []


def test_the_mode_of_an_estimator_counts() -> None:
    code = """
    import tensorflow as tf
    from npu_bridge.npu_init import *

    def model_fn(features, labels, mode):
        step = tf.train.AdamOptimizer(1e-3).minimize(features)
        return NPUEstimatorSpec(mode, loss=features, train_op=step)

    def main():
        config = NPURunConfig(precision_mode="allow_mix_precision")
        NPUEstimator(model_fn, config=config).train(None)
    """
    assert places(code, "CHK201") == ["warning 9"]


def test_the_mode_that_a_port_was_made_for_counts() -> None:
    code = """
    import tensorflow as tf
    from npu_runtime import npu_session_config

    def train():
        step = tf.train.AdamOptimizer(1e-3).minimize(tf.Variable(1.0))
        with tf.Session(config=npu_session_config()) as sess:
            sess.run(step)
    """
    files = {"train.py": code, "npu_runtime/defaults.py": 'PRECISION_MODE = "force_fp16"\n'}
    assert places(files, "CHK201") == ["warning npu_runtime/defaults.py:1"]
    files["npu_runtime/defaults.py"] = 'PRECISION_MODE = "none"\n'
    assert places(files, "CHK201") == []


@pytest.mark.parametrize(
    "call",
    [
        "tf.train.experimental.enable_mixed_precision_graph_rewrite(optimizer)",
        "tf.contrib.mixed_precision.LossScaleOptimizer(optimizer, None)",
        "tf.train.experimental.DynamicLossScale()",
    ],
)
def test_tensorflows_own_loss_scaling_is_told(call: str) -> None:
    code = f"import tensorflow as tf\nimport npu_bridge\noptimizer = 1\nx = {call}\n"
    assert places(code, "CHK202") == ["warning 4"]
    assert places(code.replace("import npu_bridge\n", ""), "CHK202") == []


@pytest.mark.parametrize(
    ("scaled", "expected"),
    [
        ("npu_optimizer(mixed.LossScaleOptimizer(tf.train.AdamOptimizer(), manager))", []),
        ("mixed.LossScaleOptimizer(npu_optimizer(tf.train.AdamOptimizer()), manager)", [5]),
        ("npu_optimizer(rewrite(tf.train.AdamOptimizer()))", []),
        ("npu_optimizer(tf.train.AdamOptimizer()), mixed.LossScaleOptimizer(sgd, manager)", [5]),
        ("npu_optimizer(sgd), tf.keras.mixed_precision.experimental.Policy('mixed_float16')", [5]),
    ],
)
def test_a_loss_scale_that_the_runtime_replaces_is_none(scaled: str, expected: list[int]) -> None:
    code = f"""
    import tensorflow as tf
    from npu_runtime import npu_optimizer
    from tensorflow.contrib import mixed_precision as mixed
    sgd, rewrite = 1, tf.train.experimental.enable_mixed_precision_graph_rewrite
    x = {scaled}
    manager = mixed.FixedLossScaleManager(8)
    x.minimize(1)
    """
    assert places(code, "CHK202") == [f"warning {line}" for line in expected]


@pytest.mark.parametrize("named", ["# by npu_optimizer", "def npu_optimizer(optimizer): pass"])
def test_what_only_has_the_name_replaces_no_loss_scale(named: str) -> None:
    code = f"import tensorflow as tf\nimport npu_bridge\n{named}\nx = {_SCALE}\n"
    assert places(code, "CHK202") == ["warning 4"]


_SCALE = "tf.train.experimental.DynamicLossScale()"
