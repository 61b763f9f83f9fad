"""``migrate verify``: what reading a port tells, and training it beside upstream."""

from __future__ import annotations

import argparse
import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from migrate.console import progress, this_command
from migrate.errors import MigrateError, UsageError
from migrate.manifest import Manifest, read_manifest
from migrate.runtime import cann_release
from migrate.upstream.tree import EXECUTABLE, LINK, REGULAR, SourceFile, link_end, link_text
from migrate.verify.report import Part, Report, checked, report_html, report_lines
from migrate.workspace import DEFAULT_CANN, EXAMPLE, Workspace, cache_folder

if TYPE_CHECKING:  # else imported where something is run: reading a port does without it
    from migrate.verify.smoke import Smoke

Say = Callable[[str], None]

_NEVER_READ = {".git", "__pycache__"}
_STEPS = 5
_LARGEST = 32 << 20  # bytes; data sets and checkpoints are not what is checked


def run(arguments: argparse.Namespace, workspace: Workspace | None) -> int:
    """Verifies one port.

    Args:
        workspace: where recipes and pins are; a port that was made by hand needs none.
    """
    verification = _Verification(arguments, workspace)
    with progress(f"verify {verification.name}") as say:
        report = verification.report(say)
    as_json = json.dumps(report.as_json(), indent=2, allow_nan=False) + "\n"
    if arguments.html:
        _write(arguments.html, report_html(report))
    if arguments.json_file == Path("-"):
        print(as_json, end="")
    else:
        if arguments.json_file:
            _write(arguments.json_file, as_json)
        for line in report_lines(report):
            print(line)
    undone = {part.name for part in report.parts if part.state == "not checked"}
    return int(report.failed or bool(undone & verification.demanded))


@dataclass(frozen=True)
class _Wanted:
    static: bool
    run: bool
    parity: bool
    precision: bool
    tests: bool

    @property
    def runs(self) -> bool:
        """Whether anything is to be run."""
        return self.run or self.precision or self.tests


