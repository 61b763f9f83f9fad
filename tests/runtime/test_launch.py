"""The launcher: one process a device, and an end for all when one of them dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.storage.conftest import RUNTIME

NAMES = ("RANK_ID", "RANK_SIZE", "DEVICE_ID", "ASCEND_DEVICE_ID", "JOB_ID", "RANK_TABLE_FILE")
SECONDS = 60
TRAIN = f"""
import json, os, signal, sys, time
rank = int(os.environ["RANK_ID"])
names = [*{NAMES}, "NPU_STEP_LOG", "POD_NAME"]
told = {{name: os.environ.get(name) for name in names}}
told["pid"] = os.getpid()
told["cores"] = sorted(os.sched_getaffinity(0))
open("told%d" % rank, "w").write(json.dumps(told))
print("this is rank", rank, flush=True)
what = dict(word.split("=") for word in sys.argv[1:])
def stop(number, frame):
    open("stopped%d" % rank, "w").write(str(number))
    sys.exit(3)
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, stop)
open("ready%d" % rank, "w").close()
if what.get("dies") == str(rank):
    while len([name for name in os.listdir(".") if name.startswith("ready")]) < 2:
        time.sleep(0.02)
    for line in range(30):
        print("line", line, flush=True)
    if what["how"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(int(what["how"]))
if "dies" in what or "waits" in what:
    if what.get("waits") == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(50)
"""


class Machine:
    """A folder with a script that trains, and how the launcher is started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "train.py").write_text(TRAIN)
        self.environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(RUNTIME)}

    def command(self, *options: str, words: Sequence[str] = ()) -> list[str]:
        python = [sys.executable, "-m", "npu_runtime.launch"]
        return [*python, *options, "--", sys.executable, "train.py", *words]

    def launch(
        self, *options: str, words: Sequence[str] = (), **environment: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*options, words=words),
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def started(self, *words: str) -> subprocess.Popen[bytes]:
        """Two ranks that wait."""
        process = subprocess.Popen(
            self.command(words=words),
            cwd=self.folder,
            env={**self.environment, "RANK_SIZE": "2"},
            stderr=subprocess.PIPE,
        )
        ready(self.folder, process)
        return process

    def table(self, table: object, name: str = "table.json") -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(table))
        return str(path)

    def told(self, rank: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"told{rank}").read_text())
        return found


def ready(folder: Path, process: subprocess.Popen[Any]) -> None:
    """Waits until two ranks have started."""
    deadline = time.monotonic() + SECONDS
    while len(list(folder.glob("ready*"))) < 2:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether a process is there, and no zombie that nobody has waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def template1(*servers: str, devices: int = 2) -> dict[str, Any]:
    return {
        "status": "completed",
        "version": "1.0",
        "server_count": str(len(servers)),
        "server_list": [
            {
                "server_id": server,
                "device": [
                    {
                        "device_id": str(device),
                        "device_ip": f"192.168.{number}.{device}",
                        "rank_id": str(number * devices + device),
                    }
                    for device in range(devices)
                ],
            }
            for number, server in enumerate(servers)
        ],
    }


def template2(*pods: str) -> dict[str, Any]:
    instances = [
        {
            "pod_name": pod,
            "server_id": f"203.0.113.{number}",
            "devices": [
                {"device_id": str(device), "device_ip": f"192.168.{number}.{device}"}
                for device in (4, 5)
            ],
        }
        for number, pod in enumerate(pods)
    ]
    group = {
        "group_name": "job",
        "instance_count": str(len(pods)),
        "device_count": str(2 * len(pods)),
        "instance_list": instances,
    }
    return {"status": "completed", "group_count": "1", "group_list": [group]}


def test_each_device_has_a_process(machine: Machine) -> None:
    done = machine.launch(RANK_SIZE="2", ASCEND_DEVICE_ID="4", RANK_ID="0", POD_NAME="x")
    assert done.returncode == 0, done.stderr
    table = machine.folder / "npu_logs" / "rank_table.json"
    for rank in (0, 1):
        told = machine.told(rank)
        device = str(4 + rank)
        assert [told[name] for name in NAMES] == [
            *(str(rank), "2", device, device, "10087", str(table))
        ]
        log = machine.folder / "npu_logs" / f"rank_{rank}.log"
        assert log.read_text() == f"this is rank {rank}\n"
        assert told["POD_NAME"] is None
    assert done.stdout == "this is rank 0\n"
    (server,) = json.loads(table.read_text())["server_list"]
    assert [device["device_id"] for device in server["device"]] == ["4", "5"]


