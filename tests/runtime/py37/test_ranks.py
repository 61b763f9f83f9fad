import json
import os

import pytest
from npu_runtime import ranks

OWN = {"ASCEND_DEVICE_ID": "1", "JOB_ID": "j-1", "RANK_ID": "1", "RANK_SIZE": "4"}
CM = {"CM_CHIEF_IP": "10.0.0.1", "CM_CHIEF_PORT": "6000", "CM_CHIEF_DEVICE": "0"}


@pytest.fixture(autouse=True)
def no_other_way(monkeypatch):
    for name in (*CM, "CM_WORKER_SIZE"):
        monkeypatch.delenv(name, raising=False)


def template_1(servers=2, devices=2):
    return {
        "status": "completed",
        "version": "1.0",
        "server_count": str(servers),
        "server_list": [
            {
                "server_id": "node_%d" % server,
                "device": [
                    {
                        "device_id": str(device),
                        "device_ip": "192.168.%d.%d" % (server, device + 1),
                        "rank_id": str(server * devices + device),
                    }
                    for device in range(devices)
                ],
            }
            for server in range(servers)
        ],
    }


def template_2(pods=2, devices=2):
    return {
        "status": "completed",
        "group_count": "1",
        "group_list": [
            {
                "group_name": "job",
                "instance_count": str(pods),
                "device_count": str(pods * devices),
                "instance_list": [
                    {
                        "pod_name": "pod-%d" % pod,
                        "server_id": "10.0.0.%d" % pod,
                        "devices": [
                            {
                                "device_id": str(device),
                                "device_ip": "192.168.%d.%d" % (pod, device + 1),
                            }
                            for device in range(devices)
                        ],
                    }
                    for pod in range(pods)
                ],
            }
        ],
    }


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Sets the environment of rank 1 of 4 on two servers, with changes; None unsets."""

    def prepared(table=None, **changes):
        path = tmp_path / "table.json"
        path.write_text(json.dumps(table or template_1()))
        for name, value in {**OWN, "RANK_TABLE_FILE": str(path), **changes}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    return prepared


def seen():
    return ranks.rank(), ranks.size(), ranks.local_rank(), ranks.local_size(), ranks.is_chief()


def test_nothing_set_is_one_rank():
    assert seen() == (0, 1, 0, 1, True)


@pytest.mark.parametrize("name", ["RANK_SIZE", "RANK_ID", "JOB_ID", "RANK_TABLE_FILE"])
def test_empty_is_unset(monkeypatch, name):
    monkeypatch.setenv(name, "")
    assert seen() == (0, 1, 0, 1, True)


def test_one_device_needs_nothing_and_minds_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("RANK_SIZE", "1")
    monkeypatch.setenv("RANK_ID", "pod-7")
    monkeypatch.setenv("RANK_TABLE_FILE", str(tmp_path))  # where ModelArts has no table
    monkeypatch.setenv("ASCEND_DEVICE_ID", "5")
    assert seen() == (0, 1, 0, 1, True)


def test_one_device_of_a_table(job):
    job(template_2(1, 1), RANK_SIZE="1", RANK_ID="0", ASCEND_DEVICE_ID="6")
    assert seen() == (0, 1, 0, 1, True)


@pytest.mark.parametrize("table", [template_1(), template_2()])
@pytest.mark.parametrize("number, local", [(0, 0), (1, 1), (2, 0), (3, 1)])
def test_ranks_of_two_servers(job, table, number, local):
    job(table, RANK_ID=str(number), ASCEND_DEVICE_ID=str(local), DEVICE_ID=str(local))
    assert seen() == (number, 4, local, 2, number == 0)


def test_the_table_names_the_device(job):
    job(ASCEND_DEVICE_ID=None)
    assert seen() == (1, 4, 1, 2, False)


def test_order_in_the_file_does_not_count(job):
    table = template_1(1, 4)
    table["server_list"][0]["device"].reverse()
    job(table)
    assert seen() == (1, 4, 1, 4, False)
    places = ranks.read_table(os.environ["RANK_TABLE_FILE"])
    assert [place.rank for place in places] == [0, 1, 2, 3]
    assert [place.device for place in places] == [0, 1, 2, 3]

    return os.environ["RANK_TABLE_FILE"]


def test_the_folder_of_modelarts(job, tmp_path):
    (tmp_path / "jobstart_hccl.json").write_text(json.dumps(template_2()))
    job(RANK_TABLE_FILE=str(tmp_path))
    assert seen() == (1, 4, 1, 2, False)


def test_a_pod_of_one_device(job):
    job(template_2(4, 1), RANK_ID="pod-2", ASCEND_DEVICE_ID="0")
    assert seen() == (2, 4, 0, 1, False)


def test_a_device_of_a_pod(job):
    job(template_2(), RANK_ID="pod-1", ASCEND_DEVICE_ID="1")
    assert seen() == (3, 4, 1, 2, False)


def test_without_a_rank_table(job):
    job(RANK_SIZE=None, RANK_TABLE_FILE=None, CM_WORKER_SIZE="4", **CM)
    assert seen() == (1, 4, 1, 4, False)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"RANK_SIZE": "0"}, "RANK_SIZE=0: set it to the number of processes"),
        ({"RANK_SIZE": "²"}, "RANK_SIZE=²: set it to the number"),
        ({"RANK_SIZE": "eight"}, "RANK_SIZE=eight: set it to the number"),
        ({"RANK_SIZE": None}, "RANK_ID=1, but RANK_SIZE is not set; set RANK_SIZE"),
        ({"RANK_SIZE": "1"}, "RANK_ID=1, but RANK_SIZE=1; set RANK_SIZE"),
        (
            {"RANK_SIZE": None, "RANK_ID": None},
            "table.json has 4 ranks, but RANK_SIZE is not set; set RANK_SIZE=4",
        ),
        ({"RANK_SIZE": "8"}, "table.json has 4 ranks, but RANK_SIZE=8; set RANK_SIZE=4"),
        ({"NPU_DEVICE": "host"}, "RANK_SIZE=4, but NPU_DEVICE=host"),
        ({"RANK_ID": None}, "RANK_SIZE=4, but RANK_ID is not set; set it .* from 0 to 3"),
        ({"RANK_ID": "4"}, "RANK_ID=4, but RANK_SIZE=4; set RANK_ID .* from 0 to 3"),
        ({"RANK_ID": "-1"}, "RANK_ID=-1, but RANK_SIZE=4; set RANK_ID"),
        ({"RANK_ID": "pod-9"}, "RANK_ID=pod-9, but RANK_SIZE=4; set RANK_ID"),
        ({"JOB_ID": None}, "RANK_SIZE=4, but JOB_ID is not set; set it"),
        ({"JOB_ID": "my job"}, "JOB_ID=my job: it may have letters"),
        ({"RANK_TABLE_FILE": None}, "RANK_SIZE=4, but RANK_TABLE_FILE is not set; set it"),
        ({"RANK_TABLE_FILE": "/none"}, "RANK_TABLE_FILE: /none: No such file"),
        ({"ASCEND_DEVICE_ID": "0"}, "ASCEND_DEVICE_ID=0, but .* gives rank 1 device 1 of node_0"),
        ({"DEVICE_ID": "3"}, "DEVICE_ID=3, but .*; set DEVICE_ID=1"),
        ({"DEVICE_ID": "npu"}, "DEVICE_ID=npu is not the number of a device"),
        ({"CM_WORKER_SIZE": "4"}, "RANK_SIZE=4 and CM_WORKER_SIZE=4 exclude each other"),
        ({"CM_WORKER_SIZE": "0", "RANK_SIZE": None}, "CM_WORKER_SIZE=0: set it"),
        (
            {"CM_WORKER_SIZE": "4", "RANK_SIZE": None},
            "RANK_TABLE_FILE=.* and CM_WORKER_SIZE=4 exclude each other",
        ),
        (
            {"CM_WORKER_SIZE": "4", "RANK_SIZE": None, "RANK_TABLE_FILE": None},
            "CM_WORKER_SIZE=4, but CM_CHIEF_IP and CM_CHIEF_PORT and CM_CHIEF_DEVICE is not set",
        ),
        (
            dict(
                CM,
                CM_WORKER_SIZE="4",
                RANK_SIZE=None,
                RANK_TABLE_FILE=None,
                ASCEND_DEVICE_ID=None,
            ),
            "ASCEND_DEVICE_ID is not set, and there is no rank table",
        ),
    ],
)
def test_what_is_wrong_is_named(job, changes, message):
    job(**changes)
    for ask in (ranks.rank, ranks.size):
        with pytest.raises(ValueError, match=message):
            ask()


def test_a_pod_of_several_devices_needs_the_device(job):
    job(template_2(), RANK_ID="pod-1", ASCEND_DEVICE_ID=None)
    with pytest.raises(ValueError, match="RANK_ID=pod-1 is a pod of 2 devices; set ASCEND_DEVICE"):
        ranks.rank()


def test_what_is_wrong_with_the_table_is_named(job):
    table = template_1()
    table["status"] = "initializing"
    job(table)
    with pytest.raises(ValueError, match=r"RANK_TABLE_FILE: .*: status: 'initializing'"):
        ranks.size()
