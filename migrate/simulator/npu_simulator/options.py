"""Options of a session on the NPU: the parameter_map of the custom graph optimizer NpuOptimizer.

The adapter ignores a key it does not know, and reads a value that stands in the wrong field of
the protobuf oneof as empty, 0 or False, both without a word. Here every key, field, value and
combination is checked, in the adapter's own words where it has any.

Standard library only, Python 3.7 and later: the simulator and the kit's static checks share it.

Source: tf_adapter/util/npu_attrs.cc (SetNpuOptimizerAttr, GetPassOptions) and
tf_adapter/optimizers/om_partition_subgraphs_pass.cc of adapter releases r1.1.1 to r1.15.0;
"documented" values: CANN, TensorFlow 1.15 Model Porting, "Session Configuration".
"""

import difflib
import json
import os
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

# What the real adapter does with a wrong option.
ABORT = "abort"  # LOG(FATAL): the process ends at the first run, with no exception.
INTERNAL = "internal"  # tf.errors.InternalError at the first run
INVALID = "invalid"  # tf.errors.InvalidArgumentError at the first run
SILENT = "silent"  # nothing: it trains, but not as the option says

FIELDS = {"b": "bool", "i": "int", "s": "bytes", "f": "float"}

PROFILING_DEFAULT = (
    '{"output":"./","training_trace":"on","task_trace":"on","hccl":"on","aicpu":"on",'
    '"aic_metrics":"PipeUtilization","msproftx":"off"}'
)


class Setting(NamedTuple):
    """One value of a parameter_map.

    Attributes:
        field: set member of the oneof: b, i, s, or one that the adapter never reads. "" where
            none is set: in Python, reading `parameter_map[key]` adds the key.
        value: bool, int, bytes or str; None if it is not known (static checks).
    """

    field: str
    value: object


class Problem(NamedTuple):
    """Something that is wrong with the options.

    Attributes:
        key: option it is about; of a combination, the first.
        message: what is wrong, with the adapter's own words where it has any.
        severity: ABORT, INTERNAL, INVALID or SILENT.
        advice: what to do.
    """

    key: str
    message: str
    severity: str
    advice: str


class Option(NamedTuple):
    """A key during a span of adapter releases.

    Attributes:
        field: member of the oneof that the adapter reads.
        since: first adapter release of the span.
        last: last adapter release of the span; "" if it still lasts.
        default: what the adapter takes when the key is absent; None if nothing is passed on.
        legal: legal values; empty for any. An int option has (lowest, highest), None for open.
        severity: what an illegal value does.
        text: the adapter's own words for it; {value} and {legal} are filled in.
        uses: what it is, where the name does not say.
    """

    field: str
    since: str = "r1.1.1"
    last: str = ""
    default: object = None
    legal: Tuple[Any, ...] = ()
    severity: str = SILENT
    text: str = ""
    uses: str = ""


_LIST = "'{value}' is invalid, it should be one of the list:{legal}"
_PRECISION_MODES = (
    "force_fp32",
    "allow_fp32_to_fp16",
    "force_fp16",
    "must_keep_origin_dtype",
    "allow_mix_precision",
    "cube_fp16in_fp32out",
    "allow_mix_precision_fp16",
    "allow_mix_precision_bf16",
    "allow_fp32_to_bf16",
)
_IMPLMODES = ("high_precision", "high_performance")
_ALL_IMPLMODES = (*_IMPLMODES, "high_precision_for_all", "high_performance_for_all")
_IMPLMODE = "op select impl mode should be one of the list:[%s]"

