"""Static checks on small ports that are given as text."""

from __future__ import annotations

from collections.abc import Mapping

from migrate.findings import Finding
from migrate.manifest import Manifest
from migrate.upstream.tree import EXECUTABLE, REGULAR, SourceFile
from migrate.verify.static import StaticReport, run_checks
from tests.codemods.support import dedent

Files = Mapping[str, str | bytes]


def sources(files: Files, executable: frozenset[str] = frozenset()) -> dict[str, SourceFile]:
    """Source files, dedented where they are text, in the order of their paths."""
    return {
        path: SourceFile(
            path,
            data if isinstance(data, bytes) else dedent(data).encode(),
            EXECUTABLE if path in executable else REGULAR,
        )
        for path, data in sorted(files.items())
    }


def report(
    files: Files | str,
    cann: str = "7.0",
    manifest: Manifest | None = None,
    executable: frozenset[str] = frozenset(),
) -> StaticReport:
    """All checks on a port; a lone text is train.py."""
    given: Files = {"train.py": files} if isinstance(files, str) else files
    return run_checks(sources(given, executable), cann=cann, manifest=manifest)


def found(files: Files | str, code: str, cann: str = "7.0", **more: object) -> list[Finding]:
    """What one check finds; all of them have to run."""
    made = report(files, cann, **more)  # type: ignore[arg-type]
    assert not [f for f in made.findings if f.code == "CHK903"], made.findings
    return [finding for finding in made.findings if finding.code == code]


def places(files: Files | str, code: str, cann: str = "7.0", **more: object) -> list[str]:
    """The same as ``severity path:line``, or ``severity line`` in train.py."""
    return [
        f"{f.severity} {f.line if f.path == 'train.py' else f'{f.path}:{f.line}'}"
        for f in found(files, code, cann, **more)
    ]
