"""What a session may run besides what can be followed from where it is opened.

That is a fetch which comes from outside, a function that gets the session and that nothing tells
which it is, and whatever uses the default session. Only where there is none of these has a session
been seen to run nothing but its own code.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from migrate.analysis.graph import Graph
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, is_self
from migrate.analysis.project import Project
from migrate.analysis.references import files_of, functions_in, owner_of
from migrate.analysis.registries import registered, table_of
from migrate.analysis.scopes import Binding
from migrate.analysis.training import restores, trains
from migrate.analysis.words import holds_any

RUN_METHODS = frozenset({"run", "partial_run", "make_callable", "run_step_fn"})
# How code calls a session that it is given.
_SESSIONS = frozenset({"sess", "session"})
_WORDS = (b"sess", b".run(", b".eval(")
# Packages whose functions train and restore TensorFlow's models by names that are known, or not at
# all.
_FOLLOWED = sys.stdlib_module_names | {
    *("horovod", "keras", "npu_bridge", "npu_runtime", "tensorflow", "tf_slim"),
    *("cv2", "matplotlib", "numpy", "pandas", "PIL", "scipy", "skimage", "sklearn"),
    *("tensorflow_datasets", "tensorflow_io", "tensorflow_probability", "tensorflow_text"),
}
_DATA_METHODS = frozenset(
    {"batch", "get_next", "make_initializable_iterator", "make_one_shot_iterator"}
)
_COLLECTIONS = frozenset({"tensorflow.get_collection", "tensorflow.get_collection_ref"})
_BY_NAME = frozenset({"get_collection", "get_collection_ref", "get_operation_by_name"})
_DYNAMIC = frozenset({"getattr", "importlib.import_module", "__import__"})
_DEFAULT = "tensorflow.get_default_session"


class Handovers:
    """Those of one session.

    Args:
        place: the session as its own code gets it.
        holder: what it is bound to, a name or attribute, if it is.
    """

    def __init__(
        self, project: Project, module: Module, place: ast.expr, holder: ast.expr | None
    ) -> None:
        self._project = project
        self._module = module
        self._place = place
        self._holder = holder
        self._function = module.function_of(place)
        parent = module.parents[place]
        self._block = module.statement_of(place) if isinstance(parent, ast.withitem) else None

    def first(self, reached: Collection[str]) -> str | None:
        """What runs in the session and cannot be followed, in words; None where nothing does.

        Args:
            reached: the functions that the session's own code leads to.
        """
        return (
            self._foreign_call()
            or self._foreign_fetch()
            or self._foreign_user()
            or self._foreign_default()
            or _passed_on(self._project, reached)
        )

    def package(self) -> str | None:
        """The function of a package from elsewhere that gets the session, or makes what it runs."""
        module = self._module
        concerned = set(self._users)
        for fetch in self.fetches():
            for element in _elements(module, fetch, set()):
                if isinstance(element, ast.Call):
                    concerned.add(element)
        for call in sorted(concerned, key=module.numbers.__getitem__):
            name = module.name_of(call.func)
            if name and ":" not in name and name.partition(".")[0] not in _FOLLOWED:
                return f"{module.text_of(call.func)}()"
        return None

    # --- fetches ----------------------------------------------------------------------------

    def fetches(self) -> Iterator[ast.expr]:
        """What the session's own code has it run."""
        for call in sorted(self._runs(), key=self._module.depth):
            if call.args:
                yield call.args[0]
            else:
                yield from (k.value for k in call.keywords if k.arg == "fetches")

    def _runs(self) -> Iterator[ast.Call]:
        module = self._module
        for method in RUN_METHODS:
            for load in module.attribute_loads.get(method, []):
                call = module.parents[load]
                if isinstance(call, ast.Call) and call.func is load and self._is_held(load.value):
                    yield call

    def _is_held(self, node: ast.expr) -> bool:
        """Whether an expression is the session, by the name or attribute that it is bound to."""
        module, holder = self._module, self._holder
        if isinstance(holder, ast.Name):
            within = self._block or self._function or module.tree
            return (
                isinstance(node, ast.Name)
                and node.id == holder.id
                and module.is_within(node, within)
            )
        return (
            isinstance(holder, ast.Attribute)
            and isinstance(node, ast.Attribute)
            and node.attr == holder.attr
            and is_self(holder.value)
            and is_self(node.value)
            and module.class_of(node) is module.class_of(self._place)
        )

    def _foreign_fetch(self) -> str | None:
        for fetch in self.fetches():
            for part in (fetch, *getattr(fetch, "elts", ())):
                name = part.value if isinstance(part, ast.Constant) else None
                if isinstance(name, str) and ":" not in name:  # an operation's, no tensor's
                    return self._module.text_of(part)
            for element in _elements(self._module, fetch, set()):
                if self._is_foreign(element, set()):
                    return self._module.text_of(element)
        return None

    def _is_foreign(self, node: ast.expr, seen: set[ast.expr]) -> bool:
        """Whether the session's own code does not make it.

        Args:
            seen: what was asked before; grows.
        """
        module = self._module
        if node in seen:
            return False
        seen.add(node)
        if isinstance(node, ast.Call):
            return self._makes_unknown(node)
        if isinstance(node, ast.Constant):
            return False
        if isinstance(node, ast.Attribute) and is_self(node.value):
            owner = module.class_of(node)
            assigned = module.attributes_of(owner).get(node.attr, []) if owner is not None else []
            if assigned:
                return any(self._is_foreign(value, seen) for value in assigned)
        root = _root(node)
        if not isinstance(root, ast.Name):
            return False
        found = module.lookup(root.id, root)
        if found is None:
            return True
        scope, bindings = found
        if self._function not in (None, scope.node, *module.ancestors(scope.node)):
            # A module's global is outside of the function; its imports are not fetches.
            return all(b.kind != "import" for b in bindings)
        values = [b for b in bindings if b.kind != "parameter"]
        if not values:
            return True
        for binding in values:
            made = _made(binding)
            # What a variable is itself bound to by a call is asked as a fetch of its own.
            if made is None or (
                isinstance(made, ast.Call) and binding.node is made and root is node
            ):
                continue
            if self._is_foreign(made, seen):
                return True
        return False

    def _makes_unknown(self, call: ast.Call) -> bool:
        """Whether it calls what may be any function: a parameter, or one out of a table."""
        module, func = self._module, call.func
        name = module.qualified(func)
        if name in _COLLECTIONS or getattr(func, "attr", "") in _BY_NAME:
            return not _is_known_collection(module, call)
        if name is not None or (isinstance(func, ast.Attribute) and func.attr in _DATA_METHODS):
            return False
        return _is_unknown(module, func) and self._is_any(func, set())

    def _is_any(self, node: ast.expr, seen: set[str]) -> bool:
        """Whether nothing tells which function or object an expression is."""
        module = self._module
        if isinstance(node, ast.Subscript) and (table := table_of(module, node.value)):
            return self._may_hold_training(table)
        root = _root(node)
        if isinstance(root, ast.Call):
            return _is_dynamic(module, root) or self._is_any(root.func, seen)
        if not isinstance(root, ast.Name):
            return False
        if is_self(root):
            return any(self._is_any(value, seen) for value in self._held_by_self(node, seen))
        if root.id in seen:
            return False
        seen.add(root.id)
        _, bindings = module.lookup(root.id, root) or (None, [])
        if {binding.kind for binding in bindings} == {"parameter"}:
            return True
        return any((made := _made(b)) is not None and self._is_any(made, seen) for b in bindings)

    def _held_by_self(self, node: ast.expr, seen: set[str]) -> list[ast.expr]:
        """What is assigned to the attribute of `self` that an expression begins with."""
        while isinstance(node, ast.Attribute | ast.Subscript) and not is_self(node.value):
            node = node.value
        owner = self._module.class_of(node)
        if owner is None or not isinstance(node, ast.Attribute) or f"self.{node.attr}" in seen:
            return []
        seen.add(f"self.{node.attr}")
        return self._module.attributes_of(owner).get(node.attr, [])

    def _may_hold_training(self, table: str) -> bool:
        held = registered(self._project, table)
        if held is None:
            return True
        graph = self._project.cached(Graph)
        return any(trains(use) or restores(use) for use in graph.uses(graph.reach(held)))

    # --- functions that get the session -----------------------------------------------------

    def _foreign_user(self) -> str | None:
        """A function that gets the session and cannot be told, as in ``model.fit(session)``."""
        users = [call for call in self._users if _is_unknown(self._module, call.func)]
        return self._text_of_first(users)

    @cached_property
    def _users(self) -> list[ast.Call]:
        """The calls that get the session as an argument."""
        module, holder, found = self._module, self._holder, []
        loads: Sequence[ast.expr] = ()
        if isinstance(holder, ast.Name):
            loads = module.loads.get(holder.id, ())
        elif isinstance(holder, ast.Attribute):
            loads = module.attribute_loads.get(holder.attr, ())
        for load in filter(self._is_held, loads):
            parent = module.parents[load]
            if isinstance(parent, ast.keyword | ast.Starred):
                parent = module.parents[parent]
            if isinstance(parent, ast.Call) and parent.func is not load:
                found.append(parent)
        return found

    def _foreign_call(self) -> str | None:
        """The function whose default argument it is: others call that with what they have."""
        module = self._module
        for parent in module.ancestors(self._place):
            if isinstance(parent, ast.arguments):
                name = getattr(module.parents[parent], "name", "lambda")
                return f"what {name}() is given"
            if isinstance(parent, ast.stmt):
                break
        return None

    def _foreign_default(self) -> str | None:
        """What uses the default session within ``with session:`` without being given it."""
        statement = self._module.statement_of(self._place)
        users = [
            call
            for part in (statement.body if isinstance(statement, ast.With) else ())
            for call in ast.walk(part)
            if isinstance(call, ast.Call) and self._uses_default(call.func)
        ]
        return self._text_of_first(users)

    def _uses_default(self, func: ast.expr) -> bool:
        if isinstance(func, ast.Name):
            return _is_parameter(self._module, func)
        return (
            isinstance(func, ast.Attribute)
            and func.attr in ("run", "eval")
            and not self._is_held(func.value)
            and self._is_foreign(func.value, set())
        )

    def _text_of_first(self, calls: list[ast.Call]) -> str | None:
        first = min(calls, key=self._module.depth, default=None)
        return f"{self._module.text_of(first.func)}()" if first is not None else None


