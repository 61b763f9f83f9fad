"""Training in emulated fp16: what vanishes or overflows is an error, and drift is told.

Most projects here are no TensorFlow: they write their traces themselves, as the simulator would.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from migrate.verify.drift import Drift, measure
from migrate.verify.pages import PAGES
from migrate.verify.parity import Curve, Difference
from migrate.verify.precision import LIMITS, check_precision
from migrate.verify.process import Limits
from migrate.verify.report import Part, Report, drift_lines, report_html, report_lines
from migrate.verify.smoke import Smoke, SmokeRun
from migrate.verify.trace import GradientNumbers, Process
from migrate.verify.verification import Trial
from tests.verify.projects import edit, tiny_gan

# A training of five steps: `trained(step, fp16)` gives each variable's gradient, as numerics do.
RECORDER = """
import json, os, sys

FP16 = os.environ.get('NPU_SIMULATOR_FP16') == '1'
EXACT = os.environ.get('NPU_PRECISION_MODE') == 'none'

def emit(event, **fields):
    path = os.path.join(os.environ['NPU_SIMULATOR_TRACE'], '0-%d.jsonl' % os.getpid())
    with open(path, 'a') as trace:
        trace.write(json.dumps(dict(fields, event=event)) + '\\n')

def train(gradients, loss=lambda step: 1.0 / (step + 1), products=7, steps=5, scale=False):
    assert os.environ['NPU_SIMULATOR_NUMERICS'] == '1'
    assert FP16 != EXACT
    emit('session', session=1, kind='tf.Session', place='train.py:2', npu=True, problems=[])
    emit('graph', session=1, signature=1, fetches=['loss:0'], feeds={}, trains=True)
    if FP16:
        emit('rounded', products=products)
        if scale:
            begins = float(os.environ.get('NPU_SIMULATOR_LOSS_SCALE', 2**15))
            emit('scale', begins=begins, falls=2.0**-4)
    for step in range(steps):
        emit('run', session=1, signature=1, seconds=0.1, scalars={'loss:0': loss(step)})
        emit('numerics', gradients=gradients(step))
