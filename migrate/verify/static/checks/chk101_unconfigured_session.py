"""A session that trains or runs a model has no NPU configuration.

What it finds: every place that opens a session for a model (tf.Session and its kin, Supervisor,
MonitoredTrainingSession, slim, Estimators, Keras) and whether its configuration holds an
NpuOptimizer entry, by whatever way: this kit's npu_session_config, npu_config_proto, an entry built
in code, NPURunConfig, set_keras_session_npu_config. Sessions that only read data do not count.

Why: without that entry the session runs on the host's CPU, without a word. From adapter r1.9.0
importing npu_bridge.npu_init patches tf.Session, which sends such a session to the device all the
same, but with default options: that is a note. A session that trains is an error, one that only
runs a trained model (freezing, exporting) a warning.

Example:
    with tf.Session(config=tf.ConfigProto(allow_soft_placement=True)) as sess:
        sess.run(train_op)

Not handled: a configuration that comes from outside of the project or out of a container cannot be
followed. Then the message says that it cannot tell.

Authority: adapter, om_partition_subgraphs_pass.cc (no NpuOptimizer, no offload); npu_init.py
r1.9.0, decorator_tf_session.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.findings import Finding, Severity
from migrate.verify.static.check import Check, Context
from migrate.verify.static.openings import Opening, openings

CHK101 = Check("CHK101", "unconfigured-session")
_ADVICE = "Give it config=npu_config_proto(config), or port the project with this kit."


@CHK101.on_port
def find_unconfigured(context: Context) -> Iterator[Finding]:
    for opening in openings(context.project, context.adapter):
        if opening.verdict != "npu":
            yield _finding(context, opening)


def _finding(context: Context, opening: Opening) -> Finding:
    where, kind = (opening.path, opening.line), f"{opening.kind} ({opening.why})"
    if opening.by_patch:
        message = f"{kind} goes to the NPU by the adapter's patch of tf.Session only"
        advice = "Before adapter r1.9.0 it would train on the host. Configure it explicitly."
        return context.finding(*where, "note", message, advice)
    severity: Severity = "error" if opening.trains else "warning"
    if opening.verdict == "unknown":
        message = f"cannot tell whether {kind} is configured for the NPU"
        return context.finding(*where, severity, message, _ADVICE)
    return context.finding(*where, severity, f"{kind} runs on the host CPU", _ADVICE)
