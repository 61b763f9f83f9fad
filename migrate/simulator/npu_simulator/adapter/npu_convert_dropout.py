"""Lets the Dropout layer of tf.keras use the device's dropout, from the import on.

Source: adapter, npu_bridge/estimator/npu/npu_convert_dropout.py.
"""

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator.adapter import npu_ops
from tensorflow.python.keras import backend
from tensorflow.python.keras.layers.core import Dropout
from tensorflow.python.keras.utils import tf_utils


def dropout_call(self, inputs, training=None):
    """Computes the layer."""
    if training is None:
        training = backend.learning_phase()
    shape = self._get_noise_shape(inputs)

    def dropped():
        # The device has no noise_shape here.
        if shape:
            return tf.nn.dropout(inputs, noise_shape=shape, seed=self.seed, rate=self.rate)
        return npu_ops.dropout(inputs, noise_shape=shape, seed=self.seed, keep_prob=1 - self.rate)

    return tf_utils.smart_cond(training, dropped, lambda: tf.identity(inputs))


def ready(adapter):
    """Patches the layer."""
    Dropout.call = lambda self, inputs, training=None: dropout_call(self, inputs, training)
