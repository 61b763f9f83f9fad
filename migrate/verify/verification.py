"""Verifies one port: reads it, trains it on a simulated device, compares it with upstream."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from migrate.findings import Finding, Severity
from migrate.manifest import Manifest
from migrate.upstream.tree import SourceFile
from migrate.verify import parity, upstream_tests
from migrate.verify.places import (
    in_a_line,
    last_words,
    missing_package,
    place_in,
    script_of,
    split_place,
)
from migrate.verify.process import Command, Limits, Outcome, first_failed, run_all
from migrate.verify.ranks import RankComparison
from migrate.verify.report import (
    Count,
    Part,
    RunResult,
    SessionUse,
    checked,
    comparison_text,
    difference_text,
)
from migrate.verify.simulation import SEED, hub, upstream_environment
from migrate.verify.site import (
    Site,
    contents,
    copy_port,
    place_data,
    temporary_folder,
    write_files,
)
from migrate.verify.smoke import Smoke, SmokeRun
from migrate.verify.trace import Process, distinct_problems, read_trace

Say = Callable[[str], None]

_TEST_SECONDS = 900.0
_STAND_IN = "Horovod is the port's own on both sides, with one process; Horovod itself is not run"
_HOROVOD = re.compile(rb"^\s*(?:from|import)\s+horovod\b", re.MULTILINE)
_SESSION_CONFIG = (
    "Give it config=npu_session_config(config) of npu_runtime, or config=npu_config_proto(config)"
    " of npu_bridge."
)
_ESTIMATOR_CONFIG = (
    "Give the Estimator config=npu_run_config(config) of npu_runtime, where config is its RunConfig"
    " or None; it opens its sessions itself."
)
_SAME = "all code that they name is the same on upstream and port, byte for byte"


@dataclass(frozen=True)
class Trial:
    """What is run, and how.

    Args:
        port: the port's folder, which is only read.
        manifest: its manifest; None for a port that was made by hand.
        baseline: upstream with the compat patch; None where nobody knows it.
        smoke: what to run, and the data for it.
        python: Python 3.7 with TensorFlow 1.15.0.
        cann: the CANN release to simulate.
        steps: how many training steps.
        ranks: how many simulated devices train.
        limits: of each program.
    """

    port: Path
    manifest: Manifest | None
    baseline: Mapping[str, SourceFile] | None
    smoke: Smoke
    python: Path
    cann: str
    steps: int
    ranks: int
    limits: Limits


def run_and_compare(
    trial: Trial, say: Say, *, compare: bool, numerics: bool = False
) -> tuple[Part, Part, dict[str, list[Process]]]:
    """Runs the port, and upstream beside it.

    Args:
        trial: what to run.
        say: told what is being done.
        compare: whether upstream is run and compared as well.
        numerics: whether the traces tell of gradients.

    Returns:
        The parts "run" and "parity", and the port's traces by the names of runs.

    Raises:
        MigrateError: the data could not be made, or the port is too large to be copied.
    """
    with temporary_folder() as folder:
        port = Site(folder / "port")  # of all ranks, as on a server
        say("making data")
        copy_port(trial.port, trial.manifest, port.project)
        baseline = trial.baseline if compare else None
        upstream = Site(folder / "upstream") if baseline is not None else None
        if upstream and baseline is not None:
            write_files(baseline, upstream.project)
        sites = [port, upstream] if upstream else [port]
        place_data(trial.smoke.data, trial.python, trial.limits, folder, sites)
        judge = _Judge(trial, compare, numerics)
        for number, run in enumerate(trial.smoke.runs):
            say(f"run {number + 1} of {len(trial.smoke.runs)}: {run.name}")
            if not judge.run(run, port, upstream):
                break
        return *judge.parts(), judge.traces


def run_upstream_tests(trial: Trial, say: Say) -> Part:
    """Runs upstream's unit tests on upstream and on the port."""
    name = "upstream tests"
    if trial.baseline is None:
        return Part(name, "not checked", "no manifest says which upstream this is a port of")
    files = upstream_tests.test_files(trial.baseline)
    if not files:
        return Part(name, "not checked", "upstream has no unit tests")
    with temporary_folder() as folder:
        sites = {side: Site(folder / side) for side in ("port", "upstream")}
        copy_port(trial.port, trial.manifest, sites["port"].project)
        write_files(trial.baseline, sites["upstream"].project)
        ours, theirs = (contents(site.project) for site in sites.values())
        wanted = upstream_tests.affected(files, theirs, ours)
        left = len(files) - len(wanted)
        why = f"{left} files were not run: {_SAME}" if left else ""
        ran = Count("files run", len(wanted), len(files))
        if not wanted:
            return Part(name, "passed", why, (ran,))
        traces = {side: site.trace("tests") for side, site in sites.items()}
        plugin = {"PYTHONPATH": str(upstream_tests.PLUGIN)}
        environments = {"port": plugin, "upstream": upstream_environment(plugin)}

        def command(line: str, side: str) -> Command:
            return sites[side].command(
                line, trial.python, environments[side], cann=trial.cann, trace=traces[side]
            )

        limits = replace(trial.limits, seconds=min(trial.limits.seconds, _TEST_SECONDS))
        done = upstream_tests.run_tests(wanted, command, folder, limits, say)
    passed = sum(len(file.passed) for file in done)
    broken = sum(len(file.broken) for file in done)
    counts = (
        ran,
        Count("tests that pass on upstream", passed, sum(len(file.upstream) for file in done)),
        Count("of those that pass on the port", passed - broken, passed),
    )
    found = upstream_tests.findings(done)
    if not passed:
        how = ", ".join(sorted({file.upstream_how for file in done}))
        message = f"no test passes on upstream, so that nothing could be compared (pytest {how})"
        found.append(Finding(wanted[0], 0, "CHK971", "error", message))
    return checked(name, found, why=why, counts=counts, tests=tuple(done))


