"""Runs the tests in py37/ under Python 3.7 with TensorFlow 1.15.0, one process for each file.

A process has one adapter release: that of CANN 7.0, unless the file is named after another.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.simulator.processes import SIMULATOR
from tests.tf115 import required_tf115

FOLDER = Path(__file__).parent / "py37"
CANN = {"test_cann_20_2": "20.2", "test_cann_5_0_4": "5.0.4"}


@pytest.mark.tf115
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("test_*.py")))
def test_under_python37(name: str, tmp_path: Path) -> None:
    # No configuration or conftest of this project's: it is for a newer Python and pytest.
    options = ["-q", "-ra", "-p", "no:cacheprovider", "-c", "/dev/null", f"--confcutdir={FOLDER}"]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SIMULATOR),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "NPU_SIMULATOR_CANN": CANN.get(name, "7.0"),
    }
    done = subprocess.run(
        [required_tf115().python, "-W", "ignore", "-m", "pytest", *options, FOLDER / f"{name}.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout)
    summary = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0, summary
    assert "skipped" not in summary
