"""Tells of each training run how many of its gradients' values are 0, and which overflowed.

Gradients are looked at as the optimizer's operators take them: clipped, averaged, unscaled. The
sessions of Keras, which go past `run`, are not looked at.
"""

import functools

from . import trace
from .imports import after_import
from .several import gradients


def install():
    """Patches sessions as soon as the program imports TensorFlow."""
    after_import("tensorflow.python.client.session", _patch)


def _patch(module):
    do_run = module.BaseSession._do_run

    @functools.wraps(do_run)
    def patched(self, handle, targets, fetches, feeds, options, metadata):
        wanted = {} if handle is not None else _wanted(self, fetches, targets, feeds)
        tensors = list(dict.fromkeys(wanted.values()))
        results = do_run(self, handle, targets, fetches + tensors, feeds, options, metadata)
        if not wanted:
            return results
        values = dict(zip(tensors, results[len(fetches) :]))
        fields = {variable: _fields(values[tensor]) for variable, tensor in wanted.items()}
        trace.emit("numerics", gradients=fields)
        return results[: len(fetches)]

    module.BaseSession._do_run = patched


def _wanted(session, fetches, targets, feeds):
    """Returns the gradient of each variable that a run trains."""
    known = session.__dict__.setdefault("_npu_numerics", {})
    key = tuple(fetches), tuple(targets), tuple(feeds)
    if key not in known:
        session._extend_graph()  # Where products are rounded, this is when it happens.
        ops = [tensor.op for tensor in fetches] + list(targets)
        applied = gradients.find(ops, list(feeds))
        pairs = applied.gradients if applied is not None else ()
        known[key] = {pair.variable: pair.applied for pair in pairs}
    return known[key]


def _fields(values):
    """Returns how many values there are, are not 0, are not finite; and the largest finite one."""
    import numpy as np

    finite = np.isfinite(values)
    largest = np.max(np.abs(values), where=finite, initial=0.0)
    return [
        values.size,
        int(np.count_nonzero(values)),
        int(values.size - np.count_nonzero(finite)),
        float(largest),
    ]
