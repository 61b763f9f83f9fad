"""The command line: parses, calls one function, prints one report.

Each command's module is imported only when it runs, so that ``--help`` stays instant.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import migrate
from migrate.console import hint, this_command
from migrate.errors import MigrateError, UsageError
from migrate.workspace import DEFAULT_CANN, Workspace

INTERNAL = 3
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        0 when all is well (warnings and notes too), 1 for errors found, 2 for wrong usage, 3 for
        an internal error.
    """
    arguments = _parser().parse_args(argv)
    return guarded(lambda: _run(arguments), as_json=getattr(arguments, "json", False))


def guarded(command: Callable[[], int], *, as_json: bool = False) -> int:
    """Runs a command and turns what goes wrong into a message and an exit code."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except MigrateError as error:
        _say(str(error), as_json, error)
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; nothing half-written is left", as_json)
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _say(f"{place}{error.strerror or error}", as_json)
        return 1
    except Exception as error:
        if os.environ.get("MIGRATE_TRACEBACK"):
            raise
        _say(
            f"internal error: {type(error).__name__}: {error}\n"
            "  This is a bug. Set MIGRATE_TRACEBACK=1, run it again and report what it prints.",
            as_json,
        )
        return INTERNAL


def _say(text: str, as_json: bool, error: MigrateError | None = None) -> None:
    if as_json:
        error = error or MigrateError(text)
        problem = {"message": error.message, "where": error.where, "advice": hint(error.advice)}
        print(json.dumps({"error": problem}, indent=2))
    print(f"migrate: {hint(text)}", file=sys.stderr)


def _run(arguments: argparse.Namespace) -> int:
    start = arguments.workspace or _default_workspace()
    command = arguments.command
    if command == "env":
        from migrate.commands import env

        return env.run(arguments)
    if command in ("explain", "doctor"):
        workspace = _workspace_or_none(start)
        if command == "explain":
            from migrate.commands import explain

            return explain.run(arguments, workspace.root / "patches" if workspace else None)
        from migrate.commands import doctor

        return doctor.run(arguments, workspace)
    workspace = Workspace.find(start.resolve())
    arguments.root = workspace.root
    if command == "port":
        from migrate.commands import port

        return port.run(arguments, workspace)
    if command == "list":
        from migrate.commands import listing

        return listing.run(arguments, workspace)
    if command == "diff":
        from migrate.commands import diff

        return diff.run(arguments, workspace)
    from migrate.commands import demo

    return demo.run(arguments, workspace)


def _default_workspace() -> Path:
    """The current folder; where no workspace is around it, the one in MIGRATE_WORKSPACE."""
    chosen = os.environ.get("MIGRATE_WORKSPACE")
    return Path(chosen) if chosen and not _workspace_or_none(Path.cwd()) else Path.cwd()


def _workspace_or_none(start: Path) -> Workspace | None:
    try:
        return Workspace.find(start.resolve())
    except UsageError:
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=this_command(),
        description="Ports TensorFlow 1.x GPU projects to Huawei Ascend 910.",
        epilog="Exit codes: 0 fine, 1 errors found, 2 wrong usage, 3 internal error.",
    )
    parser.add_argument("--version", action="version", version=f"migrate {migrate.__version__}")
    parser.add_argument(
        "--workspace",
        type=Path,
        metavar="DIR",
        help="the folder with upstream.lock (default: "
        "the nearest one at or above the current folder)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_port(commands)
    listing = commands.add_parser("list", help="the pinned upstreams and the state of their ports")
    _add_json(listing)
    diff = commands.add_parser("diff", help="show a port's patch series")
    diff.add_argument("name", metavar="NAME", help="an upstream's name, or tiny_gan")
    diff.add_argument(
        "--patch", metavar="GROUP", help="only one patch, such as session or 0003-session.patch"
    )
    diff.add_argument("--stat", action="store_true", help="only which files change, and how much")
    explain = commands.add_parser("explain", help="what a finding's code stands for")
    explain.add_argument(
        "code", nargs="?", metavar="CODE", help="such as NPU101; default: list all"
    )
    _add_json(explain)
    doctor = commands.add_parser("doctor", help="what this machine lacks, and what to do about it")
    _add_mirror(doctor)
    _add_json(doctor)
    demo = commands.add_parser("demo", help="port the bundled example; needs no network")
    demo.add_argument("--force", action="store_true", help="overwrite hand edits in the port")
    _add_json(demo)
    env = commands.add_parser("env", help="the TensorFlow 1.15.0 environment (Python 3.7)")
    env.add_argument("action", choices=("create", "show", "remove"))
    _add_json(env)
    return parser


def _add_port(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    port = commands.add_parser("port", help="port one pinned upstream, or all of them")
    port.add_argument("name", nargs="?", metavar="NAME", help="an upstream's name in upstream.lock")
    port.add_argument("--all", action="store_true", help="port every pinned upstream, in parallel")
    port.add_argument(
        "--commit",
        metavar="ID",
        help="port this commit (40 hex digits, or an unambiguous prefix) "
        "and pin it when the port succeeds",
    )
    _add_mirror(port)
    what = port.add_mutually_exclusive_group()
    what.add_argument(
        "--diff",
        action="store_true",
        help="print the difference between upstream and port, write nothing",
    )
    what.add_argument(
        "--check", action="store_true", help="exit 1 if a port would change anything, write nothing"
    )
    port.add_argument("--force", action="store_true", help="overwrite hand edits in the port")
    port.add_argument(
        "--cann",
        metavar="RELEASE",
        help="the CANN release to port for (default: that of the port there is, else "
        f"{DEFAULT_CANN})",
    )
    _add_json(port)


def _add_mirror(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mirror",
        metavar="BASE",
        default=os.environ.get("MIGRATE_MIRROR"),
        help="a folder or https URL that stands for https://github.com/, with <owner>/<name>.git "
        "below it (default: MIGRATE_MIRROR)",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
