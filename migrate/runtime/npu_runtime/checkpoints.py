"""Checkpoints of trainings that do not scale the loss, for those that do.

The loss scale has variables of its own. A checkpoint of upstream's, or of a training in another
precision, does not have them, and TensorFlow restores all of a Saver's variables or none: so they
are added to what is restored, as they are at the start of a training.
"""

import functools
import glob
import os
import tempfile
import threading
import weakref

import tensorflow.compat.v1 as tf

from . import session

# Graph to the variables in it that a checkpoint may lack.
_optional = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def may_lack(variables):
    """Lets checkpoints be restored that do not have these variables.

    Args:
        variables: tf.Variables, which then have their initial values.
    """
    with _lock:
        if not hasattr(tf.train.Saver.restore, "_npu_completes"):
            tf.train.Saver.restore = _completing(tf.train.Saver.restore)
    for variable in variables:
        _optional.setdefault(variable.graph, []).append(variable)


def _completing(restore):
    @functools.wraps(restore)
    def patched(self, sess, save_path):
        lacking = _lacking(sess.graph, save_path)
        if not lacking:
            return restore(self, sess, save_path)
        names = ", ".join(sorted(lacking))
        print("%s has no %s: as at the start of a training" % (save_path, names), flush=True)
        sess.run([variable.initializer for variable in lacking.values()])
        values = sess.run(lacking)
        with tempfile.TemporaryDirectory() as folder:
            return restore(self, sess, _completed(save_path, values, folder))

    patched._npu_completes = True
    return patched


def _lacking(graph, path):
    variables = _optional.get(graph)
    if not variables or not isinstance(path, str) or not os.path.isfile(path + ".index"):
        return {}
    named = {variable.op.name: variable for variable in variables}
    has_tensor = tf.train.NewCheckpointReader(path).has_tensor
    return {name: variable for name, variable in named.items() if not has_tensor(name)}


def _completed(path, values, folder):
    """A checkpoint with these values as well, whose large files are links."""
    linked, extra, whole = (os.path.join(folder, name) for name in ("linked", "extra", "whole"))
    for file in glob.glob(glob.escape(path) + ".*"):
        os.symlink(os.path.abspath(file), linked + file[len(path) :])
    with tf.Graph().as_default():
        names = sorted(values)
        save = tf.raw_ops.SaveV2(
            prefix=extra,
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.constant(values[name]) for name in names],
        )
        with tf.control_dependencies([save]):
            merge = tf.raw_ops.MergeV2Checkpoints(
                checkpoint_prefixes=[linked, extra], destination_prefix=whole, delete_old_dirs=False
            )
        with tf.Session(config=session.host_session_config()) as writer:
            writer.run(merge)
    return whole
