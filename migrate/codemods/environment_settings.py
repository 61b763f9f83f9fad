"""Environment variables that a program sets for GPUs, and how to take them out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from migrate.analysis.effects import effect_free
from migrate.analysis.imported import imported_by, imports_tensorflow
from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.values import constant
from migrate.codemods.edits import Edit
from migrate.codemods.items import without_arguments, without_keys
from migrate.codemods.options import removed_assignment
from migrate.codemods.removals import removal_of
from migrate.codemods.rule import Change, Context

CUDA = re.compile(
    r"CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER|CUDA_LAUNCH_BLOCKING|CUDA_CACHE_\w+|NCCL_\w+"
    r"|TF_MIN_GPU_MULTIPROCESSOR_COUNT|TF_GPU_\w+|TF_FORCE_GPU_ALLOW_GROWTH|TF_USE_CUDNN\w*"
    r"|TF_CUDNN_\w+|TF_ENABLE_CUDNN\w*|TF_ENABLE_CUBLAS\w*|TF_ENABLE_WINOGRAD_NONFUSED"
)
XLA = re.compile(r"TF_XLA_FLAGS|XLA_FLAGS")
# What sets or clears a variable and gives nothing back, and what gives its value.
_PLAIN_SETTERS = (
    *("os.putenv", "os.unsetenv", "os.environ.__setitem__", "os.environ.__delitem__"),
)
_SETTERS = (*_PLAIN_SETTERS, "os.environ.setdefault", "os.environ.pop")
_READERS = ("os.getenv", "os.environ.get")


def removed_settings(context: Context, names: re.Pattern[str]) -> Iterator[Change]:
    """Removes what sets the variables whose names match, and notes what reads them.

    A variable that the project reads without a default stays set.
    """
    module = context.module
    mentioned = sorted(set(names.findall(module.source.text)))
    if not mentioned or not _reaches_tensorflow(module, context.project):
        return
    taken = re.compile(
        "|".join(name for name in mentioned if not _is_required(context.project, name)) or r"(?!)"
    )
    for node in module.nodes:
        if isinstance(node, ast.Assign):
            yield from _assignment(context, node, taken)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            if (name := _variable(module, node.target, taken)) and node.value is not None:
                yield from _statement(context, node, [node.value])
                if isinstance(node, ast.AnnAssign) and effect_free(module, node.value):
                    yield from _value_note(context, name, node.value)
        elif isinstance(node, ast.Delete):
            if all(_variable(module, target, taken) for target in node.targets):
                yield removal_of(module, node)
        elif _is_within_others(module, node) and _variable(module, node, taken):
            yield _by_hand(context, module.statement_of(node))
        elif isinstance(node, ast.Call):
            yield from _call(context, node, names, taken)
        elif _variable(module, node, names) and isinstance(node.ctx, ast.Load):  # type: ignore[attr-defined]
            yield context.finding(
                node,
                "warning",
                f"{module.text_of(node)} is read here, so what sets it stays",
                "It means nothing to an NPU: remove both by hand.",
            )


def _assignment(
    context: Context, statement: ast.Assign, taken: re.Pattern[str]
) -> Iterator[Change]:
    module = context.module
    found = list(
        removed_assignment(context, statement, lambda t: _variable(module, t, taken) is not None)
    )
    yield from found
    if any(isinstance(change, Edit) for change in found):
        targets = [_variable(module, target, taken) for target in statement.targets]
        name = next(target for target in targets if target)
        yield from _value_note(context, name, statement.value)


def _statement(
    context: Context, statement: ast.stmt, values: Sequence[ast.expr]
) -> Iterator[Change]:
    """Removes a statement that does nothing but set, unless its values do something."""
    if all(effect_free(context.module, value) for value in values):
        yield removal_of(context.module, statement)
    else:
        yield _by_hand(context, statement)


def _by_hand(context: Context, node: ast.AST) -> Change:
    text = context.module.text_of(node).splitlines()[0]
    return context.finding(
        node,
        "warning",
        f"a setting for GPUs that could not be taken out: {text}",
        "Remove it by hand; it means nothing to an NPU.",
    )


def _is_within_others(module: Module, node: ast.AST) -> bool:
    """Whether it is set or deleted together with something else: ``a, os.environ[...] = ...``."""
    if not isinstance(node, ast.Subscript) or isinstance(node.ctx, ast.Load):
        return False
    parent = module.parents[node]
    whole = isinstance(parent, ast.Assign | ast.AugAssign | ast.AnnAssign) or (
        isinstance(parent, ast.Delete) and len(parent.targets) == 1
    )
    return not whole


def _value_note(context: Context, name: str, value: ast.expr) -> Iterator[Change]:
    fixed = constant(context.module, value)
    if fixed is None:
        yield context.finding(
            value,
            "note",
            f"{context.module.text_of(value)} went into {name} and has no effect on an NPU",
            "ASCEND_DEVICE_ID chooses the device, one to a process.",
        )
    elif name == "CUDA_VISIBLE_DEVICES" and str(fixed).strip() in ("", "-1"):
        yield context.finding(
            value,
            "note",
            f"{name}={str(fixed)!r} kept this program off the GPU; where its sessions run is up to "
            "their roles now",
        )


def _call(
    context: Context, call: ast.Call, names: re.Pattern[str], taken: re.Pattern[str]
) -> Iterator[Change]:
    module = context.module
    called = module.qualified(call.func)
    statement = module.parents[call]
    if called == "os.environ.update":
        yield from _update(context, call, taken)
        return
    name = constant(module, call.args[0]) if call.args else None
    if not isinstance(name, str):
        return
    if called in _SETTERS and taken.fullmatch(name) and isinstance(statement, ast.Expr):
        yield from _statement(context, statement, call.args)
        sets = called not in ("os.environ.pop", "os.unsetenv") and len(call.args) == 2
        if sets and effect_free(module, call.args[1]):
            yield from _value_note(context, name, call.args[1])
    elif called in _PLAIN_SETTERS:
        if taken.fullmatch(name):
            yield _by_hand(context, call)
    elif called in (*_READERS, *_SETTERS) and names.fullmatch(name):
        yield context.finding(
            call, "note", f"{name} is read here; nothing sets it on an NPU machine"
        )


def _update(context: Context, call: ast.Call, taken: re.Pattern[str]) -> Iterator[Change]:
    """os.environ.update({...}) or os.environ.update(NAME=value)"""
    module = context.module
    display = call.args[0] if len(call.args) == 1 else None
    keys: list[ast.expr | None] = list(display.keys) if isinstance(display, ast.Dict) else []
    gone = [k for k in keys if k is not None and _matches(constant(module, k), taken)]
    keywords = [k for k in call.keywords if _matches(k.arg, taken)]
    if not gone and not keywords:
        return
    statement = module.parents[call]
    nothing_left = len(gone) == len(keys) and len(keywords) == len(call.keywords)
    if nothing_left and isinstance(statement, ast.Expr) and (not call.args or keys):
        yield removal_of(module, statement)
        return
    if isinstance(display, ast.Dict):
        yield from without_keys(module, display, gone)
    yield from without_arguments(module, call, keywords)


def _variable(module: Module, node: ast.AST, names: re.Pattern[str]) -> str | None:
    """The variable that ``os.environ[...]`` means, when its name matches."""
    if isinstance(node, ast.Subscript) and module.qualified(node.value) == "os.environ":
        name = constant(module, node.slice)
        if _matches(name, names):
            return str(name)
    return None


def _matches(name: object, names: re.Pattern[str]) -> bool:
    return isinstance(name, str) and names.fullmatch(name) is not None


def _is_required(project: Project, name: str) -> bool:
    """Whether some file reads the variable in a way that fails when it is not set.

    Any file: a program may start another one.
    """
    only = re.compile(re.escape(name))
    for path in project.all_python_files:
        module = project.parsed(path) if name.encode() in project.files[path].data else None
        if module is not None and any(
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and _variable(module, node, only)
            for node in module.nodes
        ):
            return True
    return False


def _reaches_tensorflow(module: Module, project: Project) -> bool:
    """Whether the file imports TensorFlow, itself or through files of the project."""
    return any(
        imports_tensorflow(project.module(path)) for path in imported_by(project, module.path)
    )
