"""Every TensorFlow, Keras and Horovod name that a project uses, and how a port deals with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

from migrate.analysis.project import Project
from migrate.analysis.references import Use, functions_in
from migrate.analysis.symbols import classify

_LITERALS = (b"tensorflow", b"keras", b"horovod", b"import *")
STATUSES: tuple[str, ...] = ("native", "rewritten", "manual", "unsupported", "unknown")


class SymbolReport(NamedTuple):
    """How the uses of one name are dealt with.

    Args:
        status: ``native``, ``rewritten``, ``manual``, ``unsupported`` or ``unknown``.
        reason: what to know about it; often empty for native and rewritten names.
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


class Settled(NamedTuple):
    """What became of one use of a name, where its name alone does not tell.

    Args:
        status: ``rewritten``, or ``native`` where it may stay as it is.
        reason: what to know about it.
    """

    path: str
    line: int
    name: str
    status: Literal["rewritten", "native"] = "rewritten"
    reason: str = ""


def classified(uses: Iterable[Use], settled: Collection[Settled] = ()) -> list[SymbolReport]:
    """One report for each name and status, sorted.

    Args:
        uses: what the project used before the port.
        settled: what the rules did about some of them, by the same lines; of two that stand for
            the same use, *rewritten* counts.
    """
    known: dict[tuple[str, int, str], list[Settled]] = {}
    for one in sorted(set(settled), key=lambda one: (one.status != "rewritten", one.reason)):
        known.setdefault((one.path, one.line, one.name), []).append(one)
    rewritten = {one.name: one for one in settled if one.status == "rewritten"}
    places: dict[tuple[str, str, str], list[str]] = {}
    for use in uses:
        place = (use.path, use.line, use.name)
        told = known[place][0] if place in known else classify(use.name)
        if told.status == "unknown":  # a method of what has another name now
            told = rewritten.get(use.name.rpartition(".")[0], told)
        key = (use.name, told.status, told.reason)
        places.setdefault(key, []).append(f"{use.path}:{use.line}")
    return [
        SymbolReport(name, status, reason, tuple(found))
        for (name, status, reason), found in sorted(places.items())
    ]


def totals(reports: Iterable[SymbolReport]) -> dict[str, int]:
    """Uses by status; every status is there."""
    counts = dict.fromkeys(STATUSES, 0)
    for report in reports:
        counts[report.status] += len(report.places)
    return counts
