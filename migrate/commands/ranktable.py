"""``migrate ranktable``: makes, or checks, the table that says which device trains as which rank.

The checks are those that a port makes before it trains. The limits on how many devices, and which,
may train together stand in CANN's TensorFlow 1.15 Model Porting Guide, "Preparing the ranktable
resource configuration file".
"""

from __future__ import annotations

import argparse
import importlib
import ipaddress
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from migrate.console import styled
from migrate.errors import UsageError
from migrate.publish.disk import explained, write_whole

# Part of the runtime that a port carries; standard library only.
_tables = importlib.import_module("migrate.runtime.npu_runtime.rank_tables")
_ADDRESS = re.compile(r"^[ \t]*address_(\d+)[ \t]*=[ \t]*(\S+)", re.MULTILINE)
_TOGETHER = (1, 2, 4, 8)  # devices of one server that can train together
_RINGS = (range(4), range(4, 8))  # two or four devices have to be in one of these


def run(arguments: argparse.Namespace) -> int:
    if arguments.check is not None:
        making = (arguments.host, arguments.hosts, arguments.devices, arguments.to)
        if any(making) or arguments.template != 1:
            raise UsageError("--check takes a file and nothing else but --json")
        return _check(arguments.check, arguments.json)
    if arguments.json:
        raise UsageError("--json is for the report of --check; a rank table is JSON anyway")
    ranks = list(_ranks(_hosts(arguments), _devices(arguments.devices)))
    make = _tables.template1 if arguments.template == 1 else _tables.template2
    data = (json.dumps(make(ranks), indent=2) + "\n").encode()
    if problems := _tables.parse(data).problems:
        raise UsageError(problems[0], advice="Mend the list of hosts, or the options.")
    for text in _limits(ranks):
        print(styled(f"warning: {text}", "warning"), file=sys.stderr)
    if arguments.to is None:
        sys.stdout.write(data.decode())
    else:
        with explained("write the rank table", arguments.to):
            write_whole(arguments.to, data)
    return 0


def _check(path: Path, as_json: bool) -> int:
    try:
        table = _tables.load(str(path))
    except ValueError as error:
        raise UsageError(str(error)) from None
    warnings = [] if table.problems else list(_limits(table.ranks))
    servers = len({rank.server for rank in table.ranks})
    if as_json:
        report = {
            "file": _tables.file_of(str(path)),
            "template": table.template or None,
            "servers": servers,
            "ranks": len(table.ranks),
            "problems": table.problems,
            "warnings": warnings,
        }
        print(json.dumps(report, indent=2))
        return int(bool(table.problems))
    for severity, texts in (("error", table.problems), ("warning", warnings)):
        for text in texts:
            print(f"{styled(severity, severity)} {path}: {text}")
    if not table.problems:
        print(f"{path}: template {table.template}, servers: {servers}, ranks: {len(table.ranks)}")
    return int(bool(table.problems))


def _limits(ranks: Sequence[Any]) -> Iterator[str]:
    """What CANN says does not train together, though the table itself is well formed."""
    servers: dict[str, list[int]] = {}
    for rank in ranks:
        servers.setdefault(rank.server, []).append(rank.device)
    for server, devices in servers.items():
        if len(devices) not in _TOGETHER:
            yield f"{server}: {len(devices)} devices; CANN trains on 1, 2, 4 or 8 of a server"
        elif len(devices) in (2, 4) and not any(set(devices) <= set(ring) for ring in _RINGS):
            shown = ", ".join(map(str, sorted(devices)))
            yield f"{server}: devices {shown}; 2 or 4 have to be all of 0 to 3, or all of 4 to 7"
    if len({len(devices) for devices in servers.values()}) > 1:
        yield "the servers have different numbers of devices; CANN wants the same of each"


def _devices(text: str | None) -> list[int]:
    """The numbers of a server's devices: how many there are, or which, with commas."""
    words = (text or "8").split(",")
    if not all(word.isdigit() for word in words):
        raise UsageError(f"--devices {text}: expected a number, or ids such as 4,5,6,7")
    numbers = [int(word) for word in words]
    if len(numbers) > 1:
        return numbers
    if not 1 <= numbers[0] <= _tables.DEVICES:
        raise UsageError(f"--devices {text}: a server has 1 to {_tables.DEVICES}")
    return list(range(numbers[0]))


def _hosts(arguments: argparse.Namespace) -> list[tuple[str, list[str], Path]]:
    """Each server's id, what is said of its addresses, and the folder that a file's name is in."""
    found = []
    if arguments.hosts is not None:
        for line in _read(arguments.hosts).splitlines():
            if words := line.partition("#")[0].split():
                found.append((words[0], words[1:], arguments.hosts.parent))
    for host in arguments.host:
        name, _, addresses = host.partition("=")
        found.append((name, [word for word in addresses.split(",") if word], Path()))
    if not found and arguments.hosts is not None:
        raise UsageError("there is no host in it", where=str(arguments.hosts))
    names = [name for name, _, _ in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{twice}: the server is named twice")
    return found or [("localhost", [], Path())]


def _ranks(hosts: Sequence[tuple[str, list[str], Path]], devices: list[int]) -> Iterator[Any]:
    number = 0
    for name, words, folder in hosts:
        addresses = _addresses(name, words, folder, devices)
        if not addresses and len(hosts) > 1:
            raise UsageError(
                f"{name}: several servers need the addresses of their devices",
                advice="Give them behind the name, or a copy of the server's /etc/hccn.conf: "
                f"{name}=192.168.1.10,192.168.1.11 or {name}=hccn.conf.",
            )
        for place, device in enumerate(devices):
            yield _tables.Rank(number, name, device, addresses[place] if addresses else "", "")
            number += 1


def _addresses(name: str, words: list[str], folder: Path, devices: list[int]) -> list[str]:
    """A server's addresses, in the order of its devices; empty where nothing is said."""
    if len(words) == 1 and not _is_address(words[0]):
        path = folder / words[0]
        known = dict(_ADDRESS.findall(_read(path)))
        missing = [device for device in devices if str(device) not in known]
        if missing:
            raise UsageError(
                f"there is no address_{missing[0]} in it",
                where=str(path),
                advice="Copy /etc/hccn.conf of the server, or say with --devices which it has.",
            )
        return [known[str(device)] for device in devices]
    if words and len(words) != len(devices):
        raise UsageError(
            f"{name}: {len(words)} addresses for {len(devices)} devices",
            advice="Give one for each device, or the path of a copy of the server's "
            "/etc/hccn.conf; --devices says which devices there are.",
        )
    return words


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _read(path: Path) -> str:
    """A file that the command line names; an editor's byte order mark is no part of it."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
