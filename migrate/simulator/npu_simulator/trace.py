"""Writes the trace of a process: one JSON object a line, in <rank>-<pid>.jsonl.

The file appears with the first event: a process that does nothing of interest leaves none. A
line reaches the system with one write as the event happens, so a killed process loses nothing.
"""

import atexit
import json
import math
import os
import sys
import threading
import time

from . import settings

_START = time.perf_counter()
_encode = json.JSONEncoder(allow_nan=False, default=str).encode


class Trace:
    """The trace of one process; a process that it forks gets a file of its own.

    Args:
        chosen: settings of this process.
    """

    def __init__(self, chosen):
        self._chosen = chosen
        self._pid = None
        self._file = None

    def write(self, event, **fields):
        """Appends one event. Where that fails, the program goes on without a trace."""
        self.begin()
        self._append(event, fields)

    def begin(self):
        """Opens the file and writes the first event, unless this process has done so."""
        if self._pid != os.getpid():
            with _lock:
                if self._pid != os.getpid():
                    self._open()
                    self._pid = os.getpid()

    def _open(self):
        name = "%d-%d.jsonl" % (self._chosen.rank, os.getpid())
        try:
            os.makedirs(self._chosen.trace, exist_ok=True)
            path = os.path.join(self._chosen.trace, name)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            self._give_up(error)
            return
        self._append("start", _start_fields(self._chosen))

    def _append(self, event, fields):
        if self._file is None:
            return
        line = {"event": event, "time": round(time.perf_counter() - _START, 6)}
        line.update(fields)
        data = (_encode(line) + "\n").encode()
        try:
            os.write(self._file, data)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error):
        self._file = None
        sys.stderr.write("npu_simulator: the trace ends here: %s\n" % error)


def _start_fields(chosen):
    tensorflow = sys.modules.get("tensorflow.python.framework.versions")
    return {
        "pid": os.getpid(),
        "rank": chosen.rank,
        "rank_size": chosen.rank_size,
        "argv": list(getattr(sys, "argv", ())),
        "cwd": os.getcwd(),
        "cann": chosen.cann,
        "adapter": chosen.adapter,
        "python": "%d.%d.%d" % sys.version_info[:3],
        "tensorflow": getattr(tensorflow, "VERSION", None),
    }


_trace = None
_lock = threading.RLock()


def begin():
    """Writes the first event, unless it is written."""
    global _trace
    if _trace is None:
        with _lock:
            chosen = settings.read()
            if _trace is None and chosen.trace is not None:
                made = Trace(chosen)
                made.begin()
                _watch_the_end()
                _trace = made


def emit(event, **fields):
    """Writes an event to the trace of this process, if there is to be one (NPU_SIMULATOR_TRACE).

    Args:
        event: its kind; the contract between simulator and kit lists them.
        fields: what JSON can hold; numbers through `number`.
    """
    begin()
    if _trace is not None:
        _trace.write(event, **fields)


def number(value):
    """Returns a number as JSON can hold it: NaN and the infinities as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value


def _watch_the_end():
    """Writes the last event at the exit: whether the process ended well.

    A process that was killed has no such event.
    """
    outcome = {"ok": True}
    hook, leave = sys.excepthook, sys.exit

    def excepthook(kind, error, traceback):
        outcome["ok"] = False
        hook(kind, error, traceback)

    def exit(status=None):
        outcome["ok"] = status in (None, 0)
        leave(status)

    sys.excepthook = excepthook
    sys.exit = exit
    atexit.register(lambda: emit("end", **outcome))
