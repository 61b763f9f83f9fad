"""Several ranks train as one: equal variables, averaged gradients, one rank that writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.jobs import works

pytestmark = pytest.mark.tf115

# A program that trains in a session of its own per function, on a rank's own part of the data.
TRAIN = """
def losses():
    x = tf.placeholder_with_default(MINE, [None, 3])
    w, b = weights("w"), weights("b", [2])
    hidden = tf.matmul(x, w) + b
    d_loss = tf.reduce_mean(tf.square(hidden - 1))
    v = weights("v", [2, 1])
    g_loss = tf.reduce_mean(tf.square(tf.matmul(hidden, v) + 2))
    return [w, b], d_loss, [v], g_loss


def sgd():
    return tf.train.GradientDescentOptimizer(0.05)


def session():
    opened = tf.Session(config=npu_session_config())
    opened.run(tf.global_variables_initializer())
    return opened


def trained(variables, *fetches):
    with session() as run:
        before = run.run(variables)
        for _ in range(3):
            for fetch in fetches:
                run.run(fetch)
        return before, run.run(variables)
"""
SESSIONS = """
def minimize():
    ours, loss, _, _ = losses()
    step = npu_optimizer(tf.train.AdamOptimizer(0.1)).minimize(loss)
    return trained(ours, [step, loss])


def gan():
    d_vars, d_loss, g_vars, g_loss = losses()
    d_step = npu_optimizer(sgd()).minimize(d_loss, var_list=d_vars)
    g_step = npu_optimizer(tf.train.AdamOptimizer(0.1)).minimize(g_loss, var_list=g_vars)
    return trained(d_vars + g_vars, d_step, {"g": (g_step, g_loss)})


def clipped():
    ours, loss, _, _ = losses()
    optimizer = npu_optimizer(tf.train.MomentumOptimizer(0.05, 0.9))
    pairs = optimizer.compute_gradients(loss, ours)
    gradients, _ = tf.clip_by_global_norm([gradient for gradient, _ in pairs], 0.5)
    return trained(ours, optimizer.apply_gradients(zip(gradients, ours)))


def applied_only():
    ours, loss, _, _ = losses()
    gradients = [tf.clip_by_norm(gradient, 5.0) for gradient in tf.gradients(loss, ours)]
    return trained(ours, npu_optimizer(sgd()).apply_gradients(zip(gradients, ours)))


def scaled_and_applied():
    ours, loss, _, _ = losses()
    gradients, _ = tf.clip_by_global_norm(npu_gradients(loss, ours), 0.5)
    return trained(ours, npu_optimizer(sgd()).apply_gradients(zip(gradients, ours)))


def noisy():
    ours, loss, _, _ = losses()
    optimizer = npu_optimizer(sgd())
    pairs = optimizer.compute_gradients(loss, ours)
    pairs = [(gradient + tf.random_normal([2]), variable) for gradient, variable in pairs]
    return trained(ours, optimizer.apply_gradients(pairs))


def accumulated(gradients=tf.gradients):
    ours, loss, _, _ = losses()
    sums = [tf.Variable(tf.zeros_like(v.initialized_value()), trainable=False) for v in ours]
    add = [tf.assign_add(s, g) for s, g in zip(sums, gradients(loss, ours))]
    clear = [tf.assign(s, tf.zeros_like(s)) for s in sums]
    step = npu_optimizer(sgd()).apply_gradients(zip([s / 2 for s in sums], ours))
    return trained(ours, step, clear, add, add, step)


def scaled_and_accumulated():
    return accumulated(npu_gradients)


def sparse():
    table = weights("table", [8, 2])
    rows = tf.nn.embedding_lookup(table, tf.range(RANK, RANK + 3))
    return trained([table], npu_optimizer(sgd()).minimize(tf.reduce_sum(tf.square(rows - 1))))


