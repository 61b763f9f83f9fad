"""A Python file does not parse as Python 3.7.

What it finds: files that Python 3.7 cannot read: Python 2, newer syntax, bytes that are not in the
encoding that the file declares, or merge conflict markers.

Why: TensorFlow 1.15.0 runs on Python 3.7. Such a file fails when it is imported, and no other check
looks into it. Where it may open a session or train it is an error.

Example:
    if (n := len(files)) > 10:

Authority: Python 3.7's grammar.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.codemods.unread import unread_severity
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context

CHK902 = Check("CHK902", "unparsable")


@CHK902.on_port
def find_unparsable(context: Context) -> Iterator[Finding]:
    for path in context.project.python_files:
        failure = context.project.failure(path)
        if failure is None:
            continue
        severity = unread_severity(context.project.files[path], failure)
        message = f"not readable as Python 3.7: {failure.reason}"
        advice = "Mend it: nothing else was checked in this file."
        yield context.finding(path, failure.line, severity, message, advice)
