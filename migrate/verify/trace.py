"""What a simulated process told about itself: the simulator's trace, read into dataclasses.

The process that wrote it may have been killed in the middle of a line, so the last line of a file
may be cut. A line that is no event of the simulator's is counted as damaged and left out.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Scalar = float | int | bool | str


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
        feeds: the shapes fed, by tensor.
        trains: whether they change variables as an optimizer does.
    """

    fetches: tuple[str, ...]
    feeds: str
    trains: bool


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
class GradientNumbers:
    """What one training run changed one variable by.

    Args:
        size: how many values it has.
        nonzero: how many of them are not 0.
        overflowed: how many are infinite or not a number.
        largest: the largest finite absolute value.
    """

    size: int
    nonzero: int
    overflowed: int
    largest: float


@dataclass(frozen=True)
class LossScale:
    """A dynamic loss scale.

    Args:
        begins: its first value.
        falls: the factor for each step that overflows; it does not fall below 1.
    """

    begins: float
    falls: float

    @property
    def falling(self) -> int:
        """How many steps may overflow before it is 1."""
        return math.ceil(math.log(self.begins) / -math.log(self.falls)) if self.falls < 1 else 0


@dataclass(frozen=True)
class Problem:
    """What the real device, or its adapter, would refuse or ignore."""

    code: str
    message: str
    place: str
    severity: str
    advice: str


@dataclass(frozen=True)
class Gradient:
    """What an optimizer was given for a variable, on one of several ranks.

    Args:
        applied: digest of it.
        reduced: whether it came out of a reduction over the ranks.
        own: digest of what this rank gave to the reduction; of what was applied, without one.
        size: the sum of the absolute values of that.
        sums: two weighted sums of what this rank gave; one where rows of ranks were joined.
        reduced_sums: the same of what came out.
        factors: by what the latter was multiplied, after none, one, two ... operators.
    """

    applied: str
    reduced: bool
    own: str
    size: float
    sums: tuple[float, ...] = ()
    reduced_sums: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()


@dataclass(frozen=True)
class Batch:
    """What one training run of a session was given.

    Args:
        rows: digests of the rows of each tensor.
        noise: the tensors whose rows NumPy drew at random.
    """

    rows: Mapping[str, tuple[str, ...]]
    noise: frozenset[str]


@dataclass(frozen=True)
class TrainingRun:
    """The gradients of one training run of a session, by variable.

    Args:
        unseen: how many operators of optimizers could not be looked at.
    """

    gradients: Mapping[str, Gradient]
    unseen: int


@dataclass(frozen=True)
class Variables:
    """Digests of a session's variables, by name.

    Args:
        trained: those that are trainable, or that an optimizer changes.
    """

    trained: Mapping[str, str]
    others: Mapping[str, str]


@dataclass
class Shard:
    """Data that is split over the ranks at one place.

    Args:
        seen: digests of the elements that came, in order.
        kept: which of them this rank kept: a digest, and how often it had come before.
        times_kept: how often it kept each. Several readers may hold equal elements at the same
            time, and then `kept` has only the last of them.
    """

    seen: list[str] = field(default_factory=list)
    kept: set[tuple[str, int]] = field(default_factory=set)
    times_kept: Counter[str] = field(default_factory=Counter)
    _times: dict[str, int] = field(default_factory=dict)

    def take(self, elements: Iterable[str], kept: bool) -> None:
        for element in elements:
            if kept:
                self.kept.add((element, self._times.get(element, 1) - 1))
                self.times_kept[element] += 1
            else:
                self._times[element] = self._times.get(element, 0) + 1
                self.seen.append(element)

    def elements(self) -> set[tuple[str, int]]:
        """The elements that came: each digest, and how often it had come before."""
        return {(e, number) for e, times in self._times.items() for number in range(times)}


