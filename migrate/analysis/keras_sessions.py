"""Whether a script gives Keras its session itself, before it trains."""

from __future__ import annotations

import ast

from migrate.analysis.graph import Graph
from migrate.analysis.keras_models import SET_SESSION, KerasUse
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, is_none
from migrate.analysis.project import Project
from migrate.analysis.references import owner_of
from migrate.analysis.roles import fresh_graph_block

# Conditions that hold wherever TensorFlow trains.
_ALWAYS = ("__name__", "backend")


def sets_session(project: Project, script: str) -> bool:
    """Whether ``set_session`` certainly runs before all that trains or runs a Keras model.

    It does on the top level, in a function that leads to all of that, and in one that only sets
    things up. Where it is one way of several, or for one model of several, it does not.

    Args:
        script: path of the file whose own code is looked at, and what that leads to.
    """
    graph = project.cached(Graph)
    reached = graph.reach({f"{script}:"})
    places = project.cached(KerasUse).places.keys() & reached
    for key in sorted(reached):
        facts = graph.facts(key)
        if facts is None or not any(use.name in SET_SESSION for use in facts.uses):
            continue
        module = project.module(key.partition(":")[0])
        if any(
            owner_of(module, call) == key and _is_certain(module, call)
            for call, _ in module.calls_of(*SET_SESSION)
        ):
            led_to = places & graph.reach({key})
            if led_to in (set(), places):
                return True
    return False


def _is_certain(module: Module, call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if any(map(is_none, given)) or fresh_graph_block(module, call) is not None:
        return False
    for parent in module.ancestors(call):
        if isinstance(parent, Function):
            break
        if isinstance(parent, ast.If | ast.IfExp):
            test = module.text_of(parent.test)
            if not any(word in test for word in _ALWAYS):
                return False
        elif isinstance(parent, ast.For | ast.While | ast.ExceptHandler):
            return False
    return True
