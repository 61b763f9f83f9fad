"""The port's manifest: which upstream, which kit, which rules, and the digest of every file.

It lies at the port's root and is no part of the series. Its bytes depend on nothing but the port:
no time, no host, no absolute path.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from migrate.errors import MigrateError
from migrate.upstream.tree import EXECUTABLE, LINK, REGULAR, SourceFile

MANIFEST_NAME = "migrate-manifest.json"
FORMAT = 1

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ADVICE = (
    "The file is written by `migrate port` and not meant to be edited. "
    "Restore it, or move the folder away and port again."
)


class Upstream(NamedTuple):
    """Where a port comes from.

    Args:
        name: the upstream's name in upstream.lock.
        url: its repository; empty for a project that is not in one.
        commit: the ported commit, or None outside of a repository.
        tree: the commit's tree, or None.
        path: the folder in the repository that was taken; empty for all of it.
        licence: SPDX identifier.
    """

    name: str
    url: str
    commit: str | None
    tree: str | None
    path: str
    licence: str


class FileRecord(NamedTuple):
    """One file of the port.

    Args:
        path: relative to the port's root.
        mode: git's file mode.
        before: sha256 of upstream's bytes, or None when the kit added the file; of a symbolic link,
            the bytes are where it leads.
        after: sha256 of the port's bytes.
    """

    path: str
    mode: int
    before: str | None
    after: str


@dataclass(frozen=True)
class Manifest:
    """What a port is. The payloads (``settings``, ``findings``, ``sessions``) hold JSON values.

    Args:
        kit_version: version of the kit that wrote the port.
        rules_digest: digest of the rule set.
        upstream: where the port comes from.
        cann: the CANN release ported for.
        recipe_digest: digest of the recipe, or None without one.
        settings: the settings that the recipe asks for.
        files: one record per file, this manifest apart.
        rules: how often each rule fired, by code.
        findings: what a person should know.
        sessions: each session's place, role and why.
        symbols: how many symbols are native, rewritten, manual, unsupported, unknown.
        series_digest: `Series.digest` of the patches that rebuild the port.
    """

    kit_version: str
    rules_digest: str
    upstream: Upstream
    cann: str
    recipe_digest: str | None
    settings: Mapping[str, object]
    files: tuple[FileRecord, ...]
    rules: Mapping[str, int]
    findings: tuple[Mapping[str, object], ...]
    sessions: tuple[Mapping[str, object], ...]
    symbols: Mapping[str, int]
    series_digest: str

    def to_json(self) -> bytes:
        """The manifest's bytes; equal manifests have equal bytes."""
        payload = vars(self) | {"format": FORMAT, "upstream": self.upstream._asdict()}
        payload["files"] = {
            record.path: {
                "mode": f"{record.mode:o}",
                "before": record.before,
                "after": record.after,
            }
            for record in self.files
        }
        # ASCII, since a file name may hold bytes that are not UTF-8.
        text = json.dumps(payload, indent=2, sort_keys=True, allow_nan=False)
        return text.encode("ascii") + b"\n"

    @staticmethod
    def from_json(data: bytes, where: str) -> Manifest:
        """Read a manifest.

        Args:
            data: the file's bytes.
            where: the file's name, for errors.

        Raises:
            MigrateError: the manifest is damaged, or a newer kit wrote it.
        """
        try:
            payload: object = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise MigrateError(
                f"the manifest is damaged: {error}", where=where, advice=_ADVICE
            ) from error
        root = _Value(where, "", payload)
        number = root["format"].number()
        if number != FORMAT:
            raise MigrateError(
                f"the manifest has format {number}; this kit reads format {FORMAT}",
                where=where,
                advice="Use the kit that wrote it, or move the folder away and port again.",
            )
        upstream = root["upstream"]
        return Manifest(
            kit_version=root["kit_version"].text(),
            rules_digest=root["rules_digest"].text(),
            upstream=Upstream(
                name=upstream["name"].text(),
                url=upstream["url"].text(),
                commit=upstream["commit"].optional(_COMMIT, "40 hex digits"),
                tree=upstream["tree"].optional(_COMMIT, "40 hex digits"),
                path=upstream["path"].folder(),
                licence=upstream["licence"].text(),
            ),
            cann=root["cann"].text(),
            recipe_digest=root["recipe_digest"].optional(),
            settings=root["settings"].mapping(),
            files=tuple(
                FileRecord(
                    path=_Value(where, f"files[{path!r}]", path).path(),
                    mode=record["mode"].mode(),
                    before=record["before"].optional(_SHA256, "a sha256"),
                    after=record["after"].text(_SHA256, "a sha256"),
                )
                for path, record in root["files"].members()
            ),
            rules={code: count.number() for code, count in root["rules"].members()},
            findings=tuple(finding.mapping() for finding in root["findings"].elements()),
            sessions=tuple(session.mapping() for session in root["sessions"].elements()),
            symbols={kind: count.number() for kind, count in root["symbols"].members()},
            series_digest=root["series_digest"].text(_SHA256, "a sha256"),
        )


