"""Processes that are killed, many objects and large ones: with the real SDK on Python 3.7."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.runtime.storage.conftest import RUNTIME
from tests.runtime.storage.s3_server import S3Server
from tests.tf115 import required_tf115

COPY = """
import json, sys
sys.path.insert(0, {runtime!r})
sys.modules["moxing"] = None
from npu_runtime import stores, transfer
stores._MULTIPART, stores._PART = {multipart}, {part}
what, url, folder = sys.argv[1:]
if what == "download":
    result = transfer.download(url, folder, say=lambda line: None)
else:
    result = transfer.Upload(folder, url, say=lambda line: None).send()
# Not getrusage, which counts in what the process was forked from.
status = open("/proc/self/status").read()
peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024  # MB
print(json.dumps(dict(files=result.files, copied=result.copied, peak=peak)))
"""
MB = 1 << 20
PART = 5 * MB


def start(
    python: str | Path,
    what: str,
    url: str,
    folder: Path,
    multipart: int = 100 * MB,
    part: int = 20 * MB,
) -> subprocess.Popen[str]:
    code = COPY.format(runtime=str(RUNTIME), multipart=multipart, part=part)
    return subprocess.Popen(
        [python, "-W", "ignore", "-c", code, what, url, str(folder)],
        stdout=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
    )


def finished(process: subprocess.Popen[str], seconds: float = 60) -> dict[str, float]:
    printed = process.communicate(timeout=seconds)[0]
    assert process.returncode == 0, printed
    return json.loads(printed)


def test_a_download_whose_process_is_killed_goes_on(server: S3Server, tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192  # 2 MiB
    (server.folder / "one").write_bytes(content)
    server.faults.append(lambda method, key: "slow" if key == "one" else None)
    process = start(sys.executable, "download", "obs://bkt", tmp_path / "in")
    parts = tmp_path / "in.npu_parts"
    deadline = time.monotonic() + 30
    while not any(part.stat().st_size for part in parts.glob("*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert list((tmp_path / "in").iterdir()) == []
    server.faults.clear()
    server.requests.clear()
    finished(start(sys.executable, "download", "obs://bkt", tmp_path / "in"))
    assert (tmp_path / "in/one").read_bytes() == content
    (asked,) = (range_ for _, key, range_ in server.requests if key == "one")
    assert asked.startswith("bytes=") and not asked.startswith("bytes=0-")


def test_an_upload_in_parts_whose_process_is_killed_goes_on(
    server: S3Server, tmp_path: Path
) -> None:
    content = os.urandom(8 * PART)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/large").write_bytes(content)
    several = {"multipart": PART, "part": PART}

    parts, killed = itertools.count(), threading.Event()

    def hold_all_but_four(method: str, key: str) -> None:
        if method == "PUT" and next(parts) >= 4:
            killed.wait(60)

    server.faults.append(hold_all_but_four)
    process = start(sys.executable, "upload", "obs://bkt/run", tmp_path / "out", **several)
    deadline = time.monotonic() + 30
    record = tmp_path / "out/large.upload_record"
    while not record.exists() or record.read_text().count('"isCompleted": true') < 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.communicate()
    killed.set()
    assert server.stored() == []
    server.faults.clear()
    finished(start(sys.executable, "upload", "obs://bkt/run", tmp_path / "out", **several))
    assert (server.folder / "run/large").read_bytes() == content
    assert server.received < 2 * len(content)  # some parts were not sent again
    assert server.stored() == ["run/large"]  # and no record of them


@pytest.mark.tf115
def test_ten_thousand_small_objects(server: S3Server, tmp_path: Path) -> None:
    python = required_tf115().python
    for number in range(10_000):
        (server.folder / f"{number:05}").write_bytes(b"%d" % number)
    found = finished(start(python, "download", "obs://bkt", tmp_path / "in"), 600)
    assert found["copied"] == 10_000
    assert found["peak"] < 200
    assert sorted(path.name for path in (tmp_path / "in").iterdir())[-1] == "09999"
    assert (tmp_path / "in/04321").read_bytes() == b"4321"
    again = finished(start(python, "download", "obs://bkt", tmp_path / "in"), 600)
    assert (again["files"], again["copied"]) == (10_000, 0)


@pytest.mark.tf115
def test_a_large_object_takes_little_memory(server: S3Server, tmp_path: Path) -> None:
    size = 2 << 30
    server.made_up["large"] = size
    found = finished(start(required_tf115().python, "download", "obs://bkt", tmp_path / "in"), 600)
    assert (tmp_path / "in/large").stat().st_size == size
    assert found["peak"] < 200
    with (tmp_path / "in/large").open("rb") as file:
        file.seek(size - 256)
        assert file.read() == bytes(range(256))
    (tmp_path / "in/large").unlink()


@pytest.mark.tf115
def test_a_large_file_takes_little_memory(server: S3Server, tmp_path: Path) -> None:
    size = 2 << 30
    server.discards = True
    (tmp_path / "out").mkdir()
    with (tmp_path / "out/large").open("wb") as file:
        file.truncate(size)  # of zeros that take no room
    found = finished(
        start(required_tf115().python, "upload", "obs://bkt/run", tmp_path / "out"), 600
    )
    assert server.made_up == {"run/large": size}
    assert found["peak"] < 200
