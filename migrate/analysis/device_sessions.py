"""The sessions that run on the device, of whatever kind, and the code that builds their graphs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrate.analysis.estimators import estimator_sites
from migrate.analysis.graph import Graph
from migrate.analysis.keras_models import KerasUse
from migrate.analysis.module import Module, argument
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test
from migrate.analysis.sessions import SessionSite, runtime_wrapper, session_sites


@dataclass(frozen=True)
class DeviceSession:
    """One place from which a graph goes to the device.

    Args:
        line: where it is; 0 for a script that only leads to Keras.
        kind: what opens the session, short.
        scope: the functions whose code builds or uses the graph.
        canned: whether TensorFlow's own model needs the host, whatever the code says.
    """

    path: str
    line: int
    kind: str
    scope: frozenset[str]
    canned: bool = False


class DeviceSessions:
    """Those of a project; each module is looked at once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, list[DeviceSession]] = {}
        self._functions: frozenset[str] | None = None

    def of(self, path: str) -> list[DeviceSession]:
        """Those of one module, in no order."""
        if path not in self._known:
            module = self._project.parsed(path)
            self._known[path] = list(_sessions(module, self._project)) if module else []
        return self._known[path]

    @property
    def functions(self) -> frozenset[str]:
        """The functions that build or use a graph on the device, in the whole project."""
        if self._functions is None:
            found: set[str] = set()
            for path in self._project.python_files:
                for session in self.of(path):
                    found |= session.scope
            self._functions = frozenset(found)
        return self._functions


def _sessions(module: Module, project: Project) -> Iterator[DeviceSession]:
    graph = project.cached(Graph)
    if is_unit_test(project, module.path):
        return
    for site in session_sites(module, project):
        if site.role != "host" and not _is_on_host(site):
            kind = site.kind.replace("tensorflow.", "tf.", 1)
            yield DeviceSession(module.path, site.call.lineno, kind, site.scope)
    for made in estimator_sites(module, project):
        kind = made.kind.replace("tensorflow.", "tf.", 1)
        scope = made.scope(project)
        yield DeviceSession(module.path, made.call.lineno, kind, scope, made.canned)
    top = {f"{module.path}:"}
    if places := project.cached(KerasUse).reached(top):
        line = next((line for path, line, _ in places if path == module.path), 0)
        yield DeviceSession(module.path, line, "Keras", frozenset(graph.reach(top)))


def _is_on_host(site: SessionSite) -> bool:
    """Whether its configuration already says so, by the recipe's choice."""
    if site.opener is None:
        return False
    value = argument(site.call, site.opener.parameter, site.opener.position or 0)
    return runtime_wrapper(site.module, value) == "host_session_config"
