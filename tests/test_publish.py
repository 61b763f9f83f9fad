"""A port appears whole or not at all, and nothing of a person's is lost on the way."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from migrate.errors import MigrateError
from migrate.manifest import MANIFEST_NAME, Manifest, Upstream, file_records, read_manifest
from migrate.publish import (
    PortKind,
    PortLock,
    PortState,
    Published,
    inspect,
    patches_current,
    publish,
)
from migrate.series import Series
from migrate.upstream.tree import EXECUTABLE, SourceFile


@dataclass(frozen=True)
class Version:
    """All that one publish writes."""

    files: dict[str, SourceFile]
    manifest: Manifest
    series: Series


def version(patches: dict[str, bytes], **files: bytes | tuple[bytes, int]) -> Version:
    tree = {}
    for name, content in files.items():
        path = name.replace("__", "/").replace("_py", ".py")
        data, mode = content if isinstance(content, tuple) else (content, 0o100644)
        tree[path] = SourceFile(path, data, mode)
    series = Series("a" * 40, "b" * 40, tuple(patches.items()))
    manifest = Manifest(
        kit_version="0.1.0",
        rules_digest="d" * 64,
        upstream=Upstream("x", "https://example.com/x.git", "a" * 40, "b" * 40, "", "MIT"),
        cann="6.3",
        recipe_digest=None,
        settings={},
        files=file_records({}, tree),
        rules={},
        findings=(),
        sessions=(),
        symbols={},
        series_digest=series.digest,
    )
    return Version(tree, manifest, series)


OLD = version(
    {"0001-compat.patch": b"1\n", "0002-gone.patch": b"2\n"},
    main_py=b"x = 1\r\n",
    run=(b"#!/bin/sh\n", EXECUTABLE),
    src__old__a_py=b"",
    src__b_py=b"b\n",
)
NEW = version(
    {"0001-compat.patch": b"one\n", "0002-devices.patch": b"two\n"},
    main_py=(b"x = 2\r\n", EXECUTABLE),
    run=(b"#!/bin/sh\n", EXECUTABLE),
    src__new__a_py=b"a\n",
)
RECIPE = b"entry = ['main.py']\n"


@dataclass(frozen=True)
class Workspace:
    """The two folders, and what a person has in them."""

    root: Path

    @property
    def ported(self) -> Path:
        return self.root / "ported"

    @property
    def port(self) -> Path:
        return self.ported / "x"

    @property
    def patches(self) -> Path:
        return self.root / "patches" / "x"

    def publish(self, what: Version, *, force: bool = False) -> Published:
        with PortLock(self.ported, "x") as lock:
            return publish(lock, what.files, what.manifest, what.series, self.patches, force=force)

    def read(self) -> dict[str, str]:
        """The port, manifest apart: kind, mode and content by path."""
        return {p: v for p, v in snapshot(self.port).items() if p != MANIFEST_NAME}

    def add_unknown(self) -> None:
        """What a training run and a person leave in a port."""
        for path, data in UNKNOWN_FILES.items():
            (self.port / path).parent.mkdir(parents=True, exist_ok=True)
            (self.port / path).write_bytes(data)
        (self.port / "empty").mkdir()
        (self.port / "src" / "old" / "empty").mkdir()
        (self.port / "dataset").symlink_to("/nonexistent/data")
        (self.port / "src" / "outside").symlink_to(self.root / "outside")
        (self.root / "outside").mkdir(exist_ok=True)
        (self.root / "outside" / "keep.bin").write_bytes(b"keep")


UNKNOWN_FILES = {
    "checkpoint/model.ckpt": b"\0" * 100,
    "checkpoint/deep/er": b"1",
    "train.log": b"step 1\n",
    "src/__pycache__/b.pyc": b"\1",
    "src/old/notes.txt": b"in a folder that the new port lacks",
    ".git/HEAD": b"ref: x\n",
}
UNKNOWN = {path: f"644 {data!r}" for path, data in UNKNOWN_FILES.items()} | {
    "empty": "folder",
    "src/old/empty": "folder",
    "dataset": "-> /nonexistent/data",
}


def snapshot(root: Path, folder: str = "") -> dict[str, str]:
    """Everything below a folder; folders only when empty."""
    found: dict[str, str] = {}
    with os.scandir(root / folder) as entries:
        for entry in entries:
            key = folder + entry.name
            if entry.is_symlink():
                found[key] = f"-> {Path(entry.path).readlink()}"
            elif entry.is_dir():
                found |= snapshot(root, f"{key}/") or {key: "folder"}
            else:
                mode = stat.S_IMODE(entry.stat().st_mode)
                found[key] = f"{mode:o} {Path(entry.path).read_bytes()!r}"
    return found


def expected(what: Version, unknown: dict[str, str] | None = None) -> dict[str, str]:
    files = {path: f"{file.mode & 0o777:o} {file.data!r}" for path, file in what.files.items()}
    return files | (unknown or {})


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    """In memory where there is such a place: the sweeps make and remove many thousand files."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield make_space(Path(folder))


