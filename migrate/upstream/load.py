"""A pinned upstream, from wherever it is, as the files of a project."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from migrate.errors import MigrateError, UsageError
from migrate.upstream.cache import CachedRepository, cache_name, shown
from migrate.upstream.commits import Commit, NotHere, find_commit, listed, newest, wanted_commit
from migrate.upstream.gitenv import sealed_git
from migrate.upstream.objects import ObjectStore
from migrate.upstream.pin import Pin
from migrate.upstream.places import places
from migrate.upstream.read import Limits, read_project
from migrate.upstream.tree import SourceTree


class Loaded(NamedTuple):
    """What was read of an upstream.

    Args:
        pin: the pin that was asked for, with the commit and tree that were read.
        commit: that commit.
        source: the project's files, what was left out, and findings about what could not be taken.
        origin: the local repository that it was read from, or the URL that the cache holds.
        notes: lines about URLs that were tried first and failed.
    """

    pin: Pin
    commit: Commit
    source: SourceTree
    origin: str
    notes: tuple[str, ...]


def load(
    pin: Pin,
    *,
    cache: Path,
    mirror: str | None = None,
    commit: str | None = None,
    leave_out: Sequence[str] = (),
    limits: Limits | None = None,
) -> Loaded:
    """Read a pinned upstream.

    Nothing of it is run, and no work tree is made. A repository on this machine is read where it
    is; what comes over the network is kept in the cache, and what is there needs no network.

    Args:
        pin: the upstream.
        cache: the folder for what is fetched; made when it is needed.
        mirror: a folder or URL that stands for https://github.com/, or None for the network.
        commit: another commit than the pin's: 40 hex digits, or at least 4 that say which.
        leave_out: patterns, as in .gitignore, of files that the port does not take.
        limits: what makes a project too large.

    Raises:
        UsageError: the mirror, commit, path or a pattern does not fit.
        MigrateError: the upstream cannot be had, is not what the pin says, or is too large.
    """
    with contextlib.ExitStack() as stack:
        store, found, notes = _open(stack, pin, commit, cache, mirror)
        source = read_project(store, found.tree, pin.path, leave_out, limits)
        source = source._replace(date=found.date if found.time else "")
        read = pin._replace(commit=found.oid, tree=found.tree)
        return Loaded(read, found, source, store.name, tuple(notes))


def resolve(
    pin: Pin,
    commit: str | None = None,
    *,
    cache: Path,
    mirror: str | None = None,
) -> Commit:
    """Find the commit that ``commit`` (or else the pin) means, without reading its files.

    The arguments are those of :func:`load`.

    Raises:
        UsageError: ``commit`` is ambiguous or not a commit, or the mirror does not fit.
        MigrateError: there is no such commit, or its tree is not the pin's.
    """
    with contextlib.ExitStack() as stack:
        return _open(stack, pin, commit, cache, mirror)[1]


def _open(
    stack: contextlib.ExitStack,
    pin: Pin,
    commit: str | None,
    cache: Path,
    mirror: str | None,
) -> tuple[ObjectStore, Commit, list[str]]:
    """Open the first repository that has the commit; its notes may still grow while it is read."""
    wanted = wanted_commit(pin.commit if commit is None else commit)
    where = places(pin, mirror)
    failures: list[NotHere] = []
    for git_dir in where.local:
        store = stack.enter_context(ObjectStore(git_dir / "objects", str(git_dir)))
        found = find_commit(store, wanted)
        if found:
            return store, _checked(pin, found, store), []
        failures.append(_not_here(store, wanted, _tips(git_dir)))
    if where.urls:
        protocols = ("https", *pin.protocols)
        cached = CachedRepository(cache, cache_name(pin.url), where.urls, protocols)
        name = shown(where.urls[0])
        store = stack.enter_context(ObjectStore(cached.objects, name, cached.fetch_objects))
        try:
            return store, _checked(pin, _fetched(cached, store, pin, wanted), store), cached.notes
        except NotHere as error:
            failures.append(error)
    if len(failures) == 1:
        raise failures[0]
    lines = [line for failure in failures for line in str(failure).splitlines()]
    raise NotHere(f"no repository has commit {wanted}", advice="\n  ".join(lines))


def _fetched(cached: CachedRepository, store: ObjectStore, pin: Pin, wanted: str) -> Commit:
    if pin.commit.startswith(wanted) and not store.header(pin.commit):
        cached.fetch_commit(pin.commit)
    found = find_commit(store, wanted)
    if found:
        return found
    if len(wanted) < 40:
        raise UsageError(
            f"no commit that starts with {wanted} has been fetched, and a server can only be "
            "asked for a whole id",
            where="--commit",
            advice="Give all 40 digits, or --mirror with a repository that has the history.",
        )
    cached.fetch_commit(wanted)
    found = find_commit(store, wanted)
    if not found:
        raise _not_here(store, wanted, cached.commits())
    return found


def _checked(pin: Pin, found: Commit, store: ObjectStore) -> Commit:
    if found.oid == pin.commit and found.tree != pin.tree and pin.tree:
        raise MigrateError(
            f"commit {found.oid} holds the tree {found.tree}, but the pin says {pin.tree}",
            where=f"{pin.name} in {store.name}",
            advice="The pin is wrong or was tampered with: look at who changed upstream.lock.",
        )
    return found


def _tips(git_dir: Path) -> list[str]:
    """The ids that branches and tags of a local repository point to; empty if git cannot tell."""
    refs = ("refs/heads", "refs/remotes", "refs/tags")
    # Only ids are asked for, so that no object is read and none can be missing.
    _, output, _ = sealed_git(git_dir).for_each_ref(
        "--format=%(objectname)",
        "--count=1000",
        *refs,
        with_extended_output=True,
        with_exceptions=False,
    )
    return [str(line) for line in output.split()]


def _not_here(store: ObjectStore, wanted: str, tips: Sequence[str]) -> NotHere:
    commits = [str(commit) for commit in newest(store, tips)]
    have = f"The newest that branches point to:{listed(commits)}" if commits else ""
    whole = len(wanted) == 40
    message = f"commit {wanted} is not here" if whole else f"no commit here starts with {wanted}"
    return NotHere(message, where=store.name, advice=have)
