"""The environment variables of a simulated process, each read here and nowhere else.

    NPU_SIMULATOR_CANN   CANN release; the newest one unless set
    NPU_SIMULATOR_TRACE  folder for the trace
    NPU_SIMULATOR_SEED   an integer that makes runs repeatable
    NPU_SIMULATOR_FP16   1: round to fp16 where the precision mode does (see half.py)
    NPU_SIMULATOR_LOSS_SCALE  where dynamic loss scales begin then (see half.py)
    NPU_SIMULATOR_NUMERICS  1: tell of gradients that are 0 or overflow (see numerics.py)
    NPU_SIMULATOR_OBS    folder that stands for obs://
    NPU_SIMULATOR_HUB    host:port of the hub, where there are several ranks
    RANK_ID, RANK_SIZE   as on a real machine

A variable that is empty counts as unset.
"""

import os
from typing import Mapping, NamedTuple, Optional

from .releases import CANN_RELEASES, adapter_of


class Settings(NamedTuple):
    """What a simulated process was asked for; None where it was not.

    Attributes:
        cann: CANN release, such as "7.0".
        adapter: adapter release that belongs to it, such as "r1.15.0".
        fp16: whether to round to fp16 where the precision mode does.
        loss_scale: where dynamic loss scales begin then, at most; None for the usual place.
        numerics: whether to tell of gradients that are 0 or overflow.
        rank: number of this process, from 0.
        rank_size: how many ranks there are.
    """

    cann: str
    adapter: str
    trace: Optional[str]
    seed: Optional[int]
    obs: Optional[str]
    hub: Optional[str]
    rank: int
    rank_size: int
    fp16: bool = False
    loss_scale: Optional[int] = None
    numerics: bool = False


def read(environ: Optional[Mapping[str, str]] = None) -> Settings:
    """Reads the settings from the environment.

    Raises:
        ValueError: a variable has an illegal value; the text names both.
    """
    given = {key: value for key, value in (environ or os.environ).items() if value}
    cann = given.get("NPU_SIMULATOR_CANN", CANN_RELEASES[-1].name)
    try:
        adapter = adapter_of(cann)
    except ValueError as error:
        raise ValueError("NPU_SIMULATOR_CANN: %s" % error) from None
    return Settings(
        cann=cann,
        adapter=adapter,
        trace=given.get("NPU_SIMULATOR_TRACE"),
        seed=_integer(given, "NPU_SIMULATOR_SEED", None),
        obs=given.get("NPU_SIMULATOR_OBS"),
        hub=given.get("NPU_SIMULATOR_HUB"),
        rank=_integer(given, "RANK_ID", 0),
        rank_size=_integer(given, "RANK_SIZE", 1),
        fp16=_integer(given, "NPU_SIMULATOR_FP16", 0) == 1,
        loss_scale=_integer(given, "NPU_SIMULATOR_LOSS_SCALE", None),
        numerics=_integer(given, "NPU_SIMULATOR_NUMERICS", 0) == 1,
    )


def _integer(given, name, default):
    if name not in given:
        return default
    try:
        return int(given[name])
    except ValueError:
        raise ValueError("%s=%s is not an integer" % (name, given[name])) from None
