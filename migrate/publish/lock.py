"""The lock of a port, and the end of an interrupted write.

A port is staged beside its final place and swapped in by two renames; what its manifest does not
know (checkpoints, logs) is then moved over, and only then is the old port removed. How far that
went can be told from the disk, so one routine, `PortLock.settle`, ends it: in the run itself, after
a failure in it, and in the next run after a crash.

==================  =======================  ======================================================
``.NAME.old-XXXX``  the port                 what happened, and what `settle` does
==================  =======================  ======================================================
absent              as before, or new        nothing, or all of it: nothing to do
present             absent                   between the renames: puts the old port back
present             new                      swapped: moves unknown files over, removes the old one
==================  =======================  ======================================================

``.NAME.tmp-XXXX`` is a port that was not written to its end; it goes.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType

from migrate.errors import MigrateError
from migrate.manifest import MANIFEST_NAME, read_manifest
from migrate.publish.disk import (
    exists,
    explained,
    folders_of,
    is_folder,
    real_folders,
    sync,
    walk,
)
from migrate.publish.state import unknown

# Unknown files for which the new port has no room (after --force) go to this folder in the port.
KEPT_NAME = "migrate-kept"


class PortLock:
    """The right to write one port; taking it settles what a dead run left behind.

    The kernel drops the lock with its process, however that ends.

    Args:
        ported_dir: the folder of all ports; made when absent.
        name: the port's name.

    Attributes:
        port_dir: the port's folder.
        kept: unknown files that had to give way, as moved to ``migrate-kept/``.

    Raises:
        MigrateError: on entering, when another process holds the lock or the folder cannot be
            written.
        ValueError: the name cannot name a folder.
    """

    def __init__(self, ported_dir: Path, name: str) -> None:
        if name.startswith(".") or not name or {"/", "\0"} & set(name):
            raise ValueError(f"port name {name!r}: cannot name a folder")
        self.ported_dir = ported_dir
        self.port_dir = ported_dir / name
        self.kept: list[str] = []
        self._name = name
        self._path = ported_dir / f".{name}.lock"
        self._handle = -1

    def __enter__(self) -> PortLock:
        with explained("lock the port", self._path):
            self.ported_dir.mkdir(parents=True, exist_ok=True)
            self._handle = self._acquire()
        try:
            self.settle()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    def beside(self, role: str) -> Path:
        """A new name beside the port; `role` is ``tmp`` or ``old``."""
        return self.ported_dir / f".{self._name}.{role}-{secrets.token_hex(4)}"

    def settle(self) -> None:
        """End an interrupted write; see the module's table.

        Raises:
            MigrateError: something could not be moved or removed.
        """
        with explained("finish replacing the port", self.port_dir):
            for old in self._left("old"):
                if (self.port_dir / MANIFEST_NAME).exists():
                    self.kept += _finish(old, self.port_dir)
                else:
                    old.rename(self.port_dir)
                sync(self.ported_dir)
            for staged in self._left("tmp"):
                shutil.rmtree(staged)

    def _left(self, role: str) -> list[Path]:
        pattern = _beside(self._name, role)
        return sorted(path for path in self.ported_dir.iterdir() if pattern.fullmatch(path.name))

    def _acquire(self) -> int:
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # A holder removes the file as it goes; then this is a lock that nobody else sees.
                with suppress(FileNotFoundError):
                    if self._path.stat().st_ino == os.fstat(handle).st_ino:
                        # For the error below only: a full disk must not get in the way.
                        with suppress(OSError):
                            os.truncate(handle, 0)
                            os.pwrite(handle, str(os.getpid()).encode(), 0)
                        return handle
            except BlockingIOError as error:
                holder = os.pread(handle, 20, 0).decode("ascii", "replace")
                os.close(handle)
                raise MigrateError(
                    f"another run is writing this port (process {holder or 'unknown'})",
                    where=str(self.port_dir),
                    advice="Wait for it to end, then run the command again.",
                ) from error
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)

    def _release(self) -> None:
        try:
            # Removed while still held, so that it is ours that goes.
            with suppress(OSError):
                self._path.unlink()
        finally:
            os.close(self._handle)


def in_use(ported_dir: Path, name: str) -> bool:
    """Whether a run is writing a port, or has left something beside it as it died."""
    if (ported_dir / f".{name}.lock").exists():
        return True
    left = _beside(name, "(?:old|tmp)")
    return ported_dir.is_dir() and any(left.fullmatch(path.name) for path in ported_dir.iterdir())


def _beside(name: str, role: str) -> re.Pattern[str]:
    return re.compile(rf"\.{re.escape(name)}\.{role}-[0-9a-f]{{8}}")


def _finish(old: Path, port: Path) -> list[str]:
    """Move what the old port's manifest does not know into the new one, then remove the old.

    Nothing unknown is ever deleted: only known files are unlinked, and folders only when empty. The
    manifest goes last, so that one that is gone means that there was nothing else left.
    """
    manifest = read_manifest(old)
    known = {record.path for record in manifest.files} if manifest else set()
    kept = _move_unknown(old, port, known)
    for path, _ in walk(old, folders_of(known).__contains__):
        if path in known:
            (old / path).unlink()
    for folder in reversed(real_folders(old)[1:]):
        folder.rmdir()
    (old / MANIFEST_NAME).unlink(missing_ok=True)
    old.rmdir()
    return kept


def _move_unknown(old: Path, port: Path, known: set[str]) -> list[str]:
    """Move by renames, so that gigabytes cost nothing; returns what went to ``migrate-kept/``."""
    folders = folders_of(known)
    names = (f"{KEPT_NAME}-{number}" if number else KEPT_NAME for number in count())
    # Absent from both: what an earlier run put aside is itself unknown, and about to move.
    aside = next(port / n for n in names if not exists(port / n) and not exists(old / n))
    kept: list[str] = []
    touched: set[Path] = set()
    for path, _ in unknown(old, known, lambda path: path in folders or is_folder(port / path)):
        target = port / path
        parents = (port / folder for folder in folders_of([path]))
        if exists(target) or any(exists(parent) and not is_folder(parent) for parent in parents):
            target = aside / path
            kept.append(target.relative_to(port).as_posix())
        target.parent.mkdir(parents=True, exist_ok=True)
        (old / path).rename(target)
        touched.add(target.parent)
    for folder in touched:
        sync(folder)
    return kept
