"""Trains a port in the fp16 of its precision mode, as far as a CPU can show it, and in fp32 beside.

It shows that gradients survive fp16 (with the loss scale that the port has), and how far losses
drift over a few steps. What it cannot tell stands in LIMITS, and in every report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from migrate.findings import Finding
from migrate.runtime import computes_gradients_in_fp16
from migrate.verify.drift import Drift, measure
from migrate.verify.places import last_words, place_in, script_of
from migrate.verify.process import run_all
from migrate.verify.report import Count, Part, checked
from migrate.verify.simulation import SEED
from migrate.verify.site import Site, copy_port, place_data, temporary_folder
from migrate.verify.smoke import SmokeRun
from migrate.verify.trace import Process, read_trace
from migrate.verify.verification import Say, Trial

LIMITS = (
    "emulated on a CPU: only operands and results of convolutions and matrix products go through"
    " fp16; it cannot tell which operators the release computes in fp16, how the device adds up"
    " within one, how long a dynamic loss scale takes to settle, nor what accuracy is reached"
)
_NAME = "precision"
_MODE = re.compile(r'^PRECISION_MODE = "(\w+)"', re.MULTILINE)
_VARIABLE = "NPU_PRECISION_MODE"
_NAMED = 3
_SCALE = (
    "Is its optimizer wrapped (`migrate explain NPU201`), and NPU_LOSS_SCALE left at auto? Losses"
    " that the project itself makes very small or large need that changed."
)
_FEW = "A dynamic loss scale falls for some steps before it fits: try more (--steps 20)."


def check_precision(trial: Trial, say: Say) -> Part:
    """Trains the port twice, in its own precision mode with rounding to fp16, and in fp32.

    Args:
        trial: what to run; of its runs those that train, and those that prepare something.
        say: told what is being done.

    Returns:
        The part "precision": not checked where the port does not compute gradients in fp16.

    Raises:
        MigrateError: the data could not be made, or the port is too large to be copied.
    """
    mode = trial.smoke.environment.get(_VARIABLE) or _fixed_mode(trial.port)
    if mode is not None and not computes_gradients_in_fp16(mode):
        why = f"with precision mode {mode} it computes no gradients in fp16"
        return Part(_NAME, "not checked", why)
    findings: list[Finding] = []
    drifts: list[Drift] = []
    with temporary_folder() as folder:
        sites = {"fp16": Site(folder / "fp16"), "fp32": Site(folder / "fp32")}
        say("making data")
        for site in sites.values():
            copy_port(trial.port, trial.manifest, site.project)
        place_data(trial.smoke.data, trial.python, trial.limits, folder, list(sites.values()))
        for run in trial.smoke.runs:
            if run.expect and not run.expect & {"train", "session"}:
                continue
            say(f"in fp16: {run.name}")
            traces = _trained(trial, run, sites, findings)
            if traces is None:
                break
            drifts.append(measure(run.name, traces["fp32"], traces["fp16"]))
            findings += _judged(run, drifts[-1])
    drifts = [drift for drift in drifts if drift.steps or drift.products]
    if not findings and not any(drift.products and drift.steps for drift in drifts):
        return Part(_NAME, "not checked", _nothing_seen(drifts))
    return checked(_NAME, findings, why=LIMITS, counts=_counts(drifts), drifts=tuple(drifts))


def _fixed_mode(port: Path) -> str | None:
    """The mode that was fixed when the port was made; None for a port that was made by hand."""
    path = port / "npu_runtime" / "defaults.py"
    found = _MODE.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return found[1] if found else None


def _trained(
    trial: Trial, run: SmokeRun, sites: Mapping[str, Site], findings: list[Finding]
) -> dict[str, list[Process]] | None:
    """The traces of both; None, with a finding, where one of them failed."""
    environment = dict(trial.smoke.environment)
    environments = {"fp16": environment, "fp32": {**environment, _VARIABLE: "none"}}
    traces = {side: site.trace(run.name) for side, site in sites.items()}
    commands = [
        site.command(
            run.line(trial.steps),
            trial.python,
            environments[side],
            cann=trial.cann,
            trace=traces[side],
            seed=SEED,
            fp16=side == "fp16",
            numerics=True,
        )
        for side, site in sites.items()
    ]
    outcomes = dict(zip(sites, run_all(commands, trial.limits), strict=True))
    for side, outcome in outcomes.items():
        if not outcome.ok:
            shown = sites[side].shown(outcome)
            path, line = place_in(shown.tail, run)
            message = f"{run.name} in {side} {shown.how}{last_words(shown.tail)}"
            findings.append(Finding(path, line, "CHK982", "error", message))
            return None
    return {side: read_trace(trace) for side, trace in traces.items()}


def _judged(run: SmokeRun, drift: Drift) -> list[Finding]:
    if drift.never_in_range:
        message = f"{run.name}: gradients overflow in fp16 in each of {drift.steps} training steps"
        return [Finding(script_of(run), 0, "CHK981", "error", message, f"{_FEW} {_SCALE}")]
    if not drift.vanished:
        return []
    more = len(drift.vanished) - _NAMED
    named = ", ".join(drift.vanished[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    message = (
        f"{run.name}: the gradients of {len(drift.vanished)} of {drift.variables} variables are"
        f" all 0 in fp16, but not in fp32: {named}"
    )
    return [Finding(script_of(run), 0, "CHK980", "error", message, _SCALE)]


def _counts(drifts: list[Drift]) -> tuple[Count, ...]:
    variables = sum(drift.variables for drift in drifts)
    left = variables - sum(len(drift.vanished) for drift in drifts)
    steps = sum(drift.steps for drift in drifts)
    return (
        Count("variables whose gradients survive fp16", left, variables),
        Count("training steps that overflow", sum(d.overflowed for d in drifts), steps),
        Count("products rounded", sum(drift.products for drift in drifts)),
    )


def _nothing_seen(drifts: list[Drift]) -> str:
    if any(drift.products for drift in drifts):
        return "no gradient could be seen: Keras, functions and loops on the device hide them"
    return "no session of it computes convolutions or matrix products in fp16"
