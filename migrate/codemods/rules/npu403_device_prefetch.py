"""Prefetches batches on the host instead of on a GPU.

What it does: `.apply(prefetch_to_device(device, n))` becomes `.prefetch(2)`; so does
`.apply(copy_to_device(device))`, which just goes where a `.prefetch` follows it. The import and the
variable with the device's name go when nothing else uses them.

Why: the data set that these make lives on the GPU and fails without one (it reaches the CPU only
through soft placement). The NPU takes its batches from the host's data set. Two batches are enough
to overlap, while n is often the batch size: hundreds of batches in memory.

Example:
    dataset = dataset.batch(64).apply(prefetch_to_device('/gpu:0', 64))

becomes:
    dataset = dataset.batch(64).prefetch(2)

Options (recipe): `buffer`, the number of batches; 2 by default.

Fix safety: safe. Prefetching changes neither the batches nor their order.

Not handled: MultiDeviceIterator, which feeds several GPUs, and a prefetch passed on as a value to
other code than `apply`; both are findings.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", data preprocessing (prefetch_to_device is
to be removed); TensorFlow 1.15.0, python/data/experimental/ops/prefetching_ops.py.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit
from migrate.codemods.removals import comments_in
from migrate.codemods.rule import Change, Context, Option, Rule

_PREFETCHES = (
    "tensorflow.contrib.data.prefetch_to_device",
    "tensorflow.data.experimental.prefetch_to_device",
)
_COPIES = ("tensorflow.contrib.data.copy_to_device", "tensorflow.data.experimental.copy_to_device")
_MULTI = "tensorflow.python.data.ops.multi_device_iterator_ops.MultiDeviceIterator"

NPU403 = Rule(
    "NPU403",
    "device-prefetch",
    group="devices",
    literals=(b"prefetch_to_device", b"copy_to_device", b"MultiDeviceIterator"),
    claims=frozenset({*_PREFETCHES, *_COPIES}),
    options={
        "buffer": Option(
            "a number of batches, from 1 on",
            lambda value: type(value) is int and value > 0,  # a bool is an int as well
        )
    },
)


@NPU403.on_module
def prefetch_on_host(context: Context) -> Iterator[Change]:
    module = context.module
    for call, name in _calls(module):
        if name == _MULTI:
            yield context.finding(
                call,
                "warning",
                "MultiDeviceIterator deals batches out to several GPUs",
                "Give each NPU a process and a shard of the data instead.",
            )
            continue
        apply = _application(module, call)
        if apply is None:
            yield from _as_value(context, call)
        elif name in _COPIES and (prefetch := _prefetched(module, apply)) is not None:
            yield from _without_copy(context, apply, prefetch)
        else:
            yield from _prefetch(context, apply)


def _calls(module: Module) -> Iterator[tuple[ast.Call, str]]:
    """The calls, also of a name that different versions of TensorFlow import from elsewhere."""
    known = {*_PREFETCHES, *_COPIES, _MULTI}
    for call, name in module.calls:
        if name in known:
            yield call, name
        elif name is None and isinstance(call.func, ast.Name):
            found = module.lookup(call.func.id, call.func)
            names = {binding.qualified for binding in found[1]} if found is not None else set()
            if names and names <= known:
                yield call, min(names)


def _application(module: Module, call: ast.Call) -> ast.Call | None:
    """The ``dataset.apply(...)`` that takes the call."""
    parent = module.parents[call]
    if isinstance(parent, ast.keyword) and parent.arg == "transformation_func":
        parent = module.parents[parent]
    if isinstance(parent, ast.Call) and len(parent.args) + len(parent.keywords) == 1:
        function = parent.func
        if isinstance(function, ast.Attribute) and function.attr == "apply":
            return parent
    return None


def _prefetch(context: Context, apply: ast.Call) -> Iterator[Change]:
    module = context.module
    end = module.span(apply.func)[1]
    yield Edit(end - len("apply"), end, "prefetch")
    argument = apply.args[0] if apply.args else apply.keywords[0]
    start, stop = module.span(argument)
    yield Edit(start, stop, f"{_buffer(context)}{_kept(module, start, stop, start, stop)}")


def _buffer(context: Context) -> int:
    buffer: int = context.options.get("buffer", 2)
    return buffer


def _kept(module: Module, start: int, end: int, place: int, behind: int) -> str:
    """The comments inside what goes, at the end of the line of another place in brackets.

    Args:
        behind: where what follows them begins.
    """
    comments = comments_in(module.source.text[start:end])
    if not comments:
        return ""
    line = module.source.text[module.source.line_start(place) :]
    indent = line[: len(line) - len(line.lstrip())]
    indent = module.source.newline + indent
    rest = module.source.text[behind : module.source.line_end(behind)]
    return f"  {indent.join(comments)}{indent if rest.strip() else ''}"


def _prefetched(module: Module, apply: ast.Call) -> ast.Attribute | None:
    """The ``.prefetch`` that is called on the data set."""
    parent = module.parents[apply]
    if (
        isinstance(parent, ast.Attribute)
        and parent.attr == "prefetch"
        and isinstance(module.parents[parent], ast.Call)
    ):
        return parent
    return None


def _without_copy(context: Context, apply: ast.Call, prefetch: ast.Attribute) -> Iterator[Change]:
    """Takes ``.apply(...)`` out of a chain of calls; comments in it go to the prefetch."""
    module, source = context.module, context.module.source
    assert isinstance(apply.func, ast.Attribute)
    start, end = module.span(apply.func.value)[1], module.span(apply)[1]
    # Brackets may close between the data set and the dot: (dataset).apply(...)
    while source.text[start:end].lstrip().startswith(")"):
        start = source.text.index(")", start) + 1
    name = module.span(apply.func)[1] - len("apply")
    if comments_in(source.text[start:name]):
        # A comment ends the line before; the dot begins this one.
        dot = source.text.rindex(".", start, name)
        rest = source.text[end : source.line_end(end)]
        whole = not rest.strip()
        start = source.line_start(dot) if whole else dot
        end += len(rest) if whole else len(rest) - len(rest.lstrip())
    yield Edit(start, end, "")
    inside = source.text.index("(", module.span(prefetch)[1]) + 1
    if kept := _kept(module, start, end, inside, inside):
        yield Edit(inside, inside, kept)


def _as_value(context: Context, call: ast.Call) -> Iterator[Change]:
    """A transformation that is applied elsewhere."""
    module = context.module
    parent = module.parents[call]
    start, end = module.span(call)
    if isinstance(parent, ast.Assign | ast.Return) and not comments_in(
        module.source.text[start:end]
    ):
        yield Edit(start, end, f"lambda dataset: dataset.prefetch({_buffer(context)})")
    else:
        yield context.finding(
            call,
            "warning",
            f"{module.text_of(call.func)} puts the data on a device, in an unusual place",
            f"Replace it by .prefetch({_buffer(context)}) on the data set.",
        )
