"""Runs the checks over a port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from migrate.analysis.inventory import STATUSES, classified, symbol_uses, totals
from migrate.analysis.project import Project
from migrate.analysis.syntax import uncollected
from migrate.findings import Finding
from migrate.manifest import Manifest
from migrate.runtime import cann_release, runtime_paths
from migrate.upstream.tree import SourceFile
from migrate.verify.report import Count
from migrate.verify.static.check import CannotCheck, Context
from migrate.verify.static.openings import openings
from migrate.verify.static.registry import all_checks

CHECK_FAILED = "CHK903"


class SkippedCheck(NamedTuple):
    """A check that did not run, and why."""

    code: str
    why: str


@dataclass(frozen=True)
class StaticReport:
    """What reading a port told.

    Args:
        findings: in order of path, line and code.
        counts: sessions configured (of those that should be on the device), symbols classified
            (uses of TensorFlow, Keras and Horovod names), files parsed (Python files, the runtime
            that the port carries apart) and checks that ran.
        ran: codes of the checks that ran.
        skipped: those that could not.
    """

    cann: str
    findings: tuple[Finding, ...]
    counts: tuple[Count, ...]
    ran: tuple[str, ...]
    skipped: tuple[SkippedCheck, ...]

    @property
    def failed(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "cann": self.cann,
            "findings": [finding.as_json() for finding in self.findings],
            "counts": [asdict(count) for count in self.counts],
            "ran": list(self.ran),
            "skipped": [check._asdict() for check in self.skipped],
        }


def run_checks(
    files: Mapping[str, SourceFile], *, cann: str, manifest: Manifest | None
) -> StaticReport:
    """Checks a port, made by this kit or by hand. Nothing of it is run.

    Args:
        files: every file of the port, by path.
        cann: the CANN release to check for, such as ``7.0``.
        manifest: the port's manifest, or None where it has none.

    Raises:
        UsageError: the CANN release is unknown.
    """
    adapter = cann_release(cann).adapter
    with uncollected():
        findings, counts, ran, skipped = _run(files, adapter, manifest)
    return StaticReport(cann, findings, counts, ran, skipped)


def _run(
    files: Mapping[str, SourceFile], adapter: str, manifest: Manifest | None
) -> tuple[tuple[Finding, ...], tuple[Count, ...], tuple[str, ...], tuple[SkippedCheck, ...]]:
    carried = runtime_paths()
    project = Project({path: f for path, f in files.items() if path not in carried})
    findings: list[Finding] = []
    ran, skipped = [], []
    for check in all_checks():
        context = Context(files, project, adapter, manifest, check.code)
        try:
            findings += check.run(context)
        except CannotCheck as reason:
            skipped.append(SkippedCheck(check.code, str(reason)))
            continue
        except Exception as error:  # one check's bug must not hide what the others find
            skipped.append(SkippedCheck(check.code, "it failed"))
            findings.append(_failed(check.code, error))
            continue
        ran.append(check.code)
    counts = _counts(project, adapter, len(ran), len(skipped))
    return tuple(sorted(set(findings))), counts, tuple(ran), tuple(skipped)


def _counts(project: Project, adapter: str, ran: int, skipped: int) -> tuple[Count, ...]:
    places = openings(project, adapter)
    symbols = totals(classified(symbol_uses(project), {}))
    python = project.python_files
    return (
        Count("sessions configured", sum(p.is_configured for p in places), len(places)),
        Count(
            "TensorFlow symbols classified",
            sum(symbols[status] for status in STATUSES if status != "unknown"),
            sum(symbols.values()),
        ),
        Count("files parsed", sum(project.failure(p) is None for p in python), len(python)),
        Count("checks run", ran, ran + skipped),
    )


def _failed(code: str, error: Exception) -> Finding:
    return Finding(
        ".",
        0,
        CHECK_FAILED,
        "error",
        f"{code} failed: {type(error).__name__}: {error}",
        "Report this; what the check would find is not in this report.",
    )
