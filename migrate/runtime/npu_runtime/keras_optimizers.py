"""Keras optimizers that average their gradients over the ranks, and metrics that are averaged."""

import functools
import sys
import weakref

import numpy as np
import tensorflow.compat.v1 as tf

from . import collectives, ranks, session

_graphs = weakref.WeakKeyDictionary()  # graph to the number of metrics to what averages them


def npu_keras_optimizer(optimizer):
    """Makes an optimizer that a Keras model is compiled with average gradients over the ranks.

    From then on callbacks are given the mean of the ranks' metrics, so that all of them stop, or
    lower the learning rate, after the same epoch.

    Args:
        optimizer: as `compile` takes it: a Keras optimizer, or its name or configuration as
            tf.keras has it; or a tf.train.Optimizer, which npu_optimizer looks after.

    Returns:
        The optimizer, changed in place. `optimizer` itself: with one rank, or NPU_DEVICE=host.

    Raises:
        ValueError: there is no such optimizer, or see ranks.rank().
        RuntimeError: there is no adapter (npu_bridge).
    """
    if ranks.size() == 1 or isinstance(optimizer, tf.train.Optimizer):
        return optimizer
    session.load_adapter()
    from . import averaging, distribution

    distribution.train_together()
    _average_metrics()
    if isinstance(optimizer, (str, dict)):
        optimizer = tf.keras.optimizers.get(optimizer)
    return average(optimizer, averaging.averaged)


def average_logs(logs):
    """Replaces what callbacks are told at the end of an epoch by its mean over the ranks.

    Args:
        logs: name to number, the same names on all ranks.
    """
    names = sorted(logs)
    keras_session = tf.keras.backend.get_session()
    with keras_session.graph.as_default():
        known = _graphs.setdefault(keras_session.graph, {})
        if len(names) not in known:
            given = tf.placeholder(tf.float32, [len(names)])
            known[len(names)] = given, collectives.allreduce(given)
        given, mean = known[len(names)]
        values = keras_session.run(mean, {given: [np.float32(logs[name]) for name in names]})
    logs.update(zip(names, values))


def _average_metrics():
    """Has the first of all callbacks, which sums up an epoch, do so for all ranks."""
    for keras in (tf.keras, sys.modules.get("keras")):
        logger = getattr(getattr(keras, "callbacks", None), "BaseLogger", None)
        if logger is not None and not hasattr(logger.on_epoch_end, "__wrapped__"):
            logger.on_epoch_end = _averaging(logger.on_epoch_end)


def _averaging(on_epoch_end):
    @functools.wraps(on_epoch_end)
    def averaged(self, epoch, logs=None):
        on_epoch_end(self, epoch, logs)
        if logs:
            average_logs(logs)

    return averaged


def average(optimizer, averaged):
    """Changes a Keras optimizer, of tf.keras or of Keras 2.3, once, in place.

    Args:
        optimizer: the optimizer, which keeps its name in saved models.
        averaged: makes of (gradient, variable) pairs such pairs, averaged over the ranks.
    """
    if not hasattr(optimizer, "_averages_over_ranks"):
        optimizer.__class__ = averaging_class(type(optimizer), averaged)
    return optimizer


@functools.lru_cache(maxsize=None)
def averaging_class(kind, averaged):
    """Derives a class of optimizers of the same name that averages; see `average`.

    A class, since Keras copies an optimizer by its class and configuration.
    """

    def get_gradients(self, loss, params):
        params = tf.nest.flatten(params)
        gradients = super(made, self).get_gradients(loss, params)
        return [gradient for gradient, _ in averaged(zip(gradients, params))]

    def _compute_gradients(self, loss, var_list, grad_loss=None):
        return averaged(super(made, self)._compute_gradients(loss, var_list, grad_loss))

    def apply_gradients(self, grads_and_vars, *args, **kwargs):
        return super(made, self).apply_gradients(averaged(grads_and_vars), *args, **kwargs)

    parts = {"__doc__": kind.__doc__, "__module__": kind.__module__, "_averages_over_ranks": True}
    for method in (get_gradients, _compute_gradients, apply_gradients):
        if hasattr(kind, method.__name__):  # The last two are tf.keras's alone.
            parts[method.__name__] = method
    made = type(kind.__name__, (kind,), parts)
    return made
