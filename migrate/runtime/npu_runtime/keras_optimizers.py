"""Keras optimizers that average their gradients over the ranks."""

import functools

import tensorflow.compat.v1 as tf

from . import collectives, ranks


def npu_keras_optimizer(optimizer):
    """Makes an optimizer that a Keras model is compiled with average gradients over the ranks.

    Args:
        optimizer: as `compile` takes it: a Keras optimizer, or its name or configuration as
            tf.keras has it; or a tf.train.Optimizer, which npu_optimizer looks after.

    Returns:
        The optimizer, changed in place. `optimizer` itself: with one rank, or NPU_DEVICE=host.
    """
    if ranks.size() == 1 or isinstance(optimizer, tf.train.Optimizer):
        return optimizer
    if isinstance(optimizer, (str, dict)):
        optimizer = tf.keras.optimizers.get(optimizer)
    return average(optimizer)


def average(optimizer, reduce=collectives.allreduce):
    """Changes a Keras optimizer, of tf.keras or of Keras 2.3, once, in place.

    Args:
        optimizer: the optimizer, which keeps its name in saved models.
        reduce: averages one gradient over the ranks.
    """
    if not hasattr(optimizer, "_averages_over_ranks"):
        optimizer.__class__ = averaging(type(optimizer), reduce)
    return optimizer


@functools.lru_cache(maxsize=None)
def averaging(kind, reduce=collectives.allreduce):
    """Derives a class of optimizers of the same name that averages.

    A class, since Keras copies an optimizer by its class and configuration.
    """

    def get_gradients(self, loss, params):
        """The gradients of all ranks, on average."""
        return _reduced(super(made, self).get_gradients(loss, params), reduce)

    def _compute_gradients(self, loss, var_list, grad_loss=None):
        pairs = super(made, self)._compute_gradients(loss, var_list, grad_loss)
        reduced = _reduced([gradient for gradient, _ in pairs], reduce)
        return list(zip(reduced, [variable for _, variable in pairs]))

    made = type(
        kind.__name__,
        (kind,),
        {
            "__doc__": kind.__doc__,
            "__module__": kind.__module__,
            "_averages_over_ranks": True,
            "_compute_gradients": _compute_gradients,
            "get_gradients": get_gradients,
        },
    )
    return made


def _reduced(gradients, reduce):
    if tf.distribute.has_strategy():  # It sums them when they are applied.
        return gradients
    with tf.name_scope("average_gradients"):
        return [None if gradient is None else reduce(gradient) for gradient in gradients]
