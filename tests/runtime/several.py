"""Runs a small program on several ranks under the simulator, with the kit's runtime."""

from __future__ import annotations

import textwrap
from pathlib import Path

from tests.simulator import processes

RUNTIME = Path(__file__).parents[2] / "migrate" / "runtime"


def on_ranks(script: str, folder: Path, ranks: int = 2) -> list[str]:
    """What each rank printed that ran a script with the kit's runtime; all must end well.

    Args:
        script: Python source; its indentation is removed.
        folder: where all ranks run.
    """
    (folder / "program.py").write_text(textwrap.dedent(script))
    return start(["program.py"], folder, ranks, RUNTIME)


def start(words: list[str], folder: Path, ranks: int, *paths: Path) -> list[str]:
    """What each rank printed that ran a program in a folder; all must end well.

    Args:
        words: the script and its arguments.
        paths: what is on PYTHONPATH, behind the simulator.
    """
    done = processes.on_ranks(words, folder, ranks, paths=paths, stall_seconds=60)
    assert all(p.returncode == 0 for p in done), [p.stderr[-3000:] for p in done]
    return [p.stdout for p in done]