def unfollowed_in(project: Project, path: str) -> dict[str, str]:
    """For functions of a file that run what cannot be told in a session: what that is.

    They hand the session on, or run in the default one what they are given. Derive with
    ``cached_for``.
    """
    found: dict[str, str] = {}
    module = project.parsed(path) if holds_any(project.files[path].data, _WORDS) else None
    if module is None:
        return found
    for call in module.all_of(ast.Call):
        func = call.func
        if any(map(_is_called_session, _given(call))):
            runs = _is_unknown(module, func)
        else:
            runs = isinstance(func, ast.Attribute) and _runs_parameter(module, func, call)
        if runs:
            found.setdefault(owner_of(module, call), f"{module.text_of(func)}()")
    return found


def _runs_parameter(module: Module, func: ast.Attribute, call: ast.Call) -> bool:
    """Whether it is ``op.run()`` or ``tensor.eval()`` of something given."""
    if func.attr not in ("run", "eval") or call.args or _is_called_session(func.value):
        return False
    root = _root(func.value)
    return isinstance(root, ast.Name) and not is_self(root) and _is_parameter(module, root)


def _passed_on(project: Project, reached: Collection[str]) -> str | None:
    for path in sorted(files_of(reached) & project.files.keys()):
        known = project.cached_for(path, unfollowed_in)
        for key in sorted(known.keys() & reached):
            return known[key]
        if b"get_default_session" in project.files[path].data:
            for key, facts in functions_in(project, path).items():
                if key in reached and any(use.name == _DEFAULT for use in facts.uses):
                    return "what get_default_session() gives"
    return None


