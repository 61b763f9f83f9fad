"""Switches XLA off.

What it does: removes `global_jit_level` from OptimizerOptions and statements that set it, and
TF_XLA_FLAGS and XLA_FLAGS from the environment; gives XLA's jit scopes `compile_ops=False`;
removes `tf.config.optimizer.set_jit(...)`.

Why: XLA would take operators out of the graph, as clusters of its own, before the NPU adapter sees
them. npu_session_config switches the session's own setting off as well.

Example:
    with tf.contrib.compiler.jit.experimental_jit_scope():

becomes:
    with tf.contrib.compiler.jit.experimental_jit_scope(compile_ops=False):

Options: none.

Fix safety: safe. XLA may round otherwise than TensorFlow does; without it results are TensorFlow's.

Not handled: `xla.compile`, which takes the computation as a function, and a value whose evaluation
may have an effect; both are warnings.

Authority: adapter r1.3.0, npu_config_proto (global_jit_level OFF); TensorFlow 1.15.0,
compiler/jit/mark_for_compilation_pass.cc.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.effects import effect_free
from migrate.analysis.imported import imports_tensorflow
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, keyword
from migrate.codemods.calls import add_keywords
from migrate.codemods.environment_settings import XLA, removed_settings
from migrate.codemods.items import without_keywords
from migrate.codemods.options import removed_assignment
from migrate.codemods.removals import removal_of
from migrate.codemods.rule import Change, Context, Rule

_OPTIONS = "tensorflow.OptimizerOptions"
_SCOPE = "tensorflow.xla.experimental.jit_scope"
_COMPILE = "tensorflow.xla.experimental.compile"
_SET_JIT = "tensorflow.config.optimizer.set_jit"

NPU406 = Rule(
    "NPU406",
    "xla",
    group="devices",
    literals=(b"jit_scope", b"jit_level", b"set_jit", b"XLA_FLAGS", b"xla"),
    claims=frozenset({_SCOPE, _SET_JIT}),
)


@NPU406.on_module
def switch_off_xla(context: Context) -> Iterator[Change]:
    module = context.module
    yield from removed_settings(context, XLA)
    for node in module.nodes:
        if isinstance(node, ast.Assign) and not _is_off(node.value):
            yield from removed_assignment(context, node, lambda t: _is_jit_level(module, t))
    for call, name in module.calls_of(_OPTIONS, _SCOPE, _SET_JIT, _COMPILE):
        if name == _OPTIONS:
            level = keyword(call, "global_jit_level")
            if level is not None and not _is_off(level.value):
                yield from without_keywords(module, call, ("global_jit_level",))
        elif name == _SCOPE:
            yield from _close(context, call)
        elif name == _SET_JIT:
            yield from _unset(context, call)
        else:
            yield context.finding(
                call,
                "warning",
                f"{module.text_of(call.func)} compiles with XLA, which the NPU does not run",
                "Call the function itself, without XLA.",
            )


def _close(context: Context, call: ast.Call) -> Iterator[Change]:
    """Makes a jit scope one that compiles nothing."""
    module = context.module
    value = argument(call, "compile_ops", 0)
    if value is not None:
        if not _is_off(value):
            yield context.replace(value, "False")
    else:
        yield add_keywords(module, call, {"compile_ops": "False"})


def _unset(context: Context, call: ast.Call) -> Iterator[Change]:
    module = context.module
    statement = module.parents[call]
    if len(call.args) == 1 and _is_off(call.args[0]):
        return
    if isinstance(statement, ast.Expr) and all(effect_free(module, a) for a in call.args):
        yield removal_of(module, statement)
    else:
        yield context.finding(call, "warning", "this may switch XLA on", "Remove it by hand.")


def _is_off(value: ast.expr) -> bool:
    """False, OptimizerOptions.OFF, or -1, its number."""
    if isinstance(value, ast.Attribute):
        return value.attr == "OFF"
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.operand, ast.Constant) and value.operand.value == 1
    return isinstance(value, ast.Constant) and value.value is False


def _is_jit_level(module: Module, target: ast.expr) -> bool:
    """config.graph_options.optimizer_options.global_jit_level"""
    if not isinstance(target, ast.Attribute) or target.attr != "global_jit_level":
        return False
    holder = target.value
    if isinstance(holder, ast.Attribute) and holder.attr == "optimizer_options":
        return imports_tensorflow(module)
    return module.instance_of(holder) == _OPTIONS
