"""Runs small programs that use the runtime on several simulated devices."""

from __future__ import annotations

import json
import os
import subprocess
import textwrap
import time
from pathlib import Path
from typing import Any, NamedTuple

from migrate.simulator.npu_simulator.hub import Hub
from tests.simulator.processes import SIMULATOR
from tests.tf115 import required_tf115

RUNTIME = Path(__file__).parents[2] / "migrate" / "runtime"
HEAD = """
import json, os
import numpy as np
import tensorflow as tf
import npu_runtime
from npu_runtime import npu_optimizer, npu_run_config, npu_session_config

tf.compat.v1.logging.set_verbosity("ERROR")
RANK, SIZE = npu_runtime.rank(), npu_runtime.size()
tf.set_random_seed(7 + RANK)  # ranks start from other values
DATA = np.random.RandomState(0).rand(8, 3).astype(np.float32)
MINE = DATA[RANK::SIZE]  # equal parts


def result(**values):
    print("RESULT" + json.dumps(values, default=lambda value: np.asarray(value).tolist()))


def weights(name, shape=(3, 2)):
    return tf.get_variable(name, list(shape), initializer=tf.random_normal_initializer())
"""


class Job(NamedTuple):
    """What came of a job, rank by rank."""

    codes: list[int]
    outputs: list[str]

    @property
    def results(self) -> list[dict[str, Any]]:
        """What each rank gave to ``result`` last."""
        found = []
        for output in self.outputs:
            lines = [line for line in output.splitlines() if line.startswith("RESULT")]
            assert lines, output
            found.append(json.loads(lines[-1][len("RESULT") :]))
        return found


def table(ranks: int) -> dict[str, object]:
    """A rank table of one server."""
    devices = [{"device_id": str(rank), "rank_id": str(rank)} for rank in range(ranks)]
    server = {"server_id": "one", "device": devices}
    return {"status": "completed", "version": "1.0", "server_count": "1", "server_list": [server]}


def job(script: str, folder: Path, ranks: int = 2, **settings: str) -> Job:
    """Runs a script on several ranks in one folder; one that hangs is stopped.

    Args:
        script: Python source that follows HEAD.
        folder: the working folder of all ranks.
        settings: environment variables.
    """
    (folder / "program.py").write_text(HEAD + textwrap.dedent(script))
    (folder / "table.json").write_text(json.dumps(table(ranks)))
    with Hub(ranks, stall_seconds=20) as hub:
        processes = []
        for rank in range(ranks):
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(map(str, (SIMULATOR, RUNTIME))),
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "NPU_SIMULATOR_TRACE": str(folder / "trace"),
                "NPU_SIMULATOR_HUB": hub.address if ranks > 1 else "",
                "RANK_ID": str(rank),
                "RANK_SIZE": str(ranks),
                "RANK_TABLE_FILE": str(folder / "table.json"),
                "ASCEND_DEVICE_ID": str(rank),
                "JOB_ID": "1",
                **settings,
            }
            processes.append(
                subprocess.Popen(
                    [required_tf115().python, "-W", "ignore", "program.py"],
                    cwd=folder,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        deadline = time.monotonic() + 600
        try:
            outputs = [
                process.communicate(timeout=deadline - time.monotonic())[0] for process in processes
            ]
        finally:
            for process in processes:
                process.kill()
    return Job([process.returncode for process in processes], outputs)


def works(script: str, folder: Path, ranks: int = 2, **settings: str) -> Job:
    """As ``job``, of which every rank must end well."""
    done = job(script, folder, ranks, **settings)
    assert done.codes == [0] * ranks, "\n".join([str(done.codes), *done.outputs])
    return done
