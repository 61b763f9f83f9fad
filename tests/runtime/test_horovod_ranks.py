"""Horovod's functions on two ranks that exchange real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.several import on_ranks

pytestmark = pytest.mark.tf115


def test_what_the_operators_compute(tmp_path: Path) -> None:
    on_ranks(
        """
        import numpy as np
        import tensorflow as tf
        import npu_runtime.horovod as hvd
        from npu_runtime import npu_session_config

        hvd.init()
        rank = hvd.rank()
        assert (hvd.size(), hvd.local_size(), hvd.local_rank()) == (2, 2, rank)
        x = tf.constant([[1.0, 2.0]]) * (rank + 1)
        slices = tf.IndexedSlices(x, tf.constant([rank]), tf.constant([2, 2]))
        fetches = {
            "mean": hvd.allreduce(x),
            "sum": hvd.allreduce(x, average=False),
            "op": hvd.allreduce(x, op=hvd.Sum, compression=hvd.Compression.fp16),
            "within": hvd.mpi_ops._allreduce(x),
            "whole": hvd.allreduce(tf.constant([rank + 3])),
            "gathered": hvd.allgather(x),
            "of last": hvd.broadcast(x, 1),
            "slices": hvd.allreduce(slices),
            "slope": tf.gradients(hvd.allreduce(x), x)[0],
        }
        with tf.Session(config=npu_session_config()) as session:
            got = session.run(fetches)
        assert got["mean"].tolist() == [[1.5, 3]]
        assert got["sum"].tolist() == got["op"].tolist() == got["within"].tolist() == [[3, 6]]
        assert got["op"].dtype == np.float32
        assert got["whole"].tolist() == [3]
        assert got["gathered"].tolist() == [[1, 2], [2, 4]]
        assert got["of last"].tolist() == [[2, 4]]
        assert got["slices"].values.tolist() == [[0.5, 1], [1, 2]]
        assert got["slices"].indices.tolist() == [0, 1]
        assert got["slope"].tolist() == [[1, 1]]
        """,
        tmp_path,
    )


def test_gradients_are_averaged_once_whatever_is_wrapped(tmp_path: Path) -> None:
    first, second = on_ranks(
        """
        import tensorflow as tf
        import npu_runtime.horovod as hvd
        from npu_runtime import npu_optimizer, npu_session_config

        def bare(op):
            return hvd.DistributedOptimizer(tf.train.GradientDescentOptimizer(0.01), op=op)

        def outside(op):
            inner = npu_optimizer(tf.train.GradientDescentOptimizer(0.01))
            return hvd.DistributedOptimizer(inner, op=op)

        def inside(op):
            return npu_optimizer(bare(op))

        hvd.init()
        for make in (bare, outside, inside):
            for op in (hvd.Average, hvd.Sum):
                tf.reset_default_graph()
                start = tf.constant_initializer(1.0 + hvd.rank())
                w = tf.get_variable("w", [1, 1], initializer=start)
                x = tf.constant([[hvd.rank() + 1.0]])
                loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
                train = make(op).minimize(loss, tf.train.get_or_create_global_step())
                hooks = [hvd.BroadcastGlobalVariablesHook(0)]
                config = npu_session_config()
                with tf.train.MonitoredTrainingSession(hooks=hooks, config=config) as session:
                    for _ in range(3):
                        session.run(train)
                    print("%.6f" % session.run(w)[0, 0])
        hvd.shutdown()
        """,
        tmp_path,
    )
    # Gradients are 2w and 8w; their mean is 5w.
    expected = [f"{(1 - 0.01 * 5 * factor) ** 3:.6f}" for factor in (1, 2)]
    assert first == second
    assert first.split() == expected * 3


@pytest.mark.parametrize("as_dense", [False, True])
def test_a_class_that_hides_it_and_sparse_gradients(tmp_path: Path, as_dense: bool) -> None:
    first, second = on_ranks(
        """
        import tensorflow as tf
        import npu_runtime.horovod as horovod
        from npu_runtime import npu_session_config

        class Comm(object):
            def __init__(self, lib):
                self._lib = lib
                self._lib.init()

            def __getattr__(self, name):
                return getattr(self._lib, name)

        comm = Comm(horovod.tensorflow)
        table = tf.get_variable("table", [4, 2], initializer=tf.ones_initializer())
        rows = tf.nn.embedding_lookup(table, [comm.rank(), 2])
        optimizer = comm.DistributedOptimizer(
            tf.train.MomentumOptimizer(0.5, 0.9), sparse_as_dense=AS_DENSE)
        train = optimizer.minimize(tf.reduce_sum(rows))
        with tf.Session(config=npu_session_config()) as session:
            session.run(tf.global_variables_initializer())
            session.run(comm.broadcast_global_variables(0))
            session.run(train)
            print(session.run(table).tolist(), optimizer.get_slot_names())
        """.replace("AS_DENSE", str(as_dense)),
        tmp_path,
    )
    assert first == second
    assert first == "[[0.75, 0.75], [0.75, 0.75], [0.5, 0.5], [1.0, 1.0]] ['momentum']\n"


def test_keras_with_its_callbacks(tmp_path: Path) -> None:
    first, second = on_ranks(
        """
        import numpy as np
        import tensorflow as tf
        import npu_runtime.horovod_keras as hvd
        from npu_runtime import use_npu_keras_session

        hvd.init()
        rank = hvd.rank()
        session = use_npu_keras_session()
        rng = np.random.RandomState(rank)
        x = rng.rand(16, 3)
        y = x.sum(1)
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(3,))])
        optimizer = hvd.DistributedOptimizer(tf.keras.optimizers.SGD(0.02, momentum=0.5))
        model.compile(optimizer, "mse")
        logs = []

        class Log(tf.keras.callbacks.Callback):
            def on_epoch_end(self, epoch, found=None):
                logs.append({key: round(float(value), 5) for key, value in found.items()})

        model.fit(x, y, 8, epochs=4, verbose=0, callbacks=[
            hvd.callbacks.BroadcastGlobalVariablesCallback(0),
            hvd.callbacks.MetricAverageCallback(),
            hvd.callbacks.LearningRateWarmupCallback(2),
            hvd.callbacks.LearningRateScheduleCallback(0.1, start_epoch=3),
            Log(),
        ])
        assert [log["lr"] for log in logs] == [0.015, 0.02, 0.02, 0.002]
        assert hvd.allreduce(float(rank)) == 0.5
        assert hvd.allgather([rank]).tolist() == [0, 1]
        assert hvd.broadcast([rank], 1).tolist() == [1]
        if rank == 0:
            model.save("model.h5")
        hvd.allreduce(0.0)  # the file is there
        model = hvd.load_model("model.h5")
        model.fit(x, y, 8, epochs=2, verbose=0)
        print(logs, [array.tolist() for array in model.get_weights()])
        """,
        tmp_path,
    )
    assert first == second
