"""Whether a session belongs on the device.

The rule, in one sentence: a session is a *device* session when the code that builds or uses its
graph trains (an optimizer, a training API) or restores a trained model (a Saver, a loaded
graph), and a *host* session when it does neither. The code in question is the body of its
``with`` when that opens a new ``tf.Graph()``; otherwise the function, or the class whose attribute
holds the session, and everything that it calls in the project. Where the session may run what
cannot be followed from there (handovers.py), any code counts that could be in the same program: if
some of it trains or restores, the role is *unknown*, which is reported, and the session goes to the
device: a data session on the device fails loudly, a training session on the host wastes days. A
unit test's sessions stay on the host.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from migrate.analysis.graph import Graph
from migrate.analysis.handovers import RUN_METHODS, Handovers
from migrate.analysis.keras_models import KerasUse
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, is_self
from migrate.analysis.parts import Parts
from migrate.analysis.project import Project
from migrate.analysis.references import (
    Use,
    facts_of,
    files_of,
    functions_in,
    is_unit_test,
    owner_of,
)
from migrate.analysis.symbols import short
from migrate.analysis.training import restores, trains

Role = Literal["device", "host", "unknown"]

_KEEPERS = frozenset({"add", "append", "put", "setdefault", "enter_context"})


class Judge:
    """Finds the role of one session.

    Args:
        call: the call that opens it, or what is handed on that does.
        kind: qualified name of what it opens.
        by_kind: what that does by itself, whatever the code around it; else empty.
    """

    def __init__(
        self, module: Module, project: Project, call: ast.expr, kind: str, by_kind: str
    ) -> None:
        self.module = module
        self.project = project
        self.graph = project.cached(Graph)
        self.call = call
        self.kind = kind
        self.by_kind = by_kind

    def judge(self) -> tuple[Role, str, set[str]]:
        """The role, the evidence for it, and the functions that build or use the graph."""
        if self._is_tested():
            return "host", "a unit test", set()
        owners, described = self._owners()
        scope = self.graph.reach(owners)
        if self.by_kind:
            return "device", self.by_kind, self._around(owners, scope)
        if self._given_to_keras():
            return "device", "Keras runs its models in it", self._around(owners, scope)
        block = fresh_graph_block(self.module, self.call)
        if block is not None:
            facts = facts_of(self.project, self.module, block)
            inner = self.graph.reach(facts.references)
            found = _evidence(facts.uses) or self._evidence(inner)
            if found:
                return "device", found, inner
            return self._without_evidence("its own tf.Graph()", set(), inner)
        found = self._evidence(scope)
        if found:
            return "device", found, self._around(owners, scope)
        users = self._users()
        escapes = bool(users) or self._escapes()
        if escapes:
            around = self._around(owners | users, scope)
            found = self._evidence(around)
            if found:
                return "device", f"made for its callers; {found}", around
        others = "what others have" if escapes else ""
        return self._without_evidence(described, owners, scope, others)

    def _without_evidence(
        self, described: str, owners: set[str], scope: set[str], others: str = ""
    ) -> tuple[Role, str, set[str]]:
        """The role of a session whose own code, `scope`, neither trains nor restores.

        Args:
            others: what runs in it besides, where it gets to other code.
        """
        outside = self._handovers.first(scope) or others
        if outside:
            return self._unproven(outside, described, self._around(owners, scope))
        package = self._handovers.package()
        if package is not None:
            return "unknown", f"{package} has part in it, which is not in the project", scope
        return "host", f"{described} has no optimizer and no saved model", scope

    def _unproven(
        self, outside: str, described: str, scope: set[str]
    ) -> tuple[Role, str, set[str]]:
        """The role where something cannot be followed: by what any code of the program does."""
        found = self._evidence(scope) or self.project.cached(_Programs).evidence(self.module.path)
        if not found:
            return "host", "nothing in its program trains or restores a model", scope
        return "unknown", f"it runs {outside}, made outside {described}; {found}", scope

    def _is_tested(self) -> bool:
        """Whether only unit tests open it: not what a file with some also starts as a script."""
        path = self.module.path
        if not is_unit_test(self.project, path):
            return False
        own = owner_of(self.module, self.call)
        return own == f"{path}:" or own not in self.graph.reach({f"{path}:"})

    def judge_value(self) -> tuple[Role, str]:
        """For what is handed on, all that leads here counts as well."""
        owners, described = self._owners()
        if self.by_kind:
            return "device", self.by_kind
        found = self._evidence(self._around(owners, self.graph.reach(owners)))
        if found:
            return "device", found
        return "host", f"{described} has no optimizer and no saved model"

    def _evidence(self, functions: set[str]) -> str:
        """The first proof that the functions train or restore; empty when there is none."""
        return _proof(self.project, functions)

    def _around(self, owners: set[str], scope: set[str]) -> set[str]:
        return scope | self.graph.reach(self.graph.callers(owners))

    # --- who has the session ----------------------------------------------------------------

    def _owners(self) -> tuple[set[str], str]:
        """The functions that can use the session, and a name for them."""
        module, graph = self.module, self.graph
        own = owner_of(module, self.call)
        held = self._holder()
        owner_class = module.class_of(self.call)
        if owner_class is not None and (isinstance(held, ast.Attribute) or self._runs_attributes()):
            name = owner_of(module, owner_class.body[0])
            return {own, *graph.members(name)}, f"class {owner_class.name}"
        if own == f"{module.path}:":
            mine = {own}
            for binding_name, bindings in module.scope.bindings.items():
                if any(b.kind == "definition" for b in bindings):
                    mine.add(f"{module.path}:{binding_name}")
            return mine, f"module {module.path}"
        return {own}, f"{own.partition(':')[2]}()"

    def _holder(self) -> ast.expr | None:
        """What the session is bound to: a name or attribute."""
        parent = self.module.parents.get(self._place())
        if isinstance(parent, ast.withitem):
            return parent.optional_vars
        if isinstance(parent, ast.Assign):
            return parent.targets[0]
        return None

    def _escapes(self) -> bool:
        """Whether others can use the session: returned, kept elsewhere, or made the default."""
        module = self.module
        function = module.function_of(self.call)
        place = self._place()
        if _is_returned(module, place) or _is_entered(module, place):
            return True
        holder = self._holder()
        if function is None:
            return False
        if self.kind == "tensorflow.InteractiveSession":
            return True  # it is the default session from now on
        if not isinstance(holder, ast.Name):
            if isinstance(holder, ast.Attribute) and is_self(holder.value):
                return self._is_given_out(holder.attr)
            return holder is not None  # in a dict, or as an attribute of another object
        elsewhere: list[ast.Global | ast.Nonlocal] = [*module.all_of(ast.Global)]
        elsewhere += module.all_of(ast.Nonlocal)
        return any(
            holder.id in node.names and module.is_within(node, function) for node in elsewhere
        ) or any(
            _is_handed_out(module, load) and module.is_within(load, function)
            for load in module.loads.get(holder.id, [])
        )

    def _is_given_out(self, attribute: str) -> bool:
        """Whether the class hands out what it holds, by a method such as ``__enter__``."""
        module = self.module
        return any(
            is_self(load.value)
            and module.class_of(load) is module.class_of(self.call)
            and (
                isinstance(module.parents[load], ast.Return | ast.Yield)
                or _is_entered(module, load)
            )
            for load in module.attribute_loads.get(attribute, [])
        )

    def _users(self) -> set[str]:
        """The functions that get at what the session is kept in: a module's name, an attribute."""
        module = self.module
        held, statement = self._holder(), module.statement_of(self.call)
        function, owner = module.function_of(self.call), module.class_of(self.call)
        if owner is not None and isinstance(held, ast.Attribute):
            return self._readers(held.attr, owner_of(module, owner.body[0]))
        if function is not None:
            return set()
        if owner is not None:
            return self._namers(owner.name)
        kept = statement.targets if isinstance(statement, ast.Assign) else [held]
        names = {target.id for target in kept if isinstance(target, ast.Name)}
        return {user for name in names for user in self._namers(name)}

    def _namers(self, name: str) -> set[str]:
        """Those that refer to a name of this module's top level, or to a part of it."""
        key = f"{self.module.path}:{name}"
        return {
            user
            for path in self.graph.naming(key)
            for user, facts in functions_in(self.project, path).items()
            if any(f"{target}.".startswith(f"{key}.") for target in facts.references)
        }

    def _readers(self, attribute: str, owner: str) -> set[str]:
        """Those that read an attribute of that name, not of `self`, where the class is used."""
        scope = self.graph.reach(self.graph.callers({owner}))
        found = set()
        for path in files_of(scope):
            module = self.project.parsed(path)
            if module is not None:
                found |= {
                    owner_of(module, load)
                    for load in module.attribute_loads.get(attribute, [])
                    if not is_self(load.value)
                }
        return found & scope

    def _place(self) -> ast.expr:
        """The session as its own code gets it: behind `stack.enter_context(...)`."""
        parent = self.module.parents[self.call]
        if isinstance(parent, ast.Call) and getattr(parent.func, "attr", "") == "enter_context":
            return parent
        return self.call

    def _given_to_keras(self) -> bool:
        parent = self.module.parents.get(self.call)
        holder = self._holder()
        if isinstance(parent, ast.keyword):
            parent = self.module.parents.get(parent)
        if isinstance(parent, ast.Call):
            return (self.module.qualified(parent.func) or "").endswith(".set_session")
        if isinstance(holder, ast.Name):
            return any(
                (name or "").endswith(".set_session")
                and any(
                    isinstance(a, ast.Name) and a.id == holder.id
                    for a in [*call.args, *(k.value for k in call.keywords)]
                )
                for call, name in self.module.calls
            )
        return False

    # --- what the session runs --------------------------------------------------------------

    @cached_property
    def _handovers(self) -> Handovers:
        return Handovers(self.project, self.module, self._place(), self._holder())

    def _runs_attributes(self) -> bool:
        return any(is_self(part) for fetch in self._handovers.fetches() for part in ast.walk(fetch))


