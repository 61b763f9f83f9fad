"""Fetching into the cache, from repositories on this machine that are served as files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrate.errors import MigrateError, UsageError
from migrate.upstream.load import Loaded, load, resolve
from migrate.upstream.pin import Pin
from tests.upstream.conftest import Upstream

FILES = {
    "main.py": b"import tensorflow as tf\n",
    "lib/ops.py": b"x = 1\n",
    "figure/loss.png": b"\x89PNG",
}

Fetch = Callable[..., Loaded]


@pytest.fixture
def pin(upstream: Upstream) -> Pin:
    upstream.serve()
    before = upstream.commit(upstream.files({"old.py": b"old\n"}), "Before")
    tree = upstream.files(FILES)
    commit = upstream.commit(tree, "Now", parent=before)
    url = "https://github.com/owner/gan.git"
    return Pin("gan", url, commit, tree, protocols=("file",))


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy stands between a test and the server that it names."""
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fetch(mirror: Path, cache: Path) -> Fetch:
    def call(pin: Pin, **options: object) -> Loaded:
        settings = {"mirror": f"file://{mirror}/", "cache": cache}
        return load(pin, **{**settings, **options})  # type: ignore[arg-type]

    return call


def contents(loaded: Loaded) -> dict[str, bytes]:
    return {path: file.data for path, file in loaded.source.files.items()}


def cached(cache: Path) -> set[str]:
    """The ids of all objects in the cache."""
    (repository,) = cache.glob("upstream/*.git")
    run = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


def test_exactly_the_commit_and_the_files_that_are_needed_are_fetched(
    upstream: Upstream, pin: Pin, fetch: Fetch, cache: Path
) -> None:
    (upstream.path / "refs" / "tags").mkdir()
    (upstream.path / "refs" / "tags" / "v1").write_text(f"{pin.commit}\n")
    loaded = fetch(pin, leave_out=["figure/**"])
    assert contents(loaded) == {path: FILES[path] for path in ("lib/ops.py", "main.py")}
    assert loaded.pin == pin
    objects = cached(cache)
    assert pin.commit in objects and upstream.blob(FILES["main.py"]) in objects
    assert upstream.blob(FILES["figure/loss.png"]) not in objects
    assert upstream.blob(b"old\n") not in objects
    assert not list(cache.rglob("refs/tags/*"))
    assert len(objects) == 6  # the commit, its three trees, two files; no history


def test_what_is_cached_needs_no_network(
    upstream: Upstream, pin: Pin, fetch: Fetch, mirror: Path
) -> None:
    fetch(pin)
    shutil.rmtree(mirror)
    assert contents(fetch(pin)) == FILES
    assert contents(fetch(pin, commit=pin.commit[:8], mirror=None)) == FILES


def test_files_that_a_later_run_needs_are_fetched_then(pin: Pin, fetch: Fetch) -> None:
    fetch(pin, leave_out=["figure/**", "lib/"])
    assert contents(fetch(pin)) == FILES


def test_a_server_that_cannot_filter_is_no_obstacle(
    upstream: Upstream, pin: Pin, fetch: Fetch
) -> None:
    upstream.serve("allowFilter = false")
    assert contents(fetch(pin)) == FILES


def test_an_interrupted_fetch_leaves_a_cache_that_works(
    pin: Pin, fetch: Fetch, mirror: Path, cache: Path
) -> None:
    resolve(pin, mirror=f"file://{mirror}", cache=cache)
    (repository,) = cache.glob("upstream/*.git")
    for left in ("shallow.lock", "config.lock", f"refs/pins/{pin.commit}.lock"):
        (repository / left).touch()
    (repository / "objects" / "pack" / "tmp_pack_abc").write_bytes(b"half")
    (cache / "upstream" / ".half-made.git.x").mkdir()
    assert contents(fetch(pin)) == FILES
    assert not list(repository.rglob("tmp_pack_*"))


def test_processes_that_share_the_cache_do_not_disturb_each_other(
    pin: Pin, mirror: Path, cache: Path
) -> None:
    code = (
        "from pathlib import Path\n"
        "from migrate.upstream.load import load\n"
        "from migrate.upstream.pin import Pin\n"
        f"loaded = load({pin!r}, mirror='file://{mirror}', cache=Path({str(cache)!r}))\n"
        "print(len(loaded.source.files))"
    )
    command = [sys.executable, "-c", code]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        for _ in range(4)
    ]
    assert [process.communicate()[0] for process in running] == [b"3\n"] * 4


def test_the_next_mirror_is_tried_and_the_failure_noted(
    upstream: Upstream, pin: Pin, fetch: Fetch, mirror: Path
) -> None:
    (mirror / "fork").mkdir()
    upstream.path.rename(mirror / "fork" / "gan.git")
    forked = pin._replace(mirrors=("https://github.com/fork/gan.git",))
    loaded = fetch(forked)
    assert contents(loaded) == FILES
    assert all("/owner/gan" in note for note in loaded.notes)
    assert "there is no such public repository" in loaded.notes[0]


