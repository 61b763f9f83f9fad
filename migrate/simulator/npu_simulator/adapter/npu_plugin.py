"""The NPU without a session.

Source: adapter, npu_bridge/estimator/npu/npu_plugin.py.
"""

from npu_simulator.adapter import system, util

_SATURATE, _INF_NAN = 0, 1
_mode = _SATURATE  # That of Ascend 910.


def npu_resource_init(
    graph_run_mode=1,
    op_debug_level=0,
    enable_profiling=False,
    profiling_options=None,
    enable_exception_dump=2,
    aoe_mode=None,
    work_path=None,
    hcom_multi_mode=False,
    **others,
):
    """Initialises the NPU.

    Raises:
        TypeError, ValueError: with the adapter's own words.
    """
    util.check_nonnegative_integer(graph_run_mode, "graph_run_mode")
    check_graph_run_mode(graph_run_mode)
    util.check_nonnegative_integer(enable_exception_dump, "enable_exception_dump")
    util.check_nonnegative_integer(op_debug_level, "op_debug_level")
    util.check_bool_type(enable_profiling, "enable_profiling")
    if enable_profiling and profiling_options is None:
        raise ValueError("profiling_options must be set when use profiling")
    if aoe_mode is not None:
        util.check_aoe_mode(aoe_mode)
        util.check_path(work_path or "./")
    util.check_bool_type(hcom_multi_mode, "hcom_multi_mode")
    system.initialize()


def npu_resource_shutdown():
    """Shuts the NPU down."""
    system.shut_down()


def npu_global_init(graph_run_mode=1, enable_profiling=False, enable_options=(), **others):
    """Initialises the NPU."""
    util.check_nonnegative_integer(graph_run_mode, "graph_run_mode")
    check_graph_run_mode(graph_run_mode)
    util.check_bool_type(enable_profiling, "enable_profiling")
    if enable_profiling:
        util.check_profiling_options(enable_options)
    system.initialize()


def npu_global_shutdown():
    """Shuts the NPU down."""
    system.shut_down()


def npu_close():
    """Closes the NPU; the adapter does so at the exit."""


def check_graph_run_mode(graph_run_mode):
    """Raises ValueError for a mode above 1."""
    if graph_run_mode > 1:
        raise ValueError('"graph_run_mode" value must be 0 or 1')


def set_device_sat_mode(mode):
    """Sets what an overflow gives: 0 the largest number, 1 inf."""
    global _mode
    _mode = mode


def is_inf_nan_enabled():
    """Returns whether an overflow gives inf."""
    return _mode == _INF_NAN
