"""The command line: parses, calls one function, prints one report.

Each command's module is imported only when it runs, so that ``--help`` stays instant.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import migrate
from migrate.console import this_command
from migrate.errors import UsageError
from migrate.failures import guarded
from migrate.workspace import DEFAULT_CANN, Workspace

_OF_ALL = ("--workspace", "--version")  # options that stand before the command


class _CommandParser(argparse.ArgumentParser):
    """Refuses what it does not know itself, since the usage of all commands would not help."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def parse_known_args(self, *given: Any, **named: Any) -> Any:
        found, unknown = super().parse_known_args(*given, **named)
        if unknown:
            self._refuse(unknown)
        return found, unknown

    def _refuse(self, unknown: list[str]) -> NoReturn:
        from difflib import get_close_matches

        text = f"unrecognized arguments: {' '.join(unknown)}"
        for word in unknown:
            option = word.partition("=")[0]
            if option in _OF_ALL:
                self.error(f"{text}; {option} goes before the command")
            known = [name for name in self._option_string_actions if name.startswith("--")]
            meant = [name for name in known if len(option) > 2 and name.startswith(option)]
            if meant := meant or get_close_matches(option, known, 1):
                self.error(f"{text}; did you mean {meant[0]}?")
        self.error(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Returns:
        0 when all is well (warnings and notes too), 1 for errors found, 2 for wrong usage, 3 for
        an internal error.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        # The process is there for this one command, and its memory goes with it: looking for
        # cycles in between, and once more at the end, is a tenth of a small port's time.
        gc.disable()
        atexit.register(gc.freeze)
    program: list[str] = []
    if "--" in words and not {"verify", "simulate"}.isdisjoint(words[: words.index("--")]):
        words, program = words[: words.index("--")], words[words.index("--") + 1 :]
    parser = _parser()
    if not words:
        parser.print_help(sys.stderr)
        return UsageError.exit_code
    arguments = parser.parse_args(words)
    arguments.program = program
    as_json = getattr(arguments, "json", getattr(arguments, "json_file", None) == Path("-"))
    return guarded(lambda: _run(arguments), as_json=as_json)


def _run(arguments: argparse.Namespace) -> int:
    try:
        Path.cwd()
    except FileNotFoundError:
        advice = "Change to one that does."
        raise UsageError("the current folder no longer exists", advice=advice) from None
    start = arguments.workspace or _default_workspace()
    command = arguments.command
    if command == "env":
        from migrate.commands import env

        return env.run(arguments)
    if command == "simulate":
        from migrate.commands import simulate

        return simulate.run(arguments)
    if command == "ranktable":
        from migrate.commands import ranktable

        return ranktable.run(arguments)
    if command in ("explain", "doctor", "verify"):
        workspace = _workspace_or_none(start)
        if command == "verify":
            from migrate.commands import verify

            return verify.run(arguments, workspace)
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
    if command == "export":
        from migrate.commands import export

        return export.run(arguments, workspace)
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
        allow_abbrev=False,
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
    commands = parser.add_subparsers(
        dest="command",
        required=True,
        metavar="COMMAND",
        parser_class=_CommandParser,
        prog=parser.prog,  # else argparse makes out a usage to find it
    )
    _add_port(commands)
    listing = commands.add_parser("list", help="the pinned upstreams and the state of their ports")
    _add_json(listing)
    diff = commands.add_parser("diff", help="show a port's patch series")
    diff.add_argument("name", metavar="NAME", help="an upstream's name, or tiny_gan")
    diff.add_argument(
        "--patch", metavar="GROUP", help="only one patch, such as session or 0003-session.patch"
    )
    diff.add_argument("--stat", action="store_true", help="only which files change, and how much")
    _add_verify(commands)
    _add_simulate(commands)
    export = commands.add_parser("export", help="pack a port for ModelZoo, as an archive")
    export.add_argument("name", metavar="NAME", help="an upstream's name, or tiny_gan")
    export.add_argument(
        "--to",
        type=Path,
        metavar="FILE",
        help="the archive, a .tar (default: <Model>_for_TensorFlow.tar in the current folder)",
    )
    _add_json(export)
    _add_ranktable(commands)
    explain = commands.add_parser("explain", help="what a finding's code stands for")
    explain.add_argument(
        "code", nargs="?", metavar="CODE", help="such as NPU101; default: list all"
    )
    _add_json(explain)
    doctor = commands.add_parser("doctor", help="what this machine lacks, and what to do about it")
    _add_mirror(doctor)
    _add_json(doctor)
    demo = commands.add_parser("demo", help="port the bundled example; needs no network")
    demo.add_argument(
        "--force", action="store_true", help="overwrite hand edits in the port and its patches"
    )
    _add_json(demo)
    env = commands.add_parser("env", help="the TensorFlow 1.15.0 environment (Python 3.7)")
    env.add_argument("action", choices=("create", "show", "remove"))
    _add_json(env)
    return parser


def _add_port(commands: argparse._SubParsersAction[_CommandParser]) -> None:
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
    port.add_argument(
        "--force", action="store_true", help="overwrite hand edits in the port and its patches"
    )
    port.add_argument(
        "--cann",
        metavar="RELEASE",
        help="the CANN release to port for (default: that of the port there is, else "
        f"{DEFAULT_CANN})",
    )
    _add_json(port)


def _add_verify(commands: argparse._SubParsersAction[_CommandParser]) -> None:
    verify = commands.add_parser(
        "verify",
        help="check a port: read it, train it on a simulated device, compare it with upstream",
        usage="%(prog)s PATH [options] [-- COMMAND ...]",
        epilog="Without --static, --run, --parity, --precision or --upstream-tests: the first "
        "four, where TensorFlow 1.15.0 can be had. COMMAND is run in place of what the recipe "
        "says.",
    )
    verify.add_argument("path", type=Path, metavar="PATH", help="a port, ours or made by hand")
    verify.add_argument("--static", action="store_true", help="read it; quick, needs nothing")
    verify.add_argument("--run", action="store_true", help="train it on a simulated device")
    verify.add_argument(
        "--parity", action="store_true", help="train upstream as well, and compare every number"
    )
    verify.add_argument(
        "--precision",
        action="store_true",
        help="train it in emulated fp16 as well: do gradients vanish?",
    )
    verify.add_argument(
        "--upstream-tests", action="store_true", help="run upstream's unit tests on both"
    )
    _add_simulated(verify, f"the port's, else {DEFAULT_CANN}")
    verify.add_argument(
        "--steps",
        type=int,
        metavar="N",
        help="training steps: {steps} in what is run (default: 5)",
    )
    verify.add_argument(
        "--python", type=Path, metavar="PATH", help="a Python 3.7 with TensorFlow 1.15"
    )
    _add_mirror(verify)
    verify.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=Path("-"),
        dest="json_file",
        metavar="FILE",
        help="write the report as JSON; without a file, print it instead of text",
    )
    verify.add_argument("--html", type=Path, metavar="FILE", help="write it as HTML, with curves")


