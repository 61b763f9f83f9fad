"""Runs small programs under the simulator, as a shell would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SIMULATOR = Path(__file__).parents[2] / "migrate" / "simulator"
# A session on the NPU, made by hand: no helper of the adapter, so that none is tested here.
NPU = """
import npu_bridge
import numpy as np
import tensorflow as tf
tf.compat.v1.logging.set_verbosity("ERROR")

def npu(**options):
    config = tf.ConfigProto()
    added = config.graph_options.rewrite_options.custom_optimizers.add(name="NpuOptimizer")
    for key, value in options.items():
        field = {bool: "b", int: "i", bytes: "s"}[type(value)]
        setattr(added.parameter_map[key], field, value)
    return config
"""


class Event(NamedTuple):
    """An event of a trace: its kind and fields."""

    kind: str
    fields: dict[str, Any]

    def __getitem__(self, name: Any) -> Any:
        return self.fields[name]


class Run(NamedTuple):
    """What came of a program."""

    code: int
    out: str
    error: str
    traces: tuple[list[Event], ...]

    def events(self, kind: str) -> list[Event]:
        return [event for trace in self.traces for event in trace if event.kind == kind]

    def scalars(self) -> list[dict[str, float]]:
        return [run["scalars"] for run in self.events("run") if run["scalars"]]


def simulate(
    script: str, folder: Path, *, python: str | Path = sys.executable, **settings: str
) -> Run:
    """Runs a script in ``folder`` under the simulator.

    Args:
        script: Python source; its indentation is removed.
        settings: environment variables. PYTHONPATH is put behind the simulator's folder.
    """
    (folder / "program.py").write_text(textwrap.dedent(script))
    trace = folder / "trace"
    path = os.pathsep.join(filter(None, [str(SIMULATOR), settings.pop("PYTHONPATH", "")]))
    environment = {
        "PATH": os.environ["PATH"],
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "NPU_SIMULATOR_TRACE": str(trace),
        **settings,
        "PYTHONPATH": path,
    }
    done = subprocess.run(
        [python, "-W", "ignore", "program.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return Run(done.returncode, done.stdout, done.stderr, tuple(read(trace)))


def read(trace: Path) -> Iterator[list[Event]]:
    """Reads the traces of all processes."""
    for path in sorted(trace.glob("*.jsonl")):
        events = []
        for line in path.read_text().splitlines():
            fields = json.loads(line)
            events.append(Event(fields.pop("event"), fields))
        yield events