def test_the_cores_are_shared_evenly(machine: Machine) -> None:
    cores = sorted(os.sched_getaffinity(0))
    assert machine.launch(RANK_SIZE="2").returncode == 0
    first, second = (machine.told(rank)["cores"] for rank in (0, 1))
    if len(cores) > 1:
        assert first + second == cores and abs(len(first) - len(second)) <= 1
    else:
        assert first == second == cores


def test_only_rank_0_has_a_step_log_unless_each_has_its_own(machine: Machine) -> None:
    machine.launch(RANK_SIZE="2", NPU_STEP_LOG="steps.jsonl")
    assert [machine.told(rank)["NPU_STEP_LOG"] for rank in (0, 1)] == ["steps.jsonl", None]
    machine.launch(RANK_SIZE="2", NPU_STEP_LOG="s{rank}")
    assert [machine.told(rank)["NPU_STEP_LOG"] for rank in (0, 1)] == ["s0", "s1"]


def test_a_table_says_which_devices(machine: Machine) -> None:
    path = machine.table(template1("one"))
    done = machine.launch(f"--log={machine.folder}/l/{{rank}}", RANK_TABLE_FILE=path, JOB_ID="j")
    assert done.returncode == 0, done.stderr
    assert machine.told(1)["RANK_TABLE_FILE"] == path and machine.told(1)["JOB_ID"] == "j"
    assert sorted(p.name for p in (machine.folder / "l").iterdir()) == ["0", "1"]


@pytest.mark.parametrize(
    ("servers", "environment"),
    [
        (("203.0.113.1", "127.0.0.1"), {}),
        (("203.0.113.1", "::1"), {}),
        (("other", socket.gethostname()), {}),
        (("other", "this"), {"NPU_SERVER": "this"}),
        (("127.0.0.1", "this"), {"NPU_SERVER": "this"}),
        (("other", "203.0.113.1"), {"MA_CURRENT_HOST_IP": "203.0.113.1"}),
        (("one", "two"), {"VC_TASK_INDEX": "1"}),
    ],
)
def test_a_server_starts_its_own_ranks(
    servers: tuple[str, ...], environment: dict[str, str], machine: Machine
) -> None:
    if "::1" in servers and not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    done = machine.launch(RANK_TABLE_FILE=machine.table(template1(*servers)), **environment)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in machine.folder.glob("told*")} == {"told2", "told3"}
    assert [machine.told(3)[name] for name in NAMES[:4]] == ["3", "4", "1", "1"]
    assert done.stdout == "this is rank 2\n"


def test_modelarts_table_becomes_one_of_template_1(machine: Machine) -> None:
    machine.table(template2("job-0", "job-1"), "config/jobstart_hccl.json")
    done = machine.launch(
        RANK_TABLE_FILE=f"{machine.folder}/config", MA_CURRENT_INSTANCE_NAME="job-1"
    )
    assert done.returncode == 0, done.stderr
    told = machine.told(2)
    assert [told[name] for name in NAMES[:4]] == ["2", "4", "4", "4"]
    made = json.loads(Path(told["RANK_TABLE_FILE"]).read_text())
    assert [server["server_id"] for server in made["server_list"]] == [
        *("203.0.113.0", "203.0.113.1")
    ]


