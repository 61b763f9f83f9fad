"""Checks of arguments, loops on the device, and attributes of operators.

Source: adapter, npu_bridge/estimator/npu/util.py.
"""

import os

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator.adapter import loops
from tensorflow.core.framework import attr_value_pb2

_values = {}


def check_not_none(value, name):
    """Raises ValueError for None."""
    if value is None:
        raise ValueError("%s must not be None" % name)


def check_positive_integer(value, name):
    """Raises TypeError for what is no int, ValueError for one below 1."""
    if not isinstance(value, int):
        raise TypeError("%s must be int, got %s" % (name, type(value)))
    if value <= 0:
        raise ValueError("%s must be positive, got %s" % (name, value))


def check_nonnegative_integer(value, name):
    """Raises TypeError for what is no int, ValueError for one below 0."""
    if not isinstance(value, int):
        raise TypeError("%s must be int, got %s" % (name, type(value)))
    if value < 0:
        raise ValueError("%s must be nonnegative, got %s" % (name, value))


def check_bool_type(value, name):
    """Raises TypeError for what is no bool."""
    if not isinstance(value, bool):
        raise TypeError("%s must be True or False, got %s" % (name, value))


def convert_bool_to_int(value):
    """Returns 1 for True, 0 for False, -1 for anything else."""
    return int(value) if isinstance(value, bool) else -1


