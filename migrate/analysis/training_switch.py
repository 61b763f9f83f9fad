"""The flag without which a script does not train."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from migrate.analysis.flags import Flag
from migrate.analysis.module import Module
from migrate.analysis.nodes import spelled
from migrate.analysis.project import Project

# What scripts call to train.
_TRAINING = frozenset(
    "do_train fit fit_generator run_train run_training train train_and_evaluate train_model "
    "training".split()
)


class Switch(NamedTuple):
    """What has to be given so that a script trains.

    Args:
        flag: its name.
        words: the argument, such as ``--do_train=True``.
        line: where the script asks for it.
    """

    flag: str
    words: str
    line: int


def training_switch(project: Project, entry: str, flags: Iterable[Flag]) -> Switch | None:
    """The flag that each call of a script's own code which trains waits for.

    None where such a call waits for nothing, or for a flag whose default lets it train.

    Args:
        flags: those of the script.
    """
    module = project.parsed(entry)
    if module is None:
        return None
    known = {flag.name: flag for flag in flags}
    calls = [call for call in module.all_of(ast.Call) if spelled(call.func) in _TRAINING]
    switches = {_awaited(module, call, known) for call in calls}
    names = {switch.flag if switch else "" for switch in switches}
    if len(names) != 1:
        return None
    return min((s for s in switches if s is not None), key=lambda s: s.line, default=None)


def _awaited(module: Module, call: ast.Call, flags: dict[str, Flag]) -> Switch | None:
    node: ast.AST = call
    for parent in module.ancestors(call):
        if isinstance(parent, ast.If) and node in parent.body:
            tests = _all_of(parent.test)
            for test in tests:
                if switch := _switch(test, flags):
                    return switch
        node = parent
    return None


def _all_of(test: ast.expr) -> list[ast.expr]:
    """What must hold for a test to hold."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return test.values
    return [test]


def _switch(test: ast.expr, flags: dict[str, Flag]) -> Switch | None:
    """What a test asks for that a flag's default is not."""
    flag = flags.get(spelled(test)) if isinstance(test, ast.Attribute) else None
    if flag is not None and flag.value is False:
        return Switch(flag.name, f"--{flag.name}{'' if flag.switch else '=True'}", test.lineno)
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
        return None
    flag = flags.get(spelled(test.left)) if isinstance(test.left, ast.Attribute) else None
    wanted = getattr(test.comparators[0], "value", None)
    if flag is None or not isinstance(flag.value, str) or not isinstance(wanted, str):
        return None
    return (
        Switch(flag.name, f"--{flag.name}={wanted}", test.lineno) if wanted != flag.value else None
    )
