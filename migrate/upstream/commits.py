"""Finding one commit among the objects of a repository, and saying which ones are there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from migrate.errors import MigrateError, UsageError
from migrate.upstream.objects import ObjectStore

_WANTED = re.compile(r"[0-9a-f]{4,40}")
_TREE = re.compile(rb"tree ([0-9a-f]{40})\n")
_TIME = re.compile(rb"^committer .*> (\d+) ", re.MULTILINE)


class NotHere(MigrateError):
    """The commit cannot be had from this repository; another may have it."""


class Commit(NamedTuple):
    """One commit.

    Args:
        oid: its id, 40 hex digits.
        tree: the id of its tree.
        time: when it was committed, in seconds since 1970.
        subject: the first line of its message, safe to print.
    """

    oid: str
    tree: str
    time: int
    subject: str

    @property
    def date(self) -> str:
        """The day on which it was committed, in UTC."""
        return str(datetime.fromtimestamp(min(self.time, 2**37), timezone.utc).date())

    def __str__(self) -> str:
        return f"{self.oid}  {self.date}  {self.subject}"


def wanted_commit(text: str) -> str:
    """Return what the user asked for as lowercase hex digits.

    Raises:
        UsageError: it is not 4 to 40 hex digits.
    """
    wanted = text.strip().lower()
    if not _WANTED.fullmatch(wanted):
        raise UsageError(
            f"expected a commit as 4 to 40 hex digits, found {text!r}",
            where="--commit",
            advice="A branch or tag can move, so name the commit that it points to now.",
        )
    return wanted


def read_commit(store: ObjectStore, oid: str) -> Commit:
    """Read one commit that is there.

    Raises:
        MigrateError: it is damaged.
    """
    data = store.read(oid, "commit", "the commit")
    head, _, body = data.partition(b"\n\n")
    tree = _TREE.match(head)
    time = _TIME.search(head)
    if not tree:
        raise MigrateError(f"commit {oid} is malformed", where=store.name)
    message = body.decode(errors="replace").strip()
    subject = message.splitlines()[0] if message else ""
    printable = "".join(char if char.isprintable() else "?" for char in subject)
    return Commit(oid, tree[1].decode(), int(time[1]) if time else 0, printable[:80])


def find_commit(store: ObjectStore, wanted: str) -> Commit | None:
    """Find the commit with this id, or the only one whose id starts so; None when there is none.

    Args:
        store: where to look.
        wanted: 4 to 40 lowercase hex digits.

    Raises:
        UsageError: several commits start so, or the id is that of something else.
    """
    ids = [wanted] if len(wanted) == 40 else store.starting_with(wanted)
    kinds = {oid: header[0] for oid in ids if (header := store.header(oid))}
    commits = [oid for oid, kind in kinds.items() if kind == "commit"]
    if len(commits) > 1:
        shown = [str(read_commit(store, oid)) for oid in commits[:5]]
        advice = f"Give more digits. The candidates are:{listed(shown)}"
        raise UsageError(f"{wanted} is ambiguous", where=store.name, advice=advice)
    if commits:
        return read_commit(store, commits[0])
    for oid, kind in kinds.items():
        article = {"blob": "a file (blob)", "tree": "a folder (tree)", "tag": "a tag"}[kind]
        advice = "Give the id of a commit, as `git log` prints it."
        raise UsageError(f"{oid} is {article}, not a commit", where=store.name, advice=advice)
    return None


def newest(store: ObjectStore, tips: Iterable[str], count: int = 5) -> list[Commit]:
    """The newest of those commits that can be read."""
    commits = []
    for oid in dict.fromkeys(tips):
        header = store.header(oid)
        if header and header[0] == "commit":
            commits.append(read_commit(store, oid))
    return sorted(commits, key=lambda commit: (-commit.time, commit.oid))[:count]


def listed(lines: Sequence[str]) -> str:
    """Lines for the advice of an error, below its first."""
    return "".join(f"\n    {line}" for line in lines)
