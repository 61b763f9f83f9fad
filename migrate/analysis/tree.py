"""A parsed file: where its nodes are, what binds a name there, and what reads it.

What names stand for is another question, which needs the project: see ``module``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property
from itertools import takewhile
from typing import Any, TypeVar

from migrate.analysis.nodes import Definition, Function, is_self
from migrate.analysis.scopes import Binding, Bound, Follow, ResolveImport, Scope
from migrate.analysis.source import Source
from migrate.analysis.syntax import parse

Node = TypeVar("Node", bound=ast.AST)
_BOUND_LATE = frozenset(
    {"nodes", "parents", "scopes", "scope", "every_scope", "star_imports", "kinds"}
)


class Tree:
    """The nodes of a file and their scopes.

    Args:
        path: relative to the project's root.
        source: its text.
        resolve_import: turns (dotted name, relative level) into a qualified name.
        follow: turns (qualified name, attribute) into a qualified name.
        tree: the parsed text, where somebody has it.

    Raises:
        SyntaxError, ValueError: the text is not Python 3.7.
    """

    # Every node, in source order.
    nodes: list[ast.AST]
    kinds: dict[type[ast.AST], list[Any]]
    parents: dict[ast.AST, ast.AST]
    # The scope in which each node is evaluated; the module's own.
    scopes: dict[ast.AST, Scope]
    scope: Scope
    # The module's own and all within it.
    every_scope: list[Scope]
    star_imports: list[str]

    def __init__(
        self,
        path: str,
        source: Source,
        resolve_import: ResolveImport,
        follow: Follow,
        tree: ast.Module | None = None,
    ) -> None:
        self.path = path
        self.source = source
        self.tree = parse(source.text) if tree is None else tree
        self._resolve_import = resolve_import
        self._follow = follow
        self._reads: dict[tuple[ast.AST, str], list[ast.Name]] = {}

    def __getattr__(self, name: str) -> Any:
        """Binds the names when they are first asked for: many a file only has to parse."""
        if name in _BOUND_LATE:
            bound = Bound(self.tree, self._resolve_import, self._follow)
            self.__dict__ |= {late: getattr(bound, late) for late in _BOUND_LATE}
            return self.__dict__[name]
        raise AttributeError(name)

    # --- places -----------------------------------------------------------------------------

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Character offsets at which the node begins and ends."""
        offset = self.source.offset
        return (
            offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def text_of(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source.text[start:end]

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def is_within(self, node: ast.AST, around: ast.AST) -> bool:
        """Whether a node is a part of another one."""
        return any(parent is around for parent in self.ancestors(node))

    def depth(self, node: ast.AST) -> tuple[int, int]:
        """To sort nodes by: how deep one lies, then its place."""
        return len(list(self.ancestors(node))), self.numbers[node]

    def statement_of(self, node: ast.AST) -> ast.stmt:
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def block_of(self, statement: ast.AST) -> list[ast.stmt]:
        """The statements among which one stands; none for what stands in no block."""
        parent = self.parents.get(statement)
        for part in ("body", "orelse", "finalbody"):
            block = getattr(parent, part, None)
            if isinstance(block, list) and statement in block:
                return block
        return []

    def statements_before(self, statement: ast.AST) -> list[ast.stmt]:
        """What comes before a statement in its block."""
        return list(takewhile(lambda other: other is not statement, self.block_of(statement)))

    def statements_after(self, statement: ast.stmt) -> list[ast.stmt]:
        """What comes after a statement in its block."""
        block = self.block_of(statement)
        return block[block.index(statement) + 1 :] if block else []

    def function_of(self, node: ast.AST) -> Function | None:
        """The innermost function (not lambda) around the node."""
        around = self.parents.get(node)
        while around is not None and not isinstance(around, Function):
            around = self.parents.get(around)
        return around

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """The class whose method holds the node, also from a function inside the method."""
        scope: Scope | None = self.scopes[node]
        while scope is not None:
            if isinstance(scope.node, ast.ClassDef):
                return scope.node
            scope = scope.parent
        return None

    # --- names ------------------------------------------------------------------------------

    def lookup(self, name: str, node: ast.AST) -> tuple[Scope, list[Binding]] | None:
        """The scope that binds ``name`` as seen from ``node``, and its bindings."""
        scope: Scope | None = self.scopes[node]
        inner = True
        while scope is not None:
            if inner or not isinstance(scope.node, ast.ClassDef):
                if name in scope.globals:
                    scope = scope.module
                if name in scope.bindings:
                    return scope, scope.bindings[name]
            inner = False
            scope = scope.parent
        return None

    def definition(self, dotted: str) -> ast.AST | None:
        """The function or class that a dotted name means within this module."""
        first, *rest = dotted.split(".")
        found = [b.node for b in self.scope.bindings.get(first, []) if b.kind == "definition"]
        node = found[0] if len(found) == 1 else None
        for name in rest:
            body = node.body if isinstance(node, Definition) else []
            node = next((s for s in body if isinstance(s, Definition) and s.name == name), None)
        return node

    def attributes_of(self, owner: ast.ClassDef) -> dict[str, list[ast.expr]]:
        """What the class assigns to each attribute of `self`."""
        return self._attribute_values.get(owner, {})

    @cached_property
    def _attribute_values(self) -> dict[ast.AST, dict[str, list[ast.expr]]]:
        """For each class what it, and classes inside of it, assign to attributes of `self`."""
        found: dict[ast.AST, dict[str, list[ast.expr]]] = {}
        for node in self.all_of(ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and is_self(target.value):
                    for owner in self.ancestors(node):
                        if isinstance(owner, ast.ClassDef):
                            values = found.setdefault(owner, {})
                            values.setdefault(target.attr, []).append(node.value)
        return found

    # --- sites ------------------------------------------------------------------------------

    @cached_property
    def numbers(self) -> dict[ast.AST, int]:
        """The place of each node in `nodes`, the same whenever the text is parsed."""
        return {node: number for number, node in enumerate(self.nodes)}

    @cached_property
    def loads(self) -> dict[str, list[ast.Name]]:
        """Where each name is read, in source order."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.all_of(ast.Name):
            if isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, []).append(node)
        return found

    def reads(self, scope: ast.AST, name: str) -> list[ast.Name]:
        """Where a name is read that a scope binds: the function, class or file whose it is."""
        key = (scope, name)
        if key not in self._reads:
            self._reads[key] = [
                load
                for load in self.loads.get(name, ())
                if (found := self.lookup(name, load)) is not None and found[0].node is scope
            ]
        return self._reads[key]

    @cached_property
    def attribute_loads(self) -> dict[str, list[ast.Attribute]]:
        """Where an attribute of each name is read, in source order."""
        found: dict[str, list[ast.Attribute]] = {}
        for node in self.all_of(ast.Attribute):
            if isinstance(node.ctx, ast.Load):
                found.setdefault(node.attr, []).append(node)
        return found

    @cached_property
    def statement_lines(self) -> dict[int, int]:
        """For each line with code, the one in which its statement starts; a block's is its head."""
        innermost: dict[int, int] = {}
        nodes: list[ast.AST] = [self.tree]
        for node in nodes:  # grows on the way: outer statements come before inner ones
            if isinstance(node, ast.stmt):
                lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                innermost.update(dict.fromkeys(lines, node.lineno))
            for part in ("body", "orelse", "finalbody", "handlers"):
                nodes += getattr(node, part, [])
        return innermost

    def all_of(self, kind: type[Node]) -> list[Node]:
        """The nodes of one kind, in source order."""
        return self.kinds.get(kind, [])

    @cached_property
    def returns(self) -> dict[ast.AST | None, list[ast.Return]]:
        """The return statements of each function, in source order."""
        found: dict[ast.AST | None, list[ast.Return]] = {}
        for node in self.all_of(ast.Return):
            found.setdefault(self.function_of(node), []).append(node)
        return found

    @cached_property
    def imports(self) -> list[ast.Import | ast.ImportFrom]:
        """The import statements, in source order."""
        found: list[ast.Import | ast.ImportFrom] = list(self.all_of(ast.Import))
        found += self.all_of(ast.ImportFrom)
        return sorted(found, key=lambda node: (node.lineno, node.col_offset))
