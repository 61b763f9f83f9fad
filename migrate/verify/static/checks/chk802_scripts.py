"""A shell script is empty, does not parse, edits sources or deletes outside of the project.

What it finds: scripts of 0 bytes; scripts that `bash -n` does not take, such as those with Windows
line endings; `sed -i` on Python files; `rm -rf` on absolute system paths; scripts that start with
`#!` and are not executable.

Why: an empty script succeeds and does nothing. A script that edits the sources leaves them edited:
the short run's 500 steps are then the full run's as well.

Example:
    sed -i 's/45000/500/' ${cur_path}/config.py
    rm -rf /var/log/npu/slog/*

Not handled: what a script does when it runs; nothing is run, only parsed.

Authority: bash(1), `-n`; sed(1), `-i`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

from migrate.findings import Finding
from migrate.upstream.tree import EXECUTABLE, SourceFile
from migrate.verify.static.check import CannotCheck, Check, Context

CHK802 = Check("CHK802", "scripts")
_EDITS = re.compile(r"^[^#\n]*\bsed\s+(?:-\w+\s+)*-i\b[^\n]*\.py\b", re.M)
_DELETES = re.compile(
    r"^[^#\n]*\brm\s+-\w*r\w*\s+[\"']?(/(?:var|root|etc|usr|opt|home|lib)\b\S*)", re.M
)
_ERROR = re.compile(r"line (\d+): (.*)")


@CHK802.on_port
def find_bad_scripts(context: Context) -> Iterator[Finding]:
    scripts = [file for path, file in context.files.items() if path.endswith((".sh", ".bash"))]
    for file in scripts:
        if not file.data.strip():
            message = "an empty script: it succeeds and does nothing"
            yield context.finding(file.path, 0, "error", message, "Write it, or remove it.")
            continue
        yield from _dangers(context, file)
    locked = [f.path for f in scripts if f.data.startswith(b"#!") and f.mode != EXECUTABLE]
    if locked:
        more = f", as are {len(locked) - 1} more scripts" if len(locked) > 1 else ""
        message = f"not executable{more}"
        yield context.finding(locked[0], 0, "note", message, "chmod +x, or start it with bash.")
    yield from _syntax(context, [file for file in scripts if file.data.strip()])


def _dangers(context: Context, file: SourceFile) -> Iterator[Finding]:
    text = file.data.decode("utf-8", "replace")
    for pattern, what, advice in (
        (_EDITS, "edits the sources in place", "Pass the setting as an argument instead."),
        (_DELETES, "deletes outside of the project", "Remove only what the script itself made."),
    ):
        if found := pattern.search(text):
            line = text.count("\n", 0, found.start()) + 1
            message = f"{what}: {found[0].strip()[:80]}"
            yield context.finding(file.path, line, "warning", message, advice)


def _syntax(context: Context, scripts: list[SourceFile]) -> Iterator[Finding]:
    """Asks bash, one process for each script; nothing of a script is run."""
    bash = shutil.which("bash")
    if bash is None:
        raise CannotCheck("there is no bash to parse the scripts with")
    for file in scripts:
        done = subprocess.run(
            [bash, "--norc", "-n"], input=file.data, capture_output=True, env={"LC_ALL": "C"}
        )
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace")
            found = _ERROR.search(said)
            line, what = (int(found[1]), found[2]) if found else (0, said.strip()[:100])
            if b"\r\n" in file.data:
                what, advice = "Windows line endings: bash does not take them", "Use LF endings."
            else:
                advice = "Mend it: bash -n shows where."
            yield context.finding(file.path, line, "error", what, advice)
