"""Compares the ranks of a distributed training: what must be the same on all, and what must not.

Variables and gradients are compared by digests, to the bit: equal gradients, applied to equal
variables on the same machine, leave equal variables.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrate.findings import Finding
from migrate.verify.places import split_place
from migrate.verify.rank_data import DataComparison, Tally, Voice
from migrate.verify.report import Count
from migrate.verify.smoke import SmokeRun
from migrate.verify.trace import Batch, Gradient, Process, Session, TrainingRun, Variables

# Of the sum of absolute values. Gradients may be fp16 on their way; a sum instead of a mean of two
# ranks is off by half.
_TOLERANCE = 1e-3


@dataclass
class RankComparison:
    """What came of comparing ranks, run by run."""

    findings: list[Finding] = field(default_factory=list)
    _variables: Tally = field(default_factory=Tally)
    _equal: Tally = field(default_factory=Tally)
    _averaged: Tally = field(default_factory=Tally)
    _apart: int = 0
    _unseen: int = 0

    def __post_init__(self) -> None:
        self._data = DataComparison(self.findings)

    def add(self, run: SmokeRun, processes: Sequence[Process], ranks: int, project: Path) -> None:
        """Compares the ranks of one run that trains.

        Args:
            processes: what all of its processes told.
            ranks: how many there are.
            project: the folder in which they ran.
        """
        by_rank = [[p for p in processes if p.rank == rank] for rank in range(ranks)]
        same_data = False
        for sessions in zip(*[list(_sessions(own)) for own in by_rank], strict=False):
            path, line = split_place(sessions[0].session.place, run)
            say = Voice(self.findings, path, line, run.name)
            shared = self._data.compare_rows([s.batches for s in sessions], say)
            same = self._compare_gradients([s.training for s in sessions], bool(shared), say)
            self._compare_variables([s.variables for s in sessions], say)
            same_data |= same if not shared else "data" in shared
        if any(p.training_runs for p in processes):
            self._data.compare_elements(run, by_rank, same_data)
        self._data.compare_files(run, by_rank, project)

    def counts(self) -> tuple[Count, ...]:
        """What was compared, out of how much."""
        counts = [
            self._variables.count("variables equal"),
            self._equal.count("gradients equal"),
            self._averaged.count("gradients averaged"),
            *self._data.counts(),
        ]
        if self._apart:
            what = "variables that no optimizer changes and that differ by rank, as averages may"
            counts.append(Count(what, self._apart))
        if self._unseen:
            counts.append(Count("gradients in loops or functions, not looked at", self._unseen))
        return tuple(counts)

    def _compare_variables(self, ranks: Sequence[Mapping[int, Variables]], say: Voice) -> None:
        steps = sorted(set.intersection(*[set(rank) for rank in ranks]))
        if not steps:
            return
        last = [rank[steps[-1]] for rank in ranks]
        wrong = []
        for name in _common([variables.trained for variables in last]):
            different = _different([variables.trained[name] for variables in last])
            self._variables.add(not different)
            if different:
                wrong.append((name, different))
        others = [variables.others for variables in last]
        self._apart += sum(bool(_different([o[name] for o in others])) for name in _common(others))
        if not wrong:
            return
        name, rank = wrong[0]
        first = next(
            step
            for step in steps
            if _different([variables[step].trained.get(name, "") for variables in ranks])
        )
        when = "before the first step" if first == 0 else f"after training run {first}"
        say(
            "CHK975",
            f"{len(wrong)} variables differ between the ranks; the first: {name}, {when},"
            f" on rank {rank}",
            "Give all ranks the variables of rank 0 before they train:"
            " NPUBroadcastGlobalVariablesHook, or npu_hooks_append."
            if first == 0
            else "Equal variables stay equal where all ranks apply the same gradients.",
        )

    def _compare_gradients(
        self, ranks: Sequence[Mapping[int, TrainingRun]], explained: bool, say: Voice
    ) -> bool:
        """Says what is wrong with gradients; tells whether all ranks computed the same ones.

        Args:
            explained: whether it has been said what makes them the same.
        """
        unequal: dict[str, tuple[int, int]] = {}
        wrong: dict[str, tuple[int, float]] = {}
        alone: dict[str, int] = {}
        same: dict[frozenset[str], bool] = {}
        for step in sorted(set.intersection(*[set(rank) for rank in ranks])):
            runs = [rank[step] for rank in ranks]
            self._unseen += max(run.unseen for run in runs)
            varied = moving = False
            names = _common([run.gradients for run in runs])
            for name in names:
                gradients = [run.gradients[name] for run in runs]
                different = _different([gradient.applied for gradient in gradients])
                self._equal.add(not different)
                if different:
                    unequal.setdefault(name, (step, different))
                reduced = all(gradient.reduced for gradient in gradients)
                ratio = _ratio(gradients) if reduced else 1.0
                self._averaged.add(reduced and ratio == 1.0)
                if not reduced:
                    alone.setdefault(name, step)
                elif ratio != 1.0:
                    wrong.setdefault(name, (step, ratio))
                moving |= any(gradient.size > 0 for gradient in gradients)
                varied |= bool(_different([gradient.own for gradient in gradients]))
            if moving:
                key = frozenset(names)
                same[key] = same.get(key, True) and not varied
        if alone:
            name, step = next(iter(alone.items()))
            say(
                "CHK973",
                f"the gradients of {len(alone)} variables are not averaged over the ranks; the"
                f" first: {name}, at training run {step}",
                "Wrap the optimizer that changes it in NPUDistributedOptimizer; of a GAN's two,"
                " both.",
            )
        unequal = {name: at for name, at in unequal.items() if name not in alone}
        if unequal:
            name, (step, rank) = next(iter(unequal.items()))
            say(
                "CHK973",
                f"optimizers are given different gradients of {len(unequal)} variables; the"
                f" first: {name}, at training run {step}, on rank {rank}",
                "What is done to gradients after they were averaged must not depend on the rank.",
            )
        if wrong:
            name, (step, ratio) = next(iter(wrong.items()))
            say(
                "CHK973",
                f"the gradients of {len(wrong)} variables are not the mean over the ranks; the"
                f" first: {name}, at training run {step}, is {ratio:.3g} times that",
                "A sum over n ranks is n times their mean: divide by the number of ranks, or use"
                " NPUDistributedOptimizer.",
            )
        copies = [names for names, alike in same.items() if alike]
        if copies and not explained:
            names = sorted(copies[0])
            say(
                "CHK974",
                f"all ranks compute the same gradients, of {names[0]} and"
                f" {len(names) - 1} other variables, in every training run: they train on the"
                " same data, or on the same random numbers",
                "Give each rank its part, dataset.shard(rank_size, rank) before shuffle and"
                " batch, and a seed of its own.",
            )
        return bool(copies)


@dataclass(frozen=True)
class _Trained:
    """What one session that trains left, by number of training runs."""

    session: Session
    variables: Mapping[int, Variables]
    training: Mapping[int, TrainingRun]
    batches: Sequence[Batch]


def _sessions(processes: Sequence[Process]) -> Iterator[_Trained]:
    for process in processes:
        for session in process.training_sessions:
            yield _Trained(
                session,
                {s: v for (number, s), v in process.variables.items() if number == session.number},
                {s: t for (number, s), t in process.training.items() if number == session.number},
                process.batches.get(session.number, ()),
            )


def _common(ranks: Sequence[Mapping[str, object]]) -> list[str]:
    """The names that all ranks have, in the order of rank 0."""
    return [name for name in ranks[0] if all(name in rank for rank in ranks)]


def _different(values: Sequence[str]) -> int:
    """The first rank whose value is not that of rank 0; 0 if there is none."""
    return next((rank for rank, value in enumerate(values) if value != values[0]), 0)


def _ratio(gradients: Sequence[Gradient]) -> float:
    """How many times the mean over the ranks it is that an optimizer is given; 1.0 is right."""
    count = len(gradients)
    size = sum(gradient.size for gradient in gradients) / count
    if not math.isfinite(size) or size == 0:
        return 1.0
    means = [sum(own) / count for own in zip(*[g.sums for g in gradients], strict=True)]
    given = gradients[0]
    for factor in given.factors:
        ours = [factor * value for value in given.reduced_sums]
        if all(
            abs(value - mean) <= _TOLERANCE * size for value, mean in zip(ours, means, strict=True)
        ):
            return 1.0
    largest = max(range(len(means)), key=lambda place: abs(means[place]))
    ratio = given.factors[-1] * given.reduced_sums[largest] / (means[largest] or size)
    return math.nan if ratio == 1.0 else ratio
