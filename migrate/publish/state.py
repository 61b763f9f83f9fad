"""A port's folder compared with its manifest."""

from __future__ import annotations

import enum
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from migrate.manifest import MANIFEST_NAME, Manifest, read_manifest
from migrate.publish.disk import exists, explained, folders_of, is_folder, link_sha256, sha256, walk
from migrate.upstream.tree import EXECUTABLE, LINK, REGULAR


class PortKind(enum.Enum):
    """What a port's folder holds."""

    ABSENT = "absent"
    CLEAN = "clean"
    EDITED = "hand-edited"
    FOREIGN = "foreign"


class PortState(NamedTuple):
    """A port's folder compared with its manifest.

    Args:
        kind: absent (or an empty folder), clean, hand-edited, or not written by this kit.
        manifest: its manifest, when it has one.
        edited: files whose bytes, mode or kind differ.
        deleted: files that are gone.
        added: what the manifest does not know; a folder of such files counts as one. It makes a
            port no less clean.
    """

    kind: PortKind
    manifest: Manifest | None = None
    edited: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    def is_current(self, manifest: Manifest) -> bool:
        """Whether publishing the port that this manifest describes would change nothing."""
        return (
            self.kind is PortKind.CLEAN
            and self.manifest is not None
            and self.manifest.to_json() == manifest.to_json()
        )


def inspect(port_dir: Path) -> PortState:
    """Compare a port's folder with its manifest.

    Args:
        port_dir: the port's root; symbolic links in it are never followed.

    Raises:
        MigrateError: the manifest is damaged, or a file cannot be read.
    """
    with explained("read the port", port_dir):
        if not exists(port_dir):
            return PortState(PortKind.ABSENT)
        if not is_folder(port_dir):
            return PortState(PortKind.FOREIGN)
        manifest = read_manifest(port_dir)
        if manifest is None:
            empty = next(port_dir.iterdir(), None) is None
            return PortState(PortKind.ABSENT if empty else PortKind.FOREIGN)
        return _compare(port_dir, manifest)


def unknown(
    port_dir: Path, known: set[str], descend: Callable[[str], bool]
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The entries of a port that its manifest does not know.

    Args:
        port_dir: the port's root.
        known: the paths in its manifest.
        descend: as for `walk`.
    """
    for path, entry in walk(port_dir, descend):
        is_known = path in known or path == MANIFEST_NAME
        # A folder in a file's place is a person's.
        if not is_known or entry.is_dir(follow_symlinks=False):
            yield path, entry


def _compare(port_dir: Path, manifest: Manifest) -> PortState:
    records = {record.path: record for record in manifest.files}
    folders = folders_of(records)
    # The manifest is written without the executable bit. Where it has one, the file system (FAT, a
    # Windows drive) gives it to every file, and it says nothing.
    keeps_modes = not (port_dir / MANIFEST_NAME).stat().st_mode & stat.S_IXUSR
    edited: list[str] = []
    added: list[str] = []
    missing = set(records)
    for path, entry in walk(port_dir, folders.__contains__):
        record = records.get(path)
        if record is None:
            if path != MANIFEST_NAME:
                added.append(path)
            continue
        missing.discard(path)
        if record.mode == LINK:
            if not entry.is_symlink() or link_sha256(port_dir / path) != record.after:
                edited.append(path)
            continue
        status = entry.stat(follow_symlinks=False)
        mode = EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR
        if (
            not stat.S_ISREG(status.st_mode)
            or (keeps_modes and mode != record.mode)
            or sha256(port_dir / path) != record.after
        ):
            edited.append(path)
    kind = PortKind.EDITED if edited or missing else PortKind.CLEAN
    return PortState(
        kind, manifest, tuple(sorted(edited)), tuple(sorted(missing)), tuple(sorted(added))
    )
