"""Operators of the device in Python.

Source: adapter, npu_bridge/estimator/npu_ops.py.
"""

import numbers

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator import marks
from npu_simulator.adapter import system

DEFAULT_GRAPH_SEED = 87654321


def _refuse_eager(name):
    if tf.executing_eagerly():
        raise RuntimeError("tf.%s() is not compatible with eager execution." % name)


def NPUInit(name=None):
    """Returns the operator that initialises the NPU."""
    _refuse_eager("NPUInit")
    return marks.py_func(system.initialize, [], [], name or "NPUInit", "NPUInit")


def NPUShutdown(name=None):
    """Returns the operator that shuts the NPU down."""
    _refuse_eager("NPUShutdown")
    return marks.py_func(system.shut_down, [], [], name or "NPUShutdown", "NPUShutdown")


def initialize_system(name=None):
    """Returns the operator that initialises the NPU and the communication of the ranks."""
    return NPUInit(name)


def shutdown_system(name=None):
    """Returns the operator that shuts the NPU down."""
    return NPUShutdown(name)


def dropout(x, keep_prob, noise_shape=None, seed=None, name=None):
    """Keeps elements of a tensor with a probability, and scales them by its inverse.

    The random numbers are those of tf.nn.dropout, not of the device.

    Args:
        x: tensor of floats.
        keep_prob: float in (0, 1], or scalar tensor.
        noise_shape: shape of the random choice, as in tf.nn.dropout.
        seed: of the operator.

    Raises:
        RuntimeError: in eager execution.
        ValueError: no floats, or a probability outside (0, 1].
    """
    if tf.executing_eagerly():
        raise RuntimeError("npu_ops.dropout() is not compatible with eager execution.")
    return dropped(x, keep_prob, noise_shape, seed, name)


def dropped(x, keep_prob, noise_shape, seed, name):
    """Computes every kind of dropout that the adapter has."""
    x = tf.convert_to_tensor(x, name="x")
    if not x.dtype.is_floating:
        raise ValueError("x must be a floating point tensor. Got a %s tensor instead." % x.dtype)
    if isinstance(keep_prob, numbers.Real) and not 0 < keep_prob <= 1.0:
        raise ValueError(
            "keep_prob must be a float value or a scalar tensor in the range (0, 1], got %g"
            % keep_prob
        )
    if isinstance(keep_prob, float) and keep_prob == 1.0:
        return x
    return tf.nn.dropout(x, rate=1 - keep_prob, noise_shape=noise_shape, seed=seed, name=name)


def LARSV2(
    input_weight,
    input_grad,
    weight_decay,
    learning_rate,
    hyperpara=0.001,
    epsilon=0.00001,
    use_clip=False,
    name=None,
):
    """Scales a gradient by the layer-wise rate of LARS.

    The result is (grad + weight_decay * weight) * rate, where rate is hyperpara * |weight| /
    (|grad| + weight_decay * |weight| + epsilon), and with use_clip at most 1 after division by
    learning_rate. This is LARSUpdate as MindSpore documents it for the same operator.

    Args:
        input_weight: weights of a layer.
        input_grad: gradient of the same shape.
        weight_decay: scalar.
        learning_rate: scalar.
    """
    _refuse_eager("LARSV2")
    with tf.name_scope(name, "LarsV2"):
        weight, gradient = tf.norm(input_weight), tf.norm(input_grad)
        rate = hyperpara * weight / (gradient + weight_decay * weight + epsilon)
        if use_clip:
            rate = tf.minimum(rate / learning_rate, 1.0)
        return (input_grad + weight_decay * input_weight) * rate
