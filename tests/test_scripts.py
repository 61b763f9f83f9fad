"""The scripts that the README starts; what they set up is for a clean machine to test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("words", [["nope"], ["fast", "nope"], ["--help"], ["fast "]])
def test_unknown_words_are_refused(words: list[str]) -> None:
    done = subprocess.run([ROOT / "scripts" / "test", *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: scripts/test [fast]\n"


def checkout(folder: Path, pip: str) -> dict[str, str]:
    """A checkout where Python is a script: venv makes a folder, and pip is what is given.

    Returns:
        The environment to start its scripts in.
    """
    (folder / "scripts").mkdir(parents=True)
    for name in ("scripts/setup.sh", "scripts/run", "scripts/test", "constraints.txt"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
        (folder / name).chmod(0o755)
    (folder / "pyproject.toml").touch()
    python = folder / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(
        f"""#!/bin/sh
case "$*" in
-c*) exec {sys.executable} "$@" ;;
"-m venv --clear .venv")
    echo venv >> log
    rm -rf .venv
    mkdir -p .venv/bin
    cp "$0" .venv/bin/python
    for program in migrate ruff mypy; do
        printf '#!/bin/sh\\necho %s "$@" >> log\\n' $program > .venv/bin/$program
        chmod +x .venv/bin/$program
    done
    ;;
"-m pip "*) {pip} ;;
esac
"""
    )
    python.chmod(0o755)
    return {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"}


def test_a_set_up_that_fails_says_what_to_do(tmp_path: Path) -> None:
    environment = checkout(tmp_path, pip="exit 1")
    done = subprocess.run(
        [tmp_path / "scripts" / "run", "list"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "Setting up .venv failed" in done.stderr and "PIP_INDEX_URL" in done.stderr
    # What failed leaves nothing that the next start takes for done, nor a lock.
    subprocess.run([tmp_path / "scripts" / "run", "list"], env=environment, capture_output=True)
    assert (tmp_path / "log").read_text().split() == ["venv", "venv"]


def test_scripts_that_start_at_once_set_up_once(tmp_path: Path) -> None:
    pip = 'echo "begin $*" >> log; sleep 1; echo end >> log'
    environment = checkout(tmp_path, pip)
    lines = [["run", "demo"], ["test", "fast"], ["run", "list"]]
    started = [
        subprocess.Popen(
            [tmp_path / "scripts" / name, *words],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, *words in lines
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert sum("Waiting for another set-up" in text for text in said) == 2
    log = (tmp_path / "log").read_text().splitlines()
    assert log.count("venv") == 1  # it would take the kit away from those who run it already
    pips = [line.split() for line in log if line.startswith(("begin", "end"))]
    assert [words[0] for words in pips] == ["begin", "end"] * 2
    assert [words[-1] for words in pips[::2]] == [".", "migrate-ascend[dev]"]
    assert {"migrate demo", "migrate list", "ruff check ."} <= set(log)
