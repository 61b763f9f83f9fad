"""Runs small programs under the simulator, as a shell would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from migrate.simulator.npu_simulator.hub import Hub
from tests.tf115 import required_tf115

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


def on_ranks(
    words: Sequence[str],
    folder: Path,
    ranks: int,
    *,
    paths: Sequence[Path] = (),
    stall_seconds: float = 20,
    **settings: str,
) -> list[subprocess.CompletedProcess[str]]:
    """Runs a program on several simulated devices, all in one folder; one that hangs is stopped.

    Args:
        words: a script and its arguments.
        ranks: how many; one gets none of the variables that say which rank it is.
        paths: what is on PYTHONPATH, behind the simulator.
        stall_seconds: how long ranks may wait for each other.
        settings: environment variables.
    """
    python = str(required_tf115().python)
    table = folder / "table.json"
    table.write_text(json.dumps(rank_table(ranks)))
    with Hub(ranks, stall_seconds=stall_seconds) as hub:
        processes = []
        for rank in range(ranks):
            place = {
                "NPU_SIMULATOR_HUB": hub.address,
                "RANK_ID": str(rank),
                "RANK_SIZE": str(ranks),
                "RANK_TABLE_FILE": str(table),
                "ASCEND_DEVICE_ID": str(rank),
                "JOB_ID": "1",
            }
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(map(str, (SIMULATOR, *paths))),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "NPU_SIMULATOR_TRACE": str(folder / "trace"),
                **(place if ranks > 1 else {}),
                **settings,
            }
            processes.append(
                subprocess.Popen(
                    [python, "-W", "ignore", *words],
                    cwd=folder,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        deadline = time.monotonic() + 600
        try:
            outputs = [p.communicate(timeout=deadline - time.monotonic()) for p in processes]
        finally:
            for process in processes:
                process.kill()
    return [
        subprocess.CompletedProcess(process.args, process.returncode, out, error)
        for process, (out, error) in zip(processes, outputs, strict=True)
    ]


def rank_table(ranks: int) -> dict[str, object]:
    """A rank table of one server."""
    devices = [
        {"device_id": str(rank), "device_ip": f"192.168.1.{rank + 1}", "rank_id": str(rank)}
        for rank in range(ranks)
    ]
    server = {"server_id": "here", "device": devices}
    return {"status": "completed", "version": "1.0", "server_count": "1", "server_list": [server]}
