"""Where a pinned upstream may be read from: local repositories and URLs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from migrate.errors import UsageError
from migrate.upstream.pin import PROTOCOLS, Pin

GITHUB = "https://github.com/"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(://|::)")


class Places(NamedTuple):
    """What to try, in order: first the repositories on this machine, then the URLs.

    Args:
        local: git directories.
        urls: what to fetch from.
    """

    local: tuple[Path, ...]
    urls: tuple[str, ...]


def places(pin: Pin, mirror: str | None) -> Places:
    """Find where ``pin`` may be read from.

    Args:
        pin: the upstream; its ``url`` comes before its ``mirrors``.
        mirror: a folder or URL that stands for https://github.com/, or None.

    Raises:
        UsageError: the mirror is not there, lacks the repository or needs another transport.
    """
    urls = (pin.url, *pin.mirrors)
    if not mirror:
        return Places((), urls)
    scheme = _SCHEME.match(mirror)
    if scheme:
        if scheme[2] == "::" or scheme[1].lower() not in ("https", *pin.protocols):
            advice = "Give an https URL, or the path of a folder on this machine."
            if scheme[2] == "://" and scheme[1].lower() in PROTOCOLS:
                key = f'protocols = ["{scheme[1].lower()}"]'
                advice += f" To permit this one, add {key} to [{pin.name}] in upstream.lock."
            message = f"{scheme[1]}{scheme[2]} is not allowed; a mirror is read over https"
            raise UsageError(message, where="--mirror", advice=advice)
        return Places((), tuple(_mirrored(mirror.rstrip("/"), urls)))
    folder = Path(mirror).expanduser()
    wanted = [_repository(url) for url in urls if _on_github(url)]
    elsewhere = tuple(url for url in urls if not _on_github(url))
    local = tuple(_local(folder, wanted))
    if not local and not elsewhere:
        state = "has no repository" if folder.is_dir() else "is not a folder, so there is no"
        names = " or ".join(wanted)
        advice = f"It stands for {GITHUB}, with <owner>/<name>.git below it."
        raise UsageError(f"{folder} {state} {names}", where="--mirror", advice=advice)
    return Places(local, elsewhere)


def check_mirror(mirror: str | None) -> None:
    """Refuse a mirror that no pin could be read from.

    Raises:
        UsageError: it is a path, and no folder is there.
    """
    if mirror and not _SCHEME.match(mirror) and not Path(mirror).expanduser().is_dir():
        advice = f"It stands for {GITHUB}, with <owner>/<name>.git below it."
        raise UsageError(f"{mirror} is not a folder", where="--mirror", advice=advice)


def git_directory(path: Path) -> Path | None:
    """The git directory that ``path`` is or points to (as in a linked work tree), or None.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_file():
        target = path.read_text(errors="replace").strip()
        path = path.parent / target.removeprefix("gitdir:").strip()
    if (path / "commondir").is_file():
        path = path / (path / "commondir").read_text(errors="replace").strip()
    is_repository = (path / "HEAD").is_file() and (path / "objects").is_dir()
    return path.absolute() if is_repository else None


def _on_github(url: str) -> bool:
    return url.lower().startswith(GITHUB)


def _repository(url: str) -> str:
    """``<owner>/<name>`` of a URL on GitHub."""
    return url[len(GITHUB) :].strip("/").removesuffix(".git")


def _mirrored(base: str, urls: Sequence[str]) -> Iterator[str]:
    for url in urls:
        if _on_github(url):
            yield f"{base}/{_repository(url)}.git"
            yield f"{base}/{_repository(url)}"
        else:
            yield url


def _local(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        bare = folder / name
        candidates = (bare.with_name(f"{bare.name}.git"), bare / ".git", bare)
        try:
            found = (git_directory(candidate) for candidate in candidates)
            repository = next((path for path in found if path), None)
        except OSError as error:
            message = f"{bare} cannot be read: {error.strerror}"
            raise UsageError(message, where="--mirror") from error
        if repository:
            yield repository
