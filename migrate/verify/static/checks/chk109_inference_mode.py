"""A configuration for training asks for inference mode.

What it finds: `graph_run_mode` 0, in an NpuOptimizer entry or NPURunConfig, in code from which
training is reached.

Why: 0 is inference, 1 training (the default). In inference mode the device's graph optimizations
assume that variables do not change.

Example:
    custom_op.parameter_map["graph_run_mode"].i = 0

Authority: adapter, npu_attrs.cc (graph_run_mode); CANN "TensorFlow 1.15 Model Porting Guide",
session configuration.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.nodes import keyword
from migrate.analysis.values import constant
from migrate.findings import Finding
from migrate.verify.static.adapter import calls_of
from migrate.verify.static.check import Check, Context
from migrate.verify.static.entries import Entries, value_of
from migrate.verify.static.reach import trains_around

CHK109 = Check("CHK109", "inference-mode")


@CHK109.on_port
def find_inference(context: Context) -> Iterator[Finding]:
    for module, node in _places(context):
        if place := trains_around(context.project, module, node):
            message = f"graph_run_mode is 0, inference, but this configuration trains ({place})"
            advice = "Remove graph_run_mode, or set it to 1."
            yield context.finding(module, node, "error", message, advice)


def _places(context: Context) -> Iterator[tuple[Module, ast.AST]]:
    for entry in context.project.cached(Entries):
        for parameter in entry.parameters:
            if parameter.key == "graph_run_mode" and value_of(entry.module, parameter.value) == 0:
                yield entry.module, parameter.statement
    for module in context.modules(b"graph_run_mode"):
        for call, _ in calls_of(module, frozenset({"NPURunConfig"})):
            given = keyword(call, "graph_run_mode")
            if given is not None and constant(module, given.value) == 0:
                yield module, given.value
