"""What a person sees: colour and a spinner on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_STYLES = {"error": "31", "warning": "33", "note": "36", "good": "32", "dim": "2", "bold": "1"}


def styled(text: str, style: str) -> str:
    """The text in a style on a terminal; as it is elsewhere."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if sys.stdout.isatty() else text


def this_command() -> str:
    """How the user started this program: ``migrate``, or the script that did."""
    return os.environ.get("MIGRATE_COMMAND", "migrate")


def hint(text: str) -> str:
    """A text whose commands, written as `migrate list`, begin the way the user began this one."""
    return text.replace("`migrate ", f"`{this_command()} ")


@contextmanager
def progress(title: str) -> Iterator[Callable[[str], None]]:
    """Shows what is being done, on standard error; yields what says it.

    On a terminal one line with a spinner that goes away; elsewhere nothing but a line a step.
    """
    if not sys.stderr.isatty():
        yield lambda step: print(f"{title}: {step}", file=sys.stderr)
        return
    from rich.console import Console

    with Console(stderr=True).status(title) as status:
        yield lambda step: status.update(f"{title}: {step}")
