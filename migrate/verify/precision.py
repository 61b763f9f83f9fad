"""Trains a port in the fp16 of its precision mode, as far as a CPU can show it, and in fp32 beside.

It shows that gradients survive fp16 (with the loss scale that the port has), and how far losses
drift until a step is left out. What it cannot tell stands in LIMITS, and in every report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from migrate.findings import Finding, Severity
from migrate.runtime import PRECISION_MODE, computes_gradients_in_fp16
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
_VARIABLE = "NPU_PRECISION_MODE"
_NAMED = 3
# Where a dynamic loss scale begins on a device (npu_runtime/scaling.py); too high for most.
_HIGHEST = 2**32
_SCALE = (
    "Is its optimizer wrapped, are gradients that it only applies those of npu_gradients"
    " (`migrate explain NPU201`), and NPU_LOSS_SCALE left at auto? Losses that the project itself"
    " makes very small or large need that changed. Until then train with NPU_PRECISION_MODE=none."
)
_OVERFLOW = (
    "Find what exceeds 65504 (`migrate explain NPU202`), and change it or keep it in fp32"
    " (NPU_MODIFY_MIXLIST). Until then train with NPU_PRECISION_MODE=none."
)
_ANOTHER = (
    'to try one that does: NPU_PRECISION_MODE = "allow_mix_precision" under [smoke.environment] of'
    " the recipe"
)
_FEW = "Try more steps: --steps 20."
_TRUST = (
    "nothing here speaks against {mode}: train with it on the device, and compare the accuracy with"
    " that of NPU_PRECISION_MODE=none before you rely on it"
)


@dataclass(frozen=True)
class _Side:
    """One of the trainings that are compared.

    Args:
        loss_scale: where a dynamic loss scale begins; None for the simulator's usual place.
    """

    name: str
    fp16: bool
    loss_scale: int | None = None


_FP32 = _Side("fp32", fp16=False)
_FP16 = _Side("fp16", fp16=True)
_HIGHER = _Side("fp16", fp16=True, loss_scale=_HIGHEST)
_Traces = dict[str, list[Process]]  # by the names of runs


def check_precision(
    trial: Trial, say: Say, exact: Mapping[str, Sequence[Process]] | None = None
) -> Part:
    """Trains the port in its own precision mode with rounding to fp16, beside fp32.

    Where a gradient is 0 under a dynamic loss scale that never had to fall, the port is trained
    once more with one that begins as a device's, to see whether that is enough.

    Args:
        trial: what to run; of its runs those that train, and those that prepare something.
        say: told what is being done.
        exact: the traces of the same runs with NPU_PRECISION_MODE=none, by the runs' names, which
            tell of gradients; where there are none, the port is trained in fp32 as well.

    Returns:
        The part "precision": not checked where the port does not compute gradients in fp16, or
        took too few steps to tell.

    Raises:
        MigrateError: the data could not be made, or the port is too large to be copied.
    """
    mode = _mode(trial)
    if not is_in_fp16(trial):
        why = f"with precision mode {mode} it computes no gradients in fp16"
        return Part(_NAME, "not checked", f"{why}; {_ANOTHER}")
    runs = [r for r in trial.smoke.runs if not r.expect or r.expect & {"train", "session"}]
    with temporary_folder() as folder:
        sides = [_FP16] if exact else [_FP16, _FP32]
        traces, findings = _train(trial, say, runs, folder / "first", sides)
        rounded, exact = traces["fp16"], exact or traces["fp32"]
        drifts = [measure(name, exact[name], rounded[name]) for name in rounded]
        if any(drift.unscaled for drift in drifts):
            say("in fp16 again, with a higher loss scale")
            traces, failed = _train(trial, say, runs, folder / "again", [_HIGHER])
            findings += failed
            drifts = [
                drift.scaled_higher(measure(drift.run, exact[drift.run], traces["fp16"][drift.run]))
                for drift in drifts
                if drift.run in traces["fp16"]
            ]
    for run in runs:
        findings += (f for drift in drifts if drift.run == run.name for f in _judged(run, drift))
    drifts = [drift for drift in drifts if drift.steps or drift.products]
    if not findings and not any(drift.products and drift.steps for drift in drifts):
        return Part(_NAME, "not checked", _nothing_seen(drifts))
    part = checked(_NAME, findings, limits=LIMITS, counts=_counts(drifts), drifts=tuple(drifts))
    if part.state == "failed":
        return part
    if not any(drift.surviving for drift in drifts):
        return replace(part, state="not checked", why=_too_little(drifts))
    return replace(part, next=_TRUST.format(mode=mode or "the port's precision mode"))


def is_in_fp16(trial: Trial) -> bool:
    """Whether the port's precision mode computes gradients in fp16, as far as can be known."""
    mode = _mode(trial)
    return mode is None or computes_gradients_in_fp16(mode)


