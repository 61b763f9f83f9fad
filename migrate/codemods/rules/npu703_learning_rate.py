"""Scales learning rates by the number of ranks, where the recipe says so.

What it does: wraps the learning rate of the optimizers that the recipe names in
`npu_learning_rate(...)`, which multiplies it by the number of ranks. Nothing without the recipe.

Why: N ranks train on N times the batch in each step. Whether the learning rate should grow with it
is a question of the model: SGD on ImageNet wants it, a GAN under Adam often does not.

Example, with `scale = ["train.py"]`:
    opt = tf.train.MomentumOptimizer(learning_rate, 0.9)

becomes:
    opt = tf.train.MomentumOptimizer(npu_learning_rate(learning_rate), 0.9)

Options: `scale` lists files of the project, for all optimizers in them, and optimizers, such as
"tf.train.MomentumOptimizer". A name that fits nothing is an error.

Fix safety: unsafe, since it changes the training with several ranks on purpose. With one rank, the
learning rate is upstream's own: a number, a tensor, a function or a schedule.

Not handled: an optimizer whose class is looked up in a table or by a name. A learning rate that the
project multiplies by the number of ranks itself, as Horovod's examples do, stays, with a note; so
does one that is an optimizer's default, with a warning. No warm-up is added.

Authority: P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, keyword
from migrate.analysis.optimizers import KERAS_OPTIMIZERS, OPTIMIZE_LOSS, OUTER, is_optimizer
from migrate.analysis.project import Project
from migrate.analysis.runtime_names import LEARNING_RATE, runtime_call
from migrate.analysis.symbols import canonical, short
from migrate.codemods.imports import runtime_import
from migrate.codemods.rank_words import depends_on_size
from migrate.codemods.rule import Change, Context, Option, ProjectContext, Rule
from migrate.errors import RecipeError

# Where a constructor has its learning rate, if that is not the first argument.
_POSITIONS = {
    OPTIMIZE_LOSS: 2,
    "tensorflow.contrib.opt.AdamGSOptimizer": 1,
    "tensorflow.contrib.opt.AdamWOptimizer": 1,
    "tensorflow.contrib.opt.LazyAdamGSOptimizer": 1,
    "tensorflow.contrib.opt.MomentumWOptimizer": 1,
    "tensorflow.contrib.opt.ShampooOptimizer": 6,
}


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


NPU703 = Rule(
    "NPU703",
    "learning-rate",
    group="distributed",
    literals=(b"ptimize",),
    options={
        "scale": Option(
            'a list of files and optimizers, such as ["train.py", "tf.train.AdamOptimizer"]',
            _is_list,
        )
    },
    needed="scale",
    unit_tests=False,
)


@NPU703.on_module
def scale_rates(context: Context) -> Iterator[Change]:
    module, chosen = context.module, context.options.get("scale", [])
    for call, name in _optimizers(module, context.project):
        if not any(_names(entry, module, name) for entry in chosen):
            continue
        rate, shown = _rate(context.project, call, name), short(name)
        if rate is None:
            message = f"the recipe scales the learning rate of {shown}, which is not given here"
            yield context.finding(call, "warning", message, "Write it in the call.")
        elif runtime_call(module, rate) == LEARNING_RATE:
            continue
        elif depends_on_size(module, rate):
            message = f"{shown}: the project scales this learning rate itself"
            yield context.finding(call, "note", message, "Take it out of [rules.NPU703].")
        else:
            wanted = runtime_import(module, LEARNING_RATE)
            yield wanted
            yield from context.wrap(rate, f"{wanted.bound}(", ")")


@NPU703.on_project
def check_names(context: ProjectContext) -> Iterator[Change]:
    """Every name in the recipe must be an optimizer's, or a file's that makes one."""
    project = context.project
    left = set(context.options.get("scale", []))
    for path in project.python_files if left else ():
        module = project.parsed(path) if NPU703.concerns(project, path, context.options) else None
        for _, name in _optimizers(module, project) if module is not None else ():
            assert module is not None
            left -= {entry for entry in left if _names(entry, module, name)}
    if left:
        raise RecipeError(
            "rules.NPU703.scale",
            f"no optimizer is made in, or is, {min(left)!r}",
            advice="Write a file as it is in upstream, or a class such as tf.train.AdamOptimizer.",
        )
    yield from ()


def _optimizers(module: Module, project: Project) -> Iterator[tuple[ast.Call, str]]:
    """The calls that take the learning rate of an optimizer, and what they make."""
    for call, name in module.calls:
        if name is None or name.rpartition(".")[2] in OUTER:
            continue
        keras = name.startswith(KERAS_OPTIMIZERS) and name.rpartition(".")[2][:1].isupper()
        if keras or name == OPTIMIZE_LOSS or is_optimizer(project, name):
            yield call, name


def _names(entry: str, module: Module, name: str) -> bool:
    """Whether an entry of the recipe stands for an optimizer in a file."""
    if entry.startswith("tf."):
        entry = f"tensorflow.{entry[3:]}"
    return entry in (module.path, name) or canonical(entry) == name


def _rate(project: Project, call: ast.Call, name: str) -> ast.expr | None:
    for word in ("learning_rate", "lr"):
        if (given := keyword(call, word)) is not None:
            return given.value
    position = _POSITIONS.get(name, 0)
    path, colon, dotted = name.partition(":")
    owner = project.parsed(path) if colon else None
    if owner is not None:
        made = owner.definition(f"{dotted}.__init__")
        parameters = made.args.args[1:] if isinstance(made, ast.FunctionDef) else []
        words = [parameter.arg for parameter in parameters]
        position = next((n for n, w in enumerate(words) if w in ("learning_rate", "lr")), 99)
    return argument(call, "learning_rate", position)
