"""Takes what a run reads from queues and iterators before the run, and feeds it.

Such an operator comes to its end in another thread, which then executes what follows from it. So
the order of the run's operators, and what a read of a variable sees that the run also updates,
would hang on which thread is faster.
"""

SOURCES = frozenset("QueueDequeueV2 QueueDequeueManyV2 QueueDequeueUpToV2 IteratorGetNext".split())
# Stateful, but to run one twice changes nothing.
_HANDLES = frozenset(
    "FIFOQueueV2 PaddingFIFOQueueV2 PriorityQueueV2 RandomShuffleQueueV2 "
    "IteratorV2 OneShotIterator IteratorFromStringHandleV2".split()
)
NO_VALUES = frozenset({"resource", "variant"})


def take(session, fetches, targets, feeds, run):
    """Takes from the sources of a run, one after the other.

    Args:
        session: BaseSession.
        fetches: tensors whose values the run wants.
        targets: operators that it wants for their effect.
        feeds: {tensor: value} that it is given.
        run: gives the values of tensors: run(tensors, targets, feeds).

    Returns:
        {tensor: value} to be fed as well.

    Raises:
        What taking raises, as the run itself would: tf.errors.OutOfRangeError at the end.
    """
    import numpy as np  # not at the top: only TensorFlow's own import brings it

    known = session.graph._npu_sources = getattr(session.graph, "_npu_sources", {})
    key = tuple(map(id, fetches)), tuple(map(id, targets)), frozenset(map(id, feeds))
    if key not in known:
        # The objects as well, so that no other ones get their ids.
        known[key] = _sources(fetches, targets, feeds), (fetches, targets, list(feeds))
    taken = {}
    for source, handle_feeds in known[key][0]:
        given = {tensor: value for tensor, value in feeds.items() if id(tensor) in handle_feeds}
        for tensor, value in zip(source.outputs, run(source.outputs, [], given)):
            taken[tensor] = np.asarray(value, tensor.dtype.as_numpy_dtype)
    return taken


def _sources(fetches, targets, feeds):
    """Returns the sources that can be taken from before, and the ids of what each must be fed."""
    given = set(map(id, feeds))
    wanted = set(targets) | {tensor.op for tensor in fetches}
    found = []
    for op in reached(wanted, given):
        if op.type in SOURCES and op not in wanted and op._get_control_flow_context() is None:
            needed = reached([op], given) - {op}
            if not any(tensor.dtype.name in NO_VALUES for tensor in op.outputs) and all(
                n.type in _HANDLES or not n.op_def.is_stateful for n in needed
            ):
                fed = {id(tensor) for n in needed | {op} for tensor in n.inputs} & given
                found.append((op, fed))
    return sorted(found, key=lambda source: source[0]._id)


def reached(ops, given):
    """Returns the operators that a run executes.

    Args:
        ops: those whose results or effects it wants.
        given: ids of the tensors that are fed, so that what computes them does not run.
    """
    waiting, reached = list(ops), set()
    while waiting:
        op = waiting.pop()
        if op not in reached:
            reached.add(op)
            waiting += [tensor.op for tensor in op.inputs if id(tensor) not in given]
            waiting += op.control_inputs
    return reached