OPTIONS: Dict[str, Tuple[Option, ...]] = {
    "HCCL_algorithm": (Option("s", "r1.8.0", default=""),),
    "ac_parallel_enable": (Option("s", "r1.15.0", default="", legal=("", "0", "1")),),
    "aoe_config_file": (Option("s", "r1.11.0", default=""),),
    "aoe_mode": (
        Option(
            "s",
            "r1.5.0",
            "r1.9.0",
            "",
            ("", "1", "2", "3", "4"),
            INTERNAL,
            "aoe mode should be one of the list:['1', '2', '3', '4']",
        ),
        Option(
            "s",
            "r1.10.0",
            "r1.10.0",
            "",
            ("", "1", "2", "3", "4", "mdat"),
            INTERNAL,
            "aoe mode should be one of the list:['1', '2', '3', '4', 'mdat']",
        ),
        Option(
            "s",
            "r1.11.0",
            "",
            "",
            ("", "1", "2", "4", "mdat"),
            INTERNAL,
            "aoe mode:{value} is invalid, aoe mode should be one of the list:"
            "['1', '2', '4', 'mdat']",
        ),
    ),
    "atomic_clean_policy": (Option("i", "r1.9.0", default=0, legal=(0, 1)),),
    "auto_tune_mode": (
        Option("s", last="r1.10.0", default=""),
        Option("s", "r1.12.0", default=""),
    ),
    "bp_point": (Option("s", last="r1.1.1", default=""),),
    "buffer_optimize": (
        Option(
            "s",
            "r1.2.0",
            "",
            "l2_optimize",
            ("l2_optimize", "off_optimize"),
            ABORT,
            "buffer_optimize is valid, should be one of [l2_optimize, off_optimize]",
        ),
    ),
    "compress_weight_conf": (Option("s", "r1.2.0", default=""),),
    "const_input": (Option("s", "r1.9.0", default=""),),
    "customize_dtypes": (Option("s", "r1.9.0", default="", uses="path"),),
    "debug_dir": (Option("s", "r1.2.0", default=""),),
    "deterministic": (Option("i", "r1.12.0", default=0, legal=(0, 1)),),
    "device_type": (Option("s", "r1.7.0", default="default_device_type"),),
    "distribute_config": (Option("s", "r1.3.0", default=""),),
    "dump_data": (
        Option(
            "s",
            "r1.10.0",
            "",
            "tensor",
            ("tensor", "stats"),
            INTERNAL,
            "dump_data should be 'tensor' or 'stats'.",
        ),
    ),
    "dump_debug_mode": (
        Option(
            "s",
            "r1.1.1",
            "",
            "all",
            ("aicore_overflow", "atomic_overflow", "all"),
            ABORT,
            "dump debug mode should be one of the list:[aicore_overflow, atomic_overflow, all]",
        ),
    ),
    "dump_layer": (Option("s", "r1.10.0", default="", uses="operator names"),),
    "dump_mode": (
        Option(
            "s",
            "r1.1.1",
            "",
            "output",
            ("input", "output", "all"),
            ABORT,
            "dump mode should be one of the list:[input, output, all]",
        ),
    ),
    "dump_path": (Option("s", default=""),),
    "dump_step": (Option("s", default="", uses="0|5|10-20"),),
    "dynamic_dims": (Option("s", "r1.2.0", default=""),),
    "dynamic_graph_execute_mode": (
        Option(
            "s",
            "r1.3.0",
            "",
            "dynamic_execute",
            ("lazy_recompile", "dynamic_execute"),
            ABORT,
            "dynamic_graph_execute_mode should be lazy_recompile or dynamic_execute.",
        ),
    ),
    "dynamic_input": (Option("b", "r1.3.0", default=False),),
    "dynamic_inputs_shape_range": (Option("s", "r1.3.0", default=""),),
    "dynamic_node_type": (
        Option("i", "r1.2.0", "", -1, (0, 1), ABORT, "dynamic_node_type should be 0 or 1."),
    ),
    "enable_compress_weight": (Option("b", "r1.2.0", default=False),),
    "enable_data_pre_proc": (Option("b", default=False),),
    "enable_dump": (Option("b", default=False),),
    "enable_dump_debug": (Option("b", default=False),),
    "enable_exception_dump": (
        Option("i", "r1.1.1", "r1.14.1", 0, (0, 1)),
        Option(
            "i",
            "r1.15.0",
            "",
            2,
            (0, 2),
            INTERNAL,
            "enable_exception_dump should be one of 0, 1 and 2.",
        ),
    ),
    "enable_graph_parallel": (Option("b", "r1.12.0", default=False),),
    "enable_scope_fusion_passes": (Option("s", default=""),),
    "enable_small_channel": (Option("i", "r1.2.0", default=0, legal=(0, 1)),),
    "es_cluster_config": (Option("s", "r1.13.0", default=""),),
    "event_sync_timeout": (Option("i", "r1.12.0", default=-1, uses="milliseconds"),),
    "experimental_accelerate_train_mode": (Option("s", "r1.14.1", default=""),),
    "experimental_logical_device_cluster_deploy_mode": (Option("s", "r1.9.0", default="LB"),),
    "experimental_logical_device_id": (Option("s", "r1.9.0", default=""),),
    "experimental_model_deploy_devicelist": (Option("s", "r1.12.0", default=""),),
    "experimental_model_deploy_mode": (Option("s", "r1.12.0", default=""),),
    "external_weight": (Option("b", "r1.11.0", default=False),),
    "fp_point": (Option("s", last="r1.1.1", default=""),),
    "frozen_variable": (Option("b", "r1.12.0", default=False),),
    "fusion_switch_file": (Option("s", "r1.2.0", default="", uses="path"),),
    "graph_compiler_cache_dir": (Option("s", "r1.13.0", default=""),),
    "graph_exec_timeout": (Option("i", "r1.9.0", default=600000, uses="milliseconds"),),
    "graph_memory_max_size": (Option("s", uses='bytes as a product: "26 * 1024 * 1024 * 1024"'),),
    "graph_parallel_option_path": (Option("s", "r1.12.0", default=""),),
    "graph_run_mode": (
        Option("i", "r1.1.1", "", 1, (0, 1), ABORT, "graph_run_mode value must be 0 or 1"),
    ),
    "graph_slice": (
        Option(
            "s",
            "r1.13.0",
            "",
            None,
            ("auto", "manual"),
            INTERNAL,
            "graph_slice must be in ['auto', 'manual']",
        ),
    ),
    "hccl_timeout": (Option("i", "r1.7.0", uses="seconds"),),
    "hcom_multi_mode": (Option("b", "r1.3.0", default=False),),
    "hcom_parallel": (
        Option("b", last="r1.9.0", default=False),
        Option("b", "r1.10.0", default=True),
    ),
    "in_out_pair": (Option("s", "r1.3.0", default=""),),
    "in_out_pair_flag": (Option("b", "r1.3.0", default=True),),
    "input_shape": (Option("s", "r1.2.0", default=""),),
    "insert_op_file": (Option("s", "r1.11.0", uses="path"),),
    "is_tailing_optimization": (Option("b", default=False),),
    "iterations_per_loop": (
        Option(
            "i",
            "r1.1.1",
            "",
            1,
            (1, None),
            ABORT,
            "iterator_per_loop should be int and must >= 1",
        ),
    ),
    "jit_compile": (
        Option("b", "r1.10.0", "r1.11.0", True),
        Option("s", "r1.13.0", "", "auto", ("true", "false", "auto"), INVALID, _LIST),
    ),
    "job": (Option("s", default="localhost"),),
    "local_device_list": (Option("s", "r1.3.0", default=""),),
    "local_rank_id": (
        Option("i", "r1.3.0", "", -1, (0, 7), ABORT, "local rank id should be in [0,7]"),
    ),
    "lower_functional_ops": (Option("b", default=False),),
    "memory_optimization_policy": (Option("s", "r1.12.0", default=""),),
    "mix_compile_mode": (Option("b", default=False),),
    "modify_mixlist": (Option("s", "r1.5.0", default="", uses="path"),),
    "mstune_mode": (
        Option(
            "s",
            "r1.2.0",
            "r1.3.0",
            "",
            ("1", "2", "3", "4"),
            ABORT,
            "mstune mode should be one of the list:['1', '2', '3', '4']",
        ),
    ),
    "op_compiler_cache_dir": (Option("s", "r1.2.0", default=""),),
    "op_compiler_cache_mode": (
        Option("s", "r1.2.0", default="", legal=("", "enable", "disable", "force")),
    ),
    "op_debug_config": (Option("s", "r1.9.0", default="", uses="path"),),
    "op_debug_level": (Option("i", legal=(0, 4)),),
    "op_execute_timeout": (Option("i", "r1.7.0", uses="seconds"),),
    "op_precision_mode": (Option("s", "r1.5.0", default="", uses="path"),),
    "op_select_implmode": (
        Option("s", "r1.1.1", "r1.3.0", "", _IMPLMODES, ABORT, _IMPLMODE % ", ".join(_IMPLMODES)),
        Option("s", "r1.5.0", "", "", _ALL_IMPLMODES, ABORT, _IMPLMODE % ", ".join(_ALL_IMPLMODES)),
    ),
    "op_tune_mode": (Option("s", "r1.3.0", "r1.3.0", ""),),
    "op_wait_timeout": (Option("i", "r1.7.0", uses="seconds"),),
    "optypelist_for_implmode": (Option("s", default=""),),
    "precision_mode": (
        Option("s", "r1.1.1", "r1.11.0", None, _PRECISION_MODES[:5]),
        Option("s", "r1.12.0", "", None, _PRECISION_MODES, INVALID, _LIST),
    ),
    "precision_mode_v2": (
        Option(
            "s",
            "r1.13.0",
            "",
            None,
            ("fp16", "origin", "cube_fp16in_fp32out", "mixed_float16", "mixed_bfloat16"),
            INVALID,
            _LIST,
        ),
    ),
    "profiling_mode": (Option("b", default=False),),
    "profiling_options": (Option("s"),),
    "resource_config_path": (Option("s", "r1.10.0", default=""),),
    "session_device_id": (
        Option(
            "i",
            "r1.3.0",
            "",
            -1,
            (0, None),
            ABORT,
            "session_device_id must be nonnegative integer.",
        ),
    ),
    "soc_config": (Option("s", "r1.8.0", default=""),),
    "static_memory_policy": (Option("i", "r1.9.0", default=0, legal=(0, 4)),),
    "stream_max_parallel_num": (Option("s", default=""),),
    "stream_sync_timeout": (Option("i", "r1.12.0", default=-1, uses="milliseconds"),),
    "task_index": (
        Option("i", "r1.1.1", "", 0, (0, None), ABORT, "task_index should be int and must >= 0"),
    ),
    "topo_sorting_mode": (Option("i", "r1.10.0", legal=(0, 3)),),
    "use_off_line": (Option("b", default=True),),
    "variable_format_optimize": (Option("b"),),
    "variable_memory_max_size": (Option("s", uses='bytes as a product: "5 * 1024 * 1024 * 1024"'),),
    "variable_placement": (
        Option(
            "s",
            "r1.12.0",
            "",
            "Device",
            ("Host", "Device"),
            ABORT,
            "variable placement should be one of the list:[Host, Device]",
        ),
    ),
    "work_path": (Option("s", "r1.2.0", default="./"),),
}

