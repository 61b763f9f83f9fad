"""Scripts in subfolders find the runtime that only the modules they import need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.codemods.support import port_files

STEPS = "from npu_runtime import npu_seed\n\ndef train():\n    print('trained', npu_seed)\n"
SETUP = (
    "import os\nimport sys\n"
    "sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))\n"
)
MAIN = "\nif __name__ == '__main__':\n    steps.train()\n"


def ported(script: str, path: str = "tools/train.py", **others: str) -> str:
    folder = path.rpartition("/")[0]
    files = {path: script, f"{folder}/steps.py".lstrip("/"): STEPS, **others}
    first = port_files(files, "NPU502")
    assert not first.findings
    assert port_files(first.files, "NPU502").files == first.files
    return first.text(path)


def test_the_root_comes_before_the_first_module_that_may_need_it() -> None:
    head = '"""Trains."""\nimport json\n'
    assert ported(f"{head}import steps\n{MAIN}") == f"{head}{SETUP}import steps\n{MAIN}"


def test_what_the_script_has_imported_is_not_imported_again() -> None:
    text = ported(f"import os, sys\nimport steps\n{MAIN}")
    assert text == f"import os, sys\n{SETUP.splitlines()[-1]}\nimport steps\n{MAIN}"


def test_a_script_that_just_does_its_work() -> None:
    assert ported("import steps\nsteps.train()\n") == f"{SETUP}import steps\nsteps.train()\n"


def test_a_relative_import_that_may_fail_needs_no_package() -> None:
    script = f"try:\n    from . import steps\nexcept ImportError:\n    import steps\n{MAIN}"
    assert ported(script) != script


def test_deeper_folders() -> None:
    text = ported(f"import steps\n{MAIN}", "a/b/train.py")
    assert "__file__)), '..', '..'))\nimport steps\n" in text


@pytest.mark.parametrize(
    ("script", "path"),
    [
        (f"import steps\n{MAIN}", "train.py"),  # the root is its own folder
        ("import steps\n\ndef train():\n    steps.train()\n", "tools/train.py"),  # no script
        (f"import json\n{MAIN}", "tools/train.py"),  # leads to no runtime
        ("import json\nimport steps\njson.dumps(1)\n", "tools/train.py"),  # does nothing
        (f"from . import steps\n{MAIN}", "tools/train.py"),  # python -m tools.train
        (f"import common\nimport steps\n{MAIN}", "tools/train.py"),  # wants the root anyway
        (f"{SETUP}import steps\n{MAIN}", "tools/train.py"),
    ],
)
def test_others_stay(script: str, path: str) -> None:
    assert ported(script, path, **{"common.py": "x = 1\n"}) == script


def test_such_a_script_starts(tmp_path: Path) -> None:
    script = f"import steps\n{MAIN}"
    (tmp_path / "tools").mkdir()
    (tmp_path / "npu_runtime.py").write_text("npu_seed = 7\n")
    (tmp_path / "tools" / "steps.py").write_text(STEPS)
    for text, code in ((script, 1), (ported(script), 0)):
        (tmp_path / "tools" / "train.py").write_text(text)
        done = subprocess.run(
            [sys.executable, tmp_path / "tools" / "train.py"], capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
    assert done.stdout == "trained 7\n"
