"""Requirements files, line by line, with everything that is not changed kept as it is."""

from __future__ import annotations

import re
from typing import NamedTuple

from migrate.analysis.distributions import normalized

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?P<extras>\[[^\]]*\])?\s*"
    r"\(?(?P<specifiers>(?:(?:===|[=<>!~]=|[<>])\s*[^\s,;#()\\@]+\s*(?:,\s*)?)*)\)?"
    r"(?P<rest>\s*(?:(?:[;\\#]|--hash).*)?)",
    re.DOTALL,
)
_FILE = re.compile(r"(?:.*/)?(?:[\w.-]*requirements?[\w.-]*\.txt|requirements/[\w.-]+\.txt)")
_INCLUDE = re.compile(r"-r\s*(?P<file>\S+)|--requirement[ =]\s*(?P<long>\S+)")


class Line(NamedTuple):
    """A logical line: what a backslash continues belongs to it.

    Args:
        text: with its line endings.
        number: 1-based, of its first physical line.
        name: of the distribution, normalized; empty for comments, options and addresses.
        specifiers: such as ``>=1.0,<2``.
    """

    text: str
    number: int
    name: str = ""
    specifiers: str = ""

    @property
    def is_fixed(self) -> bool:
        """Whether it says more than a version: where to get it, or for which Python."""
        return self.specifiers == "@" or ";" in self.text.partition("#")[0]

    def with_pin(self, pin: str) -> str:
        """The line with ``==pin`` or another specifier; hashes of the old version go."""
        ending = re.search(r"(?:\r\n|\r|\n)?$", self.text)
        assert ending is not None
        found = _REQUIREMENT.match(self.text.strip())
        assert found is not None
        comment = re.search(r"[ \t]+#[^\r\n]*", self.text)
        behind = (comment.group() if comment else "") + ending.group()
        return f"{found['name']}{found['extras'] or ''}{pin}{behind}"

    def commented(self, why: str) -> str:
        """The line as a comment that says why."""
        lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", self.text)
        first = lines[0].rstrip("\r\n")
        lines[0] = f"{first} ({why}){lines[0][len(first) :]}"
        return "".join(f"# {line}" for line in lines)


def is_requirements(path: str) -> bool:
    """Whether a file's name says that it holds requirements."""
    return _FILE.fullmatch(path) is not None


def read_lines(text: str) -> list[Line]:
    """The logical lines of a requirements file."""
    lines: list[Line] = []
    number = 1
    for raw in re.findall(r"(?:[^\r\n]*\\[ \t]*(?:\r\n|\r|\n))*[^\r\n]*(?:\r\n|\r|\n|$)", text):
        if not raw:
            continue
        lines.append(_line(raw, number))
        number += len(re.findall(r"\r\n|\r|\n", raw))
    return lines


def _line(raw: str, number: int) -> Line:
    body = raw.strip()
    if not body or body.startswith(("#", "-")):
        return Line(raw, number)
    found = _REQUIREMENT.fullmatch(body)
    if found is None:
        # An address: `name @ https://...`, or a wheel.
        name = re.match(r"([A-Za-z0-9][\w.-]*)\s*@", body) or re.search(
            r"([\w.]+)-[^/]*\.whl", body
        )
        return Line(raw, number, normalized(name.group(1)) if name else "", "@")
    return Line(raw, number, normalized(found["name"]), found["specifiers"].strip())


def included(text: str) -> list[str]:
    """The files that a requirements file takes in with ``-r``."""
    found = [_INCLUDE.match(line.text.strip()) for line in read_lines(text)]
    return [match["file"] or match["long"] for match in found if match]
