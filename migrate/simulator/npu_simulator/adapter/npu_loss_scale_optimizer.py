"""An optimizer that scales the loss, and leaves out steps whose gradients overflow.

The device saturates instead of giving inf, and raises a flag; here a gradient that is inf or NaN
stands for the flag.

Source: adapter, npu_bridge/estimator/npu/npu_loss_scale_optimizer.py.
"""

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator import collectives
from npu_simulator.adapter.npu_loss_scale_manager import FixedLossScaleManager
from tensorflow.contrib.mixed_precision.python import loss_scale_optimizer


class NPULossScaleOptimizer(loss_scale_optimizer.LossScaleOptimizer):
    """Scales the loss before another optimizer, and its gradients back.

    Args:
        opt: that optimizer.
        loss_scale_manager: a loss scale manager.
        is_distributed: whether one rank's overflow makes all ranks leave the step out.
    """

    def __init__(self, opt, loss_scale_manager, is_distributed=False):
        super().__init__(opt=opt, loss_scale_manager=loss_scale_manager)
        self._is_distributed = is_distributed
        self._name = "NPULossScaleOptimizer"

    def __getattr__(self, attribute):
        if attribute == "_opt":  # Not there yet: somebody copies this object.
            raise AttributeError(attribute)
        return getattr(self._opt, attribute)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """Applies gradients and updates the loss scale, or does the latter only."""
        grads_and_vars = list(grads_and_vars)
        manager = self._loss_scale_manager
        if isinstance(manager, FixedLossScaleManager) and not manager.get_enable_overflow_check():
            finite = tf.constant(True)
        else:
            with tf.name_scope(self._name):
                finite = all_finite(grads_and_vars, self._is_distributed)
        return apply_if(finite, self._opt, manager, grads_and_vars, global_step, name)


def apply_if(finite, optimizer, manager, grads_and_vars, global_step, name):
    """Returns the operator that applies gradients if all are finite, and updates the loss scale."""
    applied = tf.cond(
        finite,
        lambda: tf.group(optimizer.apply_gradients(grads_and_vars, global_step, name)),
        tf.no_op,
    )
    return tf.group(applied, manager.update_loss_scale(finite))


def all_finite(grads_and_vars, distributed):
    """Returns whether no gradient overflowed: a scalar of bool.

    Args:
        grads_and_vars: pairs as of compute_gradients.
        distributed: whether those of all ranks count.
    """
    gradients = [gradient for gradient, _ in grads_and_vars if gradient is not None]
    values = [
        gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
        for gradient in gradients
    ]
    wrong = [tf.reduce_any(tf.logical_not(tf.is_finite(value))) for value in values]
    status = tf.cast(tf.reduce_any(wrong), tf.float32)
    if distributed:
        (status,) = collectives.allreduce([status], "sum")
    return tf.equal(status, 0, name="overflow_status_reduce_all")