def format_string(value, name):
    """Returns a str, "" for None; TypeError for anything else."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("%s must be string, got %s" % (name, type(value)))
    return value


def check_profiling_options(profiling_options=()):
    """Returns the options, joined by colons; ValueError for an unknown one or none."""
    if not profiling_options or set(profiling_options) - {
        "training_trace",
        "task_trace",
        "op_trace",
    }:
        raise ValueError(
            "profiling options must be in `training_trace`, `task_trace` or `op_trace`"
        )
    return ":".join(profiling_options)


def check_path(path):
    """Returns the real path of a folder; ValueError if it cannot be read and written."""
    if not os.path.exists(path):
        raise ValueError("path:%s is not exists." % path)
    real = os.path.realpath(path)
    if not os.path.isdir(real):
        raise ValueError("path:%s is not directory." % path)
    if not os.access(real, os.R_OK | os.W_OK):
        raise ValueError("path:%s is not read and write permissions." % path)
    return real


def check_aoe_mode(aoe_mode):
    """Raises ValueError for an unknown mode."""
    if aoe_mode not in ("1", "2", "4", "mdat"):
        raise ValueError("aoe_mode:%s is invalid, should be in ['1', '2', '4', 'mdat']" % aoe_mode)


def get_ranksize():
    """Returns how many ranks there are, as a str."""
    ranks, workers = os.getenv("RANK_SIZE"), os.getenv("CM_WORKER_SIZE")
    if ranks is not None and workers is not None:
        raise ValueError("RANK_SIZE and CM_WORK_SIZE cannot be configured at the same time")
    return ranks or workers or "1"


def create_or_get_var(var_name):
    """Returns a variable that controls loops on the device: a scalar of int64."""
    return loops.variable(var_name)


def set_iteration_per_loop(sess, train_op, iterations_per_loop=1):
    """Makes an operator that trains several steps in each run.

    Args:
        sess: session that is going to run it.
        train_op: operator of one step.
        iterations_per_loop: how many steps.

    Returns:
        The operator; `train_op` itself for one step.

    Raises:
        ValueError: `train_op` is no tf.Operation, or the number is below 1.
        TypeError: the number is no int.
    """
    _check_operation(train_op)
    check_positive_integer(iterations_per_loop, "iterations_per_loop")
    if iterations_per_loop == 1:
        return train_op
    loops.load(sess, iterations_per_loop)
    return loops.operator(train_op)


class IterationPerLoop:
    """What set_iteration_per_loop does, in two parts: before and after a graph is finalized."""

    def create_iteration_per_loop_var(self, train_op):
        """Returns the operator that trains several steps."""
        _check_operation(train_op)
        for name in loops.NAMES:
            loops.variable(name)
        return loops.operator(train_op)

    def load_iteration_per_loop_var(self, sess, iterations_per_loop=1):
        """Sets how many steps."""
        check_positive_integer(iterations_per_loop, "iterations_per_loop")
        loops.load(sess, iterations_per_loop)


def _check_operation(train_op):
    if not isinstance(train_op, tf.Operation):
        raise ValueError(
            "The incoming 'train_op' type is '%s', and the need type is 'Operation'"
            % train_op.dtype.name
        )


def variable_initializer_in_host(var_list):
    """Returns the operator that initialises variables."""
    return tf.initializers.variables(var_list, name="var_in_host")


def npu_compile(sess, *fetches):
    """Runs what is to be compiled."""
    sess.run(fetches)


def global_dict_init():
    """Empties the values."""
    _values.clear()


def set_value(key, value):
    """Keeps a value."""
    _values[key] = value


def get_value(key, def_value=None):
    """Returns a value that was kept."""
    return _values.get(key, def_value)


def keep_tensors_dtypes(graph, input_tensors):
    """Keeps the types of tensors under mixed precision.

    Args:
        graph: tf.Graph.
        input_tensors: list or tuple of names.

    Raises:
        ValueError: other types.
    """
    if not isinstance(graph, tf.Graph):
        raise ValueError("graph param must be ops.Graph class.")
    if not isinstance(input_tensors, (tuple, list)):
        raise ValueError("input_tensors must be list or tuple.")
    for name in input_tensors:
        _mark(graph.get_tensor_by_name(name), keep_dtype=1)


def set_op_tensor_max_range(tensor, max_shape):
    """Bounds the shape of a tensor or operator."""
    _mark(tensor, op_max_shape=max_shape)


def set_op_tensor_max_size(tensor, max_size):
    """Bounds the size of a tensor or operator."""
    _mark(tensor, op_max_size=max_size)


def set_op_input_tensor_multi_dims(tensor, input_shape, input_dims):
    """Says which shapes a subgraph takes."""
    _mark(
        tensor,
        subgraph_multi_dims_input_shape=input_shape,
        subgraph_multi_dims_input_dims=input_dims,
    )


def set_graph_exec_config(
    fetch,
    dynamic_input=False,
    dynamic_graph_execute_mode="dynamic_execute",
    dynamic_inputs_shape_range=None,
    is_train_graph=False,
    experimental_config=None,
):
    """Says on what is fetched how its graph runs.

    Args:
        fetch: operator, tensor, name of a tensor, or list or tuple of these.

    Returns:
        `fetch`, a name as its tensor.

    Raises:
        ValueError: an unknown mode, or something else to fetch.
    """
    if dynamic_graph_execute_mode not in ("lazy_recompile", "dynamic_execute"):
        raise ValueError("dynamic_graph_execute_mode should be lazy_recompile or dynamic_execute")
    values = {
        "graph_dynamic_input": dynamic_input,
        "graph_dynamic_graph_execute_mode": dynamic_graph_execute_mode,
        "graph_dynamic_inputs_shape_range": dynamic_inputs_shape_range or "",
        "is_train_graph": is_train_graph,
    }
    if experimental_config is not None:
        memory = experimental_config.options.get("graph_memory_optimize_config")
        if memory is not None and memory.options["recompute"] is not None:
            values["recompute_mode"] = memory.options["recompute"]
    return _mark_all(fetch, values)


def _mark_all(fetch, values):
    if isinstance(fetch, str):
        fetch = tf.get_default_graph().get_tensor_by_name(fetch)
    if isinstance(fetch, (tuple, list)):
        for one in fetch:
            _mark_all(one, values)
    elif isinstance(fetch, (tf.Operation, tf.Tensor)):
        _mark(fetch, **values)
    else:
        raise ValueError("fetch is invalid, should be op, tensor, list, tuple or tensor name.")
    return fetch


def _mark(tensor, **values):
    op = tensor if isinstance(tensor, tf.Operation) else tensor.op
    for name, value in values.items():
        field = {bool: "b", int: "i"}.get(type(value), "s")
        value = value if field != "s" else tf.compat.as_bytes(value)
        op._set_attr("_" + name, attr_value_pb2.AttrValue(**{field: value}))
