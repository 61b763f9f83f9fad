"""What a process knows about its job.

Source: adapter, npu_bridge/estimator/npu/npu_common.py.
"""

import json
import os

from npu_simulator.adapter import util


class JobConfig:
    """Configuration of a job."""

    def __init__(self, learning_rate=None, batch_size=None):
        self._learning_rate = learning_rate
        self._batch_size = batch_size


class DeviceInfo:
    """The device of this process.

    Args:
        index: rank, as a str.
    """

    def __init__(self, index="0", server_id="123456", dev_index=1):
        self._index = index
        self._server_id = server_id
        self._dev_index = dev_index
        self._root_rank = 0

    def is_master_node(self):
        """Returns what the adapter does, which compares a str with 0."""
        return self._index == self._root_rank


class JobInfo:
    """A job."""

    def __init__(self, **given):
        for name, value in given.items():
            setattr(self, "_" + name, value)


class NPUBasics:
    """The job of this process, read once.

    Args:
        file_name: JSON file that describes it, "" for the environment.
    """

    _job_info = None

    def __init__(self, file_name):
        if NPUBasics._job_info is None:
            NPUBasics._job_info = _read(file_name)

    @property
    def jobinfo(self):
        """The JobInfo; None where JOB_ID is not set."""
        return self._job_info

    def size(self):
        """Returns how many ranks there are.

        Raises:
            ValueError: JOB_ID is not set. (The adapter raises AttributeError, on None.)
        """
        if self._job_info is None:
            raise ValueError(
                "Load job info failed, please check whether `JOB_ID` is set in environment variable"
            )
        return self._job_info._rank_size


def _read(file_name):
    if file_name and os.path.exists(file_name):
        with open(file_name, encoding="utf-8") as file:
            data = json.load(file)
        util.check_not_none(data.get("device_info"), "device_info")
        index = data["device_info"].get("Index")
        util.check_nonnegative_integer(index, "Index")
        util.check_not_none(data.get("rank_table_file"), "rank_table_file")
        util.check_positive_integer(data.get("rank_size"), "rank_size")
        return JobInfo(
            device_info=DeviceInfo(index=str(index)),
            rank_table_file=data["rank_table_file"],
            local_checkpoint_dir=data.get("local_checkpoint_dir"),
            rank_size=data["rank_size"],
        )
    if not os.getenv("JOB_ID"):
        return None
    size = util.get_ranksize()
    return JobInfo(
        job_id=os.environ["JOB_ID"],
        heartbeat_time=os.getenv("HEARTBEAT", ""),
        device_info=DeviceInfo(index=os.getenv("POD_NAME") or os.getenv("RANK_ID", "")),
        rank_table_file=os.getenv("RANK_TABLE_FILE", ""),
        local_checkpoint_dir=os.getenv("LOCAL_CHECKPOINT_DIR", ""),
        rank_size=int(size) if size.isdigit() else 1,
    )
