"""The nodes of a file, and what binds which name in which scope."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal

from migrate.analysis.nodes import Definition, Function, FunctionNode

_ScopeNode = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
# Fields that hold no nodes, or operators and contexts, which all nodes share and which have no
# place in the text.
_PLACELESS = frozenset(
    "arg asname attr conversion ctx id is_async kind kwd_attrs level module name op ops rest "
    "simple type_comment".split()
)
# The fields of each kind of node that hold nodes, last one first.
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(name for name in reversed(kind._fields) if name not in _PLACELESS)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
} | dict.fromkeys((ast.Constant, ast.Global, ast.Nonlocal), ())
_SCOPES = frozenset(_ScopeNode)
_BINDERS = frozenset(
    {
        ast.Import,
        ast.ImportFrom,
        ast.Global,
        ast.Nonlocal,
        ast.Assign,
        ast.AnnAssign,
        ast.AugAssign,
        ast.For,
        ast.AsyncFor,
        ast.comprehension,
        ast.withitem,
        ast.ExceptHandler,
        ast.Delete,
    }
)
# Nodes without nodes below them that bind nothing: nearly half of all.
_LEAVES = frozenset(k for k, f in _FIELDS.items() if not f) - _SCOPES - _BINDERS
BindingKind = Literal["import", "value", "parameter", "definition", "other"]
# Turns (dotted name, relative level) into a qualified name.
ResolveImport = Callable[[str, int], str]
# Turns (qualified name, attribute) into a qualified name.
Follow = Callable[[str, str], str]


@dataclass(eq=False)
class Binding:
    """One way in which a name gets its value within a scope.

    Args:
        kind: ``import`` (``qualified`` says of what), ``value`` (``node`` is the expression),
            ``parameter`` (``node`` is the annotation, or None), ``definition`` (``node`` is the
            function or class) or ``other``.
        resolve: for an import, tells what it is of. Asked only when needed: modules may import
            one another.
    """

    kind: BindingKind
    node: ast.AST | None = None
    statement: ast.AST | None = None
    resolve: Callable[[], str] | None = None

    @cached_property
    def qualified(self) -> str:
        return self.resolve() if self.resolve is not None else ""


@dataclass(eq=False)
class Scope:
    node: ast.AST
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)

    def bind(self, name: str, binding: Binding) -> None:
        target: Scope = self
        if name in self.globals:
            target = self.module
        elif name in self.nonlocals:
            around = [s for s in self.enclosing() if isinstance(s.node, FunctionNode)]
            target = next((s for s in around if name in s.bindings), (*around, self)[0])
        target.bindings.setdefault(name, []).append(binding)

    @property
    def module(self) -> Scope:
        return (self, *self.enclosing())[-1]

    def enclosing(self) -> Iterator[Scope]:
        """The scopes around this one, inside out."""
        scope = self.parent
        while scope is not None:
            yield scope
            scope = scope.parent


class Bound:
    """A tree with its names bound.

    Args:
        tree: of a whole file.
        resolve_import: tells what an import statement means.
        follow: tells what an attribute of what is imported means.

    Attributes:
        nodes: every node, in source order.
        kinds: the same by kind.
        parents: the node around each.
        scopes: the scope in which each node is evaluated.
        scope: the module's own.
        every_scope: that and all within it.
        star_imports: the modules of which every name is imported.
    """

    def __init__(self, tree: ast.Module, resolve_import: ResolveImport, follow: Follow) -> None:
        self._resolve_import = resolve_import
        self._follow = follow
        self.scope = Scope(tree, None)
        nodes: list[ast.AST] = []
        parents: dict[ast.AST, ast.AST] = {}
        scopes: dict[ast.AST, Scope] = {tree: self.scope}
        kinds: defaultdict[type[ast.AST], list[Any]] = defaultdict(list)
        self.nodes, self.parents, self.scopes, self.kinds = nodes, parents, scopes, kinds
        self.every_scope = [self.scope]
        self.star_imports: list[str] = []
        stack: list[ast.AST] = [tree]
        while stack:
            node = stack.pop()
            nodes.append(node)
            kind = node.__class__
            kinds[kind].append(node)
            if kind in _LEAVES:
                continue
            scope = inner = scopes[node]
            around: Iterable[ast.AST] = ()
            if kind in _SCOPES:
                self._bind_definition(node, scope)
                inner = Scope(node, scope)
                self.every_scope.append(inner)
                if isinstance(node, FunctionNode):
                    _bind_parameters(node.args, inner)
                around = _evaluated_around(node)
            elif kind in _BINDERS:
                self._bind_statement(node, scope)
            for name in _FIELDS[kind]:
                value = getattr(node, name)
                if value.__class__ is list:
                    for child in reversed(value):
                        if child is not None:
                            parents[child] = node
                            scopes[child] = inner
                            stack.append(child)
                elif value is not None:
                    parents[value] = node
                    scopes[value] = inner
                    stack.append(value)
            for child in around:
                scopes[child] = scope
            if isinstance(node, ast.comprehension) and self._is_first(node):
                scopes[node.iter] = scopes[parents[node]]

    def _is_first(self, node: ast.comprehension) -> bool:
        """Whether it is the first loop of a comprehension, whose iterable lies outside of it."""
        return self.parents[node].generators[0] is node  # type: ignore[attr-defined]

    def _bind_definition(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, Definition):
            scope.bind(node.name, Binding("definition", node=node, statement=node))

    def _bind_statement(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                dotted = alias.name if alias.asname else bound
                resolve = partial(self._resolve_import, dotted, 0)
                scope.bind(bound, Binding("import", alias, node, resolve))
        elif isinstance(node, ast.ImportFrom):
            base = self._resolve_import(node.module or "", node.level)
            for alias in node.names:
                if alias.name == "*":
                    self.star_imports.append(base)
                else:
                    bound = alias.asname or alias.name
                    resolve = partial(self._follow, base, alias.name)
                    scope.bind(bound, Binding("import", alias, node, resolve))
        elif isinstance(node, ast.Global):
            scope.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            scope.nonlocals.update(node.names)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                _bind_target(target, node.value, node, scope)
        elif isinstance(node, ast.AnnAssign):
            _bind_target(node.target, node.value, node, scope)
        elif isinstance(node, ast.AugAssign | ast.For | ast.AsyncFor | ast.comprehension):
            _bind_target(node.target, None, node, scope)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            _bind_target(node.optional_vars, node.context_expr, node, scope)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            scope.bind(node.name, Binding("other", statement=node))
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                _bind_target(target, None, node, scope)


def _evaluated_around(node: ast.AST) -> set[ast.AST]:
    """Decorators, defaults, bases and the like belong to the scope around the definition."""
    if isinstance(node, Function):
        return {n for n in [*node.decorator_list, node.args, node.returns] if n is not None}
    if isinstance(node, ast.Lambda):
        return {node.args}
    if isinstance(node, ast.ClassDef):
        return {*node.decorator_list, *node.bases, *node.keywords}
    return set()


def _bind_parameters(arguments: ast.arguments, scope: Scope) -> None:
    every = [*arguments.args, *arguments.kwonlyargs]
    every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    for parameter in every:
        scope.bind(parameter.arg, Binding("parameter", node=parameter.annotation))


def _bind_target(
    target: ast.expr, value: ast.expr | None, statement: ast.AST, scope: Scope
) -> None:
    if isinstance(target, ast.Name):
        kind: BindingKind = "other" if value is None else "value"
        scope.bind(target.id, Binding(kind, node=value, statement=statement))
    elif isinstance(target, ast.Starred):
        _bind_target(target.value, None, statement, scope)
    elif isinstance(target, ast.Tuple | ast.List):
        values = _unpacked(target, value)
        for element, part in zip(target.elts, values, strict=True):
            _bind_target(element, part, statement, scope)


def _unpacked(target: ast.Tuple | ast.List, value: ast.expr | None) -> list[ast.expr | None]:
    parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
    if len(parts) == len(target.elts) and not any(
        isinstance(e, ast.Starred) for e in [*parts, *target.elts]
    ):
        return list(parts)
    return [None] * len(target.elts)
