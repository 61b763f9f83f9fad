"""What the kit cannot look into, and leaves as it is."""

from __future__ import annotations

import re

from migrate.analysis.project import Failure, Project
from migrate.findings import Finding, Severity
from migrate.upstream.tree import SourceFile

UNPARSABLE = "NPU902"
NOTEBOOK = "NPU905"
SCRIPT = "NPU906"

_LIBRARY = re.compile(rb"\b(?:tensorflow|keras)\b")
_TRAINING = re.compile(
    rb"Session|Estimator|slim\.learning|training\.train\("
    rb"|\.(?:fit|fit_generator|train_on_batch|minimize|apply_gradients)\("
)
_PYTHON_SCRIPT = re.compile(rb"#![^\n]*python")


def unread_files(project: Project) -> list[Finding]:
    """One finding for each file that the kit cannot look into."""
    findings = []
    for path in sorted(project.files):
        if path.endswith(".ipynb"):
            findings.append(
                Finding(path, 0, NOTEBOOK, "note", "a notebook: copied as it is, not ported")
            )
        elif not path.endswith(".py") and _PYTHON_SCRIPT.match(project.files[path].data):
            findings.append(_script(project.files[path]))
    for path in project.python_files:
        failure = project.failure(path)
        if failure is not None:
            findings.append(unread(project.files[path], failure))
    return findings


def unread(file: SourceFile, failure: Failure) -> Finding:
    """The finding for a Python file that is copied unchanged."""
    return Finding(
        file.path,
        failure.line,
        UNPARSABLE,
        unread_severity(file, failure),
        f"copied unchanged: {failure.reason}",
        "Port this file by hand if training needs it.",
    )


def unread_severity(file: SourceFile, failure: Failure) -> Severity:
    """How much a Python file that is not looked into matters."""
    if _may_train(file):
        return "error"
    return "note" if failure.kind == "size" else "warning"


def _script(file: SourceFile) -> Finding:
    """The finding for a Python script that only its first line tells to be one."""
    severity: Severity = "warning" if b"tensorflow" in file.data else "note"
    return Finding(
        file.path,
        1,
        SCRIPT,
        "error" if _may_train(file) else severity,
        "a Python script whose name does not end in .py: copied as it is, not ported",
        "Rename it upstream to end in .py, or port it by hand.",
    )


def _may_train(file: SourceFile) -> bool:
    """Whether a file may open a session or train: what nobody configures is an error."""
    return _LIBRARY.search(file.data) is not None and _TRAINING.search(file.data) is not None