def test_a_mirror_may_name_its_repositories_without_a_suffix(
    upstream: Upstream, pin: Pin, fetch: Fetch
) -> None:
    upstream.path.rename(upstream.path.with_suffix(""))
    assert contents(fetch(pin)) == FILES


def test_a_commit_that_no_server_has_lists_the_branches(
    upstream: Upstream, pin: Pin, fetch: Fetch
) -> None:
    with pytest.raises(MigrateError, match="could not be fetched") as caught:
        fetch(pin, commit="f" * 40)
    text = str(caught.value)
    assert "the server does not have it" in text and f"{pin.commit}  master" in text


def test_another_commit_is_fetched_by_its_whole_id_only(
    upstream: Upstream, pin: Pin, fetch: Fetch
) -> None:
    tree = upstream.files({"new.py": b"new\n"})
    new = upstream.commit(tree, "New", parent=pin.commit)
    with pytest.raises(UsageError, match="a server can only be asked for a whole id"):
        fetch(pin, commit=new[:10])
    assert fetch(pin, commit=new).pin.tree == tree
    assert fetch(pin, commit=new[:10]).pin.commit == new
    assert fetch(pin, commit=pin.commit[:10]).pin == pin


def test_the_id_of_a_tree_is_said_to_be_one(pin: Pin, fetch: Fetch) -> None:
    with pytest.raises(MigrateError, match=r"is a folder \(tree\), not a commit"):
        fetch(pin, commit=pin.tree)


def test_without_a_network_the_error_tells_of_mirrors(pin: Pin, cache: Path) -> None:
    dead = pin._replace(url="https://localhost:1/owner/gan.git")
    with pytest.raises(MigrateError) as caught:
        load(dead, cache=cache)
    text = str(caught.value)
    assert "localhost" in text and "--mirror BASE" in text and "MIGRATE_MIRROR" in text


def test_secrets_in_a_mirror_url_are_not_shown_or_stored(pin: Pin, cache: Path) -> None:
    with pytest.raises(MigrateError) as caught:
        load(pin, mirror="https://me:secret@localhost:1/base", cache=cache)
    assert "secret" not in str(caught.value)
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert not any(b"secret" in path.read_bytes() for path in files)


def test_git_itself_uses_no_other_transport(pin: Pin, cache: Path, mirror: Path) -> None:
    for url in (f"file://{mirror}/owner/gan.git", "ext::touch canary", str(mirror / "owner/gan")):
        with pytest.raises(MigrateError, match="could not be fetched"):
            load(pin._replace(url=url, protocols=()), cache=cache)


def test_hooks_in_the_cache_are_not_run(
    upstream: Upstream, pin: Pin, fetch: Fetch, cache: Path, tmp_path: Path
) -> None:
    fetch(pin)
    (repository,) = cache.glob("upstream/*.git")
    canary = tmp_path / "canary"
    (repository / "hooks").mkdir()
    hook = repository / "hooks" / "reference-transaction"
    hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
    hook.chmod(0o755)
    fetch(pin, commit=upstream.commit(upstream.files({"new.py": b"new\n"})))
    assert not canary.exists()


def test_a_cache_that_cannot_be_written_is_said(pin: Pin, fetch: Fetch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MigrateError, match="the cache cannot be written"):
        fetch(pin, cache=tmp_path / "file")


def test_a_cached_object_that_was_exchanged_is_refused(
    upstream: Upstream, pin: Pin, fetch: Fetch, cache: Path
) -> None:
    fetch(pin, leave_out=["main.py"])
    (repository,) = cache.glob("upstream/*.git")
    blob = upstream.blob(FILES["main.py"])
    other = upstream.loose(upstream.blob(b"evil"))
    planted = repository / "objects" / blob[:2] / blob[2:]
    planted.parent.mkdir(exist_ok=True)
    shutil.copy(other, planted)
    with pytest.raises(MigrateError, match="damaged"):
        fetch(pin)


def test_a_pin_may_permit_another_transport_and_nothing_else_does(
    pin: Pin, mirror: Path, cache: Path
) -> None:
    url = f"file://{mirror}/owner/gan.git"
    assert contents(load(pin._replace(url=url), cache=cache)) == FILES
    with pytest.raises(UsageError, match=r'add protocols = \["file"\] to \[gan\]'):
        load(pin._replace(protocols=()), mirror=f"file://{mirror}", cache=cache)


def test_a_tree_that_is_left_out_is_read_from_the_commit(
    pin: Pin, fetch: Fetch, mirror: Path
) -> None:
    unknown = pin._replace(tree="")
    assert fetch(unknown).pin == pin
    assert fetch(unknown, mirror=str(mirror)).pin == pin
