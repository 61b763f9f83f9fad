"""Everything that `from npu_bridge.npu_init import *` gives and that is not imported there.

Source: adapter, npu_bridge/npu_init.py, r1.3.0 to r1.15.0.
"""

import os

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from hccl.manage import api
from npu_simulator.adapter import npu_callbacks, npu_config, npu_hook, npu_ops, npu_optimizer, util
from npu_simulator.options import release_order
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
from tensorflow.python.client import session
from tensorflow.python.keras import backend
from tensorflow.python.training import session_run_hook

experimental_options = {
    "disable_model_pruning": False,
    "function_optimization": RewriterConfig.ON,
    "constant_folding": RewriterConfig.ON,
    "shape_optimization": RewriterConfig.ON,
    "arithmetic_optimization": RewriterConfig.ON,
    "loop_optimization": RewriterConfig.ON,
    "dependency_optimization": RewriterConfig.ON,
    "layout_optimizer": RewriterConfig.ON,
}


def ready(adapter):
    """From r1.9.0 on, importing npu_init makes each later session one on the NPU."""
    if release_order(adapter) >= release_order("r1.9.0"):
        for kind in (session.Session, session.InteractiveSession):
            kind.__init__ = npu_config.decorator_tf_session(kind.__init__)


def npu_hooks_append(hooks_list):
    """Appends the hook that broadcasts variables to a list; anything else is dropped."""
    if not isinstance(hooks_list, list):
        hooks_list = []
    rank = int(os.getenv("RANK_ID", "0"))
    hooks_list.append(npu_hook.NPUBroadcastGlobalVariablesHook(0, rank))
    return hooks_list


def npu_callbacks_append(callbacks_list):
    """Appends the callback that broadcasts variables to a list; anything else is dropped."""
    if not isinstance(callbacks_list, list):
        callbacks_list = []
    callbacks_list.append(npu_callbacks.NPUBroadcastGlobalVariablesCallback(0))
    return callbacks_list


def npu_config_proto(config_proto=None):
    """Makes a session configuration one for the NPU, in place; anything else gives a new one."""
    if not isinstance(config_proto, tf.ConfigProto):
        config_proto = tf.ConfigProto()
    npu_config.configure(config_proto)
    return config_proto


def npu_graph_options(graph_options=None):
    """Switches XLA off, in place; new options instead of anything else."""
    if not isinstance(graph_options, tf.GraphOptions):
        graph_options = tf.GraphOptions()
    graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.OFF
    return graph_options


def npu_optimizer_options(optimizer_options=None):
    """Switches XLA off, in place; new options instead of anything else."""
    if not isinstance(optimizer_options, tf.OptimizerOptions):
        optimizer_options = tf.OptimizerOptions()
    optimizer_options.global_jit_level = tf.OptimizerOptions.OFF
    return optimizer_options


def npu_run_config_init(run_config=None):
    """Makes the session configuration of a RunConfig one for the NPU, in place."""
    if not isinstance(run_config, tf.estimator.RunConfig):
        run_config = tf.estimator.RunConfig()
    vars(run_config)["_session_config"] = npu_config_proto(run_config.session_config)
    return run_config


def set_keras_session_npu_config(config=None):
    """Gives tf.keras a session on the NPU, and returns it."""
    sess = session.Session(config=npu_config_proto(config))
    backend.set_session(sess)
    return sess


def init_resource(config=None):
    """Initialises the NPU.

    Returns:
        The session, and the operator that shuts the NPU down.
    """
    config = npu_config_proto(config)
    util.global_dict_init()
    start, shutdown = npu_ops.initialize_system(), npu_ops.shutdown_system()
    sess = session.Session(config=config)
    sess.run(start)
    for name in ("rank_id", "local_rank_id", "rank_size", "local_rank_size"):
        util.set_value("npu_" + name, getattr(api, "get_" + name)())
    return sess, shutdown


def shutdown_resource(sess, npu_shutdown):
    """Shuts the NPU down."""
    sess.run(npu_shutdown)


def close_session(sess):
    """Closes a session."""
    sess.close()


def get_npu_rank_id():
    """Returns the number of this process, as init_resource found it; 0 without."""
    return util.get_value("npu_rank_id", 0)


def get_npu_local_rank_id():
    """Returns the number of this process on its machine, as init_resource found it; 0 without."""
    return util.get_value("npu_local_rank_id", 0)


def get_npu_rank_size():
    """Returns how many ranks there are, as init_resource found it; 1 without."""
    return util.get_value("npu_rank_size", 1)


def get_npu_local_rank_size():
    """Returns how many ranks are on this machine, as init_resource found it; 1 without."""
    return util.get_value("npu_local_rank_size", 1)


class NpuEmptyHook(session_run_hook.SessionRunHook):
    """A hook that does nothing."""


def npu_keras_optimizer(opt):
    """Returns a Keras optimizer that averages gradients over the ranks."""
    return npu_optimizer.KerasDistributeOptimizer(opt)


def npu_tf_optimizer(opt):
    """Returns an optimizer that averages gradients over the ranks."""
    return npu_optimizer.NPUDistributedOptimizer(opt)


def npu_clear_session(config=None):
    """Clears the session of tf.keras, and gives it a new one on the NPU."""
    backend.clear_session()
    backend.set_session(session.Session(config=npu_config_proto(config)))
