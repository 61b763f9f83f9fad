"""Which calls of tf.gradients compute what an optimizer applies, and which a part of a loss."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import NamedTuple

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, spelled
from migrate.analysis.optimizers import is_optimizer
from migrate.analysis.project import Project
from migrate.analysis.training import GRADIENTS

# What hands its arguments on, wholly or piece by piece.
_PASSING = frozenset("dict enumerate filter iter list map reversed sorted tuple zip".split())
# Where Python 2 code takes the same functions from.
_ALSO_BUILTIN = re.compile(r"(?:six\.moves|builtins|future_builtins)\.(\w+)")
_ADDING = frozenset({"append", "extend", "insert"})
# What takes a loss.
_LOSSES = frozenset({"compute_gradients", "minimize"})
# What writes to a variable: functions, and methods of what may be one.
_ASSIGNED = frozenset({"assign", "assign_add", "assign_sub"})
_ASSIGNING = frozenset(f"tensorflow.{name}" for name in _ASSIGNED)
_METHODS = frozenset(f"tensorflow.Variable.{name}" for name in _ASSIGNED)
_WEIGHTS = frozenset({"tensorflow.trainable_variables"})
_Key = tuple[object, str]


class GradientFlow:
    """Follows values back within the functions of one module, from name to name.

    Args:
        module: the file.
        project: the project around it.
    """

    def __init__(self, module: Module, project: Project) -> None:
        self._module = module
        self._project = project

    @cached_property
    def applied(self) -> set[ast.Call]:
        """The calls of tf.gradients whose result certainly goes into apply_gradients."""
        found: set[ast.Call] = set()
        for call in self._module.all_of(ast.Call):
            function = call.func
            if not isinstance(function, ast.Attribute) or function.attr != "apply_gradients":
                continue
            kind = self._module.instance_of(function.value)
            given = argument(call, "grads_and_vars", 0)
            if given is not None and (kind is None or is_optimizer(self._project, kind)):
                found |= self._calls_behind([given], GRADIENTS, certain=True)
        return found

    @cached_property
    def in_losses(self) -> set[ast.Call]:
        """The calls of tf.gradients whose result may be a part of what is minimized."""
        given: list[ast.AST] = []
        for call, name in self._module.calls:
            if name in GRADIENTS or getattr(call.func, "attr", "") in _LOSSES:
                given += [*call.args, *call.keywords]
        return self._calls_behind(given, GRADIENTS, certain=False)

    @cached_property
    def assigned(self) -> set[ast.Call]:
        """The calls of tf.gradients whose result leads to what variables are assigned."""
        given: list[ast.AST] = []
        for call, name in self._module.calls:
            if name in _ASSIGNING:
                given += [*call.args[1:], *call.keywords]
            elif name in _METHODS or (name is None and spelled(call.func) in _ASSIGNED):
                given += [*call.args, *call.keywords]
        return self._calls_behind(given, GRADIENTS, certain=False)

    def is_of_weights(self, call: ast.Call) -> bool:
        """Whether a call of tf.gradients computes those of what TensorFlow lists as trainable."""
        weights = argument(call, "xs", 1)
        return weights is not None and bool(self._calls_behind([weights], _WEIGHTS, certain=True))

    def _calls_behind(
        self, start: list[ast.AST], names: Collection[str], *, certain: bool
    ) -> set[ast.Call]:
        """The calls whose results lead to expressions.

        Args:
            names: of what is called.
            certain: leave out what calls make of which it is not known that they hand it on.
        """
        found: set[ast.Call] = set()
        left, seen = list(start), set(start)
        while left:
            node = left.pop()
            following: list[ast.AST] = []
            if isinstance(node, ast.Call) and self._module.name_of(node.func) in names:
                found.add(node)
            elif isinstance(node, ast.Call):
                if not certain or self._passes(node):
                    following += ast.iter_child_nodes(node)
            elif (key := self._variable(node)) is not None and key in self._values:
                following += self._reaching(key, node)
            else:
                following += ast.iter_child_nodes(node)
            left += [each for each in following if each not in seen]
            seen.update(following)
        return found

    def _passes(self, call: ast.Call) -> bool:
        name = self._module.name_of(call.func) or ""
        word = spelled(call.func)
        if word in _LOSSES:
            return False
        if moved := _ALSO_BUILTIN.fullmatch(name):
            return moved[1] in _PASSING
        is_builtin = isinstance(call.func, ast.Name) and self._module.is_free(word, call.func)
        return (
            name.startswith("tensorflow.")
            or "clip" in word.lower()
            or (is_builtin and word in _PASSING)
        )

    # --- what is assigned to a name ---------------------------------------------------------

    def _reaching(self, key: _Key, use: ast.AST) -> Iterator[ast.AST]:
        """What a variable may hold where it is read."""
        module = self._module
        here = module.numbers[module.statement_of(use)]
        around = set(self._blocks(use))
        for value in reversed(self._values.get(key, [])):
            statement = value.statement
            # What another function assigns may come at any time.
            if module.function_of(statement) is module.function_of(use):
                if module.numbers[statement] >= here and not value.always:
                    continue
                blocks = list(self._blocks(statement))
                if any((block, not other) in around for block, other in blocks):
                    continue
                yield value.node
                if value.replaces and blocks[0] in around:
                    return
            else:
                yield value.node

    def _blocks(self, node: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
        """What is around a node, inside out, and whether the node is in the ``else`` of an if."""
        for parent in self._module.ancestors(node):
            yield parent, isinstance(parent, ast.If) and node in parent.orelse
            node = parent

    @cached_property
    def _values(self) -> dict[_Key, list[_Value]]:
        """What is assigned to each variable, or added to it, in source order."""
        found: dict[_Key, list[_Value]] = {}
        for node in self._module.nodes:
            if isinstance(node, ast.Assign):
                pairs = [pair for target in node.targets for pair in _unpacked(target, node.value)]
            elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value is not None:
                pairs = list(_unpacked(node.target, node.value))
            elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
                pairs = list(_unpacked(node.target, node.iter))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                added = node.args if node.func.attr in _ADDING else []
                pairs = [(node.func.value, each) for each in added]
            else:
                continue
            replaces = not isinstance(node, ast.AugAssign | ast.Call)
            for target, value in pairs:
                whole = target
                while isinstance(whole, ast.Subscript):
                    whole = whole.value
                if (key := self._variable(whole)) is not None:
                    statement = self._module.statement_of(node)
                    always = isinstance(node, ast.comprehension)
                    one = _Value(value, statement, replaces and whole is target, always)
                    found.setdefault(key, []).append(one)
        return found

    def _variable(self, target: ast.AST) -> _Key | None:
        """A name of a scope, or an attribute of one as a function sees it."""
        if isinstance(target, ast.Name):
            found = self._module.lookup(target.id, target)
            return (found[0], target.id) if found is not None else None
        if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            return (self._module.function_of(target), f"{target.value.id}.{target.attr}")
        return None


class _Value(NamedTuple):
    """What a statement gives to a variable.

    Args:
        replaces: whether what it was before is gone.
        always: the variable is one of a comprehension.
    """

    node: ast.expr
    statement: ast.stmt
    replaces: bool
    always: bool


def _unpacked(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each single target of an assignment, and what it gets or is taken out of."""
    if isinstance(target, ast.Starred):
        yield from _unpacked(target.value, value)
    elif isinstance(target, ast.Tuple | ast.List):
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        paired = len(parts) == len(target.elts) and not any(
            isinstance(part, ast.Starred) for part in (*parts, *target.elts)
        )
        for element, part in zip(
            target.elts, parts if paired else [value] * len(target.elts), strict=True
        ):
            yield from _unpacked(element, part)
    else:
        yield target, value
