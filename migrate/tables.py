"""Reads tables that people write, and tells them what is wrong where."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from migrate.errors import UsageError


def read_toml(text: str, where: str) -> dict[str, Any]:
    """The tables of a file in TOML.

    Args:
        where: the file's name.

    Raises:
        UsageError: it is not TOML; with the line.
    """
    # Imported here: commands that read no tables, such as --help, must not wait for it.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = re.search(r"\(at line (\d+), column \d+\)$", str(error))
        line = told[1] if told else len(text.splitlines())  # or at the end of the document
        raise UsageError(f"not TOML: {error}", where=f"{where}:{line}") from None


@dataclass(frozen=True)
class Reader:
    """Reads the tables of one file.

    All methods take values as they stand in the file, with the key that leads to them, such as
    ``harness.model``, and raise a UsageError that names file and key where one does not fit.

    Args:
        where: the file's name.
    """

    where: str

    def wrong(self, key: str, expected: str) -> UsageError:
        return UsageError(f"{key}: expected {expected}", where=self.where)

    def table(self, value: Any, key: str, expected: str = "a table") -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise self.wrong(key, expected)
        return dict(value)

    def known(self, table: Mapping[str, Any], key: str, names: Collection[str]) -> None:
        """Refuses a table with other keys than ``names``; ``key`` is empty for the whole file."""
        for name in sorted(table.keys() - set(names)):
            place = f"{key}.{name}" if key else name
            raise self.wrong(place, f"one of {', '.join(sorted(names))}")

    def text(self, value: Any, key: str) -> str:
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def texts(self, value: Any, key: str, expected: str = "a list of texts") -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, expected)
        return tuple(value)

    def words(self, value: Any, key: str) -> tuple[str, ...]:
        """The words of a line for the shell."""
        try:
            return tuple(shlex.split(self.text(value, key)))
        except ValueError as error:
            raise self.wrong(key, f"words as in a shell ({error})") from None

    def tables(self, value: Any, key: str) -> list[tuple[str, dict[str, Any]]]:
        """Tables of the same kind, each with a key of its own."""
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.wrong(key, f"tables, each under [[{key}]]")
        return [(f"{key}[{index}]", entry) for index, entry in enumerate(value)]