# Their values matter, and are checked, only while another option is true.
_ONLY_WITH = {
    "dump_mode": "enable_dump",
    "dump_debug_mode": "enable_dump_debug",
    "dynamic_graph_execute_mode": "dynamic_input",
}

# Keys of profiling_options and their documented values; None is any string.
_ON_OFF = ("on", "off")
_PROFILING: Dict[str, Optional[Tuple[str, ...]]] = {
    "output": None,
    "storage_limit": None,
    "training_trace": _ON_OFF,
    "task_trace": ("on", "off", "l0", "l1"),
    "task_time": ("on", "off", "l0", "l1"),
    "ge_api": ("off", "l0", "l1"),
    "hccl": _ON_OFF,
    "aicpu": _ON_OFF,
    "fp_point": None,
    "bp_point": None,
    "aic_metrics": (
        "ArithmeticUtilization",
        "PipeUtilization",
        "Memory",
        "MemoryL0",
        "MemoryUB",
        "ResourceConflictRatio",
        "L2Cache",
        "MemoryAccess",
        "PipelineExecuteUtilization",
    ),
    "l2": _ON_OFF,
    "msproftx": _ON_OFF,
    "runtime_api": _ON_OFF,
    "sys_hardware_mem_freq": None,
    "llc_profiling": None,
    "sys_io_sampling_freq": None,
    "sys_interconnection_freq": None,
    "dvpp_freq": None,
    "instr_profiling_freq": None,
    "host_sys": None,
    "host_sys_usage": None,
    "host_sys_usage_freq": None,
}

