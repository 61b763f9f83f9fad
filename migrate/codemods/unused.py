"""Names, imports and plain assignments that a pass of edits leaves without a use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from migrate.analysis.effects import effect_free
from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.scopes import Binding, Scope
from migrate.analysis.words import is_used_elsewhere
from migrate.codemods.edits import Edit
from migrate.codemods.removals import removal_of, settled, with_emptied

_NAMES_AS_TEXT = frozenset({"eval", "exec", "globals", "locals", "vars"})
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_WORD = re.compile(r"\w+")


def completed(module: Module, project: Project, edits: Sequence[Edit]) -> list[Edit]:
    """The edits with all that they leave unused or empty, ready to be applied."""
    edits = with_emptied(module, edits)
    while True:
        whole = [*edits, *unused_edits(module, project, edits)]
        emptied = with_emptied(module, whole)[len(whole) :]
        if not emptied:
            return settled(module, whole)
        edits = [*edits, *emptied]


def unused_edits(module: Module, project: Project, edits: Sequence[Edit]) -> list[Edit]:
    """Edits that remove what only the text replaced by ``edits`` has used."""
    if _reads_names_as_text(module):
        return []
    removed = [edit for edit in edits if edit.end > edit.start]
    kept_words = {word for edit in edits for word in _WORD.findall(edit.text)}
    gone: list[Edit] = []
    done: set[tuple[int, str]] = set()
    progress = True
    while progress:
        progress = False
        for (scope_id, name), nodes in _loads(module, [*removed, *gone]).items():
            if (scope_id, name) in done or name in kept_words:
                continue
            if not all(_covered(module, node, [*removed, *gone]) for node in nodes):
                continue
            scope = module.lookup(name, nodes[0])
            if scope is None or not _private(module, project, scope[0], name):
                continue
            done.add((scope_id, name))
            for edit in _removals(module, project, scope[1]):
                gone.append(edit)
                progress = True
    return _merged_import_removals(module, gone)


def _reads_names_as_text(module: Module) -> bool:
    """Whether the file uses ``locals()`` and its kind, which see names that nothing else names."""
    loads = (load for name in _NAMES_AS_TEXT for load in module.loads.get(name, ()))
    return any(not module.lookup(load.id, load) for load in loads)


def _loads(module: Module, edits: Sequence[Edit]) -> dict[tuple[int, str], list[ast.Name]]:
    """Every use of the names in the lines of some edits, under the scope that binds it."""
    line_of = module.source.line_of
    lines = {line for e in edits for line in range(line_of(e.start), line_of(e.end) + 1)}
    uses = [node for node in module.all_of(ast.Name) if not isinstance(node.ctx, ast.Store)]
    names = {node.id for node in uses if node.lineno in lines}
    found: dict[tuple[int, str], list[ast.Name]] = {}
    for node in uses:
        if node.id in names and (bound := module.lookup(node.id, node)) is not None:
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
    return not is_used_elsewhere(project, module.path, name)


def _removals(module: Module, project: Project, bindings: Sequence[Binding]) -> Iterator[Edit]:
    """Edits that remove every binding of a name; none when one of them must stay."""
    if all(b.kind == "import" and not _does_something(module, project, b) for b in bindings):
        yield from (Edit(*module.span(b.node), "") for b in bindings if b.node is not None)
    elif all(_is_plain_assignment(module, binding) for binding in bindings):
        yield from (removal_of(module, b.statement) for b in bindings)  # type: ignore[arg-type]


def _does_something(module: Module, project: Project, binding: Binding) -> bool:
    """Whether an import runs a file of the project that does more than define things."""
    statement = binding.statement
    if isinstance(statement, ast.ImportFrom):
        source = project.resolve_import(module.path, statement.module or "", statement.level)
        sources = {source, binding.qualified}
    elif isinstance(statement, ast.Import) and isinstance(binding.node, ast.alias):
        sources = {project.resolve_import(module.path, binding.node.name, 0)}
    else:
        sources = set()
    paths = {source.partition(":")[0] for source in sources if ":" in source}
    return any(path in project.files and not _only_defines(project.parsed(path)) for path in paths)


def _only_defines(module: Module | None) -> bool:
    return module is not None and all(
        isinstance(s, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)
        or (isinstance(s, ast.Assign | ast.Expr) and effect_free(module, s.value))
        or (isinstance(s, ast.If) and "__main__" in module.text_of(s.test))
        for s in module.tree.body
    )


def _is_plain_assignment(module: Module, binding: Binding) -> bool:
    statement = binding.statement
    return (
        binding.kind == "value"
        and isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
        and effect_free(module, statement.value)
    )


def _merged_import_removals(module: Module, edits: Sequence[Edit]) -> list[Edit]:
    """Turns removed aliases into removals of whole statements, or shorter import lists."""
    spans = {(edit.start, edit.end) for edit in edits}
    merged: list[Edit] = []
    taken: set[tuple[int, int]] = set()
    for node in module.imports:
        dropped = [alias for alias in node.names if module.span(alias) in spans]
        if not dropped:
            continue
        taken |= {module.span(alias) for alias in dropped}
        merged += alias_removals(module, node, dropped)
    return merged + [edit for edit in edits if (edit.start, edit.end) not in taken]


def alias_removals(
    module: Module, node: ast.Import | ast.ImportFrom, dropped: Sequence[ast.alias]
) -> Iterator[Edit]:
    """Takes names out of an import: the statement, or each with the comma to a neighbour."""
    if len(dropped) == len(node.names):
        yield removal_of(module, node)
        return
    text = module.source.text
    kept_before = False
    for position, alias in enumerate(node.names):
        start, end = module.span(alias)
        if alias not in dropped:
            kept_before = True
            continue
        if kept_before:
            cut = (module.span(node.names[position - 1])[1], end)
        else:
            cut = (start, module.span(node.names[position + 1])[0])
        if "#" in text[slice(*cut)]:
            # Within brackets, where comments can stand, a comma may stay.
            behind = _COMMA.match(text, end)
            cut = (start, behind.end() if behind else end)
        yield Edit(*cut, "")
