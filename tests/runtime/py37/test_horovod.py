"""Horovod's functions in one process, with no NPU."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from npu_runtime import horovod as hvd
from npu_runtime import horovod_callbacks, horovod_keras


@pytest.fixture(autouse=True)
def started():
    hvd.init()
    yield
    hvd.shutdown()
    tf.reset_default_graph()
    tf.keras.backend.clear_session()


def test_from_init_to_shutdown():
    assert (hvd.rank(), hvd.size(), hvd.local_rank(), hvd.local_size()) == (0, 1, 0, 1)
    assert hvd.is_initialized() and horovod_keras.is_initialized()
    hvd.shutdown()
    assert not hvd.is_initialized()
    with pytest.raises(ValueError, match=r"not been initialized; use hvd\.init\(\)"):
        hvd.rank()
    hvd.init([0])
    assert hvd.size() == 1


def test_on_the_host(host):
    hvd.init()
    assert hvd.size() == 1


def test_there_is_no_other_library_behind_it():
    for asked in ("mpi_threads_supported", "mpi_enabled", "mpi_built", "gloo_built", "nccl_built"):
        assert getattr(hvd, asked)() is False


def test_the_whole_package_is_below_one_name():
    assert hvd.tensorflow.init is hvd.init
    assert hvd.tensorflow.keras.callbacks is hvd.keras.callbacks is horovod_callbacks
    with pytest.raises(AttributeError, match="no 'alltoall'"):
        hvd.alltoall  # noqa: B018


def test_operators_return_what_they_are_given():
    x = tf.constant([[1.0, 2.0]])
    slices = tf.IndexedSlices(x, tf.constant([1]), tf.constant([2, 2]))
    variable = tf.get_variable("v", initializer=3.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(hvd.broadcast_global_variables(0))
        same = [hvd.allreduce(x), hvd.allgather(x), hvd.broadcast(x, 0), hvd.allreduce(x, False)]
        for found in session.run(same):
            assert found.tolist() == [[1, 2]]
        assert session.run(hvd.allreduce(slices)).indices.tolist() == [1]
        assert session.run(hvd.allreduce(variable)) == 3


def test_gradients_stay_the_very_tensors():
    w = tf.get_variable("w", initializer=[1.0])
    made = []

    class Inner(tf.train.GradientDescentOptimizer):
        def compute_gradients(self, *args, **kwargs):
            made.append(super().compute_gradients(*args, **kwargs))
            return made[-1]

    optimizer = hvd.DistributedOptimizer(Inner(0.5), name="D", use_locking=True, device_dense="x")
    assert optimizer.get_name() == "D"
    assert optimizer.compute_gradients(w * w) is made[0]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"op": hvd.Adasum}, NotImplementedError, "HCCL has no Adasum: use op=Average"),
        ({"op": "max"}, ValueError, "Average or Sum"),
        ({"backward_passes_per_step": 2}, ValueError, "only 1 is possible"),
    ],
)
def test_what_hccl_cannot_do(arguments, error, text):
    with pytest.raises(error, match=text):
        hvd.DistributedOptimizer(tf.train.GradientDescentOptimizer(1), **arguments)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: hvd.allreduce(x, True, op=hvd.Sum), ValueError, "not both"),
        (lambda x: hvd.allreduce(x, op=hvd.Adasum), NotImplementedError, "no Adasum"),
        (lambda x: hvd.broadcast(x, 1), ValueError, "no rank 1"),
        (lambda x: hvd.init([0, 1]), ValueError, "all ranks that RANK_SIZE counts"),
        (lambda x: hvd.init(object()), ValueError, "all ranks"),
        (lambda x: hvd.DistributedOptimizer("adam"), ValueError, "optimizer of tf.train"),
    ],
)
def test_wrong_arguments(call, error, text):
    with pytest.raises(error, match=text):
        call(tf.constant(1.0))


def test_a_keras_training(tmp_path):
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
    optimizer = tf.keras.optimizers.SGD(0.1, momentum=0.9)
    assert hvd.DistributedOptimizer(optimizer) is optimizer
    model.compile(optimizer, "mse")
    found = model.fit(
        np.ones([8, 2]),
        np.ones([8]),
        4,
        epochs=3,
        verbose=0,
        callbacks=[
            horovod_callbacks.BroadcastGlobalVariablesCallback(0),
            horovod_callbacks.MetricAverageCallback(),
            horovod_callbacks.LearningRateWarmupCallback(1),
            horovod_callbacks.LearningRateScheduleCallback(
                lambda epoch: 0.5**epoch, start_epoch=1, staircase=False
            ),
        ],
    )
    rates = [0.1, 0.1 * 0.5**1.5, 0.1 * 0.5**2.5]
    assert np.allclose(found.history["lr"], rates)
    assert np.allclose(tf.keras.backend.get_value(optimizer.momentum), 0.9)
    model.save(str(tmp_path / "model.h5"))
    loaded = horovod_keras.load_model(str(tmp_path / "model.h5"))
    assert np.allclose(loaded.get_weights()[0], model.get_weights()[0])
    assert type(loaded.optimizer) is tf.keras.optimizers.SGD


def test_a_schedule_needs_the_number_of_batches():
    callback = horovod_callbacks.LearningRateWarmupCallback()
    callback.set_params({})
    callback.set_model(tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))]))
    callback.model.compile("sgd", "mse")
    callback.model._make_train_function()
    with pytest.raises(ValueError, match=r"give LearningRateWarmupCallback\(steps_per_epoch"):
        callback.on_train_begin()
