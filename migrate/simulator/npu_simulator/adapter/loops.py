"""Loops on the device: several training steps in one run of a session.

On the device the training step repeats within the graph. Here a run that fetches its operator
first runs it alone, with the same feeds, as often as is missing; what is fetched beside it is
that of the last step.
"""

import functools
import weakref

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from tensorflow.python.client import session

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
    original = session.BaseSession._do_run

    @functools.wraps(original)
    def do_run(self, handle, targets, fetches, feeds, options, metadata):
        loops = [op for op in targets if op.name.split("/")[-1].startswith("IterationOp")]
        for _ in range(_steps.get(self.graph, 1) - 1 if loops else 0):
            original(self, handle, loops, [], feeds, options, None)
        return original(self, handle, targets, fetches, feeds, options, metadata)

    session.BaseSession._do_run = do_run
