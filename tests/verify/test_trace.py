"""Traces are read whatever became of the process that wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrate.verify.trace import distinct_problems, read_trace

EVENTS: list[dict[str, Any]] = [
    {"event": "start", "time": 0.0, "pid": 7, "rank": 0},
    {
        "event": "session",
        "session": 1,
        "kind": "tf.Session",
        "place": "train.py:12",
        "npu": True,
        "options": {},
        "problems": [{"key": "fast", "message": "no such option", "severity": "error"}],
    },
    {
        "event": "graph",
        "session": 1,
        "signature": 1,
        "fetches": ["loss:0", "train"],
        "feeds": {"x:0": [8, 3]},
        "trains": True,
    },
    {
        "event": "graph",
        "session": 1,
        "signature": 2,
        "fetches": ["loss:0", "train"],
        "feeds": {"x:0": [5, 3]},
        "trains": True,
    },
    {
        "event": "run",
        "session": 1,
        "signature": 1,
        "seconds": 0.5,
        "depth": 0,
        "thread": "main",
        "scalars": {"loss:0": 0.1},
        "summaries": {"accuracy": 0.5},
        "arrays": {"samples:0": 2.5},
    },
    {
        "event": "run",
        "session": 1,
        "signature": 2,
        "seconds": 0.5,
        "thread": "Thread-3",
        "scalars": {"loss:0": "nan"},
    },
    {"event": "save", "path": "run/model-1", "session": 1},
    {"event": "restore", "path": "run/model-1", "session": 1},
    {"event": "copy", "source": "obs://a", "target": "b", "bytes": 1},
    {"event": "collective", "kind": "allreduce", "name": "x", "seconds": 0.1},
    {
        "event": "problem",
        "code": "sink",
        "message": "PyFunc cannot run on the device",
        "place": "model.py:3",
        "severity": "error",
        "advice": "Set mix_compile_mode.",
    },
    {"event": "from a later simulator", "x": 1},
    {"event": "end", "ok": True},
]


def lines(events: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_all_events(tmp_path: Path) -> None:
    (tmp_path / "0-7.jsonl").write_bytes(lines(EVENTS))
    [process] = read_trace(tmp_path)
    assert (process.rank, process.pid, process.ok, process.damaged) == (0, 7, True, 0)
    assert process.training_runs == 2
    assert process.training_sessions == [process.sessions[1]]
    assert process.feed_shapes(1) == 2
    assert process.runs[0].scalars == {
        "loss:0": 0.1,
        "summary accuracy": 0.5,
        "array samples:0": 2.5,
    }
    assert [run.main for run in process.runs] == [True, False]
    assert process.saves == process.restores == ["run/model-1"]
    assert (process.copies, process.collectives) == (1, 1)
    option, sink = process.problems
    assert (option.message, option.place) == ("fast: no such option", "train.py:12")
    assert (sink.code, sink.advice) == ("sink", "Set mix_compile_mode.")


def test_processes_come_by_rank_then_by_start(tmp_path: Path) -> None:
    for name in ("1-5", "0-12", "0-7"):
        (tmp_path / f"{name}.jsonl").write_bytes(lines(EVENTS[:1]))
    (tmp_path / "rank_table.json").write_text("{}")
    assert [(p.rank, p.pid) for p in read_trace(tmp_path)] == [(0, 7), (0, 12), (1, 5)]


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_a_killed_process_leaves_all_but_the_last_line(cut: int, tmp_path: Path) -> None:
    (tmp_path / "0-7.jsonl").write_bytes(lines(EVENTS[:6])[:-cut])
    [process] = read_trace(tmp_path)
    assert process.damaged == 0
    assert process.ok is None
    assert process.sessions[1].npu


def test_a_last_line_without_its_end_counts_if_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "0-7.jsonl").write_bytes(lines(EVENTS)[:-1])
    assert read_trace(tmp_path)[0].ok is True


@pytest.mark.parametrize(
    "damage",
    [b"garbage\n", b"[1]\n", b"3\n", b"null\n", b'{"event": "run"}\n', b"\xff\xfe\n", b"[" * 9999],
)
def test_damaged_lines_are_counted_and_left_out(damage: bytes, tmp_path: Path) -> None:
    data = lines(EVENTS)
    (tmp_path / "0-7.jsonl").write_bytes(damage.rstrip(b"\n") + b"\n" + data)
    [process] = read_trace(tmp_path)
    assert process.damaged == 1
    assert process.ok is True


def test_no_trace(tmp_path: Path) -> None:
    assert read_trace(tmp_path) == []
    (tmp_path / "0-1.jsonl").write_bytes(b"")
    assert read_trace(tmp_path)[0].runs == []


def test_a_problem_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "0-7.jsonl").write_bytes(lines(EVENTS + EVENTS))
    assert [times for _, times in distinct_problems(read_trace(tmp_path))] == [2, 2]
