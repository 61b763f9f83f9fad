"""Reports what stays on the host in the graph of a session on the device.

What it does: for each session on the device, names the queues, Python functions, prints, string
and table operators in the code that builds or uses its graph. It changes nothing: NPU101 to
NPU103 ask for `mix_compile_mode` in these sessions, so that shuffling, splits and results are what
they were.

Why: the device has no such operators. Without mixed compilation the whole graph goes to the
device, and the session fails at its first run. With it the graph is cut in pieces: the host runs
some, the data goes to and fro between them, and `iterations_per_loop` must stay 1.

Example:
    image = tf.py_func(read, [name], tf.float32)
    op = tf.train.AdamOptimizer(rate).minimize(loss(image))
    with tf.train.MonitoredTrainingSession() as session:

gets the note:
    the host keeps a part of this session's graph: Python function (train.py:1)

What a `tf.data` transformation calls is no part of the graph: data pipelines run on the host
anyway. Sessions on the host and unit tests are left out.

Options: none.

Fix safety: reports only.

Not handled: operators that a library builds on the project's behalf.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", constraints (no queue-runner input, string
tensors only in data, summary and log operations), "mix_compile_mode" (iterations_per_loop is 1);
adapter, om_partition_subgraphs_pass.cc (without it the whole graph is offloaded).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrate.analysis.device_sessions import DeviceSessions
from migrate.analysis.graph import Graph
from migrate.analysis.host_ops import host_kind, host_uses
from migrate.analysis.inventory import Settled
from migrate.analysis.references import Use, functions_in
from migrate.codemods.rule import Change, Context, ProjectContext, Rule
from migrate.findings import Finding

NPU302 = Rule(
    "NPU302",
    "host-operators",
    group="input-pipeline",
    literals=(b"Session", b"session", b"npu_run_config"),
    paths=lambda project: project.cached(DeviceSessions).paths,
    only_reports=True,
)
_SHOWN = 5
_SETTLED = "runs on the host: its session has mix_compile_mode (NPU302)"


@NPU302.on_module
def report_host_operators(context: Context) -> Iterator[Change]:
    graph = context.project.cached(Graph)
    for session in context.project.cached(DeviceSessions).of(context.module.path):
        uses = host_uses(graph.uses(session.scope))
        if uses or session.canned:
            parts = _places(uses) if uses else "string and table operators of the canned model"
            yield Finding(
                session.path,
                session.line,
                context.code,
                "note",
                f"the host keeps a part of this session's graph ({session.kind}): {parts}",
                "It runs there as before (mix_compile_mode), at the cost of moving data to and "
                "fro; iterations_per_loop must stay 1. Inputs are faster in tf.data.",
            )


@NPU302.on_part
def settle_host_operators(context: ProjectContext) -> Iterator[Change]:
    """What runs on the host all the same is nobody's manual work."""
    on_device = context.project.cached(DeviceSessions).functions
    piped = context.project.cached(Graph).pipeline_only
    for path in context.project.python_files:
        for function, facts in functions_in(context.project, path).items():
            pipeline = [*facts.pipeline_uses, *(facts.uses if function in piped else ())]
            for use in host_uses(pipeline):
                yield Settled(path, use.line, use.name, "native", "in a tf.data pipeline")
            for use in host_uses(facts.uses) if function in on_device else ():
                yield Settled(path, use.line, use.name, "native", _SETTLED)


def _places(uses: Iterable[Use]) -> str:
    found: dict[str, list[str]] = {}
    for use in uses:
        places = found.setdefault(host_kind(use.name) or "", [])
        if use.place not in places:
            places.append(use.place)
    return "; ".join(f"{kind} ({_listed(places)})" for kind, places in sorted(found.items()))


def _listed(places: list[str]) -> str:
    more = len(places) - _SHOWN
    return ", ".join(places[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
