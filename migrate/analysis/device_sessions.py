"""The sessions that run on the device, of whatever kind, and the code that builds their graphs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from migrate.analysis.estimators import estimating_files, estimator_sites
from migrate.analysis.graph import Graph
from migrate.analysis.keras_models import KerasUse
from migrate.analysis.nodes import argument
from migrate.analysis.project import Project
from migrate.analysis.references import files_of, is_unit_test
from migrate.analysis.sessions import SessionSite, opening_files, runtime_wrapper, session_sites
from migrate.analysis.symbols import short


class DeviceSession(NamedTuple):
    """One place from which a graph goes to the device.

    Args:
        line: where it is; 0 for a script that only leads to Keras.
        kind: what opens the session, short.
        scope: the functions whose code builds or uses the graph.
        canned: whether TensorFlow's own model needs the host, whatever the code says.
        host: whether the recipe keeps it on the host, although the code trains.
    """

    path: str
    line: int
    kind: str
    scope: frozenset[str]
    canned: bool = False
    host: bool = False


class DeviceSessions:
    """Those of a project; each module is looked at once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, list[DeviceSession]] = {}

    def of(self, path: str) -> list[DeviceSession]:
        """Those of one module, in no order."""
        return [session for session in self._of(path) if not session.host]

    def _of(self, path: str) -> list[DeviceSession]:
        if path not in self._known:
            self._known[path] = list(_sessions(path, self._project))
        return self._known[path]

    @cached_property
    def paths(self) -> frozenset[str]:
        """The files that have any."""
        return frozenset(path for path in self._project.python_files if self.of(path))

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that build or use a graph on the device, in the whole project."""
        found: set[str] = set()
        for path in self._project.python_files:
            for session in self.of(path):
                found |= session.scope
        return frozenset(found)

    @cached_property
    def files(self) -> frozenset[str]:
        """The files that those functions are in."""
        return frozenset(files_of(self.functions))

    @property
    def hosted(self) -> frozenset[str]:
        """The functions that train on the host only, since the recipe says so."""
        found: set[str] = set()
        for path in self._project.python_files:
            for session in self._of(path):
                if session.host:
                    found |= session.scope
        return frozenset(found) - self.functions if found else frozenset()


def _sessions(path: str, project: Project) -> Iterator[DeviceSession]:
    opens = path in project.cached(opening_files)
    makes = path in project.cached(estimating_files)
    top = f"{path}:"
    leads = top in project.cached(_leading_to_keras)
    places = project.cached(KerasUse).reached({top}) if leads else []
    if not (opens or makes or places) or is_unit_test(project, path):
        return
    module = project.parsed(path)
    if module is None:
        return
    for site in session_sites(module, project) if opens else ():
        if site.role != "host":
            kind = short(site.kind)
            line, host = site.call.lineno, _is_on_host(site)
            yield DeviceSession(path, line, kind, site.scope, host=host)
    for made in estimator_sites(module, project) if makes else ():
        kind = short(made.kind)
        yield DeviceSession(path, made.call.lineno, kind, made.scope(project), made.canned)
    if places:
        line = next((place.line for place in places if place.path == path), 0)
        scope = frozenset(project.cached(Graph).reach({f"{path}:"}))
        yield DeviceSession(path, line, "Keras", scope)


def _leading_to_keras(project: Project) -> set[str]:
    places = project.cached(KerasUse).places
    return project.cached(Graph).leading(places) if places else set()


def _is_on_host(site: SessionSite) -> bool:
    """Whether its configuration already says so, by the recipe's choice."""
    if site.opener is None:
        return False
    value = argument(site.call, site.opener.parameter, site.opener.position or 0)
    return runtime_wrapper(site.module, value) == "host_session_config"
