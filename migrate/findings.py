"""What the kit tells about one place in a project."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Severity = Literal["error", "warning", "note"]


class Finding(NamedTuple):
    """One thing to know about one place.

    Args:
        path: file, relative to the project's root, with forward slashes.
        line: 1-based; 0 when the finding is about the whole file.
        code: the rule's code, such as ``NPU101``.
        severity: ``error`` fails the command (exit 1); ``warning`` and ``note`` do not.
        message: what is the case.
        advice: what to do, or empty.
    """

    path: str
    line: int
    code: str
    severity: Severity
    message: str
    advice: str = ""

    def as_json(self) -> dict[str, Any]:
        return self._asdict()
