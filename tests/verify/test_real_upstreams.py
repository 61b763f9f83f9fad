"""The four real upstreams, from the mirror: ported, trained, restored, compared."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from migrate import cli
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(not os.environ.get("MIGRATE_MIRROR"), reason="MIGRATE_MIRROR is not set"),
]


@pytest.mark.parametrize("name", ["biggan", "ssgan", "realmix", "vgg19"])
def test_it_trains_as_upstream_does(name: str, tmp_path: Path) -> None:
    required_tf115()
    shutil.copy(ROOT / "upstream.lock", tmp_path)
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    generated = shutil.ignore_patterns("*.patch", "series", "manifest.json", "__pycache__")
    shutil.copytree(ROOT / "patches", tmp_path / "patches", ignore=generated)
    assert cli.main(["--workspace", str(tmp_path), "port", name]) == 0
    report = tmp_path / "report.json"
    port = str(tmp_path / "ported" / name)
    words = ["--workspace", str(tmp_path), "verify", port, "--json", str(report)]
    assert cli.main(words) == 0, report.read_text()
    static, run, parity, _ = json.loads(report.read_text())["parts"]
    assert [part["state"] for part in (static, run, parity)] == ["passed"] * 3
    for part in (static, run):
        for count in part["counts"]:
            assert count["of"] is None or count["number"] == count["of"], count
    trained = [result for result in run["runs"] if any(s["trains"] for s in result["sessions"])]
    assert trained
    assert all(comparison["values"] for comparison in parity["comparisons"][: len(trained)])
    if name != "realmix":
        for comparison in parity["comparisons"]:
            assert comparison["equal"] == comparison["values"]
