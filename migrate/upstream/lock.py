"""``upstream.lock``: the pinned upstreams, as TOML that people may edit and comment."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate.errors import MigrateError, PinError, UsageError
from migrate.tables import read_toml
from migrate.upstream.pin import Pin, problems

if TYPE_CHECKING:
    from tomlkit.items import Table

KEYS = tuple(name for name in Pin._fields if name != "name")
REQUIRED = ("url", "commit")
LISTS = ("mirrors", "protocols")


def read_lock(path: Path) -> dict[str, Pin]:
    """Read the pins, by name and in the order of the file.

    Raises:
        UsageError: the file is not there, is not TOML, or a pin is not valid.
    """
    return _pins(path, _decode(path, _read(path)))


@contextmanager
def told_by_pin(path: Path, name: str) -> Iterator[None]:
    """Names the place in the lock in errors about what a pin says."""
    try:
        yield
    except PinError as error:
        error.where = _where(
            path, _line(_decode(path, _read(path)), name, error.key), name, error.key
        )
        raise


def update_pin(path: Path, pin: Pin) -> None:
    """Write one pin, as a whole or not at all, keeping comments and the order of everything else.

    A file that says the same already is left alone; one that is not there is made.

    Raises:
        UsageError: ``pin``, or what the file holds, is not valid.
        MigrateError: the file cannot be written.
    """
    for key, problem in problems(pin):
        raise UsageError(problem, where=_where(path, 0, pin.name, key))
    # A lock that is a symbolic link is updated where it really is, not replaced by a file.
    path = path.resolve()
    old = _read(path) if path.exists() else b""
    text = _decode(path, old)
    if _pins(path, text).get(pin.name) == pin:
        return
    new = _edited(text, pin).encode()
    try:
        _replace(path, new)
    except OSError as error:
        raise MigrateError(f"cannot be written: {error.strerror}", where=str(path)) from error


def check_writable(path: Path) -> None:
    """Find out whether `update_pin` could write, for who has something to lose if it cannot.

    Raises:
        MigrateError: it could not.
    """
    folder = path.resolve().parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise MigrateError(
            f"cannot be written: {error.strerror}",
            where=str(path),
            advice=f"Nothing was ported. Give yourself write permission for {folder}.",
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        advice = "Run migrate in the folder that holds it."
        raise UsageError("there is no such file", where=str(path), advice=advice) from None
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _decode(path: Path, data: bytes) -> str:
    try:
        # Some Windows editors begin a file with a byte order mark, which TOML does not know.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        advice = "Save it as UTF-8."
        raise UsageError("this line is not UTF-8", where=f"{path}:{line}", advice=advice) from None


def _pins(path: Path, text: str) -> dict[str, Pin]:
    pins = {}
    for name, table in read_toml(text, str(path)).items():
        if not isinstance(table, Mapping):
            message = f"expected a table [name] for each upstream, found the key {name!r}"
            raise UsageError(message, where=_where(path, _line(text, name, ""), "", ""))
        problem = next(_problems(name, table), None)
        if problem:
            key, message = problem
            raise UsageError(message, where=_where(path, _line(text, name, key), name, key))
        pins[name] = _pin(name, table)
    return pins


def _problems(name: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield key and mistake. What follows a mistake relies on there being none: take the first."""
    for key, value in table.items():
        if key not in KEYS:
            yield key, f"unknown key; expected one of {', '.join(KEYS)}"
        elif key in LISTS:
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                yield key, f"expected a list of texts in quotes, found {value!r}"
        elif not isinstance(value, str):
            yield key, f"expected a string in quotes, found {value!r}"
        elif not value:
            yield key, "is empty; leave the key out instead" if key not in REQUIRED else "is empty"
    for key in REQUIRED:
        if key not in table:
            hint = "; `git ls-remote URL` lists commits" if key == "commit" else ""
            yield "", f"the key {key!r} is missing{hint}"
    yield from problems(_pin(name, table))


def _pin(name: str, table: Mapping[str, Any]) -> Pin:
    values: dict[str, Any] = dict(table)
    return Pin(name, **{**values, **{key: tuple(values.get(key, ())) for key in LISTS}})


def _where(path: Path, line: int, name: str, key: str) -> str:
    place = f"{path}:{line}" if line else str(path)
    label = ".".join(part for part in (name, key) if part)
    return f"{place}: {label}" if label else place


def _line(text: str, name: str, key: str) -> int:
    """The line on which a person would look for the key; 0 when it is written in a rare way."""
    quoted_name, quoted_key = (rf"[\"']?{re.escape(part)}[\"']?" for part in (name, key))
    header = re.compile(rf"\s*(?:\[+\s*{quoted_name}\s*[.\]]|{quoted_name}\s*[.=])")
    found = 0
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if header.match(line):
            inside, found = True, found or number
        elif line.lstrip().startswith("["):
            inside = False
        if key and inside and re.match(rf"\s*(?:{quoted_name}\s*\.\s*)?{quoted_key}\s*=", line):
            return number
    return found


def _edited(text: str, pin: Pin) -> str:
    # Imported here: it keeps comments and order, and takes ten times as long as a mere reader.
    import tomlkit

    document = tomlkit.parse(text)
    if pin.name in document:
        table: Table = document[pin.name]
    else:
        if document.body:
            document.add(tomlkit.nl())
        table = tomlkit.table()
        document.add(pin.name, table)
    for key in KEYS:
        value = getattr(pin, key)
        value = list(value) if key in LISTS else value
        if not value:
            table.pop(key, None)
        # An equal value is not assigned again: that would lose the way it is written.
        elif key not in table or table[key] != value:
            table[key] = value
    return tomlkit.dumps(document)


def _replace(path: Path, data: bytes) -> None:
    prefix = f".{path.name}.tmp-"
    _remove_left(path.parent, prefix)
    handle, name = tempfile.mkstemp(prefix=prefix, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # dropped by the kernel, however this process ends
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            # mkstemp makes a file that only its owner can read; a tracked file is not like that.
            temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _remove_left(folder: Path, prefix: str) -> None:
    """Remove what runs that were killed left; what cannot be removed is in nobody's way."""
    for left in folder.iterdir():
        if left.name.startswith(prefix):
            with suppress(OSError), left.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