@dataclass
class Process:
    """One process's trace.

    Args:
        numerics: of the gradients of each training run, by variable, where they were asked for.
        rounded: how many operators were rounded to fp16.
        scales: the dynamic loss scales that were made, where products were rounded.
        ok: how it says that it ended; None where it was killed before it could.
        damaged: lines that could not be read, a cut last one apart.
        training: for a session and a number of its training runs, the last of them. This and what
            follows is there with several ranks only.
        variables: for a session and a number of its training runs, its variables after them.
        batches: for a session, what its training runs were given, run by run.
        shards: for a place and how often data was split there, what came of it.
        writes: paths that it opened for writing.
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
    numerics: list[dict[str, GradientNumbers]] = field(default_factory=list)
    rounded: int = 0
    scales: list[LossScale] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ok: bool | None = None
    damaged: int = 0
    training: dict[tuple[int, int], TrainingRun] = field(default_factory=dict)
    variables: dict[tuple[int, int], Variables] = field(default_factory=dict)
    batches: dict[int, list[Batch]] = field(default_factory=dict)
    shards: dict[tuple[str, int], Shard] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)

    def trains(self, run: Run) -> bool:
        graph = self.graphs.get((run.session, run.signature))
        return graph is not None and graph.trains

    @property
    def training_runs(self) -> int:
        return sum(self.trains(run) for run in self.runs)

    @property
    def training_sessions(self) -> list[Session]:
        """The sessions that changed a variable as an optimizer does."""
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
        feeds = json.dumps(event["feeds"], sort_keys=True)
        process.graphs[key] = Graph(tuple(event["fetches"]), feeds, bool(event["trains"]))
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
    elif kind == "numerics":
        process.numerics.append(
            {name: _numbers(*values) for name, values in event["gradients"].items()}
        )
    elif kind == "scale":
        process.scales.append(LossScale(float(event["begins"]), float(event["falls"])))
    elif kind == "rounded":
        process.rounded += int(event["products"])
    elif kind == "collective":
        process.collectives += 1
    elif kind == "gradients":
        gradients = {str(name): _gradient(given) for name, given in event["gradients"].items()}
        process.training[_step(event)] = TrainingRun(gradients, int(event["unseen"]))
    elif kind == "variables":
        process.variables[_step(event)] = Variables(dict(event["trained"]), dict(event["others"]))
    elif kind == "batch":
        rows = {str(name): tuple(map(str, given)) for name, given in event["rows"].items()}
        batch = Batch(rows, frozenset(map(str, event["noise"])))
        process.batches.setdefault(int(event["session"]), []).append(batch)
    elif kind == "shard":
        process.shards[str(event["place"]), int(event["occurrence"])] = Shard()
    elif kind == "element":
        shard = process.shards[str(event["place"]), int(event["occurrence"])]
        shard.take(map(str, event["elements"]), bool(event["kept"]))
    elif kind == "write":
        process.writes.append(str(event["path"]))
    elif kind == "end":
        process.ok = bool(event["ok"])


def _numbers(size: int, nonzero: int, overflowed: int, largest: float) -> GradientNumbers:
    return GradientNumbers(int(size), int(nonzero), int(overflowed), float(largest))


def _problem(event: Mapping[str, Any], place: str, code: str) -> Problem:
    key = f"{event['key']}: " if event.get("key") else ""
    return Problem(
        str(event.get("code") or code),
        key + str(event["message"]),
        str(event.get("place") or place),
        str(event["severity"]),
        str(event.get("advice") or ""),
    )


def _step(event: Mapping[str, Any]) -> tuple[int, int]:
    return int(event["session"]), int(event["step"])


def _gradient(event: Mapping[str, Any]) -> Gradient:
    return Gradient(
        str(event["applied"]),
        bool(event["reduced"]),
        str(event["own"]),
        float(event["size"]),
        tuple(map(float, event.get("sums", ()))),
        tuple(map(float, event.get("reduced_sums", ()))),
        tuple(map(float, event.get("factors", ()))),
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
