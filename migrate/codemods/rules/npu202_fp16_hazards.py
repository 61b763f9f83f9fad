"""Names numbers that fp16 does not hold, in code that builds a graph for the device.

What it does: reports, once for each file and kind, with all places: an epsilon below 6.1e-5 that
keeps a division, a logarithm or a root from 0; a mask such as -1e9; float64; and a loss that is
multiplied by a scale by hand. It changes nothing.

Why: in mixed precision these are computed in fp16, which holds normal numbers from 6.1e-5 to
65504. A smaller epsilon loses its digits, or becomes 0, and the guard with it. A larger mask
saturates, and sums of it overflow. A loss that is scaled by hand is scaled twice.

Example:
    norm = tf.sqrt(tf.reduce_sum(tf.square(x)) + 1e-12)

is reported as:
    epsilon below what fp16 holds: 1e-12

Options: none.

Fix safety: nothing is changed.

Not handled: numbers that are computed, read from a file or given as an argument, epsilons that
TensorFlow's functions have by default, and which operators the release really computes in fp16:
that is up to its lists (CANN, modify_mixlist). Sessions on the host, and unit tests, are left out.

Authority: IEEE 754 binary16; CANN "TensorFlow 1.15 Model Porting Guide", "Mixed Precision".
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.analysis.device_sessions import DeviceSessions
from migrate.analysis.fp16 import Hazard, Kind, hazards, may_exceed
from migrate.analysis.graph import Graph
from migrate.analysis.references import owner_of
from migrate.codemods.rule import Change, Context, Rule
from migrate.findings import Severity

NPU202 = Rule(
    "NPU202",
    "fp16-hazards",
    group="precision",
    finds=may_exceed,
    paths=lambda project: project.cached(DeviceSessions).files,
    unit_tests=False,
    only_reports=True,
)
_TOLD: dict[Kind, tuple[Severity, str, str]] = {
    "epsilon": (
        "note",
        "epsilon below what fp16 holds",
        "In mixed precision take 1e-4 or more, or keep the operator in fp32 (NPU_MODIFY_MIXLIST).",
    ),
    "mask": (
        "warning",
        "number beyond what fp16 holds",
        "In mixed precision it saturates at 65504: for a mask -1e4 is enough.",
    ),
    "float64": (
        "note",
        "float64 on the device",
        "Mixed precision leaves it alone, and it is slow or not supported: float32 will do.",
    ),
    "scale": (
        "warning",
        "the loss is scaled by hand",
        "Set that scale to 1, or NPU_LOSS_SCALE=off: npu_optimizer scales it as well.",
    ),
}


@NPU202.on_module
def report_hazards(context: Context) -> Iterator[Change]:
    module = context.module
    found = list(hazards(module))
    graph = context.project.cached(Graph)
    device = context.project.cached(DeviceSessions).functions - graph.pipeline_only
    own = f"{module.path}:"
    constants = any(key.startswith(own) for key in device)
    for kind, (severity, what, advice) in _TOLD.items():
        places = [hazard for hazard in found if hazard.kind == kind]
        owners = {hazard: owner_of(module, hazard.node) for hazard in places}
        places = [h for h in places if owners[h] in device or (owners[h] == own and constants)]
        if places:
            first, *others = places
            listed = f"{what}: {_told(first)}"
            if others:
                also = (f"{_told(h)} at {module.path}:{h.node.lineno}" for h in others)
                listed += f"; also {', '.join(dict.fromkeys(also))}"
            yield context.finding(first.node, severity, listed, advice)


def _told(hazard: Hazard) -> str:
    return " ".join(hazard.text.split())
