"""The optimizer that a training loss is minimised with, fitted to the device."""

import functools

import tensorflow.compat.v1 as tf

from . import checkpoints, options, ranks, session, settings

# The managers' arguments as most published ports have them (ExponentialUpdateLossScaleManager).
_DYNAMIC = {
    "init_loss_scale": 2**32,
    "incr_every_n_steps": 1000,
    "decr_every_n_nan_or_inf": 2,
    "decr_ratio": 0.5,
}
# Where the optimizers of TensorFlow 1.15.0 and Horovod keep the one that they build on.
_INNER = ("_opt", "_optimizer")
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


class ScaledOptimizer(tf.train.Optimizer):
    """The adapter's NPULossScaleOptimizer, with a manager of its own, in the graph of the loss.

    That one makes variables and operators as soon as it is made, but an optimizer may be made
    before the graph that it trains, as an Estimator's is.

    Args:
        optimizer: tf.train.Optimizer that applies the gradients.
        scale: "dynamic", or a number.
    """

    def __init__(self, optimizer, scale):
        super().__init__(use_locking=False, name="ScaledOptimizer")
        self._opt = optimizer
        self._scale = scale
        self._graph = None
        self._scaling = None

    def __getattr__(self, name):
        """What only the inner optimizer has, such as its learning rate."""
        if name == "_opt":  # Not there yet: somebody copies this object.
            raise AttributeError(name)
        return getattr(self._opt, name)

    def compute_gradients(self, loss, *args, **kwargs):
        """As tf.train.Optimizer does; the gradients are unscaled."""
        return self._in_graph().compute_gradients(loss, *args, **kwargs)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """As tf.train.Optimizer does, but for steps in which something overflowed."""
        scaling = self._in_graph()
        grads_and_vars = list(grads_and_vars)
        self._make_variables(
            [variable for gradient, variable in grads_and_vars if gradient is not None]
        )
        return scaling.apply_gradients(grads_and_vars, global_step, name)

    def get_slot(self, var, name):
        """Returns the slot of the inner optimizer."""
        return self._opt.get_slot(var, name)

    def get_slot_names(self):
        """Returns the names of the inner optimizer's slots."""
        return self._opt.get_slot_names()

    def variables(self):
        """Returns the variables of the inner optimizer."""
        return self._opt.variables()

    def _in_graph(self):
        graph = tf.get_default_graph()
        if self._graph is not graph:
            before = len(tf.global_variables())
            with tf.init_scope():
                self._scaling = _adapters(self._opt, self._scale)
            checkpoints.may_lack(tf.global_variables()[before:])
            self._graph = graph
        return self._scaling

    def _make_variables(self, trained):
        """Makes what the inner optimizer would make in the branch of steps that do not overflow.

        Under the name of the branch, Adam's variables would not be found in a checkpoint of a
        training that does not scale.
        """
        with tf.init_scope():
            for optimizer in _chain(self._opt):
                optimizer._create_slots(trained)


def _adapters(optimizer, scale):
    # By their modules: importing npu_bridge.npu_init would patch every session of the process.
    from npu_bridge.estimator.npu import npu_loss_scale_manager, npu_loss_scale_optimizer

    if scale == "dynamic":
        manager = npu_loss_scale_manager.ExponentialUpdateLossScaleManager(**_DYNAMIC)
    else:
        manager = npu_loss_scale_manager.FixedLossScaleManager(scale)
    several = ranks.size() > 1
    return npu_loss_scale_optimizer.NPULossScaleOptimizer(optimizer, manager, several)


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
    if any(isinstance(part, averaging.AveragedOptimizer) for part in _chain(optimizer)):
        return optimizer
    if scale is not None:
        optimizer = _without_gpu_scale(optimizer)
    inner = optimizer
    for part in _chain(optimizer):
        if isinstance(part, NPULossScaleOptimizer):
            part._is_distributed = True  # Else each rank decides for itself which steps to skip.
    if not any(type(part).__name__ in _AVERAGING for part in _chain(optimizer)):
        inner = NPUDistributedOptimizer(inner)
    if scale is not None:
        inner = _scaled(inner, scale)
    return averaging.AveragedOptimizer(inner, optimizer)


def _scaled(optimizer, scale):
    from npu_bridge.estimator.npu.npu_loss_scale_optimizer import NPULossScaleOptimizer

    scaling = (ScaledOptimizer, NPULossScaleOptimizer)
    if not isinstance(optimizer, scaling):
        optimizer = _without_gpu_scale(optimizer)
    if any(isinstance(part, scaling) for part in _chain(optimizer)):
        return optimizer
    return ScaledOptimizer(optimizer, scale)


def _without_gpu_scale(optimizer):
    from tensorflow.contrib.mixed_precision import LossScaleOptimizer

    if isinstance(optimizer, LossScaleOptimizer):
        return optimizer._opt
    if isinstance(optimizer, tf.train.experimental.MixedPrecisionLossScaleOptimizer):
        return optimizer._optimizer
    return optimizer


def _chain(optimizer):
    """An optimizer and those within it."""
    while optimizer is not None:
        yield optimizer
        inner = (vars(optimizer).get(name) for name in _INNER)
        optimizer = next((found for found in inner if found is not None), None)
