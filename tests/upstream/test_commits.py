"""Which commit a person means."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from migrate.errors import MigrateError, UsageError
from migrate.upstream.load import load, resolve
from migrate.upstream.pin import Pin
from tests.upstream.conftest import Upstream


@pytest.fixture
def pin(upstream: Upstream) -> Pin:
    tree = upstream.files({"a.py": b"1\n"})
    commit = upstream.commit(tree, "First")
    return Pin("gan", "https://github.com/owner/gan.git", commit, tree)


def alike(upstream: Upstream, digits: int) -> tuple[str, str]:
    """Two commits whose ids start with the same digits."""
    tree = upstream.files({"a.py": b"1\n"})
    seen: dict[str, str] = {}
    for number in range(10_000):
        oid = upstream.commit(tree, f"Try {number}")
        other = seen.setdefault(oid[:digits], oid)
        if other != oid:
            return oid, other
    raise AssertionError("no two ids alike")


def test_the_pin_is_what_is_meant_by_default(pin: Pin, mirror: Path, cache: Path) -> None:
    commit = resolve(pin, mirror=str(mirror), cache=cache)
    assert (commit.oid, commit.tree, commit.subject) == (pin.commit, pin.tree, "First")


@pytest.mark.parametrize("digits", [4, 7, 39, 40])
def test_a_prefix_finds_another_commit_and_its_tree(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path, digits: int
) -> None:
    tree = upstream.files({"a.py": b"2\n"})
    second = upstream.commit(tree, "Second", parent=pin.commit)
    loaded = load(pin, commit=second[:digits].upper(), mirror=str(mirror), cache=cache)
    assert (loaded.pin.commit, loaded.pin.tree, loaded.pin.name) == (second, tree, "gan")
    assert loaded.source.files["a.py"].data == b"2\n"


def test_an_ambiguous_prefix_lists_the_candidates(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    one, other = alike(upstream, 4)
    with pytest.raises(UsageError, match=f"{one[:4]} is ambiguous") as caught:
        resolve(pin, one[:4], mirror=str(mirror), cache=cache)
    assert one in str(caught.value) and other in str(caught.value)


def test_a_prefix_is_looked_for_among_commits_only(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    texts = (f"{number:08}".encode() for number in range(1_000_000))
    start = pin.commit[:4]
    same = next(t for t in texts if hashlib.sha1(b"blob 8\0" + t).hexdigest().startswith(start))
    assert upstream.blob(same).startswith(start)
    assert resolve(pin, pin.commit[:4], mirror=str(mirror), cache=cache).oid == pin.commit


def test_the_id_of_something_else_is_said_to_be_that(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    tag = upstream.object(
        "tag", f"object {pin.commit}\ntype commit\ntag v1\ntagger A <a> 1 +0000\n\nx\n".encode()
    )
    for oid, kind in ((upstream.blob(b"1\n"), "file"), (pin.tree, "folder"), (tag, "tag")):
        for wanted in (oid, oid[:12]):
            with pytest.raises(UsageError, match=rf"{oid} is a {kind}.*, not a commit"):
                resolve(pin, wanted, mirror=str(mirror), cache=cache)


def test_a_commit_that_is_not_there_tells_the_newest_that_are(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    tree = upstream.files({"a.py": b"1\n"})
    tips = [
        upstream.commit(tree, f"Tip {n}\x1b[31m", time=1_600_000_000 + n, branch=f"b{n}")
        for n in range(7)
    ]
    for wanted in ("f" * 40, "ffffffff"):
        with pytest.raises(MigrateError) as caught:
            resolve(pin, wanted, mirror=str(mirror), cache=cache)
        text = str(caught.value)
        assert wanted in text and str(upstream.path) in text
        assert [tip for tip in tips if tip in text] == tips[2:]
        assert text.index(tips[6]) < text.index(tips[2])
        assert "Tip 6" in text and "2020-09-13" in text and "\x1b" not in text


@pytest.mark.parametrize(
    "text", ["master", "abc", "", "g" * 40, "0" * 41, "HEAD~1", "--upload-pack"]
)
def test_anything_but_hex_digits_is_refused(pin: Pin, mirror: Path, cache: Path, text: str) -> None:
    with pytest.raises(UsageError, match="4 to 40 hex digits"):
        resolve(pin, text, mirror=str(mirror), cache=cache)
