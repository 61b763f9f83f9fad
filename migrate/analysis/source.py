"""Python source as bytes, text and offsets, so that edits can leave every other byte alone."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from functools import cached_property

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:[#\r\n]|$)")
_FIRST_LINES = re.compile(rb"\r\n|\r|\n")
# What Python's tokenizer takes for the end of a line; str.splitlines knows more.
_LINE_END = re.compile(r"\r\n|\r|\n")


class UnreadableSource(Exception):
    """The bytes are not text in the encoding that the file declares."""


class Source:
    """The decoded text of one Python file.

    Args:
        data: the file's bytes.

    Raises:
        UnreadableSource: unknown encoding, undecodable bytes, or an encoding that does not
            give the same bytes back.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        body = data[len(self.bom) :]
        declared = _declared_encoding(body) or "utf-8"
        self.encoding = _normal(declared)
        if self.bom and self.encoding != "utf-8":
            raise UnreadableSource(f"a UTF-8 byte order mark, but {declared!r} declared")
        try:
            self.text = body.decode(self.encoding)
            same = self.text.encode(self.encoding) == body
        except LookupError:
            raise UnreadableSource(f"unknown encoding {declared!r}") from None
        except UnicodeError as error:
            raise UnreadableSource(f"not valid {self.encoding}: {error}") from None
        if not same:
            raise UnreadableSource(f"{self.encoding} does not round-trip")

    @cached_property
    def newline(self) -> str:
        """The file's first line ending; LF where it has none."""
        found = _LINE_END.search(self.text)
        return found.group() if found else "\n"

    @cached_property
    def line_starts(self) -> list[int]:
        """Character offset at which each line begins."""
        return [0, *(found.end() for found in _LINE_END.finditer(self.text))]

    def offset(self, line: int, column: int) -> int:
        """Character offset of a place as ``ast`` gives it.

        Args:
            line: 1-based.
            column: 0-based, in bytes of the line's UTF-8 form.
        """
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        content = self.text[start:end]
        if content.isascii():
            return start + column
        return start + len(content.encode("utf-8")[:column].decode("utf-8"))

    def line_of(self, offset: int) -> int:
        """The 1-based line that holds a character offset."""
        return bisect_right(self.line_starts, offset)

    def line_start(self, offset: int) -> int:
        """Where the line that holds ``offset`` begins."""
        return self.line_starts[self.line_of(offset) - 1]

    def line_end(self, offset: int) -> int:
        """Just behind the line ending of the line that holds ``offset``."""
        line = self.line_of(offset)
        return self.line_starts[line] if line < len(self.line_starts) else len(self.text)

    def encode(self, text: str) -> bytes:
        """Bytes of a changed text, in the file's own encoding and with its byte order mark."""
        return self.bom + text.encode(self.encoding)


def _declared_encoding(body: bytes) -> str | None:
    for line in _FIRST_LINES.split(body, 2)[:2]:
        if found := _COOKIE.match(line):
            return found.group(1).decode("ascii")
        if not _BLANK.match(line):
            return None
    return None


def _normal(encoding: str) -> str:
    """Python's reading of a declared encoding: editors add the line ending, as in utf-8-unix."""
    name = encoding.lower().replace("_", "-")
    if name in ("utf8", "utf-8") or name.startswith("utf-8-"):
        return "utf-8"
    if re.match(r"(latin-1|iso-8859-1|iso-latin-1)(-|$)", name):
        return "iso-8859-1"
    return encoding
