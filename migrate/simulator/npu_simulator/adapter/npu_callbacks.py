"""The Keras callback that starts all ranks from the same variables.

Source: adapter, npu_bridge/estimator/npu/npu_callbacks.py.
"""

from npu_simulator.adapter import npu_hook, util
from tensorflow.python.keras import backend, callbacks


def broadcast_global_variables(root_rank):
    """Returns the operator that gives each variable of Keras the value that a rank has.

    The adapter takes them in the order of Keras's set, which rests on memory addresses: whether
    ranks agree is chance. Here they are in the order of their names, so that no simulation fails
    by it.
    """
    variables = [
        variable
        for variable in sorted(
            backend._get_variables(backend.get_graph()), key=lambda variable: variable.name
        )
        if getattr(variable, "_keras_initialized", False)
    ]
    return npu_hook.broadcast_variables(variables, root_rank)


class BroadcastGlobalVariablesCallbackImpl:
    """Broadcasts before the first batch."""

    def __init__(self, root_rank, *args):
        super().__init__(*args)
        self.root_rank = root_rank
        self.broadcast_done = False

    def on_batch_begin(self, batch, logs=None):
        """Broadcasts, once."""
        if not self.broadcast_done and int(util.get_ranksize()) > 1:
            with backend.get_graph().as_default():
                backend.get_session().run(broadcast_global_variables(self.root_rank))
        self.broadcast_done = True


class NPUBroadcastGlobalVariablesCallback(BroadcastGlobalVariablesCallbackImpl, callbacks.Callback):
    """Gives every rank the variables of one.

    Args:
        root_rank: number of that rank.
    """

    def __init__(self, root_rank):
        super().__init__(root_rank)
