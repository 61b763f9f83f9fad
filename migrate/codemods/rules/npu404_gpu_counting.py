"""Finds code that counts GPUs or asks for them, and lets it count none.

What it does: where code lists TensorFlow's devices only to pick the GPUs among them, the list
becomes empty: the same answer as on a machine without one, without TensorFlow opening every
device to give it. Other questions about GPUs (tf.test.is_gpu_available, list_physical_devices,
nvidia-smi, GPUtil, pynvml) stay and are reported with what they answer on an NPU machine. A loop
that trains a copy of the model on each GPU that was counted would not be entered: a warning.

Why: such counts decide how work is divided or which data format a model uses, and what is decided
with no GPU in sight should be known, not found out.

Example:
    names = [d.name for d in device_lib.list_local_devices() if d.device_type == 'GPU']

becomes:
    names = [d.name for d in [] if d.device_type == 'GPU']

Options: none.

Fix safety: safe on a machine without GPUs, where nothing changes. With NPU_DEVICE=host on a machine
with several GPUs the program uses one, as the port does with NPUs.

Not handled: what only a person can decide, such as a program that refuses to start without a GPU.

Authority: TensorFlow 1.15.0, python/client/device_lib.py, python/framework/test_util.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.flow import Flow
from migrate.analysis.imported import imported_packages
from migrate.analysis.module import Module
from migrate.analysis.nodes import spelled
from migrate.analysis.towers import towers
from migrate.codemods.gpu_answers import ANSWERS, DEVICE_LIST, NVIDIA_MODULES, SHORT
from migrate.codemods.removals import comments_in
from migrate.codemods.rule import Change, Context, Rule

_PLACES = 8
_LOGS = re.compile(r"\b(log|logging|logger|print|warn|warnings)\b")
# What a count may go through on its way into a message.
_PASSING = frozenset({"format", "int", "join", "len", "list", "repr", "sorted", "str"})

NPU404 = Rule(
    "NPU404",
    "gpu-counting",
    group="devices",
    literals=(
        *(b"list_local_devices", b"list_physical_devices", b"list_logical_devices"),
        *(b"gpu_available", b"gpu_device_name", b"available_gpus", b"num_gpus", b"built_with_cuda"),
        *(b"nvidia", b"nvml", b"GPUtil", b"gpustat"),
    ),
    claims=frozenset({DEVICE_LIST}),
    unit_tests=False,
)


@NPU404.on_module
def count_no_gpus(context: Context) -> Iterator[Change]:
    module = context.module
    for call, name in module.calls_of(DEVICE_LIST, *ANSWERS):
        if name == DEVICE_LIST:
            yield from _list_none(context, call)
        elif not name.endswith("_devices") or "CPU" not in module.text_of(call):
            yield from _note_answer(context, call, ANSWERS[name])
    for node in module.nodes:
        if isinstance(node, ast.Constant) and str(node.value).lstrip().startswith("nvidia-smi"):
            yield context.finding(
                node, "warning", "nvidia-smi is not there on an NPU machine", "Use npu-smi info."
            )
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from _note_import(context, node)


def _list_none(context: Context, call: ast.Call) -> Iterator[Change]:
    module = context.module
    if loops := towers(context.project, module, call):
        yield context.finding(
            call,
            "warning",
            f"no GPU is found here on an NPU machine, so nothing is built by the loop over the "
            f"GPUs at {', '.join(loops)}",
            "Let it go once: the port trains on one device, and its towers name no GPU any more.",
        )
    uses: list[ast.AST] = [call]
    parent = module.parents[call]
    if isinstance(parent, ast.Assign) and isinstance(target := parent.targets[0], ast.Name):
        reads = [
            (other, node) for other, node in context.project.cached(Flow).reads(module, target)
        ]
        uses = [node for other, node in reads if other is module]
        if len(uses) < len(reads):
            uses = []
    if uses and all(_picks_gpus(module, use) for use in uses):
        start, end = module.span(call)
        if not comments_in(module.source.text[start:end]):
            yield context.replace(call, "[]")
            yield context.finding(call, "note", f"no GPU is counted here{_decided(context, call)}")
            return
    yield context.finding(
        call,
        "note",
        f"lists TensorFlow's devices, of which none is a GPU on an NPU machine"
        f"{_decided(context, call)}",
    )


def _picks_gpus(module: Module, node: ast.AST) -> bool:
    """Whether the list is only gone through, and only for the GPUs in it."""
    parent = module.parents[node]
    if isinstance(parent, ast.comprehension) and parent.iter is node:
        return any(_asks_for_gpu(test) for test in parent.ifs)
    if isinstance(parent, ast.For) and parent.iter is node and not parent.orelse:
        only = parent.body[0]
        return (
            len(parent.body) == 1
            and isinstance(only, ast.If)
            and not only.orelse
            and _asks_for_gpu(only.test)
        )
    return False


def _asks_for_gpu(test: ast.expr) -> bool:
    """x.device_type == 'GPU', 'GPU' in x.name"""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_asks_for_gpu(part) for part in test.values)
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Eq | ast.In):
        parts = [test.left, *test.comparators]
        return len(parts) == 2 and any(
            isinstance(part, ast.Constant) and str(part.value).upper().strip("/:") == "GPU"
            for part in parts
        )
    return False


def _decided(context: Context, call: ast.Call) -> str:
    """The places that depend on the answer, as far as they call the function around it."""
    function = context.module.function_of(call)
    if function is None or (function.end_lineno or 0) - function.lineno > SHORT:
        return ""
    flow = context.project.cached(Flow)
    uses = flow.uses_of(context.module, function)
    places = sorted(
        {(other.path, node.lineno) for other, node in uses if not _is_only_told(flow, other, node)}  # type: ignore[attr-defined]
    )
    shown = ", ".join(f"{path}:{line}" for path, line in places[:_PLACES])
    more = ", ..." if len(places) > _PLACES else ""
    return f"; {function.name}() decides something at {shown}{more}" if places else ""


def _note_answer(context: Context, call: ast.Call, answer: str) -> Iterator[Change]:
    shown = context.module.text_of(call.func)
    if _guards(context.module, call):
        yield context.finding(
            call,
            "warning",
            f"the program stops here when {shown}() finds no GPU, as on an NPU machine",
            "Remove the check by hand.",
        )
    else:
        decided = _decided(context, call)
        if _only_logs(context.module, call):
            decided = "; only a message depends on it"
        yield context.finding(
            call, "note", f"{shown}() answers {answer} on an NPU machine{decided}"
        )


def _only_logs(module: Module, call: ast.Call) -> bool:
    statement = module.statement_of(call)
    return (
        isinstance(statement, ast.If)
        and not statement.orelse
        and all(_is_message(module, s) for s in statement.body)
    )


def _is_message(module: Module, statement: ast.AST | None) -> bool:
    """Whether a statement prints something, or logs it."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and _LOGS.search(module.text_of(statement.value.func)) is not None
    )