Entries = Sequence[Mapping[str, Setting]]
Values = Mapping[str, object]  # {key: value}, strings as str, None if not known


def release_order(adapter: str) -> Tuple[int, ...]:
    """Returns a key that sorts adapter releases such as "r1.15.0".

    Raises:
        ValueError: it is not written like that.
    """
    match = re.match(r"r(\d+)\.(\d+)\.(\d+)$", adapter)
    if match is None:
        raise ValueError("%r is not an adapter release such as r1.15.0" % adapter)
    return tuple(int(part) for part in match.groups())


def option_at(key: str, adapter: str) -> Optional[Option]:
    """Returns what an option is in an adapter release, None if the release does not know it."""
    place = release_order(adapter)
    for option in OPTIONS.get(key, ()):
        if release_order(option.since) <= place and (
            not option.last or place <= release_order(option.last)
        ):
            return option
    return None


def entries_of(config: Any) -> List[Dict[str, Setting]]:
    """Returns the NpuOptimizer entries of a tf.ConfigProto, in their order.

    Nothing is added to the proto, and TensorFlow is not imported.
    """
    optimizers = config.graph_options.rewrite_options.custom_optimizers
    found = []
    for optimizer in optimizers:
        if optimizer.name != "NpuOptimizer":
            continue
        entry = {}
        for key, value in optimizer.parameter_map.items():
            field = value.WhichOneof("value") or ""
            entry[key] = Setting(field, getattr(value, field) if field else None)
        found.append(entry)
    return found


