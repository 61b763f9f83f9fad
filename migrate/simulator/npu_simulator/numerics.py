"""Tells of each training run how many of its gradients' values are 0, and which overflowed.

Gradients are looked at as the optimizer's operators take them: clipped, averaged, unscaled. The
sessions of Keras, which go past `run`, are not looked at.
"""

import functools

from . import trace
from .imports import after_import

_TRAINING = ("Apply", "ResourceApply", "SparseApply", "ResourceSparseApply")
_GRADIENTS = ("grad", "delta")  # what these operators call it
_LOOP = frozenset({"Enter", "RefEnter", "NextIteration", "RefNextIteration", "LoopCond"})


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
        gradients = {variable: _fields(values[tensor]) for variable, tensor in wanted.items()}
        trace.emit("numerics", gradients=gradients)
        return results[: len(fetches)]

    module.BaseSession._do_run = patched


def _wanted(session, fetches, targets, feeds):
    """Returns the gradient of each variable that a run trains."""
    known = session.__dict__.setdefault("_npu_numerics", {})
    key = tuple(fetches), tuple(targets), tuple(feeds)
    if key not in known:
        session._extend_graph()  # Where products are rounded, this is when it happens.
        ops = [tensor.op for tensor in fetches] + list(targets)
        pairs = [_pair(op) for op in _reached(ops) if op.type.startswith(_TRAINING)]
        fed = set(map(id, feeds))
        known[key] = {
            variable: gradient
            for variable, gradient in pairs
            if gradient is not None and id(gradient) not in fed
        }
    return known[key]


def _reached(ops):
    waiting, reached = list(ops), set()
    while waiting:
        op = waiting.pop()
        if op not in reached:
            reached.add(op)
            waiting += [tensor.op for tensor in op.inputs]
            waiting += op.control_inputs
    return sorted(reached, key=lambda op: op._id)


def _pair(op):
    """Returns the name of the variable that an optimizer's operator changes, and the gradient.

    The gradient as the branch of a condition gets it from outside; None in a loop.
    """
    variable = op.inputs[0].op
    while variable.inputs:
        variable = variable.inputs[0].op
    names = [argument.name for argument in op.op_def.input_arg]
    gradient = next((op.inputs[names.index(name)] for name in _GRADIENTS if name in names), None)
    while gradient is not None and gradient.op._get_control_flow_context() is not None:
        inputs = gradient.op.inputs
        gradient = None if gradient.op.type in _LOOP or not inputs else inputs[0]
    return variable.name, gradient


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
