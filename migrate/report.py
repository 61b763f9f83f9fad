"""A port's report: one model, shown as text or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from migrate.analysis.inventory import SymbolReport, totals
from migrate.codemods.rule import SessionRow
from migrate.console import hint, styled
from migrate.findings import Finding
from migrate.readmes import READMES, is_readme

if TYPE_CHECKING:
    from migrate.porting import Port  # what shows findings alone needs no engine

_SHOWN = 5


def port_json(port: Port, **outcome: Any) -> dict[str, Any]:
    """The whole report as JSON values.

    Args:
        outcome: what became of the port, such as ``written``.
    """
    return {
        "upstream": port.upstream._asdict(),
        "cann": port.manifest.cann,
        "files": len(port.after),
        "changed": changed_files(port),
        "left_out": list(port.left_out),
        "patches": [name for name, _ in port.series.patches],
        "readmes": [name for name in READMES if is_readme(port.after, name)],
        "rules": dict(port.manifest.rules),
        "sessions": [row._asdict() for row in port.sessions],
        "symbols": {
            "totals": totals(port.symbols),
            "names": [symbol._asdict() for symbol in port.symbols if symbol.status != "native"],
        },
        "findings": [finding.as_json() for finding in port.findings],
        **outcome,
    }


def changed_files(port: Port) -> list[str]:
    """The upstream files that the port changes."""
    return [path for path, file in port.before.items() if port.after.get(path) != file]


def port_lines(port: Port) -> Iterator[str]:
    """The report as lines of text."""
    commit = (port.upstream.commit or "")[:10]
    changed = changed_files(port)
    yield styled(f"{port.upstream.name} {commit}".rstrip(), "bold")
    yield (
        f"  files     {len(port.before)} of upstream, {len(changed)} of them changed; "
        f"{len(port.after.keys() - port.before.keys())} added"
    )
    if port.left_out:
        more = len(port.left_out) - _SHOWN
        shown = ", ".join(port.left_out[:_SHOWN])
        yield f"  left out  {shown}{f' and {more} more' if more > 0 else ''}"
    if port.sessions:
        yield from _session_lines(port.sessions)
    yield f"  symbols   {_symbol_line(port.symbols)}"
    if readmes := [name for name in READMES if is_readme(port.after, name)]:
        yield f"  readmes   {', '.join(readmes)}"
    yield f"  patches   {', '.join(name for name, _ in port.series.patches) or 'none'}"
    yield from finding_lines(port.findings)


def _session_lines(sessions: Sequence[SessionRow]) -> Iterator[str]:
    host = sum(row.role == "host" for row in sessions)
    yield f"  sessions  {len(sessions)}: {len(sessions) - host} on the device, {host} on the host"
    places = [f"{row.path}:{row.line}" for row in sessions]
    width = max(map(len, places))
    kinds = max(len(row.kind) for row in sessions)
    for place, row in zip(places, sessions, strict=True):
        yield f"    {place:{width}}  {row.kind:{kinds}}  {row.role:7}  {row.why}"


def _symbol_line(symbols: Iterable[SymbolReport]) -> str:
    counts = totals(symbols)
    total = sum(counts.values())
    parts = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return f"{total} uses of TensorFlow, Keras and Horovod names: {parts or 'none'}"


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Errors first, then warnings, then notes; each with its place and what to do.

    What is the same at several places is told once, with all places, and so is the same advice.
    """
    order = {"error": 0, "warning": 1, "note": 2}
    groups: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for finding in sorted(findings, key=lambda f: (order[f.severity], f)):
        place = f"{finding.path}:{finding.line}" if finding.line else finding.path
        group = groups.setdefault((finding.severity, finding.code, finding.advice), {})
        group.setdefault(finding.message, []).append(place)
    for (severity, code, advice), group in groups.items():
        for message, places in group.items():
            yield f"  {styled(severity, severity)} {code} {places[0]}: {message}"
            if places[1:]:
                yield from _indented(f"also {', '.join(places[1:])}")
        if advice:
            yield f"      {hint(advice)}"


def _indented(text: str) -> list[str]:
    margin = " " * 6
    return wrap(
        text,
        100,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def symbol_lines(symbols: Iterable[SymbolReport]) -> Iterator[str]:
    """The names that need a look, with their places."""
    for symbol in symbols:
        if symbol.status in ("manual", "unsupported", "unknown"):
            places = ", ".join(symbol.places[:3])
            more = f" and {len(symbol.places) - 3} more" if len(symbol.places) > 3 else ""
            yield f"  {symbol.status} {symbol.name} at {places}{more}: {symbol.reason}"
