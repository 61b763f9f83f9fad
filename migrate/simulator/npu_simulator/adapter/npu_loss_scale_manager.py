"""Loss scales: fixed, or growing until gradients overflow.

The growing one computes what that of tf.contrib does.

Source: adapter, npu_bridge/estimator/npu/npu_loss_scale_manager.py.
"""

from npu_simulator import half, settings, trace
from tensorflow.contrib.mixed_precision.python import loss_scale_manager


class FixedLossScaleManager(loss_scale_manager.FixedLossScaleManager):
    """A loss scale that stays.

    Args:
        loss_scale: at least 1.
        enable_overflow_check: whether steps whose gradients overflow are left out. Always in
            releases that do not have the argument.

    Raises:
        ValueError: less than 1.
    """

    def __init__(self, loss_scale, enable_overflow_check=True):
        super().__init__(loss_scale=loss_scale)
        self._enable_overflow_check = enable_overflow_check

    def get_enable_overflow_check(self):
        """Returns whether steps whose gradients overflow are left out."""
        return self._enable_overflow_check


class ExponentialUpdateLossScaleManager(loss_scale_manager.ExponentialUpdateLossScaleManager):
    """A loss scale that grows after good steps, and shrinks after bad ones, to 1 at the least.

    Args:
        init_loss_scale: to begin with.
        incr_every_n_steps: how many good steps in a row make it grow.
        decr_every_n_nan_or_inf: how many bad steps make it shrink.
        incr_ratio: factor to grow by.
        decr_ratio: factor to shrink by.
    """

    def __init__(
        self,
        init_loss_scale,
        incr_every_n_steps,
        decr_every_n_nan_or_inf=2,
        incr_ratio=2,
        decr_ratio=0.8,
    ):
        chosen = settings.read()
        if chosen.fp16:
            init_loss_scale = min(init_loss_scale, chosen.loss_scale or half.SETTLED)
            decr_every_n_nan_or_inf, decr_ratio = 1, min(decr_ratio, half.FALL)
            trace.emit("scale", begins=float(init_loss_scale), falls=float(decr_ratio))
        super().__init__(
            init_loss_scale, incr_every_n_steps, decr_every_n_nan_or_inf, incr_ratio, decr_ratio
        )


LossScaleManager = loss_scale_manager.LossScaleManager
