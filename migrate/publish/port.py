"""Writing a port and its patches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from migrate.errors import MigrateError
from migrate.manifest import MANIFEST_NAME, Manifest, file_records
from migrate.publish.disk import explained, folders_of, is_folder, sync, sync_all, write
from migrate.publish.lock import PortLock, in_use
from migrate.publish.patches import (
    clear_staged,
    edited_patches,
    install_patches,
    patches_current,
    stage_patches,
    staged_in,
)
from migrate.publish.state import PortKind, inspect, unknown
from migrate.series import Series, check_tree
from migrate.upstream.tree import EXECUTABLE, LINK, SourceFile

_SHOWN = 20


class Published(NamedTuple):
    """What `publish` did.

    Args:
        port: whether it wrote the port.
        patches: whether it wrote the patches.
        kept: unknown files that had to give way to the new port, as moved to ``migrate-kept/``.
    """

    port: bool
    patches: bool
    kept: tuple[str, ...]


def publish(
    lock: PortLock,
    files: Mapping[str, SourceFile],
    manifest: Manifest,
    series: Series,
    patch_dir: Path,
    *,
    force: bool = False,
) -> Published:
    """Write a port and its patches; nothing where both are current.

    Args:
        lock: the port's lock, held.
        files: the port, by path, without its manifest.
        manifest: describes exactly these files and this series.
        series: the patches that rebuild the port.
        patch_dir: the folder ``patches/<name>/``; only generated files in it are touched.
        force: overwrite hand edits. Files that the manifest does not know are kept even so.

    Raises:
        MigrateError: the port or its patches have hand edits, the port is not ours, or it could
            not be written; it is then as it was, or, when only its patches or leftovers were in
            the way, new and whole.
        ValueError: files, manifest and series do not describe one port.
    """
    _check(files, manifest, series)
    port = lock.port_dir

    def planned() -> tuple[bool, bool]:
        return plan(port, files, manifest, series, patch_dir, force=force)

    write_port, write_patches = planned()
    try:
        with explained("remove what an interrupted run left", patch_dir):
            clear_staged(patch_dir)
        # All that needs space comes before anything changes.
        with explained("write the port", port):
            if write_port:
                staged = _stage(lock, files, manifest)
        with explained("write the patches", patch_dir):
            if write_patches:
                staged_patches = stage_patches(patch_dir, manifest, series)
        # Once more: staging took its time, and a person may have saved a file meanwhile.
        planned()
        if write_port:
            with explained("replace the port", port):
                _swap(lock, staged)
            lock.settle()
        with explained("write the patches", patch_dir):
            if write_patches:
                install_patches(staged_patches, patch_dir, series)
    except BaseException:
        # Where this fails as well, the next run does it.
        with suppress(OSError, MigrateError):
            lock.settle()
        with suppress(OSError):
            clear_staged(patch_dir)
        raise
    return Published(write_port, write_patches, tuple(lock.kept))


def is_settled(ported_dir: Path, name: str, patch_dir: Path) -> bool:
    """Whether no run is writing a port, and none has left anything half done there."""
    return not in_use(ported_dir, name) and not staged_in(patch_dir)


def _check(files: Mapping[str, SourceFile], manifest: Manifest, series: Series) -> None:
    """Refuse what a later run could not read back."""
    if MANIFEST_NAME in files:
        raise ValueError(f"{MANIFEST_NAME}: not a file that a port may have")
    check_tree(files)
    recorded = {record.path: (record.mode, record.after) for record in manifest.files}
    actual = {record.path: (record.mode, record.after) for record in file_records({}, files)}
    if recorded != actual:
        raise ValueError("the manifest does not describe these files")
    if manifest.series_digest != series.digest:
        raise ValueError("the manifest does not name this series")
    Manifest.from_json(manifest.to_json(), MANIFEST_NAME)


def plan(
    port: Path,
    files: Mapping[str, SourceFile],
    manifest: Manifest,
    series: Series,
    patch_dir: Path,
    *,
    force: bool = False,
) -> tuple[bool, bool]:
    """Whether `publish` would write the port, and whether it would write the patches.

    Args:
        port: the port's folder. The others are those of `publish`.

    Raises:
        MigrateError: it would refuse, since something would be lost.
    """
    state = inspect(port)
    if state.kind is PortKind.FOREIGN:
        raise MigrateError(
            f"this is not a folder that migrate wrote: it has no {MANIFEST_NAME}",
            where=str(port),
            advice="Move it away and run the command again; --force does not overwrite it either.",
        )
    write_port = not state.is_current(manifest)
    write_patches = not patches_current(patch_dir, manifest)
    lost = [f"edited      {path}" for path in state.edited]
    lost += [f"deleted     {path}" for path in state.deleted]
    if write_port and state.manifest is not None:
        known = {record.path for record in state.manifest.files}
        with explained("read the port", port):
            lost += [f"in the way  {path}" for path in _collisions(port, known, files)]
            _check_movable(port, known)
    if write_patches:
        with explained("read the patches", patch_dir):
            folder = f"{patch_dir.parent.name}/{patch_dir.name}"
            lost += [f"edited      {folder}/{name}" for name in edited_patches(patch_dir, series)]
    if lost and not force:
        if len(lost) > _SHOWN:
            lost = [*lost[:_SHOWN], f"and {len(lost) - _SHOWN} more"]
        raise MigrateError(
            "edited by hand, so nothing was written:\n    " + "\n    ".join(lost),
            where=str(port),
            advice="Save the edits elsewhere, then run the command again with --force.",
        )
    return write_port, write_patches


def _collisions(port: Path, known: set[str], files: Mapping[str, SourceFile]) -> Iterator[str]:
    """The unknown entries of a port for which the new files leave no room."""
    folders = folders_of(files)
    walked = folders | folders_of(known)
    for path, _ in unknown(port, known, walked.__contains__):
        if path in files or path in folders or not files.keys().isdisjoint(folders_of([path])):
            yield path


def _check_movable(port: Path, known: set[str]) -> None:
    """Refuse now what would fail once the new port is in place.

    A folder changes its parent only if it can be written itself: one that a container's root made
    in the port cannot.
    """
    inner = folders_of(known)
    entries = unknown(port, known, inner.__contains__)
    paths = [port, *(port / folder for folder in sorted(inner))]
    paths += (port / path for path, _ in entries)
    effective = os.access in os.supports_effective_ids
    for path in filter(is_folder, paths):
        if os.path.ismount(path):
            raise MigrateError(
                "a mount point cannot move with the port",
                where=str(path),
                advice="Unmount it, run the command again, and mount it again.",
            )
        if not os.access(path, os.W_OK | os.X_OK, effective_ids=effective):
            raise MigrateError(
                "this folder cannot move with the port: you may not write it",
                where=str(path),
                advice="Give yourself write permission (chown, chmod) or move it away.",
            )


def _stage(lock: PortLock, files: Mapping[str, SourceFile], manifest: Manifest) -> Path:
    staged = lock.beside("tmp")
    staged.mkdir()
    for folder in sorted(folders_of(files)):
        (staged / folder).mkdir()
    for path, file in files.items():
        if file.mode == LINK:
            (staged / path).symlink_to(os.fsdecode(file.data))
        else:
            write(staged / path, file.data, executable=file.mode == EXECUTABLE)
    write(staged / MANIFEST_NAME, manifest.to_json())
    sync_all(staged)
    return staged


def _swap(lock: PortLock, staged: Path) -> None:
    # An empty folder in the port's place needs no name of its own: the rename replaces it.
    if (lock.port_dir / MANIFEST_NAME).exists():
        lock.port_dir.rename(lock.beside("old"))
    staged.rename(lock.port_dir)
    sync(lock.ported_dir)
