"""Something for GPUs is left.

What it finds: whatever this kit's device rules (NPU401 to NPU407) would still take out: GPU device
strings, gpu_options, prefetching to a GPU, GPU counting, CUDA variables, XLA; and parts of
TensorFlow that exist for NVIDIA GPUs only. `migrate explain NPU401` and so on say more on each.

Why: at best it means nothing on an NPU and misleads. Pins on a GPU fail without soft placement,
XLA takes operators away before the adapter sees them, and cuDNN's and NCCL's operators have no
kernel outside of NVIDIA's.

Example:
    config.gpu_options.allow_growth = True

Fix: `migrate port` on the project takes out what it can; the advice says what the rule is.

Authority: as the rules'.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit
from migrate.codemods.registry import kit_rules
from migrate.codemods.rule import Rule
from migrate.findings import Finding
from migrate.verify.static.check import Check, Context

CHK401 = Check("CHK401", "gpu-residue")


@CHK401.on_port
def find_residue(context: Context) -> Iterator[Finding]:
    rules = kit_rules("NPU4")
    for path in context.project.python_files:
        concerned = [rule for rule in rules if rule.concerns(context.project, path)]
        module = context.project.parsed(path) if concerned else None
        if module is not None:
            for rule in concerned:
                yield from _of_rule(context, module, rule)


def _of_rule(context: Context, module: Module, rule: Rule) -> Iterator[Finding]:
    changes = list(rule.check_module(module, context.project, {}))
    edited = sorted({module.source.line_of(c.start) for c in changes if isinstance(c, Edit)})
    if edited:
        start = module.source.line_starts[edited[0] - 1]
        shown = module.source.text[start : module.source.line_end(start)].strip()
        more = f" (also on lines {', '.join(map(str, edited[1:]))})" if edited[1:] else ""
        message = f"{rule.name}: {shown[:80]}{more}"
        advice = f"Take it out by hand, or port the project: {rule.code} does."
        yield context.finding(module, edited[0], "warning", message, advice)
    for change in changes:
        if isinstance(change, Finding) and change.severity != "note":
            yield context.finding(
                module, change.line, "warning", f"{rule.name}: {change.message}", change.advice
            )
