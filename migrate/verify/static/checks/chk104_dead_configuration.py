"""An NPU configuration is built and never used.

What it finds: a configuration that gets an NpuOptimizer entry, or an NPURunConfig, ProfilingConfig
or DumpConfig that is made, bound to a name, and never handed to anything; a function that makes an
NPU configuration and that nothing refers to.

Why: its options look as if they held, and none of them reaches a session. Precision mode, dumps
and profiling are then the defaults, and before adapter r1.9.0 the session is not on the NPU at all.

Example:
    config = tf.ConfigProto()
    custom_op = config.graph_options.rewrite_options.custom_optimizers.add()
    custom_op.name = "NpuOptimizer"
    with tf.Session() as sess:

Not handled: a configuration that is used only in code that never runs.

Authority: adapter, npu_attrs.cc (options are read from the session's own configuration).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.graph import Graph
from migrate.analysis.module import Module
from migrate.analysis.references import owner_of
from migrate.analysis.words import is_used_elsewhere
from migrate.findings import Finding
from migrate.verify.static.adapter import calls_of
from migrate.verify.static.check import Check, Context
from migrate.verify.static.entries import Entries, key_of

CHK104 = Check("CHK104", "dead-configuration")
_MADE = frozenset({"NPURunConfig", "ProfilingConfig", "DumpConfig", "npu_config_proto"})
_ADVICE = "Give it to the session or Estimator that it is meant for, or remove it."


@CHK104.on_port
def find_dead(context: Context) -> Iterator[Finding]:
    entries = context.project.cached(Entries)
    for path in context.project.python_files:
        seen = set()
        for entry in entries.of(path):
            key = key_of(entry.module, entry.owner)
            if key is None or key in seen:
                continue
            seen.add(key)
            if isinstance(entry.owner, ast.Name) and not _is_read(
                context, entry.module, entry.owner
            ):
                message = f"{entry.owner.id} gets an NpuOptimizer entry, but no session takes it"
                yield context.finding(entry.module, entry.call, "warning", message, _ADVICE)
            elif (function := _unused_function(context, entry.module, entry.call)) is not None:
                message = f"nothing calls {function}, which makes an NPU configuration"
                yield context.finding(entry.module, entry.call, "note", message, _ADVICE)
    for module in context.modules(*(name.encode() for name in _MADE)):
        for call, name in calls_of(module, _MADE):
            statement = module.parents[call]
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if target is not None and _is_never_read(context, module, target):
                message = f"{module.text_of(target)}, made by {name}, is never used"
                yield context.finding(module, call, "warning", message, _ADVICE)


def _is_never_read(context: Context, module: Module, target: ast.expr) -> bool:
    if isinstance(target, ast.Name):
        return not _is_read(context, module, target)
    if not isinstance(target, ast.Attribute):
        return False
    # An attribute that nothing but its assignment mentions.
    files = context.project.files
    mentions = sum(
        files[path].data.count(b"." + target.attr.encode()) for path in context.project.python_files
    )
    return mentions == 1


def _is_read(context: Context, module: Module, name: ast.Name) -> bool:
    """Whether anything but setting parts of it reads a name's value."""
    found = module.lookup(name.id, name)
    if found is None or any(binding.kind in ("parameter", "import") for binding in found[1]):
        return True
    if found[0] is module.scope and is_used_elsewhere(context.project, module.path, name.id):
        return True
    return not all(_is_setting(module, load) for load in module.reads(found[0].node, name.id))


def _is_setting(module: Module, load: ast.Name) -> bool:
    """``config.a.b = value``, ``config.a.add()`` or ``part = config.a.b``"""
    node: ast.AST = load
    parent = module.parents[node]
    while isinstance(parent, ast.Attribute | ast.Subscript) and parent.value is node:
        node, parent = parent, module.parents[parent]
    if node is load:
        return False
    if isinstance(parent, ast.Assign):
        return node in parent.targets or isinstance(node, ast.Attribute)
    if isinstance(parent, ast.Call) and parent.func is node:
        called = node.attr if isinstance(node, ast.Attribute) else ""
        return called in ("add", "CopyFrom", "MergeFrom", "extend", "append")
    return isinstance(parent, ast.AugAssign)


def _unused_function(context: Context, module: Module, node: ast.AST) -> str | None:
    """The function around it, where no code of the project refers to that."""
    function = module.function_of(node)
    if function is None or module.class_of(node) is not None or function.decorator_list:
        return None
    graph = context.project.cached(Graph)
    owner = owner_of(module, node)
    if graph.callers({owner}) != {owner}:
        return None
    wanted = function.name.encode()
    mentions = sum(
        context.project.files[path].data.count(wanted) for path in context.project.python_files
    )
    return f"{function.name}()" if mentions == 1 else None
