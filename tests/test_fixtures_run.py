"""The bundled example and the fixture projects train, save and restore as they are.

What a port of them must still do is only known if they do it before.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[1]
TINY_GAN = ROOT / "examples" / "tiny_gan"
PROJECTS = ROOT / "tests" / "fixtures" / "projects"

pytestmark = pytest.mark.tf115

# Refused by Python 3.7: what each of these is there for.
UNREADABLE = {
    "odd_forms/broken_syntax.py",
    "odd_forms/bytes/nul.py",
    "odd_forms/bytes/undeclared_latin1.py",
    "odd_forms/bytes/wrong_coding.py",
    "odd_forms/python2_train.py",
    "supervisor_queue/frames.py",
}

_COMPILE = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith('.py'):
            path = os.path.join(folder, name)
            try:
                with open(path, 'rb') as f:
                    compile(f.read(), path, 'exec')
            except (SyntaxError, ValueError):
                print(os.path.relpath(path, sys.argv[1]).replace(os.sep, '/'))
"""


class Project:
    """A project whose scripts run in a temporary folder, leaving the project as it is."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.source = source
        self.folder = folder
        self.path = [source]

    def start(self, script: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = ["-m", script] if "/" not in script and not script.endswith(".py") else []
        environment = {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(map(str, self.path)),
            "PYTHONWARNINGS": "ignore",
            "SHAPES": "records",
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }
        return subprocess.run(
            [required_tf115().python, *(command or [self.source / script]), *options],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def run(self, script: str, *options: str) -> str:
        """Runs a script to its end and returns what it printed."""
        done = self.start(script, *options)
        assert done.returncode == 0, f"{script}: {done.stderr[-4000:]}"
        return done.stdout

    def fails(self, script: str, *options: str) -> str:
        """Runs a script that fails and returns its error output."""
        done = self.start(script, *options)
        assert done.returncode != 0, f"{script} was to fail, but printed: {done.stdout[-2000:]}"
        return done.stderr


def losses(output: str) -> list[str]:
    """Every number after the word loss, as printed."""
    found = re.findall(r"loss\s+(\S+)", output)
    assert found, output
    assert all(math.isfinite(float(number)) for number in found), output
    return found


@pytest.fixture
def tiny_gan(tmp_path: Path) -> Project:
    project = Project(TINY_GAN, tmp_path)
    project.run("tools.make_images", "--count", "37")
    return project


def test_tiny_gan_trains_and_restores(tiny_gan: Project) -> None:
    options = ("--channels", "8", "--batch_size", "8", "--log_every", "1")
    printed = tiny_gan.run("train.py", *options, "--steps", "5")
    assert len(losses(printed)) == 2 * 5
    assert (tiny_gan.folder / "run" / "model.ckpt-5.index").exists()
    assert (tiny_gan.folder / "run" / "samples_000005.png").exists()

    printed = tiny_gan.run("train.py", *options, "--steps", "6")
    assert "continuing from run/model.ckpt-5" in printed
    assert len(losses(printed)) == 2

    printed = tiny_gan.run("evaluate.py", "--channels", "8", "--batch_size", "8")
    assert "model.ckpt-6: 37 images" in printed
    assert (tiny_gan.folder / "run" / "evaluation.png").exists()


def test_tiny_gan_repeats_itself(tiny_gan: Project) -> None:
    options = ("--channels", "8", "--steps", "3", "--log_every", "1")
    first = losses(tiny_gan.run("train.py", *options, "--out", "first"))
    assert losses(tiny_gan.run("train.py", *options, "--out", "second")) == first


def test_tiny_gan_counts_every_image_in_its_statistics(tiny_gan: Project) -> None:
    by_eight = tiny_gan.run("tools.image_stats", "--batch_size", "8")
    assert by_eight.startswith("37 images\n")
    assert tiny_gan.run("tools.image_stats", "--batch_size", "64") == by_eight


def test_supervisor_queue(tmp_path: Path) -> None:
    project = Project(PROJECTS / "supervisor_queue", tmp_path)
    project.run("make_store.py", "--count", "60")
    printed = project.run("train.py", "--steps", "4")
    assert len(re.findall(r"classifier \d", printed)) == 4
    assert (tmp_path / "run" / "sketch-4.index").exists()
    printed = project.run("evaluate.py")
    assert "15 sketches" in printed
    assert "no checkpoint" not in printed
    printed = project.run("train_managed.py", "--run", "managed", "--steps", "2")
    assert len(losses(printed)) == 2


def test_monitored_ssl_trains_and_restores(tmp_path: Path) -> None:
    project = Project(PROJECTS / "monitored_ssl", tmp_path)
    project.run("scripts/make_shapes.py", "--train=60", "--test=10")
    project.run("scripts/split.py", "--labelled=24", "records/train.tfrecord")
    train = ("--train_dir=run", "--batch=8", "--pictures=32", "--round=16")
    printed = project.run("consistency.py", *train)
    assert len(losses(printed)) == 4
    assert "accuracy" in printed, "the summaries in the graph did not run"
    printed = project.run("consistency.py", "--train_dir=run", "--evaluate=newest")
    assert "restored after 32 pictures" in printed


def test_monitored_ssl_reads_every_record(tmp_path: Path) -> None:
    project = Project(PROJECTS / "monitored_ssl", tmp_path)
    project.run("scripts/make_shapes.py", "--train=60", "--test=10")
    printed = project.run("scripts/split.py", "--labelled=24", "records/train.tfrecord")
    assert "60 records, 24 labelled" in printed
    assert "70 pictures" in project.run("scripts/check_overlap.py")
    counts = re.findall(r"(\d+) pictures", project.run("scripts/inspect_records.py"))
    assert counts == ["24", "30", "6", "10"]
    assert "10 pictures" in project.run("scripts/to_png.py", "records/test.tfrecord")
    assert "must be from the same graph" in project.fails("pairs.py")


def test_slim_clones(tmp_path: Path) -> None:
    project = Project(PROJECTS / "slim_clones", tmp_path)
    project.run("convert_shapes.py")
    project.run("train_classifier.py", "--steps=3", "--on_host=True")
    assert (tmp_path / "run" / "model.ckpt-3.index").exists()
    assert "over 21 drawings" in project.run("eval_classifier.py")
    error = project.fails("train_classifier.py", "--steps=3", "--run=pinned")
    assert "Cannot assign a device" in error


def test_slim_clones_passes_its_own_test(tmp_path: Path) -> None:
    project = Project(PROJECTS / "slim_clones", tmp_path)
    done = project.start("deployment.clones_test")
    assert done.returncode == 0, done.stderr
    assert "Ran 9 tests" in done.stderr
    project.run("build_jpegs.py", f"--pngs={tmp_path}")


def test_estimators(tmp_path: Path) -> None:
    project = Project(PROJECTS / "estimator_keras", tmp_path)
    printed = project.run("estimator_configured.py", "--steps=4")
    assert losses(printed)
    assert "step 4 " in printed
    assert "count 37" in printed
    printed = project.run("estimator_plain.py", "--steps=4")
    assert losses(printed)
    assert "count 37  predicted 37" in printed
    assert losses(project.run("canned.py", "--steps=4"))


def test_keras(tmp_path: Path) -> None:
    project = Project(PROJECTS / "estimator_keras", tmp_path)
    for script in ("keras_in_tf.py", "keras_alone.py"):
        printed = project.run(script, "--epochs=1")
        assert losses(printed)
        assert "count 37" in printed


def test_all_but_the_deliberate_exceptions_are_python37() -> None:
    refused = subprocess.run(
        [required_tf115().python, "-I", "-W", "ignore", "-c", _COMPILE, PROJECTS],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(refused.stdout.splitlines()) == UNREADABLE
