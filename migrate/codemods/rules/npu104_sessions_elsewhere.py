"""Reports programs that train in a session which the project does not open.

What it does: warns of a script that trains where neither it nor any file that it imports opens a
session on the device, makes an Estimator, or trains a Keras model; and of one that trains eagerly,
since only graphs run on an NPU. Nothing is changed.

Why: sessions are configured where they are opened. One that an installed package opens, such as
a trainer of neuralgym or tensorpack, has a default configuration: without NpuOptimizer in it,
training runs on the host CPU, silently.

Example:
    trainer = ng.train.Trainer(optimizer=tf.train.AdamOptimizer(1e-3), graph_def=build)
    trainer.train()

stays as it is, with a warning.

Options: none.

Fix safety: nothing is fixed.

Not handled: a program that opens one session itself, and leaves its training to a package's; one
that names NPUEstimator, since it was ported before (NPU815).

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "Porting with sess.run": each session needs
NpuOptimizer in its configuration.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.analysis.device_sessions import DeviceSessions
from migrate.analysis.entry_points import training_scripts
from migrate.analysis.graph import Graph
from migrate.analysis.imported import imported_by
from migrate.analysis.parts import IMPORTS_BY_NAME
from migrate.analysis.references import files_of
from migrate.analysis.training import trains
from migrate.analysis.words import holds_any
from migrate.codemods.rule import Change, ProjectContext, Rule

# What opens its own sessions on the device, where another port made it.
_NPU_ESTIMATOR = (b"NPUEstimator",)
_EAGER = frozenset({"tensorflow.enable_eager_execution", "tensorflow.enable_v2_behavior"})

NPU104 = Rule("NPU104", "sessions-elsewhere", group="session", only_reports=True)


@NPU104.on_part
def report_foreign_sessions(context: ProjectContext) -> Iterator[Change]:
    project = context.project
    sessions = project.cached(DeviceSessions)
    configured = sessions.paths | files_of(sessions.hosted)
    for path in project.cached(training_scripts):
        files = imported_by(project, path)
        if any(holds_any(project.files[file].data, IMPORTS_BY_NAME) for file in files):
            files = project.python_files  # it may load any of them
        if not configured.isdisjoint(files):
            continue
        if any(holds_any(project.files[file].data, _NPU_ESTIMATOR) for file in files):
            continue
        graph = project.cached(Graph)
        reached = list(graph.uses(graph.reach({f"{path}:"})))
        eager = next((use for use in reached if use.name in _EAGER), None)
        if eager is not None:
            yield context.finding(
                eager.path,
                eager.line,
                "warning",
                f"{path} trains eagerly, which stays on the host: only graphs run on an NPU",
                "Build a graph and train it in a session, without eager execution.",
            )
            continue
        uses = [use for use in reached if trains(use)]
        place = min(uses, key=lambda use: (use.path != path, use.path, use.line), default=None)
        yield context.finding(
            *((place.path, place.line) if place is not None else (path, 0)),
            "warning",
            f"{path} trains, but no session of the project runs that on the device",
            "Give the session that does npu_session_config(...): if a package opens it, there, or "
            "in a copy of it that is ported as well.",
        )
