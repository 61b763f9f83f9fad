"""Grappler's remapping or memory optimization stays on beside NpuOptimizer.

What it finds: a configuration with an NpuOptimizer entry built in code whose `remapping` or
`memory_optimization` the same file does not switch OFF, or switches to something else.

Why: both rewrite the graph into operators or copies that the NPU does not know, before the adapter
sees it. The adapter's npu_config_proto switches remapping off always, but memory optimization, from
r1.9.0, only where it adds the NpuOptimizer entry itself.

Example:
    rewrite = config.graph_options.rewrite_options
    rewrite.remapping = RewriterConfig.OFF
    rewrite.memory_optimization = RewriterConfig.OFF

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "sess.run" (every sample sets both);
adapter, npu_init.npu_config_proto, r1.3.0 to r1.15.0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.findings import Finding
from migrate.simulator.npu_simulator.options import release_order
from migrate.verify.static.adapter import name_of
from migrate.verify.static.check import Check, Context
from migrate.verify.static.entries import Entries, key_of

CHK105 = Check("CHK105", "graph-rewrites")
_OFF = "rewriter_config_pb2.RewriterConfig.OFF"


@CHK105.on_port
def find_rewrites(context: Context) -> Iterator[Finding]:
    entries = context.project.cached(Entries)
    for path in context.project.python_files:
        named = [entry for entry in entries.of(path) if entry.is_npu]
        if not named:
            continue
        module = named[0].module
        settings = _settings(module)
        for name in ("remapping", "memory_optimization"):
            for statement, is_off in settings.get(name, ()):
                if not is_off:
                    shown = module.text_of(statement)
                    advice = f"Set it to {_OFF}."
                    yield context.finding(module, statement, "error", f"stays on: {shown}", advice)
            if not settings.get(name) and not _done_by_adapter(context, module, name):
                entry = named[0]
                message = f"{name} is not switched off for this NpuOptimizer"
                shown = module.text_of(entry.owner)
                advice = f"Add {shown}.graph_options.rewrite_options.{name} = {_OFF}."
                yield context.finding(module, entry.call, "warning", message, advice)


def _settings(module: Module) -> dict[str, list[tuple[ast.stmt, bool]]]:
    """What is assigned to the two, anywhere in the file, and whether it is OFF."""
    found: dict[str, list[tuple[ast.stmt, bool]]] = {}
    for node in module.nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    found.setdefault(target.attr, []).append((node, _is_off(node.value)))
        elif isinstance(node, ast.keyword) and node.arg in ("remapping", "memory_optimization"):
            statement = module.statement_of(node)
            found.setdefault(node.arg, []).append((statement, _is_off(node.value)))
    return found


def _is_off(value: ast.expr) -> bool:
    if isinstance(value, ast.Attribute):
        return value.attr == "OFF"
    if isinstance(value, ast.Name):
        return value.id == "OFF"
    return isinstance(value, ast.Constant) and value.value == 2


def _done_by_adapter(context: Context, module: Module, name: str) -> bool:
    """Whether every configuration of the file goes through npu_config_proto, and that is enough."""
    release = release_order(context.adapter)
    if name == "memory_optimization" and not (
        release_order("r1.6.0") <= release < release_order("r1.9.0")
    ):
        return False
    wrapped = {
        key_of(module, value)
        for call, _ in module.calls
        if name_of(module, call.func) in ("npu_config_proto", "set_keras_session_npu_config")
        for value in [*call.args, *(k.value for k in call.keywords)]
    }
    owners = [e.owner for e in context.project.cached(Entries).of(module.path) if e.is_npu]
    return all(key_of(module, owner) in wrapped for owner in owners)