def make_space(root: Path) -> Workspace:
    workspace = Workspace(root)
    workspace.patches.mkdir(parents=True)
    (workspace.patches / "recipe.toml").write_bytes(RECIPE)
    (workspace.patches / "rules").mkdir()
    (workspace.patches / "rules" / "own.py").write_bytes(b"")
    (workspace.patches / "0009-mine.patch").write_bytes(b"my patch")
    return workspace


def check_whole(space: Workspace, what: Version, unknown: dict[str, str] | None = None) -> None:
    """Everything is there, and nothing else."""
    found = space.read()
    outside = {"src/outside": f"-> {space.root / 'outside'}"} if unknown else {}
    assert found == expected(what, unknown) | outside
    assert read_manifest(space.port) == what.manifest
    assert [path.name for path in space.ported.iterdir()] == ["x"]
    assert patches_current(space.patches, what.manifest)
    patches = {path.name: path.read_bytes() for path in space.patches.glob("*.patch")}
    assert patches == {**dict(what.series.patches), "0009-mine.patch": b"my patch"}
    assert (space.patches / "series").read_bytes() == what.series.series_file
    assert (space.patches / "recipe.toml").read_bytes() == RECIPE
    assert {path.name for path in space.patches.iterdir()} == {
        *patches, "series", "manifest.json", "recipe.toml", "rules",
    }  # fmt: skip
    if unknown:
        assert (space.root / "outside" / "keep.bin").read_bytes() == b"keep"


# Publishing


def test_first_port(tmp_path: Path) -> None:
    space = make_space(tmp_path)
    assert inspect(space.port) == PortState(PortKind.ABSENT)
    assert space.publish(OLD) == Published(True, True, ())
    check_whole(space, OLD)
    assert inspect(space.port) == PortState(PortKind.CLEAN, OLD.manifest)
    assert inspect(space.port).is_current(OLD.manifest)
    assert stat.S_IMODE(space.port.stat().st_mode) == 0o755
    record = json.loads((space.patches / "manifest.json").read_bytes())
    assert record["upstream"]["commit"] == "a" * 40
    assert list(record["patches"]) == ["0001-compat.patch", "0002-gone.patch"]


