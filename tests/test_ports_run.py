"""Ports of the bundled example and of the fixture projects train where upstream trained.

On the host (``NPU_DEVICE=host``), and on what takes the NPU's place here: TensorFlow 1.15.0 with
an importable ``npu_bridge``, which ignores the custom optimizer that it does not know and trains
on the CPU. So all but the device itself is what runs on an Ascend 910.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from migrate.codemods.registry import kit_rules
from migrate.manifest import Upstream
from migrate.porting import make_port
from migrate.recipe import Recipe
from migrate.upstream.tree import SourceTree, read_folder
from migrate.workspace import DEFAULT_CANN
from tests.test_fixtures_run import PROJECTS, ROOT, TINY_GAN, Project, losses

pytestmark = pytest.mark.tf115


def port(source: Path, folder: Path) -> Path:
    """Ports a project into ``folder`` and returns where it stands."""
    made = make_port(
        Upstream(source.name, "", None, None, "", "MIT"),
        SourceTree(read_folder(source)),
        Recipe(rules=kit_rules()),
        cann=DEFAULT_CANN,
        templates=ROOT / "templates",
    )
    assert not made.failed, made.findings
    for name, file in made.after.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    return folder


@pytest.fixture(params=["host", "npu"])
def device(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs what follows on the host, or on a stand-in for the NPU."""
    if request.param == "host":
        monkeypatch.setenv("NPU_DEVICE", "host")
    else:
        stand_in = tmp_path / "adapter" / "npu_bridge"
        stand_in.mkdir(parents=True)
        (stand_in / "__init__.py").write_text("")
        monkeypatch.delenv("NPU_DEVICE", raising=False)
    return str(request.param)


class Ported(Project):
    """A port that runs in a temporary folder beside the stand-in for the adapter."""

    def __init__(self, source: Path, folder: Path) -> None:
        work = folder / "work"
        work.mkdir()
        super().__init__(port(source, folder / "port"), work)
        self.path.append(folder / "adapter")


def test_without_an_adapter_it_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NPU_DEVICE", raising=False)
    project = Ported(TINY_GAN, tmp_path)
    project.run("tools.make_images", "--count", "8")
    error = project.fails("train.py", "--channels", "8", "--batch_size", "8", "--steps", "1")
    assert "No NPU to train on" in error
    assert "NPU_DEVICE=host" in error


def test_tiny_gan(device: str, tmp_path: Path) -> None:
    project = Ported(TINY_GAN, tmp_path)
    project.run("tools.make_images", "--count", "37")
    options = ("--channels", "8", "--batch_size", "8")
    printed = project.run("train.py", *options, "--log_every", "1", "--steps", "3")
    assert len(losses(printed)) == 2 * 3
    assert "37 images" in project.run("evaluate.py", *options)
    assert project.run("tools.image_stats", "--batch_size", "8").startswith("37 images\n")


def test_supervisor_queue(device: str, tmp_path: Path) -> None:
    project = Ported(PROJECTS / "supervisor_queue", tmp_path)
    project.run("make_store.py", "--count", "60")
    assert len(re.findall(r"classifier \d", project.run("train.py", "--steps", "4"))) == 4
    assert "15 sketches" in project.run("evaluate.py")
    assert len(losses(project.run("train_managed.py", "--run", "managed", "--steps", "2"))) == 2


def test_monitored_ssl(device: str, tmp_path: Path) -> None:
    project = Ported(PROJECTS / "monitored_ssl", tmp_path)
    project.run("scripts/make_shapes.py", "--train=60", "--test=10")
    printed = project.run("scripts/split.py", "--labelled=24", "records/train.tfrecord")
    assert "60 records, 24 labelled" in printed
    train = ("--train_dir=run", "--batch=8", "--pictures=32", "--round=16")
    assert len(losses(project.run("consistency.py", *train))) == 4
    printed = project.run("consistency.py", "--train_dir=run", "--evaluate=newest")
    assert "restored after 32 pictures" in printed
    counts = re.findall(r"(\d+) pictures", project.run("scripts/inspect_records.py"))
    assert counts == ["24", "30", "6", "10"], "a tail of the data was lost"


def test_slim_clones_need_no_flag_for_the_host(device: str, tmp_path: Path) -> None:
    project = Ported(PROJECTS / "slim_clones", tmp_path)
    project.run("convert_shapes.py")
    project.run("train_classifier.py", "--steps=3")
    assert "over 21 drawings" in project.run("eval_classifier.py")


def test_slim_clones_still_pass_their_own_test(device: str, tmp_path: Path) -> None:
    done = Ported(PROJECTS / "slim_clones", tmp_path).start("deployment.clones_test")
    assert done.returncode == 0, done.stderr
    assert "Ran 9 tests" in done.stderr


def test_estimators(device: str, tmp_path: Path) -> None:
    project = Ported(PROJECTS / "estimator_keras", tmp_path)
    assert "count 37" in project.run("estimator_configured.py", "--steps=4")
    assert "count 37  predicted 37" in project.run("estimator_plain.py", "--steps=4")
    assert losses(project.run("canned.py", "--steps=4"))


def test_keras(device: str, tmp_path: Path) -> None:
    project = Ported(PROJECTS / "estimator_keras", tmp_path)
    for script in ("keras_in_tf.py", "keras_alone.py"):
        assert "count 37" in project.run(script, "--epochs=1")