class _Verification:
    def __init__(self, arguments: argparse.Namespace, workspace: Workspace | None) -> None:
        self._arguments = arguments
        self._workspace = workspace
        self._path: Path = arguments.path
        if not self._path.is_dir():
            raise UsageError(
                "there is no such folder", where=str(self._path), advice=self._port_of_that_name()
            )
        if arguments.ranks < 1 or (arguments.steps is not None and arguments.steps < 1):
            raise UsageError("--ranks and --steps take a whole number from 1")
        if arguments.steps and arguments.program and "{steps}" not in "".join(arguments.program):
            raise UsageError(
                "--steps has no place in the command",
                advice="Write {steps} where the command takes the number, or leave out --steps.",
            )
        if arguments.python:
            _check_python(arguments.python)
        for report in (arguments.html, arguments.json_file):
            # Before anything is run for minutes.
            if report is not None and not report.parent.is_dir():
                raise UsageError(
                    "there is no such folder to write a report to", where=str(report.parent)
                )
        self._manifest = read_manifest(self._path)
        self.name = self._manifest.upstream.name if self._manifest else self._path.resolve().name
        known = self._manifest.cann if self._manifest else DEFAULT_CANN
        self._cann = cann_release(arguments.cann or known).name
        self._wanted = self._what_is_wanted()

    def _port_of_that_name(self) -> str:
        """What to write where the path is the name of a port."""
        name = str(self._path)
        port = self._workspace.port(name) if self._workspace and "/" not in name else None
        if port is None or not port.is_dir():
            return ""
        return f"The port of that name is {os.path.relpath(port)}."

    def _what_is_wanted(self) -> _Wanted:
        a = self._arguments
        one_rank = a.ranks == 1
        if a.parity and not one_rank:
            raise UsageError(
                "upstream trains on one device, so that several ranks cannot be compared with it",
                advice="Leave out --parity or --ranks.",
            )
        if a.precision and not one_rank:
            raise UsageError(
                "precision is compared on one device", advice="Leave out --precision or --ranks."
            )
        if not (a.static or a.run or a.parity or a.precision or a.upstream_tests):
            return _Wanted(True, True, one_rank, one_rank, False)
        return _Wanted(a.static, a.run or a.parity, a.parity, a.precision, a.upstream_tests)

    @property
    def demanded(self) -> set[str]:
        """The parts that the user named: these must be checked."""
        a = self._arguments
        named = {
            "static": a.static,
            "run": a.run or a.parity or bool(a.program),
            "parity": a.parity,
            "precision": a.precision,
            "upstream tests": a.upstream_tests,
        }
        return {name for name, wanted in named.items() if wanted}

    def report(self, say: Say) -> Report:
        wanted = self._wanted
        parts = [self._static(say) if wanted.static else _unasked("static", "--static")]
        python, why = None, ""
        if wanted.runs:
            python, why = self._python(say)
        if python is None:
            parts += [
                Part(name, "not checked", why) if asked else _unasked(name, option)
                for name, option, asked in (
                    ("run", "--run", wanted.run),
                    ("parity", "--parity", wanted.run),
                    ("precision", "--precision", wanted.precision),
                    ("upstream tests", "--upstream-tests", wanted.tests),
                )
            ]
        else:
            parts += self._by_running(python, say)
        manifest = self._manifest
        return Report(
            path=str(self._path),
            name=self.name,
            commit=(manifest.upstream.commit or "") if manifest else "",
            cann=self._cann,
            python=str(python or ""),
            ranks=self._arguments.ranks,
            parts=tuple(parts),
        )

    def _by_running(self, python: Path, say: Say) -> list[Part]:
        from migrate.verify.precision import check_precision, is_in_fp16
        from migrate.verify.process import Limits
        from migrate.verify.verification import Trial, run_and_compare, run_upstream_tests

        wanted = self._wanted
        smoke = self._smoke()
        baseline, no_baseline = None, "asked for several ranks, and upstream trains on one device"
        if wanted.parity or wanted.tests:
            baseline, no_baseline = self._baseline(say)
        a = self._arguments
        trial = Trial(
            port=self._path,
            manifest=self._manifest,
            baseline=baseline,
            smoke=smoke,
            python=python,
            cann=self._cann,
            steps=a.steps or _STEPS,
            ranks=a.ranks,
            limits=Limits(),
        )
        why = "nothing says what to run; say it: `" + (
            f"{this_command()} verify {self._path} -- python train.py ...`, or under [smoke] of its"
            " recipe"
        )
        exact = None
        if not wanted.run:
            run, parity = _unasked("run", "--run"), _unasked("parity", "--parity")
        elif not smoke.runs:
            run, parity = Part("run", "not checked", why), Part("parity", "not checked", why)
        else:
            compare = wanted.parity and baseline is not None
            # Beside upstream the port trains in fp32, with which precision compares fp16.
            numerics = compare and wanted.precision and is_in_fp16(trial)
            run, parity, traces = run_and_compare(trial, say, compare=compare, numerics=numerics)
            exact = traces if numerics else None
            if not wanted.parity and a.ranks == 1:
                parity = _unasked("parity", "--parity")
            elif not compare:
                parity = replace(parity, why=no_baseline)
        if not wanted.precision:
            precision = _unasked("precision", "--precision")
        elif not smoke.runs:
            precision = Part("precision", "not checked", why)
        elif run.state == "failed":
            precision = Part("precision", "not checked", "the run failed")
        else:
            precision = check_precision(trial, say, exact)
        if not wanted.tests:
            tests = _unasked("upstream tests", "--upstream-tests")
        elif baseline is None:
            tests = Part("upstream tests", "not checked", no_baseline)
        else:
            tests = run_upstream_tests(trial, say)
        return [run, parity, precision, tests]

    def _static(self, say: Say) -> Part:
        from migrate.verify.static import run_checks

        say("reading the port")
        report = run_checks(_files(self._path), cann=self._cann, manifest=self._manifest)
        skipped = "; ".join(f"{code} did not run: {why}" for code, why in report.skipped)
        return checked("static", list(report.findings), counts=report.counts, why=skipped)

    def _python(self, say: Say) -> tuple[Path | None, str]:
        """The interpreter that runs the port, or why there is none."""
        from migrate.environment import create_environment, tf115_environment

        if self._arguments.python:
            return self._arguments.python.absolute(), ""
        try:
            return (tf115_environment() or create_environment(say)).python, ""
        except MigrateError as error:
            return None, f"there is no TensorFlow 1.15.0: {error}"

    def _smoke(self) -> Smoke:
        from migrate.recipe import read_recipe
        from migrate.verify.process import shell_line
        from migrate.verify.smoke import Smoke, SmokeRun

        smoke = Smoke()
        if self._manifest and self._workspace:
            smoke = read_recipe(self._workspace.patches(self.name)).smoke
        program = self._arguments.program
        if program:
            line = shell_line(program)
            # Whoever says how many steps there are to be expects a training.
            expect = frozenset({"train" if "{steps}" in line else "session"})
            run = SmokeRun("command", line, expect, everywhere=True)
            smoke = replace(smoke, runs=(run,))
        return smoke

    def _baseline(self, say: Say) -> tuple[Mapping[str, SourceFile] | None, str]:
        """Upstream at the port's commit with the compat patch, or why it cannot be had."""
        if self._manifest is None:
            return None, "no manifest says which upstream this is a port of"
        if self._workspace is None:
            return None, "there is no workspace here: its recipe says how upstream is read"
        try:
            return _upstream(self._manifest, self._workspace, self._arguments.mirror, say), ""
        except MigrateError as error:
            if "parity" in self.demanded or "upstream tests" in self.demanded:
                raise
            return None, f"upstream cannot be read: {error}"


