"""The environment variables that a person steers a port by, in one table.

What platforms say of a machine (ModelArts' `MA_*`, Volcano's `VC_*`, the adapter's `CM_*`) is read
where it is used.

A variable that is empty counts as unset, as in a shell's ${NAME:-default}. A value that is not
legal raises SettingError, which names the variable and the legal values.
"""

import collections
import os

# legal: the legal values, or _FILE or _COUNT; empty for any. since: the first adapter release that
# has what it sets.
Variable = collections.namedtuple("Variable", "name default legal since meaning")


class SettingError(SystemExit, ValueError):
    """What the environment says is wrong.

    A person set it, and not the code: where nobody catches this, Python ends with code 1 and shows
    the text without a traceback.
    """


_ON_OFF = ("0", "1")
_FILE = "file"  # legal: a file that exists
_COUNT = "count"  # legal: a whole number, 0 or more

VARIABLES = (
    Variable(
        "NPU_DEVICE",
        "npu",
        ("npu", "host"),
        "r1.1.1",
        "npu: train on the NPU, and stop if there is no adapter; host: train on CPU or GPU on"
        " purpose, with the configuration as upstream wrote it",
    ),
    Variable(
        "NPU_MIX_COMPILE",
        "",
        _ON_OFF,
        "r1.1.1",
        "1: what the NPU cannot run stays on the host; unset: where the port asks for it",
    ),
    Variable(
        "NPU_PRECISION_MODE",
        "",
        (),
        "r1.1.1",
        "a precision_mode (or precision_mode_v2) of the CANN release, or none: say nothing, so"
        " that the release's own default holds; unset: what was fixed when the port was made",
    ),
    Variable(
        "NPU_LOSS_SCALE",
        "auto",
        (),
        "r1.1.1",
        "auto: scale the loss dynamically where the precision mode computes gradients in fp16;"
        " dynamic: always; a number: scale by it; off: never",
    ),
    Variable(
        "NPU_MODIFY_MIXLIST",
        "",
        _FILE,
        "r1.5.0",
        "JSON file that moves operators between the lists of mixed precision",
    ),
    Variable(
        "NPU_OP_PRECISION_MODE",
        "",
        _FILE,
        "r1.5.0",
        "ini file: the precision of single operators",
    ),
    Variable(
        "NPU_OP_SELECT_IMPLMODE",
        "",
        (
            "high_precision",
            "high_performance",
            "high_precision_for_all",
            "high_performance_for_all",
        ),
        "r1.1.1",
        "which implementation of an operator is taken (the two _for_all since r1.5.0)",
    ),
    Variable(
        "NPU_FUSION_SWITCH_FILE",
        "",
        _FILE,
        "r1.2.0",
        "JSON file that switches fusion passes off",
    ),
    Variable(
        "NPU_CUSTOMIZE_DTYPES",
        "",
        _FILE,
        "r1.9.0",
        "file: the data types of single operators",
    ),
    Variable("NPU_PROFILING", "0", _ON_OFF, "r1.1.1", "1: collect profiling data"),
    Variable(
        "NPU_PROFILING_OUTPUT",
        "profiling",
        (),
        "r1.1.1",
        "folder of the profiling data, made if it is missing; a relative one is below"
        " NPU_OUTPUT_DIR where that is set",
    ),
    Variable(
        "NPU_PROFILING_AIC_METRICS",
        "PipeUtilization",
        (
            "ArithmeticUtilization",
            "PipeUtilization",
            "Memory",
            "MemoryL0",
            "MemoryUB",
            "ResourceConflictRatio",
        ),
        "r1.2.0",
        "what is measured of the AI cores",
    ),
    Variable("NPU_PROFILING_AICPU", "1", _ON_OFF, "r1.2.0", "1: profile operators on the AI CPU"),
    Variable("NPU_PROFILING_HCCL", "1", _ON_OFF, "r1.2.0", "1: profile collective operators"),
    Variable("NPU_PROFILING_FP_POINT", "", (), "r1.1.1", "first operator of the forward pass"),
    Variable("NPU_PROFILING_BP_POINT", "", (), "r1.1.1", "last operator of the backward pass"),
    Variable(
        "NPU_DUMP",
        "",
        ("input", "output", "all"),
        "r1.1.1",
        "dump these tensors of every operator; not together with NPU_OVERFLOW_DUMP",
    ),
    Variable(
        "NPU_OVERFLOW_DUMP",
        "",
        ("aicore_overflow", "atomic_overflow", "all"),
        "r1.1.1",
        "dump operators in which a number overflows",
    ),
    Variable(
        "NPU_DUMP_PATH",
        "dump",
        (),
        "r1.1.1",
        "folder of the dumps, as NPU_PROFILING_OUTPUT",
    ),
    Variable("NPU_DUMP_STEP", "", (), "r1.1.1", "steps to dump, such as 0|5|10-20; unset: all"),
    Variable(
        "NPU_STEP_LOG",
        "",
        (),
        "r1.1.1",
        "file to which the time of the training steps goes as JSON lines; a relative one is below"
        " NPU_OUTPUT_DIR where that is set; unset: steps are not timed",
    ),
    Variable("NPU_STEP_LOG_EVERY", "100", _COUNT, "r1.1.1", "steps between two lines of it"),
    Variable("NPU_STEP_WARM_UP", "10", _COUNT, "r1.1.1", "first steps that are not timed"),
    Variable(
        "NPU_BATCH_SIZE",
        "",
        _COUNT,
        "r1.1.1",
        "examples in a step, for examples per second; unset: what is fed or dequeued",
    ),
    Variable("NPU_DATA_DIR", "", (), "r1.1.1", "folder below which relative data paths are"),
    Variable("NPU_OUTPUT_DIR", "", (), "r1.1.1", "folder below which relative output paths are"),
    Variable(
        "OBS_ENDPOINT",
        "",
        (),
        "r1.1.1",
        "where the OBS SDK finds OBS, such as https://obs.cn-north-4.myhuaweicloud.com; moxing"
        " needs none",
    ),
    Variable(
        "OBS_ACCESS_KEY_ID",
        "",
        (),
        "r1.1.1",
        "access key for the OBS SDK; unset: the SDK asks the machine's own provider",
    ),
    Variable(
        "OBS_SECRET_ACCESS_KEY",
        "",
        (),
        "r1.1.1",
        "the secret of that access key; never printed, and written nowhere",
    ),
    Variable(
        "OBS_SECURITY_TOKEN",
        "",
        (),
        "r1.1.1",
        "token of a temporary access key; never printed, and written nowhere",
    ),
    Variable("NPU_OBS_CA_FILE", "", _FILE, "r1.1.1", "certificates to trust for OBS"),
    Variable(
        "NPU_OBS_PATH_STYLE",
        "0",
        _ON_OFF,
        "r1.1.1",
        "1: the bucket stands in the URL's path, for S3 servers that are not OBS",
    ),
    Variable(
        "RANK_SIZE",
        "1",
        (),
        "r1.1.1",
        "how many processes train together, one for each device",
    ),
    Variable(
        "RANK_ID",
        "",
        (),
        "r1.1.1",
        "number of this process among them, from 0; where the rank table has pods, a pod's name"
        " will do",
    ),
    Variable(
        "RANK_TABLE_FILE",
        "",
        (),
        "r1.1.1",
        "rank table, which says which device each rank has, or ModelArts' folder that holds"
        " jobstart_hccl.json; needed where RANK_SIZE is more than 1",
    ),
    Variable(
        "NPU_SERVER",
        "",
        (),
        "r1.1.1",
        "server_id of this server in a rank table with several; unset: found by its addresses and"
        " by what ModelArts says",
    ),
    Variable(
        "JOB_ID",
        "",
        (),
        "r1.1.1",
        "name of the job, the same for all ranks; needed where RANK_SIZE is more than 1",
    ),
    Variable("CM_CHIEF_IP", "", (), "r1.1.1", "without a rank table: address of the first server"),
    Variable("CM_CHIEF_PORT", "", (), "r1.1.1", "without a rank table: a free port of it"),
    Variable("CM_CHIEF_DEVICE", "", (), "r1.1.1", "without a rank table: the device of rank 0"),
    Variable("CM_WORKER_SIZE", "", (), "r1.1.1", "without a rank table: as RANK_SIZE"),
    Variable(
        "ASCEND_DEVICE_ID",
        "",
        (),
        "r1.1.1",
        "number of the device to train on; that of the rank table where there is one",
    ),
    Variable(
        "DEVICE_ID",
        "",
        (),
        "r1.1.1",
        "the same, which counts where ASCEND_DEVICE_ID is unset",
    ),
)
_BY_NAME = {variable.name: variable for variable in VARIABLES}


def value(name):
    """The value of a variable, or its default.

    Args:
        name: one of VARIABLES.

    Raises:
        SettingError: the value is not legal.
    """
    variable = _BY_NAME[name]
    given = os.environ.get(name) or variable.default
    if variable.legal == _FILE:
        if given and not os.path.isfile(given):
            raise SettingError("%s=%s: there is no such file" % (name, given))
    elif variable.legal == _COUNT:
        if given and not given.isdecimal():
            raise SettingError("%s=%s is not a whole number" % (name, given))
    elif variable.legal and given and given not in variable.legal:
        raise SettingError(
            "%s=%s is not legal; leave it unset or use one of: %s"
            % (name, given, ", ".join(variable.legal))
        )
    return given


def number(name):
    """The value of a variable that counts something; None where it has none."""
    given = value(name)
    return int(given) if given else None


def is_set(name):
    """Whether a variable was given, rather than left to its default."""
    return bool(os.environ.get(name))


def on_host():
    """Whether to train on CPU or GPU on purpose."""
    return value("NPU_DEVICE") == "host"


def mix_compile(requested):
    """Whether a session compiles in mixed mode: the variable, else what the port requests."""
    return (value("NPU_MIX_COMPILE") or ("1" if requested else "0")) == "1"