def file_records(
    before: Mapping[str, SourceFile], after: Mapping[str, SourceFile]
) -> tuple[FileRecord, ...]:
    """The records of a port's files, in the order of their paths.

    Args:
        before: upstream's files, by path.
        after: the port's files, by path.
    """
    return tuple(
        FileRecord(
            path,
            file.mode,
            hashlib.sha256(before[path].data).hexdigest() if path in before else None,
            hashlib.sha256(file.data).hexdigest(),
        )
        for path, file in sorted(after.items())
    )


def read_manifest(port_dir: Path) -> Manifest | None:
    """The manifest of a port, or None where the folder has none.

    Args:
        port_dir: the port's root.

    Raises:
        MigrateError: the manifest is damaged, unreadable, or a newer kit wrote it.
    """
    path = port_dir / MANIFEST_NAME
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise MigrateError(
            f"cannot read the manifest: {error.strerror}", where=str(path), advice=_ADVICE
        ) from error
    return Manifest.from_json(data, str(path))


@dataclass(frozen=True)
class _Value:
    """A JSON value that knows its place, so that an error can name it."""

    where: str
    name: str
    value: object

    def __getitem__(self, key: str) -> _Value:
        members = self.mapping()
        name = f"{self.name}.{key}" if self.name else key
        if key not in members:
            raise self._damaged(f"{name} is missing")
        return _Value(self.where, name, members[key])

    def mapping(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise self._expected("an object")
        return self.value

    def members(self) -> list[tuple[str, _Value]]:
        return [
            (key, _Value(self.where, f"{self.name}[{key!r}]", value))
            for key, value in self.mapping().items()
        ]

    def elements(self) -> list[_Value]:
        if not isinstance(self.value, list):
            raise self._expected("a list")
        return [
            _Value(self.where, f"{self.name}[{index}]", value)
            for index, value in enumerate(self.value)
        ]

    def number(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 0:
            raise self._expected("a whole number")
        return self.value

    def text(self, pattern: re.Pattern[str] | None = None, expected: str = "a text") -> str:
        if not isinstance(self.value, str) or (pattern and not pattern.fullmatch(self.value)):
            raise self._expected(expected)
        return self.value

    def optional(
        self, pattern: re.Pattern[str] | None = None, expected: str = "a text"
    ) -> str | None:
        return None if self.value is None else self.text(pattern, f"{expected} or null")

    def mode(self) -> int:
        modes = {f"{mode:o}": mode for mode in (REGULAR, EXECUTABLE, LINK)}
        text = self.text()
        if text not in modes:
            raise self._expected(" or ".join(modes))
        return modes[text]

    def path(self) -> str:
        """A path below the root: the kit later reads, moves and deletes by it."""
        text = self.text()
        if not {"", ".", ".."}.isdisjoint(text.split("/")) or "\0" in text:
            raise self._expected("a relative path without '.' and '..'")
        return text

    def folder(self) -> str:
        return self.path() if self.value != "" else ""

    def _expected(self, expected: str) -> MigrateError:
        shown = json.dumps(self.value)
        shown = shown if len(shown) <= 40 else shown[:37] + "..."
        return self._damaged(f"{self.name or 'the file'}: expected {expected}, found {shown}")

    def _damaged(self, what: str) -> MigrateError:
        return MigrateError(f"the manifest is damaged: {what}", where=self.where, advice=_ADVICE)
