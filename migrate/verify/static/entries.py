"""The NpuOptimizer entries that code adds to session configurations, with their options."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, is_self, keyword, spelled
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test
from migrate.analysis.values import bound_value, constant

NPU_OPTIMIZER = "NpuOptimizer"
_PARTS = frozenset({"graph_options", "rewrite_options", "optimizer_options"})
_CONVERSIONS = frozenset({"as_bytes", "as_str_any", "as_text", "str", "bytes", "encode"})

# A name within its scope, or an attribute of `self` within its class.
Key = tuple[object, str]


@dataclass(eq=False)
class Parameter:
    """``custom_op.parameter_map["key"].field = value``

    Args:
        key: None where it is not a literal.
        field: such as ``b``, ``i`` or ``s``.
    """

    key: str | None
    field: str
    value: ast.expr
    statement: ast.stmt


@dataclass(eq=False)
class Entry:
    """One ``custom_optimizers.add()``.

    Args:
        call: the ``add``.
        owner: the configuration that it goes into, without ``.graph_options`` and so on.
        name: what it is called; empty where nothing names it, None where that cannot be told.
    """

    module: Module
    call: ast.Call
    owner: ast.expr
    name: str | None
    parameters: list[Parameter] = field(default_factory=list)

    @property
    def is_npu(self) -> bool:
        return self.name in (NPU_OPTIMIZER, None)


class Entries:
    """Those of a project, by file."""

    def __init__(self, project: Project) -> None:
        self._of: dict[str, list[Entry]] = {}
        for path in project.python_files:
            data = project.files[path].data
            if b"custom_optimizers" in data and not is_unit_test(project, path):
                module = project.parsed(path)
                if module is not None:
                    self._of[path] = _entries(module)

    def of(self, path: str) -> list[Entry]:
        return self._of.get(path, [])

    def __iter__(self) -> Iterator[Entry]:
        for entries in self._of.values():
            yield from entries


def key_of(module: Module, node: ast.expr) -> Key | None:
    """What a name or an attribute of ``self`` is, wherever it is written."""
    if isinstance(node, ast.Name):
        found = module.lookup(node.id, node)
        return (found[0], node.id) if found is not None else None
    if isinstance(node, ast.Attribute) and is_self(node.value):
        return module.class_of(node), node.attr
    return None


def owner_of_part(module: Module, node: ast.expr) -> ast.expr:
    """The configuration of which ``config.graph_options.rewrite_options`` is a part."""
    for _ in range(10):
        if isinstance(node, ast.Attribute) and node.attr in _PARTS:
            node = node.value
            continue
        bound = bound_value(module, node)
        if bound is node or not (isinstance(bound, ast.Attribute) and bound.attr in _PARTS):
            break
        node = bound
    return node


def value_of(module: Module, node: ast.expr) -> object:
    """A literal's value, through ``tf.compat.as_bytes``; None where it cannot be told."""
    node = bound_value(module, node)
    if isinstance(node, ast.Call):
        func = node.func
        called = spelled(func)
        if called == "encode" and isinstance(func, ast.Attribute):
            inner = constant(module, func.value)
        else:
            inner = constant(module, node.args[0]) if node.args else None
        if called not in _CONVERSIONS or not isinstance(inner, str | bytes):
            return None
        return inner.encode() if isinstance(inner, str) else inner
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = constant(module, node.operand)
        return -value if isinstance(value, int) else None
    return constant(module, node)


def branch_of(module: Module, statement: ast.stmt) -> tuple[tuple[int, bool], ...]:
    """The conditions around a statement, outside in, and which of their two ways it is on."""
    found = []
    child: ast.AST = statement
    for parent in module.ancestors(statement):
        if isinstance(parent, Function):
            break
        if isinstance(parent, ast.If):
            found.append((parent.lineno, child in parent.body))
        child = parent
    return tuple(reversed(found))


def _entries(module: Module) -> list[Entry]:
    found = []
    for call, _ in module.calls:
        func = call.func
        if (
            isinstance(func, ast.Attribute)
            and func.attr == "add"
            and isinstance(func.value, ast.Attribute)
            and func.value.attr == "custom_optimizers"
        ):
            owner = owner_of_part(module, func.value.value)
            given = keyword(call, "name")
            name = _text(module, given.value) if given is not None else ""
            found.append(Entry(module, call, owner, name))
    _complete(module, found)
    return found


def _complete(module: Module, entries: list[Entry]) -> None:
    """Gives each entry what is assigned to the name that holds it."""
    holders: dict[str, list[tuple[int, ast.AST | None, Entry]]] = {}
    for entry in entries:
        parent = module.parents[entry.call]
        if isinstance(parent, ast.Assign):
            place = (entry.call.lineno, module.function_of(entry.call), entry)
            holders.setdefault(module.text_of(parent.targets[0]), []).append(place)
        elif isinstance(parent, ast.Attribute) and isinstance(module.parents[parent], ast.Assign):
            statement = module.parents[parent]
            if parent.attr == "name" and isinstance(statement, ast.Assign):
                entry.name = _text(module, statement.value)
        elif not isinstance(parent, ast.Expr) and not entry.name:
            entry.name = None  # handed to somebody who may name it

    def holder(node: ast.expr) -> Entry | None:
        function = module.function_of(node)
        places = [
            entry
            for line, where, entry in holders.get(module.text_of(node), [])
            if (where is function and line <= node.lineno) or isinstance(node, ast.Attribute)
        ]
        return places[-1] if places else None

    for node in module.nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    _assign(module, node, target, holder)
        elif isinstance(node, ast.Call | ast.Return):
            # Somebody else may name it.
            values = node.args if isinstance(node, ast.Call) else [node.value]
            for value in values:
                if isinstance(value, ast.Name) and value.id in holders:
                    held = holder(value)
                    if held is not None and not held.name:
                        held.name = None


def _assign(
    module: Module,
    statement: ast.Assign,
    target: ast.Attribute,
    holder: Callable[[ast.expr], Entry | None],
) -> None:
    if target.attr == "name":
        entry = holder(target.value)
        if entry is not None:
            entry.name = _text(module, statement.value)
    elif (
        isinstance(target.value, ast.Subscript)
        and isinstance(target.value.value, ast.Attribute)
        and target.value.value.attr == "parameter_map"
    ):
        entry = holder(target.value.value.value)
        if entry is not None:
            key = constant(module, target.value.slice)
            entry.parameters.append(
                Parameter(
                    key if isinstance(key, str) else None,
                    target.attr,
                    statement.value,
                    statement,
                )
            )


def _text(module: Module, node: ast.expr) -> str | None:
    value = constant(module, node)
    return value if isinstance(value, str) else None
