"""What ``modelzoo_level.txt`` says: OK only where a measured training proves it.

Keys and values are those of ModelZoo's contribution guide (Ascend/modelzoo, CONTRIBUTING.md), for
models that train. PerfStatus compares speed with a GPU's: PERFECT from 1.2 times on, OK where it is
at least the same, POK from half of it on. PrecisionStatus is POK where only the loss fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from migrate.readmes.table import Run

_OK, _PARTLY, _NOT = "OK", "POK", "NOK"
_SPEEDS = ((1.2, "PERFECT"), (1.0, _OK), (0.5, _PARTLY))
_LOSS_FITS = 0.01  # relative difference


def levels(runs: Sequence[Run]) -> dict[str, str]:
    """The levels, by ModelZoo's key and in its order.

    Args:
        runs: what was measured. A training on several devices proves that the port works, but is
            not compared with others.
    """
    whole = [run for run in runs if run.training == "full"]
    works = _OK if any(run.platform == "npu" for run in whole) else _NOT
    return {
        "GPUStatus": _OK if any(run.platform == "gpu" for run in whole) else _NOT,
        "NPUMigrationStatus": works,
        "FuncStatus": works,
        "PrecisionStatus": _precision(whole),
        "AutoTune": _NOT,
        "PerfStatus": _speed(runs),
    }


def _speed(runs: Sequence[Run]) -> str:
    npu, gpu = _figures(runs, "npu", "ActualFPS"), _figures(runs, "gpu", "ActualFPS")
    if not npu or not gpu or max(gpu) <= 0:
        return _NOT
    ratio = min(npu) / max(gpu)
    return next((level for least, level in _SPEEDS if ratio >= least), _NOT)


def _precision(whole: Sequence[Run]) -> str:
    npu, gpu = (_figures(whole, platform, "TrainAccuracy") for platform in ("npu", "gpu"))
    if npu and gpu and min(npu) >= max(gpu):
        return _OK
    npu, gpu = (_figures(whole, platform, "ActualLoss") for platform in ("npu", "gpu"))
    fits = [math.isclose(one, other, rel_tol=_LOSS_FITS) for one in npu for other in gpu]
    return _PARTLY if fits and all(fits) else _NOT


def _figures(runs: Sequence[Run], platform: str, name: str) -> list[float]:
    """On one device: of several runs, the worst on the NPU counts against the best on a GPU."""
    return [
        run.results[name]
        for run in runs
        if run.platform == platform and run.devices == 1 and name in run.results
    ]
