from __future__ import annotations

import fcntl
import os
import signal
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.errors import MigrateError, UsageError
from migrate.upstream.lock import read_lock, update_pin
from migrate.upstream.pin import Pin

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TREE = "89abcdef0123456789abcdef0123456789abcdef"
TEXT = f"""\
# Ours.

[zeta]  # the first
url = "https://github.com/owner/zeta.git"
commit = "{COMMIT}"   # as of May
tree = '{TREE}'

# The second.
[alpha]
url = "https://example.com/group/sub/alpha"
commit = "{COMMIT}"
tree = "{TREE}"
path = "research/slim"
licence = "Apache-2.0"
mirrors = [
    "https://example.org/a/alpha.git",
]
"""
ZETA = Pin("zeta", "https://github.com/owner/zeta.git", COMMIT, TREE)
ALPHA = Pin(
    "alpha",
    "https://example.com/group/sub/alpha",
    COMMIT,
    TREE,
    path="research/slim",
    licence="Apache-2.0",
    mirrors=("https://example.org/a/alpha.git",),
)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "upstream.lock"
    path.write_text(TEXT)
    return path


def test_pins_are_read_in_the_order_of_the_file(lock: Path) -> None:
    assert list(read_lock(lock).items()) == [("zeta", ZETA), ("alpha", ALPHA)]


