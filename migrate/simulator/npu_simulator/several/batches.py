"""Tells which rows of data a training run is given, by queues, iterators and feeds."""

from ..inputs import NO_VALUES, SOURCES
from . import noise
from .digests import digest

_MOST = 4096  # rows of one run
_LEAST = 3  # distinct values in a row that tells one sample from another; a label has less
_SHORTEST = 9  # bytes of a text that does so


def tensors(reached, given):
    """Returns the tensors through which a run takes data from queues and iterators.

    Args:
        reached: operators that it executes.
        given: ids of tensors that are fed.
    """
    sources = [
        op for op in reached if op.type in SOURCES and op._get_control_flow_context() is None
    ]
    return [
        tensor
        for op in sorted(sources, key=lambda op: op._id)
        for tensor in op.outputs
        if id(tensor) not in given and tensor.dtype.name not in NO_VALUES
    ]


def told(arrays):
    """Returns what a `batch` event says: the digests of the rows that tell one sample from another.

    Args:
        arrays: {tensor: what a run is given}; batches, with samples along their first dimension.
    """
    import numpy as np

    fields = {"rows": {}, "noise": []}
    for tensor, given in arrays.items():
        array = np.asarray(given)
        rows = [np.asarray(row) for row in array[:_MOST]] if array.ndim >= 1 else []
        telling = [row for row in rows if _tells(row)]
        if telling:
            fields["rows"][tensor.name] = list(map(digest, telling))
            if all(map(noise.is_noise, telling)):
                fields["noise"].append(tensor.name)
    return fields


def _tells(row):
    import numpy as np

    if row.dtype.kind in "OSU":
        return row.ndim == 0 and len(row.item()) >= _SHORTEST
    return np.unique(row).size >= _LEAST
