"""Lets rank 0 alone write checkpoints, event files and graphs; all ranks read them.

All ranks of a server run the same program in the same folder: two that write the same checkpoint
destroy it. What a program writes by itself is rank_files.py's business.
"""

import functools
import os
import threading
import time

from tensorflow.python.lib.io import file_io
from tensorflow.python.ops import gen_summary_ops
from tensorflow.python.summary.writer import writer
from tensorflow.python.training import checkpoint_management, saver, training_util
from tensorflow.python.training.tracking import util as tracking
from tensorflow.python.util import compat

from . import rank_files, ranks

_LONGEST_WAIT_FOR_STATE = 10.0  # seconds; a program may write none
_LONGEST_WAIT = 300.0  # seconds in which rank 0 has written what another rank did not

# Folder to the last checkpoint that this rank would have written there.
_left_out = {}


def only_rank_0_writes():
    """Makes this process write nothing that belongs to TensorFlow, unless it is rank 0.

    Raises:
        ValueError: see ranks.rank().
    """
    if ranks.is_chief():
        return
    saver.Saver.save = _without_saving(saver.Saver.save)
    saver.Saver.restore = _waiting_for_file(saver.Saver.restore)
    checkpoint_management.get_checkpoint_state = _waiting(
        checkpoint_management.get_checkpoint_state
    )
    # By these graphs, meta graphs, SavedModels and the state of checkpoints are written.
    for name in ("atomic_write_string_to_file", "write_string_to_file"):
        setattr(file_io, name, _without_writing(getattr(file_io, name)))
    writer.EventFileWriter = writer.EventFileWriterV2 = _NoEvents
    # The rest takes what it writes for its own afterwards, so that it gets a place of its own.
    _elsewhere(gen_summary_ops, "create_summary_file_writer", lambda _: "events")
    _elsewhere(tracking.TrackableSaver, "save")
    _in_keras()
    _in_estimators()


def _in_keras():
    from tensorflow.python.eager import profiler
    from tensorflow.python.keras.engine import network
    from tensorflow.python.keras.saving import save

    profiler.save = lambda logdir, result: None  # of the TensorBoard callback
    _elsewhere(network.Network, "save_weights")
    _elsewhere(save.hdf5_format, "save_model_to_hdf5")
    _elsewhere(save.saved_model_save, "save")


def _in_estimators():
    from tensorflow_estimator.python.estimator import estimator, training

    _elsewhere(estimator.Estimator, "_export_all_saved_models")
    # Rank 0 evaluates its checkpoints, as it alone has new ones; the others wait for its next step.
    training._NewCheckpointListenerForEvaluate._evaluate = lambda self, step: None


def _without_saving(save):
    @functools.wraps(save)
    def left_out(self, sess, save_path, global_step=None, *args, **kwargs):
        if _is_own(save_path):
            return save(self, sess, save_path, global_step, *args, **kwargs)
        if global_step is not None:
            if not isinstance(global_step, compat.integral_types):
                global_step = training_util.global_step(sess, global_step)
            save_path = "%s-%d" % (save_path, global_step)
        save_path = compat.as_str(save_path)
        # Other threads save by the clock, each rank at another step.
        if threading.current_thread() is threading.main_thread():
            _left_out[os.path.dirname(os.path.abspath(save_path))] = os.path.basename(save_path)
        return save_path

    return left_out


def _waiting(get_state):
    """Reads the state of a folder's checkpoints once it has what this rank left out last."""

    @functools.wraps(get_state)
    def waited(checkpoint_dir, latest_filename=None):
        folder = os.path.abspath(compat.as_str(checkpoint_dir))
        name = _left_out.pop(folder, None)

        def is_listed():
            state = get_state(checkpoint_dir, latest_filename)
            known = state.all_model_checkpoint_paths if state is not None else ()
            return name in map(os.path.basename, known)

        if name is not None:
            _wait_for(lambda: _exists(os.path.join(folder, name)), _LONGEST_WAIT)
            _wait_for(is_listed, _LONGEST_WAIT_FOR_STATE)
        return get_state(checkpoint_dir, latest_filename)

    return waited


def _waiting_for_file(restore):
    @functools.wraps(restore)
    def waited(self, sess, save_path):
        if save_path is not None:
            path = os.path.abspath(compat.as_str(save_path))
            if _left_out.get(os.path.dirname(path)) == os.path.basename(path):
                _wait_for(lambda: _exists(path), _LONGEST_WAIT)
        return restore(self, sess, save_path)

    return waited


def _exists(path):
    return checkpoint_management.checkpoint_exists(path)


def _wait_for(is_there, seconds):
    """Waits until rank 0 has written something, but not for ever: it may never do so."""
    end = time.time() + seconds
    while not is_there() and time.time() < end:
        time.sleep(0.1)


def _without_writing(write):
    @functools.wraps(write)
    def left_out(filename, *args, **kwargs):
        if _is_own(filename):
            write(filename, *args, **kwargs)

    return left_out


def _elsewhere(holder, name, path_of=lambda path: path):
    """Makes a function write what its second argument names in this rank's own folder."""
    function = getattr(holder, name)

    @functools.wraps(function)
    def moved(first, path, *args, **kwargs):
        if not _is_own(path):
            path = rank_files.npu_rank_file(path_of(path))
        return function(first, path, *args, **kwargs)

    setattr(holder, name, moved)


def _is_own(path):
    """Whether a path is in the folder that this rank has to itself."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return False
    return rank_files.is_own(path)


class _NoEvents:
    """What tf.summary.FileWriter writes events with; it writes none."""

    def __init__(self, *args, **kwargs):
        folder = kwargs.get("logdir", next((arg for arg in args if isinstance(arg, str)), ""))
        self._folder = compat.as_str(folder)

    def get_logdir(self):
        """Returns the folder in which rank 0 writes its own."""
        return self._folder

    def add_event(self, event):
        """Drops an event."""

    def reopen(self):
        """Does nothing, as what follows."""

    flush = close = reopen
