"""A step runs its training op twice on the same data.

What it finds: two `run` calls of one function, on the same session and with the same feed, that
both fetch the same training op and that one pass through the code executes both.

Why: a second run "to look at the loss scale" trains again on the same batch: the optimizer's step
counts double, schedules by step end at half, and the throughput that is printed is wrong.

Example:
    _, loss = sess.run([train_op, loss_op], feed_dict=feed)
    _, scale = sess.run([train_op, loss_scale], feed_dict=feed)

becomes:
    _, loss, scale = sess.run([train_op, loss_op, loss_scale], feed_dict=feed)

Not handled: a network that is trained twice a step on purpose, as some GANs are, looks the same:
hence a warning. Ops are taken for training ops by their names or by minimize() and
apply_gradients().

Authority: TensorFlow 1.15.0, tf.Session.run (each call executes its fetches anew).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from migrate.analysis.module import Module
from migrate.analysis.values import bound_value
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context

CHK108 = Check("CHK108", "trained-twice")
_TRAINS = re.compile(r"(?i)train_?(?:op|step)s?$|^train$|optim(?:izer)?$|optim?_op$|minimi[sz]e")
_APPLYING = frozenset({"minimize", "apply_gradients"})
_ADVICE = "Fetch both in one run; the op runs once for each call."


@CHK108.on_port
def find_repeated(context: Context) -> Iterator[Finding]:
    for module in context.modules(b".run("):
        runs: dict[tuple[ast.AST | None, str, str, str], list[ast.Call]] = {}
        for call, _ in module.calls:
            if not (isinstance(call.func, ast.Attribute) and call.func.attr == "run"):
                continue
            receiver = module.text_of(call.func.value)
            feed = "".join(module.text_of(part) for part in _feed(call))
            for op in _training_ops(module, call):
                place = (module.function_of(call), receiver, feed, op)
                runs.setdefault(place, []).append(call)
        told = set()
        for (_, _, _, op), calls in runs.items():
            for first, second in pairwise(calls):
                if _both_run(module, first, second) and second not in told:
                    told.add(second)
                    message = f"{op} runs again on the same data, after line {first.lineno}"
                    yield context.finding(module, second, "warning", message, _ADVICE)


def _feed(call: ast.Call) -> list[ast.expr]:
    return [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "feed_dict")]


def _training_ops(module: Module, call: ast.Call) -> Iterator[str]:
    """The texts of the fetches that train."""
    fetched = call.args[0] if call.args else None
    if fetched is None:
        return
    value = bound_value(module, fetched)
    parts = [fetched]
    if isinstance(value, ast.List | ast.Tuple):
        parts = value.elts
    elif isinstance(value, ast.Dict):
        parts = value.values
    for part in parts:
        if isinstance(part, ast.Name | ast.Attribute):
            name = part.attr if isinstance(part, ast.Attribute) else part.id
            made = bound_value(module, part)
            applies = (
                isinstance(made, ast.Call)
                and isinstance(made.func, ast.Attribute)
                and made.func.attr in _APPLYING
            )
            if applies or _TRAINS.search(name):
                yield module.text_of(part)


def _both_run(module: Module, first: ast.Call, second: ast.Call) -> bool:
    """Whether one pass through the function executes both, and nothing sends it away between."""
    around_first = [first, *module.ancestors(first)]
    around_second = [second, *module.ancestors(second)]
    common = next(node for node in around_second if node in around_first)
    if isinstance(common, ast.If | ast.IfExp | ast.Try):
        return False
    block = _block_with(common, around_first)
    if block is None or block is not _block_with(common, around_second):
        return False
    start = next(i for i, s in enumerate(block) if s in around_first)
    end = next(i for i, s in enumerate(block) if s in around_second)
    # Both unconditionally, or the second only sometimes: it trains twice then. What stands in a
    # loop of its own trains as often as that loop says, on purpose.
    loops = (ast.For, ast.While)
    if isinstance(block[start], loops) or isinstance(block[end], loops):
        return False
    leaves = (ast.Return, ast.Continue, ast.Break, ast.Raise)
    begin = module.statement_of(first).lineno
    return start <= end and not any(
        isinstance(node, leaves) and begin <= node.lineno < second.lineno
        for statement in block[start : end + 1]
        for node in ast.walk(statement)
    )


def _block_with(parent: ast.AST, path: list[ast.AST]) -> list[ast.stmt] | None:
    for field in ("body", "orelse", "finalbody"):
        block = getattr(parent, field, None)
        if isinstance(block, list) and any(statement in path for statement in block):
            return block
    return None
