"""Trainings for several GPUs, ported: each in its own way, on one device and on two."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from migrate.porting import Port
from tests.runtime.several import start
from tests.tf115 import required_tf115
from tests.verify.projects import PROJECTS, ported

SOURCE = PROJECTS / "several_devices"
HOROVOD = ("horovod_session.py", "horovod_fit.py")
OTHERS = ("mirrored_estimator.py", "mirrored_loop.py", "mirrored_fit.py", "keras_fit.py")


@pytest.fixture
def port(tmp_path: Path) -> Port:
    return ported(SOURCE, tmp_path)


def test_all_of_it_is_rewritten(port: Port) -> None:
    found = [(f.severity, f.code) for f in port.findings if f.severity != "note"]
    assert found == [("warning", "NPU916")]  # no run scripts: six scripts train
    names = {one.name: one.status for one in port.symbols}
    assert {status for name, status in names.items() if name.startswith("horovod")} == {"rewritten"}
    assert names["tensorflow.distribute.MirroredStrategy"] == "rewritten"
    assert names["tensorflow.contrib.distribute.MirroredStrategy"] == "rewritten"


def weights(output: str) -> list[float]:
    found = re.search(r"(?m)^weights (.*)$", output)
    assert found, output
    return [float(word) for word in found[1].split()]


@pytest.mark.tf115
@pytest.mark.parametrize("script", [*HOROVOD, *OTHERS])
def test_two_ranks_end_with_the_same_weights(port: Port, tmp_path: Path, script: str) -> None:
    first, second = start([script], tmp_path, 2)
    assert weights(first) == weights(second)
    if script == "horovod_fit.py":
        for output in (first, second):
            assert "rates 0.075 0.1 0.01" in output
            assert "mean rank 0.5 (2,)" in output
    written = {path.name for path in tmp_path.glob("*.h5")}
    assert written == {
        "horovod_fit.py": {"model.h5"},
        "keras_fit.py": {"keras.h5", "weights.h5"},
    }.get(script, set())


@pytest.mark.tf115
@pytest.mark.parametrize("script", OTHERS)
def test_one_device_trains_as_before(port: Port, tmp_path: Path, script: str) -> None:
    [after] = start([script], tmp_path, 1)
    elsewhere = tmp_path / "before"
    elsewhere.mkdir()
    before = run(SOURCE / script, elsewhere)
    assert weights(after) == pytest.approx(weights(before), abs=2e-6)


@pytest.mark.tf115
@pytest.mark.parametrize("script", HOROVOD)
def test_one_process_needs_no_npu(port: Port, tmp_path: Path, script: str) -> None:
    assert weights(run(tmp_path / script, tmp_path, NPU_DEVICE="host"))


def run(script: Path, folder: Path, **settings: str) -> str:
    done = subprocess.run(
        [required_tf115().python, "-W", "ignore", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "TF_CPP_MIN_LOG_LEVEL": "3", **settings},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
