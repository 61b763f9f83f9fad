"""Whether a value already depends on the rank, or on how many ranks there are."""

from __future__ import annotations

import ast
from collections.abc import Collection

from migrate.analysis.module import Module
from migrate.analysis.nodes import is_self, spelled

_RANK = frozenset("rank local_rank get_rank Get_rank npu_seed".split())
_SIZE = frozenset("size num_workers get_size Get_size world_size npu_learning_rate".split())
_DEEPEST = 8


def depends_on_rank(module: Module, value: ast.expr) -> bool:
    """Whether a value is made with the number of this rank, such as ``seed + hvd.rank()``."""
    return _made_with(module, value, _RANK, set())


def depends_on_size(module: Module, value: ast.expr) -> bool:
    """Whether a value is made with the number of ranks, such as ``0.1 * hvd.size()``."""
    return _made_with(module, value, _SIZE, set())


def _made_with(module: Module, value: ast.expr, words: Collection[str], seen: set[ast.AST]) -> bool:
    """Follows names within the file; what is asked is a call, of whatever object's method."""
    if value in seen or len(seen) > _DEEPEST:
        return False
    seen.add(value)
    for part in ast.walk(value):
        if isinstance(part, ast.Call):
            word = spelled(part.func)
            asks = not part.args and not part.keywords  # `numpy.size(x)` is no number of ranks
            if word in words and (asks or word.startswith("npu_")):
                return True
        if isinstance(part, ast.Name | ast.Attribute) and isinstance(part.ctx, ast.Load):
            for made in values_of(module, part):
                if _made_with(module, made, words, seen):
                    return True
    return False


def values_of(module: Module, node: ast.expr) -> list[ast.expr]:
    """What a name, or an attribute of `self`, is bound to in the file."""
    if isinstance(node, ast.Name):
        found = module.lookup(node.id, node)
        bound = [binding.node for binding in found[1]] if found is not None else []
        return [value for value in bound if isinstance(value, ast.expr)]
    if not isinstance(node, ast.Attribute) or not is_self(node.value):
        return []
    owner = module.class_of(node)
    return module.attributes_of(owner).get(node.attr, []) if owner is not None else []