def by_callable():
    ours, loss, _, _ = losses()
    step = npu_optimizer(sgd()).minimize(loss)
    with session() as run:
        before = run.run(ours)
        train = run.make_callable(step)
        for _ in range(3):
            train()
        return before, run.run(ours)


def finalized():
    ours, loss, _, _ = losses()
    step = npu_optimizer(sgd()).minimize(loss)
    late = tf.Variable(1.0, name="never_initialized")
    flag = tf.Variable(RANK == 0)
    double = tf.Variable(np.float64(RANK))
    variables = ours + [flag, double]
    start = tf.variables_initializer([v for v in tf.global_variables() if v is not late])
    before = tf.stack([tf.cast(flag, tf.float64), double])
    tf.get_default_graph().finalize()
    with tf.Session(config=npu_session_config(mix_compile_mode=True)) as run:
        run.run(start)
        before = run.run(before)
        run.run(step)
        after = run.run(variables)
        assert tf.get_default_graph().finalized
        assert after[-2:] == [True, 0.0], after
        return before, after[:-2]


def by_keras():
    npu_runtime.use_npu_keras_session()
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
    optimizer = npu_optimizer(tf.train.GradientDescentOptimizer(0.1))
    model.compile(optimizer, "mse")
    before = model.get_weights()
    model.fit(MINE, MINE[:, :2], batch_size=4, epochs=2, verbose=0)
    return before, model.get_weights()


before, after = {}, {}
ways = [minimize, gan, clipped, applied_only, noisy, accumulated, sparse, by_callable, finalized]
ways += [scaled_and_applied, scaled_and_accumulated]
if os.environ["NPU_PRECISION_MODE"] == "none":
    ways.append(by_keras)  # which does not initialize the loss scale
for way in ways:
    with tf.Graph().as_default():
        tf.set_random_seed(7 + RANK)
        values = way()
    before[way.__name__], after[way.__name__] = (
        [np.asarray(value).tolist() for value in each] for each in values
    )
result(before=before, after=after)
"""


@pytest.mark.parametrize("mode", ["none", "allow_mix_precision"])
def test_ranks_end_with_the_same_variables(tmp_path: Path, mode: str) -> None:
    first, second = works(TRAIN + SESSIONS, tmp_path, NPU_PRECISION_MODE=mode).results
    assert first["after"] == second["after"]  # to the bit
    for way, values in first["before"].items():
        assert values != second["before"][way]
        assert values != first["after"][way]


@pytest.mark.parametrize(
    "pairs", ["optimizer.compute_gradients(loss, [w])", "zip(npu_gradients(loss, [w]), [w])"]
)
def test_overflow_on_one_rank_is_skipped_by_all(tmp_path: Path, pairs: str) -> None:
    first, second = works(
        f"""
        w = tf.get_variable("w", [2], initializer=tf.ones_initializer())
        factor = tf.placeholder(tf.float32, [])
        loss = tf.reduce_sum(w) * factor
        optimizer = npu_optimizer(tf.train.GradientDescentOptimizer(0.5))
        step = optimizer.apply_gradients({pairs})
        with tf.Session(config=npu_session_config()) as session:
            session.run(tf.global_variables_initializer())
            after = []
            for overflows in (True, False):
                session.run(step, {{factor: np.inf if overflows and RANK else 1 + RANK}})
                after.append(session.run(w))
            result(after=after)
        """,
        tmp_path,
        NPU_PRECISION_MODE="allow_mix_precision",
    ).results
    assert first == second == {"after": [[1.0, 1.0], [0.25, 0.25]]}


def test_two_ranks_are_one_with_twice_the_batch(tmp_path: Path) -> None:
    script = (
        TRAIN
        + """
ours, loss, _, _ = losses()
step = npu_optimizer(sgd()).minimize(loss)
with session() as run:
    run.run([v.assign(tf.ones_like(v) * (0.5 if RANK == 0 else 0.1)) for v in ours])
    for _ in range(10):
        run.run(step)
    result(after=[np.append(*run.run([tf.reshape(v, [-1]) for v in ours]))])
