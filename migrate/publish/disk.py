"""File operations that last, that follow no symbolic link, and whose errors a person can read."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from migrate.errors import MigrateError
from migrate.upstream.tree import link_text

_PERMISSION = "Give yourself write permission there, or use another workspace."
_ADVICE = {
    errno.ENOSPC: "Free some space and run the command again.",
    errno.EDQUOT: "Free some of your quota and run the command again.",
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EROFS: "Use a workspace on a disk that can be written.",
    errno.ENAMETOOLONG: "Use a shorter path for the workspace or a shorter port name.",
    errno.EBUSY: "Is it a mount point? Unmount it and run the command again.",
    errno.ENOTEMPTY: "Does a process still write there? Stop it and run the command again.",
}


@contextmanager
def explained(task: str, place: Path) -> Iterator[None]:
    """Turn the system's errors into ones that say what to do.

    Args:
        task: what was tried, as in "cannot ...".
        place: the place to name when the system names none.

    Raises:
        MigrateError: an OSError came from the block.
    """
    try:
        yield
    except OSError as error:
        raise MigrateError(
            f"cannot {task}: {error.strerror or error}",
            where=os.fsdecode(error.filename or place),
            advice=_ADVICE.get(error.errno or 0, "Mend this and run the command again."),
        ) from error


def exists(path: Path) -> bool:
    """Like Path.exists, but a dangling symbolic link is there."""
    return os.path.lexists(path)


def is_folder(path: Path) -> bool:
    """Whether this is a folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def sha256(path: Path) -> str:
    """The digest of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def link_sha256(path: Path) -> str:
    """The digest of where a symbolic link leads."""
    return hashlib.sha256(link_text(path)).hexdigest()


def write(path: Path, data: bytes, *, executable: bool = False) -> None:
    """Write a new file; the umask has its say, as it has for git."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    handle = os.open(path, flags, 0o777 if executable else 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def write_whole(target: Path, data: bytes) -> None:
    """Writes a file at once: who reads it sees the old one or the new one, never a part.

    Raises:
        OSError: it cannot be written; the name in it is that of `target`.
    """
    try:
        handle, made = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        error.filename = str(target)  # a person knows nothing of the file that is made first
        raise
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(made).chmod(0o666 & ~mask)
        Path(made).replace(target)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Bring one file, or one folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(root: Path) -> None:
    """Bring a tree to the disk; once all is written, since syncing in between is far slower."""
    for path, entry in walk(root, lambda _: True):
        if entry.is_file(follow_symlinks=False):
            sync(root / path)
    for folder in real_folders(root):
        sync(folder)


def walk(
    root: Path, descend: Callable[[str], bool], folder: str = ""
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The entries below a folder, with their paths relative to the root.

    Args:
        root: where to start.
        descend: told a folder's path, whether to walk into it; one not walked into is an entry.
        folder: the folder below the root to walk.
    """
    for entry in _entries(root / folder):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False) and descend(path):
            yield from walk(root, descend, path)
        else:
            yield path, entry


def real_folders(root: Path) -> list[Path]:
    """A folder and all folders below it, each before those in it."""
    found = [root]
    for folder in found:
        found += (Path(e.path) for e in _entries(folder) if e.is_dir(follow_symlinks=False))
    return found


def folders_of(paths: Iterable[str]) -> set[str]:
    """All folders that these relative paths lie in, the root apart."""
    return {path[:end] for path in paths for end, sign in enumerate(path) if sign == "/"}


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
