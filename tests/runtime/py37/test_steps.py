"""Each test starts a program of its own: timing begins once per process."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
HEAD = """
import tensorflow.compat.v1 as tf
from npu_runtime import npu_session_config
tf.set_random_seed(1)
"""
TRAIN = (
    HEAD
    + """
data = tf.data.Dataset.from_tensors(tf.ones([3])).repeat().batch(8, drop_remainder=True)
x = data.make_one_shot_iterator().get_next()
w = tf.get_variable("w", [3, 1])
loss = tf.reduce_sum(tf.matmul(x, w))
first = tf.train.AdamOptimizer(name="D_adam").minimize(loss)
second = tf.train.GradientDescentOptimizer(0.1, name="G_sgd").minimize(loss)
with tf.Session(config=npu_session_config()) as session:
    session.run(tf.global_variables_initializer())
    for _ in range(7):
        session.run([first, loss])
        session.run({"loss": loss})
    for _ in range(5):
        session.run(second)
"""
)


def run(source, tmp_path, **variables):
    environment = dict(os.environ, NPU_DEVICE="host", TF_CPP_MIN_LOG_LEVEL="3", **variables)
    environment["PYTHONPATH"] = os.path.join(ROOT, "migrate", "runtime")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(source)],
        cwd=str(tmp_path),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def lines(path):
    with open(str(path)) as log:
        return [json.loads(line) for line in log]


def test_each_optimizer_is_timed_apart_without_its_warm_up(tmp_path):
    printed = run(TRAIN, tmp_path, NPU_STEP_LOG="logs/steps.jsonl", NPU_STEP_WARM_UP="2")
    found = {line["steps"]: line for line in lines(tmp_path / "logs" / "steps.jsonl")}
    assert sorted(found) == ["D_adam", "G_sgd"]
    assert found["D_adam"]["count"] == 5
    assert found["G_sgd"]["count"] == 3
    for line in found.values():
        assert line["warm_up_steps"] == 2
        assert line["examples_per_step"] == 8
        assert line["device"] == "host"
        speed = line["examples_per_step"] / line["seconds_per_step"]
        assert line["examples_per_second"] == pytest.approx(speed)
    assert "D_adam: 5 steps" in printed


ASSIGNING = (
    HEAD
    + """
import numpy as np
x = tf.placeholder(tf.float32, [8, 3])
w = tf.get_variable("w", [3, 1], use_resource=RESOURCES)
target = tf.get_variable("target", [3, 1], use_resource=RESOURCES)
loss = tf.reduce_sum(tf.matmul(x, w))
(gradient,) = tf.gradients(loss, [w])
moment = tf.get_variable("m", [3, 1], initializer=tf.zeros_initializer(), trainable=False)
kept = moment.assign(0.9 * moment + gradient)
train = tf.group(kept, w.assign(w - 0.1 * kept))
follow = target.assign(0.9 * target + 0.1 * w)
saver = tf.train.Saver()
with tf.Session(config=npu_session_config()) as session:
    session.run(tf.global_variables_initializer())
    for _ in range(3):
        session.run(train, {x: np.ones((8, 3))})
        session.run(follow)
    saver.restore(session, saver.save(session, "kept"))
"""
)


@pytest.mark.parametrize("resources", ["False", "True"])
def test_an_optimizer_that_assigns_is_timed(resources, tmp_path):
    source = ASSIGNING.replace("RESOURCES", resources)
    run(source, tmp_path, NPU_STEP_LOG="steps.jsonl", NPU_STEP_WARM_UP="0")
    (line,) = lines(tmp_path / "steps.jsonl")
    assert (line["steps"], line["count"], line["examples_per_step"]) == ("assignments", 3, 8)


def test_unset_times_nothing(tmp_path):
    assert "steps" not in run(TRAIN, tmp_path)
    assert os.listdir(str(tmp_path)) == []


def test_lines_come_while_it_trains(tmp_path):
    run(TRAIN, tmp_path, NPU_STEP_LOG="s", NPU_STEP_WARM_UP="0", NPU_STEP_LOG_EVERY="3")
    counts = [line["count"] for line in lines(tmp_path / "s") if line["steps"] == "D_adam"]
    assert counts == [3, 6, 7]


def test_what_is_fed_counts_and_a_setting_wins(tmp_path):
    source = (
        HEAD
        + """
import numpy as np
x = tf.placeholder(tf.float32, [None, 3])
train = tf.train.GradientDescentOptimizer(0.1).minimize(
    tf.reduce_sum(tf.matmul(x, tf.get_variable("w", [3, 1]))))
with tf.train.MonitoredSession(
        tf.train.ChiefSessionCreator(config=npu_session_config())) as session:
    for _ in range(3):
        session.run(train, {x: np.ones([5, 3])})
"""
    )
    run(source, tmp_path, NPU_STEP_LOG="fed", NPU_STEP_WARM_UP="1")
    assert [line["examples_per_step"] for line in lines(tmp_path / "fed")] == [5]
    run(source, tmp_path, NPU_STEP_LOG="set", NPU_STEP_WARM_UP="1", NPU_BATCH_SIZE="40")
    assert [line["examples_per_step"] for line in lines(tmp_path / "set")] == [40]


def test_keras_steps_are_timed(tmp_path):
    source = """
import numpy as np
import tensorflow.compat.v1 as tf
from npu_runtime import use_npu_keras_session
use_npu_keras_session()
model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=[3])])
model.compile("sgd", "mse")
model.fit(np.ones([40, 3]), np.ones([40, 1]), batch_size=10, epochs=2, verbose=0)
"""
    run(source, tmp_path, NPU_STEP_LOG="s", NPU_STEP_WARM_UP="3")
    assert sum(line["count"] for line in lines(tmp_path / "s")) == 5
