"""What several rules know about code that was written for Python 2."""

from __future__ import annotations

import ast


def divisions(tree: ast.Module) -> list[int]:
    """The lines that divide what may be integers, where `/` means what it does in Python 2."""
    if has_true_division(tree):
        return []
    return sorted(
        {
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.BinOp | ast.AugAssign) and may_be_whole(node)
        }
    )


def has_true_division(tree: ast.Module) -> bool:
    """Whether a file has Python 3's `/` in Python 2, too."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "division" for alias in node.names)
        for node in tree.body
    )


def may_be_whole(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether a division may be one of two integers: it has no float in it."""
    constants = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
    return isinstance(node.op, ast.Div) and not any(isinstance(c, float) for c in constants)
