"""One pinned upstream, and what makes a pin valid."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from migrate.upstream.licences import is_licence, suggest

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
OBJECT_ID = re.compile(r"[0-9a-f]{40}")

# What a pin may permit besides https. Never ext::, which runs a command of the URL's choice.
PROTOCOLS = ("file", "git", "http", "ssh")

_SEGMENT = re.compile(r"[A-Za-z0-9._~+-]+")


class Pin(NamedTuple):
    """One upstream at one commit.

    Args:
        name: what the kit calls it.
        url: its URL, https or one of ``protocols``.
        commit: 40 lowercase hex digits.
        tree: the id of the tree that the commit holds, 40 lowercase hex digits; empty until the
            first port has seen it.
        path: the folder of the repository that is the project; empty for all of it.
        licence: its SPDX identifier, or empty when unknown.
        mirrors: URLs of repositories that hold the same commit, tried after ``url``.
        protocols: the transports that may be used besides https, of `PROTOCOLS`.
    """

    name: str
    url: str
    commit: str
    tree: str = ""
    path: str = ""
    licence: str = ""
    mirrors: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()


def problems(pin: Pin) -> Iterator[tuple[str, str]]:
    """Yield the key and the mistake, for each field of ``pin`` that is not what it must be.

    The key is empty when the name itself is wrong.
    """
    if not NAME.fullmatch(pin.name):
        yield "", f"the name {pin.name!r} must be lowercase letters, digits, '-' and '_'"
    for protocol in pin.protocols:
        if protocol not in PROTOCOLS:
            yield "protocols", f"expected some of {', '.join(PROTOCOLS)}, found {protocol!r}"
    if wrong := _wrong_url(pin.url, pin.protocols):
        yield "url", wrong
    for key, value in (("commit", pin.commit), ("tree", pin.tree)):
        if not OBJECT_ID.fullmatch(value) and (value or key == "commit"):
            yield key, f"expected 40 lowercase hex digits, found {value!r}"
    if wrong := _wrong_path(pin.path):
        yield "path", wrong
    if pin.licence and not is_licence(pin.licence):
        meant = suggest(pin.licence)
        hint = f"did you mean {meant}?" if meant else "one not known here is LicenseRef-<name>"
        yield "licence", f"expected an SPDX identifier, found {pin.licence!r}; {hint}"
    for mirror in pin.mirrors:
        if wrong := _wrong_url(mirror, pin.protocols):
            yield "mirrors", wrong


def _wrong_url(url: str, protocols: Sequence[str]) -> str:
    expected = f"expected https://host/owner/name, found {url!r}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018  (reading it is what checks it)
    except ValueError:
        return expected
    if parts.scheme in PROTOCOLS and parts.scheme not in protocols:
        return f'{expected}; to permit this one, add protocols = ["{parts.scheme}"]'
    # What starts with a hyphen, ssh could take for an option.
    if parts.scheme not in ("https", *protocols) or "-" in (parts.netloc[:1], host[:1]):
        return expected
    if bool(host) == (parts.scheme == "file"):
        return "a file URL has three slashes, as in file:///srv/git/name.git" if host else expected
    # With ssh, a user name is part of the address and no secret.
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        return "a URL in this file must not carry a user name, password or token"
    segments = parts.path.strip("/").split("/")
    names = (*segments, *([parts.username] if parts.username is not None else []))
    if parts.query or parts.fragment or not all(map(_SEGMENT.fullmatch, names)):
        return expected
    return expected if {".", ".."} & set(segments) else ""


def _wrong_path(path: str) -> str:
    if not path:
        return ""
    segments = path.split("/")
    if "\\" in path or not path.isprintable() or {"", ".", ".."} & set(segments):
        return f"expected a folder such as research/slim, relative and without '..', found {path!r}"
    return ""
