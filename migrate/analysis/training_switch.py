"""The flag without which a script does not train."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from migrate.analysis.estimators import ESTIMATORS
from migrate.analysis.flags import Flag
from migrate.analysis.graph import Graph
from migrate.analysis.keras_models import KerasUse
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, spelled
from migrate.analysis.project import Project
from migrate.analysis.references import TELLING_METHODS, Use
from migrate.analysis.training import KERAS_TRAINING, trains

# What scripts call to train.
_TRAINING = frozenset(
    "do_train fit fit_generator run_train run_training train train_and_evaluate train_model "
    "training".split()
)
_FALSE = frozenset({"false", "0", "no", "f", "n", "off"})


class Switch(NamedTuple):
    """What has to be given so that a script trains.

    Args:
        flag: its name; empty for a positional argument.
        words: the argument, such as ``--do_train=True``.
        line: where the script asks for it.
    """

    flag: str
    words: str
    line: int

    def is_given(self, arguments: Iterable[str]) -> bool:
        """Whether the words of a command give it, or something else for the same flag."""
        if not self.flag:
            return self.words in arguments
        named = (word.lstrip("-").partition("=") for word in arguments if word.startswith("-"))
        return any(
            name.replace("-", "_") == self.flag.replace("-", "_") and value.lower() not in _FALSE
            for name, _, value in named
        )


def training_switch(project: Project, entry: str, flags: Iterable[Flag]) -> Switch | None:
    """The flag that all of a script's own code which trains waits for.

    None where anything that may train waits for nothing, or for a flag whose default lets it
    train, and where nothing that waits is known to train.

    Args:
        flags: those of the script.
    """
    module = project.parsed(entry)
    if module is None:
        return None
    known: dict[str, Flag] = {}
    for flag in flags:
        known.setdefault(flag.attribute, flag)
    calls = [call for call in module.all_of(ast.Call) if spelled(call.func) in _TRAINING]
    awaited = {call: _awaited(module, call, known) for call in calls}
    switches = {*awaited.values(), *(_awaited(module, n, known) for n in _optimizing(module))}
    if len({switch.words if switch else "" for switch in switches}) != 1 or None in switches:
        return None
    if not any(_is_known(project, module, call) for call in calls):
        return None
    return min((s for s in switches if s is not None), key=lambda s: s.line, default=None)


def _optimizing(module: Module) -> Iterator[ast.AST]:
    """What names an optimizer or the like, outside of what an Estimator calls."""
    for node in [*module.all_of(ast.Attribute), *module.all_of(ast.Name)]:
        name = module.name_of(node)
        if name is None and isinstance(node, ast.Attribute) and node.attr in TELLING_METHODS:
            name = f".{node.attr}"
        if name and trains(Use(name, module.path, 0)) and not _in_model_fn(module, node):
            yield node


def _in_model_fn(module: Module, node: ast.AST) -> bool:
    return any(
        isinstance(parent, ast.FunctionDef) and "mode" in {a.arg for a in parent.args.args}
        for parent in module.ancestors(node)
    )


def _is_known(project: Project, module: Module, call: ast.Call) -> bool:
    """Whether a call trains not only by its name: scalers and tokenizers have `fit`, too."""
    keras = project.cached(KerasUse)
    if any(
        one is call and place.certain and place.method in KERAS_TRAINING
        for one, place in keras.calls(module)
    ):
        return True
    if isinstance(call.func, ast.Attribute) and module.instance_of(call.func.value) in ESTIMATORS:
        return True
    name = module.qualified(call.func) or module.own_method(call.func) or ""
    graph = project.cached(Graph)
    if spelled(call.func).startswith("fit"):
        return ":" in name and any(map(trains, graph.uses(graph.reach({name}))))
    return ":" in name or name.startswith("tensorflow.")


def _awaited(
    module: Module, node: ast.AST, flags: dict[str, Flag], within: frozenset[str] = frozenset()
) -> Switch | None:
    """What code waits for, or else each call of the function around it.

    Args:
        within: the functions that led there.
    """
    around = ""
    for parent in module.ancestors(node):
        if isinstance(parent, ast.If) and node in parent.body:
            for test in _all_of(parent.test):
                if switch := _switch(test, flags):
                    return switch
        if isinstance(parent, Function):
            around = around or parent.name
        node = parent
    if not around or around in within:
        return None
    calls = [call for call in module.all_of(ast.Call) if spelled(call.func) == around]
    found = {_awaited(module, call, flags, within | {around}) for call in calls}
    return found.pop() if len(found) == 1 else None


def _all_of(test: ast.expr) -> list[ast.expr]:
    """What must hold for a test to hold."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return test.values
    return [test]


def _switch(test: ast.expr, flags: dict[str, Flag]) -> Switch | None:
    """What a test asks for that a flag's default is not."""
    flag = flags.get(spelled(test)) if isinstance(test, ast.Attribute) else None
    if flag is not None and flag.value is False and not flag.positional:
        return Switch(flag.name, f"--{flag.name}{'' if flag.switch else '=True'}", test.lineno)
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
        return None
    left, right = test.left, test.comparators[0]
    if isinstance(left, ast.Constant):
        left, right = right, left
    flag = flags.get(spelled(left)) if isinstance(left, ast.Attribute) else None
    wanted = getattr(right, "value", None)
    if flag is None or not isinstance(flag.value, str) or not isinstance(wanted, str):
        return None
    if wanted == flag.value:
        return None
    if flag.positional:
        return Switch("", wanted, test.lineno)
    return Switch(flag.name, f"--{flag.name}={wanted}", test.lineno)
