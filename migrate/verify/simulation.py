"""Programs under the simulator: what their environment says, and several ranks at once."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import migrate
from migrate.errors import MigrateError

SIMULATOR = Path(migrate.__file__).parent / "simulator"
_UPSTREAM_ONLY = (str(SIMULATOR / "upstream_only"), str(SIMULATOR.parent / "runtime"))
SEED = 20150
_HUB_SECONDS = 60


def simulated(
    environment: Mapping[str, str],
    *,
    cann: str,
    trace: Path,
    obs: Path,
    seed: int | None = None,
    rank: int = 0,
    ranks: int = 1,
    hub: str = "",
    fp16: bool = False,
    loss_scale: int | None = None,
    numerics: bool = False,
) -> dict[str, str]:
    """The environment of a process on a simulated device.

    Args:
        environment: what else is in it.
        cann: the CANN release that is simulated, such as ``7.0``.
        trace: the folder for the trace, and for the rank table; it must exist.
        obs: the folder that stands for obs://; it must exist.
        seed: makes runs repeatable; None leaves all chance as it is.
        rank: which of the devices.
        ranks: how many there are.
        hub: ``host:port`` where ranks meet; empty for one rank.
        fp16: whether products are rounded to fp16 where the precision mode says so.
        loss_scale: where dynamic loss scales begin then; None for the simulator's usual place.
        numerics: whether the trace tells of gradients.
    """
    table = trace / "rank_table.json"
    table.write_text(json.dumps(_rank_table(ranks), indent=2))
    path = [str(SIMULATOR), environment.get("PYTHONPATH", "")]
    return {
        **environment,
        "PYTHONPATH": os.pathsep.join(part for part in path if part),
        "NPU_SIMULATOR_CANN": cann,
        "NPU_SIMULATOR_TRACE": str(trace),
        "NPU_SIMULATOR_OBS": str(obs),
        **({} if seed is None else {"NPU_SIMULATOR_SEED": str(seed)}),
        **({"NPU_SIMULATOR_HUB": hub} if hub else {}),
        **({"NPU_SIMULATOR_FP16": "1"} if fp16 else {}),
        **({} if loss_scale is None else {"NPU_SIMULATOR_LOSS_SCALE": str(loss_scale)}),
        **({"NPU_SIMULATOR_NUMERICS": "1"} if numerics else {}),
        "RANK_ID": str(rank),
        "RANK_SIZE": str(ranks),
        "DEVICE_ID": str(rank),
        "ASCEND_DEVICE_ID": str(rank),
        "JOB_ID": "10087",
        "RANK_TABLE_FILE": str(table),
    }


def upstream_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of upstream beside its port: Horovod, which a port has in its runtime.

    Args:
        environment: what else is in it.
    """
    path = [*_UPSTREAM_ONLY, environment.get("PYTHONPATH", "")]
    return {**environment, "PYTHONPATH": os.pathsep.join(part for part in path if part)}


@contextmanager
def hub(python: Path, ranks: int) -> Iterator[str]:
    """The place where several ranks meet, as ``host:port``; empty for one rank, which needs none.

    Raises:
        MigrateError: it does not start.
    """
    if ranks == 1:
        yield ""
        return
    with subprocess.Popen(
        [python, "-m", "npu_simulator.hub", str(ranks)],
        env={"PYTHONPATH": str(SIMULATOR), "PATH": os.defpath},
        stdin=subprocess.PIPE,  # it ends with this pipe, however this process ends
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], _HUB_SECONDS)
            address = process.stdout.readline().decode().strip() if ready else ""
            if not address:
                raise MigrateError(
                    "the hub of the simulated devices does not start",
                    advice=f"Try it: PYTHONPATH={SIMULATOR} {python} -m npu_simulator.hub {ranks}",
                )
            yield address
        finally:
            process.kill()


def _rank_table(ranks: int) -> dict[str, object]:
    """The rank table of one server (CANN, "Distributed Training", resource configuration)."""
    devices = [
        {"device_id": str(rank), "device_ip": f"192.168.{100 + rank}.101", "rank_id": str(rank)}
        for rank in range(ranks)
    ]
    servers = [{"server_id": "127.0.0.1", "device": devices}]
    return {
        "version": "1.0",
        "status": "completed",
        "server_count": "1",
        "server_list": servers,
    }
