"""The scripts that the README starts; what they set up is for a clean machine to test."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("words", [["nope"], ["fast", "nope"], ["--help"], ["fast "]])
def test_unknown_words_are_refused(words: list[str]) -> None:
    done = subprocess.run([ROOT / "scripts" / "test", *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: scripts/test [fast]\n"


def test_a_set_up_that_fails_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/setup.sh", "scripts/run", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "pyproject.toml").touch()
    # A Python that can make an environment, in which pip fails.
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(
        '#!/bin/sh\n[ "$1" = -m ] || exit 0\nmkdir -p .venv/bin\ncp "$0" .venv/bin/python\n'
        '[ "$2" != pip ]\n'
    )
    python.chmod(0o755)
    environment = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", tmp_path / "scripts" / "run", "list"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Setting up .venv failed" in done.stderr and "PIP_INDEX_URL" in done.stderr
