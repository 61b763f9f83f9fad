"""A requirements file does not install beside TensorFlow 1.15.0 on Python 3.7.

What it finds: TensorFlow itself among the requirements; versions known not to install on Python
3.7 or not to work with TensorFlow 1.15.0; lines that pip cannot read; a file that is no
requirements file at all; and instructions to `pip install requirements.txt` without `-r`.

Why: TensorFlow 1.15.0 is the platform's own, and pip would put another beside it. The others fail
when they are installed, or when they are first used.

Example:
    tensorflow-gpu==1.15.0
    h5py=='2.9.0'
    numpy>=1.20

Not handled: distributions that the kit does not know. Nothing is downloaded.

Authority: PEP 440 and PEP 508; TensorFlow 1.15.0's own metadata; PyPI's metadata for Python 3.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrate.analysis.distributions import PLATFORM, by_name
from migrate.analysis.requirements import Line, read_lines
from migrate.findings import Finding, Severity
from migrate.verify.static.check import Check, Context

CHK801 = Check("CHK801", "requirements")
_FILE = re.compile(r"(?:.*/)?(?:[\w.-]*requirements?[\w.-]*\.txt|requirements/[\w.-]+\.txt)", re.I)
_QUOTED = re.compile(r"[=<>!~]=?\s*['\"]")
_NO_OPTION = re.compile(
    r"pip[\d.]*\s+install\s+(?:(?!-r\b)-\S+\s+)*[\w./-]*requirements[\w.-]*\.txt"
)


@CHK801.on_port
def find_uninstallable(context: Context) -> Iterator[Finding]:
    for path, text in context.texts(".txt"):
        if _FILE.fullmatch(path):
            yield from _of_file(context, path, text)
    for path, text in context.texts(".md", ".rst", ".sh"):
        found = _NO_OPTION.search(text)
        if found is not None:
            line = text.count("\n", 0, found.start()) + 1
            message = f"{found[0]!r} looks for a package of that name"
            yield context.finding(path, line, "warning", message, "Write pip install -r.")


def _of_file(context: Context, path: str, text: str) -> Iterator[Finding]:
    if text.startswith("#!"):
        message = "a script, not a requirements file"
        yield context.finding(path, 1, "error", message, "List what the project imports.")
        return
    for line in read_lines(text):
        problem = _problem(line)
        if problem is not None:
            yield context.finding(path, line.number, *problem)


def _problem(line: Line) -> tuple[Severity, str, str] | None:
    shown = line.text.strip()
    known = by_name().get(line.name)
    if line.name in PLATFORM:
        message = f"{shown}: TensorFlow 1.15.0 is the platform's own"
        return "warning", message, "Take it out: pip would install another beside it."
    if _QUOTED.search(shown.partition("#")[0].partition(";")[0]):
        return "error", f"pip cannot read {shown}", "Write the version without quotes."
    if known is None or not line.specifiers or line.is_fixed or known.suits(line.specifiers):
        return None
    if not known._replace(limit="", breaks="").suits(line.specifiers):
        reason = "too old for Python 3.7 or TensorFlow 1.15.0"
    else:
        reason = known.breaks or "cannot be installed on Python 3.7"
    return "warning", f"{shown}: {reason}", f"{known.name}=={known.pin} works."
