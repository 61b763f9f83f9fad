"""Lets a run begin only when the queues that it takes from hold what it takes.

Where a queue is short, TensorFlow goes on with other operators of the run meanwhile, and so their
order, and what a read of a variable sees that the run also updates, would hang on the threads
that fill the queue.
"""

import functools
import time

_LONGEST = 60.0  # seconds; then the run begins all the same, and waits in TensorFlow
_PAUSE = 0.001  # seconds


def watch(module):
    """Remembers of each dequeue operator how to ask its queue.

    Args:
        module: tensorflow.python.ops.data_flow_ops.
    """
    for name in ("dequeue", "dequeue_many", "dequeue_up_to"):
        _patch(module.QueueBase, name)


def _patch(base, name):
    method = getattr(base, name)

    @functools.wraps(method)
    def patched(self, *args, **keywords):
        from tensorflow.python.framework import ops

        taken = method(self, *args, **keywords)
        first = taken
        while isinstance(first, (list, tuple, dict)):
            first = next(iter(first.values())) if isinstance(first, dict) else first[0]
        graph = first.graph
        count = 1 if name == "dequeue" else _constant(args[0] if args else keywords["n"])
        with ops.control_dependencies(None), ops.name_scope("npu_simulator/"):
            size, closed = self.size(), self.is_closed()
        watched = graph._npu_queues = getattr(graph, "_npu_queues", {})
        op = _dequeue_op(first.op)
        if op is not None and count is not None:
            watched[op] = (size, closed, count)
        return taken

    setattr(base, name, patched)


def _constant(number):
    """What a number is, or a tensor that always holds it; None for another tensor."""
    from tensorflow.python.framework import ops, tensor_util

    if isinstance(number, ops.Tensor):
        number = tensor_util.constant_value(number)
    return None if number is None else int(number)


def _dequeue_op(op):
    """The dequeue operator behind what the method returns."""
    while "Dequeue" not in op.type:
        if not op.inputs:
            return None
        op = op.inputs[0].op
    return op


def wait(session, fetches, targets, feeds):
    """Waits until a run can take what it wants.

    Args:
        session: BaseSession.
        fetches: tensors whose values the run wants.
        targets: operators that it wants for their effect.
        feeds: tensors that it is given.
    """
    watched = getattr(session.graph, "_npu_queues", None)
    if not watched:
        return
    key = (tuple(map(id, fetches)), tuple(map(id, targets)), frozenset(map(id, feeds)))
    kinds = session.graph._npu_kinds = getattr(session.graph, "_npu_kinds", {})
    if key not in kinds:
        kinds[key] = [watched[op] for op in _reached(fetches, targets, feeds) if op in watched]
    until = time.time() + _LONGEST
    for size, closed, count in kinds[key]:
        while time.time() < until:
            held, ended = _ask(session, size, closed)
            if held >= count or ended:
                break
            time.sleep(_PAUSE)


def _ask(session, *tensors):
    session._extend_graph()
    outputs = [tensor._as_tf_output() for tensor in tensors]
    return session._call_tf_sessionrun(None, {}, outputs, [], None)


def _reached(fetches, targets, feeds):
    given = set(map(id, feeds))
    waiting = [tensor.op for tensor in fetches if id(tensor) not in given] + list(targets)
    reached = set()
    while waiting:
        op = waiting.pop()
        if op not in reached:
            reached.add(op)
            waiting += [tensor.op for tensor in op.inputs if id(tensor) not in given]
            waiting += op.control_inputs
    return reached
