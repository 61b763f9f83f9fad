"""A configuration has an unnamed custom optimizer, one of another name, or NpuOptimizer twice.

What it finds: `custom_optimizers.add()` whose result is never given a name or is given another
name than NpuOptimizer; two NpuOptimizer entries in one configuration.

Why: the adapter looks for an entry named exactly NpuOptimizer. TensorFlow's meta optimizer fails on
an entry whose name it does not know ("Tried to instantiate unregistered optimizer"). Of two
NpuOptimizer entries the later one wins, key by key, so that options seem to change by themselves.

Example:
    custom_op = config.graph_options.rewrite_options.custom_optimizers.add()
    custom_op = config.graph_options.rewrite_options.custom_optimizers.add()
    custom_op.name = "NpuOptimizer"

Authority: adapter, npu_attrs.cc (entries are read by name); TensorFlow 1.15.0,
core/grappler/optimizers/meta_optimizer.cc (InitializeCustomGraphOptimizers).
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.findings import Finding
from migrate.verify.static.check import Check, Context
from migrate.verify.static.entries import NPU_OPTIMIZER, Entries, Entry, branch_of, key_of

CHK103 = Check("CHK103", "optimizer-entries")


@CHK103.on_port
def find_odd_entries(context: Context) -> Iterator[Finding]:
    for path in context.project.python_files:
        entries = context.project.cached(Entries).of(path)
        for entry in entries:
            yield from _name(context, entry)
        yield from _doubled(context, [entry for entry in entries if entry.name == NPU_OPTIMIZER])


def _name(context: Context, entry: Entry) -> Iterator[Finding]:
    if entry.name == "":
        message = "a custom optimizer is added and never named"
        advice = f'Remove it, or set its name to "{NPU_OPTIMIZER}".'
        yield context.finding(entry.module, entry.call, "error", message, advice)
    elif entry.name not in (None, NPU_OPTIMIZER) and entry.parameters:
        message = f"a custom optimizer named {entry.name!r}: the adapter reads {NPU_OPTIMIZER} only"
        advice = f'Set its name to "{NPU_OPTIMIZER}".'
        yield context.finding(entry.module, entry.call, "error", message, advice)


def _doubled(context: Context, entries: list[Entry]) -> Iterator[Finding]:
    for place, entry in enumerate(entries):
        module, key = entry.module, key_of(entry.module, entry.owner)
        for other in entries[:place]:
            if (
                key is not None
                and key_of(module, other.owner) == key
                and module.function_of(entry.call) is module.function_of(other.call)
                and branch_of(module, module.statement_of(entry.call))
                == branch_of(module, module.statement_of(other.call))
            ):
                message = f"a second {NPU_OPTIMIZER} entry, beside that of line {other.call.lineno}"
                advice = "Keep one: the later one wins key by key."
                yield context.finding(module, entry.call, "warning", message, advice)
                break
