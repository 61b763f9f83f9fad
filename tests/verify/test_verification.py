"""What a port does wrong becomes a finding with its place, never an error of ours.

The projects here are no TensorFlow: they write their traces themselves, as the simulator would.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from migrate.codemods.rules import npu704_horovod
from migrate.errors import MigrateError
from migrate.manifest import Manifest, Upstream, file_records
from migrate.upstream.tree import LINK, SourceFile
from migrate.verify import site as site_module
from migrate.verify import smoke as smoke_module
from migrate.verify.process import Limits
from migrate.verify.report import Part
from migrate.verify.simulation import SIMULATOR
from migrate.verify.smoke import Data, Smoke, SmokeRun
from migrate.verify.upstream_tests import affected
from migrate.verify.verification import Trial, run_and_compare, run_upstream_tests

# Writes what a training of five steps leaves, with the loss that `loss` gives for each step.
RECORDER = """
import json, os, sys

def emit(event, **fields):
    rank = os.environ['RANK_ID']
    path = os.path.join(os.environ['NPU_SIMULATOR_TRACE'], '%s-%d.jsonl' % (rank, os.getpid()))
    with open(path, 'a') as trace:
        trace.write(json.dumps(dict(fields, event=event)) + '\\n')

def session(npu=True, place='train.py:2', kind='tf.Session'):
    emit('session', session=1, kind=kind, place=place, npu=npu, problems=[])
    emit('graph', session=1, signature=1, fetches=['loss:0'], feeds={}, trains=True)

def train(loss, steps=5):
    for step in range(steps):
        emit('run', session=1, signature=1, seconds=0.1, scalars={'loss:0': loss(step)})
    emit('save', path='model', session=1)
    emit('restore', path='model', session=1)
