"""The adapter's optimizer, as the simulator has it, scales losses; nothing else changes."""

import os
import sys

import npu_runtime
import numpy as np
import pytest
import tensorflow as tf
from npu_runtime import npu_optimizer

KIT = os.path.dirname(os.path.dirname(os.path.dirname(npu_runtime.__file__)))
sys.path.insert(0, os.path.join(KIT, "simulator"))

RATE = 0.125
X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(8, 1)


@pytest.fixture(autouse=True)
def graph(monkeypatch):
    for name in ("NPU_PRECISION_MODE", "NPU_LOSS_SCALE"):
        monkeypatch.delenv(name, raising=False)
    with tf.Graph().as_default():
        yield


@pytest.fixture
def mixed(monkeypatch):
    monkeypatch.setenv("NPU_PRECISION_MODE", "allow_mix_precision")


def sgd():
    return tf.train.GradientDescentOptimizer(RATE)


def weight(name="w"):
    return tf.get_variable(name, [1, 1], initializer=tf.zeros_initializer())


def loss_of(variable, target=2.0):
    return tf.reduce_mean(tf.square(tf.matmul(tf.constant(X), variable) - target * X))


def trained(train_op, *fetches):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            session.run(train_op)
        return session.run(fetches)


def is_scaled(optimizer):
    return type(optimizer).__name__ == "ScaledOptimizer"


def values(optimizer, clip=None):
    """What training by clipped gradients gives."""
    variable = weight()
    loss = loss_of(variable)
    pairs = optimizer.compute_gradients(loss)
    (clipped,), norm = tf.clip_by_global_norm([pairs[0][0]], clip or 1e9)
    return trained(optimizer.apply_gradients([(clipped, variable)]), variable, norm)


@pytest.mark.parametrize("mode", ["none", "force_fp32", "allow_mix_precision_bf16"])
def test_without_fp16_the_graph_is_upstreams(monkeypatch, mode):
    monkeypatch.setenv("NPU_PRECISION_MODE", mode)
    for upstream in (sgd(), tf.train.AdamOptimizer, "Adam", lambda rate: sgd()):
        assert npu_optimizer(upstream) is upstream


def test_on_the_host_the_graph_is_upstreams(host, mixed):
    upstream = sgd()
    assert npu_optimizer(upstream) is upstream


@pytest.mark.parametrize("clip", [None, 0.25])
def test_gradients_are_clipped_unscaled(mixed, clip):
    with tf.Graph().as_default():
        plain = values(sgd(), clip)
    scaled = npu_optimizer(sgd())
    assert is_scaled(scaled)
    np.testing.assert_array_equal(values(scaled, clip), plain)


def test_each_of_two_optimizers_has_a_scale_of_its_own(mixed):
    first, second = weight("a"), weight("b")
    bad = tf.placeholder_with_default(1.0, [])
    d_optim = npu_optimizer(sgd()).minimize(loss_of(first) * bad, var_list=[first])
    g_optim = npu_optimizer(sgd()).minimize(loss_of(second), var_list=[second])
    scales = [v for v in tf.global_variables() if "loss_scale" in v.name]
    assert len(scales) == 2
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before = session.run(scales)
        for _ in range(2):
            session.run([d_optim, g_optim], {bad: np.inf})
        assert session.run(first) == 0
        assert session.run(second) > 0
        assert session.run(scales) == [before[0] / 2, before[1]]


def test_a_swapping_saver_keeps_the_averages(mixed, tmp_path):
    variable = weight()
    optimizer = tf.contrib.opt.MovingAverageOptimizer(npu_optimizer(sgd()), 0.5)
    train_op = optimizer.minimize(loss_of(variable))
    average = next(v for v in tf.global_variables() if "ExponentialMovingAverage" in v.name)
    saver = optimizer.swapping_saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        now, mean = session.run([variable, average])
        saver.save(session, str(tmp_path / "model"))
    assert now != mean
    assert tf.train.load_variable(str(tmp_path / "model"), "w") == mean
    assert npu_optimizer(optimizer) is optimizer


@pytest.mark.parametrize(
    "given",
    [
        lambda: npu_optimizer("SGD"),
        lambda: npu_optimizer(tf.train.GradientDescentOptimizer),
        lambda: npu_optimizer(tf.train.GradientDescentOptimizer(RATE)),
        lambda: lambda rate: npu_optimizer(tf.train.GradientDescentOptimizer(rate)),
        lambda: npu_optimizer(lambda rate: tf.train.GradientDescentOptimizer(rate)),
    ],
)
def test_optimize_loss(mixed, given):
    def result(optimizer):
        with tf.Graph().as_default():
            variable = weight()
            step = tf.train.create_global_step()
            op = tf.contrib.layers.optimize_loss(
                loss_of(variable), step, RATE, optimizer, clip_gradients=0.25
            )
            scales = [v for v in tf.global_variables() if "loss_scale" in v.name]
            return trained(op, variable, step), len(scales)

    expected, none = result("SGD")
    trained_, one = result(given())
    assert (none, one) == (0, 1)
    assert trained_ == expected


