"""Reads h5py datasets with `[()]` instead of `.value`.

What it does: replaces `.value` by `[()]` on what comes out of an `h5py.File`: by key, by `get`,
by loops over `items()` and `values()`, through variables, `with`, attributes of `self`, and
functions of the same file that return it or are always called with it.

Why: h5py deprecated `Dataset.value` in 2.1 and removed it in 3.0; the last release that has it has
no build for Python 3.7 on aarch64, which most Ascend hosts are.

Example:
    image = self.data[id]['image'].value / 255.

becomes:
    image = self.data[id]['image'][()] / 255.

Fix safety: safe. `[()]` gives the same array or scalar with every release of h5py.

Not handled: a dataset whose way from `h5py.File` cannot be followed. Where the file imports h5py
and the object is taken by a name in quotes, that is a note.

Authority: h5py documentation, "What's new in h5py 3.0": Dataset.value was removed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, is_none, is_self, string
from migrate.analysis.scopes import Binding, Scope
from migrate.codemods.edits import Edit
from migrate.codemods.rule import Change, Context, Rule

NPU803 = Rule("NPU803", "h5py-value", group="compat", literals=(b"h5py",))

_CLASSES = frozenset({"h5py.File", "h5py.Group", "h5py.Dataset"})
_METHODS = frozenset(
    {"create_dataset", "create_group", "get", "require_dataset", "require_group", "__getitem__"}
)
_DEPTH = 12


@NPU803.on_module
def read_datasets(context: Context) -> Iterator[Change]:
    module = context.module
    for node in module.attribute_loads.get("value", ()):
        if _is_called(module, node):
            continue
        if _is_h5(module, node.value):
            yield _edit(module, node)
        elif _may_be_h5(module, node.value):
            message = "may be h5py's Dataset.value, which h5py 3 no longer has"
            yield context.finding(node, "note", message, "If so, write [()] instead of .value.")


def _is_called(module: Module, node: ast.Attribute) -> bool:
    parent = module.parents.get(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _edit(module: Module, node: ast.Attribute) -> Edit:
    _, start = module.span(node.value)
    _, end = module.span(node)
    found = re.search(r"\.\s*(?:\\\s*)?value$", module.source.text[start:end])
    return Edit(start + (found.start() if found else 0), end, "[()]")


def _may_be_h5(module: Module, value: ast.expr) -> bool:
    """Taken by a name in quotes: no TensorFlow shape, no enumeration."""
    return (
        isinstance(value, ast.Subscript)
        and string(value.slice) is not None
        and _imports_h5py(module)
    )


def _imports_h5py(module: Module) -> bool:
    return any(
        binding.qualified.partition(".")[0] == "h5py"
        for bindings in module.scope.bindings.values()
        for binding in bindings
    )


def _is_h5(module: Module, node: ast.AST | None, depth: int = _DEPTH) -> bool:
    """Whether an expression is a file, group or dataset of h5py."""
    if node is None or depth == 0:
        return False
    if isinstance(node, ast.Subscript):
        return _is_h5(module, node.value, depth - 1)
    if isinstance(node, ast.Call):
        return _call_gives_h5(module, node, depth - 1)
    if isinstance(node, ast.Name):
        scope, bindings = module.lookup(node.id, node) or (module.scope, [])
        return any(not is_none(binding.node) for binding in bindings) and all(
            _name_is_h5(module, scope, binding, node.id, depth - 1) for binding in bindings
        )
    if isinstance(node, ast.Attribute) and is_self(node.value):
        owner = module.class_of(node)
        values = module.attributes_of(owner).get(node.attr, []) if owner else []
        return _all_h5(module, values, depth)
    return False


def _all_h5(module: Module, nodes: Sequence[ast.AST | None], depth: int) -> bool:
    """Whether every value but None is, and one at least."""
    values = [node for node in nodes if not is_none(node)]
    return bool(values) and all(_is_h5(module, value, depth - 1) for value in values)


def _call_gives_h5(module: Module, call: ast.Call, depth: int) -> bool:
    called = module.qualified(call.func)
    if called in _CLASSES:
        return True
    if called is not None and called.startswith(f"{module.path}:"):
        function = _function(module, called)
        return function is not None and _all_h5(module, _returned(module, function), depth)
    return (
        isinstance(call.func, ast.Attribute)
        and call.func.attr in _METHODS
        and _is_h5(module, call.func.value, depth)
    )


def _name_is_h5(module: Module, scope: Scope, binding: Binding, name: str, depth: int) -> bool:
    if binding.kind == "value":
        return is_none(binding.node) or _is_h5(module, binding.node, depth)
    if binding.kind == "parameter":
        if binding.node is not None:
            return module.qualified(binding.node) in _CLASSES
        return _all_h5(module, _passed(module, scope.node, name), depth)
    loop = binding.statement
    if isinstance(loop, ast.For | ast.comprehension):
        return _loop_gives_h5(module, loop, name, depth)
    return False


def _loop_gives_h5(
    module: Module, loop: ast.For | ast.comprehension, name: str, depth: int
) -> bool:
    """`for name in f.values()`, `for key, name in f.items()`."""
    source = loop.iter
    if not isinstance(source, ast.Call) or not isinstance(source.func, ast.Attribute):
        return False
    target: ast.expr = loop.target
    if source.func.attr.endswith("items") and isinstance(target, ast.Tuple):
        target = target.elts[-1]
    elif not source.func.attr.endswith("values"):
        return False
    named = isinstance(target, ast.Name) and target.id == name
    return named and _is_h5(module, source.func.value, depth)


def _function(module: Module, qualified: str) -> ast.FunctionDef | None:
    name = qualified.partition(":")[2]
    bindings = module.scope.bindings.get(name, [])
    node = bindings[0].node if len(bindings) == 1 else None
    return node if isinstance(node, ast.FunctionDef) else None


def _returned(module: Module, function: ast.FunctionDef) -> list[ast.AST | None]:
    return [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and module.function_of(node) is function
    ]


def _passed(module: Module, function: ast.AST, name: str) -> list[ast.AST | None]:
    """What the calls in this file pass to a parameter of a function at the top level."""
    if not isinstance(function, ast.FunctionDef):
        return []
    names = [parameter.arg for parameter in function.args.args]
    if name not in names or module.parents.get(function) is not module.tree:
        return []
    calls = module.calls_of(f"{module.path}:{function.name}")
    return [argument(call, name, names.index(name)) for call, _ in calls]
