"""A disk that is really full: a small file system in a mount namespace of the test's own."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.runtime.storage.conftest import RUNTIME
from tests.runtime.storage.s3_server import S3Server
from tests.runtime.storage.test_boot import BOOT

MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'
MEGABYTE = 1 << 20
# What each script begins with; `grow` is what a user does who makes room.
PRELUDE = f"""
import os, subprocess, sys
sys.path.insert(0, {str(RUNTIME)!r})
sys.modules["moxing"] = None
from npu_runtime import stores, transfer
disk = sys.argv[1]

def grow(size):
    subprocess.run(["mount", "-o", "remount,size=" + size, disk], check=True)

def fill():
    with open(disk + "/filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass

def files():
    return sorted(
        os.path.relpath(os.path.join(folder, name), disk)
        for folder, _, names in os.walk(disk)
        for name in names
    )

def quiet(line):
    pass
"""


@functools.lru_cache(maxsize=1)
def may_mount() -> bool:
    """Whether this machine lets a process mount in a namespace of its own."""
    probe = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    try:
        return subprocess.run(probe, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    if not may_mount():
        pytest.skip("no mount namespace here: unshare -rm mount -t tmpfs is refused")
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


def on(disk: Path, size: str, script: str) -> str:
    """Runs a script, whose argument is a disk of a size; returns what it prints."""
    path = disk.parent / "script.py"
    path.write_text(PRELUDE + textwrap.dedent(script))
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", MOUNT, "sh", size, disk, sys.executable, path, disk],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_download_stops_at_once_and_goes_on_when_there_is_room(
    server: S3Server, disk: Path
) -> None:
    for name in "abc":
        (server.folder / name).write_bytes(name.encode() * 2 * MEGABYTE)
    printed = on(
        disk,
        "5m",
        """
        try:
            transfer.download("obs://bkt", disk + "/in", workers=1, say=quiet)
        except stores.StorageError as error:
            print(error)
        print([name for name in files() if name.startswith("in/")])
        grow("16m")
        print(transfer.download("obs://bkt", disk + "/in", workers=1, say=quiet).copied)
        print([os.path.getsize(disk + "/in/" + name) for name in "abc"], os.listdir(disk + "/in"))
        """,
    )
    error, whole, copied, then = printed.splitlines()
    assert error.startswith("obs://bkt/c: ")
    assert "No space left on device" in error
    assert whole == "['in/a', 'in/b']"
    assert copied == "1"
    assert then.startswith(f"[{2 * MEGABYTE}, {2 * MEGABYTE}, {2 * MEGABYTE}] ")
    gets = [key for method, key, _ in server.requests if method == "GET" and key]
    assert [gets.count(name) for name in "abc"] == [1, 1, 2]
    ranges = [span for method, key, span in server.requests if (method, key) == ("GET", "c")]
    assert ranges[1], "what had arrived is not fetched again"


def test_an_archive_for_which_there_is_no_room(server: S3Server, disk: Path) -> None:
    import zipfile

    with zipfile.ZipFile(server.folder / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one", bytes(3 * MEGABYTE))
        archive.writestr("two", bytes(3 * MEGABYTE))
    printed = on(
        disk,
        "5m",
        """
        try:
            transfer.download("obs://bkt", disk + "/in", unpack=True, say=quiet)
        except stores.StorageError as error:
            print(error)
        grow("16m")
        transfer.download("obs://bkt", disk + "/in", unpack=True, say=quiet)
        print(os.path.getsize(disk + "/in/one"), os.path.getsize(disk + "/in/two"))
        """,
    )
    error, sizes = printed.splitlines()
    assert "No space left on device" in error
    assert "all.zip" in error
    assert sizes == f"{3 * MEGABYTE} {3 * MEGABYTE}"


def test_outputs_are_saved_from_a_disk_that_is_full(server: S3Server, disk: Path) -> None:
    """In parts too, of which the SDK likes to keep a record beside the file."""
    on(
        disk,
        "8m",
        """
        os.makedirs(disk + "/out")
        for name, size in (("large", 3 << 20), ("small", 1000)):
            with open(disk + "/out/" + name, "wb") as file:
                file.write(name[:1].encode() * size)
        fill()
        stores._MULTIPART = 1 << 20
        stores._PART = 1 << 20
        assert os.statvfs(disk).f_bavail == 0
        transfer.Upload(disk + "/out", "obs://bkt/run", say=quiet).send()
        """,
    )
    assert (server.folder / "run/large").read_bytes() == b"l" * 3 * MEGABYTE
    assert (server.folder / "run/small").read_bytes() == b"s" * 1000


def test_data_that_do_not_fit_are_told_before_training(server: S3Server, disk: Path) -> None:
    (server.folder / "data").mkdir()
    (server.folder / "data/large").write_bytes(bytes(6 * MEGABYTE))
    printed = on(disk, "4m", _boots("print('trains')"))
    code, out, error, *_ = printed.splitlines()
    assert (code, out) == ("1", ""), printed
    assert error.startswith("npu_boot: obs://bkt/data/large: ")
    assert "No space left on device" in error


def test_what_a_training_wrote_is_saved_when_it_fills_the_disk(
    server: S3Server, disk: Path
) -> None:
    (server.folder / "data").mkdir()
    (server.folder / "data/one").write_bytes(b"1")
    train = """
import os
from npu_runtime.places import output_path
os.makedirs(output_path("run"), exist_ok=True)
for step in range(100):
    with open(output_path("run/model-%03d.part" % step), "wb") as file:
        file.write(bytes(1 << 20))
    os.replace(output_path("run/model-%03d.part" % step), output_path("run/model-%03d" % step))
"""
    printed = on(disk, "6m", _boots(train))
    code, *_ = printed.splitlines()
    assert code == "1"
    assert "No space left on device" in printed
    saved = sorted(path.name for path in (server.folder / "run/run").iterdir())
    assert saved == [f"model-{step:03}" for step in range(len(saved))]
    assert len(saved) >= 4
    for name in saved:
        assert (server.folder / "run/run" / name).stat().st_size == MEGABYTE


def _boots(train: str) -> str:
    """A script that starts a port's boot file, whose cache is on the disk."""
    return f"""
port = os.path.dirname(disk) + "/port"
os.makedirs(port)
open(port + "/train.py", "w").write({train!r})
open(port + "/npu_boot.py", "w").write({BOOT!r})
os.symlink({str(RUNTIME / "npu_runtime")!r}, port + "/npu_runtime")
urls = ["--data_url=obs://bkt/data", "--train_url=obs://bkt/run", "--cache_dir=" + disk]
boot = [sys.executable, port + "/npu_boot.py", *urls]
done = subprocess.run(boot, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
print(done.returncode)
print("".join(line for line in done.stdout.splitlines() if not line.startswith("npu_boot")))
print(done.stderr)
"""
