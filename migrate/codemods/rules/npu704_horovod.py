"""Takes Horovod's functions from the runtime, which has them on HCCL.

What it does: imports of `horovod.tensorflow`, `horovod.tensorflow.keras` and `horovod.keras`, in
whatever form, become imports from `npu_runtime`. Nothing else changes: its functions have the
names and arguments of Horovod 0.16 to 0.19, so what hides them in a class of its own, hands them
on, or calls them through an alias works as before.

Why: Horovod knows no NPU. What it does, HCCL does there, with one process for each device, whose
numbers come from the environment instead of from mpirun.

Example:
    import horovod.tensorflow as hvd

becomes:
    import npu_runtime.horovod as hvd

An import in `try` then succeeds always, as if Horovod were installed. With one process each
function returns what Horovod returns in a single process, also without an NPU. An optimizer that
`npu_optimizer` made averages its gradients already; Horovod's DistributedOptimizer around it does
not exchange them again.

Options: none.

Fix safety: safe. Two things are stricter than with Horovod: `allgather` takes tensors of the same
shape from all ranks, and `init(comm)` takes all ranks. `Adasum` is an error when it is used.

Not handled, and told: names that the runtime does not have (an error, since the port fails there),
and Horovod for other frameworks, Spark and `horovod.run` (a warning).

Authority: CANN "TensorFlow 1.15 Model Porting Guide", distributed training; Horovod 0.19.5,
horovod/tensorflow, horovod/_keras.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.inventory import Settled
from migrate.analysis.nodes import string
from migrate.analysis.references import functions_in
from migrate.codemods.edits import Edit
from migrate.codemods.imports import module_span
from migrate.codemods.rule import Change, Context, Rule, RuntimeImport
from migrate.findings import Finding
from migrate.runtime import public_names

NPU704 = Rule("NPU704", "horovod", group="distributed", literals=(b"horovod",))

# Modules of Horovod, and where the runtime has what is in them.
_MODULES = {
    "horovod": "horovod",
    "horovod.tensorflow": "horovod",
    "horovod.tensorflow.compression": "horovod",
    "horovod.tensorflow.mpi_ops": "horovod",
    "horovod.tensorflow.keras": "horovod_keras",
    "horovod.tensorflow.keras.callbacks": "horovod_callbacks",
    "horovod.keras": "horovod_keras",
    "horovod.keras.callbacks": "horovod_callbacks",
}
# Of what Horovod has within, what projects call all the same.
_WITHIN = frozenset({"_allreduce"})
_IMPORTED = RuntimeImport("horovod", placed=True, whole=True)
_ELSEWHERE = "Take it out by hand: the port trains with TensorFlow, one process for each device."
_LACKING = "Take it out by hand, or use npu_bridge.hccl.hccl_ops."


@NPU704.on_module
def take_from_runtime(context: Context) -> Iterator[Change]:
    module = context.module
    if ":" in context.project.resolve_import(module.path, "horovod", 0):
        return  # a module of the project's own
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _import(context, alias)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from _import_from(context, node)
        elif isinstance(node, ast.Call):
            yield from _import_call(context, node)
    for facts in functions_in(context.project, module.path).values():
        for use in (*facts.uses, *facts.pipeline_uses):
            if not use.name.startswith("horovod."):
                continue
            owner, name = _split(use.name)
            if _has(owner, name):
                yield Settled(use.path, use.line, use.name)
            elif owner != "horovod":
                yield _lacking(context, use.line, use.name)


def _import(context: Context, alias: ast.alias) -> Iterator[Change]:
    if alias.name.partition(".")[0] != "horovod":
        return
    if alias.name not in _MODULES:
        yield _elsewhere(context, alias, alias.name)
    elif alias.asname is None:
        # The name stands for the whole package: horovod.tensorflow, horovod.keras.
        yield context.replace(alias, "npu_runtime.horovod as horovod")
        yield _IMPORTED
    else:
        new = f"npu_runtime.{_MODULES[alias.name]}"
        yield context.replace(alias, f"{new} as {alias.asname}")
        yield _IMPORTED


def _import_from(context: Context, node: ast.ImportFrom) -> Iterator[Change]:
    name = node.module or ""
    if name.partition(".")[0] != "horovod":
        return
    strange = [
        alias.name for alias in node.names if name == "horovod" and not _has(name, alias.name)
    ]
    if name not in _MODULES or strange:
        yield _elsewhere(context, node, ".".join([name, *strange[:1]]))
        return
    for alias in node.names:
        if alias.name != "*" and not _has(name, alias.name):
            yield _lacking(context, alias.lineno, f"{name}.{alias.name}")
    yield Edit(*module_span(context.module, node), f"npu_runtime.{_MODULES[name]}")
    yield _IMPORTED


def _import_call(context: Context, call: ast.Call) -> Iterator[Change]:
    """``importlib.import_module("horovod.tensorflow")``"""
    given = call.args[0] if call.args else None
    name = string(given)
    if given is None or name is None or name.partition(".")[0] != "horovod":
        return
    written = context.module.text_of(given)
    if context.module.name_of(call.func) == "importlib.import_module":
        if name in _MODULES and name in written:
            yield context.replace(given, written.replace(name, f"npu_runtime.{_MODULES[name]}"))
            yield _IMPORTED
        else:
            yield _elsewhere(context, call, name)
    elif isinstance(call.func, ast.Name) and call.func.id == "__import__":
        yield _elsewhere(context, call, name)


def _split(name: str) -> tuple[str, str]:
    """The module of a name, and the first part of what follows."""
    owner = name
    while owner not in _MODULES:
        owner = owner.rpartition(".")[0]
    return owner, name[len(owner) + 1 :].partition(".")[0]


def _has(owner: str, name: str) -> bool:
    """Whether the runtime has a name for one of a module of Horovod."""
    if not name or name == "__version__" or f"{owner}.{name}" in _MODULES:
        return True
    if owner == "horovod":
        return False
    module = _MODULES[owner]
    return name in public_names(module) or (module == "horovod" and name in _WITHIN)


def _elsewhere(context: Context, node: ast.AST, name: str) -> Change:
    return context.finding(
        node, "warning", f"{name} is not part of what trains on an NPU", _ELSEWHERE
    )


def _lacking(context: Context, line: int, name: str) -> Change:
    return Finding(
        context.module.path, line, context.code, "error", f"HCCL has nothing for {name}", _LACKING
    )
