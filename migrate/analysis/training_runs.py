"""Which runs of a session make a step of training: the names of what they fetch tell."""

from __future__ import annotations

import ast
import re

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, own_nodes, spelled
from migrate.analysis.parts import Parts
from migrate.analysis.project import Project
from migrate.analysis.words import holds_any

_TRAINING_OP = re.compile(r"train|tune|optim|solver|minimi[sz]e|apply_grad", re.I)
_MINIMIZERS = frozenset({"minimize", "apply_gradients", "create_train_op", "optimize_loss"})
_STEPPING = [b"control_dependencies", *(word.encode() for word in _MINIMIZERS)]


class TrainingRuns:
    """Tells the runs that train, and keeps what was asked."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._parts = project.cached(Parts)
        self._known: dict[tuple[object, ...], bool] = {}

    def trains(self, module: Module, call: ast.Call) -> bool:
        """Whether a session's ``run`` makes a step of training."""
        key = (module.path, call.lineno, call.col_offset)
        if key not in self._known:
            self._known[key] = runs_training(module, call) or self._fetches_step(module, call)
        return self._known[key]

    def _fetches_step(self, module: Module, call: ast.Call) -> bool:
        """Whether a run fetches a variable of this file, or an attribute, that makes a step."""
        fetches = argument(call, "fetches", 0)
        parts = list(ast.walk(fetches)) if fetches is not None else []
        names = {part.id for part in parts if isinstance(part, ast.Name)}
        attributes = {part.attr for part in parts if isinstance(part, ast.Attribute)}
        steps = self._project.cached(_step_names)
        own = steps.get(module.path, set())
        return not names.isdisjoint(own) or any(
            not attributes.isdisjoint(steps[path]) for path in self._parts.near(module.path, steps)
        )


def runs_training(module: Module, call: ast.Call) -> bool:
    """Whether a session's ``run`` fetches something that trains, as its name tells."""
    fetches = argument(call, "fetches", 0)
    if fetches is None:
        return False
    parts = list(ast.walk(fetches))
    owners = {part.value for part in parts if isinstance(part, ast.Attribute)}
    names = {part.id for part in parts if isinstance(part, ast.Name) and part not in owners}
    for node in own_nodes(module.function_of(call) or module.tree):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id in names for t in targets):
                parts += ast.walk(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            holder = node.func.value
            adds = node.func.attr in ("append", "extend", "insert")
            if adds and isinstance(holder, ast.Name) and holder.id in names:
                parts += [part for value in node.args for part in ast.walk(value)]
    return any(_TRAINING_OP.search(_word(module, part)) for part in parts)


def _word(module: Module, part: ast.AST) -> str:
    if isinstance(part, ast.Constant):
        return part.value if isinstance(part.value, str) else ""
    name = spelled(part)
    if name == "train" and (module.qualified(part) or "").startswith("tensorflow."):
        return ""  # tf.train
    return name


def _step_names(project: Project) -> dict[str, set[str]]:
    """By file, the names of what makes a step: what optimizers return, and what waits for it."""
    facts = {path: project.cached_for(path, steps_in) for path in project.python_files}
    found = {path: set(made) for path, (made, _) in facts.items()}
    parts = project.cached(Parts)
    for _ in range(2):  # what waits may be in a file before
        everywhere: dict[str, set[str]] = {}
        for path, names in found.items():
            everywhere.setdefault(parts.of(path), set()).update(names)
        for path, (_, waits) in facts.items():
            known = everywhere[parts.of(path)]
            for waited, given in waits:
                if not waited.isdisjoint(known) or not waited.isdisjoint(found[path]):
                    found[path] |= given - known
    return found


def steps_in(
    project: Project, path: str
) -> tuple[frozenset[str], list[tuple[frozenset[str], frozenset[str]]]]:
    """The names that optimizers' results get, and what waits: for which names, and its own.

    Derive it with ``cached_for``.
    """
    made: set[str] = set()
    waits: list[tuple[frozenset[str], frozenset[str]]] = []
    steps = holds_any(project.files[path].data, _STEPPING)
    module = project.parsed(path) if steps else None
    if module is None:
        return frozenset(), waits
    for call in module.all_of(ast.Call):
        last = spelled(call.func)
        if last in _MINIMIZERS:
            for parent in module.ancestors(call):
                if isinstance(parent, ast.Assign | ast.keyword):
                    made |= _given_names(parent)
                if isinstance(parent, ast.stmt):
                    break
    for block in module.all_of(ast.With):
        waited = {spelled(part) for item in block.items for part in ast.walk(item.context_expr)}
        if "control_dependencies" in waited:
            given: set[str] = set()
            for part in (part for statement in block.body for part in ast.walk(statement)):
                if isinstance(part, ast.Assign | ast.keyword):
                    given |= _given_names(part)
            waits.append((frozenset(waited), frozenset(given)))
    return frozenset(made), waits


def _given_names(node: ast.Assign | ast.keyword) -> set[str]:
    if isinstance(node, ast.keyword):
        return {node.arg or ""} - {""}
    return {spelled(part) for target in node.targets for part in ast.walk(target)} - {"", "self"}
