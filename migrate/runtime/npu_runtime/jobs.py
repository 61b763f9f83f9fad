"""What the environment says about the processes that train together; ranks.py gives it out.

The adapter finds its devices by the same variables (CANN, TensorFlow 1.15 Model Porting,
"Distributed Training").
"""

import collections
import functools
import os
import re

from . import settings
from .rank_tables import read_table

Job = collections.namedtuple("Job", "rank size local_rank local_size")

_DEVICES = ("ASCEND_DEVICE_ID", "DEVICE_ID")  # in the order in which the adapter takes them
_WORKERS = "CM_WORKER_SIZE"
# The adapter's other way: instead of RANK_SIZE and a rank table.
_WITHOUT_TABLE = ("CM_CHIEF_IP", "CM_CHIEF_PORT", "CM_CHIEF_DEVICE", _WORKERS)
_NAMES = ("NPU_DEVICE", "RANK_ID", "RANK_SIZE", "JOB_ID", "RANK_TABLE_FILE")
_LARGEST_SERVER = 8  # devices


def job():
    """The place of this process in the job.

    Raises:
        SettingError: the environment is incomplete or contradicts itself.
    """
    names = (*_NAMES, *_DEVICES, *_WITHOUT_TABLE)
    return _checked(tuple(os.environ.get(name) for name in names))


@functools.lru_cache(maxsize=1)
def _checked(environment):
    """As `job`; `environment` is what the answer depends on."""
    del environment
    count, asked = _count()
    if count == 1:
        _check_alone(asked)
        return Job(0, 1, 0, 1)
    if settings.on_host():
        raise settings.SettingError(
            "%s, but NPU_DEVICE=host: one process trains on the host; unset one of them" % asked
        )
    _check_job_id(asked)
    table = _table(count, asked)
    devices = {name: _number(name) for name in _DEVICES if settings.is_set(name)}
    number = _rank(table, devices, count, asked)
    if table is not None:
        return _job_in(table, number, devices)
    if not devices:
        raise settings.SettingError(
            "ASCEND_DEVICE_ID is not set, and there is no rank table that names the device of"
            " rank %d; set it to the number of the device" % number
        )
    device = next(devices[name] for name in _DEVICES if name in devices)
    return Job(number, count, device, min(count, _LARGEST_SERVER))


def _count():
    """The number of ranks, and by what it was asked for."""
    workers = os.environ.get(_WORKERS)
    if workers and settings.is_set("RANK_SIZE"):
        raise settings.SettingError(
            "RANK_SIZE=%s and %s=%s exclude each other; unset %s to train with a rank table, or"
            " RANK_SIZE to train without" % (os.environ["RANK_SIZE"], _WORKERS, workers, _WORKERS)
        )
    name, given = (_WORKERS, workers) if workers else ("RANK_SIZE", settings.value("RANK_SIZE"))
    if not given.isdecimal() or int(given) < 1:
        raise settings.SettingError(
            "%s=%s: set it to the number of processes, at least 1" % (name, given)
        )
    set_at_all = workers or settings.is_set(name)
    return int(given), "%s=%s" % (name, given) if set_at_all else "RANK_SIZE is not set"


def _check_alone(asked):
    """Finds what was meant to be several ranks, and would be as many trainings of one."""
    given = settings.value("RANK_ID")
    if given.isdecimal() and int(given):
        raise settings.SettingError(
            "RANK_ID=%s, but %s; set RANK_SIZE to the number of processes, or unset RANK_ID"
            % (given, asked)
        )
    path = settings.value("RANK_TABLE_FILE")
    try:
        count = len(read_table(path)) if path and not settings.on_host() else 1
    except ValueError:  # A single process needs no table.
        return
    if count > 1:
        raise settings.SettingError(
            "RANK_TABLE_FILE=%s has %d ranks, but %s; set RANK_SIZE=%d, and RANK_ID for each"
            " process, or unset RANK_TABLE_FILE to train on one device"
            % (path, count, asked, count)
        )


def _check_job_id(asked):
    name = settings.value("JOB_ID")
    if not name:
        raise settings.SettingError(
            "%s, but JOB_ID is not set; set it to a name that all ranks share, such as 10087"
            % asked
        )
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise settings.SettingError("JOB_ID=%s: it may have letters, digits, - and _ only" % name)


def _table(count, asked):
    path = settings.value("RANK_TABLE_FILE")
    if os.environ.get(_WORKERS):
        if path:
            raise settings.SettingError(
                "RANK_TABLE_FILE=%s and %s exclude each other; unset one of them" % (path, asked)
            )
        missing = [name for name in _WITHOUT_TABLE if not os.environ.get(name)]
        if missing:
            raise settings.SettingError(
                "%s, but %s is not set; set it" % (asked, " and ".join(missing))
            )
        return None
    if not path:
        raise settings.SettingError(
            "%s, but RANK_TABLE_FILE is not set; set it to the rank table, the JSON file that says"
            " which device each rank has" % asked
        )
    try:
        table = read_table(path)
    except ValueError as error:
        raise settings.SettingError("RANK_TABLE_FILE: %s" % error) from None
    if len(table) != count:
        raise settings.SettingError(
            "RANK_TABLE_FILE=%s has %d ranks, but %s; set RANK_SIZE=%d, or take another rank table"
            % (path, len(table), asked, len(table))
        )
    return table


def _rank(table, devices, count, asked):
    given = settings.value("RANK_ID")
    if not given:
        raise settings.SettingError(
            "%s, but RANK_ID is not set; set it to the number of this process, from 0 to %d"
            % (asked, count - 1)
        )
    # In template 2, RANK_ID may name a pod, and the device says which of its ranks.
    pod = [place for place in table or () if place.pod == given]
    if len(pod) > 1 and devices:
        pod = [place for place in pod if place.device in devices.values()]
    if len(pod) == 1:
        return pod[0].rank
    if pod:
        raise settings.SettingError(
            "RANK_ID=%s is a pod of %d devices; set ASCEND_DEVICE_ID to that of this process, or"
            " RANK_ID to its number, from 0 to %d" % (given, len(pod), count - 1)
        )
    if not given.isdecimal() or int(given) >= count:
        raise settings.SettingError(
            "RANK_ID=%s, but %s; set RANK_ID to the number of this process, from 0 to %d"
            % (given, asked, count - 1)
        )
    return int(given)


def _job_in(table, number, devices):
    own = table[number]
    for name, device in devices.items():
        if device != own.device:
            raise settings.SettingError(
                "%s=%d, but RANK_TABLE_FILE=%s gives rank %d device %d of %s; set %s=%d, or mend"
                " the table"
                % (
                    name,
                    device,
                    settings.value("RANK_TABLE_FILE"),
                    number,
                    own.device,
                    own.server,
                    name,
                    own.device,
                )
            )
    neighbours = [place.rank for place in table if place.server == own.server]
    return Job(number, len(table), neighbours.index(number), len(neighbours))


def _number(name):
    given = settings.value(name)
    if not given.isdecimal():
        raise settings.SettingError("%s=%s is not the number of a device" % (name, given))
    return int(given)
