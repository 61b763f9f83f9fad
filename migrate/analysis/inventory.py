"""Every TensorFlow, Keras and Horovod name that a project uses, and how a port deals with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from migrate.analysis.project import Project
from migrate.analysis.references import Use, functions_in
from migrate.analysis.symbols import Status, classify

_LITERALS = (b"tensorflow", b"keras", b"horovod", b"import *")
STATUSES: tuple[str, ...] = ("native", "rewritten", "manual", "unsupported", "unknown")


@dataclass(frozen=True)
class SymbolReport:
    """How the uses of one name are dealt with.

    Args:
        status: ``native``, ``rewritten``, ``manual``, ``unsupported`` or ``unknown``.
        reason: what to know about it; empty for native and rewritten names.
        places: ``file:line`` of each use.
    """

    name: str
    status: str
    reason: str
    places: tuple[str, ...]


def symbol_uses(project: Project) -> list[Use]:
    """Every use in the files that parse, in order of path and line."""
    uses: list[Use] = []
    for path in project.python_files:
        data = project.files[path].data
        if any(literal in data for literal in _LITERALS):
            for facts in functions_in(project, path).values():
                uses += [u for u in (*facts.uses, *facts.pipeline_uses) if u.name[0] != "."]
    return sorted(uses, key=lambda use: (use.path, use.line))


def classified(uses: Iterable[Use], claimed: Mapping[str, frozenset[str]]) -> list[SymbolReport]:
    """One report for each name and status, sorted.

    Args:
        uses: what the project used before the port.
        claimed: for each path, the names that the rules which fired there deal with; one that
            ends with ``.*`` stands for all below it.
    """
    places: dict[tuple[str, str, str], list[str]] = {}
    for use in uses:
        status: Status | str
        if _is_claimed(use.name, claimed.get(use.path, frozenset())):
            status, reason = "rewritten", ""
        else:
            symbol = classify(use.name)
            status, reason = symbol.status, symbol.reason
        places.setdefault((use.name, status, reason), []).append(f"{use.path}:{use.line}")
    return [
        SymbolReport(name, status, reason, tuple(found))
        for (name, status, reason), found in sorted(places.items())
    ]


def _is_claimed(name: str, claims: frozenset[str]) -> bool:
    return name in claims or any(
        claim.endswith(".*") and name.startswith(claim[:-1]) for claim in claims
    )


def totals(reports: Iterable[SymbolReport]) -> dict[str, int]:
    """Uses by status; every status is there."""
    counts = dict.fromkeys(STATUSES, 0)
    for report in reports:
        counts[report.status] += len(report.places)
    return counts