def effective(entries: Entries, adapter: str) -> Dict[str, object]:
    """Returns the options as the adapter reads them: {key: value}, strings as str.

    Of several entries the later one wins, key by key; a value in a wrong field is the empty one;
    keys that the release does not know are left out; absent ones have their default, unless that
    is None. None is a value that is not known.
    """
    result: Dict[str, object] = {}
    for key in OPTIONS:
        option = option_at(key, adapter)
        if option is not None and option.default is not None:
            result[key] = option.default
    result.update(_given(entries, adapter))
    return result


def check_options(entries: Entries, adapter: str, paths: bool = True) -> List[Problem]:
    """Checks the options of one session.

    Args:
        entries: the NpuOptimizer entries of its configuration (entries_of).
        adapter: adapter release, such as "r1.15.0".
        paths: whether folders that options name must exist here and now.

    Returns:
        Problems, without repetition: those of single options in the order given, then those of
        combinations. The adapter stops at its first one that is not SILENT.
    """
    found: List[Problem] = []
    given = _given(entries, adapter)
    merged = effective(entries, adapter)
    for entry in entries:
        for key, setting in entry.items():
            found += _check_one(key, setting, adapter, merged)
    for rule in _RULES:
        found += rule(given, merged, adapter)
    if paths:
        found += _paths(given, merged, adapter)
    return list(dict.fromkeys(found))


def _given(entries: Entries, adapter: str) -> Dict[str, object]:
    """Returns the options that the entries name and the release knows, as it reads them."""
    result: Dict[str, object] = {}
    for entry in entries:
        for key, setting in entry.items():
            option = option_at(key, adapter)
            if option is not None:
                result[key] = _read(setting, option)
    return result


def _read(setting: Setting, option: Option) -> object:
    if setting.field != option.field:
        return {"b": False, "i": 0, "s": ""}[option.field]
    if isinstance(setting.value, bytes):
        return setting.value.decode("utf-8", "replace")
    return setting.value


def _check_one(key: str, setting: Setting, adapter: str, merged: Values) -> List[Problem]:
    option = option_at(key, adapter)
    if option is None:
        return [_unknown(key, adapter)]
    found = []
    value = _read(setting, option)
    if setting.field != option.field:
        found.append(_wrong_field(key, setting, option, value))
        if found[0].severity != SILENT:
            return found
    condition = _ONLY_WITH.get(key)
    if (condition is None or merged.get(condition)) and not _is_legal(value, option):
        if option.severity != SILENT:
            words = option.text.format(value=value, legal=list(option.legal))
            found.append(Problem(key, words, option.severity, _legal_advice(key, option)))
        elif not found:  # A value in the wrong field is not the user's.
            message = "%s=%s is not a documented value; the adapter passes it on unchecked" % (
                key,
                value,
            )
            found.append(Problem(key, message, SILENT, _legal_advice(key, option)))
    return found


def _unknown(key: str, adapter: str) -> Problem:
    if key not in OPTIONS:
        near = difflib.get_close_matches(key, OPTIONS, 1, 0.75)
        advice = "Did you mean %s?" % near[0] if near else "Remove it."
        message = "unknown option %s; the adapter ignores it without a word" % key
        return Problem(key, message, SILENT, advice)
    spans = ", ".join(
        "%s to %s" % (option.since, option.last) if option.last else "%s on" % option.since
        for option in OPTIONS[key]
    )
    message = "adapter %s does not know the option %s (known: %s) and ignores it" % (
        adapter,
        key,
        spans,
    )
    return Problem(key, message, SILENT, "Remove it, or train with a release that knows it.")


