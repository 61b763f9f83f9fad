"""Starts the simulator in every Python process that has this folder first on its PYTHONPATH.

Python imports this module by itself as it starts. So the simulator works for code that knows
nothing of it, through shell scripts, and in the processes that a program starts. It waits for
TensorFlow to be imported: other processes pay a few milliseconds and leave no trace.
"""

import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _next_sitecustomize():
    """Runs the sitecustomize that this one stands in front of, if there is one."""
    others = [path for path in sys.path if os.path.abspath(path) != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _start():
    if not any(os.environ.get("NPU_SIMULATOR_" + name) for name in ("FP16", "SEED", "TRACE")):
        return
    from npu_simulator import half, numerics, recorder, seeds, settings

    try:
        chosen = settings.read()
    except ValueError as error:
        # Python would print an exception from here and go on, without the simulator.
        sys.stderr.write("npu_simulator: %s\n" % error)
        os._exit(2)
    if chosen.seed is not None:
        seeds.install(chosen.seed)
    if chosen.fp16:
        half.install(chosen.adapter)
    if chosen.numerics:
        numerics.install()  # Before the recorder, which is not to see what this fetches.
    if chosen.trace is not None:
        recorder.install(chosen)


_start()
_next_sitecustomize()
