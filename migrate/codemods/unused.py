"""Names, imports and plain assignments that a pass of edits leaves without a use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from migrate.analysis.module import Binding, Module, Scope
from migrate.analysis.project import Project
from migrate.codemods.edits import Edit

# Calls that only build a value, so that nobody misses them when the value goes.
_PURE_CALLS = frozenset({"tensorflow.ConfigProto", "tensorflow.GPUOptions"})
_WORD = re.compile(r"\w+")


def unused_edits(module: Module, project: Project, edits: Sequence[Edit]) -> list[Edit]:
    """Edits that remove what only the text replaced by ``edits`` has used."""
    removed = [edit for edit in edits if edit.end > edit.start]
    kept_words = {word for edit in edits for word in _WORD.findall(edit.text)}
    loads = _loads(module)
    gone: list[Edit] = []
    done: set[tuple[int, str]] = set()
    progress = True
    while progress:
        progress = False
        for (scope_id, name), nodes in loads.items():
            if (scope_id, name) in done or name in kept_words:
                continue
            inside = [_covered(module, node, [*removed, *gone]) for node in nodes]
            if not all(inside) or not nodes:
                continue
            scope = module.lookup(name, nodes[0])
            if scope is None or not _private(module, project, scope[0], name):
                continue
            done.add((scope_id, name))
            for edit in _removals(module, name, scope[1]):
                gone.append(edit)
                progress = True
    return _merged_import_removals(module, gone)


def _loads(module: Module) -> dict[tuple[int, str], list[ast.Name]]:
    """Every use of a name, under the scope that binds it."""
    found: dict[tuple[int, str], list[ast.Name]] = {}
    for node in module.nodes:
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
            bound = module.lookup(node.id, node)
            if bound is not None:
                found.setdefault((id(bound[0]), node.id), []).append(node)
    return found


def _covered(module: Module, node: ast.AST, edits: Sequence[Edit]) -> bool:
    start, end = module.span(node)
    return any(edit.start <= start and end <= edit.end for edit in edits)


def _private(module: Module, project: Project, scope: Scope, name: str) -> bool:
    """Whether no other file can reach the name."""
    if scope.parent is not None:
        return not isinstance(scope.node, ast.ClassDef)
    if module.path.endswith("__init__.py") or "__all__" in scope.bindings:
        return False
    return not project.is_used_elsewhere(module.path, name)


def _removals(module: Module, name: str, bindings: Sequence[Binding]) -> Iterator[Edit]:
    if len(bindings) != 1:
        return
    binding = bindings[0]
    if binding.kind == "import" and binding.node is not None:
        yield Edit(*module.span(binding.node), "")
    elif (
        binding.kind == "value"
        and isinstance(binding.statement, ast.Assign)
        and len(binding.statement.targets) == 1
        and isinstance(binding.statement.targets[0], ast.Name)
        and _is_pure(module, binding.statement.value)
    ):
        yield removal_of(module, binding.statement)


def _is_pure(module: Module, value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return module.qualified(value.func) in _PURE_CALLS and all(
            _is_pure(module, part) for part in [*value.args, *(k.value for k in value.keywords)]
        )
    if isinstance(value, ast.Tuple | ast.List):
        return all(_is_pure(module, element) for element in value.elts)
    if isinstance(value, ast.Dict):
        parts = [*value.keys, *value.values]
        return all(part is not None and _is_pure(module, part) for part in parts)
    return isinstance(value, ast.Constant | ast.Name | ast.Attribute)


def removal_of(module: Module, statement: ast.stmt) -> Edit:
    """Deletes a statement: its lines, or just its text where something shares them.

    The only statement of a block becomes ``pass``.
    """
    source = module.source
    start, end = module.span(statement)
    parent = module.parents[statement]
    blocks = [
        block
        for field in ("body", "orelse", "finalbody", "handlers")
        if isinstance(block := getattr(parent, field, None), list) and statement in block
    ]
    if blocks and len(blocks[0]) == 1 and not isinstance(parent, ast.Module):
        return Edit(start, end, "pass")
    line_start, line_end = source.line_start(start), source.line_end(end)
    before, behind = source.text[line_start:start], source.text[end:line_end]
    if not before.strip() and not behind.strip():
        return Edit(line_start, line_end, "")
    if not before.strip() and behind.lstrip().startswith("#"):
        return Edit(start, end + len(behind) - len(behind.lstrip()), "")
    # A neighbour on the same line: `a = 1; b = 2`.
    if behind.lstrip().startswith(";"):
        tail = behind.lstrip()[1:]
        return Edit(start, end + len(behind) - len(tail.lstrip()), "")
    stripped = before.rstrip()
    if stripped.endswith(";"):
        return Edit(line_start + len(stripped) - 1, end, "")
    return Edit(start, end, "pass")


def _merged_import_removals(module: Module, edits: Sequence[Edit]) -> list[Edit]:
    """Turns removed aliases into removals of whole statements, or shorter import lists."""
    spans = {(edit.start, edit.end) for edit in edits}
    merged: list[Edit] = []
    taken: set[tuple[int, int]] = set()
    for node in module.nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        dropped = [alias for alias in node.names if module.span(alias) in spans]
        if not dropped:
            continue
        taken |= {module.span(alias) for alias in dropped}
        if len(dropped) == len(node.names):
            merged.append(removal_of(module, node))
        else:
            merged += _without_aliases(module, node, dropped)
    return merged + [edit for edit in edits if (edit.start, edit.end) not in taken]


def _without_aliases(
    module: Module, node: ast.Import | ast.ImportFrom, dropped: Sequence[ast.alias]
) -> Iterator[Edit]:
    """Cuts each dropped alias with the comma that joins it to a neighbour that stays."""
    kept_before = False
    for position, alias in enumerate(node.names):
        start, end = module.span(alias)
        if alias not in dropped:
            kept_before = True
        elif kept_before:
            yield Edit(module.span(node.names[position - 1])[1], end, "")
        else:
            yield Edit(start, module.span(node.names[position + 1])[0], "")
