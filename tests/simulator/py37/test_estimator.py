"""NPUEstimator, its configuration and hooks, of CANN 7.0."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf
from npu_bridge.estimator.npu.npu_config import ExperimentalConfig, GraphMemoryOptimizeConfig
from npu_bridge.npu_init import (
    DumpConfig,
    DynamicInputConfig,
    MemoryConfig,
    NPUEstimator,
    NPUEstimatorSpec,
    NPUOutputTensorHook,
    NPURunConfig,
    ProfilingConfig,
    TellMeStepOrLossHook,
    keras_to_npu,
)
from npu_simulator.adapter import npu_common
from npu_simulator.options import check_options, effective, entries_of


@pytest.fixture(autouse=True)
def job(monkeypatch):
    monkeypatch.setattr(npu_common.NPUBasics, "_job_info", None)
    monkeypatch.setenv("JOB_ID", "10087")


def data():
    return tf.data.Dataset.from_tensors((np.ones([4, 2], np.float32), np.ones([4, 1]))).repeat()


def model_fn(features, labels, mode):
    weights = tf.get_variable("w", [2, 1], initializer=tf.zeros_initializer())
    guess = tf.matmul(features, weights)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions=guess)
    loss = tf.losses.mean_squared_error(labels, guess)
    step = tf.train.get_or_create_global_step()
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train)


def options_of(**given):
    """Returns the options of a session that NPUEstimator makes of an NPURunConfig."""
    estimator = NPUEstimator(model_fn, config=NPURunConfig(model_dir="m", **given))
    (entry,) = entries_of(estimator.config.session_config)
    assert not check_options([entry], "r1.15.0", paths=False)
    return effective([entry], "r1.15.0")


def test_train_evaluate_predict():
    config = NPURunConfig(model_dir="m", save_checkpoints_steps=2, keep_checkpoint_max=2)
    estimator = NPUEstimator(model_fn, config=config)
    estimator.train(data, steps=5)
    assert estimator.latest_checkpoint().endswith("model.ckpt-5")
    assert estimator.evaluate(data, steps=1)["global_step"] == 5
    assert next(estimator.predict(data)).shape == (1,)
    estimator.train(data, steps=1)  # It restores.
    assert estimator.get_variable_value("global_step") == 6


def test_several_steps_in_each_run():
    config = NPURunConfig(model_dir="m", iterations_per_loop=5, save_checkpoints_steps=10)
    estimator = NPUEstimator(model_fn, config=config)
    estimator.train(data, max_steps=10)
    assert estimator.get_variable_value("global_step") == 10
    plain = tf.estimator.Estimator(model_fn, "plain")
    plain.train(data, steps=10)
    assert np.array_equal(estimator.get_variable_value("w"), plain.get_variable_value("w"))


def test_the_session_of_an_estimator():
    given = tf.ConfigProto()
    given.graph_options.rewrite_options.custom_optimizers.add(name="NpuOptimizer")
    config = NPURunConfig(model_dir="m", session_config=given)
    found = NPUEstimator(model_fn, config=config).config.session_config
    assert len(entries_of(found)) == 2
    assert list(found.graph_options.rewrite_options.optimizers) == (
        "pruning function constfold shape arithmetic loop dependency layout GradFusionOptimizer"
    ).split(" ")


def test_options():
    found = options_of()
    assert (found["use_off_line"], found["mix_compile_mode"]) == (True, False)
    assert (found["iterations_per_loop"], found["graph_run_mode"]) == (1, 1)
    assert (found["enable_data_pre_proc"], found["hcom_parallel"]) == (True, True)
    assert (found["job"], found["task_index"], found["jit_compile"]) == ("localhost", 0, "auto")
    assert "precision_mode" not in found
    os.mkdir("d")
    found = options_of(
        precision_mode="allow_mix_precision",
        modify_mixlist="ops.json",
        graph_memory_max_size=1024,
        dump_config=DumpConfig(enable_dump=True, dump_path="d", dump_step="0|5"),
        profiling_config=ProfilingConfig(True, '{"output": "d"}'),
        memory_config=MemoryConfig(atomic_clean_policy=1),
        dynamic_input_config=DynamicInputConfig("x:-1", "1;2", 1),
        aoe_mode="2",
        experimental_config=ExperimentalConfig(
            logical_device_id="0", graph_memory_optimize_config=GraphMemoryOptimizeConfig("auto")
        ),
        hccl_timeout=600,
    )
    assert (found["precision_mode"], found["modify_mixlist"]) == ("allow_mix_precision", "ops.json")
    assert (found["graph_memory_max_size"], found["hccl_timeout"]) == ("1024", 600)
    assert (found["enable_dump"], found["dump_path"], found["dump_step"]) == (True, "d", "0|5")
    assert (found["profiling_mode"], found["profiling_options"]) == (True, '{"output": "d"}')
    assert (found["atomic_clean_policy"], found["input_shape"]) == (1, "x:-1")
    assert (found["aoe_mode"], found["work_path"]) == ("2", "./")
    assert found["experimental_logical_device_id"] == "0"


def test_a_string_that_the_adapter_forgets_to_encode():
    with pytest.raises(TypeError, match="bytes"):
        options_of(insert_op_file="aipp.cfg")


def test_defaults_of_the_run_config():
    config = NPURunConfig()
    assert (config.save_checkpoints_steps, config.save_checkpoints_secs) == (100, None)
    assert (config.save_summary_steps, config.keep_checkpoint_max) == (0, 5)
    assert NPURunConfig(save_checkpoints_secs=9).save_checkpoints_steps is None
    assert NPURunConfig(7).iterations_per_loop == 7  # The first, unlike that of RunConfig.
    assert config.replace(model_dir="x").iterations_per_loop == 1


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"iterations_per_loop": "2"}, TypeError, "iterations_per_loop must be int, got"),
        ({"iterations_per_loop": 0}, ValueError, "iterations_per_loop must be positive, got 0"),
        ({"mix_compile_mode": 1}, TypeError, '"mix_compile_mode" type must be bool'),
        (
            {"mix_compile_mode": True, "iterations_per_loop": 2},
            ValueError,
            '"iterations_per_loop" must be 1 with "mix_compile_mode" is True',
        ),
        ({"jit_compile": True}, TypeError, "Expected str, got bool"),
        ({"horovod_mode": 1}, ValueError, '"horovod_mode" type must be bool'),
        ({"graph_run_mode": 2}, ValueError, '"graph_run_mode" value must be 0 or 1'),
        ({"dump_config": {}}, ValueError, "`dump_config` must be provided with type `DumpConfig`"),
        (
            {"experimental_config": 1},
            ValueError,
            "`experimental_config` must be provided with type `ExperimentalConfig`",
        ),
        (
            {"dynamic_input_config": 1},
            ValueError,
            "dynamic_input_config must be provided with type DynamicInputConfig",
        ),
        ({"save_checkpoints_steps": 1, "save_checkpoints_secs": 1}, ValueError, "both"),
        ({"enable_exception_dump": -1}, ValueError, "enable_exception_dump must be nonnegative"),
    ],
)
def test_a_run_config_that_is_wrong(given, error, words):
    with pytest.raises(error) as caught:
        NPURunConfig(**given)
    assert words in str(caught.value)


def test_parameter_servers(monkeypatch):
    cluster = {
        "cluster": {"ps": ["a:1"], "worker": ["b:1"]},
        "task": {"type": "worker", "index": 0},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(ValueError, match='"cluster" and "distribute" must all be set in ps mode'):
        NPURunConfig()
    servers = tf.distribute.experimental.ParameterServerStrategy
    monkeypatch.delenv("TF_CONFIG")
    with pytest.raises(ValueError, match='"cluster" and "distribute" must all be set in ps mode'):
        NPURunConfig(distribute=servers())


@pytest.mark.parametrize("name", ["recompute", "graph_slice"])
def test_memory_modes(name):
    with pytest.raises(ValueError, match=name + r" should be in \['auto', 'manual'\]"):
        GraphMemoryOptimizeConfig(**{name: "always"})
    with pytest.raises(ValueError, match="type must be GraphMemoryOptimizeConfig"):
        ExperimentalConfig(graph_memory_optimize_config="auto")


def test_an_estimator_that_is_wrong(monkeypatch):
    for config in (None, tf.estimator.RunConfig()):
        with pytest.raises(ValueError, match="`config` must be provided with type `NPUConfigs`"):
            NPUEstimator(model_fn, config=config)
    with pytest.raises(ValueError, match="model_dir are set both in NPUEstimator and NPURunConfig"):
        NPUEstimator(model_fn, "a", NPURunConfig(model_dir="b"))
    monkeypatch.delenv("JOB_ID")
    npu_common.NPUBasics._job_info = None
    with pytest.raises(ValueError, match="please check whether `JOB_ID` is set in environment"):
        NPUEstimator(model_fn, config=NPURunConfig())


def test_a_folder_is_made_where_none_is_given():
    estimator = NPUEstimator(model_fn, config=NPURunConfig())
    folder = os.path.basename(estimator.model_dir)
    assert folder.startswith("model_dir_") and len(folder) == 20 and os.path.isdir(folder)


def test_the_environment_names_a_checkpoint_to_start_from(monkeypatch):
    first = NPUEstimator(model_fn, config=NPURunConfig(model_dir="one"))
    first.train(data, steps=3)
    monkeypatch.setenv("RESTORE_FROM", "one")
    second = NPUEstimator(model_fn, config=NPURunConfig(model_dir="two"))
    second.train(data, steps=1)
    assert second.get_variable_value("w")[0] > first.get_variable_value("w")[0]


def test_a_model_fn_with_fewer_arguments():
    def without_mode(features, labels, params, config):
        assert params == {"rate": 1} and isinstance(config, NPURunConfig)
        return model_fn(features, labels, tf.estimator.ModeKeys.TRAIN)

    estimator = NPUEstimator(without_mode, config=NPURunConfig(model_dir="m"), params={"rate": 1})
    estimator.train(data, steps=1)


def test_a_model_fn_that_returns_something_else():
    estimator = NPUEstimator(lambda features, labels, mode: 1, config=NPURunConfig(model_dir="m"))
    with pytest.raises(RuntimeError, match="must have type `NPUEstimatorSpec` or `EstimatorSpec`"):
        estimator.train(data, steps=1)


def test_host_call():
    def with_host_call(features, labels, mode):
        spec = model_fn(features, labels, mode)

        def write(step, loss):
            writer = tf.contrib.summary.create_file_writer("events")
            with writer.as_default(), tf.contrib.summary.always_record_summaries():
                return tf.contrib.summary.scalar("host", loss[0], step=step[0])

        tensors = [tf.reshape(tf.train.get_global_step(), [1]), tf.reshape(spec.loss, [1])]
        return NPUEstimatorSpec(
            mode, loss=spec.loss, train_op=spec.train_op, host_call=(write, tensors)
        )

    estimator = NPUEstimator(with_host_call, config=NPURunConfig(model_dir="m"))
    estimator.train(data, steps=3)
    assert estimator.get_variable_value("global_step") == 3
    (path,) = tf.gfile.Glob("events/*")
    events = [event for event in tf.train.summary_iterator(path) if event.summary.value]
    assert [event.summary.value[0].tag for event in events] == ["host"] * 3


@pytest.mark.parametrize(
    ("host_call", "error", "words"),
    [
        (1, ValueError, "host_call should be tuple or list"),
        ((1,), ValueError, "host_call should have two elements."),
        ((1, []), TypeError, "host_call[0] should be callable."),
        ((print, 1), ValueError, "host_call[1] should be tuple or list, or dict."),
        ((lambda a: a, [1, 2]), RuntimeError, "length of tensors 2 does not match"),
    ],
)
def test_a_host_call_that_is_wrong(host_call, error, words):
    with pytest.raises(error) as caught:
        NPUEstimatorSpec("eval", loss=tf.constant(1.0), host_call=host_call)
    assert words in str(caught.value)


def test_keras_model():
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
    model.compile(tf.train.GradientDescentOptimizer(0.1), "mse")
    estimator = keras_to_npu.model_to_npu_estimator(
        keras_model=model, model_dir="k", config=NPURunConfig(model_dir="k")
    )
    assert isinstance(estimator, NPUEstimator)
    estimator.train(data, steps=2)
    assert estimator.evaluate(data, steps=1)["global_step"] == 2


def test_output_tensor_hook():
    step = tf.train.create_global_step()
    train = tf.assign_add(step, 1)
    outputs = []
    hook = NPUOutputTensorHook(
        {"twice": step * 2},
        dependencies=[train],
        output_fn=lambda values: outputs.append([value["twice"] for value in values]),
        output_every_n_steps=2,
    )
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        for _ in range(3):
            session.run(train)
    assert [len(some) for some in outputs] == [2, 1]


def test_tell_me_step_or_loss(monkeypatch):
    for name in ("STEP_NOW", "TOTAL_STEP", "LOSS_NOW", "TARGET_LOSS"):
        monkeypatch.setenv(name, "")
    with pytest.raises(ValueError, match="One of step or loss must be specified"):
        TellMeStepOrLossHook(total_step=3)
    step = tf.train.create_global_step()
    train = tf.assign_add(step, 1)
    hook = TellMeStepOrLossHook(step=step, total_step=9)
    assert (os.environ["STEP_NOW"], os.environ["TOTAL_STEP"]) == ("0", "9")
    with tf.train.MonitoredSession(hooks=[hook]) as session:
        session.run(train)
        session.run(train)
    assert os.environ["STEP_NOW"] in ("1", "2")
