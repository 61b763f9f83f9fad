"""Options of a device session that the environment chooses: precision, profiling, dumps.

Each is legal for the adapter release that the port was made for, or a SettingError says what to do.

Source: tf_adapter/util/npu_attrs.cc of adapter releases r1.1.1 to r1.15.0; CANN, TensorFlow 1.15
Model Porting, "Session Configuration", "Mixed Precision" and "Profiling".
"""

import json
import os

from . import defaults, places, settings

_MODES = (
    "allow_fp32_to_fp16",
    "force_fp16",
    "force_fp32",
    "must_keep_origin_dtype",
    "allow_mix_precision",
)
_LATER_MODES = (
    "cube_fp16in_fp32out",
    "allow_mix_precision_fp16",
    "allow_mix_precision_bf16",
    "allow_fp32_to_bf16",
)
_V2_MODES = ("fp16", "origin", "mixed_float16", "mixed_bfloat16")
FP16_GRADIENTS = frozenset(
    {"allow_mix_precision", "allow_mix_precision_fp16", "mixed_float16", "force_fp16", "fp16"}
)
_MIXED = frozenset(
    {
        "allow_mix_precision",
        "allow_mix_precision_fp16",
        "allow_mix_precision_bf16",
        "mixed_float16",
        "mixed_bfloat16",
    }
)
# Variable and the option that it becomes, word for word.
_PASSED_ON = (
    ("NPU_MODIFY_MIXLIST", "modify_mixlist"),
    ("NPU_OP_PRECISION_MODE", "op_precision_mode"),
    ("NPU_OP_SELECT_IMPLMODE", "op_select_implmode"),
    ("NPU_FUSION_SWITCH_FILE", "fusion_switch_file"),
    ("NPU_CUSTOMIZE_DTYPES", "customize_dtypes"),
)


def precision_modes(release):
    """The legal precision modes of an adapter release, such as "r1.15.0".

    The adapter checks them since r1.12.0; before, it passed on what it was given.
    """
    modes = _MODES
    if _has(release, "r1.12.0"):
        modes += _LATER_MODES
    if _has(release, "r1.13.0"):
        modes += _V2_MODES
    return modes


def precision_mode():
    """The precision mode that was chosen, or None: the release's own default.

    Raises:
        SettingError: the release does not have that mode.
    """
    mode = settings.value("NPU_PRECISION_MODE") or defaults.PRECISION_MODE
    if mode == "none":
        return None
    legal = precision_modes(defaults.ADAPTER_RELEASE)
    if mode not in legal:
        raise settings.SettingError(
            "NPU_PRECISION_MODE=%s is not legal for CANN %s; use none or one of: %s"
            % (mode, defaults.CANN_RELEASE, ", ".join(legal))
        )
    return mode


def loss_scale():
    """How the loss is scaled: None, "dynamic", or a number by which it is multiplied.

    On Atlas training processors what overflows in fp16 saturates, so gradients in fp16 need it
    (CANN, "Mixed Precision", "Loss Scaling").

    Raises:
        SettingError: NPU_LOSS_SCALE is neither a word that it knows nor a number of at least 1.
    """
    wanted = settings.value("NPU_LOSS_SCALE")
    if wanted == "off" or (wanted == "auto" and precision_mode() not in FP16_GRADIENTS):
        return None
    if wanted in ("auto", "dynamic"):
        return "dynamic"
    try:
        factor = float(wanted)
    except ValueError:
        factor = 0.0
    if not 1.0 <= factor < float("inf"):
        raise settings.SettingError(
            "NPU_LOSS_SCALE=%s is not legal; use auto, dynamic, off or a number of at least 1"
            % wanted
        )
    return factor


def session_options():
    """The NpuOptimizer options that the environment asks for.

    Returns:
        Dict from key to bool, int or str, each in the field that the adapter reads. The folders
        that they name are made.

    Raises:
        SettingError: a variable is not legal, or the release does not have what it asks for.
        OSError: a folder cannot be made.
    """
    chosen = {}
    mode = precision_mode()
    if mode is not None:
        chosen["precision_mode_v2" if mode in _V2_MODES else "precision_mode"] = mode
    for name, key in _PASSED_ON:
        given = settings.value(name)
        if given:
            _needs(name, "r1.5.0" if given.endswith("_for_all") else _since(name))
            chosen[key] = given if key == "op_select_implmode" else os.path.abspath(given)
    if "modify_mixlist" in chosen and mode not in _MIXED:
        raise settings.SettingError(
            "NPU_MODIFY_MIXLIST needs mixed precision: set NPU_PRECISION_MODE=allow_mix_precision"
        )
    if settings.value("NPU_PROFILING") == "1":
        chosen.update(_profiling())
    chosen.update(_dump())
    return chosen


def _profiling():
    # No release up to 7.0 takes a range of steps; dumps do, see NPU_DUMP_STEP.
    output = _folder("NPU_PROFILING_OUTPUT")
    forward = settings.value("NPU_PROFILING_FP_POINT")
    backward = settings.value("NPU_PROFILING_BP_POINT")
    if not _has(defaults.ADAPTER_RELEASE, "r1.2.0"):
        # r1.1.1 has a list of words, and the two points as options of their own.
        chosen = {"profiling_mode": True, "profiling_options": "training_trace:task_trace"}
        points = {"fp_point": forward, "bp_point": backward}
        return dict(chosen, **{key: name for key, name in points.items() if name})
    switches = {
        "output": output,
        "training_trace": "on",
        "task_trace": "on",
        "aicpu": _on_off("NPU_PROFILING_AICPU"),
        "hccl": _on_off("NPU_PROFILING_HCCL"),
        "aic_metrics": settings.value("NPU_PROFILING_AIC_METRICS"),
        "fp_point": forward,
        "bp_point": backward,
    }
    return {"profiling_mode": True, "profiling_options": json.dumps(switches)}


def _dump():
    mode = settings.value("NPU_DUMP")
    overflow = settings.value("NPU_OVERFLOW_DUMP")
    if mode and overflow:
        raise settings.SettingError(
            "NPU_DUMP and NPU_OVERFLOW_DUMP exclude each other (CANN, tfadapi): unset one"
        )
    if not mode and not overflow:
        return {}
    chosen = {"dump_path": _folder("NPU_DUMP_PATH")}
    if overflow:
        return dict(chosen, enable_dump_debug=True, dump_debug_mode=overflow)
    chosen.update(enable_dump=True, dump_mode=mode)
    step = settings.value("NPU_DUMP_STEP")
    return dict(chosen, dump_step=step) if step else chosen


def _folder(name):
    """An absolute folder, since the device's processes run elsewhere."""
    folder = os.path.abspath(places.output_path(settings.value(name)))
    os.makedirs(folder, exist_ok=True)
    return folder


def _on_off(name):
    return "on" if settings.value(name) == "1" else "off"


def _since(name):
    return next(variable.since for variable in settings.VARIABLES if variable.name == name)


def _needs(name, since):
    if not _has(defaults.ADAPTER_RELEASE, since):
        raise settings.SettingError(
            "%s: CANN %s (adapter %s) does not have this; it came with adapter %s"
            % (name, defaults.CANN_RELEASE, defaults.ADAPTER_RELEASE, since)
        )


def _has(release, since):
    return _number(release) >= _number(since)


def _number(release):
    return tuple(int(part) for part in release[1:].split("."))
