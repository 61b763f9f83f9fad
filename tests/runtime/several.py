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
    """What each rank printed; all must end well.

    Args:
        script: Python source; its indentation is removed. Its last line is printed by each rank.
        folder: where all ranks run.
    """
    (folder / "program.py").write_text(textwrap.dedent(script))
    devices = [
        {"device_id": str(rank), "device_ip": f"192.168.1.{rank + 1}", "rank_id": str(rank)}
        for rank in range(ranks)
    ]
    servers = [{"server_id": "here", "device": devices}]
    table = {"status": "completed", "version": "1.0", "server_count": "1", "server_list": servers}
    (folder / "table.json").write_text(json.dumps(table))
    with Hub(ranks, stall_seconds=60) as hub:
        processes = [
            subprocess.Popen(
                [required_tf115().python, "-W", "ignore", "program.py"],
                cwd=folder,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": os.pathsep.join([str(ROOT / "simulator"), str(ROOT / "runtime")]),
                    "TF_CPP_MIN_LOG_LEVEL": "3",
                    "NPU_SIMULATOR_HUB": hub.address,
                    "RANK_ID": str(rank),
                    "RANK_SIZE": str(ranks),
                    "RANK_TABLE_FILE": str(folder / "table.json"),
                    "JOB_ID": "1",
                    "ASCEND_DEVICE_ID": str(rank),
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
