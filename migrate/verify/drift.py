"""Compares a training in emulated fp16 with the same one in fp32: gradients, and what was fetched.

Source of what fp16 can hold: IEEE 754 binary16, from 2^-24 to 65504.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from migrate.verify import parity
from migrate.verify.parity import Curve, Difference
from migrate.verify.trace import GradientNumbers, LossScale, Process

# A gradient that is smaller than the largest of its step by this factor is what rounding leaves of
# 0 in fp32, such as that of a bias before a batch normalization.
_NOISE = 1e-6


@dataclass(frozen=True)
class Drift:
    """What fp16 does to one training.

    Args:
        run: the run's name.
        steps: how many training steps it made in fp16.
        overflowed: in how many of them a gradient overflowed; they change no variable where the
            loss is scaled.
        products: how many convolutions and matrix products were rounded.
        variables: how many trained variables have gradients in fp32 that are not all 0.
        vanished: those whose gradients are all 0 in fp16.
        unscaled: those of them for which a dynamic loss scale never had to fall. It begins higher
            on a device, so that this says nothing yet.
        stuck: those whose gradients overflow in each step.
        falling: the same, but in so few steps that a dynamic loss scale was still falling.
        scale: the dynamic loss scale after the last step; None where there is none.
        nonzero: the share of gradients' values that are not 0 in fp16; None where none was seen.
        nonzero_fp32: the same in fp32.
        comparable: how many training steps there were up to the first that overflowed. It makes
            other updates than fp32, so that later values are not compared.
        values: how many pairs of fetched values were compared.
        largest: of the losses, the pair with the largest difference (upstream: fp32, port: fp16),
            relative to that loss's largest value; without curves, of all that was fetched.
        curves: some losses, to be drawn, all steps of them.
    """

    run: str
    steps: int = 0
    overflowed: int = 0
    products: int = 0
    variables: int = 0
    vanished: tuple[str, ...] = ()
    unscaled: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()
    falling: tuple[str, ...] = ()
    scale: float | None = None
    nonzero: float | None = None
    nonzero_fp32: float | None = None
    comparable: int = 0
    values: int = 0
    largest: Difference | None = None
    curves: tuple[Curve, ...] = ()

    @property
    def surviving(self) -> int:
        """How many variables have gradients in fp16 as well."""
        return self.variables - sum(map(len, (self.vanished, self.stuck, self.falling)))

    def scaled_higher(self, higher: Drift) -> Drift:
        """This, with what the same training under a loss scale that begins as a device's tells.

        Args:
            higher: that training.
        """
        vanished = set(self.vanished) - (set(self.unscaled) - set(higher.vanished))
        falling = set(self.unscaled) & set(higher.falling)
        return replace(
            self,
            vanished=tuple(sorted(vanished)),
            unscaled=(),
            falling=tuple(sorted({*self.falling, *falling})),
        )


def measure(run: str, fp32: Sequence[Process], fp16: Sequence[Process]) -> Drift:
    """Compares two trainings of the same port with the same seeds.

    Args:
        run: the name of what was run.
        fp32: the processes of the run without rounding.
        fp16: those of the run with it.
    """
    steps = [step for process in fp16 for step in process.numerics]
    good = [step for step in steps if not _overflows(step)]
    before = [step for process in fp32 for step in process.numerics]
    pairs = list(_pairs(before, good))
    seen: dict[str, int] = defaultdict(int)
    for variable, exact, rounded in pairs:
        if exact.nonzero:
            seen[variable] += rounded.nonzero
    vanished = {variable for variable, nonzero in seen.items() if not nonzero}
    scales = [scale for process in fp16 for scale in process.scales]
    patience = max((scale.falling for scale in scales), default=0)
    bad = Counter(variable for step in steps if _overflows(step) for variable in step)
    finite = {variable for step in before if not _overflows(step) for variable in step}
    never = {variable for variable in bad if not any(variable in step for step in good)} & finite
    stuck = {variable for variable in never if bad[variable] > patience}
    comparable, comparable_steps = _to_first_overflow(fp16)
    compared = parity.compare(run, fp32, comparable, float("inf"))
    return Drift(
        run,
        steps=len(steps),
        overflowed=len(steps) - len(good),
        products=sum(process.rounded for process in fp16),
        variables=len(seen.keys() | never),
        vanished=tuple(sorted(vanished)),
        unscaled=tuple(sorted(v for v in vanished if scales and not bad[v])),
        stuck=tuple(sorted(stuck)),
        falling=tuple(sorted(never - stuck)),
        scale=min((_after(scale, max(bad.values(), default=0)) for scale in scales), default=None),
        nonzero=_share([rounded for _, _, rounded in pairs]),
        nonzero_fp32=_share([exact for _, exact, _ in pairs]),
        comparable=comparable_steps,
        values=compared.values,
        largest=_largest(compared.curves) if compared.curves else compared.largest,
        curves=parity.compare(run, fp32, fp16, float("inf")).curves,
    )


def _overflows(step: Mapping[str, GradientNumbers]) -> bool:
    return any(gradient.overflowed for gradient in step.values())


def _after(scale: LossScale, overflowed: int) -> float:
    return max(scale.begins * scale.falls**overflowed, 1.0)


def _to_first_overflow(processes: Sequence[Process]) -> tuple[list[Process], int]:
    """The processes until the run behind whose updates it is another training; their steps."""
    found: list[Process] = []
    total = 0
    for process in processes:
        last = next((n for n, step in enumerate(process.numerics, 1) if _overflows(step)), None)
        if last is not None:
            ends = [position for position, run in enumerate(process.runs, 1) if process.trains(run)]
            end = ends[last - 1] if last <= len(ends) else 0
            return [*found, replace(process, runs=process.runs[:end])], total + last
        found.append(process)
        total += len(process.numerics)
    return found, total


def _pairs(
    fp32: Sequence[Mapping[str, GradientNumbers]], fp16: Sequence[Mapping[str, GradientNumbers]]
) -> Iterator[tuple[str, GradientNumbers, GradientNumbers]]:
    """Gradients of a variable after as many updates: a step that overflows makes none."""
    exact: dict[str, list[GradientNumbers]] = defaultdict(list)
    for step in fp32:
        noise = max((gradient.largest for gradient in step.values()), default=0.0) * _NOISE
        for variable, gradient in step.items():
            exact[variable].append(gradient if gradient.largest >= noise else _zero(gradient))
    updates: dict[str, int] = defaultdict(int)
    for step in fp16:
        for variable, gradient in step.items():
            number = updates[variable]
            updates[variable] += 1
            if number < len(exact[variable]):
                yield variable, exact[variable][number], gradient


def _zero(gradient: GradientNumbers) -> GradientNumbers:
    return replace(gradient, nonzero=0)


def _share(gradients: Sequence[GradientNumbers]) -> float | None:
    size = sum(gradient.size for gradient in gradients)
    return sum(gradient.nonzero for gradient in gradients) / size if size else None


def _largest(curves: Sequence[Curve]) -> Difference | None:
    """Relative to the largest value of a loss: where it is near 0, it may differ by any factor."""
    differences = (
        Difference(number, curve.tensor, a, b, abs(a - b) / scale if scale else float("inf"))
        for curve in curves
        for scale in [max(map(abs, curve.upstream), default=0.0)]
        for number, (a, b) in enumerate(zip(curve.upstream, curve.port, strict=False), 1)
        if a != b
    )
    return max(differences, key=lambda difference: difference.relative, default=None)
