"""What the rules did to a project, group by group."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from migrate.analysis.inventory import Settled
from migrate.codemods.rule import Rule, SessionRow
from migrate.findings import Finding
from migrate.upstream.tree import SourceFile

RULE_FAILED = "NPU903"


@dataclass
class GroupResult:
    """What one group of rules did.

    Args:
        changed: the files it rewrote or added.
        fired_in: how many changes each rule made in each file, by path and code.
        runtime_in: modules of the port's runtime that the rewritten files import, by path.
        settled: what became of single uses of TensorFlow's names.
        texts: for each file, the bytes whose lines the findings and the like count.
    """

    group: str
    changed: dict[str, SourceFile] = field(default_factory=dict)
    fired_in: dict[str, Counter[str]] = field(default_factory=dict)
    runtime_in: dict[str, set[str]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    sessions: list[SessionRow] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)

    @property
    def fired(self) -> Counter[str]:
        """How many changes each rule made, by code."""
        return sum(self.fired_in.values(), Counter[str]())

    @property
    def runtime(self) -> set[str]:
        """The modules of the port's runtime that the rewritten files import."""
        return set[str]().union(*self.runtime_in.values())

    def count(self, path: str, code: str, changes: int) -> None:
        """Adds the changes that a rule made in a file."""
        self.fired_in.setdefault(path, Counter())[code] += changes

    def withdraw(self, path: str) -> None:
        """Forgets what was done to a file; what was found in it stays."""
        for done in (self.changed, self.fired_in, self.runtime_in):
            done.pop(path, None)
        self.settled = [use for use in self.settled if use.path != path]


def rule_failed(rule: Rule, path: str, error: Exception) -> Finding:
    """The error of a rule that failed, in a file or for the whole project."""
    return Finding(
        path,
        0,
        RULE_FAILED,
        "error",
        f"{rule.code} failed here: {type(error).__name__}: {error}",
        "Report this; what the rule would do here is left out.",
    )
