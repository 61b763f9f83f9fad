"""The four real upstreams, from the mirror: ported, trained, restored, compared."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from migrate import cli
from migrate.workspace import DEFAULT_CANN
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(not os.environ.get("MIGRATE_MIRROR"), reason="MIGRATE_MIRROR is not set"),
]


def ported(name: str, folder: Path, cann: str = DEFAULT_CANN, **environment: str) -> list[str]:
    """Ports an upstream in a workspace of its own; returns the option that names that.

    Args:
        environment: added to that of the recipe's smoke runs.
    """
    shutil.copy(ROOT / "upstream.lock", folder)
    shutil.copytree(ROOT / "templates", folder / "templates")
    generated = shutil.ignore_patterns("*.patch", "series", "manifest.json", "__pycache__")
    shutil.copytree(ROOT / "patches", folder / "patches", ignore=generated)
    recipe = folder / "patches" / name / "recipe.toml"
    text, head = recipe.read_text(), "[smoke.environment]\n"
    lines = head + "".join(f'{key} = "{value}"\n' for key, value in environment.items())
    recipe.write_text(text.replace(head, lines) if head in text else f"{text}\n{lines}")
    workspace = ["--workspace", str(folder)]
    assert cli.main([*workspace, "port", name, "--cann", cann]) == 0
    return workspace


@pytest.mark.parametrize("name", ["biggan", "ssgan", "realmix", "vgg19"])
def test_it_trains_as_upstream_does(name: str, tmp_path: Path) -> None:
    required_tf115()
    workspace = ported(name, tmp_path)
    report = tmp_path / "report.json"
    port = str(tmp_path / "ported" / name)
    words = [*workspace, "verify", port, "--json", str(report)]
    assert cli.main(words) == 0, report.read_text()
    static, run, parity, precision, _ = json.loads(report.read_text())["parts"]
    assert [part["state"] for part in (static, run, parity, precision)] == ["passed"] * 4
    survive = precision["counts"][0]
    assert survive["number"] == survive["of"] > 0
    for part in (static, run):
        for count in part["counts"]:
            assert count["of"] is None or count["number"] == count["of"], count
    trained = [result for result in run["runs"] if any(s["trains"] for s in result["sessions"])]
    assert trained
    assert all(comparison["values"] for comparison in parity["comparisons"])
    for comparison in parity["comparisons"]:
        assert comparison["equal"] == comparison["values"]


@pytest.mark.parametrize("name", ["biggan", "ssgan", "realmix", "vgg19"])
def test_two_ranks_train_as_one(name: str, tmp_path: Path) -> None:
    required_tf115()
    workspace = ported(name, tmp_path)
    report = tmp_path / "report.json"
    port = str(tmp_path / "ported" / name)
    words = [*workspace, "verify", port, "--static", "--run", "--ranks", "2"]
    assert cli.main([*words, "--json", str(report)]) == 0, report.read_text()
    static, run, *_ = json.loads(report.read_text())["parts"]
    assert [static["state"], run["state"]] == ["passed", "passed"]
    assert not [f for f in static["findings"] if f["code"].startswith("CHK70")]
    told = {count["what"]: count for count in run["counts"]}
    for what in (
        "variables equal",
        "gradients equal",
        "gradients averaged",
        "elements kept by one rank",
        "files written by one rank",
    ):
        assert told[what]["number"] == told[what]["of"] > 0, told


@pytest.mark.parametrize(
    ("name", "cann"),
    [("biggan", "20.2"), ("ssgan", "5.0.4"), ("realmix", "6.0.1"), ("vgg19", "7.0")],
)
def test_it_trains_while_it_is_profiled(name: str, cann: str, tmp_path: Path) -> None:
    """In its own precision mode, with options that the simulated release takes without a word."""
    required_tf115()
    workspace = ported(name, tmp_path, cann, NPU_PROFILING="1", NPU_STEP_LOG="steps.jsonl")
    report = tmp_path / "report.json"
    words = [*workspace, "verify", str(tmp_path / "ported" / name), "--run"]
    assert cli.main([*words, "--json", str(report)]) == 0, report.read_text()
    run = json.loads(report.read_text())["parts"][1]
    assert (run["state"], run["findings"]) == ("passed", [])


def test_upstreams_own_tests_pass_on_the_port(tmp_path: Path) -> None:
    required_tf115()
    workspace = ported("vgg19", tmp_path)
    report = tmp_path / "report.json"
    words = [*workspace, "verify", str(tmp_path / "ported" / "vgg19"), "--upstream-tests"]
    assert cli.main([*words, "--json", str(report)]) == 0, report.read_text()
    tests = json.loads(report.read_text())["parts"][4]
    assert tests["state"] == "passed"
    ran, upstream, port = tests["counts"]
    assert 0 < ran["number"] <= ran["of"], "those that reach changed code"
    assert port["number"] == port["of"] == upstream["number"] > 20
