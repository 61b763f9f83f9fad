"""Shards are disjoint, complete and, in memory, of equal size; one rank gets its argument back."""

import collections
import random

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from npu_runtime import npu_shard
from tensorflow.python.data.ops import dataset_ops

SIZE = 3


@pytest.fixture(autouse=True)
def fresh_graph():
    with tf.Graph().as_default():
        yield


@pytest.fixture
def on_ranks(monkeypatch):
    """Calls a function once as each of three ranks, and returns what it returned."""

    def call(function):
        parts = []
        for rank in range(SIZE):
            monkeypatch.setattr("npu_runtime.ranks.rank", lambda rank=rank: rank)
            monkeypatch.setattr("npu_runtime.ranks.size", lambda: SIZE)
            with tf.Graph().as_default():
                parts.append(function(rank))
        return parts

    return call


def elements(dataset):
    value = tf.data.make_one_shot_iterator(dataset).get_next()
    found = []
    with tf.Session() as session:
        while True:
            try:
                found.append(session.run(value))
            except tf.errors.OutOfRangeError:
                return found


def from_queue(tensor):
    found = []
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            while True:
                value = session.run(tensor)
                found += list(value) if isinstance(value, np.ndarray) else [value]
        except tf.errors.OutOfRangeError:
            pass
        coordinator.request_stop()
        coordinator.join(threads, stop_grace_period_secs=5)
    return found


def is_divided(parts, whole):
    return sorted(item for part in parts for item in part) == sorted(whole)


@pytest.fixture
def files(tmp_path):
    """Record files of 1 to 7 records, and all records."""
    names, records = [], []
    for number in range(4):
        names.append(str(tmp_path / ("part-%d" % number)))
        own = [b"%d:%d" % (number, position) for position in range(1 + 2 * number)]
        with tf.python_io.TFRecordWriter(names[-1]) as writer:
            for record in own:
                writer.write(record)
        records += own
    return names, records


@pytest.fixture
def texts(tmp_path):
    names, lines = [], []
    for number in range(3):
        own = [b"%d-%d" % (number, position) for position in range(5 + number)]
        (tmp_path / ("text-%d" % number)).write_bytes(b"".join(line + b"\n" for line in own))
        names.append(str(tmp_path / ("text-%d" % number)))
        lines += own
    return names, lines


def in_another_order(rank, names):
    return random.Random(rank).sample(names, len(names))


@pytest.mark.parametrize(
    "data", [[1, 2], "*.tfrecord", np.zeros(3), {"x": np.zeros(3)}, tf.TFRecordReader, object()]
)
def test_one_rank_gets_its_argument_back(data):
    assert npu_shard(data) is data


def test_one_rank_leaves_the_graph_as_it_is():
    with tf.Graph().as_default() as graph:
        npu_shard(tf.data.Dataset.range(3))
        npu_shard(tf.constant(["a"]))
        names = {operator.type for operator in graph.get_operations()}
    assert names == {"Const", "RangeDataset"}


def test_data_that_does_not_train_stays_whole(on_ranks):
    assert on_ranks(lambda rank: npu_shard([1, 2, 3], False)) == [[1, 2, 3]] * SIZE


def test_lists_are_divided_whatever_their_order(on_ranks):
    names = ["f%02d" % number for number in range(20)]
    parts = on_ranks(lambda rank: npu_shard(in_another_order(rank, names)))
    assert is_divided(parts, names)
    assert sorted(len(part) for part in parts) == [6, 7, 7]


def test_a_part_keeps_its_order(on_ranks):
    names = ["c", "a", "d", "b", "f", "e"]
    for part in on_ranks(lambda rank: npu_shard(names)):
        assert part == [name for name in names if name in part]


