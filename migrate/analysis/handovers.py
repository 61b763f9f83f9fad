"""What a session may run besides what can be followed from where it is opened.

That is a fetch which comes from outside, a function that gets the session and that nothing tells
which it is, and whatever uses the default session. Only where there is none of these has a session
been seen to run nothing but its own code.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator

from migrate.analysis.module import Module
from migrate.analysis.nodes import is_self
from migrate.analysis.project import Project
from migrate.analysis.references import files_of, functions_in, owner_of
from migrate.analysis.words import holds_any

RUN_METHODS = frozenset({"run", "partial_run", "make_callable", "run_step_fn"})
# How code calls a session that it is given.
_SESSIONS = frozenset({"sess", "session"})
_WORDS = (b"sess", b".run(", b".eval(")
# Packages whose functions train and restore by names that are known, or not at all.
_FOLLOWED = sys.stdlib_module_names | {
    *("horovod", "keras", "npu_bridge", "npu_runtime", "tensorflow", "tf_slim"),
}
_DATA_METHODS = frozenset({"batch", "get_next"})
_DEFAULT = "tensorflow.get_default_session"


class Handovers:
    """Those of one session.

    Args:
        place: the session as its own code gets it.
        holder: what it is bound to, a name or attribute, if it is.
    """

    def __init__(self, module: Module, place: ast.expr, holder: ast.expr | None) -> None:
        self._module = module
        self._place = place
        self._holder = holder
        self._function = module.function_of(place)
        parent = module.parents[place]
        self._block = module.statement_of(place) if isinstance(parent, ast.withitem) else None

    def first(self, project: Project, reached: Collection[str]) -> str | None:
        """What runs in the session and cannot be followed, in words; None where nothing does.

        Args:
            reached: the functions that the session's own code leads to.
        """
        return (
            self._foreign_call()
            or self._foreign_fetch()
            or self._foreign_user()
            or self._foreign_default()
            or _passed_on(project, reached)
        )

    def package(self) -> str | None:
        """The function of a package from elsewhere that gets the session, if there is one."""
        module = self._module
        for call in module.all_of(ast.Call):
            name = module.name_of(call.func) if any(map(self._is_held, _given(call))) else None
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
            for element in _elements(self._module, fetch, set()):
                if self._is_foreign(element):
                    return self._module.text_of(element)
        return None

    def _is_foreign(self, node: ast.expr) -> bool:
        """Whether the session's own code does not make it."""
        module = self._module
        if isinstance(node, ast.Call):
            return _makes_unknown(module, node)
        if isinstance(node, ast.Constant):
            return False
        if isinstance(node, ast.Attribute) and is_self(node.value):
            owner = module.class_of(node)
            assigned = module.attributes_of(owner).get(node.attr, []) if owner is not None else []
            if assigned:
                return any(value is not node and self._is_foreign(value) for value in assigned)
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
        return any(
            isinstance(b.node, ast.Attribute | ast.Subscript) and self._is_foreign(b.node)
            for b in values
            if b.node is not node
        )

    # --- functions that get the session -----------------------------------------------------

    def _foreign_user(self) -> str | None:
        """A function that gets the session and cannot be told, as in ``model.fit(session)``."""
        module = self._module
        users = [
            call
            for call in module.all_of(ast.Call)
            if any(map(self._is_held, _given(call))) and _is_unknown(module, call.func)
        ]
        return self._text_of_first(users)

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
            and self._is_foreign(func.value)
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


def _makes_unknown(module: Module, call: ast.Call) -> bool:
    """Whether a method of something from outside makes it: ``op = model.train_op()``."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr in _DATA_METHODS:
        return False
    root = _root(func)
    return isinstance(root, ast.Name) and _is_parameter(module, root) and _is_unknown(module, func)


def _is_unknown(module: Module, func: ast.expr) -> bool:
    """Whether what is called can be anything of the project's."""
    if module.qualified(func) is not None or module.own_method(func) is not None:
        return False
    root = _root(func)
    while isinstance(root, ast.Call):
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
