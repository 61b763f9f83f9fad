"""What the real device refuses: an event in the trace, and the end that it comes to there."""

import os
import sys

from . import options, trace

_SHOWN = 10  # operators that a message names


def refuse_options(problems, place):
    """Ends the first run of a session whose options are wrong, as the adapter does.

    What the adapter ignores without a word ends it as well: an option that does nothing is a
    mistake, and nobody would see it.

    Args:
        problems: of check_options.
        place: where the session was made.

    Raises:
        tf.errors.InternalError, tf.errors.InvalidArgumentError: as the adapter does.
    """
    if not problems:
        return
    from tensorflow.python.framework import errors

    for problem in problems:
        _report("option", problem.message, place, problem.advice)
    # The adapter stops at the first one that it sees.
    seen = [problem for problem in problems if problem.severity != options.SILENT]
    first = (seen or problems)[0]
    text = "%s %s (NpuOptimizer option %s of the session made at %s)" % (
        first.message,
        first.advice,
        first.key,
        place,
    )
    if first.severity == options.ABORT:
        _abort(text)
    if first.severity == options.INTERNAL:
        raise errors.InternalError(None, None, text)
    raise errors.InvalidArgumentError(None, None, text)


def refuse_device(chosen, place):
    """Ends the process where the environment names no device, as the adapter does.

    Args:
        chosen: option session_device_id, which comes before the environment; None or negative
            where it is not set.
        place: where the session was made.

    Source: adapter, ge_plugin.cc.
    """
    names = ("ASCEND_DEVICE_ID", "DEVICE_ID") if chosen is None or chosen < 0 else ()
    name = next((name for name in names if os.environ.get(name)), None)
    if name is None:
        return
    try:
        number = int(os.environ[name])
    except ValueError:
        message = "%s is invalid, should be int, such as 0, 1, 2." % name
    else:
        message = "%s should be >= 0." % name if number < 0 else ""
    if message:
        advice = "It is %r. Set it to the number of a device, or unset it." % os.environ[name]
        _report("device", message, place, advice)
        _abort("%s %s" % (message, advice))


def refuse_graph(unsinkable, place):
    """Ends the run of a graph that does not compile for the device.

    Args:
        unsinkable: operators, as in a `graph` event.
        place: where the session was made.

    Raises:
        tf.errors.InternalError: there are such operators.
    """
    if not unsinkable:
        return
    from tensorflow.python.framework import errors

    lines = ["%(name)s (%(type)s, %(why)s) %(place)s" % op for op in unsinkable[:_SHOWN]]
    if len(unsinkable) > _SHOWN:
        lines.append("and %d more" % (len(unsinkable) - _SHOWN))
    message = "%d operators of the graph cannot run on the NPU:\n  %s" % (
        len(unsinkable),
        "\n  ".join(lines),
    )
    advice = (
        "Let the session made at %s compile in mixed mode, so that they stay on the host "
        '(parameter_map["mix_compile_mode"].b = True; for a port NPU_MIX_COMPILE=1 does it, and '
        "mix_compile_mode = true under [settings] in its recipe), or do "
        "what they do in a tf.data pipeline or in Python%s."
        % (place, ", or in float32" if any(op["why"] == "float64" for op in unsinkable) else "")
    )
    _report("host-operator", message, place, advice)
    raise errors.InternalError(None, None, "%s\n%s" % (message, advice))


def report_missing_adapter(place):
    """Reports a session that asks for the NPU in a process that never loads the adapter."""
    _report(
        "adapter-not-loaded",
        "The session asks for the NPU, but nothing has imported npu_bridge: it trains on the CPU, "
        "and TensorFlow says nothing.",
        place,
        "Import npu_bridge before the first run.",
    )


def _report(code, message, place, advice):
    trace.emit("problem", code=code, message=message, place=place, severity="error", advice=advice)


def _abort(text):
    """Ends the process as LOG(FATAL) does: no exception, no handlers at the exit."""
    sys.stdout.flush()
    sys.stderr.write("F npu_simulator: %s\nThe adapter aborts the process here.\n" % text)
    sys.stderr.flush()
    trace.emit("end", ok=False)
    os._exit(134)  # What a shell reports for SIGABRT.
