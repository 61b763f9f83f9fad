"""The optimizer that a training loss is minimised with, fitted to the device."""

import functools

import tensorflow.compat.v1 as tf

from . import options, ranks, session, settings
from .scaling import ScaledOptimizer, chain

# Optimizers whose compute_gradients averages: the adapter's, and Horovod's in horovod.py.
_AVERAGING = ("NPUDistributedOptimizer", "_DistributedOptimizer")


def npu_optimizer(optimizer):
    """Averages gradients over the ranks, and scales the loss; each only where it is needed.

    Several ranks (see ranks.py) train as one: gradients are averaged, whether `compute_gradients`
    or tf.gradients computed them, and never twice where Horovod's or the adapter's optimizer is
    within. With one rank nothing is wrapped.

    The loss is scaled where gradients are computed in fp16. Gradients that `compute_gradients`
    returns are unscaled, so clipping them stays as it is. A step in which something overflowed,
    on any rank, is skipped, and the scale adapts. A loss scale for GPUs
    (tf.contrib.mixed_precision, tf.train.experimental) is replaced, since the device saturates
    where those look for inf; one of the adapter's is kept.

    Args:
        optimizer: tf.train.Optimizer; or, as tf.contrib.layers.optimize_loss takes them, what
            makes one when it is called, such as its class, or a name.

    Returns:
        A tf.train.Optimizer around it, or something to call that makes one. `optimizer` itself:
        with NPU_DEVICE=host, and with one rank where the precision mode needs no scaling (see
        NPU_LOSS_SCALE).

    Raises:
        ValueError: NPU_PRECISION_MODE or NPU_LOSS_SCALE is not legal, or see ranks.rank().
        TypeError: it is none of these.
        RuntimeError: there is no adapter (npu_bridge).
    """
    several = ranks.size() > 1
    if settings.on_host():
        return optimizer
    scale = options.loss_scale()
    if scale is None and not several:
        return optimizer
    if isinstance(optimizer, tf.train.Optimizer):
        session.load_adapter()
        return _distributed(optimizer, scale) if several else _scaled(optimizer, scale)
    if isinstance(optimizer, str) or callable(optimizer):
        # Not a function: as the attribute of a class it would become a method.
        return functools.partial(_made, optimizer)
    raise TypeError("npu_optimizer takes a tf.train.Optimizer, not %r" % (optimizer,))


def _made(make, *args, **kwargs):
    if isinstance(make, str):
        from tensorflow.contrib.layers.python.layers.optimizers import OPTIMIZER_CLS_NAMES

        if make not in OPTIMIZER_CLS_NAMES:
            known = ", ".join(sorted(OPTIMIZER_CLS_NAMES))
            raise ValueError("no optimizer is called %r; known are: %s" % (make, known))
        make = OPTIMIZER_CLS_NAMES[make]
    return npu_optimizer(make(*args, **kwargs))


def _distributed(optimizer, scale):
    """In the order in which the adapter wants them: the gradients averaged, then unscaled."""
    from npu_bridge.estimator.npu.npu_loss_scale_optimizer import NPULossScaleOptimizer
    from npu_bridge.estimator.npu.npu_optimizer import NPUDistributedOptimizer

    from . import averaging, distribution

    distribution.train_together()
    if any(isinstance(part, averaging.AveragedOptimizer) for part in chain(optimizer)):
        return optimizer
    if scale is not None:
        optimizer = _without_gpu_scale(optimizer)
    inner = optimizer
    for part in chain(optimizer):
        if isinstance(part, NPULossScaleOptimizer):
            part._is_distributed = True  # Else each rank decides for itself which steps to skip.
    if not any(type(part).__name__ in _AVERAGING for part in chain(optimizer)):
        inner = NPUDistributedOptimizer(inner)
    if scale is not None:
        inner = _scaled(inner, scale)
    return averaging.AveragedOptimizer(inner, optimizer)


def _scaled(optimizer, scale):
    from npu_bridge.estimator.npu.npu_loss_scale_optimizer import NPULossScaleOptimizer

    scaling = (ScaledOptimizer, NPULossScaleOptimizer)
    if not isinstance(optimizer, scaling):
        optimizer = _without_gpu_scale(optimizer)
    if any(isinstance(part, scaling) for part in chain(optimizer)):
        return optimizer
    return ScaledOptimizer(optimizer, scale)


def _without_gpu_scale(optimizer):
    from tensorflow.contrib.mixed_precision import LossScaleOptimizer

    if isinstance(optimizer, LossScaleOptimizer):
        return optimizer._opt
    if isinstance(optimizer, tf.train.experimental.MixedPrecisionLossScaleOptimizer):
        return optimizer._optimizer
    return optimizer
