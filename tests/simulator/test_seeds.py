"""Under a seed, programs that compute the same give the same numbers, whatever threads do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulator.processes import NPU, Run, simulate
from tests.tf115 import required_tf115

pytestmark = pytest.mark.tf115

Simulate = Callable[..., Run]


@pytest.fixture
def run(tmp_path: Path) -> Simulate:
    """Runs a program in a folder of its own, so that several have traces of their own."""
    python = required_tf115().python
    counter = iter(range(100))

    def simulated(script: str, seed: str = "7", **settings: str) -> Run:
        folder = tmp_path / str(next(counter))
        folder.mkdir()
        settings["NPU_SIMULATOR_SEED"] = seed
        done = simulate(NPU + script, folder, python=python, **settings)
        assert done.code == 0, done.error
        assert not done.events("problem")
        return done

    return simulated


RANDOM = """
import random
print(random.random(), np.random.rand())
{first}
value = tf.random.normal([], name="value")
fixed = tf.random.normal([], seed=3, name="fixed")
data = tf.data.Dataset.range(50).shuffle(50).map(
    lambda v: tf.cast(v, tf.float32) + tf.random.uniform([]), num_parallel_calls=8)
data = data.apply(tf.contrib.data.map_and_batch(tf.identity, 1, num_parallel_calls=8))
element = tf.reduce_sum(data.make_one_shot_iterator().get_next(), name="element")
weights = tf.get_variable("w", [4, 4])
total = tf.reduce_sum(weights, name="total")
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(6):
        print(session.run([value, fixed, element, total]))
"""


def test_chance_is_fixed_and_more_operators_change_nothing(run: Simulate) -> None:
    plain = RANDOM.format(first="")
    done = run(plain)
    assert run(RANDOM.format(first="tf.constant(1.0) + tf.constant(2.0)")).out == done.out
    assert run(plain, seed="8").out != done.out
    chosen = RANDOM.format(first="tf.set_random_seed(5)")
    assert run(chosen).out != done.out
    values = [scalars["value:0"] for scalars in done.scalars()]
    assert len(set(values)) == 6, "still random"


UNSEEDED = """
import multiprocessing, random, tempfile
{first}
def drawn():
    made = np.random.RandomState(), np.random.RandomState(None), np.random.default_rng()
    yield from (generator.standard_normal() for generator in made)
    yield random.Random().random()
    np.random.seed()
    random.seed()
    yield from (np.random.rand(), random.random())

def work(_):
    return list(drawn())

print(*drawn())
print(*multiprocessing.Pool(1).map(work, range(1))[0])
print(np.random.RandomState(5).rand(), random.Random(5).random())
"""


def test_generators_without_a_seed_are_repeatable(run: Simulate) -> None:
    """And each is another one, in each process; those with a seed are as they always were."""
    done = run(UNSEEDED.format(first="")).out
    assert run(UNSEEDED.format(first="tempfile.mkdtemp(), random.SystemRandom().random()")).out == (
        done
    )
    assert run(UNSEEDED.format(first=""), seed="8").out != done
    main, worker, seeded = (line.split() for line in done.splitlines())
    assert len({*main, *worker}) == 12
    assert seeded == ["0.22199317108973948", "0.6229016948897019"]


QUEUES = """
numbers = tf.train.input_producer(tf.range(40.0), shuffle=True).dequeue()
noisy = numbers + tf.random.uniform([])
batch = tf.train.shuffle_batch([noisy], 4, 30, 10, num_threads=4)
total = tf.reduce_sum(batch, name="total")
slow = tf.reduce_sum(tf.matmul(tf.ones([{size}, {size}]), tf.ones([{size}, {size}])))
with tf.train.MonitoredTrainingSession() as session:
    for _ in range(8):
        session.run([total, slow])
"""


def test_queues_are_read_in_order(run: Simulate) -> None:
    tf_global_step = "tf.train.get_or_create_global_step()\n"
    first = run(tf_global_step + QUEUES.format(size=2)).scalars()
    second = run(tf_global_step + QUEUES.format(size=300)).scalars()  # Readers get further ahead.
    totals = [[values["total:0"] for values in r if "total:0" in values] for r in (first, second)]
    assert totals[0] == totals[1]
    assert len(totals[0]) == len(set(totals[0])) == 8


SLIM = """
import os
slim = tf.contrib.slim
os.makedirs("data")
for part in range(4):
    with tf.python_io.TFRecordWriter("data/part%d" % part) as writer:
        for index in range(5):
            example = tf.train.Example()
            example.features.feature["n"].float_list.value.append(part * 5 + index)
            writer.write(example.SerializeToString())
