"""A graph for the device holds operators that only the host has.

What it finds: sessions on the NPU whose code makes queues and readers, Python functions or lookup
tables, in a project that nowhere asks for mix_compile_mode.

Why: without mixed compilation the adapter offloads the whole graph, and the device has no kernel
for these: the first run fails. What a tf.data transformation calls stays on the host and does not
count.

Example:
    images = tf.py_func(load, [name], tf.float32)
    with tf.Session(config=npu_config_proto()) as sess:

Fix: read with tf.data, whose pipeline runs on the host, or set mix_compile_mode to True.

Not handled: string operators, functions that reach tf.data by a detour, and which of several
sessions runs the operators: hence a warning. The simulator tells, from the graph itself.

Authority: adapter, om_partition_subgraphs_pass.cc (mix_compile_mode); CANN "TensorFlow 1.15 Model
Porting Guide", constraints.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.analysis.graph import Graph
from migrate.analysis.host_ops import host_kind
from migrate.analysis.references import Use
from migrate.analysis.symbols import short
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context
from migrate.verify.static.openings import openings

CHK112 = Check("CHK112", "host-operators")
_KINDS = ("queue", "Python function", "lookup table")
# It starts threads, and makes no operator.
_HARMLESS = "tensorflow.train.start_queue_runners"


@CHK112.on_port
def find_host_operators(context: Context) -> Iterator[Finding]:
    project = context.project
    if any(b"mix_compile_mode" in project.files[path].data for path in project.python_files):
        return
    for opening in openings(project, context.adapter):
        if not opening.is_configured or not opening.scope:
            continue
        first = next(filter(_is_host, project.cached(Graph).uses(opening.scope)), None)
        if first is not None:
            name = short(first.name)
            message = f"the graph of {opening.kind} may have a {host_kind(first.name)}: {name}"
            advice = f"{first.place}: move it into tf.data, or set mix_compile_mode to True."
            yield context.finding(opening.path, opening.line, "warning", message, advice)


def _is_host(use: Use) -> bool:
    return host_kind(use.name) in _KINDS and use.name != _HARMLESS
