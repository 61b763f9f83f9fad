"""Whether leaving out the evaluation of an expression changes what a program does."""

from __future__ import annotations

import ast

from migrate.analysis.module import Module

# Calls that only build or look up a value, so that nobody misses them when the value goes.
_PURE_CALLS = frozenset(
    {
        *("tensorflow.ConfigProto", "tensorflow.GPUOptions"),
        *("tensorflow.GraphOptions", "tensorflow.OptimizerOptions"),
        "tensorflow.config.experimental.list_physical_devices",
        "tensorflow.python.client.device_lib.list_local_devices",
        *("tensorflow.test.is_gpu_available", "tensorflow.test.gpu_device_name"),
        *("os.getenv", "os.environ.get", "os.path.join"),
    }
)
_PURE_PREFIXES = ("horovod.",)
# What Horovod tells of a rank.
HOROVOD_QUERIES = ("rank", "local_rank", "size", "local_size")
_PURE_BUILTINS = frozenset(
    "abs all any bool dict enumerate float getattr hasattr int isinstance len list max min range "
    "repr reversed round set sorted str sum tuple zip".split()
)
_PURE_METHODS = frozenset(
    "endswith format get join lower replace split startswith strip upper".split()
)


def effect_free(module: Module, node: ast.AST) -> bool:
    """Whether the expression only computes; reading an attribute is taken to be computing."""
    if isinstance(node, ast.Call):
        return _is_pure_call(module, node) and _parts_are_free(module, node)
    if isinstance(node, ast.Lambda):
        return True
    if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom):
        return False
    return _parts_are_free(module, node)


def _parts_are_free(module: Module, node: ast.AST) -> bool:
    return all(effect_free(module, part) for part in ast.iter_child_nodes(node))


def _is_query(call: ast.Call) -> bool:
    """Whether it may be a query of Horovod, through what hides it: ``self.comm.local_rank()``."""
    named = isinstance(call.func, ast.Attribute) and call.func.attr in HOROVOD_QUERIES
    return named and not (call.args or call.keywords)


def _is_pure_call(module: Module, call: ast.Call) -> bool:
    function = call.func
    name = module.qualified(function) or ""
    if isinstance(function, ast.Name) and module.lookup(function.id, function) is None:
        name = f"builtins.{function.id}"
    builtin = name.removeprefix("builtins.")
    if builtin in ("map", "filter") and builtin != name and call.args:
        applied = call.args[0]
        return isinstance(applied, ast.Name) and applied.id in _PURE_BUILTINS
    if builtin != name:
        return builtin in _PURE_BUILTINS
    if name.startswith(_PURE_PREFIXES):
        return name.rpartition(".")[2] in HOROVOD_QUERIES
    if _is_query(call) and (not name or ":" in name):
        return True
    if name in _PURE_CALLS:
        return True
    return not name and isinstance(function, ast.Attribute) and function.attr in _PURE_METHODS
