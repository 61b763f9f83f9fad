"""Lets realmix print the evaluation of a checkpoint.

What it does: `eval_checkpoint` in `libml/train.py` prints the three accuracies of each result.

Why: `eval_stats` returns the accuracies of three subsets and, behind them, ten confidences. The
table that `--eval_ckpt` prints has columns for three numbers, so that the first row raises
TypeError, after all of the evaluation and its tuning are done.

Example:
    print('%16s %8s %8s %8s' % (('raw',) + tuple('%.2f' % x for x in raw)))

becomes:
    print('%16s %8s %8s %8s' % (('raw',) + tuple('%.2f' % x for x in raw[:3])))

Fix safety: safe. Only lines that could not run change, and only what they print.

Not handled: another layout of `eval_checkpoint` is an error, since the evaluation may fail.

Authority: Python, "printf-style String Formatting": a value for each conversion, and no more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.codemods.edits import Edit
from migrate.codemods.rule import Change, Context, Rule

NPU852 = Rule("NPU852", "evaluation-prints", group="compat", literals=(b"eval_checkpoint",))

_PATH = "libml/train.py"
_COLUMNS = 3
_ADVICE = "Print only the first three of the numbers that eval_stats returns."
NPU852.needs(_PATH, _ADVICE)


@NPU852.on_module
def print_accuracies(context: Context) -> Iterator[Change]:
    module = context.module
    if module.path != _PATH:
        return
    printed = [
        source.iter
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef) and node.name == "eval_checkpoint"
        for row in ast.walk(node)
        if isinstance(row, ast.GeneratorExp)
        for source in row.generators
    ]
    if not printed:
        message = "no eval_checkpoint that is known: evaluating a checkpoint may fail"
        yield context.finding(None, "error", message, _ADVICE)
    for values in printed:
        if isinstance(values, ast.Name):
            _, end = module.span(values)
            yield Edit(end, end, f"[:{_COLUMNS}]")
