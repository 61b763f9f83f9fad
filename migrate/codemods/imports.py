"""Where a new import goes: behind the docstring, ``__future__`` and the file's own imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from migrate.analysis.imported import imported_names, imported_packages, importers
from migrate.analysis.module import Module
from migrate.analysis.nodes import spelled, string
from migrate.analysis.project import Project
from migrate.codemods.edits import Edit
from migrate.codemods.rule import RuntimeImport

# How the line begins that puts a port's root on the path of a script in a subfolder.
PATH_SETUP = "sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__))"
_FROM = re.compile(r"from[\s\\]+(\w+(?:[\s\\]*\.[\s\\]*\w+)*)")


def runtime_import(module: Module, name: str, source: str = "npu_runtime") -> RuntimeImport:
    """The import of a name of the runtime, as another where the file has that name already."""
    taken = is_taken(module, name, f"{source}.{name}")
    return RuntimeImport(name, source, alias=f"runtime_{name}" if taken else "")


def is_taken(module: Module, name: str, meaning: str) -> bool:
    """Whether the file, anywhere in it, means something else than ``meaning`` by a name."""
    if name.encode() not in module.source.data:
        return False
    for scope in module.every_scope:
        if any(binding.qualified != meaning for binding in scope.bindings.get(name, [])):
            return True
    # What no scope binds comes from a star import.
    return any(module.lookup(name, load) is None for load in module.loads.get(name, []))


def module_span(module: Module, node: ast.ImportFrom) -> tuple[int, int]:
    """Where the module's name stands in ``from module import name``; it may be in pieces."""
    found = _FROM.match(module.source.text, module.span(node)[0])
    assert found is not None
    return found.span(1)


def with_imports(
    module: Module, project: Project, edits: Sequence[Edit], wanted: Collection[RuntimeImport]
) -> list[Edit]:
    """The edits, and before them those that import what they need."""
    rest = list(edits)
    added = []
    for edit in import_edits(module, project, wanted):
        # The statement behind the imports may change from its first character on.
        behind = next((e for e in rest if e.start == edit.end and e.end > e.start), None)
        if edit.start == edit.end and behind is not None:
            rest.remove(behind)
            edit = Edit(edit.start, behind.end, edit.text + behind.text)
        added.append(edit)
    return [*added, *rest]


def import_edits(
    module: Module, project: Project, wanted: Collection[RuntimeImport]
) -> Iterator[Edit]:
    """Edits that import what the file does not import yet."""
    names: dict[str, set[str]] = {}
    for item in wanted:
        if not item.placed:
            name = f"{item.name} as {item.alias}" if item.alias else item.name
            names.setdefault(item.module, set()).add(name)
    lines = []
    for source, missing in sorted(names.items()):
        missing -= _imported(module, source)
        present = _existing(module, source)
        if not missing:
            continue
        if present is None:
            lines.append(f"from {source} import {', '.join(sorted(missing))}")
            continue
        start, end = module.span(present)
        plain = sorted(missing | {module.text_of(alias) for alias in present.names})
        yield Edit(start, end, f"from {source} import {', '.join(plain)}")
    place = _first_user(module, project)
    setup = _path_setup(module, project, place) if any(map(_is_runtimes, wanted)) else []
    if setup and place is not None:
        yield _before(module, place, setup)
    else:
        lines = [*setup, *lines]
    if lines:
        yield _insertion(module, lines)


def path_edit(module: Module, project: Project) -> Edit | None:
    """Lets a script find the runtime for the modules that it imports; None for any other file."""
    place = _first_user(module, project)
    setup = _path_setup(module, project, place)
    return _before(module, place, setup) if setup and place is not None else None


def _before(module: Module, place: ast.stmt, lines: list[str]) -> Edit:
    start, _ = module.span(place)
    return Edit(start, start, "".join(line + module.source.newline for line in lines))


def _first_user(module: Module, project: Project) -> ast.stmt | None:
    """The first statement of the file's top level that imports what may need the runtime.

    NPU704 takes Horovod from the runtime, and the project's own modules may import it.
    """
    for statement in module.tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom | ast.Try):
            for node in ast.walk(statement):
                own = any(
                    ":" in project.resolve_import(module.path, name, level)
                    for name, level in imported_names(node)
                )
                if own or "horovod" in imported_packages(node):
                    return statement
    return None


def _path_setup(module: Module, project: Project, place: ast.stmt | None) -> list[str]:
    """Lines that let a script in a subfolder find the runtime at the port's root.

    They stand before ``place``, or else behind the file's imports.

    Python puts the script's own folder on ``sys.path``, not the port's root. A script that
    imports other modules of the project from the root needs them on the path already.
    """
    depth = module.path.count("/")
    if not depth or not _is_script(module, project):
        return []
    if _runtime_import(module) or (_imports_from_root(module) and not _sets_path(module)):
        return []
    start = _insertion(module, []).start if place is None else module.span(place)[0]
    setup = [f"import {name}" for name in ("os", "sys") if not _is_bound(module, name, start)]
    return [*setup, PATH_SETUP + ", '..'" * depth + "))"]


