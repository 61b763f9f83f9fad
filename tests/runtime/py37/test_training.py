"""Every kind of session trains three steps with the configurations of the runtime.

TensorFlow 1.15 ignores a custom optimizer that it does not know, so a configuration for the NPU
trains on the CPU where the adapter's graph passes are not loaded.
"""

import importlib

import numpy as np
import pytest
import tensorflow as tf
from npu_runtime import (
    host_session_config,
    npu_run_config,
    npu_session_config,
    use_npu_keras_session,
)

STEPS = 3
X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(8, 1)
Y = 3 * X - 1


@pytest.fixture(params=["host", "adapter"])
def device(request):
    """NPU_DEVICE=host, then an npu_bridge that can be imported."""
    request.getfixturevalue(request.param)
    with tf.Graph().as_default():
        yield request.param
    tf.keras.backend.clear_session()


def model():
    weight = tf.get_variable("w", [1, 1], initializer=tf.zeros_initializer())
    bias = tf.get_variable("b", [1], initializer=tf.zeros_initializer())
    loss = tf.reduce_mean(tf.square(tf.matmul(tf.constant(X), weight) + bias - Y))
    step = tf.train.get_or_create_global_step()
    return loss, tf.train.GradientDescentOptimizer(0.3).minimize(loss, step)


def train(session, loss, train_op):
    losses = []
    for _ in range(STEPS):
        losses.append(session.run([loss, train_op])[0])
    falls(losses)


def falls(losses):
    assert len(losses) == STEPS
    assert losses == sorted(set(losses), reverse=True)


def configured(session, device):
    optimizers = session._config.graph_options.rewrite_options.custom_optimizers
    assert [entry.name for entry in optimizers] == ["NpuOptimizer"] * (device == "adapter")


@pytest.mark.parametrize("make", [tf.Session, tf.InteractiveSession])
def test_session(device, make):
    loss, train_op = model()
    session = make(config=npu_session_config())
    configured(session, device)
    session.run(tf.global_variables_initializer())
    train(session, loss, train_op)
    session.close()


def test_monitored_training_session(device, tmp_path):
    loss, train_op = model()
    with tf.train.MonitoredTrainingSession(
        checkpoint_dir=str(tmp_path), config=npu_session_config(mix_compile_mode=True)
    ) as session:
        train(session, loss, train_op)
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("-%d" % STEPS)


def test_supervisor(device, tmp_path):
    loss, train_op = model()
    supervisor = tf.train.Supervisor(logdir=str(tmp_path), save_summaries_secs=0)
    with supervisor.managed_session(config=npu_session_config()) as session:
        configured(session, device)
        train(session, loss, train_op)


def test_estimator(device, tmp_path):
    losses = []

    class Record(tf.train.SessionRunHook):
        def before_run(self, context):
            configured(context.session, device)
            return tf.train.SessionRunArgs("loss:0")

        def after_run(self, context, values):
            losses.append(values.results)

    def model_fn(features, labels, mode):
        loss, train_op = model()
        tf.identity(loss, "loss")
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    def input_fn():
        return tf.data.Dataset.from_tensors((X, Y)).repeat()

    config = npu_run_config(tf.estimator.RunConfig(model_dir=str(tmp_path)))
    estimator = tf.estimator.Estimator(model_fn, config=config)
    estimator.train(input_fn, hooks=[Record()], steps=STEPS)
    falls(losses)


@pytest.mark.parametrize("package", ["tensorflow.keras", "keras"])
def test_keras(device, package):
    keras = importlib.import_module(package)
    session = use_npu_keras_session()
    configured(session, device)
    dense = keras.layers.Dense(1, kernel_initializer="zeros", input_shape=(1,))
    network = keras.models.Sequential([dense])
    network.compile(keras.optimizers.SGD(0.3), "mse")
    history = network.fit(X, Y, batch_size=8, epochs=STEPS, verbose=0)
    assert keras.backend.get_session() is session
    falls(history.history["loss"])


def test_keras_without_a_configuration_keeps_its_own_default(device):
    assert use_npu_keras_session()._config.allow_soft_placement is True


def test_a_host_session_beside_the_session_patch(adapter, monkeypatch):
    from tensorflow.python.client import session as client

    monkeypatch.setattr(client.Session, "__init__", client.Session.__init__)
    import npu_bridge.npu_init

    assert npu_bridge.npu_init  # From here on each session gets an NpuOptimizer entry.
    with tf.Graph().as_default():
        loss, train_op = model()
        with tf.Session() as plain:
            configured(plain, "adapter")
        with tf.Session(config=host_session_config()) as session:
            (entry,) = session._config.graph_options.rewrite_options.custom_optimizers
            assert entry.parameter_map["use_off_line"].b is False
            session.run(tf.global_variables_initializer())
            train(session, loss, train_op)