"""
    )
    (alone,) = works(script, tmp_path, ranks=1).results
    first, second = works(script, tmp_path, ranks=2).results
    assert first == second
    assert first["after"][0] == pytest.approx(alone["after"][0], rel=1e-5)


@pytest.mark.parametrize(
    "step",
    [
        "step = optimizer.minimize(loss, var_list=mine)",
        "step = optimizer.minimize(loss, None, mine)",
        "step = optimizer.apply_gradients(zip(tf.gradients(loss, mine), mine))",
        "pairs = optimizer.compute_gradients(loss, mine);"
        "step = optimizer.apply_gradients(zip([gradient for gradient, _ in pairs], mine))",
    ],
)
def test_ranks_may_list_their_variables_in_different_orders(tmp_path: Path, step: str) -> None:
    first, second = works(
        f"""
        made = [tf.get_variable(n, [2], initializer=tf.ones_initializer()) for n in "abcd"]
        loss = tf.add_n([(3 * n + RANK) * tf.reduce_sum(v) for n, v in enumerate(made)])
        mine = made[::-1] if RANK else [made[2], made[0], made[3], made[1]]
        optimizer = npu_optimizer(tf.train.GradientDescentOptimizer(1.0))
        {step}
        with tf.Session(config=npu_session_config()) as session:
            session.run(tf.global_variables_initializer())
            session.run(step)
            result(after=session.run(made))
        """,
        tmp_path,
    ).results
    assert first == second == {"after": [[0.5 - 3 * n] * 2 for n in range(4)]}


def test_an_inner_average_is_not_averaged_again(tmp_path: Path) -> None:
    done = works(
        """
        from npu_bridge.npu_init import npu_tf_optimizer
        from npu_runtime import horovod

        horovod.init()
        counts = []
        for wrap in (
            npu_optimizer,
            lambda sgd: npu_optimizer(npu_tf_optimizer(sgd)),
            lambda sgd: npu_optimizer(horovod.DistributedOptimizer(sgd)),
            lambda sgd: horovod.DistributedOptimizer(npu_optimizer(sgd)),
            lambda sgd: npu_optimizer(npu_optimizer(sgd)),
        ):
            with tf.Graph().as_default() as graph:
                w = weights("w")
                wrap(tf.train.GradientDescentOptimizer(0.1)).minimize(tf.reduce_sum(w))
                counts.append(len([op for op in graph.get_operations() if op.type == "PyFunc"]))
        with tf.Graph().as_default() as graph:
            w = weights("w")
            gradients = [horovod.allreduce(g) for g in tf.gradients(tf.reduce_sum(w), [w])]
            optimizer = npu_optimizer(tf.train.GradientDescentOptimizer(0.1))
            optimizer.apply_gradients(zip(gradients, [w]))
            counts.append(len([op for op in graph.get_operations() if op.type == "PyFunc"]))
        with tf.Graph().as_default() as graph:
            rows = tf.nn.embedding_lookup(weights("table", [8, 2]), [RANK])
            optimizer = npu_optimizer(tf.train.GradientDescentOptimizer(0.1))
            [(gradient, table)] = optimizer.compute_gradients(tf.reduce_sum(rows))
            optimizer.apply_gradients([(tf.expand_dims(gradient, 0)[0], table)])
            counts.append(len([op for op in graph.get_operations() if op.type == "PyFunc"]))
        result(counts=counts)
        """,
        tmp_path,
    )
    # Of slices, the values and their places are gathered.
    assert done.results == [{"counts": [1] * 6 + [2]}] * 2


def test_a_training_that_averages_nothing_is_told(tmp_path: Path) -> None:
    done = works(
        """
        from npu_bridge.npu_init import npu_tf_optimizer

        for wrap in (npu_tf_optimizer, npu_optimizer, lambda alone: alone):
            with tf.Graph().as_default():
                alone = tf.train.AdamOptimizer(name=getattr(wrap, "__name__", "alone").strip("<>"))
                step = wrap(alone).minimize(tf.reduce_sum(weights("w")))
                with tf.Session(config=npu_session_config()) as session:
                    session.run(tf.global_variables_initializer())
                    for _ in range(2):
                        session.run(step)
        """,
        tmp_path,
    )
    for rank, output in enumerate(done.outputs):
        told = [line for line in output.splitlines() if line.startswith("npu_runtime:")]
        assert told == [
            f"npu_runtime: rank {rank} of 2 trains alone: nothing averages the gradients of lambda"
            " over the ranks; wrap the optimizer in npu_optimizer(...)"
        ]


FILES = """
def build():
    loss = tf.reduce_mean(tf.square(tf.matmul(tf.constant(MINE), weights("w")) - 1))
    count = tf.train.get_or_create_global_step()
    tf.summary.scalar("loss", loss)
    optimizer = npu_optimizer(tf.train.GradientDescentOptimizer(0.05))
    return optimizer.minimize(loss, global_step=count), count


