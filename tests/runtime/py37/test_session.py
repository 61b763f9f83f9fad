import os
import subprocess
import sys

import npu_runtime
import pytest
import tensorflow as tf
from npu_runtime import ranks
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

RUNTIME = os.path.dirname(os.path.dirname(npu_runtime.__file__))


def entries(config):
    optimizers = config.graph_options.rewrite_options.custom_optimizers
    return [entry for entry in optimizers if entry.name == "NpuOptimizer"]


def options(config):
    """Returns the options of the only NpuOptimizer entry as {key: {field: value}}."""
    (entry,) = entries(config)
    return {
        key: {field.name: field_value for field, field_value in value.ListFields()}
        for key, value in entry.parameter_map.items()
    }


def upstream_config():
    config = tf.ConfigProto(log_device_placement=True, inter_op_parallelism_threads=3)
    config.gpu_options.allow_growth = True
    config.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_1
    config.graph_options.rewrite_options.remapping = RewriterConfig.ON
    config.graph_options.rewrite_options.custom_optimizers.add(name="Other")
    return config


def with_entries(*maps):
    config = tf.ConfigProto()
    for parameters in maps:
        entry = config.graph_options.rewrite_options.custom_optimizers.add(name="NpuOptimizer")
        for key, value in parameters.items():
            setattr(entry.parameter_map[key], "b" if isinstance(value, bool) else "s", value)
    return config


@pytest.mark.parametrize("make", [lambda: None, tf.ConfigProto, upstream_config])
def test_device_session(adapter, make):
    config = npu_runtime.npu_session_config(make())
    assert options(config) == {"use_off_line": {"b": True}}
    assert config.graph_options.rewrite_options.remapping == RewriterConfig.OFF
    assert config.graph_options.rewrite_options.memory_optimization == RewriterConfig.OFF
    assert config.graph_options.optimizer_options.global_jit_level == tf.OptimizerOptions.OFF
    assert config.allow_soft_placement is True


def test_the_rest_of_the_configuration_is_kept(adapter):
    config = npu_runtime.npu_session_config(upstream_config())
    assert config.log_device_placement is True
    assert config.inter_op_parallelism_threads == 3
    assert config.gpu_options.allow_growth is True
    names = [entry.name for entry in config.graph_options.rewrite_options.custom_optimizers]
    assert names == ["Other", "NpuOptimizer"]


@pytest.mark.parametrize("name", ["npu_session_config", "host_session_config"])
@pytest.mark.parametrize("device", ["npu", "host"])
def test_the_argument_is_copied(adapter, monkeypatch, name, device):
    monkeypatch.setenv("NPU_DEVICE", device)
    given = with_entries({"precision_mode": b"allow_mix_precision"}, {"use_off_line": False})
    before = given.SerializeToString(deterministic=True)
    result = getattr(npu_runtime, name)(given)
    result.graph_options.rewrite_options.custom_optimizers[0].parameter_map["more"].i = 1
    result.gpu_options.allow_growth = True
    assert given.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("name", ["npu_session_config", "host_session_config"])
@pytest.mark.parametrize("wrong", [{}, "", 0, tf.ConfigProto, tf.GPUOptions(), b"bytes"])
def test_a_wrong_argument_is_refused(adapter, name, wrong):
    with pytest.raises(TypeError, match=r"tf\.ConfigProto or None"):
        getattr(npu_runtime, name)(wrong)


def test_mix_compile_when_asked(adapter):
    config = npu_runtime.npu_session_config(mix_compile_mode=True)
    assert options(config) == {"use_off_line": {"b": True}, "mix_compile_mode": {"b": True}}


def test_mix_compile_for_the_whole_port(adapter, monkeypatch):
    monkeypatch.setattr(npu_runtime.session.defaults, "MIX_COMPILE_MODE", True)
    assert options(npu_runtime.npu_session_config())["mix_compile_mode"] == {"b": True}
    monkeypatch.setenv("NPU_MIX_COMPILE", "0")
    assert "mix_compile_mode" not in options(npu_runtime.npu_session_config())


