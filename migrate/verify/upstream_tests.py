"""Upstream's own unit tests, on upstream and on the port, compared test by test."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from migrate.findings import Finding
from migrate.upstream.tree import SourceFile
from migrate.verify.process import Command, Limits, Outcome, run_all, shell_line

PLUGIN = Path(__file__).parent / "plugin"

# The tests of one file: what they came to by their names, and how the process ended.
Results = Mapping[str, str]


@dataclass(frozen=True)
class TestFile:
    """One file of tests, run on both sides.

    Args:
        upstream: the outcome of each test on upstream: passed, failed or skipped.
        port: likewise on the port.
        upstream_how: how upstream's process ended, in words.
        port_how: how the port's did.
    """

    __test__ = False  # this is no test of pytest's

    path: str
    upstream: Results
    port: Results
    upstream_how: str
    port_how: str

    @property
    def passed(self) -> list[str]:
        """The tests that pass on upstream."""
        return [test for test, outcome in self.upstream.items() if outcome == "passed"]

    @property
    def broken(self) -> list[str]:
        """Those of them that do not pass on the port."""
        return [test for test in self.passed if self.port.get(test) != "passed"]


def test_files(baseline: Mapping[str, SourceFile]) -> list[str]:
    """The files of a project that hold unit tests, by their names."""
    names = ((path, path.rpartition("/")[2]) for path in baseline)
    return sorted(
        path
        for path, name in names
        if name.endswith("_test.py") or (name.startswith("test_") and name.endswith(".py"))
    )


def run_tests(
    files: list[str],
    command: Callable[[str, str], Command],
    results: Path,
    limits: Limits,
    say: Callable[[str], None],
) -> list[TestFile]:
    """Runs the tests, each file in a process of its own, upstream's and the port's side by side.

    Args:
        files: the files of tests.
        command: makes the command of a shell line for "upstream" or "port".
        results: an empty folder.
        limits: of each process.
        say: told what is being done.
    """
    done = []
    for number, path in enumerate(files):
        say(f"tests {number + 1} of {len(files)}: {path}")
        sides = ("upstream", "port")
        written = {side: results / f"{side}-{number}.jsonl" for side in sides}
        words = ["python", "-m", "pytest", "-q", "-p", "migrate_results", "-p", "no:cacheprovider"]
        words += ["-o", "addopts=", path]
        lines = {side: f"MIGRATE_RESULTS={written[side]} {shell_line(words)}" for side in sides}
        outcomes = run_all([command(lines[side], side) for side in sides], limits)
        upstream, port = (_read(written[side]) for side in sides)
        done.append(TestFile(path, upstream, port, *map(_how, outcomes)))
    return done


def findings(files: list[TestFile]) -> list[Finding]:
    """What no longer passes."""
    found = []
    for file in files:
        for test in file.broken:
            name = test.rpartition("::")[2]
            found.append(
                Finding(
                    file.path,
                    0,
                    "CHK970",
                    "error",
                    f"{name} passes on upstream, but {_outcome(file, test)} on the port",
                    f"Run it in the port: python -m pytest {file.path} -k {name}",
                )
            )
    return found


def _outcome(file: TestFile, test: str) -> str:
    return file.port.get(test) or f"did not come to an end (pytest {file.port_how})"


def _how(outcome: Outcome) -> str:
    return outcome.how


def _read(path: Path) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    with suppress(FileNotFoundError):  # nothing ran
        for line in path.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):  # cut in the middle
                entry = json.loads(line)
                outcomes[str(entry["test"])] = str(entry["outcome"])
    return outcomes
