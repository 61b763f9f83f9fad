"""Walking the trees of a commit, past whatever must not become a file."""

from __future__ import annotations

import posixpath
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from migrate.errors import MigrateError, PinError
from migrate.findings import Finding, Severity
from migrate.upstream.names import MAX_PATH, hostile, printable
from migrate.upstream.objects import ObjectStore
from migrate.upstream.tree import ITSELF

LEAVE_OUT = "If the port does not need it, leave it out: add a pattern to leave_out."
_ROOT = (
    "It names the folder that is the project: give the folder around it, or leave path out for the "
    "whole repository."
)

_ENTRY = re.compile(rb"([0-7]{5,6}) ([^\0]+)\0(.{20})", re.DOTALL)


class Entry(NamedTuple):
    """One entry of a tree.

    Args:
        path: from the project's root, with a surrogate for each byte that is not UTF-8.
        name: the last part of the path.
        mode: git's mode.
        oid: the id of the object.
    """

    path: str
    name: str
    mode: int
    oid: str

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)


class Walker:
    """Lists the entries of trees, and keeps what is to be told about them.

    Args:
        store: where the trees are.
        leaves_out: tells whether a path is left out.
        max_entries: how many entries may be looked at, since a few small trees that hold each
            other can unfold to billions.
    """

    def __init__(
        self, store: ObjectStore, leaves_out: Callable[[str], bool], max_entries: int
    ) -> None:
        self.findings: list[Finding] = []
        self.left_out: list[str] = []
        self.beside: dict[str, str] = {}
        self._store = store
        self._leaves_out = leaves_out
        self._left = max_entries
        self._max = max_entries

    def folder(self, tree: str, path: str = "") -> list[Entry]:
        """The entries of one tree, which is the folder ``path``.

        Raises:
            MigrateError: it is missing, damaged or malformed, or there are too many entries.
        """
        what = f"the folder {printable(path) or '/'}"
        data = self._store.read(tree, "tree", what)
        entries = []
        end = 0
        while match := _ENTRY.match(data, end):
            end = match.end()
            name = match[2].decode(errors="surrogateescape")
            whole = f"{path}/{name}" if path else name
            entries.append(Entry(whole, name, int(match[1], 8), match[3].hex()))
        if end != len(data):
            raise MigrateError(f"{what} (object {tree}) is malformed", where=self._store.name)
        self._left -= len(entries)
        if self._left < 0:
            message = f"the commit has more than {self._max:,} files and folders"
            raise MigrateError(message, where=self._store.name)
        return entries

    def descend(self, tree: str, path: str) -> str:
        """The id of the tree that is the folder ``path`` below ``tree``.

        Notes what could be imported from the folders on the way.

        Raises:
            PinError: there is no such folder.
        """
        here = ""
        for part in path.split("/") if path else ():
            entries = {entry.name: entry for entry in self.folder(tree, here)}
            here = f"{here}/{part}" if here else part
            if part not in entries or not entries[part].is_folder:
                message = f"the commit has no folder {path!r}"
                if part in entries:
                    raise PinError("path", f"{message}: {here!r} is no folder", advice=_ROOT)
                folders = sorted(name for name, entry in entries.items() if entry.is_folder)
                advice = f"There are: {printable(', '.join(folders))}." if folders else _ROOT
                raise PinError("path", f"{message}: {here!r} is not there", advice=advice)
            tree = entries[part].oid
            for name, entry in entries.items():
                if name.endswith(".py"):
                    self.beside[name.removesuffix(".py")] = entry.path
            self.beside |= {n: f"{entry.path}/" for n, entry in entries.items() if entry.is_folder}
        if path:
            self.beside[posixpath.basename(path)] = ITSELF
        return tree

    def below(self, tree: str) -> Iterator[Entry]:
        """Yield what a port may take below a tree: files, and links and submodules to tell of.

        Folders that are left out are not even opened.
        """
        folders = [("", tree)]
        while folders:
            path, oid = folders.pop()
            for entry in self.taken(self.folder(oid, path)):
                if entry.is_folder:
                    folders.append((entry.path, entry.oid))
                else:
                    yield entry

    def taken(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the entries of one folder that are not left out and have a usable name."""
        names = set()
        for entry in entries:
            problem = hostile(entry.name)
            if entry.name in names:
                problem = "is twice in its folder"
            elif len(entry.path.encode(errors="surrogateescape")) > MAX_PATH:
                problem = f"makes a path longer than {MAX_PATH} bytes"
            names.add(entry.name)
            path = entry.path if entry.is_file or entry.is_link else f"{entry.path}/"
            if self._leaves_out(path):
                self.left_out.append(printable(path))
            elif problem:
                message = f"refused: its name {problem}"
                self.findings.append(finding(entry.path, "NPU911", "error", message, LEAVE_OUT))
            else:
                yield entry


def finding(path: str, code: str, severity: Severity, message: str, advice: str) -> Finding:
    """A finding about a whole file, whose name is made safe to print."""
    return Finding(printable(path), 0, code, severity, message, advice)
