"""``migrate diff``: the patch series of a port, as it was written."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from migrate.errors import MigrateError, UsageError
from migrate.upstream.lock import read_lock
from migrate.workspace import EXAMPLE, Workspace


def run(arguments: argparse.Namespace, workspace: Workspace) -> int:
    folder = workspace.patches(arguments.name)
    try:
        names = (folder / "series").read_text(encoding="ascii").split()
    except FileNotFoundError:
        raise _missing(arguments.name, workspace) from None
    if arguments.patch:
        groups = {_group(name): name for name in names}
        # A group, a file's name, or the path of one, as a shell completes it.
        group = _group(Path(arguments.patch).name)
        if group not in groups:
            raise UsageError(
                f"{arguments.name} has no patch {arguments.patch!r}",
                advice=f"There are: {', '.join(groups)}",
            )
        names = [groups[group]]
    if arguments.stat:
        return _stat([folder / name for name in names])
    sys.stdout.flush()
    for name in names:
        data = (folder / name).read_bytes()
        sys.stdout.buffer.write(_coloured(data) if sys.stdout.isatty() else data)
    return 0


def _group(name: str) -> str:
    return re.sub(r"^\d+-|\.patch$", "", name)


def _missing(name: str, workspace: Workspace) -> MigrateError:
    if name == EXAMPLE:
        command = "demo"
    elif name in (pins := read_lock(workspace.lock)):
        command = f"port {name}"
    else:
        return UsageError(
            f"no upstream is called {name!r}",
            where=str(workspace.lock),
            advice=f"Known: {', '.join(pins)}" if pins else "",
        )
    return MigrateError(
        f"{name} has no patches",
        where=str(workspace.patches(name)),
        advice=f"Run `migrate {command}` first.",
    )


def _stat(patches: list[Path]) -> int:
    for patch in patches:
        print(patch.name)
        sys.stdout.flush()
        try:
            done = subprocess.run(["git", "apply", "--stat", patch], check=False)
        except FileNotFoundError:
            advice = "Install git and put it on the PATH; `migrate doctor` checks it."
            raise MigrateError("git was not found", advice=advice) from None
        if done.returncode:
            return 1
    return 0


_STYLES = (
    (b"diff ", b"1"),
    (b"index ", b"1"),
    (b"--- ", b"1"),
    (b"+++ ", b"1"),
    (b"@@", b"36"),
    (b"+", b"32"),
    (b"-", b"31"),
    (b"Subject:", b"1;33"),
)


def _coloured(patch: bytes) -> bytes:
    lines = []
    for line in patch.split(b"\n"):
        style = next((style for start, style in _STYLES if line.startswith(start)), None)
        lines.append(b"\x1b[" + style + b"m" + line + b"\x1b[0m" if style else line)
    return b"\n".join(lines)
