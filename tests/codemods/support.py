"""Before/after checks for rules; every check also asserts what holds for all rules."""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from migrate.analysis.project import Project
from migrate.codemods.engine import rewrite
from migrate.codemods.registry import kit_rules
from migrate.codemods.rule import Rule, SessionRow
from migrate.findings import Finding
from migrate.upstream.tree import SourceFile

Files = Mapping[str, str | bytes]


@dataclass(frozen=True)
class Ported:
    files: dict[str, bytes]
    findings: list[Finding]
    sessions: list[SessionRow]
    fired: Counter[str]
    runtime: set[str]

    def text(self, path: str = "train.py") -> str:
        return self.files[path].decode("utf-8")

    def codes(self, severity: str | None = None) -> list[str]:
        return [f.code for f in self.findings if severity in (None, f.severity)]


def port_files(
    files: Files,
    *codes: str,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    rules: tuple[Rule, ...] = (),
    beside: Mapping[str, str] = MappingProxyType({}),
) -> Ported:
    """Ports files given as text or bytes, with all of the kit's rules or those named.

    Args:
        beside: as `Project` takes it.
    """
    chosen = [r for r in (*kit_rules(), *rules) if not codes or r.code in codes]
    assert not codes or len(chosen) == len(codes), f"no such rule among {codes}"
    tree = {
        path: SourceFile(path, data if isinstance(data, bytes) else dedent(data).encode())
        for path, data in files.items()
    }
    project = Project(dict(sorted(tree.items())), beside)
    results = rewrite(project, chosen, options or {})
    fired: Counter[str] = Counter()
    for result in results:
        fired += result.fired
    return Ported(
        {path: file.data for path, file in project.files.items()},
        [finding for result in results for finding in result.findings],
        [row for result in results for row in result.sessions],
        fired,
        {name for result in results for name in result.runtime},
    )


def dedent(text: str) -> str:
    return textwrap.dedent(text).removeprefix("\n")


def check_port(
    before: str,
    after: str,
    *codes: str,
    path: str = "train.py",
    others: Files | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Ported:
    """The rules turn ``before`` into ``after``, and all promises hold on the way.

    Tried as written and with CRLF, a byte order mark, and tabs for indentation.
    """
    before, after = dedent(before), dedent(after)
    ported = _port_one(before.encode(), codes, path, others, options)
    result = ported.files[path].decode()
    assert result == after
    _check_promises(before, result)
    again = _port_one(ported.files[path], codes, path, others, options)
    assert again.files[path] == ported.files[path], "a second pass changes the result"
    for name, vary in _VARIANTS.items():
        varied = _port_one(vary(before), codes, path, others, options)
        assert varied.files[path] == vary(after), f"different with {name}"
    return ported


def check_noop(
    source: str,
    *codes: str,
    path: str = "train.py",
    others: Files | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Ported:
    """The rules leave ``source`` as it is."""
    source = dedent(source)
    ported = _port_one(source.encode(), codes, path, others, options)
    assert ported.files[path].decode() == source
    assert "NPU900" not in ported.codes() and "NPU903" not in ported.codes(), ported.findings
    return ported


def _port_one(
    data: bytes,
    codes: tuple[str, ...],
    path: str,
    others: Files | None,
    options: Mapping[str, Mapping[str, Any]] | None,
) -> Ported:
    ported = port_files({**(others or {}), path: data}, *codes, options=options)
    failures = {"NPU900", "NPU901", "NPU903", "NPU904"} & set(ported.codes())
    assert not failures, ported.findings
    return ported


def _check_promises(before: str, after: str) -> None:
    ast.parse(after, feature_version=(3, 7))
    lost = _comments(before) - _comments(after)
    assert not lost, f"comments lost: {lost}"


def _comments(text: str) -> Counter[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


def _tabs(text: str) -> bytes:
    def indent(found: re.Match[str]) -> str:
        spaces = len(found.group())
        return "\t" * (spaces // 4) + " " * (spaces % 4)

    return re.sub(r"(?m)^ +", indent, text).encode()


_VARIANTS = {
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "a byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "tabs": _tabs,
    "no final newline": lambda text: text.removesuffix("\n").encode(),
}