def test_arrays_that_belong_together_are_divided_together(on_ranks):
    x = np.arange(40, dtype=np.float32).reshape(10, 4)
    y = np.arange(10) % 3

    def part(rank):
        order = np.random.RandomState(rank).permutation(10)
        images, labels = npu_shard((x[order], y[order]))
        assert isinstance(images, np.ndarray)
        return [(int(image[0]) // 4, label) for image, label in zip(images, labels)]

    parts = on_ranks(part)
    assert is_divided(map(set, parts), [(number, number % 3) for number in range(10)])


@pytest.mark.parametrize("count", [6, 7, 8])
def test_all_ranks_have_as_many_rows(on_ranks, count):
    rows = list(range(count))
    names = [str(row) for row in rows]
    for data in (rows, np.array(rows), Frame(rows), (names, rows)):
        parts = on_ranks(lambda rank, data=data: npu_shard(data))
        parts = [list(part[1] if isinstance(data, tuple) else np.array(part)) for part in parts]
        assert [len(part) for part in parts] == [-(-count // SIZE)] * SIZE
        # A row that stands twice does so on one rank.
        assert is_divided([set(part) for part in parts], rows)


def test_tables_of_arrays_keep_their_names(on_ranks):
    parts = on_ranks(lambda rank: npu_shard({"x": np.arange(6), "y": list(range(6))}))
    assert is_divided([list(part["x"]) for part in parts], range(6))
    assert all(list(part["x"]) == part["y"] for part in parts)


def test_parts_may_have_parts(on_ranks):
    features = {"x": np.arange(6), "more": (np.arange(6) * 2, None)}
    parts = on_ranks(lambda rank: npu_shard((features, list(range(6)))))
    assert is_divided([part[1] for part in parts], range(6))
    for chosen, labels in parts:
        assert list(chosen["x"]) == labels
        assert list(chosen["more"][0]) == [2 * label for label in labels]
        assert chosen["more"][1] is None


def test_equal_rows_are_all_there(on_ranks):
    parts = on_ranks(lambda rank: npu_shard(["a", "a", "b", "a"]))
    assert is_divided(parts, ["a", "a", "a", "b"])


def test_a_pattern_gives_files(on_ranks, files, tmp_path):
    parts = on_ranks(lambda rank: npu_shard(str(tmp_path / "part-*")))
    assert is_divided(parts, files[0])


def test_fewer_files_than_ranks_are_an_error(on_ranks):
    with pytest.raises(ValueError, match="there are 1 rows or files to train on for 3 ranks"):
        on_ranks(lambda rank: npu_shard(["only.tfrecord"]))


def test_parts_of_different_lengths_are_an_error(on_ranks):
    with pytest.raises(ValueError, match="belong together have"):
        on_ranks(lambda rank: npu_shard((np.zeros(4), np.zeros(5))))


def test_what_cannot_be_divided_is_an_error(on_ranks):
    with pytest.raises(TypeError, match="cannot take a part of a object"):
        on_ranks(lambda rank: npu_shard(object()))


@pytest.mark.parametrize("dataset", [tf.data.Dataset, dataset_ops.DatasetV2])
def test_datasets(on_ranks, dataset):
    parts = on_ranks(lambda rank: elements(npu_shard(dataset.range(10))))
    assert is_divided(parts, range(10))


@pytest.mark.parametrize("at_once", [None, 2, tf.data.experimental.AUTOTUNE])
def test_record_files_are_divided_whatever_their_order(on_ranks, files, at_once):
    names, records = files

    def part(rank):
        data = tf.data.TFRecordDataset(in_another_order(rank, names), num_parallel_reads=at_once)
        return elements(npu_shard(data).map(tf.identity))

    parts = on_ranks(part)
    assert is_divided(parts, records)
    assert max(map(len, parts)) < 2 * min(map(len, parts))


def test_text_files(on_ranks, texts):
    names, lines = texts
    parts = on_ranks(
        lambda rank: elements(npu_shard(tf.data.TextLineDataset(in_another_order(rank, names))))
    )
    assert is_divided(parts, lines)


def test_files_of_fixed_records(on_ranks, tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(2, 22)))
    parts = on_ranks(
        lambda rank: elements(npu_shard(tf.data.FixedLengthRecordDataset([str(tmp_path / "a")], 2)))
    )
    assert is_divided(parts, [bytes([n, n + 1]) for n in range(2, 22, 2)])


def test_what_interleave_reads(on_ranks, files):
    names, records = files

    def part(rank):
        data = tf.data.Dataset.list_files(names)  # shuffles
        return elements(data.interleave(npu_shard(tf.data.TFRecordDataset), cycle_length=2))

    assert is_divided(on_ranks(part), records)


def test_tensors_whose_value_is_known(on_ranks):
    parts = on_ranks(lambda rank: tf.Session().run(npu_shard(tf.constant(["b", "a", "c", "d"]))))
    assert is_divided([list(part) for part in parts], [b"a", b"b", b"c", b"d"])


def test_tensors_whose_value_only_a_run_can_tell(on_ranks):
    def part(rank):
        names = tf.placeholder(tf.string, [None])
        numbers = tf.placeholder(tf.int64, [None])
        fed = {names: list("abcdefgh"), numbers: range(8)}
        chosen = (npu_shard(names), *npu_shard((names, numbers)))
        return [list(value) for value in tf.Session().run(chosen, fed)]

    parts = on_ranks(part)
    whole = [letter.encode() for letter in "abcdefgh"]
    assert is_divided([part[0] for part in parts], whole)
    pairs = [list(zip(part[1], part[2])) for part in parts]
    assert is_divided(pairs, list(zip(whole, range(8))))


@pytest.mark.parametrize("several", [False, True])
def test_readers(on_ranks, files, several):
    names, records = files

    def part(rank):
        queue = tf.train.string_input_producer(in_another_order(rank, names), num_epochs=1)
        reader = npu_shard(tf.TFRecordReader())
        return from_queue((reader.read_up_to(queue, 4) if several else reader.read(queue))[1])

    assert is_divided(on_ranks(part), records)


def test_readers_of_slim(on_ranks, files):
    names, records = files
    from tensorflow.contrib import slim

    def part(rank):
        decoder = slim.tfexample_decoder.TFExampleDecoder({}, {})
        dataset = slim.dataset.Dataset(names, tf.TFRecordReader, decoder, 16, {})
        sharded = npu_shard(dataset)
        assert dataset.reader is tf.TFRecordReader
        _, value = slim.parallel_reader.parallel_read(
            sharded.data_sources, sharded.reader, num_epochs=1, capacity=8, min_after_dequeue=1
        )
        return from_queue(value)

    assert is_divided(on_ranks(part), records)


def test_queues_of_numbers(on_ranks):
    parts = on_ranks(
        lambda rank: from_queue(
            npu_shard(tf.train.range_input_producer(20, num_epochs=1)).dequeue()
        )
    )
    assert is_divided(parts, range(20))


@pytest.mark.parametrize("method", ["dequeue_many", "dequeue_up_to"])
def test_many_numbers_of_a_queue(on_ranks, method):
    def part(rank):
        queue = npu_shard(tf.train.range_input_producer(300, num_epochs=1))
        values = getattr(queue, method)(4)
        assert values.shape == [4]
        return from_queue(values)

    parts = on_ranks(part)
    assert any(parts) and all(len(part) % 4 == 0 for part in parts)
    whole = on_ranks(
        lambda rank: from_queue(
            npu_shard(tf.train.range_input_producer(300, num_epochs=1)).dequeue()
        )
    )
    for some, every in zip(parts, whole):
        assert len(every) - 4 < len(some) and set(some) <= set(every)


def test_slices(on_ranks):
    x, y = np.arange(9), [b"%d" % number for number in range(9)]

    def part(rank):
        pair = tf.train.slice_input_producer(npu_shard((x, y)), num_epochs=1)
        return from_queue(tf.strings.join([tf.as_string(pair[0]), pair[1]], "="))

    assert is_divided(on_ranks(part), [b"%d=%d" % (n, n) for n in range(9)])


class Frame:
    """What npu_shard uses of a pandas object."""

    def __init__(self, rows):
        self.rows = rows
        self.iloc = self

    def __len__(self):
        return len(self.rows)

    def __array__(self):
        return np.array(self.rows)

    def __getitem__(self, positions):
        return Frame([self.rows[position] for position in positions])


def test_pandas_objects(on_ranks):
    frame = Frame([[letter, number] for number, letter in enumerate("abcdefg")])
    parts = on_ranks(lambda rank: npu_shard({"x": frame, "y": Frame(list("abcdefg"))}))
    assert is_divided([set(part["y"].rows) for part in parts], "abcdefg")
    assert all([row[0] for row in part["x"].rows] == part["y"].rows for part in parts)


class Deferred:
    """An object that stands for a dataset, which is made when it is needed."""

    def __init__(self, make):
        self.make = make

    def __getattr__(self, name):
        return lambda *given: Deferred(lambda: getattr(self.make(), name)(*given))


def test_what_has_the_methods_of_a_dataset(on_ranks):
    parts = on_ranks(
        lambda rank: elements(npu_shard(Deferred(lambda: tf.data.Dataset.range(7))).make())
    )
    assert is_divided(parts, range(7))


def test_rows_are_of_many_kinds(on_ranks):
    rows = [{"id": number} for number in range(5)]
    Pair = collections.namedtuple("Pair", "x y")
    parts = on_ranks(lambda rank: npu_shard(Pair(rows, list(range(5)))))
    assert is_divided([set(part[1]) for part in parts], range(5))
