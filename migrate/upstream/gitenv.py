"""How this kit runs git on repositories that it does not trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from migrate.errors import MigrateError

if TYPE_CHECKING:
    from git import Git

# The first that knows GIT_CONFIG_GLOBAL.
OLDEST_GIT = (2, 32)
GET_GIT = "Install git {}.{} or newer and put it on the PATH; `migrate doctor` checks it.".format(
    *OLDEST_GIT
)

# Nothing but what is said here steers git: not the user's files, not what a calling hook set.
_SEALED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_PARAMETERS": "",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    # Only the objects themselves are read, never what refs/replace would put in their place.
    "GIT_NO_REPLACE_OBJECTS": "1",
    # A missing object is reported; git does not go and fetch it. Git before 2.45 does not know
    # the variable, and is stopped by having no protocol to fetch with.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
}


def sealed_git(
    git_dir: Path,
    *,
    objects: Path | None = None,
    protocols: Sequence[str] = (),
    config: Mapping[str, str] | None = None,
) -> Git:
    """Return a git that acts on one repository and is steered by nothing else.

    As the repository is named outright, git does not ask who owns it.

    Args:
        git_dir: the repository, a bare one or the ``.git`` of a work tree.
        objects: where objects are read from, if not the repository's own.
        protocols: transports that git may use, such as ``https``; none by default.
        config: settings that outrank the repository's own.

    Raises:
        MigrateError: there is no git.
    """
    try:
        # Imported here: it takes longer than most commands that need no git.
        from git import Git
    except ImportError:
        raise MigrateError("git cannot be started", advice=GET_GIT) from None
    settings = {"core.hooksPath": "/dev/null", **(config or {})}
    git = Git(git_dir)
    git.update_environment(
        **_SEALED,
        GIT_DIR=str(git_dir),
        GIT_COMMON_DIR=str(git_dir),
        GIT_WORK_TREE=str(git_dir),
        GIT_INDEX_FILE=str(git_dir / "index"),
        GIT_SHALLOW_FILE=str(git_dir / "shallow"),
        GIT_GRAFT_FILE=str(git_dir / "info" / "grafts"),
        GIT_OBJECT_DIRECTORY=str(objects or git_dir / "objects"),
        GIT_ALLOW_PROTOCOL=":".join(protocols),
        GIT_CONFIG_COUNT=str(len(settings)),
        **{f"GIT_CONFIG_KEY_{i}": key for i, key in enumerate(settings)},
        **{f"GIT_CONFIG_VALUE_{i}": value for i, value in enumerate(settings.values())},
    )
    return git
