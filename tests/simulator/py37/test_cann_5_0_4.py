"""CANN 5.0.4, adapter r1.7.0: helpers, but sessions stay as they are."""

import npu_bridge.npu_init as npu
import pytest
import tensorflow as tf
from npu_simulator.options import entries_of
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig


def test_names():
    for name in ("npu_config_proto", "npu_clear_session", "npu_allreduce", "tf", "os"):
        assert hasattr(npu, name)
    for name in ("MemoryConfig", "decorator_tf_session", "backend", "npu_plugin"):
        assert not hasattr(npu, name)


def test_sessions_stay_on_the_host():
    with tf.Session() as session:
        assert not entries_of(session._config)
    with tf.Session("", tf.get_default_graph(), None):
        pass


def test_memory_optimization_is_always_off():
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.custom_optimizers.add(name="NpuOptimizer")
    rewrite = npu.npu_config_proto(config).graph_options.rewrite_options
    assert rewrite.memory_optimization == RewriterConfig.OFF


def test_lists_of_hooks_are_shared():
    """Up to r1.7.0 the default is one list, to which every call appends."""
    first = npu.npu_hooks_append()
    assert npu.npu_hooks_append() is first
    assert len(first) == 2


def test_arguments_of_the_release():
    options = npu.NPURunConfig(op_debug_level=1, auto_tune_mode="GA").options
    assert options["variable_format_optimize"] is True
    with pytest.raises(TypeError, match="jit_compile"):
        npu.NPURunConfig(jit_compile="auto")
    session, shutdown = npu.init_resource(config=tf.ConfigProto())
    npu.shutdown_resource(session, shutdown)
    npu.close_session(session)
