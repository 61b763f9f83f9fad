"""The objects of a repository, read without trusting or touching the repository."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from migrate.errors import MigrateError
from migrate.upstream.gitenv import sealed_git

# Commits and trees are read whole; real ones are a thousand times smaller.
MAX_METADATA = 64 * 2**20

Fetch = Callable[[Sequence[str]], None]


class ObjectStore:
    """Reads objects by id through one long-lived git, and checks that each is what its id says.

    git runs in an empty repository of our own and borrows only the folder of objects. So nothing
    in the other repository's configuration, hooks or owner matters, and nothing is written to it.

    Args:
        objects: the ``objects`` folder of a repository.
        name: what messages call the repository.
        fetch: gets objects that are not there yet into the folder, all at once; without it they
            are missing.

    Raises:
        MigrateError: there is no git, or no room for a temporary folder.
    """

    def __init__(self, objects: Path, name: str, fetch: Fetch | None = None) -> None:
        self.name = name
        self._fetch = fetch
        try:
            self._folder = TemporaryDirectory(prefix="migrate-git-")
            git_dir = Path(self._folder.name)
            for part in ("objects", "refs"):
                (git_dir / part).mkdir()
            (git_dir / "HEAD").write_text("ref: refs/heads/none\n")
        except OSError as error:
            message = f"a temporary folder cannot be made: {error.strerror}"
            raise MigrateError(message, advice="Free some space, or set TMPDIR.") from error
        self._git = sealed_git(git_dir, objects=objects)

    def __enter__(self) -> ObjectStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._git.clear_cache()
        self._folder.cleanup()

    def header(self, oid: str) -> tuple[str, int] | None:
        """The type and size of the object, or None when it is not there. Fetches nothing."""
        found = self._ask(self._git.get_object_header, oid)
        return None if found is None else (found[1].decode(), found[2])

    def sizes(self, oids: Iterable[str]) -> dict[str, int]:
        """The sizes in bytes of those objects that are there or can be fetched."""
        found = {oid: self.header(oid) for oid in dict.fromkeys(oids)}
        missing = [oid for oid, header in found.items() if header is None]
        if missing and self._fetch:
            self._fetch(missing)
            found.update({oid: self.header(oid) for oid in missing})
        return {oid: header[1] for oid, header in found.items() if header}

    def starting_with(self, prefix: str) -> list[str]:
        """The ids of all objects here that start with these (at least four) hex digits."""
        return sorted(self._git.rev_parse(f"--disambiguate={prefix}").split())

    def read(self, oid: str, kind: str, what: str, limit: int = MAX_METADATA) -> bytes:
        """The content of one object.

        Args:
            oid: its id.
            kind: its type: ``commit``, ``tree`` or ``blob``.
            what: what a message calls it.
            limit: its greatest size in bytes.

        Raises:
            MigrateError: it is missing, damaged, too large or of another type.
        """
        found = self._ask(self._git.stream_object_data, oid)
        if found is None and self._fetch:
            self._fetch([oid])
            found = self._ask(self._git.stream_object_data, oid)
        if found is None:
            raise self.missing([(what, oid)])
        if found[1].decode() != kind:
            raise self._damaged(what, oid)
        if found[2] > limit:
            message = f"{what} has {found[2]:,} bytes; the limit is {limit:,}"
            raise MigrateError(message, where=self.name)
        data: bytes = found[3].read(found[2])
        content = b"%s %d\0%s" % (kind.encode(), len(data), data)
        # git does not check this when it reads, and a mirror or a cache is not to be trusted.
        if hashlib.sha1(content, usedforsecurity=False).hexdigest() != oid:
            raise self._damaged(what, oid)
        return data

    def missing(self, objects: Sequence[tuple[str, str]]) -> MigrateError:
        """The error to raise for objects, given as (what, id), that are needed and not there."""
        shown = [f"{what} (object {oid})" for what, oid in objects[:5]]
        if more := len(objects) - len(shown):
            shown.append(f"{more} more")
        verb = "is" if len(objects) == 1 else "are"
        return MigrateError(
            f"{', '.join(shown)} {verb} missing",
            where=self.name,
            advice="The repository is incomplete: use a full clone, or leave these files out.",
        )

    def _damaged(self, what: str, oid: str) -> MigrateError:
        return MigrateError(
            f"{what} (object {oid}) is damaged: its content does not fit its id",
            where=self.name,
            advice="Delete this repository and get it again.",
        )

    def _ask(self, question: Callable[[str], Any], oid: str) -> Any:
        try:
            return question(oid)
        except ValueError as error:
            if "could not be resolved" in str(error):
                return None
            raise self._damaged("the repository", oid) from None
        except BrokenPipeError:
            raise self._damaged("the repository", oid) from None
