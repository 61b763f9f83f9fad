"""Several ranks of one job on this machine, with real data."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.simulator.processes import SIMULATOR, Event, on_ranks, read
from tests.tf115 import required_tf115

pytestmark = pytest.mark.tf115

HEAD = """
import os, sys, time
import numpy as np
from npu_bridge.npu_init import *
rank = int(os.environ["RANK_ID"])

def run(fetches, threads=0, feeds=None):
    config = tf.ConfigProto(inter_op_parallelism_threads=threads)
    with tf.Session(config=config) as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feeds)
"""


class Job(NamedTuple):
    """What came of a job, rank by rank."""

    codes: list[int]
    outs: list[str]
    errors: list[str]
    events: list[list[Event]]


def job(script: str, folder: Path, ranks: int = 2) -> Job:
    """Runs a script on several ranks; one that waits longer than a minute is stopped."""
    (folder / "program.py").write_text(HEAD + textwrap.dedent(script))
    done = on_ranks(["program.py"], folder, ranks)
    return Job(
        [process.returncode for process in done],
        [process.stdout for process in done],
        [process.stderr for process in done],
        sorted(read(folder / "trace"), key=lambda events: events[0]["rank"]),
    )


def works(script: str, folder: Path, ranks: int = 2) -> Job:
    done = job(script, folder, ranks)
    assert done.codes == [0] * ranks, done.errors
    return done


def test_what_collectives_compute(tmp_path: Path) -> None:
    done = works(
        """
        x = tf.constant([[1.0, 2.0], [3.0, 4.0]]) * (rank + 1)
        create_group("last", 2, [1, 2])
        fetches = {
            "sum": hccl_ops.allreduce(x, "sum"),
            "prod": hccl_ops.allreduce(x, "prod"),
            "max": hccl_ops.allreduce(x, "max"),
            "min": hccl_ops.allreduce(x, "min"),
            "ints": hccl_ops.allreduce(tf.constant([rank]), "sum"),
            "gather": hccl_ops.allgather(tf.constant([[rank, rank]]), 3),
            "broadcast": hccl_ops.broadcast([x, tf.constant([rank])], 1),
            "scatter": hccl_ops.reduce_scatter(tf.range(6) * (rank + 1), "sum", 3),
            "reduce": hccl_ops.reduce(tf.constant([1 + rank]), "sum", 2),
            "slope": tf.gradients(hccl_ops.allreduce(x, "sum"), x, x),
            "slices": npu_allreduce(
                tf.IndexedSlices(tf.fill([1, 2], 3.0 * rank), tf.constant([rank]),
                                 tf.constant([3, 2]))),
        }
        if rank:
            fetches["group"] = hccl_ops.allreduce(x[0], "sum", group="last")
        got = run(fetches)
        assert got["sum"].tolist() == [[6, 12], [18, 24]]
        assert got["prod"].tolist() == [[6, 48], [162, 384]]
        assert got["max"].tolist() == [[3, 6], [9, 12]]
        assert got["min"].tolist() == [[1, 2], [3, 4]]
        assert got["ints"].tolist() == [3]
        assert got["gather"].tolist() == [[0, 0], [1, 1], [2, 2]]
        assert [part.tolist() for part in got["broadcast"]] == [[[2, 4], [6, 8]], [1]]
        assert got["scatter"].tolist() == [12 * rank, 12 * rank + 6]
        assert got["reduce"].tolist() == ([6] if rank == 2 else [1 + rank])
        assert got["slope"][0].tolist() == [[6, 12], [18, 24]]
        assert got["slices"].indices.tolist() == [0, 1, 2]
        assert got["slices"].values.tolist() == [[0, 0], [1, 1], [2, 2]]
        assert not rank or got["group"].tolist() == [5, 10]
        static = [fetches[key].shape.as_list() for key in ("sum", "gather", "scatter")]
        assert static == [[2, 2], [3, 2], [2]], static
        """,
        tmp_path,
        ranks=3,
    )
    kinds = {event["kind"] for event in done.events[0] if event.kind == "collective"}
    assert kinds == {
        "HcomAllReduce",
        "HcomAllGather",
        "HcomBroadcast",
        "HcomReduceScatter",
        "HcomReduce",
    }
    operators = [event["ops"] for event in done.events[0] if event.kind == "graph"]
    assert not any("PyFunc" in counts for counts in operators)
    assert not any(event["unsinkable"] for event in done.events[0] if event.kind == "graph")


def test_training_is_that_of_one_rank_with_all_the_data(tmp_path: Path) -> None:
    done = works(
        """
        data = np.random.RandomState(0).rand(8, 3).astype(np.float32)

        def train(wrap, part):
            with tf.Graph().as_default():
                tf.set_random_seed(rank)
                x = tf.placeholder(tf.float32, [None, 3])
                w = tf.get_variable("w", [3, 2], initializer=tf.random_normal_initializer())
                b = tf.get_variable("b", [2], initializer=tf.zeros_initializer())
                loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - 1))
                step = wrap(tf.train.GradientDescentOptimizer(0.1)).minimize(loss)
                start = tf.assign(w, tf.ones_like(w)).op
                with tf.train.MonitoredSession(hooks=npu_hooks_append([])) as session:
                    session.run(start)
                    for _ in range(3):
                        session.run(step, {x: part})
                    return session.run(w)

        alone = train(lambda sgd: sgd, data)
        for wrap in (
            npu_tf_optimizer,
            npu_distributed_optimizer_wrapper,
            lambda sgd: NPUOptimizer(sgd, is_distributed=True),
            lambda sgd: NPULossScaleOptimizer(
                npu_tf_optimizer(sgd), FixedLossScaleManager(8), is_distributed=True),
        ):
            mine = train(wrap, data[rank::2])
            assert np.allclose(mine, alone, atol=1e-6), (mine, alone)
            print(mine.tolist())
        """,
        tmp_path,
    )
    assert done.outs[0] == done.outs[1]  # To the bit.


def test_an_overflow_on_one_rank_is_one_on_all(tmp_path: Path) -> None:
    works(
        """
        w = tf.Variable(1.0)
        factor = tf.constant(float("inf") if rank else 1.0)
        manager = ExponentialUpdateLossScaleManager(64, 100, 1, 2, 0.5)
        optimizer = NPULossScaleOptimizer(
            tf.train.GradientDescentOptimizer(0.5), manager, is_distributed=True)
        step = optimizer.minimize(w * factor)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(step)
            assert session.run([w, manager.get_loss_scale()]) == [1.0, 32.0]
        """,
        tmp_path,
    )


def test_every_way_to_start_from_the_same_variables(tmp_path: Path) -> None:
    works(
        """
        weights = [tf.Variable(float(rank)), tf.Variable([rank + 1.0, rank + 2.0])]
        own = tf.Variable(float(rank), trainable=False)
        with tf.train.MonitoredSession(hooks=npu_hooks_append()) as session:
            got = session.run(weights + [own])
        assert [value.tolist() for value in got] == [0, [1, 2], float(rank)]

        tf.reset_default_graph()
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,), use_bias=False)])
        model.compile(npu_keras_optimizer(tf.keras.optimizers.SGD(0.25)), "mse")
        model.set_weights([np.full([1, 1], 1.0 + rank)])
        model.fit(np.full([2, 1], 1.0), np.full([2, 1], 2.0 * rank), batch_size=2, verbose=0,
                  callbacks=npu_callbacks_append())
        # From 1 on both ranks; the gradients 2 * (1 - 0) and 2 * (1 - 2) average to 0.
        assert model.get_weights()[0].tolist() == [[1.0]], model.get_weights()
        """,
        tmp_path,
    )


def test_ranks_and_an_estimator(tmp_path: Path) -> None:
    works(
        """
        from npu_bridge.estimator.npu.npu_config import NPURunConfig
        session, shutdown = init_resource()
        assert (get_npu_rank_id(), get_npu_rank_size()) == (rank, 2)
        assert (get_rank_id(), get_local_rank_id(), get_local_rank_size()) == (rank, rank, 2)
        assert npu_strategy.NPUStrategy().num_replicas_in_sync == 2
        shutdown_resource(session, shutdown)
        close_session(session)

        def model_fn(features, labels, mode):
            w = tf.get_variable("w", [], initializer=tf.constant_initializer(rank + 1.0))
            loss = tf.square(w - features)
            step = tf.train.get_or_create_global_step()
            train = npu_tf_optimizer(tf.train.GradientDescentOptimizer(0.25)).minimize(loss, step)
            return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)

        estimator = NPUEstimator(model_fn, config=NPURunConfig(model_dir="m%d" % rank))
        estimator.train(lambda: tf.data.Dataset.from_tensors(2.0 * rank).repeat(), steps=1)
        assert estimator.get_variable_value("w") == 1.0  # 1 - 0.25 * mean of 2 and -2
        """,
        tmp_path,
    )


def test_any_order_and_a_single_thread(tmp_path: Path) -> None:
    works(
        """
        def late(x):
            time.sleep(0.2)
            return x

        values = []
        for number in range(20):
            x = tf.constant([float(number)])
            # One rank computes the even ones last, the other the odd ones.
            if number % 2 == rank:
                x = tf.py_func(late, [x], tf.float32)
                x.set_shape([1])
            with tf.device("/cpu:0"):
                values.append(hccl_ops.allreduce(x, "sum"))
        config = npu_config_proto(tf.ConfigProto(
            inter_op_parallelism_threads=1, intra_op_parallelism_threads=1))
        config.graph_options.rewrite_options.custom_optimizers[0].parameter_map[
            "mix_compile_mode"].b = True
        with tf.Session(config=config) as session:
            for _ in range(2):
                assert [v.tolist() for v in session.run(values)] == [[2.0 * n] for n in range(20)]
        """,
        tmp_path,
    )


def test_ranks_that_disagree(tmp_path: Path) -> None:
    done = works(
        """
        for make in (
            lambda: hccl_ops.allreduce(tf.zeros([2 + rank]), "sum"),
            lambda: hccl_ops.allreduce(tf.zeros([2]), "sum" if rank else "max"),
            lambda: hccl_ops.allreduce(tf.zeros([2], [tf.float32, tf.int32][rank]), "sum"),
            lambda: hccl_ops.broadcast([tf.zeros([2])], rank),
        ):
            tf.reset_default_graph()
            with tf.name_scope("mine"):
                value = make()
            try:
                run(value)
            except tf.errors.UnknownError as error:
                print(str(error).split("CollectiveError: ")[1].splitlines()[0])
            else:
                raise AssertionError
        """,
        tmp_path,
    )
    lines = [sorted(out.splitlines()) for out in done.outs]
    assert lines[0] == lines[1]
    for words in (
        "mine/HcomAllReduce, run 1: shape of tensor 0 is ",
        "mine/HcomAllReduce, run 2: reduction is ",
        "mine/HcomAllReduce, run 3: dtype of tensor 0 is ",
        "mine/HcomBroadcast, run 1: root is ",
    ):
        (line,) = [line for line in lines[0] if words in line]
        assert line.startswith("the ranks disagree about Hcom")


FAILURES = {
    "dead": (
        """
        x = hccl_ops.allreduce(tf.zeros([2]), "sum")
        with tf.Session() as session:
            session.run(x)
            if rank:
                os._exit(9)
            session.run(x)
        """,
        "rank 1 was lost (it crashed, or was killed), but rank 0 waits for it in ",
    ),
    "early": (
        """
        x = hccl_ops.allreduce(tf.zeros([2]), "sum")
        with tf.Session() as session:
            for _ in range(3 - rank):
                session.run(x)
        """,
        "rank 1 has ended, but rank 0 waits for it in HcomAllReduce HcomAllReduce, run 3",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_job_that_fails_says_why_and_ends(tmp_path: Path, name: str) -> None:
    script, words = FAILURES[name]
    done = job(script, tmp_path)
    assert done.codes[0] == 1
    assert done.codes[1] == {"dead": 9, "early": 0}[name]
    assert words in done.errors[0]
    problems = [event for event in done.events[0] if event.kind == "problem"]
    code = {"dead": "lost-rank", "early": "collective"}[name]
    assert [(event["code"], event["severity"]) for event in problems] == [(code, "error")]
    assert words in problems[0]["message"]


def test_without_a_hub(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(HEAD + "run(hccl_ops.allreduce(tf.zeros([2]), 'sum'))")
    done = subprocess.run(
        [required_tf115().python, "-W", "ignore", "program.py"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SIMULATOR),
            "RANK_ID": "0",
            "RANK_SIZE": "2",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "start the job with migrate simulate --ranks 2" in done.stderr
