"""Horovod's functions for Keras, on HCCL: what `horovod.keras` of 0.16 to 0.19 has.

For `horovod.tensorflow.keras` as well. See horovod.py.
"""

import inspect

import tensorflow.compat.v1 as tf

from . import horovod, horovod_callbacks, keras_optimizers, ranks
from .horovod import (  # noqa: F401
    Compression,
    ccl_built,
    ddl_built,
    gloo_built,
    gloo_enabled,
    init,
    is_initialized,
    local_rank,
    local_size,
    mlsl_built,
    mpi_built,
    mpi_enabled,
    mpi_threads_supported,
    nccl_built,
    rank,
    shutdown,
    size,
)

callbacks = horovod_callbacks


def DistributedOptimizer(
    optimizer,
    name=None,
    device_dense="",
    device_sparse="",
    compression=Compression.none,
    sparse_as_dense=False,
):
    """Makes a Keras optimizer average its gradients over the ranks.

    Args:
        optimizer: of tf.keras or Keras 2.3; changed in place.
        name: accepted; the optimizer keeps its own.
        device_dense, device_sparse: accepted; HCCL has one device for each process.
        compression: of what is exchanged.
        sparse_as_dense: whether to make tf.IndexedSlices tensors before they are averaged.

    Returns:
        The optimizer.
    """
    if ranks.size() == 1:
        return optimizer
    return keras_optimizers.average(optimizer, horovod._averaging(compression, sparse_as_dense))


def load_model(filepath, custom_optimizers=None, custom_objects=None, compression=Compression.none):
    """Loads a model of tf.keras whose optimizer averages its gradients over the ranks.

    Args:
        filepath: file that Model.save wrote.
        custom_optimizers: classes of optimizers that are not Keras's own.
        custom_objects: name to class or function, of anything else that is not.
        compression: of what is exchanged.

    Returns:
        The compiled model.
    """
    known = vars(tf.keras.optimizers).values()
    optimizers = {
        kind.__name__.lower(): kind
        for kind in known
        if inspect.isclass(kind) and kind is not tf.keras.optimizers.Optimizer
    }
    optimizers.update((kind.__name__, kind) for kind in custom_optimizers or ())
    if ranks.size() > 1:
        averaged = horovod._averaging(compression)
        for name, kind in optimizers.items():
            optimizers[name] = keras_optimizers.averaging_class(kind, averaged)
    optimizers.update(custom_objects or {})
    return tf.keras.models.load_model(filepath, custom_objects=optimizers)


def allreduce(value, name=None, average=True):
    """Returns the average or sum over the ranks of a tensor's value, as an array."""
    return _value_of(lambda: horovod.allreduce(value, average=average, name=name))


def allgather(value, name=None):
    """Returns the values of all ranks, joined along their first dimension, as an array."""
    return _value_of(lambda: horovod.allgather(value, name))


def broadcast(value, root_rank, name=None):
    """Returns the value that one rank has, as an array."""
    return _value_of(lambda: horovod.broadcast(value, root_rank, name))


def broadcast_global_variables(root_rank):
    """Gives all ranks the variables that one has, in Keras's session."""
    return _value_of(lambda: horovod.broadcast_global_variables(root_rank))


def _value_of(make):
    session = tf.keras.backend.get_session()
    with session.graph.as_default():
        return session.run(make())
