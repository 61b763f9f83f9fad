"""Compares the data that ranks train on, and the files that they write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrate.findings import Finding, Severity
from migrate.verify.places import script_of, split_place
from migrate.verify.report import Count
from migrate.verify.smoke import SmokeRun
from migrate.verify.trace import Batch, Process

# Of all rows: data sets may have some twice.
_TWINS = 0.1
_CHECKPOINTS = "checkpoint"  # TensorFlow's list of the checkpoints beside it


@dataclass
class Tally:
    """How many of something were right, out of how many."""

    right: int = 0
    all: int = 0

    def add(self, right: bool) -> None:
        self.right += right
        self.all += 1

    def count(self, what: str) -> Count:
        return Count(what, self.right, self.all)


@dataclass(frozen=True)
class Voice:
    """Says findings about one run, at one place."""

    findings: list[Finding]
    path: str
    line: int
    run: str

    def __call__(self, code: str, message: str, advice: str, severity: Severity = "error") -> None:
        text = f"{self.run}: {message}"
        self.findings.append(Finding(self.path, self.line, code, severity, text, advice))


@dataclass
class DataComparison:
    """What came of comparing data and files, run by run."""

    findings: list[Finding]
    _rows: Tally = field(default_factory=Tally)
    _elements: Tally = field(default_factory=Tally)
    _files: Tally = field(default_factory=Tally)

    def counts(self) -> tuple[Count, ...]:
        """What was compared, out of how much."""
        return (
            self._elements.count("elements kept by one rank"),
            self._rows.count("rows trained on by one rank"),
            self._files.count("files written by one rank"),
        )

    def compare_rows(self, ranks: Sequence[Sequence[Batch]], say: Voice) -> set[str]:
        """Compares what ranks train on; tells what of it they share: "data", "noise"."""
        epochs = [_first_epoch(runs) for runs in ranks]
        every = set[str]().union(*epochs)
        shared = {row for row in every if sum(row in epoch for epoch in epochs) > 1}
        for row in every:
            self._rows.add(row not in shared)
        batches = [batch for runs in ranks for batch in runs]
        noise = {row for batch in batches for name in batch.noise for row in batch.rows[name]}
        found = set()
        if _too_many(data := shared - noise, every - noise):
            found.add("data")
            say(
                "CHK974",
                f"{len(data)} of {len(every - noise)} rows were trained on by several ranks:"
                f" those of {_holders(batches, data)}",
                "Give each rank its part of the data: dataset.shard(rank_size, rank) before"
                " shuffle and batch, or npu_shard.",
            )
        if _too_many(drawn := shared & noise, every & noise):
            found.add("noise")
            say(
                "CHK974",
                f"{len(drawn)} of {len(every & noise)} rows of noise were trained on by several"
                f" ranks: NumPy draws what is fed to {_holders(batches, drawn)} from a seed that"
                " all share",
                "To feed each its own, add rank() of npu_runtime to a seed from which nothing"
                " splits or shuffles data (`migrate explain NPU702`).",
            )
        return found

    def compare_elements(
        self, run: SmokeRun, by_rank: Sequence[Sequence[Process]], same_data: bool
    ) -> None:
        """Compares which elements ranks keep where data is split.

        Args:
            by_rank: the processes of each rank.
            same_data: whether it has been said that data is not split.
        """
        ranks = [
            {key: shard for process in own for key, shard in process.shards.items()}
            for own in by_rank
        ]
        places = [key for key in ranks[0] if all(key in rank for rank in ranks)]
        compared = 0
        for key in places:
            shards = [rank[key] for rank in ranks]
            common = set.intersection(*[shard.elements() for shard in shards])
            # Equal elements that several readers held at once are counted, not told apart.
            lost = Counter(digest for digest, _ in common)
            lost.subtract(sum((shard.times_kept for shard in shards), Counter()))
            keepers = [
                number
                for element in common
                if (number := sum(element in shard.kept for shard in shards))
                or lost[element[0]] > 0
            ]
            compared += len(keepers)
            for number in keepers:
                self._elements.add(number == 1)
            several, none = sum(k > 1 for k in keepers), sum(k == 0 for k in keepers)
            if several or none:
                path, line = split_place(key[0], run)
                Voice(self.findings, path, line, run.name)(
                    "CHK976",
                    f"of {len(keepers)} elements that all ranks have read, {several} are kept by"
                    f" several and {none} by none",
                    "Each rank must keep another part of the same order:"
                    " dataset.shard(rank_size, rank), before shuffle and batch.",
                )
        if not compared and not same_data:
            what = "what is split differs by rank before that" if places else "nothing splits data"
            Voice(self.findings, script_of(run), 0, run.name)(
                "CHK976",
                f"it cannot be seen that each rank trains on a part of its own: {what}",
                "Only dataset.shard and npu_shard are watched; what the program chooses by"
                " itself, see for yourself.",
                "warning",
            )

    def compare_files(
        self, run: SmokeRun, by_rank: Sequence[Sequence[Process]], project: Path
    ) -> None:
        """Compares which files ranks write below a project's folder."""
        writers: dict[str, set[int]] = {}
        for rank, own in enumerate(by_rank):
            for path in (path for process in own for path in process.writes):
                if Path(path).is_relative_to(project):
                    writers.setdefault(str(Path(path).relative_to(project)), set()).add(rank)
        shared = sorted(
            (path for path, ranks in writers.items() if len(ranks) > 1),
            key=lambda path: (Path(path).name != _CHECKPOINTS, path),
        )
        for path in writers:
            self._files.add(path not in shared)
        say = Voice(self.findings, script_of(run), 0, run.name)
        if shared:
            more = f" and {len(shared) - 1} others" if shared[1:] else ""
            ranks = ", ".join(map(str, sorted(writers[shared[0]])))
            say(
                "CHK977",
                f"ranks {ranks} write the same {_called(shared[0])}{more}",
                "All ranks of a server run in one folder: let rank 0 alone write checkpoints,"
                " summaries and samples.",
            )
        saving = [rank for rank, own in enumerate(by_rank) if rank and any(p.saves for p in own)]
        if saving and not shared:
            say(
                "CHK977",
                f"rank {saving[0]} writes checkpoints as well, to a place of its own",
                "They are those of rank 0 once more: let rank 0 alone write them.",
                "warning",
            )


def _too_many(shared: set[str], every: set[str]) -> bool:
    return len(shared) > _TWINS * len(every)


def _holders(batches: Iterable[Batch], rows: set[str]) -> str:
    """The tensors that some of these rows belong to."""
    holders = (
        name.partition(":")[0]
        for batch in batches
        for name, own in batch.rows.items()
        if not rows.isdisjoint(own)
    )
    return ", ".join(dict.fromkeys(holders))


def _first_epoch(runs: Sequence[Batch]) -> set[str]:
    """The rows that were trained on until one came again; several runs may share a batch."""
    seen: set[str] = set()
    last: set[str] = set()
    for batch in runs:
        rows = set[str]().union(*batch.rows.values())
        if rows <= last:
            continue
        if rows & seen:
            break
        seen |= rows
        last = rows
    return seen


def _called(path: str) -> str:
    return f"{'checkpoints' if Path(path).name == _CHECKPOINTS else 'file'} ({path})"