def _mode(trial: Trial) -> str | None:
    """What is tried, else what was fixed for the port; None for one that was made by hand."""
    if chosen := trial.smoke.environment.get(_VARIABLE):
        return chosen
    path = trial.port / "npu_runtime" / "defaults.py"
    found = PRECISION_MODE.search(path.read_bytes()) if path.is_file() else None
    return found[1].decode() if found else None


def _train(
    trial: Trial, say: Say, runs: Sequence[SmokeRun], folder: Path, sides: Sequence[_Side]
) -> tuple[dict[str, _Traces], list[Finding]]:
    """The traces of each side; with a finding, and no more of them, where a run failed."""
    sites = {side: Site(folder / side.name) for side in sides}
    say("making data")
    for site in sites.values():
        copy_port(trial.port, trial.manifest, site.project)
    place_data(trial.smoke.data, trial.python, trial.limits, folder, list(sites.values()))
    traces: dict[str, _Traces] = {side.name: {} for side in sides}
    for run in runs:
        say(f"in fp16: {run.name}")
        folders = {side: site.trace(run.name) for side, site in sites.items()}
        commands = [
            site.command(
                run.line(trial.steps),
                trial.python,
                {**trial.smoke.environment, **({} if side.fp16 else {_VARIABLE: "none"})},
                cann=trial.cann,
                trace=folders[side],
                seed=SEED,
                fp16=side.fp16,
                loss_scale=side.loss_scale,
                numerics=True,
            )
            for side, site in sites.items()
        ]
        for side, outcome in zip(sides, run_all(commands, trial.limits), strict=True):
            if not outcome.ok:
                shown = sites[side].shown(outcome)
                path, line = place_in(shown.tail, run)
                message = f"{run.name} in {side.name} {shown.how}{last_words(shown.tail)}"
                return traces, [Finding(path, line, "CHK982", "error", message)]
        for side, trace in folders.items():
            traces[side.name][run.name] = read_trace(trace)
    return traces, []


def _judged(run: SmokeRun, drift: Drift) -> list[Finding]:
    def finding(code: str, severity: Severity, message: str, advice: str) -> Finding:
        return Finding(script_of(run), 0, code, severity, f"{run.name}: {message}", advice)

    found = []
    if drift.vanished:
        message = f"{_of(drift.vanished, drift)} all 0 in fp16, but not in fp32"
        found.append(finding("CHK980", "error", message, _SCALE))
    if drift.stuck:
        message = f"{_of(drift.stuck, drift)} too large for fp16 in each training step"
        found.append(finding("CHK981", "error", message, _OVERFLOW))
    if drift.falling:
        message = (
            f"{drift.steps} training steps are too few: the loss scale was still falling; nothing"
            f" can be told yet of {_named(drift.falling)}"
        )
        found.append(finding("CHK981", "warning", message, _FEW))
    return found


def _of(variables: Sequence[str], drift: Drift) -> str:
    of = f"{len(variables)} of {drift.variables} variables"
    return f"the gradients of {of} ({_named(variables)}) are"


def _named(variables: Sequence[str]) -> str:
    more = len(variables) - _NAMED
    return ", ".join(variables[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _counts(drifts: list[Drift]) -> tuple[Count, ...]:
    variables = sum(drift.variables for drift in drifts)
    steps = sum(drift.steps for drift in drifts)
    return (
        Count(
            "variables whose gradients survive fp16", sum(d.surviving for d in drifts), variables
        ),
        Count("training steps that overflow", sum(d.overflowed for d in drifts), steps),
        Count("products rounded", sum(drift.products for drift in drifts)),
    )


def _too_little(drifts: list[Drift]) -> str:
    if not any(drift.falling for drift in drifts):
        return "no variable has a gradient, in fp32 neither"
    steps = sum(drift.steps for drift in drifts)
    return f"{steps} training steps are too few to tell, as the loss scale was still falling"


def _nothing_seen(drifts: list[Drift]) -> str:
    if any(drift.products for drift in drifts):
        return (
            "no gradient could be seen: Keras, functions, loops on the device and optimizers "
            "that assign what they compute hide them"
        )
    return "no session of it computes convolutions or matrix products in fp16"
