"""One pinned upstream, and what makes a pin valid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from migrate.upstream.licences import is_licence, suggest

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
OBJECT_ID = re.compile(r"[0-9a-f]{40}")

_SEGMENT = re.compile(r"[A-Za-z0-9._~+-]+")


@dataclass(frozen=True)
class Pin:
    """One upstream at one commit.

    Args:
        name: what the kit calls it.
        url: its https URL.
        commit: 40 lowercase hex digits.
        tree: the id of the tree that the commit holds, 40 lowercase hex digits.
        path: the folder of the repository that is the project; empty for all of it.
        licence: its SPDX identifier, or empty when unknown.
        mirrors: https URLs of repositories that hold the same commit, tried after ``url``.
    """

    name: str
    url: str
    commit: str
    tree: str
    path: str = ""
    licence: str = ""
    mirrors: tuple[str, ...] = ()


def problems(pin: Pin) -> Iterator[tuple[str, str]]:
    """Yield the key and the mistake, for each field of ``pin`` that is not what it must be.

    The key is empty when the name itself is wrong.
    """
    if not NAME.fullmatch(pin.name):
        yield "", f"the name {pin.name!r} must be lowercase letters, digits, '-' and '_'"
    if wrong := _wrong_url(pin.url):
        yield "url", wrong
    for key, value in (("commit", pin.commit), ("tree", pin.tree)):
        if not OBJECT_ID.fullmatch(value):
            yield key, f"expected 40 lowercase hex digits, found {value!r}"
    if wrong := _wrong_path(pin.path):
        yield "path", wrong
    if pin.licence and not is_licence(pin.licence):
        meant = suggest(pin.licence)
        hint = f"did you mean {meant}?" if meant else "one not known here is LicenseRef-<name>"
        yield "licence", f"expected an SPDX identifier, found {pin.licence!r}; {hint}"
    for mirror in pin.mirrors:
        if wrong := _wrong_url(mirror):
            yield "mirrors", wrong


def _wrong_url(url: str) -> str:
    expected = f"expected https://host/owner/name, found {url!r}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018  (reading it is what checks it)
    except ValueError:
        return expected
    if parts.scheme != "https" or not host or host.startswith("-"):
        return expected
    if parts.username is not None or parts.password is not None:
        return "a URL in this file must not carry a user name, password or token"
    segments = parts.path.strip("/").split("/")
    if parts.query or parts.fragment or not all(map(_SEGMENT.fullmatch, segments)):
        return expected
    return expected if {".", ".."} & set(segments) else ""


def _wrong_path(path: str) -> str:
    if not path:
        return ""
    segments = path.split("/")
    if "\\" in path or not path.isprintable() or {"", ".", ".."} & set(segments):
        return f"expected a folder such as research/slim, relative and without '..', found {path!r}"
    return ""
