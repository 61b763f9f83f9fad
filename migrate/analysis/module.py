"""One parsed file: its names resolved to what they stand for.

Resolution is by import, never by spelling: ``tf.Session``, ``T.Session`` and ``Session`` are the
same thing when the imports say so, and a parameter called ``tf`` is not TensorFlow.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from migrate.analysis.library_classes import FLUENT, WRAPPERS, is_like_a_class, made_by
from migrate.analysis.nodes import is_none, is_self, method, string
from migrate.analysis.scopes import Binding, Follow, ResolveImport, Scope
from migrate.analysis.source import Source
from migrate.analysis.tree import Tree

# Decorators that leave what a function returns as it is.
_PLAIN_DECORATORS = frozenset({"staticmethod", "classmethod"})
# How far a value is followed from name to name; Python gives up at 1000 nested calls.
_DEEPEST = 100
# What one question about a class may cost; names that are made of one another can ask for more.
_MOST_STEPS = 5_000
# Stands for the class of a name while that name is being looked into: in `d = d.map(f)` the new d
# has the class of the old one.
_ITSELF = "?itself"


class Module(Tree):
    """A Python file that parses, with what its names stand for in the project.

    Args:
        path: relative to the project's root.
        source: its text.
        resolve_import: turns (dotted name, relative level) into a qualified name; the project
            knows which names are its own files.
        follow: turns (qualified name, attribute) into a qualified name.
        star: finds a name in a module that is star-imported.
        returned: the class of what calling a function or class of the project makes.
        tree: the parsed text, where somebody has it.

    Raises:
        SyntaxError, ValueError: the text is not Python 3.7.
    """

    def __init__(
        self,
        path: str,
        source: Source,
        resolve_import: ResolveImport,
        follow: Follow,
        star: Callable[[str, str], str | None],
        returned: Callable[[str], str | None],
        tree: ast.Module | None = None,
    ) -> None:
        super().__init__(path, source, resolve_import, follow, tree)
        self._star = star
        self._returned = returned
        self._resolving: set[ast.AST] = set()
        self._steps = 0
        self._told: dict[ast.AST, str | None] = {}
        self._told_of: dict[tuple[object, ...], str | None] = {}
        self._looking_into: set[tuple[object, str]] = set()
        self._known_classes: dict[tuple[object, str], str | None] = {}
        self._known_names: dict[tuple[Scope, str], str | None] = {}

    # --- names ------------------------------------------------------------------------------

    def qualified(self, node: ast.AST) -> str | None:
        """What an expression names, such as ``tensorflow.train.Supervisor.managed_session``.

        Follows imports, aliases by assignment, the project's own modules, and attributes of
        objects whose class is known. None when it cannot be told.
        """
        attributes = []
        while isinstance(node, ast.Attribute):
            attributes.append(node)
            node = node.value
        name = self._qualified_name(node) if isinstance(node, ast.Name) else None
        if isinstance(node, ast.Call):
            name = self._named_by_call(node)
        for attribute in reversed(attributes):
            if name is None or name.endswith("()"):
                name = self.instance_of(attribute.value)
            if name == _ITSELF:
                name = f"{_ITSELF}.{attribute.attr}" if attribute.attr in FLUENT else None
            else:
                name = self._follow(name, attribute.attr) if name else None
        return name

    def name_of(self, node: ast.AST) -> str | None:
        """``qualified``, told once; not for questions that names themselves depend on."""
        told = self._told
        if node not in told:
            key = self._dotted(node)
            if key is None:
                told[node] = self.qualified(node)
            elif key in self._told_of:
                told[node] = self._told_of[key]
            else:
                told[node] = self._told_of[key] = self.qualified(node)
        return told[node]

    def exported(self, name: str) -> str | None:
        """What a name at the module's top level stands for, as ``qualified`` would tell."""
        return self._only_name(self.scope, self.scope.bindings.get(name, []), name)

    def is_free(self, name: str, node: ast.AST) -> bool:
        """Whether nothing that can be seen binds ``name``: it is a builtin, or undefined."""
        return self.lookup(name, node) is None and not any(
            self._star(module, name) for module in self.star_imports
        )

    def computed_in(self, call: ast.Call) -> str | None:
        """What ``getattr(object, name)`` looks a name up in that only a run can tell."""
        if not self._is_builtin(call, "getattr") or len(call.args) < 2:
            return None
        return self.qualified(call.args[0]) if self._text(call.args[1]) is None else None

    def _dotted(self, node: ast.AST) -> tuple[object, ...] | None:
        """The same for all ``a.b.c`` of a scope, which name one thing; None for other ones."""
        parts: list[object] = []
        while node.__class__ is ast.Attribute:
            parts.append(node.attr)
            node = node.value
        if node.__class__ is not ast.Name or is_self(node):
            return None
        if self._rebound(node, self.lookup(node.id, node)):
            return None
        return (self.scopes[node], node.id, *parts)

    def _named_by_call(self, call: ast.Call) -> str | None:
        """What ``getattr(object, "name")`` or ``importlib.import_module("name")`` stands for."""
        texts = [self._text(argument) for argument in call.args[:2]]
        if self._is_builtin(call, "getattr") and len(texts) == 2 and texts[1]:
            owner = self.qualified(call.args[0])
            return self._follow(owner, texts[1]) if owner else None
        if len(call.args) != 1 or not texts[0] or texts[0].startswith("."):
            return None
        if self._is_builtin(call, "__import__"):
            return self._resolve_import(texts[0].partition(".")[0], 0)
        if self.qualified(call.func) == "importlib.import_module":
            return self._resolve_import(texts[0], 0)
        return None

    def _is_builtin(self, call: ast.Call, name: str) -> bool:
        func = call.func
        return isinstance(func, ast.Name) and func.id == name and self.lookup(name, func) is None

    def _text(self, node: ast.expr) -> str | None:
        """A string, also where a name stands for it."""
        if isinstance(node, ast.Name):
            _, bindings = self.lookup(node.id, node) or (None, [])
            value = bindings[0].node if len(bindings) == 1 else None
        else:
            value = node
        return string(value)

    def _qualified_name(self, node: ast.Name) -> str | None:
        found = self.lookup(node.id, node)
        if found is None:
            for module in reversed(self.star_imports):
                if name := self._star(module, node.id):
                    return name
            # What a library of unknown names exports under a module's name is that module.
            is_exported = bool(self.star_imports) and node.id in sys.stdlib_module_names
            return node.id if is_exported else None
        if before := self._rebound(node, found):
            return self._only_name(found[0], before, node.id)
        key = (found[0], node.id)
        if key not in self._known_names:
            name = self._only_name(*found, node.id)
            if name is None and self._resolving:
                return None  # perhaps only not yet
            self._known_names[key] = name
        return self._known_names[key]

    def _rebound(self, node: ast.Name, found: tuple[Scope, list[Binding]] | None) -> list[Binding]:
        """What a name meant before, in ``net = net.build()`` after ``import net``; else nothing."""
        if found is None or len(found[1]) == 1 or not any(b.kind == "import" for b in found[1]):
            return []
        around = {node, *self.ancestors(node)}
        before = [b for b in found[1] if b.kind != "value" or b.node not in around]
        is_other = len(before) < len(found[1]) and all(b.kind == "import" for b in before)
        return before if is_other else []

    def _only_name(self, scope: Scope, bindings: list[Binding], name: str) -> str | None:
        bindings = [b for b in bindings if not is_none(b.node)]
        if len(bindings) > 1:
            bindings = [b for b in bindings if not self._is_fallback(b, bindings)]
        names = {self._bound_name(binding, scope, name) for binding in bindings}
        return names.pop() if len(names) == 1 else None

    def _bound_name(self, binding: Binding, scope: Scope, name: str) -> str | None:
        if binding.kind == "import":
            return binding.qualified
        if binding.kind == "definition" and scope.parent is None:
            return f"{self.path}:{name}"
        value = binding.node
        # An alias: slim = tf.contrib.slim, or slim = importlib.import_module("...")
        if binding.kind == "value" and isinstance(value, ast.Attribute | ast.Name | ast.Call):
            if value in self._resolving or len(self._resolving) > _DEEPEST:
                return None
            self._resolving.add(value)
            try:
                return self.qualified(value)
            finally:
                self._resolving.discard(value)
        return None

    def _is_fallback(self, binding: Binding, others: list[Binding]) -> bool:
        """Whether it counts only when an import fails: ``except ImportError: tf = Fake()``."""
        node = binding.statement
        for parent in self.ancestors(node) if node is not None else ():
            if isinstance(parent, ast.ExceptHandler):
                tried = self.parents[parent].body  # type: ignore[attr-defined]
                return any(b.kind == "import" and b.statement in tried for b in others)
        return False

    # --- classes ----------------------------------------------------------------------------

    def instance_of(self, node: ast.AST) -> str | None:
        """The class of an expression's value, as a qualified name; None when unknown."""
        if not self._resolving:
            self._steps = 0
        self._steps += 1
        if len(self._resolving) > _DEEPEST or self._steps > _MOST_STEPS:
            return None
        if node in self._resolving:
            return _ITSELF if self._looking_into else None
        self._resolving.add(node)
        try:
            return self._instance_of(node)
        finally:
            self._resolving.discard(node)

    def class_at(self, dotted: str) -> str | None:
        """The class of a value at the top level, or of a class's attribute; None when unknown."""
        first, _, attribute = dotted.partition(".")
        if not attribute:
            bindings = self.scope.bindings.get(first, [])
            return self._one_class((self.scope, first), bindings) if bindings else None
        owner = self.definition(first)
        if not isinstance(owner, ast.ClassDef):
            return None
        return self._attribute_class(owner, attribute)

    def returned_class(self, dotted: str) -> str | None:
        """The class of what a call of a name of this module makes; None when it cannot be told."""
        function = self.definition(dotted)
        if not isinstance(function, ast.FunctionDef):
            # A class, also one that a call makes, such as a namedtuple.
            is_class = isinstance(function, ast.ClassDef) or is_like_a_class(dotted)
            return f"{self.path}:{dotted}" if is_class else None
        if not {getattr(d, "id", "") for d in function.decorator_list} <= _PLAIN_DECORATORS:
            return None
        values = [node.value for node in self.returns.get(function, [])]
        classes = {self.instance_of(value) if value is not None else None for value in values}
        if classes and None not in classes:
            return classes.pop() if len(classes) == 1 else None
        return self.qualified(function.returns) if function.returns is not None else None

    def own_method(self, func: ast.expr) -> str | None:
        """``self.method`` as a qualified name, where the class around it defines the method."""
        if not isinstance(func, ast.Attribute) or not is_self(func.value):
            return None
        owner = self.class_of(func)
        if owner is None or method(owner, func.attr) is None:
            return None
        return f"{self.path}:{owner.name}.{func.attr}"

    def _instance_of(self, node: ast.AST) -> str | None:
        if isinstance(node, ast.Call):
            called = self.qualified(node.func) or self.own_method(node.func)
            if called is None:
                return None
            if called.startswith(_ITSELF):
                return _ITSELF
            if called in WRAPPERS and node.args:
                return self.instance_of(node.args[0])
            return self._returned(called) if ":" in called else made_by(called)
        if isinstance(node, ast.Name):
            found = self.lookup(node.id, node)
            if found is None:
                return None
            return self._one_class((found[0], node.id), found[1])
        if isinstance(node, ast.Attribute) and is_self(node.value):
            owner_class = self.class_of(node)
            if owner_class is None:
                return None
            return self._attribute_class(owner_class, node.attr)
        return None

    def _one_class(
        self, key: tuple[object, str], values: Iterable[Binding | ast.AST]
    ) -> str | None:
        """The class that all values of a name or attribute have; asked once for each."""
        if key in self._known_classes:
            return self._known_classes[key]
        if key in self._looking_into:
            return _ITSELF
        self._looking_into.add(key)
        try:
            classes = {
                self._bound_class(value) if isinstance(value, Binding) else self.instance_of(value)
                for value in values
            }
        finally:
            self._looking_into.discard(key)
        known = classes - {_ITSELF}
        found = known.pop() if len(known) == 1 else None
        # Within a circle of names, not knowing may only mean not yet.
        if found is not None or not self._looking_into:
            self._known_classes[key] = found
        return found if found is not None or classes != {_ITSELF} else _ITSELF

    def _bound_class(self, binding: Binding) -> str | None:
        if binding.kind == "value" and binding.node is not None:
            return self.instance_of(binding.node)
        if binding.kind == "parameter" and binding.node is not None:
            return self.qualified(binding.node)
        return None

    def _attribute_class(self, owner: ast.ClassDef, name: str) -> str | None:
        values = self.attributes_of(owner).get(name, [])
        values = [value for value in values if not is_none(value)]
        return self._one_class((owner, name), values)

    # --- sites ------------------------------------------------------------------------------

    @cached_property
    def calls(self) -> list[tuple[ast.Call, str | None]]:
        """Every call in source order, with the qualified name of what it calls."""
        return [(call, self.name_of(call.func)) for call in self.all_of(ast.Call)]

    def calls_of(self, *names: str) -> Iterator[tuple[ast.Call, str]]:
        """The calls of any of the qualified ``names``."""
        wanted = frozenset(names)
        for call, name in self.calls:
            if name in wanted:
                yield call, name

    @cached_property
    def named(self) -> list[tuple[ast.expr, str]]:
        """Every expression that names something, and what; in source order, parts apart."""
        found: list[tuple[ast.expr, str]] = []
        for node in self.nodes:
            kind = node.__class__
            if kind is not ast.Call:
                if kind is not ast.Name and kind is not ast.Attribute:
                    continue
                if node.ctx.__class__ is not ast.Load:  # type: ignore[attr-defined]
                    continue
            if self.parents[node].__class__ is not ast.Attribute:
                name = self.name_of(node)
                if name is not None:
                    found.append((node, name))  # type: ignore[arg-type]
        return found
