"""What the ranks compute together, on HCCL; with one rank, what was given.

All ranks must come to the same operators, with tensors of the same shapes: HCCL matches them by
their order (adapter: npu_bridge/hccl/hccl_ops.py).
"""

import tensorflow.compat.v1 as tf

from . import averaging, ranks, session

# What HCCL takes; other numbers go as their bytes (CANN, HCCL, "Data Types").
_SENT = (tf.int8, tf.int32, tf.int64, tf.float16, tf.float32)


def allreduce(tensor, average=True):
    """Sums or averages over the ranks.

    Args:
        tensor: tensor, variable, or tf.IndexedSlices, whose parts are joined.
        average: whether to divide by the number of ranks; whole numbers are rounded down.

    Returns:
        The same kind of thing, of the same shape; slices are those of all ranks.
    """
    if isinstance(tensor, tf.IndexedSlices):
        values = allgather(tensor.values)
        if average:
            values = _divided(values)
        return tf.IndexedSlices(values, allgather(tensor.indices), tensor.dense_shape)
    tensor = tf.convert_to_tensor(tensor)
    if ranks.size() == 1:
        return tf.identity(tensor)
    total = _operators().allreduce(tensor, "sum")
    averaging.mark([total])
    return _divided(total) if average else total


def allgather(tensor):
    """Joins the tensors of all ranks along their first dimension, in the order of ranks.

    Args:
        tensor: of one dimension or more, and of the same shape on every rank.
    """
    tensor = tf.convert_to_tensor(tensor)
    if ranks.size() == 1:
        return tf.identity(tensor)
    joined = _operators().allgather(tensor, ranks.size())
    averaging.mark([joined])
    return joined


def broadcast(tensors, root):
    """Returns the values that one rank has.

    Args:
        tensors: list of tensors or variables; those of one type go together.
        root: number of that rank.

    Raises:
        ValueError: there is no such rank.
    """
    if not 0 <= root < ranks.size():
        raise ValueError("there is no rank %s: ranks go from 0 to %d" % (root, ranks.size() - 1))
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    if ranks.size() == 1:
        return [tf.identity(tensor) for tensor in tensors]
    sent = [_packed(tensor) for tensor in tensors]
    received = {}
    before = []
    for dtype in sorted({tensor.dtype for tensor in sent}, key=str):
        places = [place for place, tensor in enumerate(sent) if tensor.dtype == dtype]
        with tf.control_dependencies(before):  # in the same order on all ranks
            before = _operators().broadcast([sent[place] for place in places], root)
        received.update(zip(places, before))
    return [_unpacked(received[place], tensor.dtype) for place, tensor in enumerate(tensors)]


def broadcast_variables(variables, root):
    """Makes the operator that gives variables the values that one rank has.

    Args:
        variables: tf.Variables.
        root: number of that rank.
    """
    variables = list(variables)
    with tf.name_scope("broadcast_variables"):
        values = broadcast(variables, root)
        if ranks.size() == 1:
            return tf.no_op()
        return tf.group(*[tf.assign(variable, new) for variable, new in zip(variables, values)])


def _packed(tensor):
    if tensor.dtype in _SENT:
        return tensor
    if tensor.dtype == tf.bool:
        return tf.cast(tensor, tf.int8)
    return tf.bitcast(tensor, tf.int8)


def _unpacked(tensor, dtype):
    if tensor.dtype == dtype:
        return tensor
    return tf.cast(tensor, dtype) if dtype == tf.bool else tf.bitcast(tensor, dtype)


def _divided(tensor):
    size = tf.cast(ranks.size(), tensor.dtype)
    return tensor / size if tensor.dtype.is_floating else tensor // size


def _operators():
    session.load_adapter()
    from npu_bridge.hccl import hccl_ops

    return hccl_ops
