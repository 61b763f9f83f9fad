"""Every place from which a graph should go to the device, and whether it is configured to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from migrate.analysis.estimators import EstimatorSite, estimating_files, estimator_sites
from migrate.analysis.graph import Graph
from migrate.analysis.keras_models import KerasUse, Place
from migrate.analysis.keras_sessions import sets_session
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, has_stars, keyword
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test, owner_of
from migrate.analysis.sessions import SessionSite, opening_files, session_sites, session_values
from migrate.analysis.symbols import short
from migrate.analysis.training import KERAS_TRAINING, trains
from migrate.analysis.values import bound_value
from migrate.simulator.npu_simulator.options import release_order
from migrate.verify.static.adapter import KERAS_SESSIONS, calls_of
from migrate.verify.static.processes import Processes, is_npu_init
from migrate.verify.static.verdicts import Verdict, Verdicts

# From here on importing npu_bridge.npu_init makes every later session an NPU session.
PATCHES_SESSIONS = "r1.9.0"
_ESTIMATOR = "an Estimator's model"


@dataclass(frozen=True)
class Opening:
    """One place.

    Args:
        line: 0 for a script that only leads to Keras.
        kind: what opens the session, short.
        verdict: what its configuration says; ``plain`` where it has none for the NPU.
        why: the evidence that it trains or runs a model.
        trains: whether it may train, rather than only run a trained model.
        scope: functions whose code builds or uses its graph; only those of plain sessions.
        by_patch: only the adapter's patch of tf.Session sends it to the device.
    """

    path: str
    line: int
    kind: str
    verdict: Verdict
    why: str
    trains: bool
    scope: frozenset[str] = frozenset()
    by_patch: bool = False

    @property
    def is_configured(self) -> bool:
        return self.verdict == "npu" or self.by_patch


def openings(project: Project, adapter: str) -> list[Opening]:
    """Those of a project, in order; unit tests and sessions that only read data apart."""
    found = project.cached(_all_openings)
    if release_order(adapter) < release_order(PATCHES_SESSIONS):
        return found
    return [
        replace(o, by_patch=True)
        if o.verdict in ("plain", "unknown")
        and project.cached(Processes).loads(o.path, is_npu_init)
        else o
        for o in found
    ]


def _all_openings(project: Project) -> list[Opening]:
    return [
        opening
        for path in project.python_files
        if not is_unit_test(project, path)
        for opening in _openings(project, path)
    ]


def _openings(project: Project, path: str) -> Iterator[Opening]:
    opens = path in project.cached(opening_files)
    by_adapter = b"NPUEstimator" in project.files[path].data
    makes = by_adapter or path in project.cached(estimating_files)
    keras = project.cached(KerasUse).reached({f"{path}:"})
    module = project.parsed(path) if opens or makes or keras else None
    if module is None:
        return
    verdicts = project.cached(Verdicts)
    for site in session_sites(module, project) if opens else ():
        if site.role == "host":
            continue
        verdict = _session_verdict(verdicts, site)
        if verdict != "host":
            line, kind = site.call.lineno, short(site.kind)
            trained = _trains(project, site)
            yield Opening(path, line, kind, verdict, site.why, trained, site.scope)
    for handed_on in session_values(module, project) if opens else ():
        if handed_on.role != "host":
            line, kind = handed_on.node.lineno, f"{short(handed_on.kind)}, handed on as a value,"
            yield Opening(path, line, kind, "unknown", handed_on.why, True)
    for made in estimator_sites(module, project) if makes else ():
        verdict = _estimator_verdict(verdicts, made)
        yield Opening(path, made.call.lineno, short(made.kind), verdict, _ESTIMATOR, True)
    if by_adapter:
        for call, name in calls_of(module, frozenset({"NPUEstimator"})):
            yield Opening(path, call.lineno, name, "npu", _ESTIMATOR, True)
    if keras:
        yield from _keras(project, path, keras[0])


def _trains(project: Project, site: SessionSite) -> bool:
    if site.opener is not None and site.opener.by_kind == "a training API":
        return True
    return any(trains(use) for use in project.cached(Graph).uses(site.scope))


def _session_verdict(verdicts: Verdicts, site: SessionSite) -> Verdict:
    if site.opener is None:
        return "unknown" if not site.kind.endswith("MonitoredSession") else "plain"
    opener = site.opener
    position = 0 if opener.position is None else opener.position
    return _argument_verdict(verdicts, site.module, site.call, opener.parameter, position)


def _estimator_verdict(verdicts: Verdicts, site: EstimatorSite) -> Verdict:
    position = 99 if site.position is None else site.position
    return _argument_verdict(verdicts, site.module, site.call, "config", position)


def _argument_verdict(
    verdicts: Verdicts, module: Module, call: ast.Call, parameter: str, position: int
) -> Verdict:
    value = argument(call, parameter, position)
    if value is None and has_stars(call):
        value = _starred(module, call, parameter)
        if value is None:
            return "unknown"
    return verdicts.on(module, value)


def _starred(module: Module, call: ast.Call, parameter: str) -> ast.expr | None:
    """The argument within ``**{...}`` or ``**dict(...)``, also by a name for it."""
    for given in call.keywords:
        packed = bound_value(module, given.value)
        if given.arg is not None:
            continue
        if isinstance(packed, ast.Dict):
            for key, value in zip(packed.keys, packed.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == parameter:
                    return value
        elif isinstance(packed, ast.Call) and (found := keyword(packed, parameter)) is not None:
            return found.value
    return None


def _keras(project: Project, path: str, place: Place) -> Iterator[Opening]:
    """Keras trains in a session of its own, unless the script gives it one."""
    graph = project.cached(Graph)
    reached = graph.reach({f"{path}:"})
    if sets_session(project, path):
        return  # that session is a place of its own
    opening = Opening(
        path,
        place.line if place.path == path else 0,
        "Keras",
        "plain",
        str(place),
        place.method in KERAS_TRAINING,
    )
    files = {key.partition(":")[0] for key in reached}
    for other in files:
        data = project.files[other].data if other in project.files else b""
        if any(name.encode() in data for name in KERAS_SESSIONS):
            module = project.parsed(other)
            for call, _ in calls_of(module, KERAS_SESSIONS) if module is not None else ():
                assert module is not None
                if owner_of(module, call) in reached:
                    yield replace(opening, verdict="npu")
                    return
    yield opening
