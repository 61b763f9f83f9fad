"""The boot file: data comes, the training runs, and what it wrote is saved however it ends."""

from __future__ import annotations

import ast
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.runtime.storage.conftest import RUNTIME
from tests.runtime.storage.s3_server import S3Server

T = TypeVar("T")

BOOT = """
import os
from npu_runtime.boot import main
FLAGS = {
    "train.py": {
        "dataset_dir": ("data", ""),
        "save_dir": ("output", "saved"),
        "from_dir": ("output", None),
    },
}
FOLDER = os.path.dirname(os.path.abspath(__file__))
raise SystemExit(main("train.py", FOLDER, FLAGS, modules={"net/evaluate.py": "net.evaluate"}))
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
    assert "arguments ['--lr', '0.1'" in done.stdout
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
    assert "arguments ['--lr=1'" in boot(port, *URLS, *added, "--lr=1").stdout
    (port / "flags.py").write_text("parser.add_argument('--rank')\n")
    assert "arguments ['--rank=0', '--lr=1'" in boot(port, *URLS, *added, "--lr=1").stdout


def test_folders_of_this_machine_are_used_where_they_are(port: Path, server: S3Server) -> None:
    out = port.parent / "outputs"
    done = boot(port, f"--data_url={server.folder / 'data'}", f"--train_url={out}")
    assert done.returncode == 0, done.stderr
    assert (out / "logs/log").exists()
    assert not (port.parent / "cache").exists()


def test_another_entry(port: Path) -> None:
    (port / "evaluate.py").write_text("print('evaluated')")
    assert "evaluated" in boot(port, "--entry=evaluate.py").stdout


@pytest.mark.parametrize("before", ["", "/some:/other"])
def test_an_entry_in_a_folder_finds_modules_at_the_root(port: Path, before: str) -> None:
    (port / "net").mkdir()
    (port / "net" / "model.py").write_text("NAME = 'the model'\n")
    text = "import os\nfrom net.model import NAME\nprint(NAME, os.environ['PYTHONPATH'])\n"
    (port / "net" / "run.py").write_text(text)
    done = subprocess.run(
        command(port, "--entry=net/run.py"),
        cwd=port.parent,
        env={**os.environ, "PYTHONPATH": before},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"the model {port}{before and ':'}{before}\n" in done.stdout


@pytest.mark.parametrize("ranks", [{}, {"RANK_SIZE": "2"}])
def test_an_entry_that_is_a_module_of_a_package(port: Path, ranks: dict[str, str]) -> None:
    (port / "net").mkdir()
    (port / "net" / "model.py").write_text("NAME = 'the model'\n")
    text = "import sys\nfrom .model import NAME\nprint(NAME, sys.argv[1:])\n"
    for name in ("evaluate.py", "other.py"):
        (port / "net" / name).write_text(text)
    words = command(port, "--entry=net/evaluate.py", "--lr=1")
    done = subprocess.run(
        words, cwd=port.parent, env={**os.environ, **ranks}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "the model ['--lr=1']" in done.stdout
    assert boot(port, "--entry=net/other.py").returncode == 1


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


def test_a_script_that_is_not_there_has_begun_no_run(port: Path) -> None:
    assert boot(port, *URLS, "--entry=nothing.py").returncode == 1
    done = boot(port, *URLS)
    assert done.returncode == 0, done.stderr
    assert "an earlier run" not in done.stdout


def test_outputs_that_cannot_be_saved_are_a_failure(port: Path, server: S3Server) -> None:
    server.faults.append(lambda method, key: 403 if method == "PUT" else None)
    done = boot(port, *URLS)
    assert done.returncode == 1
    assert "HTTP 403" in done.stderr
    assert "the-secret-key" not in done.stdout + done.stderr
    files = [path for path in port.parent.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"the-secret-key" in path.read_bytes()]


def arguments(printed: str) -> list[str]:
    (line,) = (line for line in printed.splitlines() if line.startswith("arguments "))
    return list(ast.literal_eval(line.partition(" ")[2]))


def test_flags_that_name_places_are_passed_and_moved(port: Path) -> None:
    given = ("--lr=1", "--from_dir", "one", "-save_dir=gs://b/two")
    first, *rest, dataset = arguments(boot(port, *URLS, *given).stdout)
    cache = str(port.parent / "cache")
    assert first == "--lr=1"
    assert rest[0] == "--from_dir"
    assert rest[1].startswith(f"{cache}/output-") and rest[1].endswith("/one")
    assert rest[2:] == ["-save_dir=gs://b/two"]
    assert dataset.startswith(f"--dataset_dir={cache}/data-")


def test_an_absolute_place_stays_and_outputs_stay_apart(port: Path) -> None:
    passed = arguments(boot(port, *URLS, "--from_dir=/x", "--dataset_dir", "/d").stdout)
    assert passed[:3] == ["--from_dir=/x", "--dataset_dir", "/d"]
    assert passed[3].startswith("--save_dir=") and passed[3].endswith("/saved")


def test_without_urls_the_arguments_are_the_persons_own(port: Path) -> None:
    (port / "dataset").mkdir()
    (port / "dataset/one").write_text("upstream's own place")
    done = boot(port, "--from_dir=one")
    assert arguments(done.stdout) == ["--from_dir=one"]
    assert "read upstream's own place" in done.stdout


def test_what_a_killed_run_wrote_is_kept_and_sent(port: Path, server: S3Server) -> None:
    process = subprocess.Popen(
        command(port, *URLS, "--wait"), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("read"):
            break
    (log,) = wait_for(lambda: list(port.parent.glob("cache/output-*/logs/log")))
    wait_for(lambda: log.read_text() == "step\n")
    process.kill()
    process.wait()
    kill_children(port)
    assert not (server.folder / "run").exists()
    assert "cut off" in boot(port, *URLS).stdout
    assert (server.folder / "run/logs/log").read_text() == "step\nstep\n"


def test_what_ended_well_is_taken_from_where_it_was_sent(port: Path, server: S3Server) -> None:
    boot(port, *URLS)
    (server.folder / "run/logs/log").write_text("another machine\n")
    boot(port, *URLS)
    assert (server.folder / "run/logs/log").read_text() == "another machine\nstep\n"


def test_two_trainings_share_no_folder(port: Path, server: S3Server) -> None:
    boot(port, *URLS)
    boot(port, URLS[0], "--train_url=obs://bkt/other")
    assert (server.folder / "other/logs/log").read_text() == "step\n"


def test_outputs_are_saved_when_it_is_stopped_while_they_are_sent(
    port: Path, server: S3Server
) -> None:
    sending = threading.Event()

    def slow(method: str, key: str) -> None:
        if method == "PUT":
            sending.set()
            time.sleep(1.5)

    server.faults.append(slow)
    process = subprocess.Popen(command(port, *URLS), stdout=subprocess.DEVNULL)
    assert sending.wait(30)
    process.terminate()
    assert process.wait(30) == 128 + signal.SIGTERM
    assert (server.folder / "run/logs/log").read_text() == "step\n"


def test_ranks_share_the_data_and_rank_0_sends(
    port: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = []
    for rank in ("0", "1", "2"):
        monkeypatch.setenv("RANK_ID", rank)
        processes.append(subprocess.Popen(command(port, *URLS), stdout=subprocess.PIPE, text=True))
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert all("read the data" in text for text in printed)
    assert len([r for r in server.requests if r[:2] == ("GET", "data/dataset/one")]) == 1
    assert len([r for r in server.requests if r[0] == "PUT"]) == 1
    assert (server.folder / "run/logs/log").read_text() == "step\n"


def test_it_starts_a_rank_for_each_device(
    port: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK_SIZE", "2")
    done = boot(port, *URLS, "--lr=1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("arguments ['--lr=1'") == 1  # of rank 0; the other has a log
    for rank in (0, 1):
        log = server.folder / f"run/npu_logs/rank_{rank}.log"
        assert "read the data" in log.read_text()
    assert len([r for r in server.requests if r[:2] == ("GET", "data/dataset/one")]) == 1
    assert (server.folder / "run/logs/log").read_text() == "step\nstep\n"


def test_only_the_server_with_rank_0_sends(
    port: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = [
        {
            "server_id": name,
            "device": [{"device_id": "0", "device_ip": f"192.168.0.{rank}", "rank_id": str(rank)}],
        }
        for rank, name in enumerate(("first", "second"))
    ]
    table = port.parent / "table.json"
    head = {"status": "completed", "version": "1.0", "server_count": "2"}
    table.write_text(json.dumps({**head, "server_list": servers}))
    monkeypatch.setenv("RANK_TABLE_FILE", str(table))
    monkeypatch.setenv("NPU_SERVER", "second")
    done = boot(port, *URLS)
    assert done.returncode == 0, done.stderr
    assert "rank 1: outputs stay in" in done.stdout and "read the data" in done.stdout
    assert not (server.folder / "run").exists()
    monkeypatch.setenv("NPU_SERVER", "first")
    assert boot(port, *URLS).returncode == 0
    assert (server.folder / "run/logs/log").exists()


def test_a_rank_that_dies_ends_the_job(port: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (port / "train.py").write_text(
        "import os, time\nif os.environ['RANK_ID'] == '1':\n    raise SystemExit(7)\ntime.sleep(50)"
    )
    monkeypatch.setenv("RANK_SIZE", "2")
    done = boot(port)
    assert done.returncode == 7
    assert "rank 1 (device 1) ended with exit code 7" in done.stderr


def wait_for(condition: Callable[[], T]) -> T:
    deadline = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


def kill_children(port: Path) -> None:
    """Ends what a killed boot file leaves behind: the training, by its command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(port / "train.py").encode() in words:
            os.kill(int(folder.name), signal.SIGKILL)


@pytest.mark.parametrize(("writable", "folder"), [(True, "/cache"), (False, "npu_cache")])
def test_old_modelarts_machines_have_a_disk_of_their_own(
    monkeypatch: pytest.MonkeyPatch, writable: bool, folder: str
) -> None:
    monkeypatch.syspath_prepend(str(RUNTIME))
    main = importlib.import_module("npu_runtime.boot")
    monkeypatch.setattr(main.os, "access", lambda path, mode: writable and path == "/cache")
    assert main._cache().endswith(folder)