def _elements(module: Module, node: ast.expr, seen: set[str]) -> Iterator[ast.expr]:
    """The single fetches of a structure, looked for through names that are bound to structures."""
    parts: list[ast.expr | None]
    match node:
        case ast.List() | ast.Tuple() | ast.Set():
            parts = [*node.elts]
        case ast.Dict() | ast.BoolOp():
            parts = [*node.values]
        case ast.IfExp():
            parts = [node.body, node.orelse]
        case ast.BinOp():
            parts = [node.left, node.right]
        case ast.Starred():
            parts = [node.value]
        case ast.ListComp() | ast.GeneratorExp():
            parts = [node.elt]
        case ast.Name() if node.id not in seen:
            seen.add(node.id)
            yield node
            parts = list(_structures(module, node))
        case _:
            yield node
            return
    for part in parts:
        if part is not None:
            yield from _elements(module, part, seen)


def _structures(module: Module, name: ast.Name) -> Iterator[ast.expr]:
    found = module.lookup(name.id, name)
    for binding in found[1] if found is not None else ():
        if isinstance(binding.statement, ast.For | ast.comprehension):
            yield binding.statement.iter
        elif binding.kind == "value" and not isinstance(
            binding.node, ast.Name | ast.Attribute | ast.Subscript
        ):
            assert isinstance(binding.node, ast.expr)
            yield binding.node


