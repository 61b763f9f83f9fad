"""Turns what ends a command into a message and an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from migrate.console import hint
from migrate.errors import MigrateError

_INTERNAL = 3
_INTERRUPTED = 130


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
        # One without a name is nearly always of the stream that the report goes to.
        place = f"{error.filename or 'output'}: "
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
        return _INTERNAL


def _say(text: str, as_json: bool, error: MigrateError | None = None) -> None:
    if as_json:
        error = error or MigrateError(text)
        problem = {"message": error.message, "where": error.where, "advice": hint(error.advice)}
        with suppress(OSError):  # that of which it tells may be that nothing can be printed
            print(json.dumps({"error": problem}, indent=2), flush=True)
    print(f"migrate: {hint(text)}", file=sys.stderr)
