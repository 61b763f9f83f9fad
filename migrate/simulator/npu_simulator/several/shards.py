"""Tells which elements of a data set come to a shard, and which of them this rank keeps."""

import collections
import functools

from .. import marks, places, trace
from ..imports import after_import
from .digests import digest

_MOST = 10000  # elements of one shard that are told of
# What leaves a batch a batch.
_THROUGH = (
    "Map ParallelMap Filter Shuffle Repeat ShuffleAndRepeat Cache Prefetch Take Skip Options Shard"
)
_THROUGH = frozenset(name + "Dataset" for name in _THROUGH.split())
_BATCHES = frozenset({"BatchDataset", "PaddedBatchDataset", "_MapAndBatchDataset"})

_occurrences = collections.Counter()


class Watch:
    """Tells of one place where data is split.

    Args:
        number: into how many parts; None where that is not known.
        index: which part this rank gets, or None.
    """

    def __init__(self, number=None, index=None):
        self._place = places.here()
        _occurrences[self._place] += 1
        self._occurrence = _occurrences[self._place]
        self._left = _MOST
        self._emit("shard", number=number, index=index)

    def element(self, elements, kept):
        """Tells of elements that come, or were kept.

        Args:
            elements: their digests.
        """
        if self._left > 0:
            self._left -= len(elements)
            self._emit("element", elements=elements, kept=kept)

    def _emit(self, event, **fields):
        trace.emit(event, place=self._place, occurrence=self._occurrence, **fields)


def install():
    """Watches the shards of tf.data, and what a port's runtime chooses by itself."""
    after_import("tensorflow.python.data.ops.dataset_ops", _patch_datasets)
    after_import("npu_runtime.shards", _patch_runtime)


def _patch_runtime(module):
    import numpy as np

    kept, is_ours = module.kept, module.is_ours

    @functools.wraps(kept)
    def told_kept(keys):
        positions = kept(keys)
        digests = list(map(_digest, keys))
        watch = Watch()
        watch.element(digests, False)
        watch.element([digests[position] for position in positions], True)
        return positions

    @functools.wraps(is_ours)
    def told_is_ours(keys):
        watch = Watch()

        def tell(keys, ours):
            digests = list(map(_digest, np.ravel(keys)))
            watch.element(digests, False)
            watch.element([digest for digest, own in zip(digests, np.ravel(ours)) if own], True)
            return ours

        ours = is_ours(keys)
        (told,) = marks.py_func(tell, [keys, ours], [ours.dtype], "Watch", "NpuSimulatorWatch")
        told.set_shape(ours.shape)
        return told

    module.kept, module.is_ours = told_kept, told_is_ours


def _patch_datasets(module):
    shard = module.DatasetV2.shard

    @functools.wraps(shard)
    def patched(self, num_shards, index):
        if not _can_be_told(self):
            return shard(self, num_shards, index)
        watch = Watch(_number(num_shards), _number(index))
        rows = _is_batched(self)
        return _told(shard(_told(self, watch, rows, False), num_shards, index), watch, rows, True)

    module.DatasetV2.shard = patched


def _number(value):
    return value if isinstance(value, int) else None


def _can_be_told(dataset):
    from tensorflow.python.framework import tensor_spec
    from tensorflow.python.util import nest

    parts = nest.flatten(dataset.element_spec)
    return all(isinstance(part, tensor_spec.TensorSpec) for part in parts)


def _is_batched(dataset):
    dataset = getattr(dataset, "_dataset", dataset)  # without the adapter to TensorFlow 1
    while _is_one(dataset, _THROUGH):
        inner = dataset._inputs()
        if len(inner) != 1:
            return False
        dataset = getattr(inner[0], "_dataset", inner[0])
    return _is_one(dataset, _BATCHES)


def _is_one(dataset, names):
    return any(kind.__name__ in names for kind in type(dataset).__mro__)


def _told(dataset, watch, rows, kept):
    """Returns the same data set, whose elements are told of as they pass."""
    import tensorflow.compat.v1 as tf
    from tensorflow.python.util import nest

    is_tuple = type(dataset.element_spec) is tuple  # as map unpacks them

    def tell(*arrays):
        watch.element(_digests(arrays, rows), kept)
        return 0

    def passed(*parts):
        flat = nest.flatten(parts)
        with tf.control_dependencies([tf.numpy_function(tell, flat, tf.int64)]):
            parts = nest.pack_sequence_as(parts, [tf.identity(part) for part in flat])
        return parts if is_tuple else parts[0]

    return dataset.map(passed)


def _digests(arrays, rows):
    """Returns the digest of an element; of a batch those of its rows."""
    lengths = {len(array) for array in arrays if getattr(array, "shape", ())}
    if not rows or len(lengths) != 1:
        return ["".join(map(_digest, arrays))]
    arrays = [array for array in arrays if getattr(array, "shape", ())]
    return ["".join(_digest(array[row]) for array in arrays) for row in range(lengths.pop())]


def _digest(value):
    import numpy as np

    return digest(np.asarray(value))
