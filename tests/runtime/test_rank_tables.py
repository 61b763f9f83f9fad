"""Rank tables of both templates: what is in them, and what is wrong with them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.storage.conftest import RUNTIME


def _tables() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(RUNTIME))
        return importlib.import_module("npu_runtime.rank_tables")


tables = _tables()


def ranks(servers: int, devices: int, first: int = 0) -> list[Any]:
    return [
        tables.Rank(
            server * devices + device,
            f"10.0.0.{server}",
            first + device,
            f"192.168.{server}.{device}",
            "",
        )
        for server in range(servers)
        for device in range(devices)
    ]


def parsed(table: object) -> Any:
    return tables.parse(json.dumps(table).encode())


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 4))
def test_what_is_written_is_read(servers: int, devices: int, first: int) -> None:
    wanted = ranks(servers, devices, first)
    read = parsed(tables.template1(wanted))
    assert (read.template, read.ranks, read.problems) == (1, wanted, [])
    read = parsed(tables.template2(wanted))
    assert (read.template, read.problems) == (2, [])
    assert [rank._replace(pod="") for rank in read.ranks] == wanted
    again = parsed(tables.template1(read.ranks))
    assert again.ranks == wanted


def test_modelarts_folder_is_read_by_the_number_of_the_pod(tmp_path: Path) -> None:
    pods = [f"job-{number}" for number in range(12)]
    wanted = [
        tables.Rank(number, f"10.0.0.{number}", 3, f"192.168.0.{number}", pod)
        for number, pod in enumerate(pods)
    ]
    table = tables.template2(sorted(wanted, key=lambda rank: str(rank.pod)))
    (tmp_path / "jobstart_hccl.json").write_text(json.dumps(table))
    assert tables.read_table(str(tmp_path)) == wanted


def wrong(template: int, change: str, value: Any) -> list[str]:
    """The problems of a table of two servers with two devices after one change; ... removes."""
    table = (tables.template1 if template == 1 else tables.template2)(ranks(2, 2))
    *path, last = [int(word) if word.isdigit() else word for word in change.split()]
    place: Any = table
    for word in path:
        place = place[word]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return list(parsed(table).problems)


DEVICE = "server_list 1 device 0"
INSTANCE = "group_list 0 instance_list 1"


@pytest.mark.parametrize(
    ("template", "change", "value", "problem"),
    [
        (1, "status", "initializing", "status: 'initializing': expected 'completed'"),
        (1, "status", ..., "status: missing"),
        (1, "version", "1.2", "version: '1.2': expected '1.0'"),
        (1, "server_count", 2, "server_count: 2: expected a text in quotes"),
        (1, "server_count", "3", "server_count: 3, but 2 servers are in the table"),
        (1, "server_count", "two", "server_count: 'two': expected a whole number from 0"),
        (1, "server_list", [], "server_list: expected a list with something in it"),
        (1, "server_list 0", 7, "server_list[0]: expected an object"),
        (1, "server_list 1 device", {}, "server_list[1].device: expected a list with some"),
        (1, "server_list 1 server_id", "", "server_list[1].server_id: empty"),
        (1, "server_list 1 server_id", "x" * 64, "server_list[1].server_id: longer than 63"),
        (1, "server_list 1 server_id", "10.0.0.0", "'10.0.0.0' is that of server_list[0], too"),
        (1, f"{DEVICE} device_id", "8", "device[0].device_id: 8: a server has devices 0 to 7"),
        (1, f"{DEVICE} device_id", "-1", "device_id: '-1': expected a whole number from 0"),
        (1, f"{DEVICE} device_id", "1", "1 is that of server_list[1].device[0], too"),
        (1, f"{DEVICE} rank_id", "0", "0 is that of server_list[0].device[0], too"),
        (1, f"{DEVICE} rank_id", "9", "rank_id: no device is rank 2; ranks go from 0 to 3"),
        (1, f"{DEVICE} rank_id", ..., "server_list[1].device[0].rank_id: missing"),
        (1, f"{DEVICE} device_ip", ..., "device[0].device_ip: missing: several servers need it"),
        (1, f"{DEVICE} device_ip", "1.2.3", "'1.2.3' is no IPv4 or IPv6 address"),
        (1, f"{DEVICE} device_ip", "192.168.0.0", "192.168.0.0 is that of server_list[0].dev"),
        (2, "group_count", "2", "group_count: 2, but 1 groups are in the table"),
        (2, "group_list 0 instance_count", "1", "instance_count: 1, but 2 instances are in"),
        (2, "group_list 0 device_count", "3", "device_count: 3, but 4 devices are in the"),
        (2, f"{INSTANCE} pod_name", "job-0", "pod_name: 'job-0' is that of group_list[0]."),
        (2, f"{INSTANCE} devices 0 device_id", 0, "devices[0].device_id: 0: expected a text"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    template: int, change: str, value: Any, problem: str
) -> None:
    assert any(problem in found for found in wrong(template, change, value)), wrong(
        template, change, value
    )


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{\n  "status": "completed", // yes\n}', "line 2, column 26: not JSON"),
        (b"", "line 1, column 1: not JSON"),
        (b"\xff", "not UTF-8"),
        (b'{"a": 1, "a": 2}', "'a' stands twice in one object"),
        (b"[]", "expected an object"),
        (b"{}", "neither server_list"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_table_is_told(data: bytes, problem: str) -> None:
    assert any(problem in found for found in tables.parse(data).problems)


def test_a_table_that_is_not_ready_says_so_first() -> None:
    table = tables.parse(b'{"status": "initializing"}')
    assert table.status == "initializing" and table.problems[0].startswith("status: ")


@given(st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x), max_leaves=5))
def test_nothing_in_a_list_is_too_odd(value: Any) -> None:
    for key in ("server_list", "group_list"):
        for inner in ("device", "instance_list", "devices"):
            assert parsed({key: value}).problems
            assert parsed({key: [{inner: value}]}).problems
            assert parsed({key: [{"instance_list": [{inner: value}]}]}).problems


def test_an_error_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing\.json: No such file"):
        tables.read_table(str(tmp_path / "nothing.json"))
    (tmp_path / "jobstart_hccl.json").write_text("{}")
    with pytest.raises(ValueError, match=r"jobstart_hccl\.json: status: missing"):
        tables.read_table(str(tmp_path))
