"""What expressions stand for, as far as names that are bound once tell."""

from __future__ import annotations

import ast

from migrate.analysis.module import Module


def bound_value(module: Module, node: ast.expr) -> ast.expr:
    """The expression that a name stands for, where it is bound once; else the node itself."""
    if isinstance(node, ast.Name):
        found = module.lookup(node.id, node)
        if found is not None and len(found[1]) == 1 and found[1][0].kind == "value":
            value = found[1][0].node
            if isinstance(value, ast.expr):
                return value
    return node


def constant(module: Module, node: ast.AST | None) -> object:
    """The value of a literal, or of a name that stands for one; else None."""
    if isinstance(node, ast.expr):
        value = bound_value(module, node)
        if isinstance(value, ast.Constant):
            return value.value
    return None
