"""How a port's findings are told."""

from __future__ import annotations

from migrate.findings import Finding, Severity
from migrate.report import finding_lines


def note(path: str, line: int, message: str, advice: str = "") -> Finding:
    return found("note", path, line, message, advice)


def found(severity: Severity, path: str, line: int, message: str, advice: str = "") -> Finding:
    return Finding(path, line, "NPU303", severity, message, advice)


def test_errors_come_first_and_each_has_its_place() -> None:
    findings = [
        note("a.py", 3, "small"),
        found("error", "z.py", 0, "bad", "Mend it."),
        found("warning", "b.py", 9, "odd"),
        found("warning", "b.py", 10, "odder", "Look."),
    ]
    assert list(finding_lines(findings)) == [
        "  error NPU303 z.py: bad",
        "      Mend it.",
        "  warning NPU303 b.py:9: odd",
        "  warning NPU303 b.py:10: odder",
        "      Look.",
        "  note NPU303 a.py:3: small",
    ]


def test_the_same_is_told_once_with_every_place() -> None:
    findings = [
        note("a.py", 3, "x is open", "Close it."),
        note("a.py", 20, "y is open", "Close it."),
        note("b.py", 1, "other"),
        note("c.py", 4, "x is open", "Close it."),
        note("c.py", 5, "x is open", "Close it."),
        found("warning", "d.py", 6, "x is open", "Close it."),
    ]
    assert list(finding_lines(findings)) == [
        "  warning NPU303 d.py:6: x is open",
        "      Close it.",
        "  note NPU303 a.py:3: x is open",
        "      also c.py:4, c.py:5",
        "  note NPU303 a.py:20: y is open",
        "      Close it.",
        "  note NPU303 b.py:1: other",
    ]


def test_many_places_are_wrapped_and_none_is_lost() -> None:
    findings = [note(f"some/long-folder/file_{i:02}.py", i, "open") for i in range(1, 40)]
    lines = list(finding_lines(findings))
    assert all(len(line) <= 100 for line in lines)
    text = " ".join(lines)
    assert all(f"{f.path}:{f.line}" in text for f in findings)
