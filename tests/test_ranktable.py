"""``migrate ranktable``: what it makes it takes for right, and it says what is wrong elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate import cli

HCCN = """
address_0=192.168.100.101
netmask_0=255.255.255.0
 address_1 = 192.168.101.101
address_4=192.168.102.101
address_10=192.168.103.101
"""


def made(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert cli.main(["ranktable", *words]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["ranktable", *words]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and "Traceback" not in shown.err
    return shown.err


def devices(table: Any) -> list[list[tuple[str, ...]]]:
    return [
        [
            (device["device_id"], device["rank_id"], device.get("device_ip", ""))
            for device in server["device"]
        ]
        for server in table["server_list"]
    ]


def test_one_server_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    table = made(capsys)
    assert devices(table) == [[(str(n), str(n), "") for n in range(8)]]
    assert (table["status"], table["version"], table["server_count"]) == ("completed", "1.0", "1")
    assert devices(made(capsys, "--devices", "4,5"))[0] == [("4", "0", ""), ("5", "1", "")]


def test_several_servers(capsys: pytest.CaptureFixture[str]) -> None:
    table = made(capsys, "10.0.0.1=1.1.1.1,1.1.1.2", "10.0.0.2=1.1.1.3,::1", "--devices=2")
    assert [server["server_id"] for server in table["server_list"]] == ["10.0.0.1", "10.0.0.2"]
    assert devices(table) == [
        [("0", "0", "1.1.1.1"), ("1", "1", "1.1.1.2")],
        [("0", "2", "1.1.1.3"), ("1", "3", "::1")],
    ]


def test_a_list_of_hosts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.conf").write_text(HCCN)
    hosts = tmp_path / "hosts"
    hosts.write_text("\ufeff# the rack\nnode-0 one.conf\n\nnode-1 192.168.1.1 192.168.1.2  # new\n")
    table = made(capsys, "--hosts", str(hosts), "--devices", "1,0")
    assert devices(table) == [
        [("1", "0", "192.168.101.101"), ("0", "1", "192.168.100.101")],
        [("1", "2", "192.168.1.1"), ("0", "3", "192.168.1.2")],
    ]
    target = tmp_path / "table.json"
    words = ["--hosts", str(hosts), "--devices", "2", "--template", "2", "--to", str(target)]
    assert cli.main(["ranktable", *words]) == 0
    assert capsys.readouterr().out == ""
    (group,) = json.loads(target.read_text())["group_list"]
    assert (group["device_count"], group["instance_count"]) == ("4", "2")
    assert [pod["pod_name"] for pod in group["instance_list"]] == ["job-0", "job-1"]
    assert cli.main(["ranktable", "--check", str(target)]) == 0
    assert capsys.readouterr().out == f"{target}: template 2, servers: 2, ranks: 4\n"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(
    servers=st.integers(1, 6),
    ids=st.lists(st.integers(0, 7), min_size=2, max_size=8, unique=True),
    template=st.sampled_from(["1", "2"]),
)
def test_what_it_makes_is_right(
    servers: int, ids: list[int], template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = [
        f"10.0.0.{server}=" + ",".join(f"192.168.{server}.{device}" for device in ids)
        for server in range(servers)
    ]
    shown = ",".join(map(str, ids))
    target = str(tmp_path / "table.json")
    words = [*hosts, "--devices", shown, "--template", template, "--to", target]
    assert cli.main(["ranktable", *words]) == 0
    capsys.readouterr()
    assert cli.main(["ranktable", "--json", "--check", target]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["problems"] == []
    assert [report["template"], report["servers"], report["ranks"]] == [
        *(int(template), servers, servers * len(ids))
    ]


@pytest.mark.parametrize(
    ("ids", "warning"),
    [
        ("3", "3 devices; CANN trains on 1, 2, 4 or 8 of a server"),
        ("2,3,4,5", "devices 2, 3, 4, 5; 2 or 4 have to be all of 0 to 3, or all of 4 to 7"),
        ("4,6", ""),
        ("1", ""),
    ],
)
def test_what_does_not_train_together_is_a_warning(
    ids: str, warning: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = str(tmp_path / "table.json")
    assert cli.main(["ranktable", "--devices", ids, "--to", target]) == 0
    assert warning in capsys.readouterr().err
    assert cli.main(["ranktable", "--check", target]) == 0
    assert warning in capsys.readouterr().out
    assert cli.main(["ranktable", "--check", target, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == bool(warning)


def test_what_is_wrong_with_a_table_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = made(capsys, "--devices", "2")
    table["status"] = "initializing"
    table["server_list"][0]["device"][1]["device_id"] = 0
    path = tmp_path / "table.json"
    path.write_text(json.dumps(table))
    assert cli.main(["ranktable", "--check", str(path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"error {path}: status: 'initializing': expected 'completed'",
        f"error {path}: server_list[0].device[1].device_id: 0: expected a text in quotes",
    ]
    path.write_text('{\n  "status": completed\n}')
    assert cli.main(["ranktable", "--check", str(path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["template"] is None
    assert report["problems"] == ["line 2, column 13: not JSON: Expecting value"]


def test_wrong_usage_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = tmp_path / "hccn.conf"
    conf.write_text(HCCN)
    empty = tmp_path / "hosts"
    empty.write_text("# none\n")
    for words, message in (
        (("a", "b"), "a: several servers need the addresses of their devices"),
        ((f"a={conf}",), "hccn.conf: there is no address_2 in it"),
        (("a=1.1.1.1", "--devices=2"), "a: 1 addresses for 2 devices"),
        (("a=1.1.1.1,x", "--devices=2"), "device_ip: 'x' is no IPv4 or IPv6 address"),
        (("a=1.1.1.1,1.1.1.1", "--devices=2"), "1.1.1.1 is that of server_list[0].device[0]"),
        (("a=1.1.1.1", "a=1.1.1.2", "--devices=1"), "a: the server is named twice"),
        (("--devices=x",), "--devices x: expected a number, or ids such as 4,5,6,7"),
        (("--devices=0",), "--devices 0: a server has 1 to 8"),
        (("--devices=7,8",), "device_id: 8: a server has devices 0 to 7"),
        ((f"--hosts={empty}",), "hosts: there is no host in it"),
        ((f"--hosts={tmp_path}/none",), "none: cannot be read: No such file or directory"),
        ((f"--hosts={tmp_path}",), "cannot be read: Is a directory"),
        (("a=hccn-1.conf", "--devices=1"), "hccn-1.conf: cannot be read: No such file"),
        (("--check", str(conf), "a"), "--check takes a file and nothing else"),
        ((f"--check={tmp_path}/none.json",), "none.json: No such file or directory"),
    ):
        assert message in refused(capsys, *words), words
    assert cli.main(["ranktable", "--json"]) == 2
    (error,) = json.loads(capsys.readouterr().out).values()
    assert error["message"].startswith("--json is for the report of --check")


def test_a_table_is_written_whole_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "none" / "table.json"
    assert cli.main(["ranktable", "--to", str(target)]) == 1
    assert "write the rank table" in capsys.readouterr().err
    old = tmp_path / "table.json"
    old.write_text("old")
    refused(capsys, "a", "b", "--to", str(old))
    assert old.read_text() == "old" and list(tmp_path.iterdir()) == [old]
