"""``migrate doctor``: what the kit needs of this machine, and what to do where it is missing."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from migrate.console import hint
from migrate.environment import find_python37, tf115_environment
from migrate.errors import MigrateError
from migrate.upstream.gitenv import OLDEST_GIT
from migrate.upstream.lock import read_lock
from migrate.upstream.pin import Pin
from migrate.upstream.places import places
from migrate.workspace import Workspace

_NETWORK_SECONDS = 15


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        state: ``ok``; ``missing`` (porting needs it) or ``optional`` (only some commands do).
        advice: what to do; empty when ok.
    """

    name: str
    state: str
    detail: str
    advice: str = ""


def run(arguments: argparse.Namespace, workspace: Workspace | None) -> int:
    checks = []
    for check in _checks(workspace, arguments.mirror):
        checks.append(check)
        if not arguments.json:
            print(f"{check.state:8}  {check.name:12}  {check.detail}", flush=True)
            if check.advice:
                print(f"          {hint(check.advice)}")
    if arguments.json:
        print(json.dumps([asdict(check) for check in checks], indent=2))
    return int(any(check.state == "missing" for check in checks))


def _checks(workspace: Workspace | None, mirror: str | None) -> Iterator[Check]:
    yield _git()
    yield Check("python", "ok", f"Python {sys.version.split()[0]}")
    if workspace is None:
        yield Check(
            "workspace",
            "missing",
            "no upstream.lock here or above",
            "Run migrate inside its checkout, or name the folder with --workspace.",
        )
    else:
        yield Check("workspace", "ok", str(workspace.root))
        yield from _upstreams(workspace, mirror)
    yield _python37()
    yield _tf115()


def _git() -> Check:
    path = shutil.which("git")
    if path is None:
        return Check("git", "missing", "not on PATH", "Install git (Debian: apt install git).")
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False)
    text = version.stdout.strip()
    found = re.search(r"(\d+)\.(\d+)", text)
    if not found or (int(found[1]), int(found[2])) < OLDEST_GIT:
        wanted = ".".join(map(str, OLDEST_GIT))
        return Check("git", "missing", text or "does not answer", f"Install git {wanted} or newer.")
    return Check("git", "ok", text)


def _upstreams(workspace: Workspace, mirror: str | None) -> Iterator[Check]:
    try:
        pins = read_lock(workspace.lock)
    except MigrateError as error:
        yield Check("upstream.lock", "missing", f"{error.where}: {error.message}", error.advice)
        return
    yield Check("upstream.lock", "ok", f"{len(pins)} pins: {', '.join(pins)}")
    if mirror:
        for pin in pins.values():
            try:
                found = places(pin, mirror)
            except MigrateError as error:
                yield Check("mirror", "missing", error.message, error.advice)
                continue
            place = [*map(str, found.local), *found.urls][0]
            yield Check("mirror", "ok", f"{pin.name}: {place}")
        return
    if pins:
        yield _network(next(iter(pins.values())))


def _network(pin: Pin) -> Check:
    """Whether a server answers, asked the way a port would."""
    url = pin.url
    try:
        done = subprocess.run(
            ["git", "ls-remote", "--exit-code", url, "HEAD"],
            env={
                **os.environ,
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_ALLOW_PROTOCOL": ":".join(("https", *pin.protocols)),
            },
            capture_output=True,
            text=True,
            timeout=_NETWORK_SECONDS,
            check=False,
        )
        reached, why = done.returncode == 0, done.stderr.strip().split("\n")[-1]
    except subprocess.TimeoutExpired:
        reached, why = False, f"no answer within {_NETWORK_SECONDS} seconds"
    if reached:
        return Check("network", "ok", url)
    return Check(
        "network",
        "optional",
        f"{url}: {why}",
        "Give --mirror FOLDER (or MIGRATE_MIRROR) with <owner>/<name>.git below it; "
        "`migrate demo` needs no network.",
    )


def _python37() -> Check:
    try:
        python: Path | None = find_python37()
    except MigrateError as error:
        return Check("python3.7", "optional", error.message, error.advice)
    if python is None:
        return Check(
            "python3.7",
            "optional",
            "not found: ports are checked by this Python's parser only",
            "Get one by `pyenv install 3.7.16`, or `conda create -n py37 python=3.7`.",
        )
    return Check("python3.7", "ok", str(python))


def _tf115() -> Check:
    try:
        environment = tf115_environment()
    except MigrateError as error:
        return Check("tensorflow", "optional", error.message, error.advice)
    if environment is None:
        return Check(
            "tensorflow",
            "optional",
            "no TensorFlow 1.15.0 environment",
            "Make it by `migrate env create` (about 110 MB; needs Python 3.7).",
        )
    return Check("tensorflow", "ok", f"TensorFlow 1.15.0 in {environment.root}")
