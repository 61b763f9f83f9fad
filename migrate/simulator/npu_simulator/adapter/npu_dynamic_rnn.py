"""Recurrent layers that the device computes in one operator.

Source: adapter, npu_bridge/estimator/npu/npu_dynamic_rnn.py; order of the gates and forget_bias:
CANN, operator DynamicRNN.
"""

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator import surface
from tensorflow.python.layers import base

DYNAMIC_RNN_UNIDIRECTION = "UNIDIRECTIONAL"
DYNAMIC_RNN_BIDIRECTION = "BIDIRECTIONAL"
DYNAMIC_RNN_REDIRECTIONAL = "REDIRECTIONAL"

_SIMULATED = {
    "cell_type": ("LSTM",),
    "cell_depth": (1,),
    "use_peephole": (False,),
    "keep_prob": (1.0,),
    "cell_clip": (-1.0,),
    "num_proj": (0,),
    "time_major": (True,),
    "activation": ("tanh",),
    "is_training": (True, False),
}


class DynamicRNN(base.Layer):
    """An LSTM of one layer.

    Args:
        hidden_size: units.
        dtype: of weights and states.
        direction: UNIDIRECTIONAL or BIDIRECTIONAL.
        forget_bias: added before the forget gate's sigmoid.
        others: cell_type, cell_depth, use_peephole, keep_prob, cell_clip, num_proj, time_major,
            activation, is_training; only their defaults are simulated.

    Raises:
        NotSimulated: another value than the default.
        ValueError: an unknown direction.
    """

    def __init__(
        self, hidden_size, dtype, direction=DYNAMIC_RNN_UNIDIRECTION, forget_bias=0.0, **others
    ):
        super().__init__()
        for name, value in others.items():
            if value not in _SIMULATED[name]:
                surface.absent("DynamicRNN(%s=%r)" % (name, value))()
        if direction not in (DYNAMIC_RNN_UNIDIRECTION, DYNAMIC_RNN_BIDIRECTION):
            raise ValueError(
                "Invalid direction: %s, expecting %s or %s"
                % (direction, DYNAMIC_RNN_UNIDIRECTION, DYNAMIC_RNN_BIDIRECTION)
            )
        self._hidden_size = hidden_size
        self._dtype = dtype
        self._both = direction == DYNAMIC_RNN_BIDIRECTION
        self._forget_bias = forget_bias

    def build(self, input_shape):
        """Makes the weights."""
        size = input_shape[2].value
        if size is None:
            raise ValueError("Expected input_shape[2] to be known, saw shape: input_size.")
        first = [2] if self._both else []
        self._weight = self.add_variable(
            "dynamicrnn/w",
            shape=[*first, size + self._hidden_size, 4 * self._hidden_size],
            dtype=self._dtype,
            initializer=tf.glorot_uniform_initializer(seed=10, dtype=self._dtype),
        )
        self._bias = self.add_variable(
            "dynamicrnn/b",
            shape=[*first, 4 * self._hidden_size],
            dtype=self._dtype,
            initializer=tf.zeros_initializer(dtype=self._dtype),
        )
        super().build(input_shape)

    def call(self, x, seq_length=None, init_h=None, init_c=None, weight=None, bias=None):
        """Computes all steps.

        Args:
            x: steps x batch x size.
            seq_length: must be None.
            init_h, init_c: 1 or 2 directions x batch x units; zeros unless given.
            weight, bias: other ones than the layer's own.

        Returns:
            y, output_h, output_c, i, j, f, o, tanhc: each steps x batch x units, and of both
            directions with a first dimension of 2.
        """
        if seq_length is not None:
            surface.absent("DynamicRNN(...)(x, seq_length=...)")()
        weight = self._weight if weight is None else weight
        bias = self._bias if bias is None else bias
        directions = 2 if self._both else 1
        zeros = tf.zeros([directions, tf.shape(x)[1], self._hidden_size], self._dtype)
        init_h = zeros if init_h is None else init_h
        init_c = zeros if init_c is None else init_c
        if not self._both:
            return self._scan(x, init_h[0], init_c[0], weight, bias)
        forward = self._scan(x, init_h[0], init_c[0], weight[0], bias[0])
        backward = self._scan(x[::-1], init_h[1], init_c[1], weight[1], bias[1])
        return [tf.stack([one, other[::-1]]) for one, other in zip(forward, backward)]

    def _scan(self, x, init_h, init_c, weight, bias):
        def step(previous, inputs):
            gates = tf.matmul(tf.concat([inputs, previous[1]], 1), weight) + bias
            i, j, f, o = tf.split(gates, 4, axis=1)
            i, j, o = tf.sigmoid(i), tf.tanh(j), tf.sigmoid(o)
            f = tf.sigmoid(f + self._forget_bias)
            c = previous[2] * f + i * j
            tanhc = tf.tanh(c)
            h = tanhc * o
            return h, h, c, i, j, f, o, tanhc

        start = (init_h, init_h, init_c) + (tf.zeros_like(init_h),) * 5
        return list(tf.scan(step, x, start))
