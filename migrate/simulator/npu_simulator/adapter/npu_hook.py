"""Hooks of monitored sessions.

Source: adapter, npu_bridge/estimator/npu/npu_hook.py.
"""

import os

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator import collectives
from npu_simulator.adapter import loops, npu_ops, util
from tensorflow.python.ops import summary_ops_v2


class NPUShutDownHook(tf.train.SessionRunHook):
    """Shuts the NPU down at the end."""

    def __init__(self, scaffold=None):
        self._operator = None

    def begin(self):
        """Makes the operator."""
        self._operator = npu_ops.NPUShutdown()

    def end(self, session):
        """Runs it."""
        session.run(self._operator)


def broadcast_variables(variables, root_rank):
    """Returns the operator that gives variables the values that one rank has."""
    if not variables:
        return tf.no_op()
    values = collectives.broadcast(variables, root_rank)
    return tf.group([tf.assign(variable, value) for variable, value in zip(variables, values)])


def broadcast_global_variables(root_rank, index=None):
    """Returns the operator that gives trainable variables the values that one rank has.

    In spite of its name, which is the adapter's, it leaves the other variables alone.
    """
    return broadcast_variables(tf.trainable_variables(), root_rank)


class NPUBroadcastGlobalVariablesHook(tf.train.SessionRunHook):
    """Gives every rank the trainable variables of one, when a session is created.

    Args:
        root_rank: number of that rank.
        index: number of this process.
    """

    def __init__(self, root_rank=None, index=None):
        self._root_rank = root_rank
        size = util.get_ranksize()
        self._several = size.isdigit() and int(size) > 1
        self._operator = None

    def begin(self):
        """Makes the operator."""
        if self._several:
            self._operator = broadcast_global_variables(self._root_rank)

    def after_create_session(self, session, coord):
        """Runs it."""
        if self._several:
            session.run(self._operator)


class NPUCheckpointSaverHook(tf.train.CheckpointSaverHook):
    """Saves checkpoints."""

    def __init__(
        self,
        checkpoint_dir,
        save_secs=None,
        save_steps=None,
        saver=None,
        checkpoint_basename="model.ckpt",
        scaffold=None,
        listeners=None,
    ):
        super().__init__(
            checkpoint_dir,
            save_secs=save_secs,
            save_steps=save_steps,
            saver=saver,
            checkpoint_basename=checkpoint_basename,
            scaffold=scaffold,
            listeners=listeners,
        )


class SetIterationsVarHook(tf.train.SessionRunHook):
    """Sets how many steps each run trains.

    Args:
        iterations_per_loop: that number.
    """

    def __init__(self, iterations_per_loop=None):
        self._steps = iterations_per_loop

    def begin(self):
        """Makes the variables."""
        for name in loops.NAMES:
            loops.variable(name)

    def after_create_session(self, session, coord):
        """Sets them."""
        loops.load(session, self._steps)


class NPULogOutfeedSessionHook(tf.train.SessionRunHook):
    """Prints what the device logs: nothing here, where TensorFlow prints by itself."""

    def __init__(self, output_stream):
        self._output_stream = output_stream


class NPUInfeedOutfeedSessionHook(tf.train.SessionRunHook):
    """Prepares the summary writers of a host_call, and flushes them at the end.

    Args:
        dequeue_ops: operators of the host_call; they run with the training step.
        channel_name: not used.
    """

    def __init__(self, dequeue_ops, channel_name):
        self._start = self._finish = ()

    def begin(self):
        """Makes the operators."""
        self._start = summary_ops_v2.summary_writer_initializer_op()
        self._finish = [summary_ops_v2.flush(writer=op.inputs[0]) for op in self._start]

    def after_create_session(self, session, coord):
        """Runs the first."""
        session.run(self._start)

    def end(self, session):
        """Runs the last."""
        session.run(self._finish)


class NPUOutputTensorHook(tf.train.LoggingTensorHook):
    """Hands tensors to a function, every few steps and at the end.

    Args:
        tensors: {name: tensor}; None calls the function with nothing.
        dependencies: what runs before the tensors are taken.
        output_fn: called with a list of {name: value}, one for each step since the last call.
        output_every_n_steps: how many steps.
    """

    def __init__(self, tensors, dependencies=None, output_fn=None, output_every_n_steps=0):
        self._output_fn = output_fn
        self._every = output_every_n_steps
        self._outputs = []
        self._count = 0
        self._active = tensors is not None
        if not self._active:
            return
        if dependencies is not None:
            if not isinstance(dependencies, (tuple, list)):
                dependencies = [dependencies]
            with tf.control_dependencies(dependencies):
                tensors = {name: tf.identity(tensor) for name, tensor in tensors.items()}
        super().__init__(tensors, every_n_iter=1 << 31)

    def begin(self):
        """Finds the tensors."""
        if self._active:
            super().begin()

    def before_run(self, run_context):
        """Asks for them."""
        return tf.train.SessionRunArgs(self._current_tensors) if self._active else None

    def after_run(self, run_context, run_values):
        """Keeps them, and hands them on when it is time."""
        if self._active:
            values = run_values.results
            self._outputs.append({name: values[name] for name in self._tag_order})
        self._count += 1
        if self._count % self._every == 0:
            self._hand_on()

    def end(self, session):
        """Hands on what is left."""
        if self._outputs:
            self._hand_on()

    def _hand_on(self):
        self._output_fn(self._outputs)
        del self._outputs[:]


class TellMeStepOrLossHook(tf.train.SessionRunHook):
    """Tells the adapter the step or the loss, through the environment.

    Args:
        step: tensor of the step.
        total_step: how many steps there are.
        loss: tensor of the loss.
        final_loss: the loss to reach.

    Raises:
        ValueError: neither step nor loss.
    """

    def __init__(self, step=None, total_step=None, loss=None, final_loss=None):
        if step is None and loss is None:
            raise ValueError("One of step or loss must be specified")
        self._fetches = {}
        if step is not None:
            self._fetches["STEP_NOW"] = step
            os.environ["STEP_NOW"] = "0"
        if loss is not None:
            self._fetches["LOSS_NOW"] = loss
            os.environ["LOSS_NOW"] = "0.0"
        if total_step is not None:
            os.environ["TOTAL_STEP"] = str(total_step)
        if final_loss is not None:
            os.environ["TARGET_LOSS"] = str(final_loss)

    def before_run(self, run_context):
        """Asks for the tensors."""
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        """Tells them."""
        for name, value in run_values.results.items():
            os.environ[name] = str(value)
