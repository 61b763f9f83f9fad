"""A project as data: the files of one commit, never a work tree."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from migrate.findings import Finding

REGULAR = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000


class SourceFile(NamedTuple):
    """One file.

    Args:
        path: relative to the project's root, with forward slashes.
        data: its bytes; of a symbolic link, where that leads.
        mode: git's file mode: ``REGULAR``, ``EXECUTABLE``, or ``LINK`` for a symbolic link, which
            leads to another file of the project, and is a Python file as that is.
    """

    path: str
    data: bytes
    mode: int = REGULAR

    @property
    def target(self) -> str:
        """The path of the file that a symbolic link leads to; empty for any other file."""
        if self.mode != LINK:
            return ""
        place = posixpath.join(posixpath.dirname(self.path), os.fsdecode(self.data))
        return posixpath.normpath(place)


# Where the project's own folder lies, seen from there.
ITSELF = "./"


class SourceTree(NamedTuple):
    """A project's files.

    Args:
        files: those that a port takes, by path in sorted order.
        findings: what was skipped, refused or is odd, and why.
        left_out: the paths that the recipe leaves out; a whole folder ends with a slash.
        date: the day of the commit in UTC, as 2018-11-01; empty where there is no commit.
        beside: modules and packages that lie in the folders around the project, and where in the
            repository, by name; of several, those nearest to it. The project's own folder
            is `ITSELF`.
    """

    files: Mapping[str, SourceFile]
    findings: tuple[Finding, ...] = ()
    left_out: tuple[str, ...] = ()
    date: str = ""
    beside: Mapping[str, str] = MappingProxyType({})


def link_text(link: Path) -> bytes:
    """Where a symbolic link leads, byte for byte as git has it."""
    # Path.readlink() would drop a leading "./".
    return os.readlink(os.fsencode(link))  # noqa: PTH115


def link_end(link: Path, folder: Path) -> str:
    """The path within a folder of the file that a link there leads to in the end; empty if none."""
    if not link.is_file():
        return ""  # it leads nowhere, or in a circle, which has no end
    end, root = link.resolve(), folder.resolve()
    return end.relative_to(root).as_posix() if end.is_relative_to(root) else ""


def read_folder(folder: Path) -> dict[str, SourceFile]:
    """The files of a plain folder by path, in sorted order; without what Python compiled."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(folder).as_posix()
            mode = EXECUTABLE if path.stat().st_mode & 0o100 else REGULAR
            files[name] = SourceFile(name, path.read_bytes(), mode)
    return files
