"""A recurrent network of a fixed length.

Source: adapter, npu_bridge/estimator/npu/npu_rnn.py.
"""

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.


def npu_dynamic_rnn(cell, inputs, initial_state=None, dtype=None, sequence_length=None, scope=None):
    """Returns what tf.nn.static_rnn does, of tensors instead of lists.

    Args:
        cell: RNNCell.
        inputs: steps x batch x size; time comes first.

    Returns:
        Outputs, steps x batch x units, and the last state.
    """
    outputs, state = tf.nn.static_rnn(
        cell,
        tf.unstack(inputs, axis=0),
        initial_state=initial_state,
        dtype=dtype,
        sequence_length=sequence_length,
        scope=scope,
    )
    return tf.stack(outputs, axis=0), state