def test_it_waits_until_modelarts_has_completed_the_table(machine: Machine) -> None:
    path = machine.table({"status": "initializing"}, "config/jobstart_hccl.json")
    process = subprocess.Popen(
        machine.command(),
        cwd=machine.folder,
        env={**machine.environment, "RANK_TABLE_FILE": str(Path(path).parent)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert "jobstart_hccl.json is initializing: waiting" in process.stderr.readline()
    new = Path(machine.table(template2("job-0"), "config/new"))
    new.replace(path)
    assert process.wait(SECONDS) == 0
    assert machine.told(1)["DEVICE_ID"] == "5"


@pytest.mark.parametrize(
    ("how", "code", "text"),
    [("kill", 137, "was killed by SIGKILL"), ("7", 7, "ended with exit code 7")],
)
def test_a_rank_that_dies_ends_the_others(how: str, code: int, text: str, machine: Machine) -> None:
    begin = time.monotonic()
    done = machine.launch(RANK_SIZE="2", words=("dies=1", f"how={how}"))
    assert done.returncode == code
    log = machine.folder / "npu_logs" / "rank_1.log"
    assert f"npu_launch: rank 1 (device 1) {text}, and the others are told to end" in done.stderr
    assert f"Its log: {log}" in done.stderr
    assert "  | line 29" in done.stderr and "line 9\n" not in done.stderr
    assert (machine.folder / "stopped0").read_text() == str(int(signal.SIGTERM))
    assert "Traceback" not in done.stderr
    assert time.monotonic() - begin < 15


def test_a_rank_that_does_not_listen_is_killed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = (
        "import sys; from npu_runtime import launch; launch.GRACE = 0.3; sys.exit(launch.main())"
    )
    words = ["--", sys.executable, "train.py", "waits=deaf"]
    process = subprocess.Popen(
        [sys.executable, "-c", start, *words],
        cwd=machine.folder,
        env={**machine.environment, "RANK_SIZE": "2"},
        stderr=subprocess.PIPE,
        text=True,
    )
    ready(machine.folder, process)
    time.sleep(0.3)  # until they are deaf
    process.terminate()
    assert process.wait(SECONDS) == 128 + signal.SIGTERM
    assert process.stderr is not None
    assert "rank 0, 1 did not end within" in process.stderr.read()


def test_no_rank_outlives_a_launcher_that_is_killed(machine: Machine) -> None:
    process = machine.started("waits=deaf")
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    left = {machine.told(rank)["pid"] for rank in range(2)}
    while left and time.monotonic() < deadline:
        left = {pid for pid in left if is_running(pid)}
        time.sleep(0.02)
    assert not left


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_passed_on(number: signal.Signals, machine: Machine) -> None:
    process = machine.started("waits=1")
    process.send_signal(number)
    assert process.wait(SECONDS) == 128 + number
    for rank in (0, 1):
        assert (machine.folder / f"stopped{rank}").read_text() == str(int(number))


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        ([], {}, "RANK_TABLE_FILE is not set; set it to a rank table, or RANK_SIZE"),
        ([], {"RANK_SIZE": "9"}, "there is no device 8: a server has devices 0 to 7"),
        ([], {"RANK_SIZE": "4", "ASCEND_DEVICE_ID": "5"}, "there is no device 8"),
        ([], {"RANK_SIZE": "2", "ASCEND_DEVICE_ID": "x"}, "ASCEND_DEVICE_ID=x is not the number"),
        ([], {"RANK_TABLE_FILE": "none.json"}, "none.json: No such file or directory"),
        (
            [],
            {"RANK_TABLE_FILE": "table.json", "RANK_SIZE": "3"},
            "has 4 ranks, but RANK_SIZE=3; set RANK_SIZE=4",
        ),
        ([], {"RANK_SIZE": "x"}, "RANK_SIZE=x: set it to the number of processes"),
        ([], {"RANK_TABLE_FILE": "table.json"}, "servers 203.0.113.1, 203.0.113.2; set NPU_SERVER"),
        (
            [],
            {"RANK_TABLE_FILE": "table.json", "NPU_SERVER": "x"},
            "NPU_SERVER=x is none of them",
        ),
        (["--log=log"], {"RANK_SIZE": "2"}, "--log needs {rank}"),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(
    options: list[str], environment: dict[str, str], message: str, machine: Machine
) -> None:
    machine.table(template1("203.0.113.1", "203.0.113.2"))
    done = machine.launch(*options, **environment)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not list(machine.folder.glob("told*"))


def test_a_command_that_is_not_there_is_told(machine: Machine) -> None:
    command = [sys.executable, "-m", "npu_runtime.launch", "--", "no-such-program"]
    done = subprocess.run(
        command,
        cwd=machine.folder,
        env={**machine.environment, "RANK_SIZE": "2"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2 and "no-such-program" in done.stderr
    assert "Traceback" not in done.stderr
