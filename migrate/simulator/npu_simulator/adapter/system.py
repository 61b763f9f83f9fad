"""Whether the NPU is initialised in this process."""

from npu_simulator import places, settings, trace

_initialized = False


def initialize():
    """Notes that initialize_system ran, or that NPU sessions have begun."""
    global _initialized
    _initialized = True


def shut_down():
    """Notes that shutdown_system ran."""
    global _initialized
    _initialized = False


def expect_initialized(caller):
    """Reports a rank function that is called too early.

    On a single device the answer is right even so. On several, the real function fails.
    """
    if not _initialized:
        trace.emit(
            "problem",
            code="not-initialized",
            message="%s is called before HCCL is initialized" % caller,
            place=places.here(),
            severity="error" if settings.read().rank_size > 1 else "warning",
            advice="Run npu_ops.initialize_system() in a session first (init_resource does).",
        )
