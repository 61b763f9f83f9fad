"""``migrate simulate``: runs any command on a simulated device, and says what it would refuse."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from migrate.console import styled
from migrate.environment import tf115_environment
from migrate.errors import UsageError
from migrate.runtime import cann_release
from migrate.verify.process import Command, first_failed, run_all, shell_line
from migrate.verify.simulation import hub, simulated
from migrate.verify.trace import Process, distinct_problems, read_trace
from migrate.workspace import DEFAULT_CANN


def run(arguments: argparse.Namespace) -> int:
    if not arguments.program:
        raise UsageError(
            "say what to run, after --", advice="Such as: `migrate simulate -- python train.py`"
        )
    if arguments.ranks < 1:
        raise UsageError("--ranks takes a whole number from 1")
    cann = cann_release(arguments.cann or DEFAULT_CANN).name
    environment = dict(os.environ)
    python = Path(sys.executable)
    if made := tf115_environment():
        python = made.python
        environment["PATH"] = f"{python.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    with ExitStack() as stack:
        trace = arguments.trace
        if trace is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="migrate-simulate-"))
            trace = Path(folder)
        trace = trace.absolute()
        trace.mkdir(parents=True, exist_ok=True)
        if any(trace.glob("*.jsonl")):
            raise UsageError(
                "the folder already has a trace in it",
                where=str(trace),
                advice="Name another, or remove it.",
            )
        obs = Path(environment.get("NPU_SIMULATOR_OBS") or trace / "obs").absolute()
        obs.mkdir(parents=True, exist_ok=True)
        address = stack.enter_context(hub(python, arguments.ranks))
        commands = [
            Command(
                shell_line(arguments.program),
                Path.cwd(),
                simulated(
                    environment,
                    cann=cann,
                    trace=trace,
                    obs=obs,
                    rank=rank,
                    ranks=arguments.ranks,
                    hub=address,
                ),
                trace,
            )
            for rank in range(arguments.ranks)
        ]
        outcomes = run_all(commands, None, together=arguments.ranks > 1, shown=True)
        processes = read_trace(trace)
    failed = first_failed(outcomes)
    if failed is not None:
        text = f"the command {outcomes[failed].how}"
        if arguments.ranks > 1:
            text = f"rank {failed} {outcomes[failed].how}; the other ranks were ended"
        print(styled(text, "error"), file=sys.stderr)
    for line in _summary(processes, cann):
        print(line, file=sys.stderr)
    refused = any(
        problem.severity == "error" for process in processes for problem in process.problems
    )
    return int(refused or not all(outcome.ok for outcome in outcomes))


def _summary(processes: list[Process], cann: str) -> Iterator[str]:
    yield f"simulated CANN {cann}: {len(processes)} processes used TensorFlow"
    for process in processes:
        training = process.training_sessions
        for number, session in process.sessions.items():
            runs = sum(run.session == number for run in process.runs)
            where = "device" if session.npu else "host"
            trains = ", trains" if session in training else ""
            yield (
                f"  rank {process.rank}  {session.place}  {session.kind} on the {where}{trains}: "
                f"{runs} runs, {process.feed_shapes(number)} graphs to compile"
            )
        yield (
            f"  rank {process.rank}  {process.training_runs} training steps, "
            f"{len(process.saves)} checkpoints written, {len(process.restores)} restored, "
            f"{process.copies} copies from or to OBS, {process.collectives} collectives"
        )
    for problem, times in distinct_problems(processes):
        often = f" ({times} times)" if times > 1 else ""
        severity = "error" if problem.severity == "error" else "warning"
        yield f"  {styled(severity, severity)} {problem.place}: {problem.message}{often}"
        if problem.advice:
            yield f"      {problem.advice}"
