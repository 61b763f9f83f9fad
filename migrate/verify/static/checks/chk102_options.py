"""An option of the NPU has a name, a field or a value that the adapter does not take.

What it finds: each literal `parameter_map["key"].field = value` of an NpuOptimizer entry, against
the keys, fields and values of the adapter release asked for, alone and together; options given to
NPURunConfig by a name that it does not have in that release.

Why: the adapter ignores an unknown key and reads a value in the wrong field as empty, both without
a word; an illegal value ends the process at the first step.

Example:
    custom_op.parameter_map["allow_mix_compile"].b = True
    custom_op.parameter_map["precision_mode"].s = "allow_mix_precision"

The first key does not exist (mix_compile_mode was meant). The second assigns a str to a protobuf
bytes field, which is a TypeError: wrap it in tf.compat.as_bytes(...).

Not handled: values that are computed; the simulator checks those when the program runs.

Authority: adapter, npu_attrs.cc and om_partition_subgraphs_pass.cc, r1.1.1 to r1.15.0.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.values import constant
from migrate.findings import Finding
from migrate.simulator.npu_simulator.options import (
    OPTIONS,
    SILENT,
    Setting,
    check_options,
    option_at,
)
from migrate.verify.static.check import Check, Context
from migrate.verify.static.entries import Entries, Entry, Parameter, branch_of, value_of

CHK102 = Check("CHK102", "npu-options")
_FIELDS = frozenset({"b", "i", "s", "f"})


@CHK102.on_port
def find_bad_options(context: Context) -> Iterator[Finding]:
    for entry in context.project.cached(Entries):
        if entry.is_npu:
            yield from dict.fromkeys(_of_entry(context, entry))


def _of_entry(context: Context, entry: Entry) -> Iterator[Finding]:
    module = entry.module
    known = [p for p in entry.parameters if p.key is not None and p.field in _FIELDS]
    for parameter in known:
        if parameter.field == "s" and isinstance(constant(module, parameter.value), str):
            message = f"{parameter.key} is given a str, but the field .s takes bytes: a TypeError"
            advice = f"Write tf.compat.as_bytes({module.text_of(parameter.value)})."
            yield context.finding(module, parameter.statement, "error", message, advice)
    branches = {branch_of(module, parameter.statement) for parameter in known}
    for branch in sorted(branches, key=len):
        together = [
            p for p in known if branch_of(module, p.statement) == branch[: _depth(module, p)]
        ]
        yield from _of_branch(context, entry, together)


def _of_branch(context: Context, entry: Entry, parameters: list[Parameter]) -> Iterator[Finding]:
    """The problems of those options that one way through the code sets."""
    module = entry.module
    places = {str(parameter.key): parameter for parameter in parameters}
    settings = {}
    for key, parameter in places.items():
        value = value_of(module, parameter.value)
        value = value.encode() if isinstance(value, str) else value
        settings[key] = Setting(parameter.field, value)
    for problem in check_options([settings], context.adapter, paths=False):
        place = places.get(problem.key)
        option = option_at(problem.key, context.adapter)
        # What the adapter refuses, or never reads at all.
        is_error = problem.severity != SILENT or (
            place is not None
            and (problem.key not in OPTIONS or (option is not None and option.field != place.field))
        )
        yield context.finding(
            module,
            place.statement if place is not None else entry.call,
            "error" if is_error else "warning",
            problem.message,
            problem.advice,
        )


def _depth(module: Module, parameter: Parameter) -> int:
    return len(branch_of(module, parameter.statement))
