"""Runs small programs that use the runtime on several simulated devices."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

from tests.simulator.processes import on_ranks

RUNTIME = Path(__file__).parents[2] / "migrate" / "runtime"
HEAD = """
import json, os
import numpy as np
import tensorflow as tf
import npu_runtime
from npu_runtime import npu_gradients, npu_optimizer, npu_run_config, npu_session_config

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


def job(script: str, folder: Path, ranks: int = 2, **settings: str) -> Job:
    """Runs a script on several ranks in one folder; one that hangs is stopped.

    Args:
        script: Python source that follows HEAD.
        folder: the working folder of all ranks.
        settings: environment variables.
    """
    (folder / "program.py").write_text(HEAD + textwrap.dedent(script))
    done = on_ranks(["program.py"], folder, ranks, paths=[RUNTIME], **settings)
    return Job([p.returncode for p in done], [p.stdout + p.stderr for p in done])


def works(script: str, folder: Path, ranks: int = 2, **settings: str) -> Job:
    """As ``job``, of which every rank must end well."""
    done = job(script, folder, ranks, **settings)
    assert done.codes == [0] * ranks, "\n".join([str(done.codes), *done.outputs])
    return done