def _is_bound(module: Module, name: str, position: int) -> bool:
    """Whether the file's top level gives the name a meaning, before a position."""
    return any(
        isinstance(binding.statement, ast.stmt) and module.span(binding.statement)[1] <= position
        for binding in module.scope.bindings.get(name, [])
    )


def _is_script(module: Module, project: Project) -> bool:
    """Whether the file is meant to be started: it asks for ``__main__``, or just does its work.

    What others import does as much at its top level, such as binding names in a loop.
    """
    statements = module.tree.body
    return any(map(_starts, statements)) or (
        any(
            isinstance(s, ast.With | ast.While | ast.For) or _calls_own(module, s)
            for s in statements
        )
        and module.path not in project.cached(importers)
    )


def _calls_own(module: Module, statement: ast.stmt) -> bool:
    """Whether it calls a function of the project, as ``steps.train()``."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ":" in (module.qualified(call.func) or "")


def _starts(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If):
        return any(isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(statement.test))
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        called = statement.value.func
        return spelled(called) in ("main", "run")
    return False


def _sets_path(module: Module) -> bool:
    """Whether the file may change ``sys.path``: for another folder, or behind its imports."""
    return b"sys.path" in module.source.data


def _imports_from_root(module: Module) -> bool:
    folder = module.path.rpartition("/")[0]
    for bindings in module.scope.bindings.values():
        for binding in bindings:
            path, colon, _ = binding.qualified.partition(":")
            if binding.kind == "import" and colon and not path.startswith(f"{folder}/"):
                return True
    return any(":" in star and not star.startswith(f"{folder}/") for star in module.star_imports)


def _imported(module: Module, source: str) -> set[str]:
    """What the file imports from ``source`` for all of its code."""
    return {
        module.text_of(alias)
        for node in module.tree.body
        if isinstance(node, ast.ImportFrom) and node.module == source and not node.level
        for alias in node.names
    }


def _existing(module: Module, source: str) -> ast.ImportFrom | None:
    """An import from ``source`` on one line, which can take more names."""
    for node in module.tree.body:
        if not isinstance(node, ast.ImportFrom) or node.module != source or node.level:
            continue
        if node.names[0].name != "*" and node.lineno == node.end_lineno:
            return node
    return None


def _is_runtimes(item: RuntimeImport) -> bool:
    return _is_runtime(item.module)


def _is_runtime(name: str | None) -> bool:
    return name is not None and name.partition(".")[0] == "npu_runtime"


def _runtime_import(module: Module) -> ast.stmt | None:
    """The first import of the runtime, which ``sys.path`` was made ready for."""
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and _is_runtime(node.module):
            return node
        if isinstance(node, ast.Import) and any(_is_runtime(alias.name) for alias in node.names):
            return node
    return None


def _insertion(module: Module, lines: list[str]) -> Edit:
    source = module.source
    anchor = _anchor(module)
    if anchor is None:
        position = _behind_header(module)
        block = "".join(line + source.newline for line in lines)
        if position and not source.text[:position].endswith(("\n", "\r")):
            block = source.newline + block[: -len(source.newline)]
        return Edit(position, position, block)
    _, end = module.span(anchor)
    position = source.line_end(end)
    if source.text[end:position].strip(" \t\f\r\n;").partition("#")[0]:
        # What shares the anchor's line, such as `import os; run()`, may need the import.
        return Edit(end, end, "".join(f"; {line}" for line in lines))
    block = "".join(line + source.newline for line in lines)
    if position == len(source.text) and not source.text.endswith(("\n", "\r")):
        block = source.newline + block[: -len(source.newline)]
    return Edit(position, position, block)


def _anchor(module: Module) -> ast.stmt | None:
    """The last statement of the file's head: docstring, then imports in one run.

    In a file that imports the runtime already, the line to follow is that import.
    """
    anchor = _runtime_import(module)
    if anchor is not None:
        return anchor
    for position, statement in enumerate(module.tree.body):
        if isinstance(statement, ast.Import | ast.ImportFrom) or (
            position == 0 and _is_docstring(statement)
        ):
            anchor = statement
        else:
            break
    return anchor


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and string(statement.value) is not None


def _behind_header(module: Module) -> int:
    """Behind the shebang, coding line and licence comment that open a file without a head.

    A comment right above the code belongs to the code, unless it is the only one.
    """
    source = module.source
    blocks: list[tuple[int, int]] = []
    position = 0
    while position < len(source.text):
        end = source.line_end(position)
        line = source.text[position:end].strip()
        if line.startswith("#"):
            joined = bool(blocks) and blocks[-1][1] == position
            blocks[-1:] = [(blocks[-1][0], end)] if joined else [*blocks[-1:], (position, end)]
        elif line:
            break
        position = end
    if len(blocks) > 1 and blocks[-1][1] == position:
        return blocks[-1][0]
    return blocks[-1][1] if blocks else 0
