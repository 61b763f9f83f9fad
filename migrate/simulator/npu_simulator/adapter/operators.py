"""Operators of the device that ports call by themselves, computed with TensorFlow's own."""

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.


def gelu(x, name=None):
    """Returns the Gaussian error linear unit, by the tanh form.

    The exact formula of the device is not published. The two usual forms, erf and tanh, differ
    by less than 0.0005.

    Args:
        x: tensor of floats.
    """
    with tf.name_scope(name, "Gelu", [x]):
        x = tf.convert_to_tensor(x)
        inner = 0.7978845608028654 * (x + 0.044715 * tf.pow(x, 3))
        return 0.5 * x * (1.0 + tf.tanh(inner))


def fast_gelu(x, name=None):
    """Returns x * sigmoid(1.702 x), the form that the device's FastGelu computes."""
    with tf.name_scope(name, "FastGelu", [x]):
        x = tf.convert_to_tensor(x)
        return x * tf.sigmoid(1.702 * x)
