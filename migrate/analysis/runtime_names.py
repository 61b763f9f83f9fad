"""Names of the runtime that a port carries."""

from __future__ import annotations

import ast

from migrate.analysis.module import Module

RANK_FILE = "npu_rank_file"
RANK_0 = "npu_rank_0"
MAKE_FOLDER = "npu_make_folder"
SEED = "npu_seed"
LEARNING_RATE = "npu_learning_rate"


def runtime_name(module: Module, node: ast.AST | None) -> str:
    """The function of the runtime that an expression names; empty where it is none of those.

    The runtime may be among the project's files or not.
    """
    name = module.name_of(node) if node is not None else None
    if name is None or not name.startswith("npu_runtime"):
        return ""
    return name.rpartition(".")[2].rpartition(":")[2]


def runtime_call(module: Module, node: ast.AST | None) -> str:
    """The function of the runtime that an expression calls; empty where it calls none."""
    return runtime_name(module, node.func) if isinstance(node, ast.Call) else ""
