"""Optimizers and loss scales of CANN 7.0, on a single rank."""

import numpy as np
import pytest
import tensorflow as tf
from npu_bridge.npu_init import (
    ExponentialUpdateLossScaleManager,
    FixedLossScaleManager,
    KerasDistributeOptimizer,
    NPUDistributedOptimizer,
    NPULossScaleOptimizer,
    NPUOptimizer,
    npu_allreduce,
    npu_distributed_optimizer_wrapper,
    npu_keras_optimizer,
    npu_tf_optimizer,
)
from npu_simulator.surface import NotSimulated


@pytest.fixture(autouse=True)
def job(monkeypatch):
    monkeypatch.setenv("JOB_ID", "1")


class Problem:
    """The loss factor * w, whose gradient is factor; w starts at 1."""

    def __init__(self):
        self.factor = tf.placeholder_with_default(1.0, [])
        self.weight = tf.Variable(1.0)
        self.loss = self.factor * self.weight
        self.step = tf.train.create_global_step()


def sgd(rate=0.5):
    return tf.train.GradientDescentOptimizer(rate)


def test_loss_scale_changes_no_gradient():
    problem = Problem()
    manager = FixedLossScaleManager(1024.0)
    optimizer = NPULossScaleOptimizer(sgd(), manager)
    ((gradient, variable),) = optimizer.compute_gradients(problem.loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert (session.run(gradient), variable) == (1.0, problem.weight)
        session.run(optimizer.apply_gradients([(gradient, variable)], problem.step))
        assert session.run([problem.weight, problem.step]) == [0.5, 1]


def test_the_loss_is_scaled():
    problem = Problem()
    seen = []

    class Spy(tf.train.GradientDescentOptimizer):
        def compute_gradients(self, loss, **others):
            seen.append(loss)
            return super().compute_gradients(loss, **others)

    optimizer = NPULossScaleOptimizer(Spy(0.5), FixedLossScaleManager(64.0))
    optimizer.compute_gradients(problem.loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(seen[0]) == 64.0


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_step_that_overflows_is_left_out(bad):
    problem = Problem()
    optimizer = NPULossScaleOptimizer(sgd(), FixedLossScaleManager(8.0))
    train = optimizer.minimize(problem.loss, global_step=problem.step)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train, {problem.factor: bad})
        assert session.run([problem.weight, problem.step]) == [1.0, 0]
        session.run(train)
        assert session.run([problem.weight, problem.step]) == [0.5, 1]


def test_without_the_check_an_overflow_gets_through():
    problem = Problem()
    manager = FixedLossScaleManager(8.0, enable_overflow_check=False)
    assert manager.get_enable_overflow_check() is False
    train = NPULossScaleOptimizer(sgd(), manager).minimize(problem.loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train, {problem.factor: np.inf})
        assert session.run(problem.weight) == -np.inf


def test_the_loss_scale_grows_and_shrinks():
    problem = Problem()
    manager = ExponentialUpdateLossScaleManager(
        init_loss_scale=16, incr_every_n_steps=2, decr_every_n_nan_or_inf=2, decr_ratio=0.5
    )
    train = NPULossScaleOptimizer(sgd(0.0), manager).minimize(problem.loss)
    scales = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for factor in (1, 1, 1, np.inf, 1, np.inf, np.inf, np.inf):
            session.run(train, {problem.factor: factor})
            scales.append(session.run(manager.get_loss_scale()))
    # Good steps count in a row, bad ones in all.
    assert scales == [16, 32, 32, 32, 32, 16, 16, 8]


def test_loss_scales_below_one():
    with pytest.raises(ValueError, match=r"loss scale must be at least 1\."):
        FixedLossScaleManager(0.5)
    manager = ExponentialUpdateLossScaleManager(2, 1000, decr_every_n_nan_or_inf=1)
    update = manager.update_loss_scale(tf.constant(False))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for expected in (1.6, 1.28, 1.024, 1.0, 1.0):
            session.run(update)
            assert np.isclose(session.run(manager.get_loss_scale()), expected)


@pytest.mark.parametrize("wrap", [npu_tf_optimizer, NPUOptimizer])
def test_slots_are_those_of_the_wrapped_optimizer(wrap):
    problem = Problem()
    inner = tf.train.MomentumOptimizer(0.1, 0.9)
    optimizer = wrap(inner)
    optimizer.minimize(problem.loss)
    assert optimizer.get_slot_names() == ["momentum"]
    assert optimizer.get_slot(problem.weight, "momentum") is not None
    assert optimizer.variables() == inner.variables()


@pytest.mark.parametrize(
    "wrap",
    [
        npu_tf_optimizer,
        NPUDistributedOptimizer,
        NPUOptimizer,
        npu_distributed_optimizer_wrapper,
        lambda inner: NPUOptimizer(inner, is_distributed=True),
        lambda inner: NPUOptimizer(inner, FixedLossScaleManager(4), is_loss_scale=True),
        lambda inner: npu_tf_optimizer(NPULossScaleOptimizer(inner, FixedLossScaleManager(4))),
    ],
)
def test_on_a_single_rank_training_is_the_same(wrap):
    problem = Problem()
    train = wrap(sgd()).minimize(problem.loss, global_step=problem.step)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        session.run(train)
        assert session.run([problem.weight, problem.step]) == [0.0, 2]


def test_names():
    assert npu_tf_optimizer(sgd()).get_name() == "DistributedGradientDescentOptimizer"
    assert NPUOptimizer(sgd()).get_name() == "NPUOptimizerGradientDescentOptimizer"


def test_npu_optimizer_with_a_loss_scale():
    with pytest.raises(ValueError, match="loss_scale_manager can not be None"):
        NPUOptimizer(sgd(), is_loss_scale=True)
    problem = Problem()
    optimizer = NPUOptimizer(sgd(), FixedLossScaleManager(4), is_loss_scale=True)
    train = optimizer.minimize(problem.loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train, {problem.factor: np.nan})
        assert session.run(problem.weight) == 1.0


def test_sharding_is_not_simulated():
    with pytest.raises(NotSimulated, match="is_weight_update_sharding=True"):
        NPUDistributedOptimizer(sgd(), is_weight_update_sharding=True)


@pytest.mark.parametrize("wrap", [npu_keras_optimizer, npu_distributed_optimizer_wrapper])
def test_keras(wrap):
    model = tf.keras.Sequential(
        [tf.keras.layers.Dense(1, input_shape=(2,), kernel_initializer="ones", use_bias=False)]
    )
    model.compile(wrap(tf.keras.optimizers.SGD(0.25)), loss="mse")
    model.fit(np.ones([4, 2]), np.zeros([4, 1]), batch_size=4, epochs=1, verbose=0)
    assert np.allclose(model.get_weights()[0], 0.0)  # 1 - 0.25 * 2 * 2


def test_keras_optimizers_by_name():
    assert isinstance(npu_distributed_optimizer_wrapper("sgd"), tf.keras.optimizers.SGD)
    assert KerasDistributeOptimizer(tf.keras.optimizers.SGD(0.1))._name == "NpuKerasOptimizer"


def test_npu_allreduce_of_a_single_rank():
    with tf.Session() as session:
        assert session.run(npu_allreduce(tf.constant([2.0]))).tolist() == [2.0]
        one, two = npu_allreduce([tf.constant([2.0]), tf.constant([3])], reduction="sum")
        assert (session.run(one).tolist(), session.run(two).tolist()) == ([2.0], [3])
        slices = tf.IndexedSlices(tf.constant([[1.0]]), tf.constant([2]), tf.constant([3, 1]))
        joined = npu_allreduce(slices)
        assert session.run(joined.indices).tolist() == [2]
