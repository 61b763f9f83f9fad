"""Every key, field, value and combination of NpuOptimizer options, as the adapter reads them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from migrate.simulator.npu_simulator import options
from migrate.simulator.npu_simulator.options import ABORT, INTERNAL, INVALID, SILENT, Setting
from tests.tf115 import required_tf115

NEWEST = "r1.15.0"
# Keys that each adapter release reads, as counted in its sources.
KEYS = {
    "r1.1.1": 31,
    "r1.2.0": 42,
    "r1.3.0": 53,
    "r1.5.0": 54,
    "r1.6.0": 54,
    "r1.7.0": 58,
    "r1.8.0": 60,
    "r1.9.0": 68,
    "r1.10.0": 73,
    "r1.11.0": 75,
    "r1.12.0": 85,
    "r1.13.0": 90,
    "r1.14.0": 90,
    "r1.14.1": 91,
    "r1.15.0": 92,
}


def entry(**values: object) -> dict[str, Setting]:
    return {key: setting(value) for key, value in values.items()}


def setting(value: object) -> Setting:
    if isinstance(value, Setting):
        return value
    if isinstance(value, bool):
        return Setting("b", value)
    return Setting("i", value) if isinstance(value, int) else Setting("s", value)


def check(release: str = NEWEST, **values: object) -> list[tuple[str, str, str]]:
    found = options.check_options([entry(**values)], release, paths=False)
    assert all(problem.advice for problem in found)
    return [problem[:3] for problem in found]


@pytest.mark.parametrize(
    "values",
    [
        {"use_off_line": True},
        {"precision_mode": b"allow_mix_precision", "modify_mixlist": b"ops.json"},
        {"precision_mode_v2": "mixed_float16", "modify_mixlist": b"ops.json"},
        {"mix_compile_mode": True, "iterations_per_loop": 1},
        {"enable_dump": True, "dump_path": b"d", "dump_step": b"0|5|10-20", "dump_mode": b"all"},
        {"enable_dump_debug": True, "dump_path": b"d", "dump_debug_mode": b"aicore_overflow"},
        {"profiling_mode": True},
        {"profiling_mode": True, "profiling_options": options.PROFILING_DEFAULT},
        {"input_shape": "data:-1,3;label:-1", "dynamic_dims": "1,1;8,8", "dynamic_node_type": 1},
        {"jit_compile": b"auto"},
        {"op_select_implmode": "high_precision_for_all", "optypelist_for_implmode": "Pooling"},
        {"local_device_list": "0,1", "local_rank_id": 7},
        {"graph_memory_max_size": "26 * 1024 * 1024 * 1024"},
        {"dump_mode": "some"},  # Not looked at while nothing is dumped.
    ],
)
def test_legal_options(values: dict[str, object]) -> None:
    assert check(**values) == []


@pytest.mark.parametrize(
    ("values", "severity", "words"),
    [
        (
            {"precision_mode": b"bogus"},
            INVALID,
            "'bogus' is invalid, it should be one of the list:['force_fp32', ",
        ),
        (
            {"precision_mode": b"force_fp16", "precision_mode_v2": b"fp16"},
            INTERNAL,
            "'precision_mode' and 'precision_mode_v2' can not be assigned at the same time.",
        ),
        ({"enable_dump": True}, INTERNAL, "if use dump function, dump_path must be set."),
        ({"enable_dump_debug": True}, INTERNAL, "if use dump function, dump_path must be set."),
        (
            {"enable_dump": True, "dump_path": b"d", "dump_step": b"20-10"},
            INTERNAL,
            "in range steps, the first step is >= second step, correct example:'0|5|10-20'",
        ),
        (
            {"enable_dump": True, "dump_path": b"d", "dump_step": b"1-2-3"},
            INTERNAL,
            "dump_step string style is error, correct example:'0|5|10|50-100'",
        ),
        (
            {"enable_dump": True, "dump_path": b"d", "dump_step": "|".join(["1"] * 101)},
            INTERNAL,
            "dump_step only support dump <= 100 sets of data",
        ),
        (
            {"modify_mixlist": b"f"},
            INTERNAL,
            "modify_mixlist is assigned, please ensure precision_mode only can be assigned to",
        ),
        (
            {"modify_mixlist": b"f", "precision_mode": b"force_fp16"},
            INTERNAL,
            "modify_mixlist is assigned, please ensure that precision_mode is assigned to "
            "'allow_mix_precision' or 'allow_mix_precision_fp16' or "
            "'allow_mix_precision_bf16'(if available).",
        ),
        (
            {"modify_mixlist": b"f", "precision_mode_v2": b"fp16"},
            INTERNAL,
            "modify_mixlist is assigned, please ensure that precision_mode_v2 is assigned to "
            "'mixed_float16' or 'mixed_bfloat16'(if available).",
        ),
        (
            {"aoe_mode": b"3"},
            INTERNAL,
            "aoe mode:3 is invalid, aoe mode should be one of the list:['1', '2', '4', 'mdat']",
        ),
        (
            {"enable_exception_dump": 5},
            INTERNAL,
            "enable_exception_dump should be one of 0, 1 and 2.",
        ),
        (
            {"jit_compile": True},
            INVALID,
            "The data type of jit_compile is invalid. Expected string type.",
        ),
        (
            {"enable_dump": True, "dump_path": b"d", "dump_mode": b"some"},
            ABORT,
            "dump mode should be one of the list:[input, output, all]",
        ),
        (
            {"op_select_implmode": b"fast"},
            ABORT,
            "op select impl mode should be one of the list:[high_precision, high_performance, "
            "high_precision_for_all, high_performance_for_all]",
        ),
        ({"graph_run_mode": 2}, ABORT, "graph_run_mode value must be 0 or 1"),
        (
            {"input_shape": b"data:1"},
            ABORT,
            "input_shape, dynamic_dims and dynamic_node_type should use together.",
        ),
        (
            {"input_shape": b"data", "dynamic_dims": b"1", "dynamic_node_type": 0},
            ABORT,
            "input_shape string style is invalid",
        ),
        (
            {"input_shape": b"data:-1", "dynamic_dims": b"", "dynamic_node_type": 0},
            ABORT,
            "dynamic_dims is empty.",
        ),
        (
            {"input_shape": b"data:-1", "dynamic_dims": b"1", "dynamic_node_type": 2},
            ABORT,
            "dynamic_node_type should be 0 or 1.",
        ),
        ({"session_device_id": -2}, ABORT, "session_device_id must be nonnegative integer."),
        (
            {"buffer_optimize": b"l3"},
            ABORT,
            "buffer_optimize is valid, should be one of [l2_optimize, off_optimize]",
        ),
        (
            {"variable_placement": b"CPU"},
            ABORT,
            "variable placement should be one of the list:[Host, Device]",
        ),
        ({"local_rank_id": 9}, ABORT, "local rank id should be in [0,7]"),
        (
            {"local_device_list": b"0;1"},
            ABORT,
            "local_device_list style is invalid, example:'1,2,3'",
        ),
        ({"iterations_per_loop": 0}, ABORT, "iterator_per_loop should be int and must >= 1"),
        ({"task_index": -1}, ABORT, "task_index should be int and must >= 0"),
        (
            {"enable_compress_weight": False, "compress_weight_conf": b""},
            ABORT,
            "enable_compress_weight can not use with compress_weight_conf.",
        ),
        (
            {"optypelist_for_implmode": b"Pooling"},
            ABORT,
            "when use optypelist_for_implmode, op_select_implmode must be set.",
        ),
        (
            {"in_out_pair": b"[[a],[b]]"},
            INTERNAL,
            "mix_compile_mode must be True when use in_out_pair.",
        ),
        ({"graph_slice": b"x"}, INTERNAL, "graph_slice must be in ['auto', 'manual']"),
        ({"dump_data": b"x"}, INTERNAL, "dump_data should be 'tensor' or 'stats'."),
        (
            {"iterations_per_loop": 9, "mix_compile_mode": True},
            SILENT,
            '"iterations_per_loop" must be 1 with "mix_compile_mode" is True',
        ),
        ({"op_compiler_cache_mode": b"on"}, SILENT, "op_compiler_cache_mode=on is not a docu"),
        ({"profiling_options": b"{}"}, SILENT, "without profiling_mode"),
    ],
)
def test_problems_in_the_words_of_the_adapter(
    values: dict[str, object], severity: str, words: str
) -> None:
    ((key, message, got),) = check(**values)
    assert key in values or key == "dump_path"
    assert words in message
    assert got == severity


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("precission_mode", "Did you mean precision_mode?"),
        ("sump_mode", "Did you mean dump_mode?"),
        ("autotune_tune_mode", "Did you mean auto_tune_mode?"),
        ("allow_mix_compile", "Remove it."),
        ("master_slave_mode", "Remove it."),
        ("min_group_size", "Remove it."),
    ],
)
def test_an_unknown_key(key: str, advice: str) -> None:
    (problem,) = options.check_options([entry(**{key: True})], NEWEST)
    assert problem.severity == SILENT
    assert f"unknown option {key};" in problem.message
    assert problem.advice == advice


@pytest.mark.parametrize(
    ("release", "values", "span"),
    [
        ("r1.12.0", {"precision_mode_v2": b"fp16"}, "r1.13.0 on"),
        (NEWEST, {"fp_point": b"a"}, "r1.1.1 to r1.1.1"),
        (NEWEST, {"mstune_mode": b"1"}, "r1.2.0 to r1.3.0"),
        ("r1.12.0", {"jit_compile": b"auto"}, "r1.10.0 to r1.11.0, r1.13.0 on"),
        ("r1.11.0", {"auto_tune_mode": b"RL"}, "r1.1.1 to r1.10.0, r1.12.0 on"),
    ],
)
def test_a_key_of_another_release(release: str, values: dict[str, object], span: str) -> None:
    ((_, message, severity),) = check(release, **values)
    assert severity == SILENT
    assert release in message
    assert f"(known: {span})" in message


@pytest.mark.parametrize(
    ("key", "wrong", "reads"),
    [
        ("mix_compile_mode", Setting("i", 1), "False"),
        ("profiling_mode", Setting("s", b"true"), "False"),
        ("op_debug_level", Setting("s", b"2"), "0"),
        ("work_path", Setting("b", True), "''"),
        ("hccl_timeout", Setting("f", 3.0), "0"),
        ("dump_path", Setting("list", None), "''"),
    ],
)
def test_a_wrong_field_is_read_as_empty(key: str, wrong: Setting, reads: str) -> None:
    ((_, message, severity),) = check(**{key: wrong})
    assert severity == SILENT
    assert f".{wrong.field}, but the adapter reads ." in message
    assert message.endswith("which is " + reads)


def test_the_empty_value_of_a_wrong_field_is_judged_as_well() -> None:
    assert [severity for _, _, severity in check(precision_mode=True)] == [SILENT, INVALID]


def test_a_key_that_was_only_read() -> None:
    ((_, message, _),) = check(mix_compile_mode=Setting("", None))
    assert "without a value" in message


def test_values_that_are_not_known_are_not_judged() -> None:
    unknown = {key: Setting(span[-1].field, None) for key, span in options.OPTIONS.items()}
    for release in KEYS:
        known = {key: unknown[key] for key in unknown if options.option_at(key, release)}
        known.pop("jit_compile", None)  # A bool in two releases.
        for key in ("precision_mode_v2", "compress_weight_conf"):
            known.pop(key, None)
        assert not options.check_options([known], release), release


def test_precision_modes_are_checked_from_1_12_on() -> None:
    assert check("r1.12.0", precision_mode="bogus")[0][2] == INVALID
    ((_, message, severity),) = check("r1.11.0", precision_mode="bogus")
    assert (severity, "unchecked" in message) == (SILENT, True)


def test_texts_change_with_the_release() -> None:
    ((_, message, _),) = check("r1.12.0", modify_mixlist="f", precision_mode="force_fp16")
    assert message.endswith("precision_mode is assigned to 'allow_mix_precision'.")
    assert check("r1.9.0", aoe_mode="3") == []
    assert check("r1.9.0", aoe_mode="mdat")[0][1].endswith("['1', '2', '3', '4']")
    assert check("r1.6.0", enable_dump=True)[0][2] == ABORT
    assert check("r1.10.0", jit_compile=True) == []


def test_profiling_options() -> None:
    assert check("r1.7.0", profiling_mode=True)[0][1:] == (
        "profiling_options must be set when use profiling",
        ABORT,
    )
    old = check("r1.1.1", profiling_mode=True, profiling_options="training_trace:foo")
    assert old[0][2] == ABORT
    assert not check("r1.1.1", profiling_mode=True, profiling_options="training_trace:op_trace")

    def messages(text: str) -> list[str]:
        found = check(profiling_mode=True, profiling_options=text)
        assert {severity for _, _, severity in found} <= {SILENT}
        return [message for _, message, _ in found]

    assert "is not JSON" in messages("{'output': 'x'}")[0]
    assert "must be a JSON object" in messages("[]")[0]
    (one, two, three) = messages('{"trainingtrace": "on", "hccl": "true", "aicpu": true}')[:3]
    assert "unknown key trainingtrace" in one
    assert "hccl=true, which counts as off" in two
    assert "aicpu=true, which is no string" in three
    assert messages('{"aicpu": "on"}') == ["profiling_options has no output folder"]


def test_folders(tmp_path: Path) -> None:
    def found(**values: object) -> list[tuple[str, str]]:
        problems = options.check_options([entry(**values)], NEWEST)
        return [(problem.message, problem.severity) for problem in problems]

    absent = str(tmp_path / "absent")
    dump = {"enable_dump": True, "dump_path": absent}
    assert found(**dump) == [(f"the path {absent} is not directory.", INTERNAL)]
    assert found(enable_dump=True, dump_path=str(tmp_path)) == []
    assert found(dump_path=absent) == []
    tuning = [(f"the path {absent} is not directory.", ABORT)]
    assert found(aoe_mode="2", work_path=absent) == tuning
    profiling = json.dumps({"output": absent})
    ((message, severity),) = found(profiling_mode=True, profiling_options=profiling)
    assert (absent in message, severity) == (True, SILENT)


def test_of_several_entries_the_later_wins_key_by_key() -> None:
    first = entry(precision_mode=b"force_fp16", mix_compile_mode=True)
    second = entry(precision_mode=b"force_fp32")
    merged = options.effective([first, second], NEWEST)
    assert (merged["precision_mode"], merged["mix_compile_mode"]) == ("force_fp32", True)
    assert merged["use_off_line"] is True
    assert options.check_options([first, second], NEWEST) == []


def test_defaults_belong_to_a_release() -> None:
    assert options.effective([], "r1.9.0")["hcom_parallel"] is False
    assert options.effective([], "r1.10.0")["hcom_parallel"] is True
    assert "jit_compile" not in options.effective([], "r1.12.0")
    assert "precision_mode" not in options.effective([], NEWEST)


@pytest.mark.parametrize("release", KEYS)
def test_each_release_has_the_keys_that_it_reads(release: str) -> None:
    known = [key for key in options.OPTIONS if options.option_at(key, release)]
    assert len(known) == KEYS[release]


def test_the_table_is_in_order_and_its_spans_do_not_overlap() -> None:
    for key, spans in options.OPTIONS.items():
        places = []
        for span in spans:
            assert span.field in ("b", "i", "s")
            assert span.severity == SILENT or span.text
            places += [
                options.release_order(span.since),
                options.release_order(span.last or "r9.9.9"),
            ]
        assert places == sorted(places), key


def test_a_release_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"7\.0"):
        options.release_order("7.0")


def test_standard_library_only() -> None:
    code = f"import sys; sys.path.insert(0, {str(Path(options.__file__).parent)!r}); import options"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


@pytest.mark.tf115
def test_reading_a_proto_on_python37() -> None:
    folder = str(Path(options.__file__).parent)
    code = f"""
import sys; sys.path.insert(0, {folder!r})
import options
assert 'tensorflow' not in sys.modules
import tensorflow as tf
config = tf.ConfigProto()
optimizers = config.graph_options.rewrite_options.custom_optimizers
optimizers.add(name="Other").parameter_map["x"].i = 1
map = optimizers.add(name="NpuOptimizer").parameter_map
map["precision_mode"].s = b"bogus"
map["use_off_line"].b = True
map["dump_step"]
before = config.SerializeToString(deterministic=True)
(entry,) = options.entries_of(config)
assert entry == {{
    "precision_mode": ("s", b"bogus"), "use_off_line": ("b", True), "dump_step": ("", None)
}}, entry
assert config.SerializeToString(deterministic=True) == before
keys = [problem.key for problem in options.check_options([entry], "r1.15.0")]
assert sorted(keys) == ["dump_step", "precision_mode"], keys
"""
    python = required_tf115().python
    subprocess.run([python, "-W", "ignore", "-c", code], check=True)
