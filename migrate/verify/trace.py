"""What a simulated process told about itself: the simulator's trace, read into dataclasses.

The process that wrote it may have been killed in the middle of a line, so the last line of a file
may be cut. A line that is no event of the simulator's is counted as damaged and left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Scalar = float | int | bool | str

# The kernels that change variables: whoever runs one of them trains.
_TRAINING = ("Apply", "ResourceApply", "SparseApply", "ResourceSparseApply")


@dataclass(frozen=True)
class Session:
    """One session.

    Args:
        number: from 1, in order of creation.
        kind: such as ``tf.Session``.
        place: where it was opened, as ``file.py:12``.
        npu: whether its graph goes to the device.
    """

    number: int
    kind: str
    place: str
    npu: bool


@dataclass(frozen=True)
class Graph:
    """What runs of one signature (fetches and feed shapes) of a session execute.

    Args:
        ops: how often each type of operator is there.
        feeds: the shapes fed, by tensor.
    """

    fetches: tuple[str, ...]
    feeds: str
    ops: Mapping[str, int]

    @property
    def trains(self) -> bool:
        return any(op.startswith(_TRAINING) for op in self.ops)


@dataclass(frozen=True)
class Run:
    """One ``session.run``.

    Args:
        session: the session's number.
        signature: as in the trace; with the session, the key of a `Graph`.
        seconds: how long it took.
        main: whether the program's own thread ran it, not a service in the background.
        scalars: what it fetched that is one number, by tensor; numbers in a summary by its tag;
            of an array, a number in which each value counts.
    """

    session: int
    signature: str
    seconds: float
    main: bool
    scalars: Mapping[str, Scalar]


@dataclass(frozen=True)
class Problem:
    """What the real device, or its adapter, would refuse or ignore."""

    code: str
    message: str
    place: str
    severity: str
    advice: str


@dataclass
class Process:
    """One process's trace.

    Args:
        ok: how it says that it ended; None where it was killed before it could.
        damaged: lines that could not be read, a cut last one apart.
    """

    rank: int
    pid: int
    sessions: dict[int, Session] = field(default_factory=dict)
    graphs: dict[tuple[int, str], Graph] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    saves: list[str] = field(default_factory=list)
    restores: list[str] = field(default_factory=list)
    copies: int = 0
    collectives: int = 0
    problems: list[Problem] = field(default_factory=list)
    ok: bool | None = None
    damaged: int = 0

    def trains(self, run: Run) -> bool:
        graph = self.graphs.get((run.session, run.signature))
        return graph is not None and graph.trains

    @property
    def training_runs(self) -> int:
        return sum(self.trains(run) for run in self.runs)

    @property
    def training_sessions(self) -> list[Session]:
        """The sessions that changed a variable by an optimizer's kernel."""
        numbers = {run.session for run in self.runs if self.trains(run)}
        return [session for number, session in self.sessions.items() if number in numbers]

    def feed_shapes(self, session: int) -> int:
        """How many distinct sets of feed shapes a session ran; each compiles anew on the device."""
        return len(
            {
                (graph.fetches, graph.feeds)
                for (number, _), graph in self.graphs.items()
                if number == session
            }
        )


def read_trace(folder: Path) -> list[Process]:
    """The processes that left a trace, in the order of ranks and, within one, of their start."""
    processes = [_read(path) for path in folder.glob("*.jsonl")]
    return sorted(processes, key=lambda process: (process.rank, process.pid))


def _read(path: Path) -> Process:
    rank, _, pid = path.stem.partition("-")
    process = Process(_whole(rank), _whole(pid))
    lines = path.read_bytes().split(b"\n")
    cut = lines.pop()  # by the end of the process; empty where the last line is whole
    process.damaged = sum(not _taken(process, line) for line in lines)
    if cut:
        _taken(process, cut)
    return process


def _taken(process: Process, line: bytes) -> bool:
    try:
        _take(process, json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return True


def _take(process: Process, event: Mapping[str, Any]) -> None:
    kind = event["event"]
    if kind == "session":
        number = int(event["session"])
        process.sessions[number] = Session(
            number, str(event["kind"]), str(event["place"]), bool(event["npu"])
        )
        process.problems += [
            _problem(p, str(event["place"]), "option") for p in event.get("problems", ())
        ]
    elif kind == "graph":
        key = int(event["session"]), str(event["signature"])
        ops = {str(op): int(count) for op, count in event["ops"].items()}
        feeds = json.dumps(event["feeds"], sort_keys=True)
        process.graphs[key] = Graph(tuple(event["fetches"]), feeds, ops)
    elif kind == "run":
        process.runs.append(
            Run(
                int(event["session"]),
                str(event["signature"]),
                float(event["seconds"]),
                event.get("thread", "main") == "main",
                {
                    **{f"summary {tag}": v for tag, v in event.get("summaries", {}).items()},
                    **{f"array {name}": v for name, v in event.get("arrays", {}).items()},
                    **event["scalars"],
                },
            )
        )
    elif kind == "save":
        process.saves.append(str(event["path"]))
    elif kind == "restore":
        process.restores.append(str(event["path"]))
    elif kind == "problem":
        process.problems.append(_problem(event, "", "problem"))
    elif kind == "copy":
        process.copies += 1
    elif kind == "collective":
        process.collectives += 1
    elif kind == "end":
        process.ok = bool(event["ok"])


def _problem(event: Mapping[str, Any], place: str, code: str) -> Problem:
    key = f"{event['key']}: " if event.get("key") else ""
    return Problem(
        str(event.get("code") or code),
        key + str(event["message"]),
        str(event.get("place") or place),
        str(event["severity"]),
        str(event.get("advice") or ""),
    )


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0


def distinct_problems(processes: Iterable[Process]) -> list[tuple[Problem, int]]:
    """Each problem once, with how often it occurred."""
    counts: dict[Problem, int] = {}
    for process in processes:
        for problem in process.problems:
            counts[problem] = counts.get(problem, 0) + 1
    return list(counts.items())
