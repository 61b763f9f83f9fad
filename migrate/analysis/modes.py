"""Conditions by which one function serves both training and evaluation."""

from __future__ import annotations

import ast
from typing import Literal

from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, spelled

Mode = Literal["train", "eval"]

TRAIN_PARAMETERS = frozenset({"is_training", "is_train", "training", "train", "train_mode"})
EVAL_PARAMETERS = frozenset(
    "is_eval is_evaluating is_evaluation evaluation is_test is_testing is_valid is_validation "
    "is_predict is_prediction is_inference".split()
)
_TRAIN_VALUES = frozenset({"train", "training"})
_EVAL_VALUES = frozenset(
    "eval evaluate evaluation test testing val valid validation predict infer inference".split()
)
PARAMETERS = TRAIN_PARAMETERS | EVAL_PARAMETERS | {"mode", "phase", "split"}


def mode_of(module: Module, node: ast.AST) -> Mode | None:
    """What the branch that holds the node serves; None outside of such branches."""
    child = node
    for parent in module.ancestors(node):
        if isinstance(parent, ast.If | ast.IfExp) and child is not parent.test:
            met, unmet = condition(module, parent.test)
            body = parent.body if isinstance(parent, ast.If) else [parent.body]
            inside = child in body
            if found := met if inside else unmet:
                return found
        for before in module.statements_before(child):
            if not isinstance(before, ast.If):
                continue
            met, unmet = condition(module, before.test)
            if unmet and isinstance(before.body[-1], ast.Return | ast.Raise):
                return unmet
        if isinstance(parent, Function):
            return None
        child = parent
    return None


def depends_on_mode(module: Module, node: ast.AST) -> bool:
    """Whether the function around the node takes a mode, or asks for one."""
    function = module.function_of(node)
    if function is None:
        return False
    parameters = [*function.args.args, *function.args.kwonlyargs]
    return any(parameter.arg in PARAMETERS for parameter in parameters) or any(
        isinstance(part, ast.If | ast.IfExp) and any(condition(module, part.test))
        for part in ast.walk(function)
    )


def condition(module: Module, test: ast.expr) -> tuple[Mode | None, Mode | None]:
    """What runs where the condition is met, and where it is not."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        met, unmet = condition(module, test.operand)
        return unmet, met
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        found = [condition(module, value)[0] for value in test.values]
        return next((mode for mode in found if mode), None), None
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        values = [_value(module, side) for side in (test.left, test.comparators[0])]
        mode = next((value for value in values if value), None)
        # What is not training is no training; what is not evaluation may be prediction.
        other: Mode | None = "eval" if mode == "train" else None
        if isinstance(test.ops[0], ast.Eq | ast.Is | ast.In):
            return mode, other
        if isinstance(test.ops[0], ast.NotEq | ast.IsNot | ast.NotIn):
            return other, mode
        return None, None
    name = spelled(test)
    if name in TRAIN_PARAMETERS:
        return "train", "eval"
    return ("eval", "train") if name in EVAL_PARAMETERS else (None, None)


def _value(module: Module, node: ast.expr) -> Mode | None:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):  # mode in ("eval", "predict")
        found = {_value(module, item) for item in node.elts}
        return found.pop() if len(found) == 1 else None
    if isinstance(node, ast.Constant):
        text = node.value.lower() if isinstance(node.value, str) else ""
    else:
        text = (module.qualified(node) or "").rpartition(".ModeKeys.")[2].lower()
    if text in _TRAIN_VALUES:
        return "train"
    return "eval" if text in _EVAL_VALUES else None