def _is_only_told(flow: Flow, module: Module, asked: ast.AST) -> bool:
    """Whether what a function answers goes into messages only, by a name or without one.

    Args:
        asked: the function's name, where it is called.
    """
    statement = _statement_reached(module, asked)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        reads = flow.reads(module, target) if isinstance(target, ast.Name) else []
        reached = [(other, _statement_reached(other, node)) for other, node in reads]
        return bool(reached) and all(_is_message(*statement) for statement in reached)
    return _is_message(module, statement)


def _statement_reached(module: Module, node: ast.AST) -> ast.AST | None:
    """The statement that an answer goes into; None where a function may decide by it before."""
    parent = module.parents[node]
    while isinstance(parent, ast.expr | ast.keyword):
        if isinstance(parent, ast.Call) and parent.func is not node:
            told = _is_message(module, module.parents[parent])
            if spelled(parent.func) not in _PASSING and not told:
                return None
        node, parent = parent, module.parents[parent]
    return parent


def _guards(module: Module, call: ast.Call) -> bool:
    """assert is_gpu_available(), if not ...: raise, or if ...: ... else: raise"""
    for parent in module.ancestors(call):
        if isinstance(parent, ast.Assert):
            return True
        if isinstance(parent, ast.If):
            negated = isinstance(parent.test, ast.UnaryOp) and isinstance(parent.test.op, ast.Not)
            branch = parent.body if negated else parent.orelse if parent.test is call else []
            return bool(branch) and _ends_program(module, branch[-1])
        if isinstance(parent, ast.stmt):
            return False
    return False


def _ends_program(module: Module, statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = statement.value.func
        name = module.qualified(called) or (called.id if isinstance(called, ast.Name) else "")
        return name in ("sys.exit", "os._exit", "exit", "quit")
    return isinstance(statement, ast.Raise)


def _note_import(context: Context, node: ast.Import | ast.ImportFrom) -> Iterator[Change]:
    for root in sorted(NVIDIA_MODULES & imported_packages(node)):
        yield context.finding(
            node,
            "warning",
            f"{root} asks the NVIDIA driver, which is not there on an NPU machine",
            "Remove what uses it, or put it behind a check.",
        )
