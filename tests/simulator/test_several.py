"""What is watched where a job has several ranks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulator.processes import NPU, Event, simulate
from tests.simulator.test_ranks import works
from tests.tf115 import required_tf115

pytestmark = pytest.mark.tf115

RUNTIME = Path(__file__).parents[2] / "migrate" / "runtime"
WATCHED = {"variables", "gradients", "batch", "shard", "element", "write"}


def events(trace: list[Event], kind: str) -> list[Event]:
    return [event for event in trace if event.kind == kind]


def test_one_rank_is_not_watched(tmp_path: Path) -> None:
    done = simulate(
        NPU
        + """
w = tf.get_variable("w", [2])
loss = tf.reduce_sum(w * tf.data.Dataset.range(4).shard(2, 0).batch(2)
                     .map(tf.to_float).make_one_shot_iterator().get_next())
step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run(step)
open("file", "w").close()
""",
        tmp_path,
        python=required_tf115().python,
    )
    assert done.code == 0, done.error
    (trace,) = done.traces
    assert not WATCHED & {event.kind for event in trace}


def test_keras_fit(tmp_path: Path) -> None:
    done = works(
        """
        model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(3,), use_bias=False)])
        model.compile(npu_keras_optimizer(tf.keras.optimizers.SGD(0.1, 0.9)), "mse")
        model.set_weights([np.ones([3, 1])])
        x = np.random.RandomState(rank).rand(8, 3)
        history = model.fit(x, x.sum(1), batch_size=4, epochs=2, verbose=0, shuffle=False)
        assert len(history.history["loss"]) == 2
        """,
        tmp_path,
    )
    for trace in done.events:
        steps = events(trace, "gradients")
        assert [step["step"] for step in steps] == [1, 2, 3, 4]
        assert all(list(step["gradients"]) == ["dense/kernel"] for step in steps)
        assert steps[0]["gradients"]["dense/kernel"]["reduced"]
        assert [event["step"] for event in events(trace, "variables")] == [0, 1, 2, 4]
        # Four rows a run; labels do not tell one row from another.
        rows = [list(event["rows"].values()) for event in events(trace, "batch")]
        assert [[len(own) for own in one] for one in rows] == [[4]] * 4
    first, second = ([e.fields for e in events(trace, "variables")] for trace in done.events)
    for one, other in zip(first, second, strict=True):
        assert one["trained"] == other["trained"]


def test_gradients_that_cannot_be_looked_at(tmp_path: Path) -> None:
    done = works(
        """
        w = tf.get_variable("w", [2], initializer=tf.ones_initializer())
        kept = tf.get_variable("kept", [2], trainable=False)
        descend = tf.train.GradientDescentOptimizer(0.1)
        accumulated = descend.apply_gradients([(kept.value() / 2.0, w)])

        def body(number):
            with tf.control_dependencies([descend.apply_gradients([(tf.ones([2]), w)])]):
                return number + 1

        looped = tf.while_loop(lambda number: number < 3, body, [tf.constant(0)])
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(accumulated)
            session.run(looped)
        """,
        tmp_path,
    )
    steps = events(done.events[0], "gradients")
    assert [(step["unseen"], step["gradients"]) for step in steps] == []
    assert len(events(done.events[0], "variables")) == 3


def test_rows_of_an_embedding(tmp_path: Path) -> None:
    done = works(
        """
        table = tf.get_variable("table", [8, 3])
        picked = tf.nn.embedding_lookup(table, tf.constant([rank, rank + 1]))
        adagrad = npu_tf_optimizer(tf.train.AdagradOptimizer(0.1))
        step = adagrad.minimize(tf.reduce_sum(tf.square(picked - 1)))
        with tf.train.MonitoredSession(hooks=npu_hooks_append([])) as session:
            session.run(step)
        """,
        tmp_path,
    )
    [one], [other] = (
        [e["gradients"]["table"] for e in events(t, "gradients")] for t in done.events
    )
    assert one["applied"] == other["applied"]
    assert one["own"] != other["own"]
    mean = (one["sums"][0] + other["sums"][0]) / 2
    assert one["factors"][-1] * one["reduced_sums"][0] == pytest.approx(mean)


def test_what_a_port_s_runtime_keeps(tmp_path: Path) -> None:
    done = works(
        f"""
        import json
        sys.path.insert(0, {str(RUNTIME)!r})
        devices = [dict(device_id=str(r), device_ip="192.168.1.%d" % r, rank_id=str(r))
                   for r in range(2)]
        servers = [dict(server_id="127.0.0.1", device=devices)]
        table = dict(version="1.0", status="completed", server_count="1", server_list=servers)
        with open("table%d" % rank, "w") as file:
            json.dump(table, file)
        os.environ.update(RANK_TABLE_FILE="table%d" % rank, DEVICE_ID=str(rank))
        from npu_runtime import npu_shard
        names = npu_shard(["picture %d" % number for number in range(5)])
        reader = npu_shard(tf.TextLineReader())
        with open("lines%d" % rank, "w") as lines:
            lines.write("one\\ntwo\\nthree\\nfour\\nfive\\nsix\\n")
        queue = tf.train.string_input_producer(["lines%d" % rank], num_epochs=1)
        key, value = reader.read(queue)
        data = tf.data.Dataset.range(6).batch(2).map(lambda x: (x,)).shard(2, rank)
        (following,) = data.make_one_shot_iterator().get_next()
        config = npu_config_proto(tf.ConfigProto())
        added = config.graph_options.rewrite_options.custom_optimizers[0]
        added.parameter_map["mix_compile_mode"].b = True
        with tf.Session(config=config) as session:
            session.run(tf.local_variables_initializer())
            threads = tf.train.start_queue_runners(session)
            try:
                while True:
                    session.run([key, value])
            except tf.errors.OutOfRangeError:
                pass
            session.run(following)
        """,
        tmp_path,
    )
    trace = done.events[0]
    listed, read, split = events(trace, "shard")
    assert (split["number"], split["index"]) == (2, 0)

    def told(shard: Event, kept: bool) -> list[str]:
        return [
            digest
            for event in events(trace, "element")
            if (event["place"], event["kept"]) == (shard["place"], kept)
            for digest in event["elements"]
        ]

    assert len(told(listed, False)) == 5 and len(told(listed, True)) in (2, 3)
    assert len(told(read, False)) == 6 and 0 < len(told(read, True)) < 6
    assert len(told(split, False)) == len(told(split, True)) == 2, "rows of a batch"
