"""A checkpoint of one precision mode is one of every other."""

import os
import sys

import npu_runtime
import pytest
import tensorflow as tf
from npu_runtime import npu_optimizer

KIT = os.path.dirname(os.path.dirname(os.path.dirname(npu_runtime.__file__)))
sys.path.insert(0, os.path.join(KIT, "simulator"))

MODES = ("none", "allow_mix_precision")
STATES = ("loss_scale", "good_steps", "bad_steps")


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in ("NPU_PRECISION_MODE", "NPU_LOSS_SCALE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def in_mode(monkeypatch):
    return lambda mode: monkeypatch.setenv("NPU_PRECISION_MODE", mode)


def loss():
    kernel = tf.get_variable("kernel", [2, 1], initializer=tf.ones_initializer())
    bias = tf.get_variable("bias", [1], initializer=tf.zeros_initializer(), use_resource=True)
    return tf.reduce_mean(tf.square(tf.matmul(tf.ones([1, 2]), kernel) + bias - 3))


def adam():
    return tf.train.AdamOptimizer(0.125)


def once(optimizer):
    npu_optimizer(optimizer).minimize(loss())


def as_a_gan(optimizer):
    total = loss()
    with tf.name_scope("train"):
        npu_optimizer(optimizer).minimize(total)
        npu_optimizer(adam()).minimize(total)


def averaged_within(optimizer):
    tf.contrib.opt.MovingAverageOptimizer(npu_optimizer(optimizer), 0.5).minimize(loss())


def averaged_around(optimizer):
    npu_optimizer(tf.contrib.opt.MovingAverageOptimizer(optimizer, 0.5)).minimize(loss())


@pytest.mark.parametrize("train", [once, as_a_gan, averaged_within, averaged_around])
@pytest.mark.parametrize(
    "make",
    [
        adam,
        lambda: tf.train.MomentumOptimizer(0.1, 0.9),
        lambda: tf.train.RMSPropOptimizer(0.1, centered=True),
        lambda: tf.train.FtrlOptimizer(0.1),
        lambda: tf.contrib.opt.AdaMaxOptimizer(0.1),
        lambda: tf.contrib.opt.AdamWOptimizer(0.1, 0.1),
    ],
)
def test_variables_have_upstreams_names(in_mode, train, make):
    names = []
    for mode in MODES:
        in_mode(mode)
        with tf.Graph().as_default():
            train(make())
            names.append({variable.op.name for variable in tf.global_variables()})
    upstream, scaled = names
    assert upstream <= scaled
    assert all(name.split("/")[-1].startswith(STATES) for name in scaled - upstream)


def trained(mode, to, after=None):
    """Trains three steps; returns all variables but the loss scale's."""
    with tf.Graph().as_default():
        train_op = npu_optimizer(adam()).minimize(loss())
        saver, init = tf.train.Saver(), tf.global_variables_initializer()
        tf.get_default_graph().finalize()
        with tf.Session() as session:
            if after:
                saver.restore(session, after)
            else:
                session.run(init)
            for _ in range(3):
                session.run(train_op)
            saver.save(session, to)
            values = session.run({v.op.name: v for v in tf.global_variables()})
    states = {name: values.pop(name) for name in STATES if name in values}
    assert len(states) == (3 if mode != "none" else 0)
    return {name: value.tolist() for name, value in values.items()}, states


@pytest.mark.parametrize("second", MODES)
@pytest.mark.parametrize("first", MODES)
def test_each_goes_on_from_the_other(in_mode, first, second, tmp_path, capsys):
    in_mode("none")
    trained("none", str(tmp_path / "whole"))
    expected, _ = trained("none", str(tmp_path / "whole"), after=str(tmp_path / "whole"))
    in_mode(first)
    trained(first, str(tmp_path / "model"))
    in_mode(second)
    capsys.readouterr()
    values, states = trained(second, str(tmp_path / "next"), after=str(tmp_path / "model"))
    assert values == expected
    said = "has no bad_steps, good_steps, loss_scale" in capsys.readouterr().out
    assert said == (first == "none" != second)
    if states:
        assert states["good_steps"] == (3 if said else 6)


def test_the_checkpoint_itself_stays(in_mode, tmp_path):
    in_mode("none")
    trained("none", str(tmp_path / "model"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    in_mode("allow_mix_precision")
    trained("allow_mix_precision", str(tmp_path / "next"), after=str(tmp_path / "model"))
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if "model" in path.name}
    assert after.items() <= before.items() and len(after) == 3


def test_a_monitored_session(in_mode, tmp_path):
    """It restores in a graph that is finalized, and only where there is a checkpoint."""
    for mode in (*MODES, "none"):
        in_mode(mode)
        with tf.Graph().as_default():
            step = tf.train.create_global_step()
            train_op = npu_optimizer(adam()).minimize(loss(), step)
            with tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path)) as session:
                session.run(train_op)
                last = session.run(step)
    assert last == 3


def test_what_else_is_missing_is_still_an_error(in_mode, tmp_path):
    in_mode("none")
    trained("none", str(tmp_path / "model"))
    in_mode("allow_mix_precision")
    with tf.Graph().as_default():
        tf.get_variable("other", [1])
        npu_optimizer(adam()).minimize(loss())
        with tf.Session() as session, pytest.raises(tf.errors.NotFoundError, match="other"):
            tf.train.Saver().restore(session, str(tmp_path / "model"))
    with tf.Graph().as_default():
        npu_optimizer(adam()).minimize(loss())
        with tf.Session() as session, pytest.raises(ValueError, match="not a valid checkpoint"):
            tf.train.Saver().restore(session, str(tmp_path / "none"))
