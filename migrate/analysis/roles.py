"""Whether a session belongs on the device.

The rule, in one sentence: a session is a *device* session when the code that builds or uses its
graph trains (an optimizer, a training API) or restores a trained model (a Saver, a loaded
graph), and a *host* session when it does neither. The code in question is the body of its
``with`` when that opens a new ``tf.Graph()``; otherwise the function, or the class whose attribute
holds the session, and everything that it calls in the project. Where the session runs things that
were handed in from outside, the callers are looked at as well; if they could train, the role is
*unknown*, which is reported, and the session goes to the device: a data session on the device
fails loudly, a training session on the host wastes days. A unit test's sessions stay on the host.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Literal

from migrate.analysis.graph import Graph
from migrate.analysis.keras_models import KerasUse
from migrate.analysis.module import Module, is_self
from migrate.analysis.project import Project
from migrate.analysis.references import (
    Use,
    facts_of,
    files_of,
    functions_in,
    is_unit_test,
    owner_of,
)
from migrate.analysis.training import restores, trains

Role = Literal["device", "host", "unknown"]

RUN_METHODS = frozenset({"run", "partial_run", "make_callable", "run_step_fn"})
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
        if is_unit_test(self.project, self.module.path):
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
            return "host", "its own tf.Graph() has no optimizer and no saved model", inner
        found = self._evidence(scope)
        if found:
            return "device", found, self._around(owners, scope)
        users = self._users()
        if users or self._escapes():
            around = self._around(owners | users, scope)
            found = self._evidence(around)
            if found:
                return "device", f"made for its callers; {found}", around
        outside = self._fetches_from_outside() or self._given_to_a_parameter()
        if outside is None:
            return "host", f"{described} has no optimizer and no saved model", scope
        around = self._around(owners, scope)
        found = self._evidence(around)
        if not found:
            return "host", "nothing that reaches it trains or restores a model", scope
        return "unknown", f"it runs {outside}, made outside {described}; {found}", around

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
        found = _evidence(self.graph.uses(functions))
        if not found:
            places = self.project.cached(KerasUse).within(functions)
            found = str(places[0]) if places else ""
        return found

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
        parent = module.parents[place]
        if isinstance(parent, ast.Return | ast.Yield) or _is_entered(module, place):
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

    def _fetches(self) -> Iterator[ast.expr]:
        holder = self._holder()
        if not isinstance(holder, ast.Name):
            return
        module = self.module
        function = module.function_of(self.call) or module.tree
        calls = [
            call
            for method in RUN_METHODS
            for load in module.attribute_loads.get(method, [])
            if isinstance(load.value, ast.Name)
            and load.value.id == holder.id
            and isinstance(call := module.parents[load], ast.Call)
            and call.func is load
            and module.is_within(call, function)
        ]
        for call in sorted(calls, key=module.depth):
            if call.args:
                yield call.args[0]

    def _runs_attributes(self) -> bool:
        return any(is_self(part) for fetch in self._fetches() for part in ast.walk(fetch))

    def _fetches_from_outside(self) -> str | None:
        """A fetch that the session's own code does not make, or None."""
        for fetch in self._fetches():
            elements = fetch.elts if isinstance(fetch, ast.List | ast.Tuple) else [fetch]
            for element in elements:
                if self._is_outside(element):
                    return self.module.text_of(element)
        return None

    def _given_to_a_parameter(self) -> str | None:
        """A function that this one is given, and that gets the session: ``fn`` of ``fn(sess)``."""
        holder, function = self._holder(), self.module.function_of(self.call)
        if not isinstance(holder, ast.Name) or function is None:
            return None
        calls = []
        for load in self.module.loads.get(holder.id, []):
            call = self.module.parents[load]
            if isinstance(call, ast.keyword):
                call = self.module.parents[call]
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Name)
                and call.func is not load
                and self.module.is_within(call, function)
            ):
                found = self.module.lookup(call.func.id, call.func)
                if found is not None and all(b.kind == "parameter" for b in found[1]):
                    calls.append((call, call.func.id))
        first = min(calls, key=lambda pair: self.module.depth(pair[0]), default=None)
        return f"{first[1]}()" if first is not None else None

    def _is_outside(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call | ast.Constant):
            return False
        root = node
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        if not isinstance(root, ast.Name):
            return False
        found = self.module.lookup(root.id, root)
        if found is None:
            return True
        scope, bindings = found
        function = self.module.function_of(self.call)
        if function is not None and scope.node is not function:
            # A module's global is outside of the function; its imports are not fetches.
            return all(b.kind != "import" for b in bindings)
        values = [b for b in bindings if b.kind != "parameter"]
        if not values:
            return True
        return any(
            isinstance(b.node, ast.Attribute | ast.Subscript) and self._is_outside(b.node)
            for b in values
            if b.node is not None and b.node is not node
        )


def fresh_graph_block(module: Module, node: ast.AST) -> list[ast.stmt] | None:
    """The body of the innermost ``with`` around a node, if it opens a new ``tf.Graph()``."""
    for parent in module.ancestors(node):
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
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
    return name.replace("tensorflow.", "tf.", 1).lstrip(".")


def _is_entered(module: Module, node: ast.expr) -> bool:
    """``session.__enter__()`` or ``session.as_default().__enter__()``."""
    parent = module.parents[node]
    if isinstance(parent, ast.Attribute) and parent.attr == "as_default":
        parent = module.parents[module.parents[parent]]
    return isinstance(parent, ast.Attribute) and parent.attr == "__enter__"


def _is_handed_out(module: Module, node: ast.expr) -> bool:
    """Whether a use of the session in its function lets others use it later."""
    if _is_entered(module, node):
        return True
    child: ast.AST = node
    parent = module.parents[node]
    while isinstance(parent, ast.Tuple | ast.List | ast.Dict | ast.IfExp | ast.BoolOp):
        child, parent = parent, module.parents[parent]
    if isinstance(parent, ast.Assign):
        return any(isinstance(t, ast.Attribute | ast.Subscript) for t in parent.targets)
    if isinstance(parent, ast.Call) and child in parent.args:
        return getattr(parent.func, "attr", "") in _KEEPERS
    return isinstance(parent, ast.Return | ast.Yield)