def _wrong_field(key: str, setting: Setting, option: Option, value: object) -> Problem:
    right = 'parameter_map["%s"].%s' % (key, option.field)
    advice = "Set %s, which takes %s." % (right, FIELDS[option.field])
    if key == "jit_compile" and option.field == "s":
        words = "The data type of jit_compile is invalid. Expected string type."
        return Problem(key, words, INVALID, advice)
    if not setting.field:
        message = "%s is there without a value; the adapter reads %r" % (key, value)
        return Problem(key, message, SILENT, advice + " Reading a key in Python adds it.")
    message = "%s is set as .%s, but the adapter reads .%s, which is %r" % (
        key,
        setting.field,
        option.field,
        value,
    )
    return Problem(key, message, SILENT, advice)


def _is_legal(value: object, option: Option) -> bool:
    if value is None or not option.legal:
        return True
    if option.field != "i":
        return value in option.legal
    if not isinstance(value, int):
        return True
    low, high = option.legal
    return (low is None or value >= low) and (high is None or value <= high)


def _legal_advice(key: str, option: Option) -> str:
    if option.field != "i":
        return "Legal: %s." % ", ".join(str(value) or '""' for value in option.legal)
    low, high = option.legal
    if high is None:
        return "%s must be at least %s." % (key, low)
    return "%s must be from %s to %s." % (key, low, high)


# Combinations. Each rule gets the options that are given, the same with defaults, and the release.
Rule = Callable[[Values, Values, str], List[Problem]]


def _precision(given: Values, merged: Values, adapter: str) -> List[Problem]:
    found = []
    if "precision_mode" in given and "precision_mode_v2" in given:
        words = "'precision_mode' and 'precision_mode_v2' can not be assigned at the same time."
        found.append(Problem("precision_mode", words, INTERNAL, "Keep one of the two."))
    if "modify_mixlist" not in given:
        return found

    mode, mode_v2 = given.get("precision_mode", ""), given.get("precision_mode_v2", "")
    start = "modify_mixlist is assigned, please ensure "
    if release_order(adapter) < release_order("r1.13.0"):
        wanted: Tuple[str, ...] = ("allow_mix_precision",)
        words = start + "that precision_mode is assigned to 'allow_mix_precision'."
    else:
        wanted = ("allow_mix_precision", "allow_mix_precision_fp16", "allow_mix_precision_bf16")
        modes = "'%s' or '%s' or '%s'(if available)" % wanted
        modes_v2 = "'mixed_float16' or 'mixed_bfloat16'(if available)"
        if mode:
            words = "%sthat precision_mode is assigned to %s." % (start, modes)
        elif mode_v2:
            words = "%sthat precision_mode_v2 is assigned to %s." % (start, modes_v2)
        else:
            words = (
                "%sprecision_mode only can be assigned to %s,"
                "precision_mode_v2 only can be assigned to %s." % (start, modes, modes_v2)
            )
    mixed = mode in (None, *wanted) or (
        "precision_mode" not in given and mode_v2 in (None, "mixed_float16", "mixed_bfloat16")
    )
    if not mixed:
        advice = "Switch mixed precision on, or remove modify_mixlist."
        found.append(Problem("modify_mixlist", words, INTERNAL, advice))
    return found


