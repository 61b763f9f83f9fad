"""The report's three views say the same, with denominators, and hold nothing that is not theirs."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from migrate.findings import Finding
from migrate.verify.parity import Comparison, Curve, Difference
from migrate.verify.report import (
    Count,
    Part,
    Report,
    RunResult,
    SessionUse,
    checked,
    polylines,
    report_html,
    report_lines,
)
from migrate.verify.upstream_tests import TestFile

EVIL = '<script>alert("x")</script>'
ERROR = Finding("train.py", 3, "CHK960", "error", f"differs {EVIL}", "Look.")
NOTE = Finding("train.py", 4, "CHK951", "note", "so it is")


def report(**parts: Any) -> Report:
    run = RunResult(
        "train",
        f"python train.py {EVIL}",
        True,
        "ended with exit code 0",
        12.4,
        3 << 29,
        (Count("training steps", 5, 5), Count("checkpoints written", 1)),
        (SessionUse("train.py:12", "tf.Session", True, True, 19, 2),),
    )
    comparison = Comparison(
        "train",
        values=10,
        equal=9,
        tensors=2,
        steps=5,
        largest=Difference(4, "loss:0", 0.5, float("inf"), float("inf")),
        curves=(Curve("loss:0", (3.0, 2.0, 1.0), (3.0, 2.0, float("nan"))),),
    )
    tests = TestFile("a_test.py", {"t": "passed"}, {"t": "failed"}, "ended", "ended")
    made = {
        "static": checked(
            "static", [NOTE], why="CHK901 did not run", counts=(Count("sessions configured", 1, 1),)
        ),
        "run": checked("run", [], runs=(run,)),
        "parity": checked("parity", [ERROR], comparisons=(comparison,)),
        "tests": Part("upstream tests", "not checked", "not asked for", tests=(tests,)),
        **parts,
    }
    return Report("ported/toy", "toy", "0123456789abcdef", "7.0", "/py", 2, tuple(made.values()))


def test_the_text_says_what_was_checked_and_what_was_not() -> None:
    text = "\n".join(report_lines(report()))
    for line in (
        "ported/toy: toy 0123456789, CANN 7.0, 2 ranks",
        "  static          passed",
        "    sessions configured 1 of 1",
        "    not all: CHK901 did not run",
        "    train: done in 12 s, 1.5 GiB; training steps 5 of 5; checkpoints written 1",
        "      train.py:12  tf.Session on the device, trains: 19 runs, 2 graphs to compile",
        "  parity          failed",
        "  upstream tests  not checked: not asked for",
        f"    error CHK960 train.py:3: differs {EVIL}",
        "        Look.",
    ):
        assert line in text.splitlines()
    assert (
        "9 of 10 values bit-equal, of 2 tensors over 5 training steps; largest difference inf at"
        " step 4 in loss:0 (upstream 0.5, port inf)"
    ) in text


def test_the_json_is_json_and_whole() -> None:
    read = json.loads(json.dumps(report().as_json(), allow_nan=False))
    assert read["failed"] is True
    assert [part["name"] for part in read["parts"]] == ["static", "run", "parity", "upstream tests"]
    parity = read["parts"][2]
    assert parity["findings"][0]["code"] == "CHK960"
    assert parity["comparisons"][0]["largest"]["relative"] == "inf"
    assert read["parts"][0]["counts"] == [{"what": "sessions configured", "number": 1, "of": 1}]


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = report_html(report())
    assert EVIL not in page
    assert "<script" not in page
    for outside in ("http:", "https:", "src=", "@import", "url("):
        assert outside not in page
    assert page.count("<polyline") == 2
    assert "sessions configured</td><td>1 of 1" in page


def test_the_page_is_well_formed() -> None:
    page = (
        report_html(report()).replace("<!doctype html>", "").replace('<meta charset="utf-8">', "")
    )
    ElementTree.fromstring(page.replace("<br>", "<br/>"))


def test_an_empty_report_is_a_page_too() -> None:
    assert "toy" in report_html(Report("p", "toy", "", "7.0", "", 1, ()))


@pytest.mark.parametrize(
    ("states", "failed"),
    [
        (["passed", "passed"], False),
        (["passed", "not checked"], False),
        (["passed", "failed"], True),
    ],
)
def test_one_failed_part_fails_it(states: list[Any], failed: bool) -> None:
    parts = tuple(Part("p", state) for state in states)
    assert Report("p", "toy", "", "7.0", "", 1, parts).failed is failed


def test_warnings_and_notes_do_not_fail_a_part() -> None:
    assert checked("run", [NOTE]).state == "passed"
    assert checked("run", [NOTE, ERROR]).state == "failed"


@pytest.mark.parametrize(
    "values", [(), (1.0,), (1.0, 1.0), (1.0, 2.0), (float("nan"), 1.0), (float("inf"),)]
)
def test_any_curve_can_be_drawn(values: tuple[float, ...]) -> None:
    line = polylines(Curve("loss", values, values))
    assert "nan" not in line["port"] and "inf" not in line["port"]
    assert line["upstream"] == line["port"]
