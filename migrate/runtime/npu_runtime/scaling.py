"""An optimizer that scales its loss, as the adapter's does."""

import contextlib

import tensorflow.compat.v1 as tf

from . import checkpoints, gradients, ranks

# The managers' arguments as most published ports have them (ExponentialUpdateLossScaleManager).
_DYNAMIC = {
    "init_loss_scale": 2**32,
    "incr_every_n_steps": 1000,
    "decr_every_n_nan_or_inf": 2,
    "decr_ratio": 0.5,
}
# Where the optimizers of TensorFlow 1.15.0 and Horovod keep the one that they build on.
_INNER = ("_opt", "_optimizer")


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
        scaling = self._in_graph()
        pairs = scaling.compute_gradients(loss, *args, **kwargs)
        gradients.remember((gradient for gradient, _ in pairs), scaling)
        return pairs

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """As tf.train.Optimizer does, but for steps in which something overflowed.

        Of gradients that something else computed, such as npu_gradients, it takes on the scale.
        """
        grads_and_vars = list(grads_and_vars)
        self._make_variables(
            [variable for gradient, variable in grads_and_vars if gradient is not None]
        )
        found = gradients.scalings(gradient for gradient, _ in grads_and_vars)
        if not found:
            return self._in_graph().apply_gradients(grads_and_vars, global_step, name)
        manager = gradients.joined(found, lambda: self._in_graph()._loss_scale_manager)
        # Of r1.6.0 and before, only the one that computed them sees what overflowed.
        with _lent(found[0], self._opt, manager) as scaling:
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
            for optimizer in chain(self._opt):
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


@contextlib.contextmanager
def _lent(scaling, optimizer, manager):
    """An NPULossScaleOptimizer that applies by another optimizer; it cannot be copied."""
    own = scaling._opt, scaling._loss_scale_manager
    scaling._opt, scaling._loss_scale_manager = optimizer, manager
    try:
        yield scaling
    finally:
        scaling._opt, scaling._loss_scale_manager = own


def chain(optimizer):
    """An optimizer and those within it.

    Args:
        optimizer: tf.train.Optimizer.
    """
    while optimizer is not None:
        yield optimizer
        inner = (vars(optimizer).get(name) for name in _INNER)
        optimizer = next((found for found in inner if found is not None), None)