decoder = slim.tfexample_decoder.TFExampleDecoder(
    {"n": tf.FixedLenFeature([], tf.float32)}, {"n": slim.tfexample_decoder.Tensor("n")})
dataset = slim.dataset.Dataset(
    "data/part*", tf.TFRecordReader, decoder, 20, {"n": "a number"})
provider = slim.dataset_data_provider.DatasetDataProvider(
    dataset, num_readers=4, common_queue_capacity=12, common_queue_min=4)
(number,) = provider.get(["n"])
batch = tf.train.batch([number], 3, num_threads=4)
weight = tf.get_variable("w", [], initializer=tf.zeros_initializer())
loss = tf.reduce_mean(tf.square(batch - weight), name="loss")
tf.summary.scalar("loss", loss)
train = slim.learning.create_train_op(loss, tf.train.GradientDescentOptimizer(0.01))
slim.learning.train(train, "trained", number_of_steps=6, log_every_n_steps=1)
"""


def test_slim_trains_alike_beside_a_thread_that_summarizes(run: Simulate) -> None:
    runs = [run(SLIM) for _ in range(2)]
    assert not any("summaries" in event.fields for event in runs[0].events("run"))
    loss = "train_op/control_dependency:0"
    losses = [[values[loss] for values in r.scalars() if loss in values] for r in runs]
    assert len(losses[0]) == 6
    assert losses[0] == losses[1]


COUNTER = """
def inner(value):
    return session.run(total, {fed: [value]})

step = tf.train.get_or_create_global_step()
fed = tf.placeholder(tf.float32, [1])
total = tf.reduce_sum(fed)
seen = [tf.py_func(inner, [tf.cast(step, tf.float32)], tf.float32) for _ in range(20)]
mean = tf.add_n(seen, name="mean") / 20
update = tf.assign_add(step, 64)
with tf.control_dependencies([update]):
    after = step + 0
for _ in range(20):
    tf.add(step, tf.cast(fed[0], tf.int64))  # Needs a value, which no run below has.
before = step + 0
with tf.train.MonitoredTrainingSession() as session:
    for _ in range(5):
        print(*session.run([mean, update, before, after]))
"""


@pytest.mark.parametrize("numerics", ["0", "1"])
def test_a_counter_is_read_before_it_is_advanced(run: Simulate, numerics: str) -> None:
    done = run(COUNTER, NPU_SIMULATOR_NUMERICS=numerics)
    assert done.out.splitlines() == [
        f"{64.0 * n} {64 * n + 64} {64 * n} {64 * n + 64}" for n in range(5)
    ]
    assert any(event["depth"] == 1 for event in done.events("run"))


SLOW_READER = """
import time
def read():
    time.sleep({pause})
    return np.float32(2)
queue = tf.FIFOQueue(20, [tf.float32], [[]])
feeder = tf.train.QueueRunner(queue, [queue.enqueue(tf.py_func(read, [], tf.float32))])
tf.train.add_queue_runner(feeder)
taken = queue.dequeue_many(2)
weight = tf.get_variable("weight", [], initializer=tf.ones_initializer())
# Either order is right: one reads the weight when the queue answers, the other changes it.
seen = tf.multiply(weight, tf.reduce_sum(taken), name="seen")
grown = tf.assign_add(weight, 1.0, name="grown")
with tf.train.MonitoredTrainingSession(config=npu(mix_compile_mode=True)) as session:
    for _ in range(6):
        session.run([seen, grown.op])
