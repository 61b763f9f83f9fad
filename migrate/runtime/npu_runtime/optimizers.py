"""The optimizer that a training loss is minimised with, fitted to the device."""

from . import options, settings

# The managers' arguments as most published ports have them (ExponentialUpdateLossScaleManager).
_DYNAMIC = {
    "init_loss_scale": 2**32,
    "incr_every_n_steps": 1000,
    "decr_every_n_nan_or_inf": 2,
    "decr_ratio": 0.5,
}


def npu_optimizer(optimizer):
    """Scales the loss where gradients are computed in fp16, and only there.

    Gradients that `compute_gradients` returns are unscaled, so clipping them stays as it is. A
    step in which something overflowed is skipped, and the scale adapts.

    Args:
        optimizer: tf.train.Optimizer.

    Returns:
        An NPULossScaleOptimizer around it with a manager of its own, or `optimizer` itself: with
        NPU_DEVICE=host, and where the precision mode needs no scaling (see NPU_LOSS_SCALE).

    Raises:
        ValueError: NPU_PRECISION_MODE or NPU_LOSS_SCALE is not legal.
    """
    if settings.on_host():
        return optimizer
    scale = options.loss_scale()
    if scale is None:
        return optimizer
    # By their modules: importing npu_bridge.npu_init would patch every session of the process.
    from npu_bridge.estimator.npu import npu_loss_scale_manager, npu_loss_scale_optimizer

    if scale == "dynamic":
        manager = npu_loss_scale_manager.ExponentialUpdateLossScaleManager(**_DYNAMIC)
    else:
        manager = npu_loss_scale_manager.FixedLossScaleManager(scale)
    return npu_loss_scale_optimizer.NPULossScaleOptimizer(optimizer, manager)