@pytest.mark.parametrize("own", [None, False, True])
@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("forced", [None, "0", "1"])
def test_mix_compile_from_three_sides(adapter, monkeypatch, own, asked, forced):
    if forced is not None:
        monkeypatch.setenv("NPU_MIX_COMPILE", forced)
    given = None if own is None else with_entries({"mix_compile_mode": own})
    got = options(npu_runtime.npu_session_config(given, mix_compile_mode=asked))
    expected = bool(asked or own) if forced is None else forced == "1"
    assert got.get("mix_compile_mode", {"b": False}) == {"b": expected}


def test_options_of_an_entry_are_kept(adapter):
    given = with_entries({"precision_mode": b"allow_mix_precision", "enable_dump": True})
    assert options(npu_runtime.npu_session_config(given)) == {
        "precision_mode": {"s": b"allow_mix_precision"},
        "enable_dump": {"b": True},
        "use_off_line": {"b": True},
    }


@pytest.mark.parametrize("wrong", [False, b"1"])
def test_a_device_session_is_never_left_on_the_host(adapter, wrong):
    got = npu_runtime.npu_session_config(with_entries({"use_off_line": wrong}))
    assert options(got) == {"use_off_line": {"b": True}}


@pytest.mark.parametrize("name", ["npu_session_config", "host_session_config"])
def test_several_entries_become_one_and_the_last_wins(adapter, name):
    same = {"precision_mode": b"force_fp16"}
    given = with_entries(same, same, {"precision_mode": b"force_fp32", "work_path": b"w"}, {})
    given.graph_options.rewrite_options.custom_optimizers.add(name="Other")
    got = getattr(npu_runtime, name)(given)
    assert options(got)["precision_mode"] == {"s": b"force_fp32"}
    assert options(got)["work_path"] == {"s": b"w"}
    names = [entry.name for entry in got.graph_options.rewrite_options.custom_optimizers]
    assert names == ["NpuOptimizer", "Other"]


@pytest.mark.parametrize("name", ["npu_session_config", "host_session_config"])
def test_twice_is_once(adapter, name):
    configure = getattr(npu_runtime, name)
    once = configure(upstream_config())
    assert configure(once) == once


def test_host_session_changes_nothing_else():
    given = upstream_config()
    got = npu_runtime.host_session_config(given)
    assert options(got) == {"use_off_line": {"b": False}}
    del got.graph_options.rewrite_options.custom_optimizers[-1]
    assert got == given


def test_host_session_needs_no_adapter():
    assert options(npu_runtime.host_session_config()) == {"use_off_line": {"b": False}}


@pytest.mark.parametrize("name", ["npu_session_config", "host_session_config"])
@pytest.mark.parametrize("make", [lambda: None, upstream_config])
def test_on_host_the_content_stays(host, name, make):
    assert getattr(npu_runtime, name)(make()) == (make() or tf.ConfigProto())


def test_run_config_keeps_everything_but_the_session_config(adapter):
    given = tf.estimator.RunConfig(
        model_dir="/tmp/m",
        tf_random_seed=7,
        save_checkpoints_steps=5,
        session_config=upstream_config(),
    )
    got = npu_runtime.npu_run_config(given)
    assert got is not given
    assert (got.model_dir, got.tf_random_seed, got.save_checkpoints_steps) == ("/tmp/m", 7, 5)
    assert got.session_config == npu_runtime.npu_session_config(upstream_config())
    assert given.session_config == upstream_config()


@pytest.mark.parametrize("seed", [1, 7, None])
def test_each_rank_has_a_seed_of_its_own(seed, host, monkeypatch):
    given = tf.estimator.RunConfig(tf_random_seed=seed)
    seeds = []
    for rank in range(3):
        monkeypatch.setattr(ranks, "rank", lambda rank=rank: rank)
        seeds.append(npu_runtime.npu_run_config(given).tf_random_seed)
    assert seeds[0] == seed
    assert len(set(seeds)) == (1 if seed is None else 3)


