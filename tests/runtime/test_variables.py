"""Each environment variable that the runtime reads stands in the one table that READMEs show."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[2] / "migrate" / "runtime" / "npu_runtime"
TABLE = {variable.name for variable in runpy.run_path(str(RUNTIME / "settings.py"))["VARIABLES"]}
MODULES = sorted(path.name for path in RUNTIME.glob("*.py"))
# What has the form of a variable's name; places.py is told by upstream's code which ones it reads.
NAME = re.compile(r"(NPU|OBS|RANK|JOB|DEVICE|ASCEND|HCCL|CM|MA|VC|DLS|TF)(_[A-Z0-9]+)+|DEVICE_ID")
NO_VARIABLES = {"OBS_DEFAULT"}  # a policy of the OBS SDK
# What ModelArts says of itself, and nobody sets.
OF_MODELARTS = {"MA_CURRENT_INSTANCE_NAME", "MA_CURRENT_HOST_IP", "MA_CURRENT_IP", "VC_TASK_INDEX"}
# The places outside of settings.py that read os.environ, and what for.
USES = {
    ("jobs.py", "job"),  # what its answer depends on: names of the table
    ("jobs.py", "_count"),
    ("jobs.py", "_table"),
    ("launch.py", "_this_server"),  # OF_MODELARTS
    ("places.py", "data_variable"),  # a variable of upstream's
}


def reads(name: str) -> set[tuple[str, str]]:
    """The functions of a module that read the environment, other than to hand all of it on."""
    found = set()
    for top in ast.parse((RUNTIME / name).read_text()).body:
        handed_on = [
            node for node in ast.walk(top) if ast.unparse(node).startswith("dict(os.environ")
        ]
        left = set(ast.walk(top)) - {part for node in handed_on for part in ast.walk(node)}
        for node in left:
            names = {getattr(node, "attr", None), getattr(node, "name", None)}
            if names & {"environ", "environb", "getenv"}:
                found.add((name, getattr(top, "name", "")))
    return found


@pytest.mark.parametrize("name", [name for name in MODULES if name != "settings.py"])
def test_only_the_table_is_read(name: str) -> None:
    assert reads(name) <= USES
    constants = {
        node.value
        for node in ast.walk(ast.parse((RUNTIME / name).read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = {text for text in constants if NAME.fullmatch(text)}
    assert named - NO_VARIABLES - OF_MODELARTS <= TABLE


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_variable_that_is_read_nowhere_is_not_in_the_table(name: str) -> None:
    count = sum(path.read_text().count(f'"{name}"') for path in RUNTIME.glob("*.py"))
    assert count > 1, "only the table names it"
