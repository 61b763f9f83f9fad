"""Where in the user's code something happened, as file:line."""

import os
import sys
import sysconfig
import tempfile

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# TensorFlow, Keras and the standard library (contextlib, threading) call each other on the way.
_FOREIGN = tuple(
    {
        os.path.join(sysconfig.get_path(name), "")
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    | {os.path.join(_HERE, ""), "<"}
)
# Where AutoGraph writes what it makes of the functions of a dataset.
_GENERATED = os.path.join(tempfile.gettempdir(), "tmp")
_RUNTIME = os.sep + "npu_runtime" + os.sep


def here():
    """Returns the place of the innermost frame in the user's own code, "" if there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        if _is_own(frame.f_code.co_filename):
            return _place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return ""


def of_operator(op):
    """Returns the place where the user's own code made an operator, "" if it did not."""
    for frame in reversed(op._traceback or ()):
        if _is_own(frame.filename):
            return _place(frame.filename, frame.lineno)
    return ""


def callers():
    """Returns (file, function) of the frames outside, innermost first."""
    frame = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_code.co_name
        frame = frame.f_back


def _is_own(path):
    if path.startswith(_GENERATED) and os.sep not in path[len(_GENERATED) :]:
        return False
    return not path.startswith(_FOREIGN) and _RUNTIME not in path


def _place(path, line):
    path = os.path.abspath(path)
    for folder in (os.getcwd(), sys.path[0]):
        root = os.path.join(os.path.abspath(folder), "")
        if path.startswith(root):
            path = path[len(root) :]
            break
    return "%s:%d" % (path, line)