def _made(binding: Binding) -> ast.expr | None:
    """What a variable is bound to, or unpacked from, where it is no structure."""
    node, statement = binding.node, binding.statement
    if binding.kind == "other" and isinstance(statement, ast.Assign):
        node = statement.value
    return node if isinstance(node, ast.Attribute | ast.Subscript | ast.Call) else None


def _is_dynamic(module: Module, call: ast.Call) -> bool:
    return (module.qualified(call.func) or module.text_of(call.func)) in _DYNAMIC


def _is_known_collection(module: Module, call: ast.Call) -> bool:
    """Whether it is one of TensorFlow's own, which do not train."""
    key = argument(call, "key", 0)
    name = (module.qualified(key) if key is not None else None) or ""
    return name.startswith("tensorflow.GraphKeys.") and not name.endswith(".TRAIN_OP")


def _is_unknown(module: Module, func: ast.expr) -> bool:
    """Whether what is called can be anything of the project's."""
    if module.qualified(func) is not None or module.own_method(func) is not None:
        return False
    root = _root(func)
    while isinstance(root, ast.Call):
        if _is_dynamic(module, root):
            return True
        root = _root(root.func)
    if not isinstance(root, ast.Name):
        return True
    found = module.lookup(root.id, root)
    if found is None:
        return False  # a builtin
    known = all(b.kind in ("import", "definition") for b in found[1])
    if known and not isinstance(func, ast.Subscript):
        return False
    return not isinstance(func, ast.Attribute) or module.instance_of(func.value) is None


def _is_parameter(module: Module, name: ast.Name) -> bool:
    found = module.lookup(name.id, name)
    return found is not None and all(b.kind == "parameter" for b in found[1])


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node


def _given(call: ast.Call) -> Iterator[ast.expr]:
    for value in call.args:
        yield value.value if isinstance(value, ast.Starred) else value
    yield from (keyword.value for keyword in call.keywords)


def _is_called_session(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return is_self(node.value) and node.attr in _SESSIONS
    return isinstance(node, ast.Name) and node.id in _SESSIONS
