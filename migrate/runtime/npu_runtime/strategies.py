"""The strategies of tf.distribute, as what each process of a training has: one device."""

import functools

import tensorflow.compat.v1 as tf

from . import settings

# As the adapter's NPUStrategy has it (npu_bridge/estimator/npu/npu_strategy.py): what is on the
# host's only device goes to the NPU.
_DEVICE = "/cpu:0"


def npu_strategy(kind):
    """Takes the place of a class of strategies.

    TensorFlow's strategies know no NPU. Here each process trains on one device, as one replica:
    `num_replicas_in_sync` is 1, the batch is that of one device, and what a strategy reduces stays
    this process's own. Several ranks train as one all the same: npu_shard gives each its part of
    the data, npu_optimizer and npu_keras_optimizer average gradients, and all start from the
    variables of rank 0.

    Args:
        kind: class of tf.distribute or tf.contrib.distribute, such as MirroredStrategy.

    Returns:
        What takes the arguments of that class, and makes a OneDeviceStrategy whatever they are.
        With NPU_DEVICE=host `kind` itself.
    """
    if settings.on_host():
        return kind
    # Not a function: as the attribute of a class it would become a method.
    return functools.partial(_made)


def _made(*unused, **unused_by_name):
    return tf.distribute.OneDeviceStrategy(_DEVICE)