@pytest.mark.parametrize("given", [None, tf.estimator.RunConfig()])
def test_run_config_keeps_the_default_of_estimators(adapter, given):
    rewrite = npu_runtime.npu_run_config(given).session_config.graph_options.rewrite_options
    assert rewrite.meta_optimizer_iterations == RewriterConfig.ONE


def test_run_config_keeps_the_default_of_a_cluster(adapter, monkeypatch):
    monkeypatch.setenv(
        "TF_CONFIG",
        '{"cluster": {"chief": ["a:1"], "worker": ["b:1"]},'
        ' "task": {"type": "worker", "index": 0}}',
    )
    got = npu_runtime.npu_run_config(tf.estimator.RunConfig()).session_config
    assert list(got.device_filters) == ["/job:ps", "/job:worker/task:0"]


def test_run_config_passes_mix_compile_mode_on(adapter):
    got = npu_runtime.npu_run_config(None, mix_compile_mode=True).session_config
    assert options(got)["mix_compile_mode"] == {"b": True}


def test_run_config_keeps_its_class(adapter):
    class Own(tf.estimator.RunConfig):
        extra = 4

    assert type(npu_runtime.npu_run_config(Own())) is Own


def test_run_config_on_host(host):
    given = tf.estimator.RunConfig(session_config=upstream_config())
    assert npu_runtime.npu_run_config(given).session_config == upstream_config()


def test_run_config_refuses_anything_else(adapter):
    with pytest.raises(TypeError, match=r"tf\.estimator\.RunConfig or None"):
        npu_runtime.npu_run_config(tf.ConfigProto())


def python(code, **environment):
    """Runs a fresh Python 3.7 that has the runtime, but no npu_bridge unless `code` makes one."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=dict(os.environ, PYTHONPATH=RUNTIME, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


def test_without_an_adapter_it_stops_and_says_what_to_do():
    done = python("import npu_runtime; npu_runtime.npu_session_config()")
    assert done.returncode == 1
    assert done.stderr.startswith("No NPU to train on") and "Traceback" not in done.stderr
    for words in ("npu_bridge", "CANN 7.0", "set_env.sh", "r1.15.0", "NPU_DEVICE=host"):
        assert words in done.stderr


def test_an_adapter_that_does_not_load_stops_too(tmp_path):
    # npu_bridge prints why _tf_adapter.so does not load, then fails on the missing handle.
    helper = tmp_path / "npu_bridge" / "helper"
    helper.mkdir(parents=True)
    (helper / "__init__.py").write_text("")
    (helper / "helper.py").write_text("print('libascendcl.so: cannot open')\n")
    (tmp_path / "npu_bridge" / "__init__.py").write_text(
        "from npu_bridge.helper.helper import npu_bridge_handle\n"
    )
    code = "import sys; sys.path.insert(0, %r); import npu_runtime as r; r.npu_session_config()"
    done = python(code % str(tmp_path))
    assert done.returncode == 1
    assert "No NPU to train on" in done.stderr
    assert "npu_bridge_handle" in done.stderr
    assert "libascendcl.so" in done.stdout


def test_importing_costs_neither_tensorflow_nor_the_adapter():
    done = python(
        "import sys, npu_runtime, npu_runtime.images, npu_runtime.settings\n"
        "assert not {'tensorflow', 'npu_bridge', 'scipy'} & set(sys.modules), sys.modules\n"
        "try:\n"
        "    npu_runtime.absent\n"
        "except AttributeError as error:\n"
        "    print(error)\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "absent" in done.stdout


def test_npu_init_is_not_imported(adapter):
    npu_runtime.npu_session_config()
    assert "npu_bridge" in sys.modules
    assert "npu_bridge.npu_init" not in sys.modules


def test_every_public_name_resolves():
    for name in npu_runtime.__all__:
        assert callable(getattr(npu_runtime, name))
