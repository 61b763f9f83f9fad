"""Errors that a user can act on; the command line prints them without a traceback."""

from __future__ import annotations


class MigrateError(Exception):
    """Something that the user, not this program, has to mend.

    Args:
        message: what is wrong.
        where: the place, as ``file`` or ``file:line``; printed before the message.
        advice: what to do about it; printed on a line of its own.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.advice = advice

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}\n  {self.advice}" if self.advice else text


class UsageError(MigrateError):
    """The command line, or a file that the user wrote, asks for something impossible."""

    exit_code = 2


class RecipeError(UsageError):
    """The recipe asks for something that this project does not have.

    Args:
        key: what the recipe says, such as ``rules.NPU303.batch``.
        message: what is wrong with it. The file is added by who has read it.
    """

    def __init__(self, key: str, message: str, *, advice: str = "") -> None:
        super().__init__(f"{key}: {message}", advice=advice)


class PinError(UsageError):
    """A pin asks for something that its upstream does not have.

    Args:
        key: what the pin says, such as ``path``.
        message: what is wrong with it. The place in the lock is added by who has read that.
    """

    def __init__(self, key: str, message: str, *, advice: str = "") -> None:
        super().__init__(message, where=key, advice=advice)
        self.key = key