def test_nothing_to_do_writes_nothing(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    space.publish(OLD)
    space.add_unknown()

    def times() -> dict[Path, tuple[int, int]]:
        folders = (space.port, space.patches)
        every = [path for folder in folders for path in (folder, *folder.rglob("*"))]
        stats = {path: path.lstat() for path in every}
        return {path: (status.st_mtime_ns, status.st_ino) for path, status in stats.items()}

    before = times()
    assert space.publish(OLD) == Published(False, False, ())
    assert times() == before


def test_new_version_keeps_what_is_unknown(space: Workspace) -> None:
    space.publish(OLD)
    space.add_unknown()
    state = inspect(space.port)
    assert state.kind is PortKind.CLEAN
    assert state.added == (
        ".git", "checkpoint", "dataset", "empty", "src/__pycache__", "src/old/empty",
        "src/old/notes.txt", "src/outside", "train.log",
    )  # fmt: skip
    inode = (space.port / "checkpoint" / "model.ckpt").stat().st_ino
    assert space.publish(NEW) == Published(True, True, ())
    check_whole(space, NEW, UNKNOWN)
    assert (space.port / "checkpoint" / "model.ckpt").stat().st_ino == inode
    space.publish(OLD)
    check_whole(space, OLD, UNKNOWN)


def test_only_the_manifest_changes(space: Workspace) -> None:
    space.publish(OLD)
    newer = replace(OLD, manifest=replace(OLD.manifest, kit_version="0.2.0"))
    assert not inspect(space.port).is_current(newer.manifest)
    assert space.publish(newer) == Published(True, True, ())
    check_whole(space, newer)


def test_umask_has_its_say(space: Workspace) -> None:
    os.umask(0o077)
    space.publish(OLD)
    assert stat.S_IMODE((space.port / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE(space.port.stat().st_mode) == 0o700
    assert space.publish(OLD) == Published(False, False, ())


def test_an_empty_folder_is_no_port(space: Workspace) -> None:
    space.port.mkdir(parents=True)
    assert inspect(space.port).kind is PortKind.ABSENT
    space.publish(OLD)
    check_whole(space, OLD)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", ["file", "link", "folder", "lost manifest"])
def test_what_is_not_ours_is_never_overwritten(space: Workspace, kind: str, force: bool) -> None:
    space.ported.mkdir()
    if kind == "file":
        space.port.write_bytes(b"mine")
    elif kind == "link":
        (space.root / "elsewhere").mkdir()
        space.port.symlink_to(space.root / "elsewhere")
    elif kind == "folder":
        space.port.mkdir()
        (space.port / "mine.txt").write_bytes(b"mine")
    else:
        space.publish(OLD)
        (space.port / MANIFEST_NAME).unlink()
    before = snapshot(space.root)
    assert inspect(space.port).kind is PortKind.FOREIGN
    with pytest.raises(MigrateError, match="not a folder that migrate wrote"):
        space.publish(NEW, force=force)
    assert snapshot(space.root) == before


def test_damaged_manifest_is_never_overwritten(space: Workspace) -> None:
    space.publish(OLD)
    (space.port / MANIFEST_NAME).write_bytes(b"{")
    before = snapshot(space.root)
    with pytest.raises(MigrateError, match="manifest is damaged"):
        space.publish(NEW, force=True)
    assert snapshot(space.root) == before


# Hand edits


def _to_link(port: Path) -> None:
    shutil.move(port / "src", port.parent.parent / "src")
    (port / "src").symlink_to(port.parent.parent / "src")


def _to_folder(port: Path) -> None:
    (port / "main.py").unlink()
    (port / "main.py").mkdir()
    (port / "main.py" / "mine").write_bytes(b"mine")


def _to_file_link(port: Path) -> None:
    (port / "run").unlink()
    (port / "run").symlink_to("main.py")


def _to_unknown(port: Path) -> None:
    (port / "src" / "new").mkdir()
    (port / "src" / "new" / "a.py").write_bytes(b"mine")


EDITS: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "content": (lambda port: (port / "main.py").write_bytes(b"x = 3\n"), ["edited      main.py"]),
    "mode": (lambda port: (port / "main.py").chmod(0o755), ["edited      main.py"]),
    "deleted": (lambda port: (port / "src/b.py").unlink(), ["deleted     src/b.py"]),
    "folder deleted": (
        lambda port: shutil.rmtree(port / "src"),
        ["deleted     src/b.py", "deleted     src/old/a.py"],
    ),
    "link for file": (
        _to_file_link,
        ["edited      run"],
    ),
    "link for folder": (
        _to_link,
        ["deleted     src/b.py", "deleted     src/old/a.py", "in the way  src"],
    ),
    "folder for file": (_to_folder, ["edited      main.py", "in the way  main.py"]),
    "unknown file in the way": (
        _to_unknown,
        ["in the way  src/new/a.py"],
    ),
    "unknown file for a folder": (
        lambda port: (port / "src/new").write_bytes(b"mine"),
        ["in the way  src/new"],
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_hand_edits_are_refused_then_forced(space: Workspace, edit: str) -> None:
    space.publish(OLD)
    space.add_unknown()
    act, lines = EDITS[edit]
    if edit in ("folder deleted", "link for folder"):
        shutil.rmtree(space.port / "src" / "old" / "empty")
    act(space.port)
    before = snapshot(space.root)
    with pytest.raises(MigrateError, match="edited by hand") as caught:
        space.publish(NEW)
    assert [line.strip() for line in caught.value.message.splitlines()[1:]] == lines
    assert "--force" in caught.value.advice
    assert snapshot(space.root) == before

    published = space.publish(NEW, force=True)
    after = space.read()
    assert expected(NEW).items() <= after.items()
    assert inspect(space.port).kind is PortKind.CLEAN
    assert sorted(path.name for path in space.ported.iterdir()) == ["x"]
    kept = {path for path in after if path.startswith("migrate-kept/")}
    assert all(any(k == top or k.startswith(f"{top}/") for top in published.kept) for k in kept)
    # All that the manifest did not know is somewhere, and outside nothing was touched.
    values = set(snapshot(space.root).values())
    gone = EDITS[edit][1] if edit == "folder deleted" else []
    if not gone:
        assert {f"644 {data!r}" for data in UNKNOWN_FILES.values()} <= values
    if f"644 {b'mine'!r}" in before.values():
        assert f"644 {b'mine'!r}" in values
    assert (space.root / "outside" / "keep.bin").read_bytes() == b"keep"


def test_hand_edits_are_refused_even_when_the_port_is_the_same(space: Workspace) -> None:
    space.publish(OLD)
    (space.port / "main.py").write_bytes(b"mine")
    assert inspect(space.port).edited == ("main.py",)
    assert inspect(space.port).kind is PortKind.EDITED
    with pytest.raises(MigrateError, match="edited by hand"):
        space.publish(OLD)
    space.publish(OLD, force=True)
    check_whole(space, OLD)


def test_a_folder_that_both_have_is_merged(space: Workspace) -> None:
    space.publish(OLD)
    (space.port / "src" / "new").mkdir()
    (space.port / "src" / "new" / "log").write_bytes(b"1")
    space.publish(NEW)
    check = expected(NEW) | {"src/new/log": f"644 {b'1'!r}"}
    assert space.read() == check


def test_kept_files_never_replace_one_another(space: Workspace) -> None:
    space.publish(OLD)
    for number in range(3):
        (space.port / "src" / "new").write_bytes(b"%d" % number)
        aside = f"migrate-kept-{number}/src/new" if number else "migrate-kept/src/new"
        assert space.publish(NEW, force=True).kept == (aside,)
        assert (space.port / aside).read_bytes() == b"%d" % number
        space.publish(OLD)


def test_an_edit_during_the_run_is_refused(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.publish(OLD)
    real = os.fsync

    def save(handle: int) -> None:
        (space.port / "main.py").write_bytes(b"saved meanwhile")
        real(handle)

    monkeypatch.setattr(os, "fsync", save)
    with pytest.raises(MigrateError, match="edited by hand"):
        space.publish(NEW)
    assert (space.port / "main.py").read_bytes() == b"saved meanwhile"
    assert read_manifest(space.port) == OLD.manifest
    assert patches_current(space.patches, OLD.manifest)
    assert [path.name for path in space.ported.iterdir()] == ["x"]


def test_many_edits_are_counted(space: Workspace) -> None:
    many = version({}, **{f"f{n}": b"" for n in range(50)})
    space.publish(many)
    for path in many.files:
        (space.port / path).write_bytes(b"x")
    with pytest.raises(MigrateError) as caught:
        space.publish(OLD)
    assert caught.value.message.splitlines()[-1].strip() == "and 30 more"


def test_file_system_without_modes(space: Workspace) -> None:
    """FAT and Windows drives show every file as executable."""
    space.publish(OLD)
    for path in space.port.rglob("*"):
        path.chmod(0o755)
    assert inspect(space.port).kind is PortKind.CLEAN


def test_mount_points_are_refused(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    space.publish(OLD)
    space.add_unknown()
    before = snapshot(space.root)
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path).endswith("checkpoint"))
    with pytest.raises(MigrateError, match=r"checkpoint: a mount point cannot move"):
        space.publish(NEW, force=True)
    assert snapshot(space.root) == before


# Patches


@pytest.mark.parametrize("name", ["0001-compat.patch", "series", "manifest.json"])
def test_patches_are_mended(space: Workspace, name: str) -> None:
    space.publish(OLD)
    (space.patches / name).unlink()
    assert not patches_current(space.patches, OLD.manifest)
    assert space.publish(OLD) == Published(False, True, ())
    check_whole(space, OLD)


def test_a_damaged_record_is_mended(space: Workspace) -> None:
    space.publish(OLD)
    (space.patches / "manifest.json").write_bytes(b"{} \xff")
    assert space.publish(OLD) == Published(False, True, ())
    check_whole(space, OLD)


@pytest.mark.parametrize("name", ["0001-compat.patch", "0002-gone.patch", "series"])
@pytest.mark.parametrize("new", [OLD, NEW])
def test_edited_patches_are_refused_and_forced(space: Workspace, name: str, new: Version) -> None:
    space.publish(OLD)
    (space.patches / name).write_bytes(b"mine")
    with pytest.raises(MigrateError, match=rf"edited by hand(.|\n)*edited      patches/x/{name}"):
        space.publish(new)
    assert (space.patches / name).read_bytes() == b"mine"
    assert not inspect(space.port).is_current(NEW.manifest)
    assert space.publish(new, force=True).patches
    check_whole(space, new)


def test_a_persons_own_patch_in_the_way_is_refused(space: Workspace) -> None:
    space.publish(OLD)
    (space.patches / "0002-devices.patch").write_bytes(b"mine")
    with pytest.raises(MigrateError, match=r"0002-devices\.patch"):
        space.publish(NEW)


def test_edits_of_port_and_patches_are_told_at_once(space: Workspace) -> None:
    space.publish(OLD)
    (space.port / "main.py").write_bytes(b"mine")
    (space.patches / "0001-compat.patch").write_bytes(b"mine")
    with pytest.raises(MigrateError, match=r"main.py\n.*0001-compat.patch"):
        space.publish(NEW)


def test_patches_of_another_version_are_not_current(space: Workspace) -> None:
    assert not patches_current(space.root / "nowhere", OLD.manifest)
    space.publish(OLD)
    assert patches_current(space.patches, OLD.manifest)
    assert not patches_current(space.patches, NEW.manifest)
    assert not patches_current(space.patches, replace(OLD.manifest, kit_version="9"))


def test_a_doctored_record_removes_nothing_else(space: Workspace) -> None:
    space.publish(OLD)
    victim = space.root / "0001-victim.patch"
    victim.write_bytes(b"")
    record = {"patches": {"recipe.toml": "", "../../0001-victim.patch": "", "rules": ""}}
    (space.patches / "manifest.json").write_text(json.dumps(record))
    (space.patches / "0002-gone.patch").unlink()
    space.publish(NEW, force=True)
    check_whole(space, NEW)
    assert victim.exists()


# Faults


class Fault:
    """Counts the calls that change the disk; does something at the n-th."""

    def __init__(self, at: int, when: str, act: Callable[[], None], lasting: bool) -> None:
        self.calls = 0
        self.at = at
        self.when = when
        self.act = act
        self.lasting = lasting

    def wrap(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            fires = self.calls == self.at or (self.lasting and self.calls > self.at)
            if fires and self.when == "before":
                self.act()
            result = real(*args, **kwargs)
            if fires and self.when == "after":
                self.act()
            return result

        return call


@contextmanager
def faulty(fault: Fault) -> Iterator[None]:
    only_read, create = os.open, fault.wrap(os.open)

    def open_file(path: str, flags: int, *args: int, **kwargs: int) -> Any:
        return (create if flags & os.O_CREAT else only_read)(path, flags, *args, **kwargs)

    def skip(handle: int) -> None:
        """Real fsyncs would take a minute in all."""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", open_file)
        # A kill before an fsync is a kill before the call that follows it.
        patch.setattr(os, "fsync", skip if fault.act is kill else fault.wrap(skip))
        patch.setattr(os, "write", fault.wrap(os.write))
        patch.setattr(shutil, "rmtree", fault.wrap(shutil.rmtree))
        for name in ("rename", "mkdir", "unlink", "rmdir"):
            patch.setattr(Path, name, fault.wrap(getattr(Path, name)))
        yield


def no_space() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt() -> None:
    raise KeyboardInterrupt


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def check_promise(space: Workspace) -> None:
    """Straight after a fault: no half-written port under the final name, nothing lost."""
    if space.port.exists():
        manifest = read_manifest(space.port)
        assert manifest in (OLD.manifest, NEW.manifest)
        what = OLD if manifest == OLD.manifest else NEW
        assert expected(what).items() <= space.read().items()
        assert inspect(space.port).kind is PortKind.CLEAN
        if what is OLD:
            assert UNKNOWN.items() <= space.read().items()
    everything = set(snapshot(space.root).values())
    assert set(UNKNOWN.values()) <= everything
    for what in (OLD, NEW):
        if patches_current(space.patches, what.manifest):
            patches = {path.name: path.read_bytes() for path in space.patches.glob("0*.patch")}
            assert patches == {**dict(what.series.patches), "0009-mine.patch": b"my patch"}


def quick_publish(space: Workspace, what: Version) -> None:
    """Without real fsyncs."""
    with faulty(Fault(0, "before", interrupt, False)):
        space.publish(what)


def reset(space: Workspace) -> None:
    for folder in (space.ported, space.root / "outside"):
        shutil.rmtree(folder, ignore_errors=True)
    quick_publish(space, OLD)
    space.add_unknown()


# An interrupt after the call: the disk has changed, and what the call returned is lost.
@pytest.mark.parametrize(
    ("when", "act", "lasting"),
    [("before", no_space, False), ("before", no_space, True), ("after", interrupt, False)],
    ids=["no space once", "no space", "interrupt"],
)
def test_a_fault_at_any_call(
    space: Workspace, when: str, act: Callable[[], None], lasting: bool
) -> None:
    at = 0
    before: dict[str, str] = {}
    while True:
        at += 1
        if snapshot(space.root) != before:
            reset(space)
            before = snapshot(space.root)
        fault = Fault(at, when, act, lasting)
        error: BaseException | None = None
        with faulty(fault):
            try:
                space.publish(NEW)
            except (MigrateError, KeyboardInterrupt) as caught:
                error = caught
        if isinstance(error, MigrateError):
            assert error.where and error.advice
            assert "No space left" in error.message
        if error and snapshot(space.root) == before:
            continue  # as if it had never run
        check_promise(space)
        if not lasting:
            # The run that failed has mended what it could: the port is there, with all its files.
            assert UNKNOWN.items() <= space.read().items()
        quick_publish(space, NEW)
        check_whole(space, NEW, UNKNOWN)
        if fault.calls < at:
            break
    assert at > 50


def test_killed_at_any_call(space: Workspace) -> None:
    at = 0
    before: dict[str, str] = {}
    while True:
        at += 1
        if snapshot(space.root) != before:
            reset(space)
            before = snapshot(space.root)
        child = os.fork()
        if child == 0:
            with suppress(BaseException), faulty(Fault(at, "before", kill, False)):
                space.publish(NEW)
                os._exit(0)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        check_promise(space)
        with PortLock(space.ported, "x"):
            # Before anything is written again, the port is whole.
            assert space.port.exists()
            assert UNKNOWN.items() <= space.read().items()
            leftover = {path.name for path in space.ported.iterdir()}
            assert leftover == {"x", ".x.lock"}
        if snapshot(space.root) == before:
            continue
        quick_publish(space, NEW)
        check_whole(space, NEW, UNKNOWN)
        if not os.WIFSIGNALED(status):
            break
    assert at > 50


def run_python(code: str, *args: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, "-c", code, *args], env=environment, stdout=subprocess.PIPE
    )


def test_killed_at_random_times(space: Workspace) -> None:
    chance = random.Random(7)
    reset(space)
    for _ in range(10):
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                while True:
                    space.publish(NEW)
                    space.publish(OLD)
            os._exit(1)
        time.sleep(chance.random() * 0.1)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        with PortLock(space.ported, "x"):
            check_promise(space)
            assert UNKNOWN.items() <= space.read().items()
        quick_publish(space, NEW)
        check_whole(space, NEW, UNKNOWN)


def test_a_write_that_the_kernel_refuses(space: Workspace) -> None:
    """Not a fake: the limit on file size is met in the middle of a file."""
    reset(space)
    big = version({}, main_py=b"x" * 100_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = snapshot(space.root)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        with pytest.raises(MigrateError, match="cannot write the port: File too large"):
            space.publish(big)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    assert snapshot(space.root) == before


def test_stale_folders_go_and_others_stay(space: Workspace) -> None:
    space.publish(OLD)
    stale = space.ported / ".x.tmp-01234567"
    (stale / "src").mkdir(parents=True)
    (stale / "src" / "half").write_bytes(b"")
    others = [".x.tmp-mine", ".xy.tmp-01234567", ".x.y.old-01234567", "x.tmp-01234567"]
    for name in others:
        (space.ported / name).mkdir()
    (space.patches / ".migrate-tmp-01234567").mkdir()
    space.publish(NEW)
    assert {path.name for path in space.ported.iterdir()} == {"x", *others}
    for name in others:
        (space.ported / name).rmdir()
    check_whole(space, NEW)


def test_an_empty_folder_does_not_cost_the_old_port(space: Workspace) -> None:
    """A crash between the renames, then a person (or another tool) makes the folder."""
    space.publish(OLD)
    space.port.rename(space.ported / ".x.old-01234567")
    space.port.mkdir()
    with PortLock(space.ported, "x"):
        pass
    check_whole(space, OLD)


def test_a_foreign_folder_does_not_cost_the_old_port(space: Workspace) -> None:
    space.publish(OLD)
    space.port.rename(space.ported / ".x.old-01234567")
    space.port.mkdir()
    (space.port / "mine").write_bytes(b"mine")
    before = snapshot(space.root)
    with pytest.raises(MigrateError, match="cannot finish replacing the port"):
        space.publish(NEW)
    assert snapshot(space.root) == before


def test_what_training_wrote_after_a_crash_is_kept(space: Workspace) -> None:
    """Swapped, but the unknown files not yet moved; training starts again in the new port."""
    reset(space)
    space.port.rename(space.ported / ".x.old-01234567")
    twin = Workspace(space.root / "twin")
    twin.publish(NEW)
    twin.port.rename(space.port)
    (space.port / "checkpoint").mkdir()
    (space.port / "checkpoint" / "model.ckpt").write_bytes(b"newer")
    published = space.publish(NEW)
    assert published.kept == ("migrate-kept/checkpoint/model.ckpt",)
    found = space.read()
    assert found["checkpoint/model.ckpt"] == f"644 {b'newer'!r}"
    assert found["checkpoint/deep/er"] == UNKNOWN["checkpoint/deep/er"]
    assert found["migrate-kept/checkpoint/model.ckpt"] == UNKNOWN["checkpoint/model.ckpt"]


# Locks and errors


HOLDER = """
import sys, time
from pathlib import Path
from migrate.publish import PortLock
with PortLock(Path(sys.argv[1]), "x"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_runs_at_once(space: Workspace) -> None:
    with run_python(HOLDER, str(space.ported)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(MigrateError, match=rf"process {process.pid}\b") as caught:
            space.publish(OLD)
        assert caught.value.where == str(space.port)
        with PortLock(space.ported, "another"):
            pass
        process.kill()
    # A dead process holds nothing.
    space.publish(OLD)
    check_whole(space, OLD)


def test_the_same_process_twice(space: Workspace) -> None:
    with PortLock(space.ported, "x"):
        with pytest.raises(MigrateError, match=f"process {os.getpid()}"):
            PortLock(space.ported, "x").__enter__()
        assert (space.ported / ".x.lock").exists()
    assert list(space.ported.iterdir()) == []


COUNTER = """
import sys, time
from pathlib import Path
from migrate.errors import MigrateError
from migrate.publish import PortLock
root, done = Path(sys.argv[1]), 0
while done < 60:
    try:
        with PortLock(root / "ported", "x"):
            value = int((root / "counter").read_text())
            (root / "counter").write_text(str(value + 1))
            done += 1
    except MigrateError:
        time.sleep(0.0005)
"""


def test_the_lock_excludes(space: Workspace) -> None:
    """The lock file comes and goes; no two processes may ever both believe that they hold it."""
    (space.root / "counter").write_text("0")
    processes = [run_python(COUNTER, str(space.root)) for _ in range(3)]
    for process in processes:
        with process:
            assert process.wait(30) == 0
    assert (space.root / "counter").read_text() == "180"


@pytest.mark.parametrize("name", ["", ".x", "a/b", "..", "a\0b"])
def test_names_that_cannot_be_a_folder(space: Workspace, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a folder"):
        PortLock(space.ported, name)


def test_name_too_long(space: Workspace) -> None:
    with pytest.raises(MigrateError, match="File name too long") as caught:
        PortLock(space.ported, "x" * 300).__enter__()
    assert "shorter" in caught.value.advice
    long = version({}, **{"f" * 300: b""})
    with pytest.raises(MigrateError, match="cannot write the port: File name too long"):
        space.publish(long)
    assert list(space.ported.iterdir()) == []


@contextmanager
def not_root(*owned: Path) -> Iterator[None]:
    """Root may write anywhere; be somebody else."""
    if os.geteuid():
        yield
        return
    for path in owned:
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("which", ["ported", "ported/x", "ported/x/checkpoint", "patches/x"])
def test_read_only_folder(space: Workspace, which: str) -> None:
    space.publish(OLD)
    space.add_unknown()
    before = snapshot(space.root)
    folders = [space.root, *(path for path in space.root.rglob("*") if path.is_dir())]
    message = {
        "ported": "cannot lock the port: Permission denied",
        "patches/x": "cannot write the patches: Permission denied",
    }.get(which, f"{which}: this folder cannot move with the port")
    with not_root(*folders):
        (space.root / which).chmod(0o555)
        with pytest.raises(MigrateError, match=message) as caught:
            space.publish(NEW)
        assert "permission" in caught.value.advice
        assert snapshot(space.root) == before
        (space.root / which).chmod(0o755)
        space.publish(NEW)
    assert read_manifest(space.port) == NEW.manifest
    assert UNKNOWN.items() <= space.read().items()


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EIO])
def test_errors_say_what_to_do(
    space: Workspace, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> int:
        raise OSError(code, os.strerror(code), str(space.ported / ".x.lock"))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MigrateError, match="cannot lock the port") as caught:
        space.publish(OLD)
    assert caught.value.where == str(space.ported / ".x.lock")
    assert caught.value.advice


def test_ported_is_a_file(space: Workspace) -> None:
    space.ported.write_bytes(b"")
    with pytest.raises(MigrateError, match="cannot lock the port: File exists"):
        space.publish(OLD)


def test_a_full_disk_does_not_stop_a_run_that_writes_nothing(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.publish(OLD)
    monkeypatch.setattr(os, "pwrite", lambda *args: no_space())
    assert space.publish(OLD) == Published(False, False, ())


def test_what_does_not_fit_together_is_refused(space: Workspace) -> None:
    wrong = [
        replace(OLD, files=NEW.files),
        replace(OLD, series=NEW.series),
        replace(OLD, files={**OLD.files, MANIFEST_NAME: SourceFile(MANIFEST_NAME, b"")}),
        version({}, **{"../x": b""}),
        version({}, a=b"", a__b=b""),
    ]
    for what in wrong:
        with pytest.raises(ValueError):
            space.publish(what)
        assert list(space.ported.iterdir()) == []
    with pytest.raises(MigrateError, match="settings: expected an object"):
        space.publish(replace(OLD, manifest=replace(OLD.manifest, settings=[])))  # type: ignore[arg-type]