def test_clones_of_slim(mixed):
    """As slim's model_deploy computes gradients for each clone, and sums them."""
    variable = weight()
    optimizer = npu_optimizer(tf.train.MomentumOptimizer(RATE, 0.9))
    clones = [optimizer.compute_gradients(loss_of(variable, t) / 2) for t in (1.0, 3.0)]
    total = tf.add_n([gradient for ((gradient, _),) in clones])
    scaled = trained(optimizer.apply_gradients([(total, variable)]), variable)
    with tf.Graph().as_default():
        variable = weight()
        both = (loss_of(variable, 1.0) + loss_of(variable, 3.0)) / 2
        plain = trained(tf.train.MomentumOptimizer(RATE, 0.9).minimize(both), variable)
    np.testing.assert_allclose(scaled, plain, rtol=1e-6)


@pytest.mark.parametrize("create", ["tf.contrib.training", "tf.contrib.slim.learning"])
def test_create_train_op(mixed, create):
    module = tf.contrib.training if create.endswith("training") else tf.contrib.slim.learning
    variable = weight()
    train_op = module.create_train_op(loss_of(variable), npu_optimizer(sgd()))
    assert trained(train_op, variable)[0] > 0


def test_sync_replicas(mixed):
    variable = weight()
    step = tf.train.create_global_step()
    optimizer = tf.train.SyncReplicasOptimizer(npu_optimizer(sgd()), 1, total_num_replicas=1)
    train_op = optimizer.minimize(loss_of(variable), step)
    runner, tokens = optimizer.get_chief_queue_runner(), optimizer.get_init_tokens_op(1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run([optimizer.chief_init_op, optimizer.ready_for_local_init_op])
        session.run(tokens)
        runner.create_threads(session, daemon=True, start=True)
        session.run(train_op)
        session.run(train_op)  # Begins when the first update is done.
        assert session.run(variable) > 0


def test_made_before_the_graph(mixed, tmp_path):
    """As an Estimator's optimizer is, once for all of the graphs that it trains."""
    optimizer = npu_optimizer(sgd())

    def model_fn(features, labels, mode):
        loss = loss_of(weight())
        train_op = optimizer.minimize(loss, tf.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)

    estimator = tf.estimator.Estimator(model_fn, str(tmp_path))
    for steps in (1, 2):
        estimator.train(lambda: tf.data.Dataset.from_tensors(X).repeat(), steps=steps)
    assert estimator.get_variable_value("w") > 0
    assert estimator.get_variable_value("good_steps") == 3


def test_made_in_a_loop(mixed):
    variable = weight()

    def body(i):
        with tf.control_dependencies([npu_optimizer(sgd()).minimize(loss_of(variable))]):
            return i + 1

    assert (
        trained(tf.while_loop(lambda i: i < 2, body, [0], parallel_iterations=1), variable)[0] > 0
    )


def test_slots_are_the_inner_ones(mixed):
    variable = weight()
    optimizer = npu_optimizer(tf.train.MomentumOptimizer(RATE, 0.9))
    optimizer.minimize(loss_of(variable))
    assert optimizer.get_slot_names() == ["momentum"]
    assert [optimizer.get_slot(variable, "momentum")] == optimizer.variables()
    assert optimizer._learning_rate == RATE


@pytest.mark.parametrize(
    "around",
    [
        lambda opt: tf.contrib.mixed_precision.LossScaleOptimizer(
            opt, tf.contrib.mixed_precision.FixedLossScaleManager(8)
        ),
        lambda opt: tf.train.experimental.MixedPrecisionLossScaleOptimizer(opt, "dynamic"),
        tf.train.experimental.enable_mixed_precision_graph_rewrite,
    ],
)
def test_a_gpus_scale_is_replaced(mixed, around):
    inner = sgd()
    mine = npu_optimizer(around(inner))
    assert is_scaled(mine) and mine._opt is inner
    scaled = npu_optimizer(sgd())
    assert npu_optimizer(around(scaled)) is scaled
    tf.train.experimental.disable_mixed_precision_graph_rewrite()


def test_wrapping_twice_is_wrapping_once(mixed):
    once = npu_optimizer(sgd())
    assert npu_optimizer(once) is once
    assert is_scaled(npu_optimizer(npu_optimizer(tf.train.AdamOptimizer))(RATE))


def test_a_class_attribute_stays_callable(mixed):
    class Solver:
        make = npu_optimizer(tf.train.GradientDescentOptimizer)

    assert is_scaled(Solver().make(RATE))


def test_a_fixed_scale_has_no_state(mixed, monkeypatch):
    monkeypatch.setenv("NPU_LOSS_SCALE", "1024")
    variable = weight()
    assert trained(npu_optimizer(sgd()).minimize(loss_of(variable)), variable)[0] > 0
    assert tf.global_variables() == [variable]


def test_a_name_that_is_not_known(mixed):
    with pytest.raises(ValueError, match="no optimizer is called 'adam'; known are: Adagrad, Adam"):
        npu_optimizer("adam")(RATE)


@pytest.mark.parametrize("given", [None, 3, tf.keras.optimizers.SGD(0.1)])
def test_what_is_no_optimizer(mixed, given):
    with pytest.raises(TypeError, match=r"takes a tf\.train\.Optimizer"):
        npu_optimizer(given)


def test_without_an_adapter(mixed, monkeypatch):
    monkeypatch.setitem(sys.modules, "npu_bridge", None)
    with pytest.raises(RuntimeError, match="No NPU to train on"):
        npu_optimizer(sgd())
