"""The names and arguments that each adapter release has, against what its documentation says."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from migrate.simulator.npu_simulator import surface
from migrate.simulator.npu_simulator.options import option_at, release_order
from migrate.simulator.npu_simulator.releases import CANN_RELEASES

RELEASES = [release.adapter for release in CANN_RELEASES]
CONFIG = "npu_bridge.estimator.npu.npu_config"

# First release of each name that `from npu_bridge.npu_init import *` gives.
NPU_INIT = {
    "r1.1.1": """
        NPURunConfig ProfilingConfig DumpConfig NPUEstimator NPUCheckpointSaverHook
        NPUOutputTensorHook NPUOptimizer NPUDistributedOptimizer NPULossScaleOptimizer
        FixedLossScaleManager ExponentialUpdateLossScaleManager npu_ops npu_rnn npu_scope
        keras_to_npu util hccl_ops npu_unary_ops create_group destroy_group get_rank_size
        get_local_rank_size get_rank_id get_local_rank_id get_world_rank_from_group_rank
        get_group_rank_from_world_rank set_split_strategy_by_idx set_split_strategy_by_size
        RewriterConfig rewriter_config_pb2""",
    "r1.2.0": "DynamicInputConfig NPUEstimatorSpec",
    "r1.3.0": """
        NPUBroadcastGlobalVariablesHook KerasDistributeOptimizer npu_strategy tf os config_pb2
        session session_run_hook experimental_options npu_hooks_append npu_config_proto
        npu_graph_options npu_optimizer_options npu_run_config_init set_keras_session_npu_config
        init_resource shutdown_resource close_session get_npu_rank_id get_npu_local_rank_id
        get_npu_rank_size NpuEmptyHook npu_keras_optimizer npu_tf_optimizer""",
    "r1.6.0": """
        npu_distributed_optimizer_wrapper npu_allreduce NPUBroadcastGlobalVariablesCallback
        npu_callbacks_append npu_clear_session""",
    "r1.8.0": "backend get_npu_local_rank_size",
    "r1.9.0": "MemoryConfig decorator_tf_session",
    "r1.10.0": "SetIterationsVarHook",
    "r1.13.0": "npu_plugin npu_embedding",
    "r1.14.1": "TellMeStepOrLossHook",
}
# First release of each argument of NPURunConfig, and below the last of those that went.
RUN_CONFIG = {
    "r1.1.1": """
        iterations_per_loop profiling_config model_dir tf_random_seed save_summary_steps
        save_checkpoints_steps save_checkpoints_secs session_config keep_checkpoint_max
        keep_checkpoint_every_n_hours log_step_count_steps distribute enable_data_pre_proc
        precision_mode enable_reduce_precision variable_format_optimize mix_compile_mode
        hcom_parallel graph_memory_max_size variable_memory_max_size dump_config
        stream_max_parallel_num is_tailing_optimization horovod_mode graph_run_mode op_debug_level
        enable_scope_fusion_passes enable_exception_dump op_select_implmode optypelist_for_implmode
        auto_tune_mode""",
    "r1.2.0": """
        dynamic_input_config work_path buffer_optimize enable_small_channel fusion_switch_file
        enable_compress_weight compress_weight_conf op_compiler_cache_mode op_compiler_cache_dir
        debug_dir mstune_mode""",
    "r1.3.0": """
        hcom_multi_mode dynamic_input dynamic_graph_execute_mode dynamic_inputs_shape_range
        train_distribute eval_distribute local_rank_id local_device_list session_device_id
        distribute_config op_tune_mode""",
    "r1.5.0": "aoe_mode modify_mixlist op_precision_mode",
    "r1.7.0": "device_type hccl_timeout op_wait_timeout op_execute_timeout",
    "r1.8.0": "soc_config HCCL_algorithm",
    "r1.9.0": "customize_dtypes op_debug_config memory_config experimental_config",
    "r1.10.0": "topo_sorting_mode jit_compile",
    "r1.11.0": "aoe_config_file insert_op_file external_weight",
    "r1.12.0": """
        stream_sync_timeout event_sync_timeout deterministic frozen_variable
        variable_placement""",
    "r1.13.0": "es_cluster_config precision_mode_v2",
    "r1.15.0": "ac_parallel_enable",
}
GONE = {"auto_tune_mode": "r1.10.0", "mstune_mode": "r1.3.0", "op_tune_mode": "r1.3.0"}
ADAPTER = Path(surface.__file__).parent / "adapter"


def expected(first: dict[str, str], release: str) -> set[str]:
    place = release_order(release)
    return {
        name
        for since, names in first.items()
        if release_order(since) <= place
        for name in names.split()
        if name not in GONE or place <= release_order(GONE[name])
    }


def arguments(signature: str) -> list[str]:
    parsed = ast.parse(f"def function{signature}: pass").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    return [argument.arg for argument in parsed.args.args]


@pytest.mark.parametrize("release", RELEASES)
def test_npu_init(release: str) -> None:
    names = surface.names_at("npu_bridge.npu_init", release)
    assert names is not None
    extra = {"atexit", "npu_close"} if release == "r1.3.0" else set()
    assert set(names) - extra == expected(NPU_INIT, release)


@pytest.mark.parametrize("release", RELEASES)
def test_arguments_of_the_run_config(release: str) -> None:
    names = surface.names_at(CONFIG, release)
    assert names is not None
    wanted = expected(RUN_CONFIG, release)
    if release == "r1.12.0":
        wanted -= {"jit_compile"}  # That release alone lacks it.
    assert set(arguments(names["NPURunConfig"])) == wanted


def test_the_newest_run_config() -> None:
    names = surface.names_at(CONFIG, "r1.15.0")
    assert names is not None
    found = arguments(names["NPURunConfig"])
    assert (len(found), found[0], found[-1]) == (
        76,
        "iterations_per_loop",
        "ac_parallel_enable",
    )
    assert "enable_exception_dump=2" in names["NPURunConfig"]
    assert "jit_compile='auto'" in names["NPURunConfig"]
    assert "save_summary_steps=0" in names["NPURunConfig"]


@pytest.mark.parametrize(
    ("module", "name", "release", "signature"),
    [
        (
            "npu_config",
            "ProfilingConfig",
            "r1.7.0",
            "(enable_profiling=False, profiling_options=None)",
        ),
        (
            "npu_config",
            "MemoryConfig",
            "r1.15.0",
            "(atomic_clean_policy=0, static_memory_policy=0, memory_optimization_policy=None)",
        ),
        (
            "npu_loss_scale_manager",
            "FixedLossScaleManager",
            "r1.5.0",
            "(loss_scale, enable_overflow_check=True)",
        ),
        ("npu_loss_scale_manager", "FixedLossScaleManager", "r1.3.0", "(loss_scale)"),
        ("npu_hook", "broadcast_global_variables", "r1.7.0", "(root_rank, index)"),
        ("npu_hook", "broadcast_global_variables", "r1.8.0", "(root_rank)"),
    ],
)
def test_signatures(module: str, name: str, release: str, signature: str) -> None:
    names = surface.names_at("npu_bridge.estimator.npu." + module, release)
    assert names is not None
    assert names[name] == signature


@pytest.mark.parametrize(
    ("module", "since"),
    [
        ("npu_bridge.embedding.embedding_service", "r1.13.0"),
        ("npu_bridge.experimental.image", "r1.8.0"),
        ("npu_bridge.estimator.npu.npu_convert_dropout", "r1.6.0"),
        ("npu_bridge.npu_init", "r1.1.1"),
    ],
)
def test_modules(module: str, since: str) -> None:
    for release in RELEASES:
        there = surface.names_at(module, release) is not None
        assert there == (release_order(release) >= release_order(since)), release


def test_spans_are_in_order() -> None:
    for module, names in surface.table().items():
        for name, spans in names.items():
            places = []
            for since, last, *signature in spans:
                places += [release_order(since), release_order(last or "r9.0.0")]
                assert len(signature) < 2, (module, name)
            assert places == sorted(places), (module, name)


def parameters(function: ast.FunctionDef) -> tuple[set[str], bool]:
    given = function.args
    names = {argument.arg for argument in (*given.args, *given.kwonlyargs)}
    return names, given.kwarg is not None


def implemented() -> dict[str, dict[str, tuple[set[str], bool]]]:
    """Returns what the simulator computes: {module: {name: (parameters, takes any)}}."""
    found: dict[str, dict[str, tuple[set[str], bool]]] = {}
    for path in ADAPTER.glob("*.py"):
        names = found.setdefault(path.stem, {})
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                names[node.name] = parameters(node)
            elif isinstance(node, ast.ClassDef):
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and method.name in (
                        "__init__",
                        "__new__",
                    ):
                        names[node.name] = parameters(method)
    return found


def test_what_is_simulated_takes_the_arguments_of_every_release() -> None:
    computed, checked = implemented(), 0
    for module, names in surface.table().items():
        for name, spans in names.items():
            own = computed.get(module.split(".")[-1], {}).get(name)
            for *_, signature in (span for span in spans if len(span) == 3):
                if own is None or signature.startswith("= "):
                    continue
                given, anything = own
                assert anything or set(arguments(signature)) <= given, (module, name)
                checked += 1
    assert checked > 100


# What ports on ModelZoo use, most first; every one must compute.
USED = """
    npu_init.npu_config_proto npu_ops.dropout npu_loss_scale_optimizer.NPULossScaleOptimizer
    npu_optimizer.NPUDistributedOptimizer npu_loss_scale_manager.ExponentialUpdateLossScaleManager
    npu_config.NPURunConfig npu_estimator.NPUEstimator npu_init.close_session
    npu_init.npu_run_config_init npu_init.npu_tf_optimizer
    npu_loss_scale_manager.FixedLossScaleManager npu_init.npu_hooks_append npu_init.init_resource
    npu_init.set_keras_session_npu_config npu_estimator.NPUEstimatorSpec operators.gelu
    npu_config.DumpConfig npu_optimizer.npu_distributed_optimizer_wrapper
    util.set_iteration_per_loop npu_scope.without_npu_compile_scope npu_dynamic_rnn.DynamicRNN
    npu_init.npu_keras_optimizer npu_strategy.NPUStrategy npu_scope.keep_dtype_scope
    npu_optimizer.npu_allreduce keras_to_npu.model_to_npu_estimator npu_rnn.npu_dynamic_rnn
    hccl_ops.allreduce hccl_ops.broadcast hccl_ops.allgather hccl_ops.reduce_scatter
    npu_ops.LARSV2 npu_ops.initialize_system npu_ops.shutdown_system"""


@pytest.mark.parametrize("name", USED.split())
def test_what_ports_use_is_simulated(name: str) -> None:
    module, _, own = name.partition(".")
    assert own in implemented()[module]


def test_options_of_a_run_config_are_options_of_a_session() -> None:
    """An argument that no release of the session knows would be dropped without a word."""
    known = set(
        "distribute enable_reduce_precision profiling_config dump_config memory_config".split()
    )
    known |= set(
        "experimental_config dynamic_input_config horovod_mode log_step_count_steps".split()
    )
    known |= set("model_dir tf_random_seed save_summary_steps save_checkpoints_steps".split())
    known |= set("save_checkpoints_secs session_config keep_checkpoint_max".split())
    known |= set("keep_checkpoint_every_n_hours train_distribute eval_distribute".split())
    for release in RELEASES:
        for name in expected(RUN_CONFIG, release) - known:
            if (release, name) in {("r1.12.0", "jit_compile")}:
                continue
            assert option_at(name, release) is not None, (release, name)


def test_the_table_needs_no_tensorflow() -> None:
    assert "tensorflow" not in sys.modules
