"""Numbers in the code of a graph that fp16 cannot hold, or that change what a loss scale does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from migrate.analysis.mentions import mentions
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, defaults, spelled
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test, names_in
from migrate.analysis.training import GRADIENTS

Kind = Literal["epsilon", "mask", "float64", "scale"]
# IEEE 754 binary16.
SMALLEST = 2.0**-14
LARGEST = 65504.0
_EPSILON = re.compile(r"(?:\w+_)?eps(?:ilon)?")
_SCALE = re.compile(r"(?:\w+_)?(?:loss_?)?scal(?:e|ing)(?:_\w+)?", re.IGNORECASE)
# What is not defined at 0, or has no gradient there.
_GUARDED = frozenset(
    f"tensorflow.{name}"
    for name in (
        "log math.log sqrt math.sqrt rsqrt math.rsqrt math.reciprocal math.pow pow "
        "div divide math.divide truediv math.truediv realdiv"
    ).split()
)
_LIMITING = frozenset(
    f"tensorflow.{name}"
    for name in "add math.add maximum math.maximum clip_by_value reduce_sum reduce_mean abs".split()
)
_DOUBLE = frozenset({"tensorflow.float64", "tensorflow.double", "tensorflow.to_double"})
_LOSSES = frozenset({"compute_gradients", "minimize"})


class Hazard(NamedTuple):
    """One place.

    Args:
        text: the number or the name, as the code has it.
    """

    kind: Kind
    node: ast.expr
    text: str


def may_exceed(project: Project, path: str) -> bool:
    """Whether a file that is no unit test has any such place; derive with ``cached_for``."""
    module = project.parsed(path) if not is_unit_test(project, path) else None
    return module is not None and (
        not names_in(project, path).isdisjoint(_DOUBLE) or any(True for _ in _numbers(module))
    )


def hazards(module: Module) -> Iterator[Hazard]:
    """The places of one module, kind by kind, in source order."""
    yield from _numbers(module)
    for mention in mentions(module, _DOUBLE.__contains__):
        yield Hazard("float64", mention.node, module.text_of(mention.node))


def _numbers(module: Module) -> Iterator[Hazard]:
    for constant in module.all_of(ast.Constant):
        value = constant.value
        if isinstance(value, float) and 0 < value < SMALLEST and _guards(module, constant, 3):
            yield Hazard("epsilon", constant, module.text_of(constant))
    for negative in module.all_of(ast.UnaryOp):
        if isinstance(negative.op, ast.USub) and _size(negative.operand) > LARGEST:
            yield Hazard("mask", negative, module.text_of(negative))
    for call, name in module.calls:
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if method in _LOSSES or name in GRADIENTS:
            loss = argument(call, "ys" if name in GRADIENTS else "loss", 0)
            if loss is not None and (factor := _scale(module, loss)) is not None:
                yield Hazard("scale", factor, module.text_of(factor))


def _size(number: ast.expr) -> float:
    """The size of a number that is written as no counter is, as 1e9 or 2**32; else 0."""
    if isinstance(number, ast.BinOp) and isinstance(number.op, ast.Pow):
        base, power = _value(number.left), _value(number.right)
        return base ** min(power, 64.0) if base < LARGEST else base
    written = isinstance(number, ast.Constant) and isinstance(number.value, float)
    return _value(number) if written else 0.0


def _value(number: ast.expr) -> float:
    value = number.value if isinstance(number, ast.Constant) else None
    return float(value) if isinstance(value, int | float) else 0.0


def _guards(module: Module, node: ast.expr, names: int) -> bool:
    """Whether a number keeps something from being 0 in TensorFlow's terms.

    Args:
        names: how many names it may go through.
    """
    parent = module.parents[node]
    if isinstance(parent, ast.keyword):
        call = module.parents[parent]
        return isinstance(call, ast.Call) and _is_epsilon(module, call, parent.arg)
    if isinstance(parent, ast.Call) and parent.func is not node:
        name = module.qualified(parent.func) or ""
        return name in _GUARDED or (name in _LIMITING and _guards(module, parent, names))
    if isinstance(parent, ast.BinOp):
        if isinstance(parent.op, ast.Div | ast.Pow):
            is_guard = isinstance(parent.op, ast.Pow) or parent.right is node
            constant = isinstance(node, ast.Constant)
            return is_guard and not constant and not _is_numpy(module, parent)
        if isinstance(parent.op, ast.Add | ast.Sub):
            return _guards(module, parent, names)
    if not names:
        return False
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        return _reads_guard(module, parent.targets[0], names)
    if isinstance(parent, ast.arguments):
        parameter = next(taken for taken, default in defaults(parent) if default is node)
        loads = module.reads(module.parents[parent], parameter.arg)
        return any(_guards(module, load, names - 1) for load in loads)
    return False


def _reads_guard(module: Module, target: ast.Name, names: int) -> bool:
    found = module.lookup(target.id, target)
    return found is not None and any(
        _guards(module, load, names - 1) for load in module.reads(found[0].node, target.id)
    )


def _is_epsilon(module: Module, call: ast.Call, keyword: str | None) -> bool:
    """Whether it is the epsilon of a TensorFlow function; optimizers compute in fp32."""
    name = module.qualified(call.func) or ""
    optimizer = name.endswith("Optimizer") or ".optimizers." in name
    library = name.startswith(("tensorflow.", "keras.")) and not optimizer
    return library and keyword is not None and _EPSILON.fullmatch(keyword) is not None


def _is_numpy(module: Module, expression: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Call) and (module.qualified(part.func) or "").startswith("numpy.")
        for part in ast.walk(expression)
    )


def _scale(module: Module, loss: ast.expr) -> ast.expr | None:
    """The factor of ``loss * loss_scale``, also where the product has a name of its own."""
    if isinstance(loss, ast.Name) and (found := module.lookup(loss.id, loss)):
        values = [binding.node for binding in found[1]]
        if len(values) == 1 and isinstance(values[0], ast.BinOp):
            loss = values[0]
    if not isinstance(loss, ast.BinOp) or not isinstance(loss.op, ast.Mult):
        return None
    for factor in (loss.left, loss.right):
        last = spelled(factor)
        if _SCALE.fullmatch(last):
            return factor
    return None
