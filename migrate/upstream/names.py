"""Names in a repository that must not become names in a folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_NAME = 255  # bytes; what common file systems take
MAX_PATH = 1024  # bytes; leaves room for the folder that the port is in

# Cc control, Cf invisible or direction-changing, Cs not UTF-8, Zl and Zp line separators. HFS+
# ignores some of Cf, so that ".g\u200cit" would be ".git" there.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# What NTFS takes for .git: its short name, and any trailing dots, spaces and stream names.
_DOT_GIT = re.compile(r"(?:\.git|git~1)[ .]*(?::.*)?", re.IGNORECASE)


def hostile(name: str) -> str:
    """Why one name, without slashes, must not be used; empty when it may.

    Args:
        name: decoded from UTF-8, with a surrogate for each byte that was not UTF-8.
    """
    if name in ("", ".", ".."):
        return "is not a file name"
    if "/" in name or "\\" in name:
        return "holds a slash"
    if re.match(r"[A-Za-z]:", name):
        return "starts with a drive letter"
    if _DOT_GIT.fullmatch(name):
        return "is git's own folder on some systems"
    if not name.isascii() or not name.isprintable():
        kinds = {unicodedata.category(char) for char in name}
        if "Cs" in kinds:
            return "is not UTF-8"
        if kinds & _UNSAFE:
            return "holds control or invisible characters"
    if len(name.encode()) > MAX_NAME:
        return f"is longer than {MAX_NAME} bytes"
    return ""


def printable(path: str) -> str:
    """``path`` with everything escaped that would disturb a terminal or an encoder."""
    if path.isprintable():
        return path
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in path
    )


def clashes(paths: Iterable[str]) -> dict[str, str]:
    """Find paths that would be one file or folder where case or accents do not tell names apart.

    Args:
        paths: all paths, in the order of preference.

    Returns:
        Each path to leave out, and the earlier path or folder that it clashes with.
    """
    spelled: dict[str, str] = {}
    found = {}
    for path in paths:
        folded = path
        if not path.isascii():
            folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())
        prefixes = _prefixes(path)
        for prefix, key in zip(prefixes, _prefixes(folded.casefold()), strict=True):
            if spelled.setdefault(key, prefix) != prefix:
                found[path] = spelled[key]
                break
    return found


def _prefixes(path: str) -> list[str]:
    ends = [index for index, char in enumerate(path) if char == "/"]
    return [path[:end] for end in [*ends, len(path)]]
