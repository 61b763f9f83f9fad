"""What takes a rank's part of data already."""

from __future__ import annotations

import ast

from migrate.analysis.module import Module

NPU_SHARD = "npu_runtime.npu_shard"


def is_shard(module: Module, node: ast.AST) -> bool:
    """Whether an expression takes a rank's part."""
    return isinstance(node, ast.Call) and module.qualified(node.func) == NPU_SHARD


def holds_shard(module: Module, name: ast.Name) -> bool:
    """Whether a rank's part is assigned to a variable."""
    _, bindings = module.lookup(name.id, name) or (None, [])
    for binding in bindings:
        value = getattr(binding.statement, "value", binding.node)
        if isinstance(value, ast.AST) and is_shard(module, value):
            return True
    return False
