"""Operators of the AI core in Python.

Source: adapter, npu_bridge/estimator/npu_aicore_ops.py.
"""

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator.adapter import npu_ops, operators
from npu_simulator.adapter.helper import npu_bridge_handle as npu_aicore_ops  # noqa: F401

DEFAULT_GRAPH_SEED = 87654321


def centralization(x, axes, name=None):
    """Returns x - reduce_mean(x, axes), the mean keeping its dimensions."""
    with tf.name_scope(name, "Centralization"):
        x = tf.convert_to_tensor(x, name="x")
        return x - tf.reduce_mean(x, axes, keepdims=True)


def prelu(x, weight):
    """Returns x where it is positive, and weight * x elsewhere."""
    with tf.name_scope("PRelu"):
        x = tf.convert_to_tensor(x, name="x")
        return tf.maximum(x, 0) + weight * tf.minimum(x, 0)


def dropout_v3(x, keep_prob, noise_shape=None, seed=None, name=None):
    """Returns npu_ops.dropout, without its refusal of eager execution."""
    return npu_ops.dropped(x, keep_prob, noise_shape, seed, name)


def fast_gelu_v2(x, name=None):
    """Returns the Gaussian error linear unit in its fast form."""
    return operators.fast_gelu(x, name)
