"""What a program's end says, and where in a project it points to."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from migrate.verify.smoke import SmokeRun

_FRAME = re.compile(r'File "([^"\n]+)", line (\d+)')
_MISSING = re.compile(r"No module named '?([\w.]+)")
_MODULE = re.compile(r"\bpython3? -m ([\w.]+)")
_ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)\b|Exception(:|$)")
_SEVERAL = " root error(s) found."  # Each on a line below, as TensorFlow tells them.


def script_of(run: SmokeRun) -> str:
    """The file that a run starts, as the place of what is to be said about all of it."""
    scripts = [word for word in run.command.split() if word.endswith(".py")]
    modules = [f"{name.replace('.', '/')}.py" for name in _MODULE.findall(run.command)]
    return [*scripts, *modules, run.name][0]


def place_in(tail: str, run: SmokeRun) -> tuple[str, int]:
    """The innermost frame of the project's own in a traceback."""
    frames = [
        (path, int(line)) for path, line in _FRAME.findall(tail) if not path.startswith(("/", "<"))
    ]
    return frames[-1] if frames else (script_of(run), 0)


def last_words(tail: str) -> str:
    """What a program said of its end: the error of its last traceback, else its last line."""
    lines = tail.split("\n")
    errors = [number for number, line in enumerate(lines) if _ERROR.match(line)]
    number = errors[-1] if errors else len(lines) - 1
    last = lines[number]
    if last.endswith(_SEVERAL):
        last += f" {''.join(lines[number + 1 : number + 2]).strip()}"
    return f": {last}" if last else ""


def missing_package(tail: str, python: Path) -> str:
    """What to do where a program ended since it could not import something; else nothing.

    Args:
        python: the interpreter that ran it.
    """
    found = _MISSING.search(last_words(tail))
    if found is None:
        return ""
    return (
        f"If {found[1]} is no module of the project's own, install its package: `{sys.executable}"
        f" -m uv pip install --python {python} PACKAGE`. Or name another Python 3.7 with"
        " TensorFlow 1.15 by --python."
    )


def in_a_line(message: str) -> str:
    """A message without what lies between its first and last line, such as a traceback."""
    lines = message.strip().split("\n")
    return lines[0] if len(lines) == 1 else f"{lines[0]} ... {lines[-1]}"


def split_place(place: str, run: SmokeRun) -> tuple[str, int]:
    """Path and line of a place in a trace; of an empty one, the file that the run starts."""
    path, _, line = place.rpartition(":")
    if path and line.isdigit():
        return path, int(line)
    return place or script_of(run), 0
