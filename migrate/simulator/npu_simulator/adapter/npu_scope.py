"""Scopes that put an attribute on each operator made within.

Source: adapter, npu_bridge/estimator/npu/npu_scope.py.
"""

import contextlib

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator.adapter import util
from npu_simulator.adapter.npu_config import NpuExecutePlacement
from tensorflow.core.framework import attr_value_pb2
from tensorflow.python.framework import ops


@contextlib.contextmanager
def _attributes(**values):
    """Puts attributes on operators; a name gets its leading underscore here."""
    found = {}
    for name, value in values.items():
        field = {bool: "b", int: "i"}.get(type(value), "s")
        value = value if field != "s" else tf.compat.as_bytes(value)
        found["_" + name] = attr_value_pb2.AttrValue(**{field: value})
    with tf.get_default_graph()._attr_scope(found):
        yield


def without_npu_compile_scope():
    """Keeps operators on the host, under mix_compile_mode."""
    return _attributes(without_npu_compile=True)


def keep_dtype_scope():
    """Keeps the types of operators, under mixed precision."""
    return _attributes(keep_dtype=1)


def npu_variable_scope(placement=NpuExecutePlacement.ALL):
    """Places variables.

    Raises:
        ValueError: `placement` is no NpuExecutePlacement.
    """
    if not isinstance(placement, NpuExecutePlacement):
        raise ValueError("placement vaule must be in NpuExecutePlacement's vaule")
    return _attributes(variable_placement=placement.value)


def npu_stage_scope(stage):
    """Puts operators into a numbered stage of a pipeline."""
    return _attributes(stage_level=stage)


def npu_mem_type_scope():
    """Gives operators memory that other devices can reach."""
    return _attributes(output_memory_type=1)


def npu_weight_prefetch_scope(buffer_pool_id=0, buffer_pool_size=536870912):
    """Fetches weights ahead, into a numbered pool of a size in bytes."""
    return _attributes(buffer_pool_id=buffer_pool_id, buffer_pool_size=buffer_pool_size)


def op_specified_engine_scope(engine_name, kernel_lib_name):
    """Gives operators to an engine."""
    return _attributes(specified_engine_name=engine_name, specified_kernel_lib_name=kernel_lib_name)


def npu_qos_label_scope(label):
    """Gives operators a label for the quality of service."""
    return _attributes(qos_service_label=label)


def subgraph_multi_dims_scope(index):
    """Makes operators part of a numbered subgraph whose shapes change."""
    return _attributes(subgraph_multi_dims_index=index)


def npu_optimizer_scope():
    """Marks operators as those of an optimizer."""
    return _attributes(optimizer=True)


def npu_recompute_scope():
    """Lets what is in here be computed again instead of kept."""
    return ops.name_scope_v2("NpuRecompute")


def npu_graph_slice_scope(slice_num=None):
    """Slices the graph."""
    if slice_num is not None:
        util.check_positive_integer(slice_num, "slice_num")
    return ops.name_scope_v2("SliceNum-%s-NpuGraphSlicing%s" % (slice_num, slice_num))
