"""Runs a small program on several ranks under the simulator, with the kit's runtime."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import time
from pathlib import Path

from migrate.simulator.npu_simulator.hub import Hub
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[2] / "migrate"
_SECONDS = 240


def on_ranks(script: str, folder: Path, ranks: int = 2) -> list[str]:
    """What each rank printed that ran a script with the kit's runtime; all must end well.

    Args:
        script: Python source; its indentation is removed.
        folder: where all ranks run.
    """
    (folder / "program.py").write_text(textwrap.dedent(script))
    return start(["program.py"], folder, ranks, ROOT / "runtime")


def start(words: list[str], folder: Path, ranks: int, *paths: Path) -> list[str]:
    """What each rank printed that ran a program in a folder; all must end well.

    Args:
        words: the script and its arguments.
        paths: what is on PYTHONPATH, behind the simulator.
    """
    with Hub(ranks, stall_seconds=60) as hub:
        processes = [
            subprocess.Popen(
                [required_tf115().python, "-W", "ignore", *words],
                cwd=folder,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": os.pathsep.join(map(str, [ROOT / "simulator", *paths])),
                    "TF_CPP_MIN_LOG_LEVEL": "3",
                    "NPU_SIMULATOR_HUB": hub.address,
                    **(_place(folder, rank, ranks) if ranks > 1 else {}),
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(ranks)
        ]
        deadline = time.monotonic() + _SECONDS
        try:
            outputs = [p.communicate(timeout=deadline - time.monotonic()) for p in processes]
        finally:
            for process in processes:
                process.kill()
    errors = [error[-3000:] for _, error in outputs]
    assert all(process.returncode == 0 for process in processes), errors
    return [out for out, _ in outputs]


def _place(folder: Path, rank: int, ranks: int) -> dict[str, str]:
    devices = [
        {"device_id": str(number), "device_ip": f"192.168.1.{number + 1}", "rank_id": str(number)}
        for number in range(ranks)
    ]
    servers = [{"server_id": "here", "device": devices}]
    table = {"status": "completed", "version": "1.0", "server_count": "1", "server_list": servers}
    path = folder / "table.json"
    path.write_text(json.dumps(table))
    return {
        "RANK_ID": str(rank),
        "RANK_SIZE": str(ranks),
        "RANK_TABLE_FILE": str(path),
        "JOB_ID": "1",
        "ASCEND_DEVICE_ID": str(rank),
    }