def _together(given: Values, merged: Values, adapter: str) -> List[Problem]:
    found = []
    shapes = [key for key in ("input_shape", "dynamic_dims", "dynamic_node_type") if key in given]
    if shapes and len(shapes) < 3:
        words = "input_shape, dynamic_dims and dynamic_node_type should use together."
        found.append(Problem(shapes[0], words, ABORT, "Give all three or none."))
    elif shapes:
        found += _styled(given, "input_shape", r"\w+:((\d+|-\d+),)+")
        found += _styled(given, "dynamic_dims", r"(\d+,)+")
        if merged["mix_compile_mode"]:
            words = "dynamic config can not use with mix compile."
            advice = "Remove input_shape, dynamic_dims and dynamic_node_type."
            found.append(Problem("input_shape", words, ABORT, advice))
    devices = given.get("local_device_list")
    if isinstance(devices, str) and not re.match(r"(\d+,)+$", devices + ","):
        words = "local_device_list style is invalid, example:'1,2,3'"
        found.append(Problem("local_device_list", words, ABORT, "Separate numbers by commas."))
    if "enable_compress_weight" in given and "compress_weight_conf" in given:
        words = "enable_compress_weight can not use with compress_weight_conf."
        found.append(Problem("enable_compress_weight", words, ABORT, "Keep one of the two."))
    if "optypelist_for_implmode" in given and "op_select_implmode" not in given:
        words = "when use optypelist_for_implmode, op_select_implmode must be set."
        found.append(Problem("optypelist_for_implmode", words, ABORT, "Set both, or neither."))
    if merged.get("in_out_pair") and merged["mix_compile_mode"] is False:
        words = "mix_compile_mode must be True when use in_out_pair."
        found.append(Problem("in_out_pair", words, INTERNAL, "Set mix_compile_mode to True."))
    return found


def _styled(given: Values, key: str, pattern: str) -> List[Problem]:
    value = given[key]
    advice = "Such as input_shape=data:-1,3;label:-1 with dynamic_dims=1,1;8,8."
    if value == "":
        return [Problem(key, "%s is empty." % key, ABORT, advice)]
    if isinstance(value, str) and not all(
        re.match(pattern + "$", item + ",") for item in value.split(";")
    ):
        return [Problem(key, "%s string style is invalid" % key, ABORT, advice)]
    return []


def _loops(given: Values, merged: Values, adapter: str) -> List[Problem]:
    found = []
    loops = merged["iterations_per_loop"]
    if isinstance(loops, int) and loops > 1:
        if merged["mix_compile_mode"]:
            words = '"iterations_per_loop" must be 1 with "mix_compile_mode" is True'
            advice = "Leave iterations_per_loop at 1 under mix_compile_mode."
            found.append(Problem("iterations_per_loop", words, SILENT, advice))
        lazy = merged.get("dynamic_graph_execute_mode") == "lazy_recompile"
        if merged.get("dynamic_input") and lazy:
            words = (
                "iterations_per_loop only support 1 in lazy_recompile mode. Current is:%d" % loops
            )
            advice = "Leave iterations_per_loop at 1, or let shapes be fixed."
            found.append(Problem("iterations_per_loop", words, INVALID, advice))
    return found


def _dump(given: Values, merged: Values, adapter: str) -> List[Problem]:
    found = []
    if (merged["enable_dump"] or merged["enable_dump_debug"]) and "dump_path" not in given:
        words = "if use dump function, dump_path must be set."
        advice = "Set dump_path to a folder that exists."
        found.append(Problem("dump_path", words, _since("r1.7.0", adapter), advice))
    if merged["enable_dump"] and merged["enable_dump_debug"]:
        message = (
            "enable_dump and enable_dump_debug must not both be on; the adapter does not check"
        )
        found.append(Problem("enable_dump", message, SILENT, "Keep one of the two."))
    steps = given.get("dump_step")
    if merged["enable_dump"] and isinstance(steps, str) and steps:
        words = _dump_step_words(steps.split("|"))
        if words:
            found.append(Problem("dump_step", words, INTERNAL, "Such as 0|5|10-20."))
    return found


def _dump_step_words(items: Sequence[str]) -> str:
    if len(items) > 100:
        return "dump_step only support dump <= 100 sets of data"
    for item in items:
        numbers = item.split("-")
        if len(numbers) > 2 or not all(re.match(r"\d+$", number) for number in numbers):
            return "dump_step string style is error, correct example:'0|5|10|50-100'"
        if len(numbers) == 2 and int(numbers[0]) >= int(numbers[1]):
            return "in range steps, the first step is >= second step, correct example:'0|5|10-20'"
    return ""