def test_the_lock_of_this_repository_is_valid() -> None:
    pins = read_lock(Path(__file__).parents[2] / "upstream.lock")
    assert list(pins) == ["biggan", "ssgan", "realmix", "vgg19"]
    assert pins["vgg19"].path == "research/slim"


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (f'commit = "{COMMIT}"   #', 'commit = "HEAD"  #', "5: zeta.commit", "40 lowercase hex"),
        (COMMIT, COMMIT.upper(), "5: zeta.commit", "40 lowercase hex"),
        (TREE, TREE[:-1], "6: zeta.tree", "40 lowercase hex"),
        ("https://github.com", "http://github.com", "4: zeta.url", "https://host/owner/name"),
        ("https://github.com", "ext::sh -c ", "4: zeta.url", "https://host/owner/name"),
        ("https://github.com", "https://me:secret@github.com", "4: zeta.url", "token"),
        ("https://github.com/owner", "https://github.com/..", "4: zeta.url", "https://host"),
        ("https://github.com/owner", "https://[github", "4: zeta.url", "https://host"),
        ("https://example.org", "git://example.org", "15: alpha.mirrors", "https://host"),
        ("research/slim", "../slim", "13: alpha.path", "relative and without '..'"),
        ("research/slim", "/slim", "13: alpha.path", "relative and without '..'"),
        ('"Apache-2.0"', '"apache2"', "14: alpha.licence", "did you mean Apache-2.0"),
        ('"Apache-2.0"', '"GPL-3.0"', "14: alpha.licence", "GPL-3.0-only or GPL-3.0-or-later"),
        ('"Apache-2.0"', '"My own"', "14: alpha.licence", "LicenseRef-"),
        ('"Apache-2.0"', "2", "14: alpha.licence", "a string in quotes"),
        ('"Apache-2.0"', '""', "14: alpha.licence", "leave the key out"),
        ("licence =", "license =", "14: alpha.license", "unknown key"),
        ("path =", "alpha.b =", "9: alpha.alpha", "unknown key"),
        ("[zeta]", "[Zeta]", "3: Zeta", "lowercase"),
        ("https://github.com", "ssh://git@github.com", "4: zeta.url", 'add protocols = ["ssh"]'),
        ("https://github.com", "file:///srv", "4: zeta.url", 'add protocols = ["file"]'),
        ("path =", 'protocols = ["ext"]\npath =', "13: alpha.protocols", "file, git, http, ssh"),
        ("path =", 'protocols = "ssh"\npath =', "13: alpha.protocols", "a list of texts"),
        (f'commit = "{COMMIT}"   #', "#", "3: zeta", "'commit' is missing"),
        ("# Ours.", "kit = 1", "1", "expected a table"),
        ("# Ours.", "[zeta", "1", "not TOML"),
        ("path =", f'tree = "{TREE}"\npath =', "13", "not TOML"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(
    lock: Path, old: str, new: str, place: str, message: str
) -> None:
    assert old in TEXT
    lock.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        read_lock(lock)
    assert caught.value.where == f"{lock}:{place}"
    assert message in caught.value.message


def test_a_licence_unknown_here_can_be_named_as_spdx_says(lock: Path) -> None:
    lock.write_text(TEXT.replace("Apache-2.0", "LicenseRef-Research-Only"))
    assert read_lock(lock)["alpha"].licence == "LicenseRef-Research-Only"


@pytest.mark.parametrize(
    ("protocol", "url", "message"),
    [
        ("ssh", "ssh://git@example.com/owner/zeta.git", ""),
        ("ssh", "ssh://example.com:2222/zeta", ""),
        ("http", "http://example.com/owner/zeta", ""),
        ("git", "git://example.com/owner/zeta", ""),
        ("file", "file:///srv/git/zeta.git", ""),
        ("file", "file://srv/git/zeta.git", "three slashes"),
        ("file", "file:///srv/../zeta.git", "expected https://"),
        ("ssh", "ssh://git:secret@example.com/zeta.git", "password"),
        ("ssh", "ssh://-oProxyCommand=x/zeta.git", "expected https://"),
        ("ssh", "ssh://-oX@example.com/zeta.git", "expected https://"),
        ("ssh", "ext::sh -c x", "expected https://"),
        ("http", "http://me@example.com/zeta", "user name"),
    ],
)
def test_a_pin_may_permit_other_transports_than_https(
    lock: Path, protocol: str, url: str, message: str
) -> None:
    lock.write_text(f'[zeta]\nurl = "{url}"\ncommit = "{COMMIT}"\nprotocols = ["{protocol}"]\n')
    if message:
        with pytest.raises(UsageError, match=message):
            read_lock(lock)
    else:
        assert read_lock(lock)["zeta"].url == url


def test_a_tree_may_be_left_out_until_it_is_known(lock: Path) -> None:
    lock.write_text(TEXT.replace(f"tree = '{TREE}'\n", ""))
    assert read_lock(lock)["zeta"] == ZETA._replace(tree="")
    update_pin(lock, ZETA)
    assert read_lock(lock)["zeta"] == ZETA
    assert "# as of May" in lock.read_text()


def test_a_missing_lock_and_one_that_is_not_utf8_are_said(tmp_path: Path) -> None:
    lock = tmp_path / "upstream.lock"
    with pytest.raises(UsageError, match="no such file"):
        read_lock(lock)
    lock.write_bytes(b"# one\n# \xff\n")
    with pytest.raises(UsageError, match=r"upstream\.lock:2: this line is not UTF-8"):
        read_lock(lock)


def test_a_byte_order_mark_is_read_over(lock: Path) -> None:
    lock.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert read_lock(lock)["zeta"] == ZETA


@given(st.binary(max_size=80) | st.text("[]a.=\"'\n# 1{}", max_size=60).map(str.encode))
def test_no_content_gives_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    lock = tmp_path_factory.getbasetemp() / "any.lock"
    lock.write_bytes(data)
    try:
        read_lock(lock)
    except UsageError as error:
        assert str(lock) in str(error)


def test_an_update_changes_only_the_lines_of_what_changed(lock: Path) -> None:
    moved = ZETA._replace(commit=TREE)
    update_pin(lock, moved)
    assert read_lock(lock) == {"zeta": moved, "alpha": ALPHA}
    old, new = TEXT.splitlines(), lock.read_text().splitlines()
    changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    assert changed == [(f'commit = "{COMMIT}"   # as of May', f'commit = "{TREE}"   # as of May')]


def test_an_update_keeps_crlf(lock: Path) -> None:
    lock.write_bytes(TEXT.replace("\n", "\r\n").encode())
    update_pin(lock, ZETA._replace(commit=TREE))
    expected = TEXT.replace(COMMIT, TREE, 1).replace("\n", "\r\n")
    assert lock.read_bytes() == expected.encode()


def test_a_new_pin_goes_to_the_end(lock: Path) -> None:
    new = ALPHA._replace(name="new")
    update_pin(lock, new)
    assert lock.read_text().startswith(TEXT)
    assert list(read_lock(lock).values()) == [ZETA, ALPHA, new]


def test_an_update_drops_and_adds_keys(lock: Path) -> None:
    update_pin(lock, ALPHA._replace(path="", mirrors=()))
    update_pin(lock, ZETA._replace(licence="MIT"))
    assert read_lock(lock) == {
        "zeta": ZETA._replace(licence="MIT"),
        "alpha": ALPHA._replace(path="", mirrors=()),
    }
    assert "# The second." in lock.read_text()


def test_a_lock_that_is_not_there_is_made(tmp_path: Path) -> None:
    lock = tmp_path / "upstream.lock"
    update_pin(lock, ALPHA)
    assert read_lock(lock) == {"alpha": ALPHA}


def test_an_update_that_changes_nothing_writes_nothing(lock: Path) -> None:
    before = lock.stat()
    update_pin(lock, ALPHA)
    after = lock.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_an_update_refuses_what_reading_would_refuse(lock: Path) -> None:
    with pytest.raises(UsageError, match=r"zeta\.commit: expected 40"):
        update_pin(lock, ZETA._replace(commit="master"))
    assert lock.read_text() == TEXT


def test_a_failed_update_leaves_the_old_lock_and_nothing_else(
    lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MigrateError, match="cannot be written: No space left"):
        update_pin(lock, ZETA._replace(commit=TREE))
    assert lock.read_text() == TEXT
    assert list(lock.parent.iterdir()) == [lock]


def test_an_update_keeps_the_mode_and_follows_a_link(lock: Path, tmp_path: Path) -> None:
    lock.chmod(0o640)
    link = tmp_path / "link.lock"
    link.symlink_to(lock)
    update_pin(link, ZETA._replace(commit=TREE))
    assert link.is_symlink()
    assert stat.S_IMODE(lock.stat().st_mode) == 0o640
    assert read_lock(lock)["zeta"].commit == TREE


def test_what_a_killed_update_left_goes_and_a_living_one_s_stays(lock: Path) -> None:
    names = ("tmp-dead", "tmp-alive", "original")
    dead, alive, own = (lock.with_name(f".upstream.lock.{name}") for name in names)
    for path in (dead, alive, own):
        path.write_text("half")
    with alive.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        update_pin(lock, ZETA._replace(commit="1" * 40))
    assert sorted(lock.parent.iterdir()) == sorted([lock, alive, own])
    assert read_lock(lock)["zeta"].commit == "1" * 40


def test_an_update_that_is_killed_leaves_a_file_for_the_next(lock: Path) -> None:
    def killed(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        os.fsync = killed  # type: ignore[assignment]
        update_pin(lock, ZETA._replace(commit="1" * 40))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert lock.read_text() == TEXT and len(list(lock.parent.iterdir())) == 2
    update_pin(lock, ZETA._replace(commit="1" * 40))
    assert list(lock.parent.iterdir()) == [lock]
