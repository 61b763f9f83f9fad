"""Repositories in the cache: what was fetched of each upstream, and how more is fetched."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp
from typing import Any

from migrate.errors import MigrateError
from migrate.upstream.commits import NotHere, listed
from migrate.upstream.gitenv import sealed_git
from migrate.upstream.places import GITHUB

MIN_GIT = (2, 32)  # the first that leaves the user's configuration alone when asked to

# A partial clone of a remote whose URL each command is told, so that nothing ever edits this.
_CONFIG = """\
[core]
\trepositoryformatversion = 1
\tbare = true
[extensions]
\tpartialClone = upstream
[remote "upstream"]
\tpromisor = true
\tpartialclonefilter = blob:none
"""

_SETTINGS = {
    "fetch.negotiationAlgorithm": "noop",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # A connection that moves less than 1,000 bytes a second for a minute is dead.
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
}

_FETCH = ("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none")

_NO_NETWORK = (
    f"Without a network, give --mirror BASE or set MIGRATE_MIRROR: a folder or URL that stands for "
    f"{GITHUB}, with <owner>/<name>.git below it."
)

_NOT_THERE = ("not our ref", "unadvertised object", "couldn't find remote ref", "no such remote")
_NO_REPOSITORY = (
    "could not read Username",
    "Authentication failed",
    "' not found",
    "not appear to",
)


class CachedRepository:
    """A bare repository in the cache. Any number of processes may use one at once.

    Args:
        cache: the cache's folder; made when it is not there.
        urls: where to fetch from, in this order; the first names the repository.
        protocols: transports that git may use.
        name: what the cache calls the upstream.

    Raises:
        MigrateError: the cache cannot be written.
    """

    def __init__(
        self, cache: Path, name: str, urls: Sequence[str], protocols: Sequence[str]
    ) -> None:
        self.path = cache / "upstream" / f"{name}.git"
        self.urls = tuple(urls)
        self.notes: list[str] = []
        self._protocols = tuple(protocols)
        with self._writing():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                _create(self.path)

    @property
    def objects(self) -> Path:
        return self.path / "objects"

    def commits(self) -> list[str]:
        """The ids of the commits that were fetched."""
        return [ref.name for ref in (self.path / "refs" / "pins").glob("*")]

    def fetch_commit(self, oid: str) -> None:
        """Fetch one commit and its trees, without its files or its history.

        Raises:
            NotHere: no server has it, or none could be reached.
        """
        failures = self._fetch("--depth=1", "upstream", f"+{oid}:refs/pins/{oid}")
        absent = [url for url, error in failures if _says(error, _NOT_THERE)]
        advice = _told(failures)
        if absent:
            tips = self._tips(absent[0])
            advice += [f"{shown(absent[0])} has these branches:{listed(tips)}"] if tips else []
        elif failures:
            advice.append(_NO_NETWORK)
        if failures:
            raise NotHere(f"commit {oid} could not be fetched", advice="\n  ".join(advice))

    def fetch_objects(self, oids: Sequence[str]) -> None:
        """Fetch these objects in one go.

        Raises:
            MigrateError: they could not be fetched.
        """
        failures = self._fetch("--stdin", "upstream", oids=oids)
        if failures:
            advice = "\n  ".join([*_told(failures), _NO_NETWORK])
            raise MigrateError(f"{len(oids):,} files could not be fetched", advice=advice)

    def _fetch(self, *arguments: str, oids: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Fetch from the first URL that can; if none can, return each and what git said."""
        failures: list[tuple[str, str]] = []
        for url in self.urls:
            with self._writing(), self._alone(), TemporaryFile() as stdin:
                stdin.write("".join(f"{oid}\n" for oid in oids).encode())
                stdin.seek(0)
                status, _, error = self._run(url, "fetch", *_FETCH, *arguments, istream=stdin)
            if not status:
                self.notes += [note for note in _told(failures) if note not in self.notes]
                return []
            failures.append((url, error))
        return failures

    def _tips(self, url: str) -> list[str]:
        status, output, _ = self._run(url, "ls-remote", "--heads", "upstream")
        refs = [line.split("\t") for line in output.splitlines()] if not status else []
        # The default branch cannot be told from here, but it has nearly always one of two names.
        main = ("refs/heads/main", "refs/heads/master")
        refs.sort(key=lambda ref: (ref[1] not in main, ref[1]))
        return [f"{oid}  {name.removeprefix('refs/heads/')}" for oid, name in refs[:5]]

    def _run(self, url: str, command: str, *arguments: str, **options: Any) -> tuple[int, str, str]:
        config = {**_SETTINGS, "remote.upstream.url": url}
        git = sealed_git(self.path, protocols=self._protocols, config=config)
        if git.version_info < MIN_GIT:
            raise MigrateError(
                f"git {'.'.join(map(str, git.version_info))} is too old to fetch safely",
                advice=f"Install git {'.'.join(map(str, MIN_GIT))} or newer, or use --mirror.",
            )
        options.update(with_extended_output=True, with_exceptions=False)
        run = getattr(git, command.replace("-", "_"))
        result: tuple[int, str, str] = run(*arguments, **options)
        return result

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from fetching into this repository, and clear what one left."""
        with self.path.with_suffix(".lock").open("w") as lock:
            # The system drops this lock when its process ends, however it ends.
            fcntl.flock(lock, fcntl.LOCK_EX)
            for pattern in ("*.lock", "refs/pins/*.lock", "objects/pack/tmp_*", "objects/??/tmp_*"):
                for stale in self.path.glob(pattern):
                    stale.unlink(missing_ok=True)
            yield

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"the cache cannot be written: {error.strerror}"
            raise MigrateError(message, where=str(self.path.parent)) from error


def cache_name(url: str) -> str:
    """A folder name for a repository that people recognise and no other repository shares."""
    readable = "-".join(re.findall(r"[A-Za-z0-9_.-]+", url.removesuffix(".git"))[-2:])
    return f"{readable}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def shown(url: str) -> str:
    """``url`` without the user name, password or token that it may carry."""
    return re.sub(r"(://)[^/@\s]*@", r"\1", url)


def _create(path: Path) -> None:
    fresh = Path(mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    for part in ("objects/pack", "refs/pins"):
        (fresh / part).mkdir(parents=True)
    (fresh / "HEAD").write_text("ref: refs/heads/none\n")
    (fresh / "config").write_text(_CONFIG)
    try:
        fresh.rename(path)
    except OSError:
        shutil.rmtree(fresh)
        # Another process was faster, or the folder cannot be written.
        if not path.exists():
            raise


def _told(failures: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{shown(url)}: {_reason(error)}" for url, error in failures]


def _reason(stderr: str) -> str:
    """What git said, in one line, or what it meant."""
    if _says(stderr, _NOT_THERE):
        return "the server does not have it"
    if _says(stderr, _NO_REPOSITORY):
        return "there is no such public repository"
    lines = [line.partition(": ")[2] for line in stderr.splitlines() if line.startswith("fatal: ")]
    text = shown(lines[0] if lines else stderr.strip()) or "git failed without a message"
    return "".join(char if char.isprintable() else " " for char in text)


def _says(stderr: str, signs: Sequence[str]) -> bool:
    return any(sign in stderr for sign in signs)
