"""Ports of our own projects train under the simulator as upstream does, to the bit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from migrate.verify.process import Command, Limits, clean_environment, run_all, shell_line
from migrate.verify.report import Part
from migrate.verify.smoke import GENERATORS, SmokeRun
from migrate.verify.verification import run_upstream_tests
from tests.tf115 import required_tf115
from tests.verify import projects
from tests.verify.projects import TRAIN_AND_SAVE, fixture, tiny_gan, verify

pytestmark = pytest.mark.tf115


def passes(run: Part, parity: Part) -> None:
    for part in (run, parity):
        assert part.state == "passed", (part.findings, [r.tail for r in part.runs])
    assert all(comparison.equal == comparison.values for comparison in parity.comparisons)


def test_tiny_gan(tmp_path: Path) -> None:
    run, parity = verify(tiny_gan(tmp_path))
    passes(run, parity)
    assert [str(count) for count in run.counts] == [
        "programs run 2 of 2",
        "training sessions on the device 1 of 1",
    ]
    train, evaluate = run.runs
    assert [(s.kind, s.npu, s.trains) for s in train.sessions] == [("tf.Session", True, True)]
    assert [(s.kind, s.npu, s.trains) for s in evaluate.sessions] == [("tf.Session", True, False)]
    # d_loss and g_loss of each step, and the step that it starts from.
    assert parity.comparisons[0].values >= 11
    assert parity.comparisons[0].curves


def test_another_learning_rate_is_found_out(tmp_path: Path) -> None:
    given = tiny_gan(tmp_path)
    projects.edit(given, "train.py", "default=2e-4", "default=3e-4")
    run, parity = verify(given)
    assert run.state == "passed"
    first = parity.comparisons[0].first
    assert first is not None
    assert first.step > 1, "the first losses are those of the same variables"
    assert {finding.code for finding in parity.findings} == {"CHK960"}


def test_a_session_that_lost_its_configuration_is_found_out(tmp_path: Path) -> None:
    given = tiny_gan(tmp_path)
    projects.edit(given, "train.py", "npu_session_config(", "(")
    run, _ = verify(given)
    assert [finding.code for finding in run.findings] == ["CHK954"]
    assert run.findings[0].path == "train.py"


def test_missing_pictures_are_told_as_the_port_tells_them(tmp_path: Path) -> None:
    given = tiny_gan(tmp_path)
    given = type(given)(**{**vars(given), "smoke": type(given.smoke)(runs=given.smoke.runs)})
    run, _ = verify(given)
    [finding] = run.findings
    assert finding.code == "CHK950"
    assert "NotFoundError: images; No such file or directory" in finding.message
    assert finding.path == "data.py"


def test_an_operators_failure_has_its_cause_and_the_place_where_it_was_made(
    tmp_path: Path,
) -> None:
    given = tiny_gan(tmp_path)
    broken = "self.d_loss = tf.gather([1.0], tf.shape(fake)[0] + 7) * ("
    projects.edit(given, "model.py", "self.d_loss = (", broken)
    run, _ = verify(given)
    [finding] = run.findings
    lines = (tmp_path / "model.py").read_text().splitlines()
    assert finding.path == "model.py"
    assert broken in lines[finding.line - 1]
    assert "InvalidArgumentError: indices = " in finding.message
    assert finding.message.endswith(" is not in [0, 1)")
    # What was running then, as well.
    assert re.search(r'File "train.py", line \d+, in main\n', run.runs[0].tail)


def test_supervisor_queue(tmp_path: Path) -> None:
    passes(
        *verify(
            fixture(
                tmp_path,
                "supervisor_queue",
                SmokeRun("data", "python make_store.py --count 60"),
                SmokeRun("train", "python train.py --steps {steps}", TRAIN_AND_SAVE),
                SmokeRun("evaluate", "python evaluate.py", frozenset({"restore"})),
            )
        )
    )


def test_monitored_ssl(tmp_path: Path) -> None:
    train = "python consistency.py --train_dir=run"
    given = fixture(
        tmp_path,
        "monitored_ssl",
        SmokeRun("data", "python scripts/make_shapes.py --train=60 --test=10"),
        SmokeRun("split", "python scripts/split.py --labelled=24 records/train.tfrecord"),
        SmokeRun("train", f"{train} --batch=8 --pictures=40 --round=20", TRAIN_AND_SAVE),
        SmokeRun("evaluate", f"{train} --evaluate=newest", frozenset({"restore"})),
    )
    smoke = type(given.smoke)(
        runs=given.smoke.runs, environment={"PYTHONPATH": ".", "SHAPES": "records"}
    )
    passes(*verify(type(given)(**{**vars(given), "smoke": smoke})))


def test_slim_clones_and_upstreams_own_tests(tmp_path: Path) -> None:
    given = fixture(
        tmp_path,
        "slim_clones",
        SmokeRun("data", "python convert_shapes.py"),
        SmokeRun(
            "train",
            "python train_classifier.py --steps={steps}",
            TRAIN_AND_SAVE,
            baseline="--on_host=True",
            baseline_why="upstream pins its clones to a GPU",
        ),
        SmokeRun("evaluate", "python eval_classifier.py", frozenset({"restore"})),
    )
    passes(*verify(given))
    part = run_upstream_tests(given, lambda _: None)
    assert part.state == "passed", part.findings
    assert "of those that pass on the port 7 of 7" in map(str, part.counts)


def test_horovod_of_one_process(tmp_path: Path) -> None:
    run, parity = verify(
        fixture(
            tmp_path,
            "several_devices",
            SmokeRun("session", "python horovod_session.py --steps {steps}", TRAIN_AND_SAVE),
            SmokeRun("keras", "python horovod_fit.py", frozenset({"train"})),
        )
    )
    passes(run, parity)
    assert parity.why.startswith("Horovod is the port's own on both sides")
    assert [comparison.values > 0 for comparison in parity.comparisons] == [True, True]


@pytest.mark.parametrize(
    ("options", "made"),
    [
        (["jpeg_folder", "--classes", "3"], "00000_0.jpg"),
        (["hdf5_ids", "--channels", "3", "--size", "32"], "data.hdf5"),
        (["ssl_tfrecords"], "SSL/tiny.1@40-unlabel.tfrecord"),
        (["slim_tfrecords"], "flowers_train_00000-of-00005.tfrecord"),
        (["slim_tfrecords", "--dataset", "imagenet"], "train-00000-of-00005"),
        (["keras_npz"], "mnist.npz"),
    ],
)
def test_generators_make_the_same_each_time(options: list[str], made: str, tmp_path: Path) -> None:
    def make(name: str) -> dict[str, bytes]:
        words = ["python", str(GENERATORS / f"{options[0]}.py"), "--to", name, *options[1:]]
        environment = clean_environment(required_tf115().python, tmp_path, tmp_path)
        command = Command(shell_line(words), tmp_path, environment, tmp_path)
        [outcome] = run_all([command], Limits())
        assert outcome.ok, outcome.tail
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) < 2 << 20
        # HDF5 and zip files hold the time at which they were written.
        return {
            path.relative_to(tmp_path / name).as_posix(): path.read_bytes()
            for path in files
            if path.suffix not in (".hdf5", ".npz")
        }

    first = make("first")
    assert (tmp_path / "first" / made).is_file()
    assert make("second") == first
