"""Where a session configuration sends its session: to the device, to the host, or nowhere.

Configurations are followed through names, attributes of ``self``, functions that return them and
parameters of the project's functions, whatever the order of statements: one that is given an
NpuOptimizer entry on some path counts as given it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Literal

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, defaults, is_self, own_nodes
from migrate.analysis.project import Project
from migrate.analysis.references import owner_of
from migrate.analysis.scopes import Binding, Scope
from migrate.verify.static.adapter import CONFIGURERS, calls_of, name_of
from migrate.verify.static.entries import Entries, Key, key_of

# plain: a configuration without an entry for the NPU; unknown: it cannot be told.
Verdict = Literal["npu", "host", "plain", "unknown"]
_DEEPEST = 12


class Verdicts:
    """The verdicts on a project's configurations; derive with ``cached``."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._given: dict[str, set[Key]] = {}
        self._looking: set[ast.AST] = set()

    def on(self, module: Module, node: ast.expr | None) -> Verdict:
        """The verdict on an expression; that on none at all is plain."""
        if node is None:
            return "plain"
        if node in self._looking or len(self._looking) > _DEEPEST:
            return "unknown"
        self._looking.add(node)
        try:
            return self._on(module, node)
        finally:
            self._looking.discard(node)

    def _on(self, module: Module, node: ast.expr) -> Verdict:
        if isinstance(node, ast.Constant):
            return "plain"
        if isinstance(node, ast.IfExp):
            return _together([self.on(module, node.body), self.on(module, node.orelse)])
        if isinstance(node, ast.BoolOp):
            return _together([self.on(module, value) for value in node.values])
        if isinstance(node, ast.Call):
            return self._on_call(module, node)
        key = key_of(module, node)
        if key is not None and self._is_given(module, key):
            return "npu"
        if isinstance(node, ast.Name):
            found = module.lookup(node.id, node)
            scope, bindings = found if found is not None else (module.scope, [])
            return _together([self._on_binding(module, scope, b, node.id) for b in bindings])
        if isinstance(node, ast.Attribute):
            return self._on_attribute(module, node)
        return "unknown"

    # --- calls ------------------------------------------------------------------------------

    def _on_call(self, module: Module, call: ast.Call) -> Verdict:
        made_by = name_of(module, call.func)
        if made_by in CONFIGURERS:
            return "npu"
        if made_by == "host_session_config":
            return "host"
        called = module.qualified(call.func) or module.own_method(call.func)
        if called is not None and ":" in called:
            return self._on_result(called)
        # tf.estimator.RunConfig(session_config=c), c.replace(...), copy.deepcopy(c)
        parts = [*call.args, *(k.value for k in call.keywords)]
        if isinstance(call.func, ast.Attribute) and not (called or "").startswith("tensorflow."):
            parts.append(call.func.value)
        verdicts = {self.on(module, part) for part in parts}
        for verdict in ("npu", "host"):
            if verdict in verdicts:
                return verdict
        return "plain" if (called or "").startswith("tensorflow.") else "unknown"

    def _on_result(self, called: str) -> Verdict:
        path, _, dotted = called.partition(":")
        module = self._project.parsed(path) if path in self._project.files else None
        function = module.definition(dotted) if module is not None else None
        if module is None or not isinstance(function, ast.FunctionDef):
            return "unknown"
        returned = [node.value for node in own_nodes(function) if isinstance(node, ast.Return)]
        return _together([self.on(module, value) for value in returned])

    # --- names ------------------------------------------------------------------------------

    def _on_binding(self, module: Module, scope: Scope, binding: Binding, name: str) -> Verdict:
        if binding.kind == "value" and isinstance(binding.node, ast.expr):
            return self.on(module, binding.node)
        if binding.kind == "parameter":
            return self._on_parameter(module, name, scope.node)
        if binding.kind == "import":
            return self._on_global(binding.qualified)
        return "unknown"

    def _on_attribute(self, module: Module, node: ast.Attribute) -> Verdict:
        if is_self(node.value):
            owner = module.class_of(node)
            values = module.attributes_of(owner).get(node.attr, []) if owner else []
            return _together([self.on(module, value) for value in values])
        return self._on_global(module.qualified(node) or "")

    def _on_global(self, qualified: str) -> Verdict:
        path, colon, name = qualified.partition(":")
        module = self._project.parsed(path) if colon and path in self._project.files else None
        if module is None or name not in module.scope.bindings:
            return "unknown"
        if self._is_given(module, (module.scope, name)):
            return "npu"
        scope = module.scope
        return _together([self._on_binding(module, scope, b, name) for b in scope.bindings[name]])

    def _on_parameter(self, module: Module, name: str, function: ast.AST) -> Verdict:
        if not isinstance(function, ast.FunctionDef):
            return "unknown"
        names = [p.arg for p in function.args.args]
        default = next((d for p, d in defaults(function.args) if p.arg == name), None)
        verdicts = []
        for other, call, shift in self._calls_to(module, function):
            place = names.index(name) - shift if name in names else len(call.args)
            if place < 0:  # the object whose method it is
                return "unknown"
            verdicts.append(self.on(other, argument(call, name, place) or default))
        return _together(verdicts)

    def _calls_to(
        self, module: Module, function: ast.FunctionDef
    ) -> Iterator[tuple[Module, ast.Call, int]]:
        """The calls of a function, with 1 where `self` is not among the arguments."""
        inner = function.body[0]
        key = owner_of(module, inner)
        owner = key.rpartition(".")[0] if module.class_of(inner) is not None else ""
        is_constructor = function.name == "__init__" and bool(owner)
        wanted = owner.rpartition(":")[2] if is_constructor else function.name
        for path in self._project.python_files:
            if wanted.encode() not in self._project.files[path].data:
                continue
            other = self._project.parsed(path)
            for call, name in other.calls if other is not None else ():
                assert other is not None
                if name == (owner if is_constructor else key) or (
                    not is_constructor and other.own_method(call.func) == key
                ):
                    yield other, call, int(bool(owner))
                elif (
                    owner
                    and not is_constructor
                    and isinstance(call.func, ast.Attribute)
                    and call.func.attr == wanted
                    and name is None
                ):
                    yield other, call, 1  # a method of an object of unknown class

    # --- entries ----------------------------------------------------------------------------

    def _is_given(self, module: Module, key: Key) -> bool:
        """Whether code gives a configuration its NpuOptimizer entry, here or in a function."""
        known = self._given.get(module.path)
        if known is None:
            known = self._given[module.path] = set(self._given_in(module))
        return key in known or self._is_given_by_callee(module, key)

    def _given_in(self, module: Module) -> Iterator[Key]:
        for entry in self._project.cached(Entries).of(module.path):
            key = key_of(module, entry.owner)
            if entry.is_npu and key is not None:
                yield key
        # The adapter's functions edit what they are given in place.
        helpers = frozenset({"npu_config_proto", "set_keras_session_npu_config", "init_resource"})
        for call, _ in calls_of(module, helpers):
            for value in [*call.args, *(k.value for k in call.keywords)]:
                if (key := key_of(module, value)) is not None:
                    yield key

    def _is_given_by_callee(self, module: Module, key: Key) -> bool:
        for call, called in module.calls:
            if called is None or ":" not in called:
                continue
            for position, value in enumerate(call.args):
                if isinstance(value, ast.Name | ast.Attribute) and key_of(module, value) == key:
                    path, _, dotted = called.partition(":")
                    other = self._project.parsed(path) if path in self._project.files else None
                    function = other.definition(dotted) if other is not None else None
                    if other is None or not isinstance(function, ast.FunctionDef):
                        continue
                    names = [a.arg for a in function.args.args]
                    inner = other.scopes[function.body[0]]
                    if position < len(names) and any(
                        owner == (inner, names[position]) for owner in self._given_in(other)
                    ):
                        return True
        return False


def _together(verdicts: Iterable[Verdict]) -> Verdict:
    found = set(verdicts)
    for verdict in ("npu", "host", "unknown", "plain"):
        if verdict in found:
            return verdict
    return "unknown"
