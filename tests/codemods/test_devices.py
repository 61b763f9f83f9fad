"""The device rules together, on whole projects."""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest

from migrate.upstream.tree import read_folder
from tests.codemods.support import Ported, port_files
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[2]
PROJECTS = ROOT / "tests" / "fixtures" / "projects"
RULES = [f"NPU40{number}" for number in range(1, 8)]

# What may name a GPU in code afterwards: what cannot be rewritten with certainty, each reported.
LEFT = {
    "odd_forms": {
        "bytes/utf8_columns.py",  # no device, as far as one can see
        "gpu_queries.py",
        "own_session.py",
        "pins.py",
        "prefetchers.py",
        "references.py",
        "strategies.py",
    }
}
_GPU = re.compile(r"gpu_options|(?<![\w/])/?(?:device:)?gpu:[\d%{]|prefetch_to_device", re.I)


def read(folder: Path) -> dict[str, bytes]:
    return {path: file.data for path, file in read_folder(folder).items()}


def port(folder: Path) -> Ported:
    return port_files(read(folder), *RULES)


def _spelled(node: ast.AST) -> str:
    """An attribute's name, or a string that is too short to be a text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 40:
        return node.value
    return node.attr if isinstance(node, ast.Attribute) else ""


def folders() -> list[Path]:
    return [ROOT / "examples" / "tiny_gan", *(p for p in PROJECTS.iterdir() if p.is_dir())]


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_projects_name_no_gpu_afterwards(folder: Path) -> None:
    ported = port(folder)
    assert not [f for f in ported.findings if f.severity == "error" and f.code != "NPU902"]
    reported = {finding.path for finding in ported.findings}
    for path, data in ported.files.items():
        if not path.endswith(".py"):
            continue
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError):
            continue
        found = [text for text in map(_spelled, ast.walk(tree)) if _GPU.search(text)]
        if found:
            assert path in LEFT.get(folder.name, set()), (path, found)
            assert path in reported or path == "references.py", (path, found)


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_a_second_port_changes_nothing(folder: Path) -> None:
    once = port(folder)
    assert port_files(once.files, *RULES).files == once.files


_SCOPES = """
import tensorflow as tf

def device():
    return tf.constant(1).op.device

with tf.Graph().as_default():
    with tf.device('/cpu:0'):
        with tf.device(''):
            assert device() == '/device:CPU:0', device()
        with tf.device(lambda op: ''):
            assert device() == '/device:CPU:0', device()
    with tf.device('/job:worker'):
        with tf.device(''):
            assert device() == '/job:worker', device()
    with tf.device('/job:worker/device:CPU:0'), tf.device('/job:worker'):
        assert device() == '/job:worker/device:CPU:0', device()
    with tf.device(''), tf.device(tf.DeviceSpec()):
        assert device() == '', device()
    setter = tf.train.replica_device_setter(worker_device='', ps_device='/cpu:0', ps_tasks=1)
    with tf.device(setter):
        assert device() == '', device()
        assert tf.Variable(1).device == '/device:CPU:0'
"""


def run(folder: Path, *command: str) -> str:
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(folder),
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    done = subprocess.run(
        [required_tf115().python, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stderr


@pytest.mark.tf115
def test_an_empty_device_leaves_the_choice_to_the_scopes_around_it(tmp_path: Path) -> None:
    run(tmp_path, "-c", _SCOPES)


@pytest.mark.tf115
def test_unit_tests_of_devices_pass_before_and_after(tmp_path: Path) -> None:
    source = PROJECTS / "slim_clones"
    ported = port(source)
    for name, files in (("before", read(source)), ("after", ported.files)):
        for path, data in files.items():
            place = tmp_path / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    assert ported.files["deployment/clones_test.py"] != read(source)["deployment/clones_test.py"]
    counts = {
        re.search(r"Ran \d+ tests", run(tmp_path / name, "-m", "deployment.clones_test"))[0]  # type: ignore[index]
        for name in ("before", "after")
    }
    assert len(counts) == 1
