"""CANN 20.2, adapter r1.1.1: imports only, no helpers, sessions as TensorFlow makes them."""

import npu_bridge
import npu_bridge.npu_init as npu
import pytest
import tensorflow as tf
from npu_simulator.options import check_options, effective, entries_of


def test_names():
    assert npu_bridge.__version__ == "v1.1.1"
    for name in ("NPURunConfig", "NPUEstimator", "hccl_ops", "create_group", "RewriterConfig"):
        assert hasattr(npu, name)
    for name in ("npu_config_proto", "tf", "os", "NPUEstimatorSpec", "npu_hooks_append", "backend"):
        assert not hasattr(npu, name)
    with pytest.raises(ImportError):
        from npu_bridge.estimator.npu import npu_strategy  # noqa: F401
    from npu_bridge.estimator.npu import npu_config, npu_plugin, npu_scope

    assert not hasattr(npu_scope, "keep_dtype_scope")
    assert not hasattr(npu_config, "MemoryConfig")
    assert hasattr(npu_plugin, "npu_global_init") and not hasattr(npu_plugin, "npu_resource_init")


def test_sessions_stay_on_the_host():
    with tf.Session() as session:
        assert not entries_of(session._config)
    with tf.Session("", tf.get_default_graph(), None):
        pass


def test_arguments_of_the_release():
    with pytest.raises(TypeError, match="unexpected keyword argument 'enable_overflow_check'"):
        npu.FixedLossScaleManager(2, enable_overflow_check=False)
    with pytest.raises(TypeError, match="hcom_multi_mode"):
        npu.NPURunConfig(hcom_multi_mode=True)
    assert npu.NPURunConfig(auto_tune_mode="RL,GA").options["auto_tune_mode"] == "RL,GA"
    assert npu.NPURunConfig().options["hcom_parallel"] is False
    with pytest.raises(ValueError, match='"mix_compile_mode" type must be bool'):
        npu.NPURunConfig(mix_compile_mode=1)


def test_profiling(monkeypatch):
    monkeypatch.setenv("JOB_ID", "1")
    config = npu.NPURunConfig(
        model_dir="m", profiling_config=npu.ProfilingConfig(True, ["training_trace", "op_trace"])
    )

    def model_fn(features, labels, mode):
        raise AssertionError

    estimator = npu.NPUEstimator(model_fn, config=config)
    entries = entries_of(estimator.config.session_config)
    assert not check_options(entries, "r1.1.1")
    assert effective(entries, "r1.1.1")["profiling_options"] == "training_trace:op_trace"


def test_a_loss_scale_works():
    weight = tf.Variable(1.0)
    manager = npu.ExponentialUpdateLossScaleManager(1024, 2)
    optimizer = npu.NPULossScaleOptimizer(tf.train.GradientDescentOptimizer(0.5), manager)
    train = optimizer.minimize(weight * 1.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        assert session.run(weight) == 0.5
