import pytest
import tensorflow.compat.v1 as tf
from npu_runtime import npu_learning_rate, npu_seed, ranks


def be(monkeypatch, rank, size):
    monkeypatch.setattr(ranks, "rank", lambda: rank)
    monkeypatch.setattr(ranks, "size", lambda: size)


@pytest.mark.parametrize("size", [1, 8])
@pytest.mark.parametrize("seed", [0, 1234, -5, 2**40, None])
def test_rank_0_has_upstreams_seed(seed, size, monkeypatch):
    be(monkeypatch, 0, size)
    assert npu_seed(seed) is seed


def test_every_rank_has_another_seed(monkeypatch):
    seeds = []
    for rank in range(8):
        be(monkeypatch, rank, 8)
        seeds += [npu_seed(seed) for seed in (0, 1, 2, 42)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert npu_seed(42) == npu_seed(42)


def test_without_a_seed_there_is_none(monkeypatch):
    be(monkeypatch, 3, 8)
    assert npu_seed(None) is None


def test_ranks_draw_other_numbers(monkeypatch):
    drawn = []
    for rank in range(2):
        be(monkeypatch, rank, 2)
        with tf.Graph().as_default(), tf.Session() as session:
            tf.set_random_seed(npu_seed(7))
            drawn.append(session.run(tf.random.normal([4])).tolist())
    assert drawn[0] != drawn[1]


def test_one_rank_has_upstreams_rate(monkeypatch):
    be(monkeypatch, 0, 1)
    for rate in (0.1, lambda: 0.1, tf.constant(0.1)):
        assert npu_learning_rate(rate) is rate


def test_the_rate_grows_with_the_ranks(monkeypatch):
    be(monkeypatch, 1, 4)
    assert npu_learning_rate(0.1) == 0.4
    assert npu_learning_rate(lambda: 0.1)() == 0.4
    with tf.Graph().as_default(), tf.Session() as session:
        rate = tf.Variable(0.25)
        scaled = npu_learning_rate(rate)
        decayed = npu_learning_rate(tf.train.exponential_decay(0.5, 0, 10, 0.9))
        session.run(tf.global_variables_initializer())
        assert session.run(scaled) == 1.0
        session.run(rate.assign(0.5))
        assert session.run(scaled) == 2.0
        assert session.run(decayed) == 2.0


def test_a_schedule_stays_one(monkeypatch):
    be(monkeypatch, 0, 2)
    schedules = tf.keras.optimizers.schedules
    schedule = npu_learning_rate(schedules.ExponentialDecay(0.5, 10, 0.5))
    assert isinstance(schedule, schedules.LearningRateSchedule)
    with tf.Graph().as_default(), tf.Session() as session:
        assert session.run([schedule(0), schedule(10)]) == [1.0, 0.5]
