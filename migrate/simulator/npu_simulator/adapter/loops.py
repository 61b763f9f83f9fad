"""Loops on the device: several training steps in one run of a session.

On the device the training step repeats within the graph. Here a run that fetches its operator
first runs it alone, with the same feeds, as often as is missing; what is fetched beside it is
that of the last step.
"""

import functools
import weakref

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from tensorflow.python.client import session
from tensorflow.python.util import nest

NAMES = ("iterations_per_loop", "loop_cond", "zero", "one")
_steps = weakref.WeakKeyDictionary()  # {graph: steps in each run}
_patched = False


def variable(name):
    """Returns a variable of the default graph that controls loops, made where it is missing."""
    collection = "npu_runconfig_" + name
    graph = tf.get_default_graph()
    found = graph.get_collection(collection)
    if found:
        return found[0]
    with tf.variable_scope("npu_runconfig", reuse=tf.AUTO_REUSE):
        return tf.get_variable(
            name,
            shape=[],
            dtype=tf.int64,
            initializer=tf.zeros_initializer(),
            trainable=False,
            collections=[collection, tf.GraphKeys.LOCAL_VARIABLES],
            use_resource=True,
        )


def load(sess, steps):
    """Sets how many steps each run in the graph of a session trains."""
    with sess.graph.as_default():
        for name, value in zip(NAMES, (steps - 1, 0, 0, 1)):
            variable(name).load(value, session=sess)
    _steps[sess.graph] = steps
    _patch()


def operator(train_op):
    """Returns the operator whose runs train several steps."""
    return tf.group(train_op, name="IterationOp")


def _patch():
    global _patched
    if _patched:
        return
    _patched = True
    original = session.BaseSession.run

    @functools.wraps(original)
    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        steps = _steps.get(self.graph, 1)
        if steps > 1:
            repeated = [op for op in nest.flatten(fetches) if _is_loop(op)]
            for _ in range(steps - 1 if repeated else 0):
                original(self, repeated, feed_dict, options)
        return original(self, fetches, feed_dict, options, run_metadata)

    session.BaseSession.run = run


def _is_loop(op):
    return isinstance(op, tf.Operation) and op.name.split("/")[-1].startswith("IterationOp")
