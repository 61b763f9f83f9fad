"""A local repository, read in place."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from migrate.errors import MigrateError, UsageError
from migrate.upstream.load import Loaded, load
from migrate.upstream.pin import Pin
from tests.upstream.conftest import FILE, FOLDER, SCRIPT, Upstream

FILES = {
    "main.py": b"import tensorflow as tf\r\n",
    "lib/ops.py": b"\xef\xbb\xbfx = 1\n\tno newline at the end",
    "figure/loss.png": b"\x89PNG",
    "LICENSE": b"MIT\n",
}

MakePin = Callable[..., Pin]


@pytest.fixture
def pin(upstream: Upstream, pinned: MakePin) -> Pin:
    return pinned(upstream.files(FILES))


def contents(loaded: Loaded) -> dict[str, bytes]:
    return {path: file.data for path, file in loaded.source.files.items()}


def test_every_byte_arrives_in_sorted_order(pin: Pin, mirror: Path, cache: Path) -> None:
    loaded = load(pin, mirror=str(mirror), cache=cache)
    assert contents(loaded) == FILES
    assert list(loaded.source.files) == sorted(FILES)
    assert loaded.source.findings == ()
    assert (loaded.pin, loaded.commit.oid, loaded.commit.tree) == (pin, pin.commit, pin.tree)


def test_modes_are_regular_or_executable(
    upstream: Upstream, pinned: MakePin, mirror: Path, cache: Path
) -> None:
    blob = upstream.blob(b"x")
    pin = pinned(upstream.tree([(FILE, "a", blob), (SCRIPT, "b", blob), ("100664", "c", blob)]))
    files = load(pin, mirror=str(mirror), cache=cache).source.files
    assert [file.mode for file in files.values()] == [0o100644, 0o100755, 0o100644]


def test_what_is_left_out_is_named_and_may_be_missing(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    upstream.loose(upstream.blob(FILES["figure/loss.png"])).unlink()
    loaded = load(pin, mirror=str(mirror), cache=cache, leave_out=["figure/**"])
    assert sorted(loaded.source.files) == ["LICENSE", "lib/ops.py", "main.py"]
    assert loaded.source.left_out == ("figure/",)


def test_an_object_that_is_needed_and_missing_is_named(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    blob = upstream.blob(FILES["figure/loss.png"])
    upstream.loose(blob).unlink()
    with pytest.raises(MigrateError) as caught:
        load(pin, mirror=str(mirror), cache=cache)
    assert f"figure/loss.png (object {blob}) is missing" in caught.value.message
    assert str(upstream.path) in caught.value.where


def test_a_tree_that_is_missing_is_named(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    tree = upstream.files({"ops.py": FILES["lib/ops.py"]})
    upstream.loose(tree).unlink()
    with pytest.raises(MigrateError, match=f"the folder lib .object {tree}. is missing"):
        load(pin, mirror=str(mirror), cache=cache)


def test_an_object_whose_content_was_exchanged_is_refused(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    blob = upstream.blob(FILES["main.py"])
    upstream.loose(blob).write_bytes(zlib.compress(b"blob 4\0evil"))
    with pytest.raises(MigrateError, match=rf"main\.py \(object {blob}\) is damaged"):
        load(pin, mirror=str(mirror), cache=cache)


def test_an_object_that_is_no_object_is_an_error(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    upstream.loose(upstream.blob(FILES["main.py"])).write_bytes(b"garbage")
    with pytest.raises(MigrateError, match=r"missing|damaged"):
        load(pin, mirror=str(mirror), cache=cache)


def test_nothing_is_written_into_the_repository(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    before = upstream.snapshot()
    load(pin, mirror=str(mirror), cache=cache)
    with pytest.raises(MigrateError):
        load(pin, mirror=str(mirror), cache=cache, commit="f" * 40)
    assert upstream.snapshot() == before
    assert not cache.exists()


@pytest.mark.parametrize("place", ["owner/gan.git", "owner/gan", "owner/gan/.git"])
def test_a_repository_is_found_under_each_of_its_names(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path, place: str, tmp_path: Path
) -> None:
    moved = upstream.path.rename(tmp_path / "moved")
    (mirror / place).parent.mkdir(exist_ok=True)
    moved.rename(mirror / place)
    assert contents(load(pin, mirror=f"{mirror}/", cache=cache)) == FILES


def test_a_linked_work_tree_leads_to_its_repository(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path, tmp_path: Path
) -> None:
    upstream.path.rename(tmp_path / "real")
    admin = tmp_path / "real" / "worktrees" / "gan"
    admin.mkdir(parents=True)
    (admin / "HEAD").write_text("ref: refs/heads/other\n")
    (admin / "commondir").write_text("../..\n")
    (mirror / "owner" / "gan").mkdir()
    (mirror / "owner" / "gan" / ".git").write_text(f"gitdir: {admin}\n")
    assert contents(load(pin, mirror=str(mirror), cache=cache)) == FILES


def test_objects_that_are_borrowed_from_another_repository_are_found(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    base = Upstream(mirror / "base.git")
    shutil.rmtree(base.path / "objects")
    (upstream.path / "objects").rename(base.path / "objects")
    info = upstream.path / "objects" / "info"
    info.mkdir(parents=True)
    (info / "alternates").write_text("../../../base.git/objects\n")
    assert contents(load(pin, mirror=str(mirror), cache=cache)) == FILES


def test_a_relative_mirror_works(
    pin: Pin, mirror: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mirror.parent)
    assert contents(load(pin, mirror="mirror", cache=cache)) == FILES


def test_another_owner_is_no_obstacle(
    pin: Pin, mirror: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert contents(load(pin, mirror=str(mirror), cache=cache)) == FILES


def test_the_environment_does_not_steer_git(
    pin: Pin, mirror: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[broken")
    for name in ("GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, str(config))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'broken")
    assert contents(load(pin, mirror=str(mirror), cache=cache)) == FILES
    with pytest.raises(MigrateError, match="newest") as caught:
        load(pin, mirror=str(mirror), cache=cache, commit="f" * 40)
    assert pin.commit in str(caught.value)


def test_nothing_in_the_repository_is_run_or_fetched(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    upstream.loose(upstream.blob(FILES["main.py"])).unlink()
    (upstream.path / "config").write_text(
        "[core]\n\trepositoryformatversion = 1\n"
        f'\tfsmonitor = "touch {canary}"\n\tsshCommand = "touch {canary}; false"\n'
        "[extensions]\n\tpartialClone = origin\n"
        f'[remote "origin"]\n\tpromisor = true\n\turl = "ext::touch {canary}"\n'
        '[protocol "ext"]\n\tallow = always\n'
    )
    for commit in (None, "f" * 40):
        with pytest.raises(MigrateError):
            load(pin, mirror=str(mirror), cache=cache, commit=commit)
    assert not canary.exists()


def test_replace_refs_do_not_exchange_content(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    replaced = upstream.path / "refs" / "replace"
    replaced.mkdir()
    (replaced / upstream.blob(FILES["main.py"])).write_text(upstream.blob(b"evil") + "\n")
    assert contents(load(pin, mirror=str(mirror), cache=cache)) == FILES


def test_a_tree_that_is_not_the_pins_is_refused(pin: Pin, mirror: Path, cache: Path) -> None:
    with pytest.raises(MigrateError, match="tampered") as caught:
        load(pin._replace(tree="a" * 40), mirror=str(mirror), cache=cache)
    assert pin.tree in str(caught.value) and "a" * 40 in str(caught.value)


@pytest.mark.parametrize(
    "base", ["ext::sh -c true", "http://example.com/", "file:///srv", "ssh://h/"]
)
def test_only_https_and_folders_are_mirrors(pin: Pin, cache: Path, base: str) -> None:
    with pytest.raises(UsageError, match="not allowed; a mirror is read over https"):
        load(pin, mirror=base, cache=cache)


def test_a_mirror_without_the_repository_says_where_it_looked(
    pin: Pin, mirror: Path, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="has no repository owner/gan"):
        load(pin, mirror=str(tmp_path), cache=cache)
    with pytest.raises(UsageError, match="is not a folder"):
        load(pin, mirror=str(tmp_path / "nowhere"), cache=cache)


def test_the_mirrors_of_a_pin_are_tried_too(
    upstream: Upstream, pin: Pin, mirror: Path, cache: Path
) -> None:
    fork = Upstream(mirror / "fork" / "gan.git")
    shutil.copytree(upstream.path, fork.path, dirs_exist_ok=True)
    upstream.loose(pin.commit).unlink()
    forked = pin._replace(mirrors=("https://github.com/fork/gan",))
    loaded = load(forked, mirror=str(mirror), cache=cache)
    assert contents(loaded) == FILES
    assert loaded.origin == str(fork.path)
    fork.loose(pin.commit).unlink()
    with pytest.raises(MigrateError, match="no repository has commit") as caught:
        load(forked, mirror=str(mirror), cache=cache)
    assert str(upstream.path) in str(caught.value) and str(fork.path) in str(caught.value)


ROOT = {
    "LICENSE": b"Apache\n",
    "NOTICE.txt": b"notice\n",
    "license.py": b"code\n",
    "other/big.py": b"other\n",
    "research/slim/train.py": b"train\n",
    "research/slim/nets/vgg.py": b"vgg\n",
}


class TestPath:
    def load(self, upstream: Upstream, pinned: MakePin, files: dict[str, bytes]) -> list[str]:
        pin = pinned(upstream.files(files), path="research/slim")
        mirror = upstream.path.parents[1]
        return list(load(pin, mirror=str(mirror), cache=mirror / "cache").source.files)

    def test_a_folder_becomes_the_root_and_licence_files_come_along(
        self, upstream: Upstream, pinned: MakePin
    ) -> None:
        files = self.load(upstream, pinned, ROOT)
        assert files == ["LICENSE", "NOTICE.txt", "nets/vgg.py", "train.py"]

    def test_a_folder_with_a_licence_of_its_own_keeps_that(
        self, upstream: Upstream, pinned: MakePin
    ) -> None:
        files = self.load(upstream, pinned, {**ROOT, "research/slim/COPYING": b"GPL\n"})
        assert files == ["COPYING", "NOTICE.txt", "nets/vgg.py", "train.py"]

    def test_what_could_be_imported_from_around_it_is_known(
        self, upstream: Upstream, pinned: MakePin, mirror: Path, cache: Path
    ) -> None:
        more = {"shared.py": b"", "research/common/io.py": b"", "research/slim.py": b""}
        pin = pinned(upstream.files({**ROOT, **more}), path="research/slim")
        source = load(pin, mirror=str(mirror), cache=cache).source
        assert source.beside == {
            "common": "research/common/",
            "license": "license.py",
            "other": "other/",
            "research": "research/",
            "shared": "shared.py",
            "slim": "./",
        }
        whole = load(pin._replace(path=""), mirror=str(mirror), cache=cache).source
        assert whole.beside == {}

    def test_what_lies_beside_the_folder_may_be_missing(
        self, upstream: Upstream, pinned: MakePin
    ) -> None:
        upstream.files(ROOT)
        pin = pinned(upstream.files(ROOT), path="research/slim")
        upstream.loose(upstream.files({"big.py": b"other\n"})).unlink()
        upstream.loose(upstream.blob(b"other\n")).unlink()
        mirror = upstream.path.parents[1]
        assert len(load(pin, mirror=str(mirror), cache=mirror / "cache").source.files) == 4

    @pytest.mark.parametrize(
        ("path", "why", "advice"),
        [
            ("research/slym", "'research/slym' is not there", "There are: slim."),
            ("reseach/slim", "'reseach' is not there", "There are: other, research."),
            ("research/slim/train.py", "'research/slim/train.py' is no folder", "folder around it"),
            ("LICENSE", "'LICENSE' is no folder", "leave path out"),
            ("LICENSE/x", "'LICENSE' is no folder", "leave path out"),
            ("research/slim/nets/x", "'research/slim/nets/x' is not there", "leave path out"),
        ],
    )
    def test_a_folder_that_is_not_there_is_said(
        self,
        upstream: Upstream,
        pinned: MakePin,
        path: str,
        why: str,
        advice: str,
        mirror: Path,
        cache: Path,
    ) -> None:
        pin = pinned(upstream.files(ROOT), path=path)
        with pytest.raises(UsageError) as caught:
            load(pin, mirror=str(mirror), cache=cache)
        assert caught.value.message == f"the commit has no folder {path!r}: {why}"
        assert advice in caught.value.advice


def test_leaving_out_everything_is_a_mistake(pin: Pin, mirror: Path, cache: Path) -> None:
    with pytest.raises(UsageError, match="no file that is not left out"):
        load(pin, mirror=str(mirror), cache=cache, leave_out=["*"])


def test_a_folder_that_occurs_twice_is_read_twice(
    upstream: Upstream, pinned: MakePin, mirror: Path, cache: Path
) -> None:
    same = upstream.files({"a.py": b"same\n"})
    pin = pinned(upstream.tree([(FOLDER, "one", same), (FOLDER, "two", same)]))
    assert contents(load(pin, mirror=str(mirror), cache=cache)) == {
        "one/a.py": b"same\n",
        "two/a.py": b"same\n",
    }


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, migrate.upstream.load, migrate.upstream.lock\n"
        "print(sorted({'git', 'tomlkit', 'pathspec'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_without_git_the_error_says_so(pin: Pin, mirror: Path, cache: Path, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from migrate.errors import MigrateError\n"
        "from migrate.upstream.load import load\n"
        "from migrate.upstream.pin import Pin\n"
        f"try: load({pin!r}, mirror={str(mirror)!r}, cache=Path({str(cache)!r}))\n"
        "except MigrateError as error: print(error)"
    )
    env = {**os.environ, "PATH": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert "git cannot be started" in run.stdout


def test_no_room_for_temporary_files_is_said(
    pin: Pin, mirror: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(MigrateError, match="a temporary folder cannot be made"):
        load(pin, mirror=str(mirror), cache=cache)