"""
GOOD = "from recorder import *\nsession()\ntrain(lambda step: 1.0 / (step + 1))\n"
HOST = GOOD.replace("session()", "session(npu=False)")
EXPECT = frozenset({"train", "save", "restore"})
RUN = SmokeRun("train", "python train.py", EXPECT)


def files(**texts: str) -> dict[str, SourceFile]:
    paths = {name.replace("__", "/") + ".py": text for name, text in texts.items()}
    return {path: SourceFile(path, text.encode()) for path, text in sorted(paths.items())}


def trial(folder: Path, train: str, *, upstream: str | None = None, **more: object) -> Trial:
    port = folder / "port"
    made = files(train=train, recorder=RECORDER)
    for path, file in made.items():
        (port / path).parent.mkdir(parents=True, exist_ok=True)
        (port / path).write_bytes(file.data)
    given: dict[str, object] = {
        "port": port,
        "manifest": manifest(made),
        "baseline": None if upstream is None else files(train=upstream, recorder=RECORDER),
        "smoke": Smoke(runs=(RUN,)),
        "python": Path(sys.executable),
        "cann": "7.0",
        "steps": 5,
        "ranks": 1,
        "limits": Limits(seconds=60),
    }
    return Trial(**{**given, **more})  # type: ignore[arg-type]


def manifest(made: Mapping[str, SourceFile]) -> Manifest:
    upstream = Upstream("toy", "", None, None, "", "MIT")
    records = file_records(made, made)
    return Manifest("0", "0", upstream, "7.0", None, {}, records, {}, (), (), {}, "0" * 64)


def verify(given: Trial) -> tuple[Part, Part]:
    compare = given.baseline is not None
    run, parity, _ = run_and_compare(given, lambda _: None, compare=compare)
    return run, parity


def codes(part: Part) -> list[str]:
    return [finding.code for finding in part.findings]


def test_a_good_port(tmp_path: Path) -> None:
    run, parity = verify(trial(tmp_path, GOOD, upstream=HOST))
    assert (run.state, parity.state) == ("passed", "passed")
    assert [str(count) for count in run.counts] == [
        "programs run 1 of 1",
        "training sessions on the device 1 of 1",
    ]
    assert [str(count) for count in run.runs[0].counts] == [
        "training steps 5 of 5",
        "checkpoints written 1",
        "restored 1",
    ]
    assert [str(count) for count in parity.counts] == [
        "programs compared 1 of 1",
        "values bit-equal 5 of 5",
    ]
    [use] = run.runs[0].sessions
    assert (use.place, use.npu, use.trains, use.runs, use.feed_shapes) == (
        "train.py:2",
        True,
        True,
        5,
        1,
    )


def test_beside_upstream_a_port_has_upstreams_precision(tmp_path: Path) -> None:
    mixed = (
        "import os\nfrom recorder import *\nsession()\n"
        "rounding = 0 if os.environ.get('NPU_PRECISION_MODE') == 'none' else 0.1\n"
        "train(lambda step: 1.0 / (step + 1) + rounding)\n"
    )
    _, parity = verify(trial(tmp_path, mixed, upstream=HOST))
    assert parity.state == "passed"
    alone = "import os\nassert 'NPU_PRECISION_MODE' not in os.environ\n" + GOOD
    run, _ = verify(trial(tmp_path / "alone", alone))
    assert run.state == "passed"


@pytest.mark.parametrize("command", ["python train.py", "python -m train --steps {steps}"])
def test_what_is_wrong_with_a_run_is_told_of_the_file_that_it_starts(
    command: str, tmp_path: Path
) -> None:
    text = GOOD.replace("(step + 1)", "(step + 1), 2")
    smoke = Smoke(runs=(SmokeRun("train", command, EXPECT),))
    run, _ = verify(trial(tmp_path, text, smoke=smoke))
    assert [(f.path, f.code) for f in run.findings] == [("train.py", "CHK952")]


def test_a_crash_has_its_place(tmp_path: Path) -> None:
    run, parity = verify(trial(tmp_path, GOOD + "raise KeyError('image')\n", upstream=GOOD))
    [finding] = run.findings
    assert (finding.code, finding.path, finding.line) == ("CHK950", "train.py", 4)
    assert finding.message == "train ended with exit code 1: KeyError: 'image'"
    assert "Traceback" in run.runs[0].tail
    assert "migrate-verify" not in run.runs[0].tail
    assert parity.state == "not checked"
    assert "the port did not run to its end" in parity.why


def test_the_errors_own_line_is_told_where_more_follow_it(tmp_path: Path) -> None:
    run, _ = verify(trial(tmp_path, GOOD + "raise RuntimeError('no NPU\\nset it up')\n"))
    assert run.findings[0].message.endswith("RuntimeError: no NPU")


def test_missing_data_is_told_as_the_port_tells_it(tmp_path: Path) -> None:
    run, _ = verify(trial(tmp_path, "open('records/train.tfrecord')\n"))
    assert run.findings[0].message.endswith(
        "FileNotFoundError: [Errno 2] No such file or directory: 'records/train.tfrecord'"
    )


@pytest.mark.parametrize(
    ("code", "limits", "message"),
    [
        ("import time; time.sleep(1000)", Limits(seconds=1), "it ran longer than 1 s"),
        ("while True: print('x' * 999)", Limits(output=1 << 20), "it printed more than 1 MiB"),
        ("while True:\n    open('big', 'ab').write(b'x' * 99999)", Limits(disk=1 << 20), ""),
        ("open('/dev/full', 'w').write('x' * 9999)", Limits(), "No space left on device"),
        ("import os; os.kill(os.getpid(), 9)", Limits(), "was killed by SIGKILL"),
        ("def f(): f()\nf()", Limits(), "RecursionError"),
        ("import sys; sys.exit(7)", Limits(), "ended with exit code 7"),
    ],
)
def test_faults_are_findings(code: str, limits: Limits, message: str, tmp_path: Path) -> None:
    run, _ = verify(trial(tmp_path, code, limits=limits))
    assert codes(run) == ["CHK950"]
    assert message in run.findings[0].message


def test_no_session_at_all(tmp_path: Path) -> None:
    run, _ = verify(trial(tmp_path, "print('done')\n"))
    assert codes(run) == ["CHK955"]


def test_too_few_steps_and_no_checkpoint(tmp_path: Path) -> None:
    text = (
        "from recorder import *\nsession()\n"
        "emit('run', session=1, signature=1, seconds=0.1, scalars={'loss:0': 1})\n"
    )
    run, _ = verify(trial(tmp_path, text))
    assert "train made 1 training steps of at least 5" in {f.message for f in run.findings}
    assert sorted(codes(run)) == ["CHK952", "CHK953", "CHK953"]


def test_training_on_the_host_is_an_error(tmp_path: Path) -> None:
    run, _ = verify(trial(tmp_path, HOST))
    [finding] = run.findings
    assert (finding.code, finding.path, finding.line) == ("CHK954", "train.py", 2)
    assert "config=npu_session_config(config)" in finding.advice
    assert str(run.counts[1]) == "training sessions on the device 0 of 1"


def test_an_estimator_on_the_host_needs_another_config(tmp_path: Path) -> None:
    text = GOOD.replace("session()", "session(npu=False, kind='Estimator')")
    run, _ = verify(trial(tmp_path, text))
    [finding] = run.findings
    assert (finding.code, finding.path, finding.line) == ("CHK954", "train.py", 2)
    assert "config=npu_run_config(config)" in finding.advice
    assert "npu_session_config" not in finding.advice


def test_what_the_device_would_refuse(tmp_path: Path) -> None:
    text = GOOD + (
        "for _ in range(3):\n"
        "    emit('problem', code='sink', message='PyFunc cannot run there', place='model.py:3',\n"
        "         severity='error', advice='Use mix_compile_mode.')\n"
    )
    run, _ = verify(trial(tmp_path, text))
    [finding] = run.findings
    assert (finding.code, finding.path, finding.line) == ("CHK951", "model.py", 3)
    assert finding.message == "PyFunc cannot run there (3 times)"
    assert finding.advice == "Use mix_compile_mode."


def test_another_number_is_an_error_with_step_and_tensor(tmp_path: Path) -> None:
    other = GOOD.replace("(step + 1)", "(step + 1 + (step > 2))")
    run, parity = verify(trial(tmp_path, other, upstream=GOOD))
    assert run.state == "passed"
    [finding] = parity.findings
    assert finding.code == "CHK960"
    assert "2 of 5 values differ" in finding.message
    assert "at step 4 in loss:0 (upstream 0.25, port 0.2)" in finding.message


def test_a_tolerance_is_used_and_told(tmp_path: Path) -> None:
    other = GOOD.replace("(step + 1)", "(step + 1.0001)")
    runs = (SmokeRun("train", "python train.py", EXPECT, tolerance=1e-3, tolerance_why="a race"),)
    _, parity = verify(trial(tmp_path, other, upstream=GOOD, smoke=Smoke(runs=runs)))
    assert parity.state == "passed"
    assert parity.comparisons[0].tolerance_why == "a race"


def test_fewer_fetches_are_an_error(tmp_path: Path) -> None:
    longer = GOOD.replace("(step + 1))", "(step + 1), steps=7)")
    _, parity = verify(trial(tmp_path, GOOD, upstream=longer))
    assert codes(parity) == ["CHK961"]
    assert "fetched 7 times by upstream, 5 times by the port" in parity.findings[0].message


def test_upstream_that_does_not_run_is_told(tmp_path: Path) -> None:
    run, parity = verify(trial(tmp_path, GOOD, upstream="raise ValueError('no GPU')\n"))
    assert run.state == "passed"
    assert codes(parity) == ["CHK962"]
    assert "ValueError: no GPU" in parity.findings[0].message


def test_a_missing_package_is_told_with_how_to_install_it(tmp_path: Path) -> None:
    needs = "from migrate_has_no import such_module\n"
    run, parity = verify(trial(tmp_path, needs + GOOD, upstream=needs + GOOD))
    assert (codes(run), codes(parity)) == (["CHK950"], ["CHK962"])
    for finding in (*run.findings, *parity.findings):
        assert "No module named 'migrate_has_no'" in finding.message
        assert f"-m uv pip install --python {sys.executable} PACKAGE" in finding.advice


def test_upstreams_horovod_stands_in_for_all_that_a_port_has() -> None:
    made = (SIMULATOR / "upstream_only" / "horovod" / "__init__.py").read_text()
    [modules] = [
        node.value
        for node in ast.parse(made).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_MODULES"
    ]
    found = {f"horovod.{name}": module for name, module in ast.literal_eval(modules)}
    assert {"horovod": "horovod", **found} == npu704_horovod._MODULES


def test_nothing_to_compare_is_not_parity(tmp_path: Path) -> None:
    _, parity = verify(trial(tmp_path, "raise KeyError('x')\n", upstream=GOOD))
    assert parity.state == "not checked"


def test_an_argument_for_upstream_only(tmp_path: Path) -> None:
    flag = "import sys\nassert sys.argv[1:] == {}\n"
    runs = (SmokeRun("train", "python train.py", baseline="--on_cpu", baseline_why="x"),)
    given = trial(
        tmp_path,
        flag.format([]) + GOOD,
        upstream=flag.format(["--on_cpu"]) + HOST,
        smoke=Smoke(runs=runs),
    )
    run, parity = verify(given)
    assert (run.state, parity.state) == ("passed", "passed")


def test_after_a_failed_run_the_next_is_not_tried(tmp_path: Path) -> None:
    runs = (RUN, SmokeRun("evaluate", "python evaluate.py"))
    run, _ = verify(trial(tmp_path, "raise SystemExit(1)", smoke=Smoke(runs=runs)))
    assert str(run.counts[0]) == "programs run 1 of 2"


def test_runs_share_their_folder_but_the_port_stays_as_it_is(tmp_path: Path) -> None:
    text = GOOD + "import os\nos.path.exists('seen') and sys.exit(9)\nopen('seen', 'w')\n"
    runs = (RUN, SmokeRun("again", "test -f seen"))
    given = trial(tmp_path, text, smoke=Smoke(runs=runs))
    before = sorted(given.port.rglob("*"))
    run, _ = verify(given)
    assert [result.ok for result in run.runs] == [True, True]
    assert sorted(given.port.rglob("*")) == before


def test_what_an_earlier_training_left_in_the_port_is_not_seen(tmp_path: Path) -> None:
    given = trial(tmp_path, "import os, helper\nassert not os.path.exists('model.ckpt')\n" + GOOD)
    (given.port / "model.ckpt").write_text("x")
    (given.port / "helper.py").write_text("")
    assert verify(given)[0].state == "passed"


def test_a_port_made_by_hand_is_taken_whole(tmp_path: Path) -> None:
    given = trial(tmp_path, "open('labels.txt')\n" + GOOD, manifest=None)
    (given.port / "labels.txt").write_text("x")
    assert verify(given)[0].state == "passed"


def test_two_ranks_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import contextlib

    from migrate.verify import verification

    monkeypatch.setattr(verification, "hub", lambda *_: contextlib.nullcontext("localhost:1"))
    text = GOOD + (
        "assert os.environ['RANK_SIZE'] == '2'\n"
        "assert os.environ['NPU_SIMULATOR_HUB'] == 'localhost:1'\n"
        "table = json.load(open(os.environ['RANK_TABLE_FILE']))\n"
        "assert len(table['server_list'][0]['device']) == 2\n"
        "open('rank' + os.environ['RANK_ID'], 'x')\n"
        "while not os.path.exists('rank0') or not os.path.exists('rank1'): pass\n"
    )
    run, _ = verify(trial(tmp_path, text, ranks=2))
    assert run.state == "passed", run.findings
    assert str(run.counts[1]) == "training sessions on the device 2 of 2"
    lost = GOOD + "if os.environ['RANK_ID'] == '1': raise ValueError('lost')\n"
    waits = lost + "import time; time.sleep(1000)\n"
    run, _ = verify(trial(tmp_path, waits, ranks=2))
    assert [f.message for f in run.findings if f.code == "CHK950"] == [
        "train: rank 1 ended with exit code 1: ValueError: lost; the other ranks were ended"
    ]


def test_data_is_made_once_and_copied_to_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    makers = tmp_path / "makers"
    makers.mkdir()
    (makers / "numbers.py").write_text(
        "import os, sys, uuid\nos.makedirs('made')\n"
        "open('made/number', 'w').write(sys.argv[-1] + str(uuid.uuid4()))\n"
    )
    monkeypatch.setattr(site_module, "GENERATORS", makers)
    monkeypatch.setattr(smoke_module, "GENERATORS", makers)
    data = (Data("numbers", "set", {"seed": "3"}), Data("numbers", "~/.keras/datasets"))
    text = GOOD + (
        "text = open('set/number').read()\n"
        "assert text.startswith('3')\n"
        "assert os.path.isfile(os.path.expanduser('~/.keras/datasets/number'))\n"
        "emit('run', session=1, signature=1, seconds=0, scalars={'x': hash(text)})\n"
    )
    _, parity = verify(trial(tmp_path, text, upstream=text, smoke=Smoke(data, (RUN,))))
    assert parity.state == "passed"
    (makers / "numbers.py").write_text("raise SystemExit('no numbers')")
    with pytest.raises(MigrateError, match=r"smoke\.data\[0\] of the recipe: the generator"):
        verify(trial(tmp_path, text, smoke=Smoke(data, (RUN,))))


def test_the_smoke_sections_environment_is_there(tmp_path: Path) -> None:
    given = trial(
        tmp_path,
        GOOD + "assert os.environ['ML_DATA'] == 'records'\n",
        smoke=Smoke(runs=(RUN,), environment={"ML_DATA": "records"}),
    )
    assert verify(given)[0].state == "passed"


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    verify(trial(tmp_path, GOOD + "os.makedirs('a/b'); os.chmod('a', 0o500)\n"))
    assert list(scratch.iterdir()) == []


UNIT_TEST = """
import unittest

