"""The boot file: data comes, the training runs, and what it wrote is saved however it ends."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.runtime.storage.conftest import RUNTIME
from tests.runtime.storage.s3_server import S3Server

BOOT = """
import os
from npu_runtime.boot import main
raise SystemExit(main("train.py", os.path.dirname(os.path.abspath(__file__))))
"""
TRAIN = """
import os, sys, time
from npu_runtime.places import data_path, output_path
print("arguments", sys.argv[1:], flush=True)
print("cwd", os.getcwd())
print("read", open(data_path("./dataset/one")).read(), flush=True)
os.makedirs(output_path("logs/"), exist_ok=True)
log = open(output_path("logs/") + "log", "a")
log.write("step\\n"); log.flush()
for word in sys.argv[1:]:
    if word == "--fail":
        raise SystemExit(7)
    if word == "--wait":
        time.sleep(60)
"""


@pytest.fixture
def port(tmp_path: Path, server: S3Server) -> Path:
    """A port with a boot file, and its data in OBS."""
    folder = tmp_path / "port"
    shutil.copytree(RUNTIME / "npu_runtime", folder / "npu_runtime")
    (folder / "npu_boot.py").write_text(BOOT)
    (folder / "train.py").write_text(TRAIN)
    (server.folder / "data/dataset").mkdir(parents=True)
    (server.folder / "data/dataset/one").write_text("the data")
    return folder


def command(port: Path, *options: str) -> list[str]:
    cache = f"--cache_dir={port.parent / 'cache'}"
    return [sys.executable, str(port / "npu_boot.py"), cache, *options]


def boot(port: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(port, *options), cwd=port.parent, capture_output=True, text=True, timeout=60
    )


URLS = ("--data_url=obs://bkt/data", "--train_url=obs://bkt/run")


def test_data_comes_and_outputs_go(port: Path, server: S3Server) -> None:
    done = boot(port, *URLS, "--lr", "0.1")
    assert done.returncode == 0, done.stderr
    assert "arguments ['--lr', '0.1']" in done.stdout
    assert f"cwd {port}" in done.stdout
    assert "read the data" in done.stdout
    assert (server.folder / "run/logs/log").read_text() == "step\n"


def test_a_second_run_goes_on_with_what_the_first_wrote(port: Path, server: S3Server) -> None:
    boot(port, *URLS)
    shutil.rmtree(port.parent / "cache")  # another machine
    boot(port, *URLS)
    assert (server.folder / "run/logs/log").read_text() == "step\nstep\n"


def test_outputs_are_saved_when_the_training_fails(port: Path, server: S3Server) -> None:
    done = boot(port, *URLS, "--fail")
    assert done.returncode == 7
    assert (server.folder / "run/logs/log").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_outputs_are_saved_when_it_is_stopped(port: Path, server: S3Server, number: int) -> None:
    process = subprocess.Popen(command(port, *URLS, "--wait"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("read"):
            break
    time.sleep(0.2)  # for the log, which is written right after
    process.send_signal(number)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert (server.folder / "run/logs/log").read_text() == "step\n"


def test_outputs_go_while_it_trains(port: Path, server: S3Server) -> None:
    process = subprocess.Popen(
        command(port, *URLS, "--sync_seconds=0.1", "--wait"), stdout=subprocess.DEVNULL
    )
    target = server.folder / "run/logs/log"
    deadline = time.monotonic() + 30
    while not target.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert target.exists()
    assert process.poll() is None
    process.terminate()
    process.wait(30)


def test_what_modelarts_adds_does_not_reach_a_script_that_does_not_know_it(port: Path) -> None:
    added = ("--num_gpus=1", "--init_method", "tcp://x:1", "--rank=0", "--world_size", "1")
    assert "arguments ['--lr=1']" in boot(port, *URLS, *added, "--lr=1").stdout
    (port / "train.py").write_text(TRAIN + "# rank\n")
    assert "arguments ['--rank=0', '--lr=1']" in boot(port, *URLS, *added, "--lr=1").stdout


def test_folders_of_this_machine_are_used_where_they_are(port: Path, server: S3Server) -> None:
    out = port.parent / "outputs"
    done = boot(port, f"--data_url={server.folder / 'data'}", f"--train_url={out}")
    assert done.returncode == 0, done.stderr
    assert (out / "logs/log").exists()
    assert not (port.parent / "cache").exists()


def test_another_entry(port: Path) -> None:
    (port / "evaluate.py").write_text("print('evaluated')")
    assert "evaluated" in boot(port, "--entry=evaluate.py").stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data_url=obs://bkt/nothing",), "there is nothing below it"),
        (("--entry=nothing.py",), "there is no such script"),
    ],
)
def test_what_is_missing_is_told(port: Path, options: tuple[str, ...], message: str) -> None:
    done = boot(port, *options)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_outputs_that_cannot_be_saved_are_a_failure(port: Path, server: S3Server) -> None:
    server.faults.append(lambda method, key: 403 if method == "PUT" else None)
    done = boot(port, *URLS)
    assert done.returncode == 1
    assert "HTTP 403" in done.stderr
    assert "the-secret-key" not in done.stdout + done.stderr
    files = [path for path in port.parent.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"the-secret-key" in path.read_bytes()]
