"""Gives every session the NPU configuration, or an explicit host configuration.

What it does: finds each place that opens a TensorFlow session, decides by the code around it
whether the session trains or evaluates a model (device) or only handles data (host), and wraps
its ConfigProto accordingly. A device session whose graph holds ops that cannot run on the device
(queues, Python functions, string ops) asks for `mix_compile_mode`, which keeps those on the host.

Why: without NpuOptimizer in its configuration a session runs on the host CPU, silently. From
adapter r1.9.0 importing `npu_bridge.npu_init` turns every session of the process into a device
session, also those that only read data; an explicit configuration is right on every release.

Example:
    with tf.Session(config=tf.ConfigProto(allow_soft_placement=True)) as sess:

becomes:
    with tf.Session(config=npu_session_config(tf.ConfigProto(allow_soft_placement=True))) as sess:

The role rule: a session is a device session when the code that builds or uses its graph trains
(an optimizer, a training API) or restores a model (tf.train.Saver, a loaded graph); else a host
session. With a new `tf.Graph()` in the same `with`, that code is the block; otherwise the function,
or the class whose attribute holds the session, and everything it calls in the project. Where it
runs things from outside, or gets to code that cannot be followed, and something in the program
trains or restores, the role is unknown: a warning, and the session goes to the device, because a
data session there fails loudly while a training session on the host wastes days. Sessions in unit
tests stay on the host.

Options (recipe): `roles`, a table from `path:function` or `path:Class.method` (`path:` for a
module's own code) to `device` or `host`.

Fix safety: safe. Off the device (NPU_DEVICE=host) the configuration is the project's own.

Not handled: a session class with its own constructor, arguments hidden in `**kwargs` that cannot
be followed, a computed name (`getattr(tf, name)()`), and `tf.Session` itself as a value (in a dict,
as a class attribute, as an argument); all are errors for a device session, with the place and what
to do. A parameter whose default is `tf.Session`, and that the function only calls, is configured
where it is called.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "sess.run"; adapter r1.9.0,
npu_init.decorator_tf_session; om_partition_subgraphs_pass.cc (use_off_line, mix_compile_mode).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from migrate.analysis.graph import Graph
from migrate.analysis.handovers import unfollowed_in
from migrate.analysis.host_ops import host_uses
from migrate.analysis.inventory import Settled
from migrate.analysis.mentions import is_partial, named, only_called
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument
from migrate.analysis.project import Project
from migrate.analysis.references import owner_of
from migrate.analysis.sessions import (
    MONITORED_SESSION,
    OPENERS,
    SessionSite,
    SessionValue,
    opening_files,
    session_mentions,
    session_sites,
    session_values,
)
from migrate.analysis.symbols import short
from migrate.codemods.calls import add_keywords
from migrate.codemods.configuring import configure_call
from migrate.codemods.imports import runtime_import
from migrate.codemods.rule import (
    Change,
    Context,
    Option,
    ProjectContext,
    Rule,
    RuntimeImport,
    SessionRow,
    is_table,
)
from migrate.errors import RecipeError
from migrate.findings import Finding, Severity

NPU101 = Rule(
    "NPU101",
    "session-config",
    group="session",
    paths=lambda project: project.cached(opening_files),
    facts=(unfollowed_in,),
    options={
        "roles": Option(
            "a table from path:function to device or host",
            lambda value: is_table(value, lambda role: isinstance(role, str)),
        )
    },
)
_BY_HAND = (
    "Give the session config=npu_session_config(...) by hand, or name its role in the recipe."
)


@NPU101.on_module
def configure_sessions(context: Context) -> Iterator[Change]:
    outcome: dict[ast.expr, Literal["", "native", "rewritten"]] = {}
    for site in session_sites(context.module, context.project):
        role, why = _role(context, site)
        kind = short(site.kind)
        yield SessionRow(context.module.path, site.call.lineno, kind, role, why)
        if role == "unknown":
            yield context.finding(
                site.call,
                "warning",
                f"cannot tell whether {kind} runs on the device: {why}",
                "It goes to the device. Set the role in the recipe if that is wrong.",
            )
        changes = list(_configure(context, site, role))
        yield from changes
        failed = any(isinstance(change, Finding) for change in changes)
        outcome[named(context.module, site.call)] = "" if failed else "rewritten"
        if is_partial(context.module, site.call) and not only_called(context.module, site.call):
            yield context.finding(
                site.call,
                "note" if role == "host" else "warning",
                f"this partial of {kind} is handed on: a call that gives it another configuration "
                "is not configured",
                "Let the caller give npu_session_config(...), or no configuration.",
            )
    for value in session_values(context.module, context.project):
        yield _value(context, value)
        outcome[value.node] = ""
    for mention in session_mentions(context.module, context.project):
        if status := outcome.get(mention.node, "native"):
            yield Settled(context.module.path, mention.node.lineno, mention.name, status)


def _value(context: Context, value: SessionValue) -> Change:
    role, why = _role(context, value)
    severity: Severity = "warning" if role == "host" else "error"
    if value.computed:
        return context.finding(
            value.node,
            severity,
            f"what a computed name of {value.kind.rpartition('.')[0]} opens here looks like a "
            f"session, and is not configured ({role}: {why})",
            "Write the name out, or give it config=npu_session_config(...). If it is no session, "
            "its role in the recipe is host.",
        )
    kind = short(value.kind).rpartition(":")[2]
    parameter = opener.parameter if (opener := OPENERS.get(value.kind)) else "config"
    return context.finding(
        value.node,
        severity,
        f"{kind} is a value here: nobody can tell where it is called, so its sessions are not "
        f"configured ({role}: {why})",
        f"Use functools.partial({kind}, {parameter}=npu_session_config(...)) here if nothing calls "
        "it with a configuration of its own, or name the role in the recipe.",
    )


def _role(context: Context, site: SessionSite | SessionValue) -> tuple[str, str]:
    node = site.call if isinstance(site, SessionSite) else site.node
    role = context.options.get("roles", {}).get(owner_of(context.module, node))
    return (role, "the recipe says so") if role else (site.role, site.why)


@NPU101.on_project
def check_roles(context: ProjectContext) -> Iterator[Change]:
    """Every place in the recipe must open a session, and every role be one."""
    for place, role in context.options.get("roles", {}).items():
        if role not in ("device", "host"):
            raise RecipeError(
                "rules.NPU101.roles", f"expected device or host for {place!r}, found {role!r}"
            )
        path = place.partition(":")[0]
        module = context.project.parsed(path) if path in context.project.files else None
        if module is None or place not in _places(module, context.project):
            known = sorted(_places(module, context.project)) if module is not None else []
            raise RecipeError(
                "rules.NPU101.roles",
                f"no session is opened in {place!r}",
                advice=f"Sessions are opened in {', '.join(known)}."
                if known
                else "Write path:function or path:Class.method, as the code has it.",
            )
    yield from ()


def _places(module: Module, project: Project) -> set[str]:
    opened = {owner_of(module, site.call) for site in session_sites(module, project)}
    return opened | {owner_of(module, value.node) for value in session_values(module, project)}


def _configure(context: Context, site: SessionSite, role: str) -> Iterator[Change]:
    name = "host_session_config" if role == "host" else "npu_session_config"
    options = ""
    if role != "host" and _host_ops(context, site):
        options = "mix_compile_mode=True"
    if site.opener is None:
        if site.kind == MONITORED_SESSION:
            yield from _give_creator(context, site, name, options)
        else:
            yield _by_hand(context, site, role, "the session class has its own constructor")
        return
    position = site.opener.position or 0
    changes = configure_call(context, site.call, site.opener.parameter, position, name, options)
    if changes is None:
        yield _by_hand(context, site, role, "its configuration may hide in *args or **kwargs")
    else:
        yield from changes


def _host_ops(context: Context, site: SessionSite) -> bool:
    graph = context.project.cached(Graph)
    return bool(host_uses(graph.uses(site.scope)))


def _give_creator(context: Context, site: SessionSite, name: str, options: str) -> Iterator[Change]:
    """A bare MonitoredSession takes its configuration through a session creator."""
    func = site.call.func
    if isinstance(func, ast.Attribute):
        creator = f"{context.module.text_of(func.value)}.ChiefSessionCreator"
    else:
        creator = "ChiefSessionCreator"
        yield RuntimeImport(creator, "tensorflow.train")
    wanted = runtime_import(context.module, name)
    value = f"{creator}(config={wanted.bound}({options}))"
    given = argument(site.call, "session_creator", 0)
    if given is None:
        yield add_keywords(context.module, site.call, {"session_creator": value})
    else:
        yield context.replace(given, value)
    yield wanted


def _by_hand(context: Context, site: SessionSite, role: str, reason: str) -> Change:
    severity: Severity = "warning" if role == "host" else "error"
    return context.finding(site.call, severity, f"session not configured: {reason}", _BY_HAND)