def _upstream(
    manifest: Manifest, workspace: Workspace, mirror: str | None, say: Say
) -> Mapping[str, SourceFile]:
    from migrate.commands.demo import example_tree
    from migrate.porting import make_port
    from migrate.recipe import read_recipe
    from migrate.upstream.load import load
    from migrate.upstream.lock import read_lock
    from migrate.upstream.pin import Pin

    upstream = manifest.upstream
    recipe = read_recipe(workspace.patches(upstream.name))
    say("reading upstream")
    if upstream.commit and upstream.tree:
        pin = read_lock(workspace.lock).get(upstream.name)
        pin = Pin(
            upstream.name,
            upstream.url,
            upstream.commit,
            upstream.tree,
            upstream.path,
            upstream.licence,
            pin.mirrors if pin and pin.url == upstream.url else (),
        )
        source = load(pin, cache=cache_folder(), mirror=mirror, leave_out=recipe.leave_out).source
    elif upstream.name == EXAMPLE:
        source = example_tree(workspace)
    else:
        raise MigrateError("the manifest does not say which commit of upstream this is")
    port = make_port(
        upstream, source, recipe, cann=manifest.cann, templates=workspace.templates, say=say
    )
    return port.baseline


def _files(folder: Path) -> dict[str, SourceFile]:
    """A port's files for the static checks; large ones are left out."""
    files = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _NEVER_READ)
        for name in sorted(names):
            path = Path(parent, name)
            status = path.lstat()
            key = path.relative_to(folder).as_posix()
            if stat.S_ISLNK(status.st_mode) and name.endswith(".py"):
                link = SourceFile(key, link_text(path), LINK)
                end = link_end(path, folder)
                if end and end != link.target:  # by way of other links
                    text = os.path.relpath(end, str(Path(key).parent))
                    link = link._replace(data=os.fsencode(text))
                if end.endswith(".py"):
                    files[key] = link
            elif stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST:
                mode = EXECUTABLE if status.st_mode & stat.S_IXUSR else REGULAR
                files[key] = SourceFile(key, path.read_bytes(), mode)
    return files


def _unasked(name: str, option: str) -> Part:
    return Part(name, "not checked", f"not asked for ({option})")


def _check_python(python: Path) -> None:
    if not os.access(python, os.X_OK) or python.is_dir():
        raise UsageError("--python is not a program", where=str(python))
    if not (python.parent / "python").exists():
        raise UsageError(
            "there is no program called python beside it, which commands could start",
            where=str(python),
            advice="Name the bin/python of a virtual environment with TensorFlow 1.15.",
        )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MigrateError(f"cannot write it: {error.strerror}", where=str(path)) from error