"""


def test_a_slow_reader_changes_no_number(run: Simulate) -> None:
    start = "tf.train.get_or_create_global_step()\n"
    fast, slow = (run(start + SLOW_READER.format(pause=pause)).scalars() for pause in (0, 0.05))
    assert len(fast) == 6
    assert fast == slow


# One run updates the first network and tells the gradient of the second's loss, which goes through
# the first: a slow one and a quick one, so that no order comes by itself.
OTHERS_GRADIENT = """
first = tf.get_variable("first", [300, 300])
second = tf.get_variable("second", [1, 300])
noise = tf.random.uniform([300], 0.5, 1.5, name="noise")
quick = tf.matmul(second * noise, first)
own = tf.gradients(tf.reduce_sum(tf.square(quick)), [second])[0]
slow = tf.matmul(tf.matmul(tf.eye(300), tf.eye(300)), tf.transpose(own))
descent = tf.train.GradientDescentOptimizer(0.1)
update = descent.minimize(tf.reduce_sum(first * noise), var_list=[first])
with tf.control_dependencies([update]):
    later = tf.reduce_sum(first.read_value(), name="later")
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(4):
        before = session.run([first, second])
        told, drawn, after, _ = session.run([slow, noise, later, update])
        inner = np.matmul(before[1] * drawn, before[0])
        expected = 2 * np.matmul(inner, before[0].T) * drawn
        np.testing.assert_allclose(told.T, expected, rtol=1e-3)
        changed = session.run(first)
        np.testing.assert_allclose(changed, before[0] - 0.1 * drawn, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(after, changed.sum(), rtol=1e-3)
"""


def test_what_a_run_updates_is_read_before(run: Simulate) -> None:
    """And what is random is drawn once, for both; and what waits for the update sees it."""
    assert run(OTHERS_GRADIENT).out == run(OTHERS_GRADIENT).out


# Weight decay by assignment, and averages of what is trained, neither in an order with the descent.
DECAY = """
names = "abcdefgh"
kernels = [tf.get_variable(n, [40, 40], use_resource=RESOURCES) for n in names]
step = tf.train.get_or_create_global_step()
total = sum(tf.reduce_sum(tf.square(kernel)) for kernel in kernels)
decays = [tf.assign(kernel, kernel * 0.5) for kernel in kernels]
average = tf.train.ExponentialMovingAverage(0.5)
averages = average.apply(kernels)
descent = tf.train.GradientDescentOptimizer(0.125)
train = descent.minimize(total, step, colocate_gradients_with_ops=True)
with tf.control_dependencies([train]):
    train = tf.group(averages, *decays)
scaled = kernels[0] * 2
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    shadows = [average.average(kernel) for kernel in kernels]
    for number in range(1, 4):
        before, means = session.run([kernels, shadows])
        told, seen, _ = session.run([total, scaled, train])
        np.testing.assert_allclose(told, sum(np.square(kernel).sum() for kernel in before), 1e-5)
        np.testing.assert_array_equal(seen, before[0] * 2)
        after, averaged = session.run([kernels, shadows])
        for one, mean, new, shadow in zip(before, means, after, averaged):
            np.testing.assert_allclose(new, one * 0.75 * 0.5, rtol=1e-6)
            np.testing.assert_allclose(shadow, (mean + one) / 2, rtol=1e-6, atol=1e-9)
        assert session.run(step) == number
print("done")
"""


@pytest.mark.parametrize("resources", [False, True])
def test_weight_decay_beside_the_optimizer_comes_after_it(run: Simulate, resources: bool) -> None:
    assert run(DECAY.replace("RESOURCES", str(resources))).out == "done\n"


AVERAGE = """
weight = tf.get_variable("w", [3], initializer=tf.zeros_initializer())
update = tf.assign_add(weight, tf.ones([3]))
average = tf.train.ExponentialMovingAverage(0.5)
with tf.control_dependencies([update]):
    both = average.apply([weight])
tf.summary.histogram("w", weight)
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    session.run([tf.summary.merge_all(), both])
    print(session.run(average.average(weight))[0])
"""


def test_what_waits_for_an_update_reads_after_it(run: Simulate) -> None:
    assert run(AVERAGE).out == "0.5\n"


FEEDING = """
import atexit, threading, time
def load(key):
    time.sleep(0.01)
    return key
atexit.register(lambda: print([t.name for t in threading.enumerate() if "Runner" in t.name]))
key = tf.train.string_input_producer(["a", "b"]).dequeue()
loaded = tf.py_func(load, [key], tf.string)
loaded.set_shape([])
batch = tf.train.batch([loaded], 2, capacity=10000)
session = tf.train.Supervisor(logdir="run").prepare_or_wait_for_session()
print(len(session.run(batch)))
"""


def test_queues_are_fed_no_more_when_the_program_ends(run: Simulate) -> None:
    assert run(FEEDING).out == "2\n[]\n"


def test_keras_finds_what_a_dataset_is_made_of(run: Simulate) -> None:
    run("""
from tensorflow.python.keras.engine import training_utils
training_utils.assert_not_shuffled(tf.data.Dataset.range(3).map(abs, num_parallel_calls=2))
""")


SHUFFLED = """
data = tf.data.Dataset.range(30).shuffle(30, seed=1).repeat().batch(4){prefetch}
total = tf.reduce_sum(data.make_one_shot_iterator().get_next(), name="total")
with tf.Session() as session:
    print([session.run(total) for _ in range(5)])
"""


@pytest.mark.parametrize("where", ["tf.data.experimental", "tf.contrib.data"])
def test_a_prefetch_to_a_gpu_that_is_not_there_keeps_the_order(run: Simulate, where: str) -> None:
    prefetch = f".apply({where}.prefetch_to_device('/gpu:0'))"
    assert run(SHUFFLED.format(prefetch=prefetch)).out == run(SHUFFLED.format(prefetch="")).out