"""
GOOD = "from recorder import *\ntrain(lambda step: {'w': [8, 8, 0, 0.5], 'b': [2, 1, 0, 0.1]})\n"
VANISHES = GOOD.replace("[2, 1,", "[2, 0 if FP16 else 1,")
RUN = SmokeRun("train", "python train.py", frozenset({"train"}))


def trial(folder: Path, train: str, mode: str = "allow_mix_precision", **more: object) -> Trial:
    port = folder / "port"
    (port / "npu_runtime").mkdir(parents=True)
    (port / "npu_runtime" / "defaults.py").write_text(f'PRECISION_MODE = "{mode}"\n')
    (port / "recorder.py").write_text(RECORDER)
    (port / "train.py").write_text(train)
    given = Trial(
        port=port,
        manifest=None,
        baseline=None,
        smoke=Smoke(runs=(RUN,)),
        python=Path(sys.executable),
        cann="7.0",
        steps=5,
        ranks=1,
        limits=Limits(seconds=60),
    )
    return replace(given, **more)  # type: ignore[arg-type]


def check(given: Trial) -> Part:
    return check_precision(given, lambda _: None)


def test_gradients_that_survive(tmp_path: Path) -> None:
    part = check(trial(tmp_path, GOOD))
    assert (part.state, part.findings, part.why, part.limits) == ("passed", (), "", LIMITS)
    assert "train with it on the device" in part.next and "allow_mix_precision" in part.next
    assert [str(count) for count in part.counts] == [
        "variables whose gradients survive fp16 2 of 2",
        "training steps that overflow 0 of 5",
        "products rounded 7",
    ]
    [drift] = part.drifts
    assert (drift.nonzero, drift.nonzero_fp32, drift.largest) == (0.9, 0.9, None)


def test_gradients_that_vanish_are_an_error(tmp_path: Path) -> None:
    part = check(trial(tmp_path, VANISHES))
    [finding] = part.findings
    assert (part.state, finding.code, finding.path) == ("failed", "CHK980", "train.py")
    assert finding.message == (
        "train: the gradients of 1 of 2 variables (b) are all 0 in fp16, but not in fp32"
    )
    assert part.next == ""
    assert "NPU_LOSS_SCALE" in finding.advice
    assert str(part.counts[0]) == "variables whose gradients survive fp16 1 of 2"


@pytest.mark.parametrize(
    "gradients",
    [
        "[2, 0, 0, 0]",  # in fp32 as well
        "[2, 0, 0, 0] if FP16 else [2, 2, 0, 1e-9]",  # what rounding leaves of 0
        "[2, int(step > 0), 0, 0.1]",  # at the first step only
    ],
)
def test_what_is_0_for_another_reason(gradients: str, tmp_path: Path) -> None:
    assert check(trial(tmp_path, GOOD.replace("[2, 1, 0, 0.1]", gradients))).state == "passed"


def test_steps_that_overflow(tmp_path: Path) -> None:
    """They change nothing, so that the next one trains what the first in fp32 does."""
    late = (
        "from recorder import *\n"
        "skipped = 4 if FP16 else 0\n"
        "train(lambda step: {\n"
        "    'w': [8, 8, 8 if step < skipped else 0, 0.5],\n"
        "    'gamma': [2, 0 if step < skipped + 1 else 1, 0, 0.1],\n"
        "})\n"
    )
    part = check(trial(tmp_path, late))
    assert part.state == "passed"
    assert str(part.counts[1]) == "training steps that overflow 4 of 5"
    part = check(trial(tmp_path / "always", late.replace("4 if", "5 if")))
    [finding] = part.findings
    assert (finding.code, finding.severity) == ("CHK981", "error")
    assert finding.message == (
        "train: the gradients of 2 of 2 variables (gamma, w) are too large for fp16 in each"
        " training step"
    )


OVERFLOWS = (
    "from recorder import *\n"
    "train(lambda step: {'w': [8, 8, 8 * (FP16 and step < 9), 0.5]}, steps=STEPS, scale=SCALE)\n"
)


def overflows(steps: int, scale: bool) -> str:
    return OVERFLOWS.replace("STEPS", str(steps)).replace("SCALE", str(scale))


@pytest.mark.parametrize("steps", [1, 4])
def test_a_scale_that_still_falls_says_nothing_yet(steps: int, tmp_path: Path) -> None:
    part = check(trial(tmp_path, overflows(steps, scale=True)))
    assert part.state == "not checked"
    assert (
        part.why
        == f"{steps} training steps are too few to tell, as the loss scale was still falling"
    )
    [finding] = part.findings
    assert (finding.code, finding.severity) == ("CHK981", "warning")
    assert (
        f"{steps} training steps are too few: the loss scale was still falling" in finding.message
    )
    assert "--steps 20" in finding.advice


@pytest.mark.parametrize(("steps", "scale"), [(5, True), (1, False)])
def test_what_no_lower_scale_helps_is_an_error(steps: int, scale: bool, tmp_path: Path) -> None:
    part = check(trial(tmp_path, overflows(steps, scale)))
    assert (part.state, [f.severity for f in part.findings]) == ("failed", ["error"])


def test_what_overflows_in_fp32_too_is_not_for_fp16(tmp_path: Path) -> None:
    text = overflows(5, scale=False).replace("FP16 and", "")
    assert check(trial(tmp_path, text)).findings == ()


def test_one_of_two_optimizers_that_never_gets_a_step(tmp_path: Path) -> None:
    text = (
        "from recorder import *\n"
        "gradients = [{'d': [8, 8, 8 * FP16, 1]}, {'g': [8, 8, 0, 1]}]\n"
        "train(lambda step: gradients[step % 2], steps=STEPS, scale=True)\n"
    )
    part = check(trial(tmp_path, text.replace("STEPS", "10")))
    [finding] = part.findings
    assert (part.state, finding.code) == ("failed", "CHK981")
    assert "1 of 2 variables (d)" in finding.message
    part = check(trial(tmp_path / "few", text.replace("STEPS", "8")))
    assert (part.state, [f.severity for f in part.findings]) == ("passed", ["warning"])
    assert str(part.counts[0]) == "variables whose gradients survive fp16 1 of 2"


TINY = (
    "from recorder import *\n"
    "begins = int(os.environ.get('NPU_SIMULATOR_LOSS_SCALE', 2**15))\n"
    "def gradients(step):\n"
    "    scale = begins * 2**(-4 * step)\n"
    "    over = 8 * (FP16 and scale > HIGHEST)\n"
    "    lost = FP16 and scale < LOWEST\n"
    "    return {'w': [8, 8, over, 0.5], 'tiny': [8, 0 if lost else 8, over, 1e-3]}\n"
    "train(gradients, steps=STEPS, scale=True)\n"
)


@pytest.mark.parametrize(
    ("lowest", "highest", "steps", "code"),
    [
        (2**14, 2**15, 5, None),
        (2**20, 2**25, 5, None),  # only a second training can tell
        (2**16, 2**17, 5, None),
        (2**20, 2**19, 5, "CHK980"),  # what would lift one is too much for the other
        (2**40, 2**50, 5, "CHK980"),
        (2**20, 2**25, 1, "CHK981"),  # a warning: too few steps to tell
    ],
)
def test_a_tiny_loss_is_lifted_as_far_as_on_a_device(
    lowest: int, highest: int, steps: int, code: str | None, tmp_path: Path
) -> None:
    text = TINY.replace("LOWEST", str(lowest)).replace("HIGHEST", str(highest))
    part = check(trial(tmp_path, text.replace("STEPS", str(steps))))
    assert [finding.code for finding in part.findings] == ([code] if code else [])
    assert part.state == ("failed" if code == "CHK980" else "passed")


def test_only_losses_of_the_same_updates_are_compared(tmp_path: Path) -> None:
    text = (
        "from recorder import *\n"
        "train(lambda step: {'w': [8, 8, 8 * (FP16 and step in (2, 3)), 0.5]},\n"
        "      lambda step: (1 - 0.01 * FP16) / (step + 1) + 5 * (FP16 and step > 2), scale=True)\n"
    )
    part = check(trial(tmp_path, text))
    [drift] = part.drifts
    assert drift.largest is not None and drift.largest.relative == pytest.approx(0.01)
    assert (drift.comparable, drift.overflowed, drift.scale) == (3, 2, 2.0**7)
    assert len(drift.curves[0].port) == 5
    lines = "\n".join(drift_lines(drift))
    assert "overflow: in 2 of 5 steps, which were left out; the loss scale fell to 128" in lines
    assert "losses of the first 3 steps: differ by 1.0% at most" in lines
    assert "later losses are not compared" in lines and "NPU_LOSS_SCALE=128 avoids that" in lines


def test_a_run_in_fp32_that_is_there_already_is_not_made_again(tmp_path: Path) -> None:
    given = trial(tmp_path, GOOD + "assert not EXACT\n")
    exact = Process(0, 1, numerics=[{"w": GradientNumbers(8, 8, 0, 0.5)}] * 5)
    part = check_precision(given, lambda _: None, {"train": [exact]})
    assert part.state == "passed"
    assert str(part.counts[0]) == "variables whose gradients survive fp16 1 of 1"


def test_drift_is_told_and_no_error(tmp_path: Path) -> None:
    text = GOOD.replace("})\n", "}, lambda step: 1.0 / (step + 1) + FP16 * step * 0.01)\n")
    part = check(trial(tmp_path, text))
    assert part.state == "passed"
    [drift] = part.drifts
    assert drift.largest is not None
    assert (drift.largest.step, drift.largest.tensor) == (5, "loss:0")
    report = Report("port", "toy", "", "7.0", "/py", 1, (part,))
    text = "\n".join(report_lines(report))
    assert "losses: differ by 4.0% at most: loss:0, value 5: fp32 0.2, fp16 0.24" in text
    assert "    train: 5 training steps in fp16\n" in text
    assert "      overflow: in no step\n" in text
    assert f"    limits: {LIMITS}" in text and "    next: nothing here speaks against" in text
    assert "it cannot tell which operators the release computes in fp16" in text
    page = report_html(report)
    assert "fp32 (broad, grey), fp16 (blue)" in page
    assert "it cannot tell which operators" in page
    [part_json] = json.loads(json.dumps(report.as_json()))["parts"]
    assert part_json["drifts"][0]["largest"]["tensor"] == "loss:0"
    assert part_json["drifts"][0]["vanished"] == []


def test_a_training_that_fails_in_fp16(tmp_path: Path) -> None:
    text = GOOD + "assert not FP16, 'loss is inf'\n"
    [finding] = check(trial(tmp_path, text)).findings
    assert (finding.code, finding.path, finding.line) == ("CHK982", "train.py", 3)
    assert finding.message == "train in fp16 ended with exit code 1: AssertionError: loss is inf"


@pytest.mark.parametrize("mode", ["none", "force_fp32", "allow_mix_precision_bf16"])
def test_a_mode_without_fp16_is_not_checked(mode: str, tmp_path: Path) -> None:
    part = check(trial(tmp_path, "raise SystemExit(1)", mode))
    assert part.state == "not checked"
    assert mode in part.why


def test_the_recipes_environment_counts(tmp_path: Path) -> None:
    smoke = Smoke(runs=(RUN,), environment={"NPU_PRECISION_MODE": "allow_mix_precision"})
    assert check(trial(tmp_path, GOOD, "none", smoke=smoke)).state == "passed"


def test_only_what_trains_or_prepares_is_run(tmp_path: Path) -> None:
    runs = (
        SmokeRun("prepare", "python -c \"open('data', 'w')\""),
        RUN,
        SmokeRun("evaluate", "false", frozenset({"restore"})),
    )
    text = GOOD + "open('data')\n"
    assert check(trial(tmp_path, text, smoke=Smoke(runs=runs))).state == "passed"


def test_nothing_to_see(tmp_path: Path) -> None:
    part = check(trial(tmp_path, GOOD.replace("})\n", "}, products=0)\n")))
    assert part.state == "not checked"
    assert part.why.startswith("no session of it computes")
    given = trial(tmp_path / "hidden", GOOD)
    edit(given, "recorder.py", "emit('numerics', gradients=gradients(step))", "pass")
    part = check(given)
    assert part.state == "not checked"
    assert part.why.startswith("no gradient could be seen")


def test_each_finding_has_its_page() -> None:
    assert {"CHK980", "CHK981", "CHK982"} <= PAGES.keys()
    assert "cannot tell" in PAGES["CHK980"]
    assert "NPU_PRECISION_MODE" in PAGES["CHK981"]


def test_gradients_of_as_many_updates_are_compared() -> None:
    def process(*steps: dict[str, GradientNumbers]) -> Process:
        return Process(0, 1, numerics=list(steps))

    none, some, over = (GradientNumbers(2, n, o, 1.0) for n, o in ((0, 0), (1, 0), (2, 2)))
    exact = [process({"d": some}, {"g": none}, {"d": some}, {"g": some})]
    rounded = [process({"d": over}, {"g": none}, {"d": some}, {"g": none})]
    drift = measure("train", exact, rounded)
    assert (drift.steps, drift.overflowed, drift.variables, drift.vanished) == (4, 1, 2, ("g",))
    shorter = measure("train", exact, [process({"d": over}, {"g": none}, {"d": some})])
    assert shorter.vanished == ()


def test_the_lines_of_a_drift() -> None:
    largest = Difference(2, "loss", 1.0, 1.5, 0.5)
    drift = Drift("train", 5, 0, 7, 2, (), nonzero=0.5, nonzero_fp32=0.75, values=10)
    assert list(drift_lines(replace(drift, largest=largest, curves=(Curve("loss", (), ()),)))) == [
        "gradients: those of 2 of 2 variables survive; 50.0% of their values are not 0, 75.0% in"
        " fp32",
        "overflow: in no step",
        "losses: differ by 50.0% at most: loss, value 2: fp32 1, fp16 1.5",
    ]
    inf = Difference(1, "x", 1.0, "inf", float("inf"))
    assert [*drift_lines(replace(drift, largest=inf))][-1] == (
        "what it fetches: differ by inf% at most: x, value 1: fp32 1, fp16 inf"
    )
    small = Difference(1, "x", 1.0, 1.0001, 1e-4)
    assert "differ by less than 0.1%: x" in [*drift_lines(replace(drift, largest=small))][-1]
    assert [*drift_lines(drift)][-1] == "what it fetches: the same as in fp32"
    # Without a dynamic scale nobody knows whether such steps are left out.
    over = replace(drift, overflowed=1, comparable=1)
    assert "overflow: in 1 of 5 steps" in list(drift_lines(over))


@pytest.mark.tf115
@pytest.mark.parametrize(
    ("factor", "scale", "state"),
    [
        ("1e-7", "auto", "passed"),
        ("1e-7", "off", "failed"),
        ("1e-13", "auto", "passed"),  # by a scale as high as a device's
    ],
)
def test_what_a_loss_scale_is_for(factor: str, scale: str, state: str, tmp_path: Path) -> None:
    """A mean over many values gives losses, and so gradients, as small as this."""
    given = tiny_gan(tmp_path)
    edit(given, "model.py", "-tf.reduce_mean(fake)", f"-{factor} * tf.reduce_mean(fake)")
    environment = {"NPU_PRECISION_MODE": "allow_mix_precision", "NPU_LOSS_SCALE": scale}
    said: list[str] = []
    part = check_precision(
        replace(given, smoke=replace(given.smoke, environment=environment)), said.append
    )
    assert any("again" in line for line in said) == (factor == "1e-13")
    assert part.state == state, part.drifts
    assert all(finding.code == "CHK980" for finding in part.findings)
    [drift] = part.drifts
    assert drift.products > 10
    assert drift.variables > len(drift.vanished)
    assert all(variable.startswith("generator/") for variable in drift.vanished)
