"""Where things are: the lock, the recipes, the ports, the templates, the cache."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import NamedTuple

from migrate.errors import UsageError

LOCK_NAME = "upstream.lock"
DEFAULT_CANN = "7.0"
EXAMPLE = "tiny_gan"  # the bundled one


class Workspace(NamedTuple):
    """The folder that holds ``upstream.lock``, and what stands beside it."""

    root: Path

    @staticmethod
    def find(start: Path) -> Workspace:
        """The nearest workspace at or above ``start``.

        Raises:
            UsageError: there is none.
        """
        for folder in (start, *start.parents):
            if (folder / LOCK_NAME).is_file():
                return Workspace(folder)
        raise UsageError(
            f"no {LOCK_NAME} here or in a folder above",
            where=str(start),
            advice="Run migrate inside its checkout, or name the folder with --workspace or "
            f"MIGRATE_WORKSPACE. A new folder with an empty {LOCK_NAME} will do.",
        )

    @property
    def lock(self) -> Path:
        return self.root / LOCK_NAME

    @property
    def ported(self) -> Path:
        return self.root / "ported"

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def examples(self) -> Path:
        return self.root / "examples"

    def patches(self, name: str) -> Path:
        return self.root / "patches" / name

    def port(self, name: str) -> Path:
        return self.ported / name


def cache_folder() -> Path:
    """The user's cache folder for what the kit fetches or builds; may not exist yet."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else _home() / ".cache") / "migrate"


def _home() -> Path:
    """The user's home, also where HOME is not set or is no absolute path."""
    home = Path(os.environ.get("HOME", ""))
    if home.is_absolute():
        return home
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        raise UsageError(
            "there is no home folder for the cache",
            advice="Set HOME or XDG_CACHE_HOME to a folder that you may write.",
        ) from None
