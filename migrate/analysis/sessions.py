"""Every place that opens a session; ``roles`` says whether it belongs on the device."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from migrate.analysis.handovers import RUN_METHODS
from migrate.analysis.mentions import Mention, called_through, is_partial, mentions
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, has_stars, is_none
from migrate.analysis.project import Project
from migrate.analysis.references import classes_in, is_unit_test, names_in
from migrate.analysis.roles import Judge, Role
from migrate.analysis.runtime_names import runtime_call
from migrate.analysis.symbols import COMPUTED
from migrate.analysis.words import holds_any


class Opener(NamedTuple):
    """A TensorFlow 1.15.0 callable that opens a session.

    Args:
        parameter: the argument that takes the ConfigProto.
        position: its position, or None when only the keyword is used.
        by_kind: what the call does by itself, whatever the code around it.
    """

    parameter: str
    position: int | None
    by_kind: str = ""


_SUPERVISOR = "a Supervisor keeps a model's checkpoints"
# Signatures of TensorFlow 1.15.0.
OPENERS: dict[str, Opener] = {
    "tensorflow.Session": Opener("config", 2),
    "tensorflow.InteractiveSession": Opener("config", 2),
    "tensorflow.train.MonitoredTrainingSession": Opener("config", 9, "a training API"),
    "tensorflow.train.SingularMonitoredSession": Opener("config", 3),
    "tensorflow.train.ChiefSessionCreator": Opener("config", 2),
    "tensorflow.train.WorkerSessionCreator": Opener("config", 2),
    "tensorflow.train.Supervisor.prepare_or_wait_for_session": Opener("config", 1, _SUPERVISOR),
    "tensorflow.train.Supervisor.PrepareSession": Opener("config", 1, _SUPERVISOR),
    "tensorflow.train.Supervisor.managed_session": Opener("config", 1, _SUPERVISOR),
    "tensorflow.train.SessionManager.prepare_session": Opener("config", 7),
    "tensorflow.train.SessionManager.recover_session": Opener("config", 6),
    "tensorflow.train.SessionManager.wait_for_session": Opener("config", 1),
    "tensorflow.contrib.slim.learning.train": Opener("session_config", 22, "a training API"),
    "tensorflow.contrib.slim.evaluation.evaluate_once": Opener(
        "session_config", 13, "evaluates a checkpoint"
    ),
    "tensorflow.contrib.slim.evaluation.evaluation_loop": Opener(
        "session_config", 15, "evaluates checkpoints"
    ),
    "tensorflow.contrib.training.train": Opener("config", 9, "a training API"),
    "tensorflow.contrib.training.evaluate_once": Opener("config", 8, "evaluates a checkpoint"),
    "tensorflow.contrib.training.evaluate_repeatedly": Opener("config", 9, "evaluates checkpoints"),
}
_RESTORES = "restores a checkpoint"
# The folder of the checkpoint that they restore, or its file, with the positions in signatures.
_CHECKPOINT = ("checkpoint_dir", "checkpoint_filename_with_path")
_CHECKPOINTS = {
    "tensorflow.train.SingularMonitoredSession": (4, 6),
    "tensorflow.train.ChiefSessionCreator": (3, 4),
    "tensorflow.train.SessionManager.prepare_session": (3, 4),
    "tensorflow.train.SessionManager.recover_session": (2, 3),
}
_SUPERVISOR_CLASS = "tensorflow.train.Supervisor"
_SUPERVISOR_METHODS = tuple(
    name.rpartition(".")[2].encode() for name in OPENERS if name.startswith(_SUPERVISOR_CLASS)
)
MONITORED_SESSION = "tensorflow.train.MonitoredSession"
# What may open a session, by `getattr` with a name that only a run can tell.
_LOOKED_UP = frozenset(f"{opener.rpartition('.')[0]}.{COMPUTED}" for opener in OPENERS)
_OPENING_ARGUMENTS = frozenset({"config", "session_config", "session_creator", "target"})
_WRAPPERS = frozenset({"npu_session_config", "host_session_config", "npu_run_config"})


class SessionSite(NamedTuple):
    """One place that opens a session.

    Args:
        call: the call; for ``functools.partial`` the partial's.
        kind: qualified name of what it opens.
        opener: how the configuration goes in, with its position in this very call; None for a
            bare ``MonitoredSession()`` and for a session class of the project's own with a
            constructor of its own.
        scope: functions whose code builds or uses the session's graph.
        why: the evidence for the role.
    """

    module: Module
    call: ast.Call
    kind: str
    opener: Opener | None
    role: Role
    why: str
    scope: frozenset[str]


class SessionValue(NamedTuple):
    """A place that hands on what opens sessions: where and how it is called is not known.

    Args:
        kind: qualified name of what it opens.
        computed: whether a name that only a run can tell is called there as a session would be.
    """

    module: Module
    node: ast.expr
    kind: str
    role: Role
    why: str
    computed: bool = False


def opening_files(project: Project) -> frozenset[str]:
    """The files that name something that opens sessions; derive with ``cached``."""
    opening = {*OPENERS, MONITORED_SESSION, *_LOOKED_UP, *project.cached(_session_classes)}
    methods = _SUPERVISOR_METHODS if project.cached(_supervising) else ()
    return frozenset(
        path
        for path in project.python_files
        if not opening.isdisjoint(names_in(project, path))
        or (methods and holds_any(project.files[path].data, methods))
    )


def session_sites(module: Module, project: Project) -> Iterator[SessionSite]:
    """The places of one module, in source order."""
    for call, kind, opener in _openings(module, project):
        does = _RESTORES if _restores(call, kind) else opener.by_kind if opener else ""
        role, why, scope = Judge(module, project, call, kind, does).judge()
        yield SessionSite(module, call, kind, opener, role, why, frozenset(scope))


def _restores(call: ast.Call, kind: str) -> bool:
    """Whether the call itself is given a checkpoint to restore."""
    places = zip(_CHECKPOINT, _CHECKPOINTS.get(kind, ()), strict=False)
    given = (argument(call, name, position) for name, position in places)
    return any(value is not None and not is_none(value) for value in given)


def _openings(module: Module, project: Project) -> Iterator[tuple[ast.Call, str, Opener | None]]:
    for call, name in module.calls:
        if name is None and (method := _supervisor_method(module, project, call)) is not None:
            yield call, method, OPENERS[method]
        elif name is None or name.startswith(f"{module.path}:"):
            if (found := _through(module, call)) is not None:
                yield call, *found
            elif name is not None and (base := _session_base(project, name)) is not None:
                yield call, *base
        elif name in OPENERS:
            yield call, name, OPENERS[name]
        elif name == MONITORED_SESSION:
            given = argument(call, "session_creator", 0)
            if is_none(given) or (given is None and not has_stars(call)):
                yield call, name, None
        elif is_partial(module, call):
            target = module.qualified(call.args[0])
            if target in OPENERS:
                yield call, target, _shifted(OPENERS[target], 1)
        elif ":" in name and (base := _session_base(project, name)) is not None:
            yield call, *base


def _supervisor_method(module: Module, project: Project, call: ast.Call) -> str | None:
    """The method of a Supervisor that opens a session, where some code makes Supervisors.

    On an object of unknown class as well: no other class of TensorFlow's has these methods.
    """
    func = call.func
    if not isinstance(func, ast.Attribute):
        return None
    method = f"{_SUPERVISOR_CLASS}.{func.attr}"
    if method not in OPENERS or not project.cached(_supervising):
        return None
    return method if module.instance_of(func.value) is None else None


def _supervising(project: Project) -> bool:
    return any(_SUPERVISOR_CLASS in names_in(project, path) for path in project.python_files)


def _through(module: Module, call: ast.Call) -> tuple[str, Opener] | None:
    """What is opened through a parameter's default or a partial.

    A partial has its configuration already: only a call that gives another one counts.
    """
    through = called_through(module, call)
    if through is None or through.name not in OPENERS:
        return None
    opener = _shifted(OPENERS[through.name], through.shift)
    given = argument(call, opener.parameter, max(opener.position or 0, 0))
    if through.partial and given is None and not has_stars(call):
        return None
    return through.name, opener


def _shifted(opener: Opener, by: int) -> Opener:
    position = None if opener.position is None else opener.position + by
    return opener._replace(position=position)


def session_mentions(module: Module, project: Project) -> Iterator[Mention]:
    """The places that name something that opens sessions, called or not, in source order."""
    return mentions(module, lambda name: _opens(project, name))


def _opens(project: Project, name: str) -> bool:
    if ":" in name:
        return _session_base(project, name) is not None
    return name in OPENERS or name == MONITORED_SESSION


def session_values(module: Module, project: Project) -> Iterator[SessionValue]:
    """Where what opens sessions is handed on, in source order; none in unit tests."""
    if is_unit_test(project, module.path):
        return
    for mention in session_mentions(module, project):
        if mention.way == "value":
            by_kind = opener.by_kind if (opener := OPENERS.get(mention.name)) else ""
            role, why = Judge(module, project, mention.node, mention.name, by_kind).judge_value()
            yield SessionValue(module, mention.node, mention.name, role, why)
    for call in _computed_openings(module):
        kind = f"{module.computed_in(call)}.{COMPUTED}"
        role, why = Judge(module, project, call, kind, "").judge_value()
        yield SessionValue(module, call, kind, role, why, computed=True)


def _computed_openings(module: Module) -> Iterator[ast.Call]:
    """``getattr(tf, name)`` where it is called, and used, as a session is."""
    if b"getattr" not in module.source.data:
        return
    for call in module.all_of(ast.Call):
        found = call.func
        if not isinstance(found, ast.Call):
            continue
        if f"{module.computed_in(found)}.{COMPUTED}" in _LOOKED_UP and _is_like_a_session(
            module, call
        ):
            yield found


def _is_like_a_session(module: Module, call: ast.Call) -> bool:
    """Whether it is made with a configuration, or with nothing and then entered or run."""
    given = {k.arg: k.value for k in call.keywords}
    if not _OPENING_ARGUMENTS.isdisjoint(given):
        return runtime_wrapper(module, given.get("config", given.get("session_config"))) is None
    if call.args or given:
        return False
    parent = module.parents[call]
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        name = parent.targets[0].id
        return any(
            isinstance(load.value, ast.Name) and load.value.id == name
            for method in RUN_METHODS
            for load in module.attribute_loads.get(method, ())
        )
    return isinstance(parent, ast.withitem)


def runtime_wrapper(module: Module, value: ast.expr | None) -> str | None:
    """The runtime's function that makes a configuration, when one does."""
    name = runtime_call(module, value)
    return name if name in _WRAPPERS else None


def _session_classes(project: Project) -> frozenset[str]:
    """The project's classes that are TensorFlow sessions."""
    return frozenset(
        name
        for path in project.python_files
        for name in classes_in(project, path)
        if _session_base(project, name) is not None
    )


def _session_base(project: Project, name: str) -> tuple[str, Opener | None] | None:
    """The TensorFlow session that a project class derives from.

    The opener is None when the class has a constructor of its own: what its arguments mean
    cannot be told.
    """
    path = name.partition(":")[0]
    known = classes_in(project, path).get(name) if path in project.files else None
    for parents in known.parents if known is not None else ():
        if parents in (("tensorflow.Session",), ("tensorflow.InteractiveSession",)):
            base = str(parents[0])
            own = known is not None and "__init__" in known.methods
            return base, None if own else OPENERS[base]
    return None
