"""Folders in which projects run: a copy of a port or of upstream, and the data that they need."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from migrate.errors import MigrateError
from migrate.manifest import MANIFEST_NAME, Manifest
from migrate.upstream.tree import LINK, SourceFile, link_end
from migrate.verify.process import (
    Command,
    Limits,
    Outcome,
    clean_environment,
    folder_size,
    run_all,
    shell_line,
)
from migrate.verify.simulation import simulated
from migrate.verify.smoke import GENERATORS, Data

_LARGEST = 2 << 30
_LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__", "*.pyc")


class Site:
    """A folder in which a project runs: a copy of it, a home and room for temporary files.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.project = root / "project"
        self.home = root / "home"
        self.temporary = root / "tmp"
        self.obs = root / "obs"
        for folder in (self.project, self.home, self.temporary, self.obs):
            folder.mkdir(parents=True)

    def trace(self, name: str) -> Path:
        """A new folder for a trace."""
        folder = self.root / "traces" / re.sub(r"\W", "_", name)
        folder.mkdir(parents=True)
        return folder

    def shown(self, outcome: Outcome) -> Outcome:
        """The outcome with the project's files named as they are in the port."""
        return replace(outcome, tail=outcome.tail.replace(f"{self.project}/", ""))

    def command(
        self, line: str, python: Path, environment: Mapping[str, str], **simulation: object
    ) -> Command:
        """A command in the project's folder, under the simulator.

        Args:
            environment: added to the clean one.
            simulation: the arguments of `simulated`.
        """
        clean = clean_environment(python, self.home, self.temporary)
        everything = simulated(
            {**clean, **environment},
            obs=self.obs,
            **simulation,  # type: ignore[arg-type]
        )
        return Command(line, self.project, everything, self.root)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that goes when the block ends, with all that is in it."""
    with tempfile.TemporaryDirectory(prefix="migrate-verify-", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


def copy_port(port: Path, manifest: Manifest | None, to: Path) -> None:
    """Copies a port; of one of ours the files that were written and Python files added since.

    What earlier trainings left in its folder, such as checkpoints to continue from, would change
    what is to be seen.

    Args:
        port: the port's folder.
        manifest: its manifest; None for a port that was made by hand, which is copied whole.
        to: an empty folder.

    Raises:
        MigrateError: the folder is too large to be copied.
    """
    if manifest is None:
        if folder_size(port) > _LARGEST:
            raise MigrateError(
                "the folder holds more than 2 GiB, and verify runs a copy of it",
                where=str(port),
                advice="Move data sets and checkpoints elsewhere, and name them by absolute paths.",
            )
        shutil.copytree(port, to, dirs_exist_ok=True, symlinks=True, ignore=_LEFT_OUT)
        return
    known = {record.path for record in manifest.files} | {MANIFEST_NAME}
    added = {path.relative_to(port).as_posix() for path in port.rglob("*.py")}
    for name in sorted(known | added):
        source, copy = port / name, to / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            end = link_end(source, port) if source.is_symlink() else ""
            # A program finds its modules beside what its link leads to.
            if end in known | added:
                copy.symlink_to(os.path.relpath(to / end, copy.parent))
            else:
                shutil.copy(source, copy)


def contents(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def write_files(files: Mapping[str, SourceFile], to: Path) -> None:
    """Writes files into a folder."""
    for name, file in files.items():
        path = to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.mode == LINK:
            path.symlink_to(os.fsdecode(file.data))
        else:
            path.write_bytes(file.data)
            path.chmod(file.mode & 0o777)


def place_data(
    wanted: Sequence[Data], python: Path, limits: Limits, folder: Path, sites: Sequence[Site]
) -> None:
    """Makes the data once, and copies it to where each project will look for it.

    Args:
        wanted: what a recipe says of it.
        python: Python 3.7 with TensorFlow 1.15.0, for the generators.
        limits: of each generator.
        folder: where they work.
        sites: the projects.

    Raises:
        MigrateError: a generator failed.
    """
    for number, data in enumerate(wanted):
        maker = Site(folder / f"data-{number}")
        words = ["python", str(GENERATORS / f"{data.make}.py"), "--to", "made"]
        for name, value in data.options.items():
            words += [f"--{name}", value]
        environment = clean_environment(python, maker.home, maker.temporary)
        command = Command(shell_line(words), maker.project, environment, maker.root)
        [outcome] = run_all([command], limits)
        if not outcome.ok:
            raise MigrateError(
                f"the generator {data.make} {outcome.how}:\n{outcome.tail}",
                where=f"smoke.data[{number}] of the recipe",
            )
        for site in sites:
            below = site.home / data.to[2:] if data.to[:2] == "~/" else site.project / data.to
            shutil.copytree(maker.project / "made", below, dirs_exist_ok=True)
