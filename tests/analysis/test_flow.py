"""Where the value of an expression goes."""

from __future__ import annotations

import ast

import pytest

from migrate.analysis.flow import Flow, Reached
from migrate.codemods.gpu_answers import asks_for_gpus
from tests.analysis.names import keep_parsed, project_of
from tests.codemods.support import port_files

CIRCLE = {
    "a.py": "import b\ndef f(x, n):\n    return b.g(x, n)\nf('/gpu:0', 3)\n",
    "b.py": "import a\nimport tensorflow as tf\n"
    "def g(y, n):\n    tf.device(y)\n    return a.f(y, n - 1)\n",
}


def trace(files: dict[str, str], text: str) -> Reached:
    project = project_of(files)
    for path in project.python_files:
        module = project.module(path)
        for node in module.all_of(ast.Constant):
            if node.value == text:
                return Flow(project).trace(module, node)
    raise AssertionError(f"no {text!r}")


@pytest.mark.parametrize("kept", [0, 10**6])
def test_a_circle_through_files_that_are_parsed_anew_ends(
    monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    keep_parsed(monkeypatch, kept)
    reached = trace(CIRCLE, "/gpu:0")
    assert reached.arguments == {("tensorflow.device", 0)}
    assert not reached.lost


@pytest.mark.parametrize("kept", [0, 10**6])
def test_conditions_in_a_circle_end_as_well(monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    keep_parsed(monkeypatch, kept)
    project = project_of(
        {
            "a.py": "import b\ndef f():\n    return b.g()\n",
            "b.py": "import a\ndef g(): return a.f()\n",
        }
    )
    module = project.module("a.py")
    [condition] = module.all_of(ast.Call)
    assert not asks_for_gpus(project, module, condition)


def test_a_value_that_goes_everywhere_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate.analysis.flow._MOST_PLACES", 50)
    lines = [f"v{n + 1} = v{n}" for n in range(60)]
    source = "\n".join(["import tensorflow as tf", "v0 = '/gpu:0'", *lines, "tf.device(v60)", ""])
    assert trace({"a.py": source}, "/gpu:0").lost
    ported = port_files({"a.py": source}, "NPU401")
    assert ported.text("a.py") == source
    [finding] = ported.findings
    assert (finding.severity, finding.line) == ("warning", 2)
    assert "too much code" in finding.message


def test_an_unused_device_that_goes_everywhere_as_well_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("migrate.analysis.flow._MOST_PLACES", 50)
    lines = [f"    v{n + 1} = v{n}" for n in range(60)]
    start = ["import tensorflow as tf", "def f():", "    v0 = '/gpu:0'", "    if x: return v0"]
    source = "\n".join([*start, *lines, "    get(v60)", ""])
    ported = port_files({"a.py": source}, "NPU401")
    assert ported.text("a.py") == source
    assert ported.codes("warning") == ["NPU401"]
