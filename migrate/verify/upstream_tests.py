"""Upstream's own unit tests, on upstream and on the port, compared test by test."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from migrate.findings import Finding
from migrate.upstream.tree import SourceFile
from migrate.verify.process import Command, Limits, run_all, shell_line

PLUGIN = Path(__file__).parent / "plugin"

_WORD = re.compile(rb"\w+")
_CODE = (".py", ".sh")
# What pytest reads for all tests below its folder.
_SIDES = ("upstream", "port")
_PYTEST = "python -m pytest -q -p migrate_results -p no:cacheprovider -o addopts=".split()
_CUT = "Those that had not are not compared."
_SETTINGS = frozenset({"conftest.py", "pytest.ini", "tox.ini", "setup.cfg"})

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
        cut: whether upstream's was stopped, so that its last tests are not known.
    """

    __test__ = False  # this is no test of pytest's

    path: str
    upstream: Results
    port: Results
    upstream_how: str
    port_how: str
    cut: bool = False

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


def affected(
    files: list[str], upstream: Mapping[str, bytes], port: Mapping[str, bytes]
) -> list[str]:
    """The files of tests that can tell upstream and port apart.

    The others reach only code that is the same on both sides, byte for byte. A file is taken to
    reach all whose name is a word of its imports or strings: that finds too much, never too
    little, short of names that are put together while the tests run.

    Args:
        files: the files of tests.
        upstream: all of upstream's files.
        port: all of the port's.
    """
    changed = {path for path in upstream if upstream[path] != port.get(path)}
    added = port.keys() - upstream.keys()
    if any(path.rpartition("/")[2] in _SETTINGS for path in changed | added):
        return files
    # New code is imported by its first name, and may stand before something of that name.
    new_words = {re.split("[/.]", path)[0].encode() for path in added if path.endswith(".py")}
    named: dict[bytes, set[str]] = {}
    for path in upstream:
        for name in _names(path):
            named.setdefault(name.encode(), set()).add(path)
    words: dict[str, set[bytes]] = {}

    def differs(test: str) -> bool:
        waiting, seen = [test], {test}
        while waiting:
            path = waiting.pop()
            if path in changed:
                return True
            if not path.endswith(_CODE):
                continue
            if path not in words:
                words[path] = _words(upstream[path])
            if words[path] & new_words:
                return True
            for word in words[path] & named.keys():
                waiting += named[word] - seen
                seen |= named[word]
        return False

    return [path for path in files if differs(path)]


def _words(code: bytes) -> set[bytes]:
    """The words of imports and strings; all words of what is no Python of today."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return set(_WORD.findall(code))
    nodes = list(ast.walk(tree))
    # These say something to people only, such as docstrings.
    remarks = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = []
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            texts += [getattr(node, "module", "") or "", *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts += [] if id(node) in remarks else [node.value]
    return set(_WORD.findall(" ".join(texts).encode("utf-8", "replace")))


def _names(path: str) -> set[str]:
    """The words by which code names a file: its own name; for a package's, the folder's."""
    *folders, name = path.split("/")
    stem = name.partition(".")[0]
    return {folders[-1]} if stem == "__init__" and folders else {stem}


def run_tests(
    files: list[str],
    command: Callable[[str, str], Command],
    results: Path,
    limits: Limits,
    say: Callable[[str], None],
) -> list[TestFile]:
    """Runs the tests, each file in a process of its own, as many at once as there are cores.

    Args:
        files: the files of tests.
        command: makes the command of a shell line for "upstream" or "port".
        results: an empty folder.
        limits: of each process.
        say: told what is being done.
    """
    done: list[TestFile] = []
    at_once = max(1, len(os.sched_getaffinity(0)) // len(_SIDES))
    for first in range(0, len(files), at_once):
        some = files[first : first + at_once]
        say(f"tests {first + 1} of {len(files)}: {', '.join(some)}")
        written = [results / f"{side}-{first}-{n}" for n in range(len(some)) for side in _SIDES]
        lines = [
            f"MIGRATE_RESULTS={where} {shell_line([*_PYTEST, path])}"
            for where, path in zip(written, (p for p in some for _ in _SIDES), strict=True)
        ]
        sides = _SIDES * len(some)
        commands = [command(line, side) for line, side in zip(lines, sides, strict=True)]
        outcomes = run_all(commands, limits)
        for n, path in enumerate(some):
            (theirs, ours), (upstream, port) = (
                outcomes[2 * n : 2 * n + 2],
                written[2 * n : 2 * n + 2],
            )
            cut = theirs.code is None
            done.append(TestFile(path, _read(upstream), _read(port), theirs.how, ours.how, cut))
    return done


def findings(files: list[TestFile]) -> list[Finding]:
    """What no longer passes, and what was not run to its end."""
    found = []
    for file in files:
        if file.cut:
            message = f"the tests on upstream {file.upstream_how}: {len(file.upstream)} had ended"
            found.append(Finding(file.path, 0, "CHK972", "warning", message, _CUT))
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


def _read(path: Path) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    with suppress(FileNotFoundError):  # nothing ran
        for line in path.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):  # cut in the middle
                entry = json.loads(line)
                outcomes[str(entry["test"])] = str(entry["outcome"])
    return outcomes