def by_hand():
    step, count = build()
    saver = tf.train.Saver()
    with tf.Session(config=npu_session_config()) as session:
        session.run(tf.global_variables_initializer())
        writer = tf.summary.FileWriter("hand/events", session.graph)
        tf.train.write_graph(session.graph_def, "hand", "graph.pbtxt")
        for _ in range(2):
            session.run(step)
            writer.add_summary(session.run(tf.summary.merge_all()), 1)
            path = saver.save(session, "hand/model", global_step=count)
            saver.restore(session, path)
        writer.close()
        saver.save(session, "hand/last")
        saver.export_meta_graph("hand/exported.meta")
        return path


def supervised():
    step, count = build()
    supervisor = tf.train.Supervisor(logdir="supervised", save_summaries_secs=1, save_model_secs=1)
    with supervisor.managed_session(config=npu_session_config()) as session:
        for _ in range(2):
            session.run(step)
        supervisor.saver.save(session, "supervised/model.ckpt", global_step=count)
    return tf.train.latest_checkpoint("supervised")


def monitored():
    step, count = build()
    with tf.train.MonitoredTrainingSession(
        checkpoint_dir="monitored", save_checkpoint_steps=2, save_summaries_steps=1,
        hooks=[tf.train.StopAtStepHook(num_steps=3)], config=npu_session_config(),
    ) as session:
        while not session.should_stop():
            session.run(step)
    return tf.train.latest_checkpoint("monitored")


def model_fn(features, mode):
    step, _ = build()
    loss = tf.reduce_mean(features)
    return tf.estimator.EstimatorSpec(mode, predictions=features, loss=loss, train_op=step)


def input_fn():
    return tf.data.Dataset.from_tensors(MINE).repeat(3)


def estimated():
    config = tf.estimator.RunConfig(model_dir="estimated", save_checkpoints_steps=2)
    estimator = tf.estimator.Estimator(model_fn, config=npu_run_config(config))
    tf.estimator.train_and_evaluate(
        estimator, tf.estimator.TrainSpec(input_fn, max_steps=3),
        tf.estimator.EvalSpec(input_fn, steps=1, start_delay_secs=0, throttle_secs=0))
    assert estimator.evaluate(input_fn, steps=1)["global_step"] == 3
    return estimator.latest_checkpoint()


def by_keras():
    npu_runtime.use_npu_keras_session()
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
    model.compile(npu_optimizer(tf.train.GradientDescentOptimizer(0.1)), "mse")
    os.makedirs("keras", exist_ok=True)
    model.fit(MINE, MINE[:, :2], verbose=0, callbacks=[
        tf.keras.callbacks.ModelCheckpoint("keras/best.h5", verbose=0),
        tf.keras.callbacks.TensorBoard("keras/events")])
    model.save_weights("keras/weights")
    model.save("keras/whole.h5")