def _profiling(given: Values, merged: Values, adapter: str) -> List[Problem]:
    if not merged["profiling_mode"]:
        if "profiling_options" in given and merged["profiling_mode"] is False:
            message = "profiling_options without profiling_mode: nothing is profiled"
            advice = 'Set parameter_map["profiling_mode"].b to True.'
            return [Problem("profiling_options", message, SILENT, advice)]
        return []
    options = given.get("profiling_options", "")
    if not isinstance(options, str):
        return []
    place = release_order(adapter)
    if place == release_order("r1.1.1"):
        if set(options.split(":")) <= {"", "training_trace", "task_trace", "op_trace"}:
            return []
        words = "profiling options must be in 'training_trace', 'task_trace' or 'op_trace'"
        advice = "Such as training_trace:task_trace."
        return [Problem("profiling_options", words, ABORT, advice)]
    if "profiling_options" not in given and place < release_order("r1.8.0"):
        words = "profiling_options must be set when use profiling"
        advice = "Such as %s." % PROFILING_DEFAULT
        return [Problem("profiling_options", words, ABORT, advice)]
    return _check_profiling_json(options) if options else []


def _check_profiling_json(options: str) -> List[Problem]:
    found: List[Problem] = []

    def report(message: str, advice: str) -> None:
        found.append(Problem("profiling_options", "profiling_options " + message, SILENT, advice))

    try:
        content = json.loads(options)
    except ValueError as error:
        report(
            "is not JSON (%s); the adapter passes it on unread" % error,
            "Such as %s." % PROFILING_DEFAULT,
        )
        return found
    if not isinstance(content, dict):
        report("must be a JSON object", "Such as %s." % PROFILING_DEFAULT)
        return found
    for key, value in content.items():
        if key not in _PROFILING:
            near = difflib.get_close_matches(key, _PROFILING, 1, 0.75)
            report(
                "has an unknown key %s" % key,
                "Did you mean %s?" % near[0] if near else "Known: %s." % ", ".join(_PROFILING),
            )
        elif not isinstance(value, str):
            report("has %s=%s, which is no string" % (key, json.dumps(value)), "Quote the value.")
        else:
            legal = _PROFILING[key]
            if legal is not None and value not in legal:
                report(
                    "has %s=%s, which counts as off" % (key, value),
                    "Legal: %s." % ", ".join(legal),
                )
    if "output" not in content:
        report("has no output folder", "Add output, a folder that exists.")
    return found


def _tuning(given: Values, merged: Values, adapter: str) -> List[Problem]:
    if not given.get("mstune_mode"):
        return []
    found = []
    if "work_path" not in given:
        words = "work_path must be set when use mstune_mode."
        found.append(Problem("mstune_mode", words, ABORT, "Set work_path to a folder that exists."))
    if (
        given["mstune_mode"] in ("2", "3")
        and option_at("op_tune_mode", adapter)
        and "op_tune_mode" not in given
    ):
        words = "mstune_mode: op_tune_mode must be set when use optune."
        found.append(Problem("mstune_mode", words, ABORT, "Set op_tune_mode."))
    return found


_RULES: Tuple[Rule, ...] = (_precision, _together, _loops, _dump, _profiling, _tuning)


def _paths(given: Values, merged: Values, adapter: str) -> List[Problem]:
    """Checks the folders that the adapter checks, and that of profiling, which it does not."""
    found = []
    if (merged["enable_dump"] or merged["enable_dump_debug"]) and "dump_path" in given:
        found += _check_folder("dump_path", given["dump_path"], _since("r1.7.0", adapter))
    if merged.get("aoe_mode"):
        found += _check_folder("work_path", merged["work_path"], ABORT)
    options = given.get("profiling_options")
    if merged["profiling_mode"] and isinstance(options, str):
        try:
            output = json.loads(options)["output"]
        except (ValueError, KeyError, TypeError):
            return found
        for problem in _check_folder("profiling_options", output, SILENT):
            message = "profiling_options, output: %s" % problem.message
            found.append(problem._replace(message=message))
    return found


def _check_folder(key: str, path: object, severity: str) -> List[Problem]:
    if not isinstance(path, str):
        return []
    if not os.path.isdir(path):
        words, advice = "the path %s is not directory.", "Make the folder before training."
    elif not os.access(path, os.R_OK | os.W_OK):
        words = "the path %s does't have read, write permissions."
        advice = "Give this user the rights to read and write it."
    else:
        return []
    return [Problem(key, words % path, severity, advice)]


def _since(first: str, adapter: str) -> str:
    """Returns INTERNAL from an adapter release on, ABORT before: r1.7.0 turned aborts to errors."""
    return INTERNAL if release_order(adapter) >= release_order(first) else ABORT