class Tests(unittest.TestCase):
    def test_good(self):
        pass
    def test_changed(self):
        self.assertEqual(open('train.py').read().strip(), 'upstream')
    def test_bad(self):
        self.fail()
    @unittest.skip('why')
    def test_skipped(self):
        pass
"""


def unit_tests(folder: Path, port: dict[str, str], upstream: dict[str, str]) -> Part:
    given = trial(folder, "port")
    for name, text in port.items():
        (given.port / name).parent.mkdir(exist_ok=True)
        (given.port / name).write_text(text)
    baseline = {path: SourceFile(path, text.encode()) for path, text in upstream.items()}
    given = Trial(**{**vars(given), "baseline": baseline})
    return run_upstream_tests(given, lambda _: None)


def test_a_unit_test_that_the_port_breaks(tmp_path: Path) -> None:
    tests = {"nets/toy_test.py": UNIT_TEST}
    part = unit_tests(tmp_path, tests, {**tests, "train.py": "upstream\n"})
    [finding] = part.findings
    assert (finding.code, finding.path) == ("CHK970", "nets/toy_test.py")
    assert finding.message == "test_changed passes on upstream, but failed on the port"
    assert [str(count) for count in part.counts] == [
        "files run 1 of 1",
        "tests that pass on upstream 2 of 4",
        "of those that pass on the port 1 of 2",
    ]


def test_a_unit_test_that_ends_its_process(tmp_path: Path) -> None:
    text = UNIT_TEST.replace(
        "self.assertEqual(", "import os; os._exit(5) if os.path.isfile('x') \\\n            else ("
    )
    tests = {"toy_test.py": text}
    part = unit_tests(tmp_path, {**tests, "x.py": "", "x": ""}, {**tests, "train.py": "upstream"})
    # x is no file of the port's own and no Python: what runs is what was ported
    assert part.state == "passed"
    tests = {"toy_test.py": text.replace("isfile('x')", "isfile('x.py')")}
    part = unit_tests(tmp_path, {**tests, "x.py": ""}, {**tests, "train.py": "upstream"})
    assert {finding.code for finding in part.findings} == {"CHK970"}
    assert "did not come to an end (pytest ended with exit code 5)" in part.findings[0].message


def test_unit_tests_that_cannot_tell_upstream_and_port_apart_are_not_run(tmp_path: Path) -> None:
    same = {"other_test.py": "import helper\n", "helper.py": "1 / 0\n"}
    tests = {"toy_test.py": UNIT_TEST, **same}
    part = unit_tests(tmp_path, tests, {**tests, "train.py": "upstream\n"})
    assert str(part.counts[0]) == "files run 1 of 2"
    assert part.why == (
        "1 files were not run: all code that they name is the same on upstream and port, byte for"
        " byte"
    )
    part = unit_tests(tmp_path, {**tests, **same}, {**same, "train.py": "upstream\n"})
    assert (part.state, str(part.counts[0])) == ("passed", "files run 0 of 1")


def test_a_link_to_code_that_is_the_same_is_the_same(tmp_path: Path) -> None:
    given = trial(tmp_path, "port")
    texts = {"toy_test.py": UNIT_TEST, "link_test.py": "import ops\n", "lib.py": "1 / 0\n"}
    baseline = {path: SourceFile(path, text.encode()) for path, text in texts.items()}
    for path, file in baseline.items():
        (given.port / path).write_bytes(file.data)
    (given.port / "ops.py").symlink_to("lib.py")
    baseline["ops.py"] = SourceFile("ops.py", b"lib.py", LINK)
    baseline["train.py"] = SourceFile("train.py", b"upstream\n")
    given = Trial(**{**vars(given), "baseline": baseline})
    part = run_upstream_tests(given, lambda _: None)
    assert str(part.counts[0]) == "files run 1 of 2"


TEXTS = {
    "deploy_test.py": b"from nets import vgg",
    "nets/__init__.py": b"",
    "nets/vgg.py": b"'Not as in resnet.'\nimport tools.clones as c\nresnet = c.train()",
    "nets/old.py": b"print 'python 2', resnet",
    "old_test.py": b"from nets.old import *",
    "tools/clones.py": b"place = '/gpu:0'",
    "tools/train.py": b"run()",
    "labels.txt": b"cat",
    "labels_test.py": b"open('labels.txt')",
    "alone_test.py": b"from nets.resnet import block",
    "nets/resnet.py": b"def block(): pass",
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"tools/train.py": b"other()"}, []),
        ({"tools/clones.py": b"place = ''"}, ["deploy_test.py"]),
        ({"labels.txt": b"dog"}, ["labels_test.py"]),
        ({"alone_test.py": b"pass"}, ["alone_test.py"]),
        (
            {"nets/__init__.py": b"import runtime"},
            ["alone_test.py", "deploy_test.py", "old_test.py"],
        ),
        ({"nets/resnet.py": b"def block(): return 1"}, ["alone_test.py", "old_test.py"]),
        ({"tools/__init__.py": b""}, ["deploy_test.py"]),
        ({"runtime/session.py": b"", "test/run.sh": b"", "open.txt": b""}, []),
        (
            {"conftest.py": b""},
            ["alone_test.py", "deploy_test.py", "labels_test.py", "old_test.py"],
        ),
    ],
)
def test_which_tests_reach_changed_code(changed: dict[str, bytes], expected: list[str]) -> None:
    tests = sorted(path for path in TEXTS if path.endswith("_test.py"))
    assert affected(tests, TEXTS, {**TEXTS, **changed}) == expected


def test_a_file_that_the_port_lacks() -> None:
    port = {path: data for path, data in TEXTS.items() if path != "nets/resnet.py"}
    assert affected(["alone_test.py", "deploy_test.py"], TEXTS, port) == ["alone_test.py"]


def test_unit_tests_that_take_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate.verify.verification._TEST_SECONDS", 3.0)
    slow = UNIT_TEST.replace("self.fail()", "import time; time.sleep(60)").replace("bad", "a_bad")
    part = unit_tests(tmp_path, {"toy_test.py": slow}, {"toy_test.py": slow, "train.py": "x"})
    assert {finding.code for finding in part.findings} == {"CHK971", "CHK972"}
    [stopped] = [finding for finding in part.findings if finding.code == "CHK972"]
    assert "it ran longer than 3 s: 0 had ended" in stopped.message


def test_unit_tests_that_cannot_be_imported(tmp_path: Path) -> None:
    part = unit_tests(tmp_path, {}, {"toy_test.py": "import no_such_module\n"})
    assert [finding.code for finding in part.findings] == ["CHK971"]


def test_without_unit_tests_or_upstream(tmp_path: Path) -> None:
    part = unit_tests(tmp_path, {}, {"train.py": "x"})
    assert (part.state, part.why) == ("not checked", "upstream has no unit tests")
    assert run_upstream_tests(trial(tmp_path, GOOD), lambda _: None).state == "not checked"