class _Judge:
    """Runs the programs, and collects what is to be said about them."""

    def __init__(self, trial: Trial, compare: bool, numerics: bool) -> None:
        self._trial = trial
        self._compare = compare
        self._numerics = numerics
        self.traces: dict[str, list[Process]] = {}
        self._results: list[RunResult] = []
        self._findings: list[Finding] = []
        self._comparisons: list[parity.Comparison] = []
        self._differences: list[Finding] = []
        self._sessions = [0, 0]
        self._ranks = RankComparison()

    def run(self, run: SmokeRun, port: Site, upstream: Site | None) -> bool:
        """Runs one program on the port, and on upstream beside it; tells whether to go on."""
        trial = self._trial
        trace = port.trace(run.name)
        ranks = run.ranks(trial.ranks)
        environment = dict(trial.smoke.environment)
        if upstream:  # Beside upstream the port has upstream's precision, and so its graph.
            environment["NPU_PRECISION_MODE"] = "none"
        with hub(trial.python, ranks) as address:
            commands = [
                port.command(
                    run.line(trial.steps),
                    trial.python,
                    environment,
                    cann=trial.cann,
                    trace=trace,
                    seed=SEED + rank,  # chance differs by rank, as it does on devices
                    rank=rank,
                    ranks=ranks,
                    hub=address,
                    numerics=self._numerics,
                )
                for rank in range(ranks)
            ]
            if upstream:
                beside = upstream.trace(run.name)
                commands.append(
                    upstream.command(
                        run.line(trial.steps, baseline=True),
                        trial.python,
                        upstream_environment(trial.smoke.environment),
                        cann=trial.cann,
                        trace=beside,
                        seed=SEED,
                        numerics=self._numerics,  # as the port, so that both run the same
                    )
                )
            done = run_all(commands, trial.limits, together=ranks > 1)
        processes = self.traces[run.name] = read_trace(trace)
        ours = [port.shown(outcome) for outcome in done[:ranks]]
        before = len(self._findings)
        self._judge_run(run, ours, processes)
        if ranks > 1:
            self._ranks.add(run, processes, ranks, port.project)
        good = not any(f.severity == "error" for f in self._findings[before:])
        if upstream:
            theirs = read_trace(beside)
            good &= self._judge_parity(run, upstream.shown(done[-1]), ours[0], theirs, processes)
        return good

    def parts(self) -> tuple[Part, Part]:
        ran, all_runs = len(self._results), len(self._trial.smoke.runs)
        on_device, training = self._sessions
        counts: tuple[Count, ...] = (
            Count("programs run", ran, all_runs),
            Count("training sessions on the device", on_device, training),
        )
        if self._trial.ranks > 1:
            counts += self._ranks.counts()
        findings = self._findings + self._ranks.findings
        results, comparisons = tuple(self._results), tuple(self._comparisons)
        run = checked("run", findings, counts=counts, runs=results)
        if not self._compare:
            return run, Part("parity", "not checked")
        counts = (
            Count("programs compared", len(comparisons), all_runs),
            Count(
                "values bit-equal",
                sum(comparison.equal for comparison in comparisons),
                sum(comparison.values for comparison in comparisons),
            ),
        )
        if not self._differences and not any(comparison.values for comparison in comparisons):
            return run, Part("parity", "not checked", "the port fetched nothing to compare")
        part = checked(
            "parity",
            self._differences,
            counts=counts,
            comparisons=comparisons,
            why=_STAND_IN if _uses_horovod(self._trial.baseline or {}) else "",
        )
        if part.state == "passed" and not all(result.ok for result in results):
            why = "the port did not run to its end; what it fetched until then is compared here"
            part = replace(part, state="not checked", why=why)
        return run, part

    def _judge_run(
        self, run: SmokeRun, outcomes: Sequence[Outcome], processes: list[Process]
    ) -> None:
        trial = self._trial
        rank = first_failed(outcomes)
        bad, outcome = rank is not None, outcomes[rank or 0]
        if bad:
            path, line = place_in(outcome.tail, run)
            who = f"{run.name}: rank {rank}" if len(outcomes) > 1 else run.name
            others = "; the other ranks were ended" if len(outcomes) > 1 else ""
            said = last_words(outcome.tail)
            advice = missing_package(outcome.tail, trial.python)
            self._say(path, line, "CHK950", f"{who} {outcome.how}{said}{others}", advice)
        for problem, times in distinct_problems(processes):
            if bad and problem.code == "lost-rank":
                continue
            path, line = split_place(problem.place, run)
            severity: Severity = "error" if problem.severity == "error" else "warning"
            often = f" ({times} times)" if times > 1 else ""
            self._say(
                path,
                line,
                "CHK951",
                f"{in_a_line(problem.message)}{often}",
                problem.advice,
                severity,
            )
        trained = [process for process in processes if process.training_runs]
        fewest = min((process.training_runs for process in trained), default=0)
        needed = run.needed_steps(trial.steps)
        if not bad:
            self._judge_deeds(run, processes, fewest, needed)
        for process in trained:
            for session in process.training_sessions:
                self._sessions[1] += 1
                self._sessions[0] += session.npu
                if not session.npu:
                    self._say(
                        *split_place(session.place, run),
                        "CHK954",
                        f"this {session.kind} trains, but not on the device",
                        _ESTIMATOR_CONFIG if session.kind == "Estimator" else _SESSION_CONFIG,
                    )
        counts = (
            # One step of a GAN is several runs that train.
            Count("training steps", fewest, needed if 0 < needed >= fewest else None),
            Count("checkpoints written", sum(len(process.saves) for process in processes)),
            Count("restored", sum(len(process.restores) for process in processes)),
        )
        self._results.append(
            RunResult(
                run.name,
                run.line(trial.steps),
                not bad,
                outcome.how,
                outcome.seconds,
                max(o.memory for o in outcomes),
                counts,
                tuple(use for process in processes for use in _uses(process)),
                outcome.tail if bad else "",
            )
        )

    def _judge_deeds(
        self, run: SmokeRun, processes: list[Process], fewest: int, needed: int
    ) -> None:
        """Whether a run that ended well did what it had to do."""
        path = script_of(run)
        if run.expect and not any(process.sessions for process in processes):
            self._say(
                path,
                0,
                "CHK955",
                f"{run.name} opened no session that could be recorded",
                "Programs started with python -E, -I or -S do not load the simulator.",
            )
            return
        if fewest < needed:
            message = f"{run.name} made {fewest} training steps of at least {needed}"
            self._say(path, 0, "CHK952", message)
        for what, done in (
            ("save", any(process.saves for process in processes)),
            ("restore", any(process.restores for process in processes)),
        ):
            if what in run.expect and not done:
                verb = {"save": "wrote no checkpoint", "restore": "restored no checkpoint"}[what]
                self._say(path, 0, "CHK953", f"{run.name} {verb}")

    def _judge_parity(
        self,
        run: SmokeRun,
        outcome: Outcome,
        port: Outcome,
        upstream: list[Process],
        processes: list[Process],
    ) -> bool:
        path = script_of(run)
        if not outcome.ok:
            self._differences.append(
                Finding(
                    path,
                    0,
                    "CHK962",
                    "error",
                    f"{run.name} on upstream {outcome.how}{last_words(outcome.tail)}",
                    missing_package(outcome.tail, self._trial.python)
                    or "Without upstream's numbers there is nothing to compare with. What only"
                    " upstream needs to start on a CPU is `baseline` in the recipe's smoke.run.",
                )
            )
            return False
        comparison = parity.compare(
            run.name,
            upstream,
            processes,
            run.tolerance,
            run.tolerance_why,
        )
        self._comparisons.append(comparison)
        if comparison.ok or (not port.ok and not comparison.values):
            return True
        if comparison.first:
            name = self._trial.manifest.upstream.name if self._trial.manifest else "NAME"
            self._differences.append(
                Finding(
                    path,
                    0,
                    "CHK960",
                    "error",
                    f"{run.name}: {comparison.beyond} of {comparison.values} values differ by more"
                    f" than {comparison.tolerance:g}; the first:"
                    f" {difference_text(comparison.first)}",
                    "The port is to do upstream's mathematics. Find the patch that changes it:"
                    f" `migrate diff {name}`. Where threads draw chance in turn, as for dropout"
                    " within a loop, upstream differs from itself: try it without.",
                )
            )
        if comparison.missing and port.ok:
            more = len(comparison.missing) - 3
            listed = "; ".join(comparison.missing[:3]) + (f"; and {more} more" if more > 0 else "")
            message = f"{run.name}: not everything could be compared: {listed}"
            self._differences.append(Finding(path, 0, "CHK961", "error", message))
        elif not comparison.values and "train" in run.expect:
            message = f"{run.name}: {comparison_text(comparison)}"
            self._differences.append(Finding(path, 0, "CHK961", "error", message))
        return True

    def _say(
        self,
        path: str,
        line: int,
        code: str,
        message: str,
        advice: str = "",
        severity: Severity = "error",
    ) -> None:
        finding = Finding(path, line, code, severity, message, advice)
        if finding not in self._findings:  # every rank says the same
            self._findings.append(finding)


def _uses_horovod(baseline: Mapping[str, SourceFile]) -> bool:
    return any(
        _HOROVOD.search(file.data) for path, file in baseline.items() if path.endswith(".py")
    )


def _uses(process: Process) -> Iterator[SessionUse]:
    training = process.training_sessions
    for number, session in process.sessions.items():
        runs = sum(run.session == number for run in process.runs)
        yield SessionUse(
            session.place,
            session.kind,
            session.npu,
            session in training,
            runs,
            process.feed_shapes(number),
        )
