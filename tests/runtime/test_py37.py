"""Runs the tests in py37/ under Python 3.7 with TensorFlow 1.15.0."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.tf115 import required_tf115

FOLDER = Path(__file__).parent / "py37"


@pytest.mark.tf115
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("test_*.py")))
def test_under_python37(name: str) -> None:
    # No configuration or conftest of this project's: it is for a newer Python and pytest.
    options = ["-q", "-ra", "-p", "no:cacheprovider", "-c", "/dev/null", f"--confcutdir={FOLDER}"]
    done = subprocess.run(
        [required_tf115().python, "-I", "-W", "ignore", "-m", "pytest", *options, f"{name}.py"],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    print(done.stdout)
    summary = done.stdout.strip().splitlines()[-1]
    assert done.returncode == 0, summary
    assert "skipped" not in summary