def _add_simulate(commands: argparse._SubParsersAction[_CommandParser]) -> None:
    simulate = commands.add_parser(
        "simulate",
        help="run any command on a simulated device",
        usage="%(prog)s [options] -- COMMAND ...",
        epilog="python is that of `migrate env`, where there is one.",
    )
    _add_simulated(simulate, DEFAULT_CANN)
    simulate.add_argument(
        "--trace", type=Path, metavar="FOLDER", help="keep what was recorded, as JSON lines"
    )


def _add_ranktable(commands: argparse._SubParsersAction[_CommandParser]) -> None:
    table = commands.add_parser(
        "ranktable",
        help="make or check the table of devices that train together",
        description="Makes a rank table for servers with the same devices each; without a host, "
        "for this server.",
    )
    table.add_argument(
        "host",
        nargs="*",
        metavar="HOST[=ADDRESSES]",
        help="a server's address, and the addresses of its devices with commas between them, or a "
        "copy of its /etc/hccn.conf; several servers need one of these",
    )
    table.add_argument(
        "--hosts", type=Path, metavar="FILE", help="the same, a host on a line, with blanks"
    )
    table.add_argument(
        "--devices",
        metavar="N|IDS",
        help="how many devices each server has, or their ids, such as 4,5,6,7 (default: 8)",
    )
    table.add_argument(
        "--template",
        type=int,
        choices=(1, 2),
        default=1,
        help="1, or 2 as ModelArts has it (default: 1)",
    )
    table.add_argument("--to", type=Path, metavar="FILE", help="write it here (default: print it)")
    table.add_argument(
        "--check", type=Path, metavar="FILE", help="say what is wrong with a rank table instead"
    )
    table.add_argument("--json", action="store_true", help="print the report of --check as JSON")


def _add_simulated(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--cann",
        metavar="RELEASE",
        help=f"the CANN release to simulate (default: {default})",
    )
    parser.add_argument(
        "--ranks", type=int, default=1, metavar="N", help="simulated devices (default: 1)"
    )


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
