"""Writing ``patches/<name>/``: the patches, ``series``, and ``manifest.json``, which names them.

The recipe and the rules of a person lie in the same folder, so that it is not swapped as a whole.
Instead ``manifest.json`` says "unfinished" while the other files change, and names all that either
run wrote.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from migrate.manifest import Manifest
from migrate.publish.disk import exists, sha256, sync, sync_all, write
from migrate.series import PATCH_NAME, Series, series_digest

_RECORD = "manifest.json"
_UNFINISHED = "unfinished.json"
_SERIES = "series"
_FORMAT = 1
_STAGED = ".migrate-tmp-"


def patches_current(patch_dir: Path, manifest: Manifest) -> bool:
    """Whether a patch folder holds, whole, the series that a port's manifest names.

    Args:
        patch_dir: the folder ``patches/<name>/``.
        manifest: the port's manifest.
    """
    try:
        written = (patch_dir / _RECORD).read_bytes()
        recorded = json.loads(written)
        base_commit, tree = str(recorded["base_commit"]), str(recorded["tree"])
        names = (patch_dir / _SERIES).read_bytes().decode("ascii").split("\n")[:-1]
        digests = [(name, sha256(patch_dir / name)) for name in names]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return (
        series_digest(base_commit, tree, digests) == manifest.series_digest
        and _record(manifest, base_commit, tree, digests) == written
    )


def edited_patches(patch_dir: Path, series: Series | None = None) -> list[str]:
    """The files that a new series would overwrite or remove and that a person wrote or changed.

    Args:
        patch_dir: the folder ``patches/<name>/``.
        series: the new series; None to compare only with what the former run wrote.

    Raises:
        OSError: a file cannot be read.
    """
    written = _recorded(patch_dir)
    finished = None not in written.values()
    names = "".join(f"{name}\n" for name in sorted(written))
    written[_SERIES] = _digest(names.encode()) if finished else None
    wanted = {}
    if series:
        wanted = {name: _digest(data) for name, data in series.patches}
        wanted[_SERIES] = _digest(series.series_file)
    return [
        name
        for name in sorted(written.keys() | wanted.keys())
        # An interrupted run knew the names, but not how far it would come: None.
        if written.get(name, "") is not None
        and exists(patch_dir / name)
        and sha256(patch_dir / name) not in (written.get(name), wanted.get(name))
    ]


def stage_patches(patch_dir: Path, manifest: Manifest, series: Series) -> Path:
    """Write all that the patch folder will hold into a folder in it.

    Args:
        patch_dir: the folder ``patches/<name>/``; made when absent.
        manifest: the port's manifest.
        series: the patches.

    Returns:
        The staging folder, for `install_patches`.

    Raises:
        OSError: something could not be written.
    """
    patch_dir.mkdir(parents=True, exist_ok=True)
    staged = patch_dir / f"{_STAGED}{secrets.token_hex(4)}"
    staged.mkdir()
    for name, data in series.patches:
        write(staged / name, data)
    write(staged / _SERIES, series.series_file)
    digests = [(name, _digest(data)) for name, data in series.patches]
    write(staged / _RECORD, _record(manifest, series.base_commit, series.tree, digests))
    names = _recorded(patch_dir).keys() | {name for name, _ in series.patches}
    unfinished = {"format": _FORMAT, "unfinished": True, "patches": dict.fromkeys(names)}
    write(staged / _UNFINISHED, _json(unfinished))
    sync_all(staged)
    return staged


def install_patches(staged: Path, patch_dir: Path, series: Series) -> None:
    """Move staged files into place and remove the patches that the series no longer has.

    Args:
        staged: what `stage_patches` returned.
        patch_dir: the folder ``patches/<name>/``.
        series: the patches.

    Raises:
        OSError: something could not be moved.
    """
    names = [name for name, _ in series.patches]
    stale = _recorded(patch_dir).keys() - names
    (staged / _UNFINISHED).rename(patch_dir / _RECORD)
    sync(patch_dir)
    for name in (*names, _SERIES):
        (staged / name).rename(patch_dir / name)
    for name in stale:
        (patch_dir / name).unlink(missing_ok=True)
    sync(patch_dir)
    (staged / _RECORD).rename(patch_dir / _RECORD)
    sync(patch_dir)
    staged.rmdir()


def clear_staged(patch_dir: Path) -> None:
    """Remove what an interrupted run staged.

    Args:
        patch_dir: the folder ``patches/<name>/``.

    Raises:
        OSError: something could not be removed.
    """
    for path in staged_in(patch_dir):
        shutil.rmtree(path)


def staged_in(patch_dir: Path) -> list[Path]:
    """What a run is staging in ``patches/<name>/``, or has left there as it died."""
    return list(patch_dir.glob(f"{_STAGED}*"))


def _recorded(patch_dir: Path) -> dict[str, str | None]:
    """The patches that former runs say they wrote; never a file with another kind of name.

    Their digests are None where the last run did not end.
    """
    try:
        patches = dict(json.loads((patch_dir / _RECORD).read_bytes())["patches"])
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return {name: digest for name, digest in patches.items() if PATCH_NAME.fullmatch(str(name))}


def _record(
    manifest: Manifest, base_commit: str, tree: str, digests: Sequence[tuple[str, str]]
) -> bytes:
    return _json(
        {
            "format": _FORMAT,
            "kit_version": manifest.kit_version,
            "rules_digest": manifest.rules_digest,
            "upstream": manifest.upstream._asdict(),
            "base_commit": base_commit,
            "tree": tree,
            "series_digest": manifest.series_digest,
            "patches": dict(digests),
        }
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _json(payload: Mapping[str, object]) -> bytes:
    return json.dumps(payload, indent=2, sort_keys=True).encode("ascii") + b"\n"
