"""What takes a rank's part of data already."""

from __future__ import annotations

import ast

from migrate.analysis.module import Module
from migrate.analysis.nodes import is_self

NPU_SHARD = "npu_runtime.npu_shard"


def is_shard(module: Module, node: ast.AST) -> bool:
    """Whether an expression takes a rank's part."""
    return isinstance(node, ast.Call) and module.qualified(node.func) == NPU_SHARD


def holds_shard(module: Module, holder: ast.AST) -> bool:
    """Whether a rank's part is assigned to a variable, or to an attribute of `self`."""
    if isinstance(holder, ast.Attribute) and is_self(holder.value):
        owner = module.class_of(holder)
        values = module.attributes_of(owner).get(holder.attr, []) if owner is not None else []
        return any(is_shard(module, value) for value in values)
    if not isinstance(holder, ast.Name):
        return False
    _, bindings = module.lookup(holder.id, holder) or (None, [])
    for binding in bindings:
        value = getattr(binding.statement, "value", binding.node)
        if isinstance(value, ast.AST) and is_shard(module, value):
            return True
    return False
