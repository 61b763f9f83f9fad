"""Each rank's part of the training data.

What lies in memory is chosen by content, and what readers read by file and offset: ranks may have
shuffled their lists of files differently, and still no two train on one sample, and none is left
out.
Two functions make every choice but that of tf.data itself: `kept` and `is_ours`.
"""

import copy
import functools
import hashlib

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.data.ops import dataset_ops, readers

from . import ranks

# What reads files in TensorFlow 1.15.0, what it reads one file by, and its settings.
_READERS = (
    (readers.TFRecordDatasetV2, readers._TFRecordDataset, ("compression_type", "buffer_size")),
    (readers.TextLineDatasetV2, readers._TextLineDataset, ("compression_type", "buffer_size")),
    (
        readers.FixedLengthRecordDatasetV2,
        readers._FixedLengthRecordDataset,
        ("record_bytes", "header_bytes", "footer_bytes", "buffer_size", "compression_type"),
    ),
)


def npu_shard(data, training=True):
    """This rank's part of the data; `data` itself with one rank.

    Args:
        data: one of
            a tf.data.Dataset: every n-th element, of each file where it just reads files;
            an object with a dataset's methods: what its `shard` gives;
            a list, numpy.ndarray or pandas object: rows, in their order;
            a tuple or dict of those, and of such: rows of all, chosen together;
            a str: the files that this pattern matches;
            a string tensor, or another with rows: the same as of a list where its value is known;
            a reader for queues, or a queue of numbers: draws until it has one of this rank's;
            a Dataset of slim: with a reader that does so;
            a class or function that makes one of these: what makes this rank's part of it.
            Of rows in memory all ranks get as many, so that none waits for another's last batch:
            a part that is one short has its first row twice. Names alone, which may be files of
            many records, are not repeated.
        training: False leaves `data` as it is, for code that also evaluates.

    Raises:
        ValueError: there are fewer rows than ranks, parts of different lengths, or see
            ranks.rank().
        TypeError: it is none of these.
    """
    if ranks.size() == 1 or not training:
        return data
    if isinstance(data, dataset_ops.DatasetV2):
        return _dataset(data)
    if not isinstance(data, type) and hasattr(data, "shard") and hasattr(data, "repeat"):
        return data.shard(ranks.size(), ranks.rank())
    if isinstance(data, tf.ReaderBase):
        return ShardedReader(data)
    if isinstance(data, tf.QueueBase):
        return ShardedQueue(data)
    if hasattr(data, "data_sources") and hasattr(data, "reader"):
        part = copy.copy(data)
        part.reader = npu_shard(data.reader)
        return part
    if isinstance(data, str):
        data = tf.gfile.Glob(data)
    if _is_rows(data):
        return _rows([data])[0]
    if isinstance(data, (dict, tuple)):
        return _rebuilt(data, iter(_rows(list(_leaves(data)))))
    if callable(data):
        # Not a function: as the attribute of a class it would become a method.
        return functools.partial(_made, data)
    raise TypeError(
        "npu_shard cannot take a part of a %s; give it a dataset, a list, an array or a reader, or"
        " choose by npu_runtime.ranks.rank() and size()" % type(data).__name__
    )


def kept(keys):
    """Which rows are this rank's: every n-th in the order of their keys.

    Args:
        keys: list of bytes, one for each row. Rows of equal keys are taken for one another.

    Returns:
        Positions, ascending; as many on all ranks, give or take one.

    Raises:
        ValueError: there are fewer rows than ranks.
    """
    if len(keys) < ranks.size():
        raise ValueError(
            "there are %d rows or files to train on for %d ranks, and each needs one; use fewer"
            " ranks, or split the data into more files" % (len(keys), ranks.size())
        )
    ordered = sorted(range(len(keys)), key=keys.__getitem__)
    return sorted(ordered[ranks.rank() :: ranks.size()])


def is_ours(keys):
    """Which records are this rank's, by a hash of their keys.

    Args:
        keys: string tensor of any shape, such as "file:offset".

    Returns:
        bool tensor of that shape.
    """
    return tf.equal(tf.strings.to_hash_bucket_fast(keys, ranks.size()), ranks.rank())


class ShardedReader:
    """A reader for queues that returns this rank's records.

    Args:
        reader: tf.ReaderBase. Its other methods are those of this one.
    """

    def __init__(self, reader):
        self._reader = reader

    def __getattr__(self, name):
        if name == "_reader":  # Not there yet: somebody copies this object.
            raise AttributeError(name)
        return getattr(self._reader, name)

    def read(self, queue, name=None):
        """As tf.ReaderBase.read: string tensors key and value, of shape []."""
        with tf.name_scope(name, "ShardedRead"):
            return _until_ours(lambda: tuple(self._reader.read(queue)))

    def read_up_to(self, queue, num_records, name=None):
        """As tf.ReaderBase.read_up_to: of the records that are read, this rank's."""
        with tf.name_scope(name, "ShardedReadUpTo"):
            keys, values = self._reader.read_up_to(queue, num_records)
            ours = is_ours(keys)
            return tf.boolean_mask(keys, ours), tf.boolean_mask(values, ours)