paths = {}
for way in (by_hand, supervised, monitored, estimated, by_keras):
    with tf.Graph().as_default():
        tf.set_random_seed(7 + RANK)
        paths[way.__name__] = way()
written = []
for name in ("hand", "supervised", "monitored", "estimated"):
    reader = tf.train.load_checkpoint(name)
    written.append([reader.get_tensor("global_step"), reader.get_tensor("w")])
result(paths=paths, written=written)
"""


def test_rank_0_alone_writes_and_all_read(tmp_path: Path) -> None:
    first, second = works(
        "os.umask(0o077 if RANK else 0o022)  # tells who has made a file\n" + FILES, tmp_path
    ).results
    assert first == second
    ways = ("hand", "supervised", "monitored", "estimated", "keras")
    files = [path for way in ways for path in (tmp_path / way).rglob("*") if path.is_file()]
    assert [path for path in files if not path.stat().st_mode & 0o040] == []
    names = {str(path.relative_to(tmp_path)).split(".1", 1)[0] for path in files}
    assert names >= {
        "hand/events/events.out.tfevents",
        "hand/graph.pbtxt",
        "hand/exported.meta",
        "hand/model-2.index",
        "hand/last.index",
        "supervised/model.ckpt-2.index",
        "monitored/model.ckpt-3.index",
        "monitored/events.out.tfevents",
        "monitored/graph.pbtxt",
        "estimated/model.ckpt-3.index",
        "estimated/eval/events.out.tfevents",
        "keras/best.h5",
        "keras/whole.h5",
        "keras/weights.index",
    }


RESUME = """
def run(steps):
    with tf.Graph().as_default():
        tf.set_random_seed(7 + RANK)
        w = weights("w")
        loss = tf.reduce_mean(tf.square(tf.matmul(tf.constant(MINE), w) - 1))
        count = tf.train.get_or_create_global_step()
        step = npu_optimizer(tf.train.MomentumOptimizer(0.05, 0.9)).minimize(loss, count)
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=FOLDER, hooks=[tf.train.StopAtStepHook(last_step=steps)],
            save_checkpoint_steps=100, config=npu_session_config(),
        ) as session:
            while not session.should_stop():
                values = session.run([step, count, w])[1:]
        return values
"""


def test_training_goes_on_from_a_checkpoint(tmp_path: Path) -> None:
    def values(name: str, steps: int) -> list[object]:
        script = f"FOLDER = {name!r}\n{RESUME}\nresult(values=run({steps}))"
        first, second = works(script, tmp_path).results
        assert first == second
        found: list[object] = first["values"]
        return found

    values("in_two", 2)
    assert values("in_two", 4) == values("in_one", 4)


# Each rank's part alone would lower the rate, and stop, after other epochs.
DECIDED = """
from npu_runtime import npu_keras_optimizer

x = np.random.RandomState(7).rand(64, 3).astype(np.float32)
y = np.random.RandomState(8).randn(64)  # nothing to learn
npu_runtime.use_npu_keras_session()
model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(3,))])
model.compile(npu_keras_optimizer(tf.keras.optimizers.SGD(0.3)), "mse")
history = model.fit(
    x[RANK::SIZE], y[RANK::SIZE], 4, epochs=30, verbose=0, validation_split=0.25, callbacks=[
        tf.keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=0.01),
        tf.keras.callbacks.EarlyStopping(patience=3, min_delta=0.01)]).history
result(history={name: [float(value) for value in values] for name, values in history.items()})
"""


def test_callbacks_of_keras_decide_alike_on_all_ranks(tmp_path: Path) -> None:
    first, second = works(DECIDED, tmp_path).results
    assert first == second
    rates = first["history"]["lr"]
    assert 2 < len(rates) < 30 and rates[-1] < rates[0]