def fresh_graph_block(module: Module, node: ast.AST) -> list[ast.stmt] | None:
    """The body of the innermost ``with`` around a node, if it opens a new ``tf.Graph()``."""
    for parent in module.ancestors(node):
        if isinstance(parent, Function):
            return None
        if not isinstance(parent, ast.With):
            continue
        for item in parent.items:
            opened = item.context_expr
            if (
                isinstance(opened, ast.Call)
                and isinstance(opened.func, ast.Attribute)
                and opened.func.attr == "as_default"
                and isinstance(opened.func.value, ast.Call)
                and module.qualified(opened.func.value.func) == "tensorflow.Graph"
            ):
                return parent.body
    return None


class _Programs:
    """What proves that programs train or restore, by their parts of the project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._parts = project.cached(Parts)
        self._known: dict[str, str] = {}

    def evidence(self, path: str) -> str:
        """The first proof in what may run together with a file; empty when there is none."""
        part = self._parts.of(path)
        if part not in self._known:
            together = set(self._parts.near(path, self._project.python_files))
            functions = self._project.cached(Graph).functions_of(together)
            self._known[part] = _proof(self._project, functions)
        return self._known[part]


def _proof(project: Project, functions: set[str]) -> str:
    found = _evidence(project.cached(Graph).uses(functions))
    if not found:
        places = project.cached(KerasUse).within(functions)
        found = str(places[0]) if places else ""
    return found


def _evidence(uses: Iterable[Use]) -> str:
    """The first proof, in words, that code trains or restores; empty when there is none."""
    restored = ""
    for use in uses:
        if trains(use):
            return f"{_short(use.name)} at {use.place}"
        if not restored and restores(use):
            restored = f"{_short(use.name)} at {use.place}"
    return restored


def _short(name: str) -> str:
    return short(name).lstrip(".")


def _is_entered(module: Module, node: ast.expr) -> bool:
    """``session.__enter__()`` or ``session.as_default().__enter__()``."""
    parent = module.parents[node]
    if isinstance(parent, ast.Attribute) and parent.attr == "as_default":
        parent = module.parents[module.parents[parent]]
    return isinstance(parent, ast.Attribute) and parent.attr == "__enter__"


def _is_handed_out(module: Module, node: ast.expr) -> bool:
    """Whether a use of the session in its function lets others use it later."""
    if _is_entered(module, node) or _is_returned(module, node):
        return True
    child: ast.AST = node
    parent = module.parents[node]
    while isinstance(parent, ast.Tuple | ast.List | ast.Dict | ast.IfExp | ast.BoolOp):
        child, parent = parent, module.parents[parent]
    if isinstance(parent, ast.Assign):
        return any(isinstance(t, ast.Attribute | ast.Subscript) for t in parent.targets)
    if isinstance(parent, ast.Call) and child in parent.args:
        return getattr(parent.func, "attr", "") in _KEEPERS
    return False


def _is_returned(module: Module, node: ast.expr) -> bool:
    """Whether a function gives it to its callers: in a structure, or its method to run things."""
    parent = module.parents[node]
    if isinstance(parent, ast.Attribute) and parent.attr in RUN_METHODS:
        parent = module.parents[parent]
    while isinstance(parent, ast.Tuple | ast.List | ast.Dict | ast.IfExp | ast.BoolOp):
        parent = module.parents[parent]
    return isinstance(parent, ast.Return | ast.Yield)