class ShardedQueue:
    """A queue of numbers or strings, such as range_input_producer's, that returns this rank's.

    Args:
        queue: tf.QueueBase of one component. Its other methods are those of this one.
    """

    def __init__(self, queue):
        self._queue = queue

    def __getattr__(self, name):
        if name == "_queue":  # Not there yet: somebody copies this object.
            raise AttributeError(name)
        return getattr(self._queue, name)

    def dequeue(self, name=None):
        """As tf.QueueBase.dequeue."""

        def draw():
            value = self._queue.dequeue()
            return _as_text(value), value

        with tf.name_scope(name, "ShardedDequeue"):
            return _until_ours(draw)[1]

    def dequeue_many(self, n, name=None):
        """As tf.QueueBase.dequeue_many: n of this rank's."""
        with tf.name_scope(name, "ShardedDequeueMany"):
            return tf.map_fn(
                lambda _: self.dequeue(),
                tf.range(n),
                dtype=self._queue.dtypes[0],
                parallel_iterations=1,
                back_prop=False,
            )

    def dequeue_up_to(self, n, name=None):
        """As dequeue_many: fewer than n that are left when the queue is closed are not given."""
        return self.dequeue_many(n, name)


def _as_text(value):
    return value if value.dtype == tf.string else tf.as_string(value)


def _until_ours(draw):
    """Draws (key, value) until the key is this rank's."""
    return tf.while_loop(
        lambda key, value: tf.logical_not(is_ours(key)),
        lambda key, value: draw(),
        draw(),
        parallel_iterations=1,
        back_prop=False,
    )


def _made(make, *args, **kwargs):
    return npu_shard(make(*args, **kwargs))


def _dataset(data):
    """Every n-th element. Of what just reads files, of each: their order may not be the same."""
    inner = getattr(data, "_dataset", data)
    for kind, read, options in _READERS:
        if isinstance(inner, kind):
            given = {name: getattr(inner, "_" + name) for name in options}
            return _of_each_file(inner, functools.partial(read, **given))
    return data.shard(ranks.size(), ranks.rank())


def _of_each_file(dataset, read):
    count = ranks.size()

    def part(name):
        # Not the same rank gets the odd record of every file.
        first = tf.reshape(tf.strings.to_hash_bucket_fast(name, count), [])
        return read(name).shard(count, tf.floormod(first + ranks.rank(), count))

    at_once = getattr(dataset._impl, "_cycle_length", None)
    if at_once is not None:
        at_once = int(tf.get_static_value(at_once))
    made = readers._create_dataset_reader(part, dataset._filenames, at_once)
    return made if isinstance(made, tf.data.Dataset) else dataset_ops.DatasetV1Adapter(made)


def _is_rows(data):
    if isinstance(data, tuple):
        return all(isinstance(item, (str, bytes, int, float)) for item in data)
    return isinstance(data, (list, np.ndarray, tf.Tensor)) or hasattr(data, "iloc")


def _leaves(data):
    """What has rows in tuples and dicts of such things; None stands for nothing."""
    if isinstance(data, dict):
        data = tuple(data.values())
    if isinstance(data, tuple) and not _is_rows(data):
        for part in data:
            yield from _leaves(part)
    elif _is_rows(data):
        yield data
    elif data is not None:
        raise TypeError("npu_shard cannot choose rows of a %s" % type(data).__name__)


def _rebuilt(data, leaves):
    if isinstance(data, dict):
        return type(data)((name, _rebuilt(part, leaves)) for name, part in data.items())
    if isinstance(data, tuple) and not _is_rows(data):
        return tuple([_rebuilt(part, leaves) for part in data])
    return None if data is None else next(leaves)


def _rows(parts):
    """This rank's rows of parts that belong together."""
    known = [_value(part) for part in parts]
    if any(value is None for value in known):
        return [_in_graph(part, alone=len(parts) == 1) for part in parts]
    lengths = sorted({len(value) for value in known})
    if len(lengths) != 1:
        raise ValueError("npu_shard: parts that belong together have %s rows" % lengths)
    positions = kept([b"\0".join(row) for row in zip(*[_keys(value) for value in known])])
    if len(parts) > 1 or not _are_names(known[0]):
        most = -(-lengths[0] // ranks.size())
        positions = positions[:1] * (most - len(positions)) + positions
    return [_taken(part, positions) for part in parts]


def _are_names(part):
    return not hasattr(part, "iloc") and isinstance(part[0], (str, bytes))


def _value(part):
    """What has rows in memory; None for a tensor whose value only a run can tell."""
    if not isinstance(part, tf.Tensor):
        return part
    return tf.get_static_value(part)


def _keys(part):
    if hasattr(part, "iloc"):
        return [repr(row).encode() for row in np.asarray(part).tolist()]
    return [_key(row) for row in part]


def _key(row):
    if isinstance(row, bytes):
        return row
    if isinstance(row, str):
        return row.encode("utf-8", "surrogateescape")
    row = np.asarray(row)
    if row.dtype == object:
        return repr(row.tolist()).encode()
    return hashlib.md5(np.ascontiguousarray(row)).digest()


def _taken(part, positions):
    if isinstance(part, tf.Tensor):
        return tf.gather(part, positions)
    if isinstance(part, np.ndarray):
        return part[positions]
    if hasattr(part, "iloc"):
        return part.iloc[positions]
    return type(part)([part[position] for position in positions])


def _in_graph(part, alone):
    if alone and isinstance(part, tf.Tensor) and part.dtype == tf.string:
        return tf.boolean_mask(part, is_ours(part))
    return part[ranks.rank() :: ranks.size()]
