"""Compares what two trainings fetched: upstream's numbers beside the port's, step by step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrate.verify.smoke import TOLERANCE
from migrate.verify.trace import Process, Run, Scalar

# How full a queue is when someone looks depends on the clock (tf.train.batch, shuffle_batch).
_TIMED = re.compile(r"/fraction_(over_\d+_)?of_\d+_full(_\d+)?$")
_CURVES = 3
_POINTS = 400


@dataclass(frozen=True)
class Difference:
    """One value that differs.

    Args:
        step: how many training steps had been started, this one included.
        tensor: its name.
        relative: ``|a - b| / max(|a|, |b|)``; infinite where one is not finite.
    """

    step: int
    tensor: str
    upstream: Scalar
    port: Scalar
    relative: float


@dataclass(frozen=True)
class Curve:
    """The values of one tensor, in the order in which they were fetched."""

    tensor: str
    upstream: tuple[float, ...]
    port: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """What came of comparing two runs.

    Args:
        run: the run's name.
        values: how many pairs of values were compared.
        equal: how many of them are bit-equal.
        tensors: how many distinct tensors they belong to.
        steps: how many training steps of upstream they cover.
        largest: the pair with the largest difference, where one differs at all.
        first: the first pair that differs by more than the tolerance.
        beyond: how many pairs differ by more than the tolerance.
        missing: what one side fetched and the other did not, one line each.
        timed: how many values of upstream's were left out, since they depend on the clock: what
            services in the background fetched, and how full queues were.
        curves: some losses, to be drawn.
    """

    run: str
    values: int = 0
    equal: int = 0
    tensors: int = 0
    steps: int = 0
    tolerance: float = TOLERANCE
    tolerance_why: str = ""
    largest: Difference | None = None
    first: Difference | None = None
    beyond: int = 0
    missing: tuple[str, ...] = ()
    timed: int = 0
    curves: tuple[Curve, ...] = ()

    @property
    def ok(self) -> bool:
        return self.values > 0 and not self.beyond and not self.missing


# The scalars of one process: for a session and a tensor, the step and value of each fetch.
_Series = dict[tuple[int, str], list[tuple[int, Scalar]]]


def compare(
    run: str,
    upstream: Sequence[Process],
    port: Sequence[Process],
    tolerance: float = TOLERANCE,
    tolerance_why: str = "",
) -> Comparison:
    """Compares every scalar that both fetched.

    A session is paired with the one that has the same place in the order of the sessions that
    fetch scalars.

    Args:
        run: the name of what was run.
        upstream: the processes of upstream's run.
        port: those of the port's.
        tolerance: the relative difference that is allowed.
        tolerance_why: why it is another than the usual one.
    """
    ours, theirs = _all_series(port), _all_series(upstream)
    pairs: list[tuple[int, str, Scalar, Scalar]] = []
    missing = []
    for key in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(key, []), theirs.get(key, [])
        pairs += [(step, key[1], b, a) for (step, b), (_, a) in zip(other, mine, strict=False)]
        if len(mine) != len(other):
            missing.append(
                f"{key[1]}: fetched {len(other)} times by upstream, {len(mine)} times by the port"
            )
    differences = [
        Difference(step, tensor, a, b, relative(a, b)) for step, tensor, a, b in pairs if a != b
    ]
    beyond = [d for d in differences if d.relative > tolerance]
    return Comparison(
        run=run,
        values=len(pairs),
        equal=len(pairs) - len(differences),
        tensors=len({tensor for _, tensor, _, _ in pairs}),
        steps=sum(process.training_runs for process in upstream),
        tolerance=tolerance,
        tolerance_why=tolerance_why,
        largest=max(differences, key=lambda d: d.relative, default=None),
        first=min(beyond, key=lambda d: d.step, default=None),
        beyond=len(beyond),
        missing=tuple(missing),
        timed=sum(
            _is_timed(run, tensor)
            for process in upstream
            for run in process.runs
            for tensor in run.scalars
        ),
        curves=_curves(theirs, ours),
    )


def relative(a: Scalar, b: Scalar) -> float:
    """The relative difference of two values; infinite where it has no number."""
    if a == b:
        return 0.0
    if isinstance(a, str) or isinstance(b, str):
        return float("inf")
    return abs(a - b) / max(abs(a), abs(b))


def _all_series(processes: Sequence[Process]) -> _Series:
    found: _Series = {}
    offset = 0
    for process in processes:
        fetching = sorted({run.session for run in process.runs if run.main and run.scalars})
        number = {session: offset + index for index, session in enumerate(fetching)}
        offset += len(fetching)
        step = 0
        for run in process.runs:
            step += process.trains(run)
            for tensor, value in run.scalars.items():
                # What a run reads and also changes, it reads before or after, as it happens.
                open_order = tensor.startswith("array ") and process.trains(run)
                if not open_order and not _is_timed(run, tensor):
                    found.setdefault((number[run.session], tensor), []).append((step, value))
    return found


def _is_timed(run: Run, tensor: str) -> bool:
    return not run.main or _TIMED.search(tensor) is not None


def _curves(upstream: _Series, port: _Series) -> tuple[Curve, ...]:
    """Losses by their names; where no name says so, what was fetched most and changes."""
    drawn = {
        key: Curve(key[1], _numbers(upstream[key]), _numbers(port[key]))
        for key in upstream.keys() & port.keys()
    }
    curves: Mapping[tuple[int, str], Curve] = {
        key: curve
        for key, curve in drawn.items()
        if not curve.tensor.startswith("array ")
        and len(set(curve.upstream)) > 1
        and all(isinstance(v, float) for _, v in upstream[key])
    }
    best = sorted(curves, key=lambda k: ("loss" not in k[1].lower(), -len(curves[k].upstream), k))
    return tuple(curves[key] for key in best[:_CURVES])


def _numbers(series: Sequence[tuple[int, Scalar]]) -> tuple[float, ...]:
    values = [float(value) for _, value in series if not isinstance(value, str)]
    return tuple(values[:_POINTS])
