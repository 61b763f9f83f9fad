"""``migrate export``: a port as an archive for ModelZoo, in a folder of the name it wants there."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from migrate.console import styled
from migrate.errors import MigrateError, UsageError
from migrate.manifest import MANIFEST_NAME
from migrate.publish.disk import explained, write_whole
from migrate.publish.patches import patches_current
from migrate.publish.state import PortKind, PortState, inspect
from migrate.readmes import READMES, patch_folder
from migrate.recipe import read_recipe
from migrate.scripts import network_name
from migrate.upstream.lock import read_lock
from migrate.upstream.names import printable
from migrate.upstream.tree import LINK, REGULAR, SourceFile, link_end, link_text
from migrate.workspace import EXAMPLE, Workspace

_PATCHES = "migrate-patches/"
# What ModelZoo's contribution guide asks of every model.
_WANTED = ("LICENSE", "README.md", "modelzoo_level.txt", "requirements.txt")


def run(arguments: argparse.Namespace, workspace: Workspace) -> int:
    name = arguments.name
    if name != EXAMPLE and name not in (pins := read_lock(workspace.lock)):
        raise UsageError(
            f"no upstream is called {name!r}",
            where=str(workspace.lock),
            advice=f"Known: {', '.join([*pins, EXAMPLE])}",
        )
    port = workspace.port(name)
    state = inspect(port)
    if state.manifest is None:
        advice = "Run `migrate demo` first." if name == EXAMPLE else f"Run `migrate port {name}`."
        raise MigrateError("there is no port of ours", where=str(port), advice=advice)
    errors = sum(finding.get("severity") == "error" for finding in state.manifest.findings)
    if errors:
        raise MigrateError(
            f"the port has {errors} errors, and is not fit to be handed in",
            where=str(port),
            advice=f"`migrate port {name} --diff` tells them.",
        )
    folder = network_name(state.manifest.upstream, read_recipe(workspace.patches(name)))
    target = arguments.to or Path(f"{folder}.tar")
    if target.suffix != ".tar":
        advice = "It is not compressed, so that its bytes are the same on every machine."
        raise UsageError(f"--to {target}: the archive is a .tar", advice=advice)
    contents = _with_patches(_contents(port, state), workspace.patches(name), state)
    data = _archive(folder, contents)
    with explained("write the archive", target):
        write_whole(target, data)
    missing = [wanted for wanted in _WANTED if wanted not in contents]
    if arguments.json:
        report = {
            "archive": str(target),
            "folder": folder,
            "sha256": hashlib.sha256(data).hexdigest(),
            "files": sorted(contents),
            "edited": list(state.edited),
            "left_out": list(state.added),
            "missing": missing,
        }
        print(json.dumps(report, indent=2))
        return 0
    print(f"{target}: {len(contents)} files in {folder}/")
    if state.kind is PortKind.EDITED:
        print(f"  with your edits: {', '.join([*state.edited, *state.deleted])}")
    if state.added:
        print(f"  left out, not part of the port: {', '.join(state.added)}")
    for wanted in missing:
        message = f"warning: ModelZoo asks for {wanted}, and the port has none"
        print(styled(message, "warning"), file=sys.stderr)
    return 0


def _contents(port: Path, state: PortState) -> dict[str, tuple[bytes, int]]:
    """The port's files as they stand, by path, with their modes; what is deleted stays away."""
    assert state.manifest is not None
    modes = {record.path: record.mode for record in state.manifest.files}
    modes[MANIFEST_NAME] = REGULAR
    found = {}
    for path, mode in sorted(modes.items()):
        place = port / path
        if path in state.deleted:
            continue
        if mode == LINK and place.is_symlink():
            found[path] = link_text(place), mode
            continue
        if mode == LINK or place.is_symlink() or not place.is_file():
            kind = "link" if mode == LINK else "plain file"
            raise MigrateError(f"not a {kind}, so it cannot be exported", where=str(place))
        with explained("read the port", place):
            found[path] = place.read_bytes(), mode
    for path, (data, mode) in found.items():
        if mode == LINK:
            _check_link(port, SourceFile(path, data, mode), found)
    return found


def _check_link(port: Path, link: SourceFile, found: Mapping[str, tuple[bytes, int]]) -> None:
    """Refuses one that would lead elsewhere, or nowhere, from where the archive is unpacked."""
    _, mode = found.get(link.target, (b"", LINK))
    if mode == LINK or link_end(port / link.path, port) != link.target:
        raise MigrateError(
            f"a link to {printable(os.fsdecode(link.data))}, which is no file of the export",
            where=str(port / link.path),
            advice="Put back what it leads to, or delete the link.",
        )


def _with_patches(
    contents: dict[str, tuple[bytes, int]], folder: Path, state: PortState
) -> dict[str, tuple[bytes, int]]:
    """The same with the patches, and with READMEs that say where these are now.

    Args:
        folder: ``patches/<name>/``.
    """
    assert state.manifest is not None
    if not patches_current(folder, state.manifest):
        advice = "Port again, so that the archive says what was changed."
        raise MigrateError("these are not the port's patches", where=str(folder), advice=advice)
    here = _PATCHES
    while any(path.startswith(here) for path in contents):  # those of a port that was ported
        here = here.replace("/", "_/")
    found = dict(contents)
    for name in READMES.keys() & contents.keys():
        data, mode = contents[name]
        was = f"]({patch_folder(state.manifest.upstream.name)}".encode()
        found[name] = data.replace(was, f"]({here}".encode()), mode
    names = (folder / "series").read_text(encoding="ascii").split()
    for name in (*names, "series"):
        found[f"{here}{name}"] = (folder / name).read_bytes(), REGULAR
    files = tuple(
        record._replace(after=hashlib.sha256(found[record.path][0]).hexdigest())
        if record.path in READMES and record.path in found and record.path not in state.edited
        else record
        for record in state.manifest.files
    )
    found[MANIFEST_NAME] = replace(state.manifest, files=files).to_json(), REGULAR
    return dict(sorted(found.items()))


def _archive(folder: str, contents: dict[str, tuple[bytes, int]]) -> bytes:
    """The same bytes for the same contents: no times, no owners, in order."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, (content, mode) in contents.items():
            entry = tarfile.TarInfo(f"{folder}/{path}")
            if mode == LINK:
                entry.type, entry.linkname = tarfile.SYMTYPE, os.fsdecode(content)
                archive.addfile(entry)
            else:
                entry.size, entry.mode = len(content), mode & 0o777
                archive.addfile(entry, io.BytesIO(content))
    return data.getvalue()
