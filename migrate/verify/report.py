"""What verify found out: one model; text, JSON and HTML are views of it.

Each part says what was checked with its denominator, or that it was not checked, and why.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from migrate.console import styled
from migrate.findings import Finding
from migrate.report import finding_lines

if TYPE_CHECKING:  # what reads a port needs nothing of what runs it
    from migrate.verify.drift import Drift
    from migrate.verify.parity import Comparison, Curve, Difference
    from migrate.verify.trace import Scalar
    from migrate.verify.upstream_tests import TestFile

State = Literal["passed", "failed", "not checked"]

_WIDTH, _HEIGHT = 640, 180


@dataclass(frozen=True)
class Count:
    """A number that was found.

    Args:
        what: what was counted, in the plural.
        number: how many.
        of: of how many; None where there is nothing to compare with.
    """

    what: str
    number: int
    of: int | None = None

    def __str__(self) -> str:
        return f"{self.what} {self.number}" + ("" if self.of is None else f" of {self.of}")


@dataclass(frozen=True)
class SessionUse:
    """One session of a run.

    Args:
        runs: how often it ran a graph.
        feed_shapes: distinct fetches with distinct feed shapes; each compiles anew.
    """

    place: str
    kind: str
    npu: bool
    trains: bool
    runs: int
    feed_shapes: int


@dataclass(frozen=True)
class RunResult:
    """One program that was run.

    Args:
        how: how it ended, in words.
        seconds: wall time.
        memory: the most resident memory seen, in bytes.
        tail: the last lines that it printed, where it failed.
    """

    name: str
    command: str
    ok: bool
    how: str
    seconds: float
    memory: int
    counts: tuple[Count, ...]
    sessions: tuple[SessionUse, ...]
    tail: str = ""


@dataclass(frozen=True)
class Part:
    """One of static, run, parity, precision and upstream tests.

    Args:
        why: why it was not checked, or was not checked whole.
        next: what to do where all is well.
        limits: what it cannot tell.
    """

    name: str
    state: State
    why: str = ""
    counts: tuple[Count, ...] = ()
    findings: tuple[Finding, ...] = ()
    runs: tuple[RunResult, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    drifts: tuple[Drift, ...] = ()
    tests: tuple[TestFile, ...] = ()
    next: str = ""
    limits: str = ""


def checked(name: str, findings: list[Finding], **more: Any) -> Part:
    """A part that was checked: passed unless there is an error among its findings."""
    failed = any(finding.severity == "error" for finding in findings)
    return Part(name, "failed" if failed else "passed", findings=tuple(findings), **more)


@dataclass(frozen=True)
class Report:
    """All of it.

    Args:
        path: the port, as the user named it.
        name: the upstream's name, or the folder's.
        commit: upstream's commit, or empty.
        cann: the CANN release that it was checked for.
        python: the interpreter that ran it, or empty.
        ranks: how many simulated devices.
    """

    path: str
    name: str
    commit: str
    cann: str
    python: str
    ranks: int
    parts: tuple[Part, ...]

    @property
    def failed(self) -> bool:
        return any(part.state == "failed" for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        """JSON values; what is infinite or not a number becomes a text."""
        values = _plain(asdict(self))
        assert isinstance(values, dict)
        return {"failed": self.failed, **values}


def report_lines(report: Report) -> Iterator[str]:
    """The report as lines of text."""
    commit = f" {report.commit[:10]}" if report.commit else ""
    ranks = f", {report.ranks} ranks" if report.ranks > 1 else ""
    yield styled(f"{report.path}: {report.name}{commit}, CANN {report.cann}{ranks}", "bold")
    for part in report.parts:
        style = {"passed": "good", "failed": "error", "not checked": "dim"}[part.state]
        reason = f": {part.why}" if part.why and part.state == "not checked" else ""
        yield f"  {part.name:14}  {styled(part.state, style)}{reason}"
        if part.counts:
            yield f"    {'; '.join(map(str, part.counts))}"
        if part.why and not reason:
            yield f"    not all: {part.why}"
        for run in part.runs:
            yield from _run_lines(run)
        for comparison in part.comparisons:
            yield f"    {comparison.run}: {comparison_text(comparison)}"
        for drift in part.drifts:
            yield f"    {drift.run}: {drift.steps} training steps in fp16"
            yield from (f"      {line}" for line in drift_lines(drift))
        for line in finding_lines(part.findings):
            yield f"  {line}"
        for what, text in (("next", part.next), ("limits", part.limits)):
            if text:
                yield f"    {what}: {text}"


def _run_lines(run: RunResult) -> Iterator[str]:
    memory = f", {run.memory / (1 << 30):.1f} GiB" if run.memory else ""
    yield f"    {run.name}: {'done' if run.ok else run.how} in {run.seconds:.0f} s{memory}; " + (
        "; ".join(map(str, run.counts)) or "nothing was recorded"
    )
    for use in run.sessions:
        where = "device" if use.npu else "host"
        trains = ", trains" if use.trains else ""
        yield (
            f"      {use.place}  {use.kind} on the {where}{trains}: {use.runs} runs, "
            f"{use.feed_shapes} graphs to compile"
        )
    if run.tail:
        yield "      it last printed:"
        yield from (f"      | {line}" for line in run.tail.splitlines())


def comparison_text(comparison: Comparison) -> str:
    """What came of a comparison, in a line."""
    if not comparison.values:
        return "no number was fetched that could be compared"
    text = (
        f"{comparison.equal} of {comparison.values} values bit-equal, of {comparison.tensors} "
        f"tensors over {comparison.steps} training steps"
    )
    if comparison.largest:
        text += f"; largest difference {difference_text(comparison.largest)}"
    if comparison.timed:
        text += f"; {comparison.timed} that depend on the clock are left out"
    if comparison.tolerance_why:
        text += f"; {comparison.tolerance:g} is allowed: {comparison.tolerance_why}"
    return text


def difference_text(difference: Difference) -> str:
    """A difference with its place and values."""
    return (
        f"{difference.relative:.2g} at step {difference.step} in {difference.tensor} "
        f"(upstream {difference.upstream!r}, port {difference.port!r})"
    )


def drift_lines(drift: Drift) -> Iterator[str]:
    """What fp16 did to a training: to gradients, to steps, and to losses."""
    if drift.nonzero is not None and drift.nonzero_fp32 is not None:
        yield (
            f"gradients: those of {drift.surviving} of {drift.variables} variables survive;"
            f" {drift.nonzero:.1%} of their values are not 0, {drift.nonzero_fp32:.1%} in fp32"
        )
    if not drift.overflowed:
        yield "overflow: in no step"
    else:
        text = f"overflow: in {drift.overflowed} of {drift.steps} steps"
        if drift.scale is not None:
            text += (
                f", which were left out; the loss scale fell to {drift.scale:g}. A device does so"
                " too when a training begins, and then goes on"
            )
        yield text
    what = "losses" if drift.curves else "what it fetches"
    if drift.overflowed:
        what += f" of the first {drift.comparable} steps" if drift.comparable > 1 else " at step 1"
    if drift.largest is not None:
        yield (
            f"{what}: differ by {_percent(drift.largest.relative)}:"
            f" {drift.largest.tensor}, value {drift.largest.step}: fp32"
            f" {_short(drift.largest.upstream)}, fp16 {_short(drift.largest.port)}"
        )
    elif drift.values:
        yield f"{what}: the same as in fp32"
    if drift.overflowed and drift.steps > drift.comparable:
        yield (
            "later losses are not compared: what is left out in fp16 is trained in fp32"
            + (f"; NPU_LOSS_SCALE={drift.scale:g} avoids that" if _settled(drift) else "")
        )


def _percent(share: float) -> str:
    return f"{share:.1%} at most" if share >= 0.001 else "less than 0.1%"


def _settled(drift: Drift) -> bool:
    """Whether it is known which loss scale leaves no step out."""
    return drift.scale is not None and not drift.falling and not drift.stuck


def _short(value: Scalar) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def report_html(report: Report) -> str:
    """The report as one HTML page that needs nothing else."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["comparison"] = comparison_text
    environment.filters["drift"] = drift_lines
    environment.filters["polylines"] = polylines
    template = environment.get_template("report.html.j2")
    return template.render(report=report, width=_WIDTH, height=_HEIGHT)


def polylines(curve: Curve) -> dict[str, str]:
    """The points of an SVG polyline for each side of a curve, and the scale's ends as text."""
    both = [value for value in (*curve.upstream, *curve.port) if math.isfinite(value)]
    low, high = min(both, default=0.0), max(both, default=1.0)
    span = (high - low) or 1.0
    steps = max(len(curve.upstream), len(curve.port), 2) - 1

    def points(values: tuple[float, ...]) -> str:
        return " ".join(
            f"{index * _WIDTH / steps:.1f},{_HEIGHT - (value - low) / span * _HEIGHT:.1f}"
            for index, value in enumerate(values)
            if math.isfinite(value)
        )

    return {
        "upstream": points(curve.upstream),
        "port": points(curve.port),
        "low": f"{low:.4g}",
        "high": f"{high:.4g}",
    }


def _plain(value: object) -> object:
    if isinstance(value, Finding):
        return value.as_json()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
