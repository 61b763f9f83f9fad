"""Where the value of an expression goes: through names, attributes, calls and returns.

Follows a value forwards over the whole project. It errs on the side of following too much (an
attribute of an object of unknown class is followed by its name), so it answers "can this value
end there", for values that have one plausible use, such as the name of a device.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from migrate.analysis.module import Module
from migrate.analysis.nodes import (
    Function,
    argument,
    decorators,
    defaults,
    is_self,
    method,
    place_of,
)
from migrate.analysis.parts import Parts
from migrate.analysis.project import Project

Place = tuple[Module, ast.AST]

# What hands its argument on, wholly or piece by piece.
_PASSING = frozenset("cycle enumerate iter list next reversed set sorted str tuple zip".split())
_STRING_METHODS = frozenset({"lower", "upper", "strip", "replace", "to_string", "format"})
_ADDING_METHODS = frozenset({"append", "add", "extend", "insert", "appendleft", "setdefault"})
_THROUGH = (
    *(ast.BoolOp, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Starred, ast.ListComp, ast.SetComp),
    *(ast.GeneratorExp, ast.Lambda, ast.Await),
)
# In forty projects, no value that turned out to be a device had a hundred.
_MOST_PLACES = 1_000


@dataclass
class Reached:
    """Where a value goes.

    Args:
        arguments: calls of libraries that take it, as (qualified name, parameter name or
            position).
        compared: whether something compares it with another value.
        applied: ``value % x`` and ``value.format(x)``, when these were to be found.
        added: whether a format is only a part of the one that is applied.
        unused: functions that return it and that nothing in the project names.
        lost: whether it goes to more places than can be looked at, so that the rest is not known.
    """

    arguments: set[tuple[str, str | int]] = field(default_factory=set)
    compared: bool = False
    applied: list[Place] = field(default_factory=list)
    added: bool = False
    unused: list[Function] = field(default_factory=list)
    lost: bool = False


class Flow:
    """Follows values through a project; indexes each module when it is first needed."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._holding: dict[bytes, list[str]] = {}
        self._parts = project.cached(Parts)

    def trace(self, module: Module, node: ast.AST, *, template: bool = False) -> Reached:
        """Follows the value of an expression.

        Args:
            template: the value is a format; stop where it is applied.
        """
        reached = Reached()
        # Generators, not lists: only the modules on the way to a place stay in memory.
        stack: list[Iterator[Place]] = [iter([(module, node)])]
        seen: set[tuple[object, ...]] = set()
        while stack:
            place = next(stack[-1], None)
            if place is None:
                stack.pop()
                continue
            key = (place[0].path, place_of(place[1]))
            if key in seen:
                continue
            if len(seen) == _MOST_PLACES:
                reached.lost = True
                break
            seen.add(key)
            if template and (applied := _application(*place)) is not None:
                reached.applied.append((place[0], applied))
                continue
            if template and isinstance(place[0].parents.get(place[1]), ast.BinOp):
                reached.added = True
                continue
            stack.append(self._next(*place, reached))
        return reached

    def reads(self, module: Module, name: ast.Name) -> list[Place]:
        """Where the project reads what is bound to a name."""
        return list(self._loads(module, name))

    def uses_of(self, module: Module, function: Function) -> list[Place]:
        """Where the project names a function."""
        return list(self._function_uses(module, function, Reached()))

    # --- one step ---------------------------------------------------------------------------

    def _next(self, module: Module, node: ast.AST, reached: Reached) -> Iterator[Place]:
        parent = module.parents.get(node)
        if isinstance(parent, ast.keyword):
            call = module.parents[parent]
            if isinstance(call, ast.Call):
                yield from self._argument(module, call, parent.arg or "**", reached)
        elif isinstance(parent, ast.Call):
            if parent.func is node:
                yield module, parent
            else:
                position = parent.args.index(node)  # type: ignore[arg-type]
                yield from self._argument(module, parent, position, reached)
        elif isinstance(parent, ast.Compare):
            reached.compared = True
        elif isinstance(parent, ast.Attribute):
            if parent.attr in _STRING_METHODS:
                yield module, parent
        elif isinstance(parent, ast.Subscript):
            if parent.value is node:
                yield module, parent
        elif isinstance(parent, ast.Assign):
            for target in parent.targets:
                yield from self._target(module, target)
        elif isinstance(
            parent, ast.AnnAssign | ast.AugAssign | ast.For | ast.AsyncFor | ast.comprehension
        ):
            yield from self._target(module, parent.target)
        elif isinstance(parent, ast.Return):
            function = module.function_of(parent)
            if function is not None:
                yield from self._function_uses(module, function, reached)
        elif isinstance(parent, ast.arguments):
            yield from self._default(module, parent, node)
        elif isinstance(parent, ast.IfExp):
            if parent.test is not node:
                yield module, parent
        elif isinstance(parent, ast.BinOp):
            # The right side of % is a piece of a string, no device by itself.
            if isinstance(parent.op, ast.Add) or parent.left is node:
                yield module, parent
        elif isinstance(parent, _THROUGH):
            yield module, parent

    def _argument(
        self, module: Module, call: ast.Call, where: str | int, reached: Reached
    ) -> Iterator[Place]:
        name = module.qualified(call.func)
        plain = call.func.id if isinstance(call.func, ast.Name) else ""
        if name is not None and ":" not in name:
            reached.arguments.add((name, where))
            if name.endswith(("flags.DEFINE_string", "flags.DEFINE_enum")) and where not in (0, 2):
                yield from self._flag(module, call)
        # An argparse parser, or a group of its options, whose class is not known.
        called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if called == "add_argument" and where in ("default", "const"):
            yield from self._flag(module, call)
        if plain in _PASSING or (name or "").rpartition(".")[2] in _PASSING:
            yield module, call
        elif name == "functools.partial" and call.args:
            target = module.qualified(call.args[0]) or ""
            shifted = where - 1 if isinstance(where, int) else where
            if ":" not in target and target:
                reached.arguments.add((target, shifted))
            for owner, function in self._called(module, call.args[0], target):
                yield from self._parameter(owner, function, shifted)
        elif name is None or ":" in name:
            if name is None and isinstance(call.func, ast.Attribute):
                if called in _ADDING_METHODS and isinstance(call.func.value, ast.Name):
                    yield from self._loads(module, call.func.value)
                elif called == "device" and _imports_tensorflow(module):
                    reached.arguments.add((".device", where))
            for owner, function in self._called(module, call.func, name or ""):
                yield from self._parameter(owner, function, where)

    def _target(self, module: Module, target: ast.expr) -> Iterator[Place]:
        if isinstance(target, ast.Name):
            yield from self._loads(module, target)
        elif isinstance(target, ast.Attribute):
            yield from self._attribute_loads(module, target)
        elif isinstance(target, ast.Subscript | ast.Starred):
            yield from self._target(module, target.value)
        elif isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                yield from self._target(module, element)

    # --- names ------------------------------------------------------------------------------

    def _loads(self, module: Module, name: ast.Name) -> Iterator[Place]:
        found = module.lookup(name.id, name)
        if found is None:
            return
        scope = found[0]
        for load in module.reads(scope.node, name.id):
            yield module, load
        if scope.parent is None:
            yield from self._loads_elsewhere(module, name.id)
        elif isinstance(scope.node, ast.ClassDef):
            yield from self._named_attributes(name.id, module)

    def _loads_elsewhere(self, module: Module, name: str) -> Iterator[Place]:
        """Uses, in other modules, of a name at the top level of this one."""
        wanted = f"{module.path}:{name}"
        for other in self._containing(name.encode(), module, importing=True):
            if other.path == module.path:
                continue
            aliases = (alias for alias in other.all_of(ast.alias) if alias.name == name)
            loads: list[ast.expr] = [*other.attribute_loads.get(name, ())]
            for spelling in dict.fromkeys([name, *(alias.asname or name for alias in aliases)]):
                loads += other.loads.get(spelling, ())
            for load in loads:
                if other.qualified(load) == wanted:
                    yield other, load

    def _attribute_loads(self, module: Module, target: ast.Attribute) -> Iterator[Place]:
        owner = module.class_of(target) if is_self(target.value) else None
        for other, load in self._named_attributes(target.attr, module):
            inside = other.class_of(load) if owner is not None and is_self(load.value) else None
            if owner is None or inside is None or _may_be_related(owner, inside):
                yield other, load

    def _named_attributes(
        self, name: str, near: Module, *, importing: bool = True
    ) -> Iterator[tuple[Module, ast.Attribute]]:
        """Reads of an attribute by its name, apart from those of libraries."""
        for module in self._containing(f".{name}".encode(), near, importing=importing):
            for load in module.attribute_loads.get(name, ()):
                qualified = module.qualified(load)
                if qualified is None or ":" in qualified or ".FLAGS." in qualified:
                    yield module, load

    def _containing(
        self, text: bytes, near: Module, *, importing: bool = False
    ) -> Iterator[Module]:
        """The files of a module's part that hold a text; of others only what may import it."""
        files = self._project.files
        if text not in self._holding:
            self._holding[text] = [p for p in self._project.python_files if text in files[p].data]
        stem = near.path.removesuffix("/__init__.py").rpartition("/")[2].removesuffix(".py")
        wanted = stem.encode() if importing else b""
        for path in self._parts.near(near.path, self._holding[text]):
            if path == near.path or wanted in files[path].data:
                module = self._project.parsed(path)
                if module is not None:
                    yield module

    # --- functions --------------------------------------------------------------------------

    def _called(
        self, module: Module, function: ast.expr, name: str
    ) -> Iterator[tuple[Module, Function]]:
        """The project's functions that a call may mean."""
        if ":" in name:
            path, _, dotted = name.partition(":")
            owner = self._project.parsed(path) if path in self._project.files else None
            found = owner.definition(dotted) if owner is not None else None
            found = method(found, "__init__") or found
            if owner is not None and isinstance(found, Function):
                yield owner, found
                return
        if isinstance(function, ast.Name):
            bound = module.lookup(function.id, function)
            for binding in bound[1] if bound is not None else []:
                if isinstance(binding.node, Function):
                    yield module, binding.node
                elif constructor := method(binding.node, "__init__"):
                    yield module, constructor
        elif isinstance(function, ast.Attribute):
            for owner in self._containing(f"def {function.attr}".encode(), module):
                for node in owner.nodes:
                    if found := method(node, function.attr):
                        yield owner, found

    def _parameter(self, module: Module, function: Function, where: str | int) -> Iterator[Place]:
        """Uses of the parameter that takes an argument."""
        parameters = function.args.args
        is_method = isinstance(module.parents.get(function), ast.ClassDef)
        if is_method and "staticmethod" not in decorators(function):
            parameters = parameters[1:]
        if isinstance(where, int):
            taken = parameters[where : where + 1]
            if not taken and function.args.vararg is not None:
                taken = [function.args.vararg]
        else:
            every = [*parameters, *function.args.kwonlyargs]
            taken = [parameter for parameter in every if parameter.arg == where]
        for parameter in taken:
            for load in module.reads(function, parameter.arg):
                yield module, load

    def _default(self, module: Module, arguments: ast.arguments, node: ast.AST) -> Iterator[Place]:
        function = module.parents[arguments]
        for parameter, default in defaults(arguments):
            if default is node:
                for load in module.reads(function, parameter.arg):
                    yield module, load

    def _function_uses(
        self, module: Module, function: Function, reached: Reached
    ) -> Iterator[Place]:
        """The values of calls of a function, and the function as a value."""
        parent = module.parents.get(function)
        uses: list[Place]
        if isinstance(parent, ast.ClassDef):
            uses = list(self._named_attributes(function.name, module))
            if "property" in decorators(function):
                yield from uses
                return
        else:
            scope = module.scopes[function]
            uses = [(module, n) for n in module.reads(scope.node, function.name)]
            if scope.parent is None:
                uses += self._loads_elsewhere(module, function.name)
        if not uses:
            reached.unused.append(function)
        yield from uses

    def _flag(self, module: Module, call: ast.Call) -> Iterator[Place]:
        """Reads of the flag or command line option whose default a value is."""
        names = [argument(call, "dest", 99), *call.args]
        for name in names:
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                plain = name.value.lstrip("-").replace("-", "_")
                if len(plain) > 1 or name.value == plain:
                    yield from self._named_attributes(plain, module, importing=False)


def _imports_tensorflow(module: Module) -> bool:
    return any(
        binding.kind == "import" and binding.qualified.partition(".")[0] == "tensorflow"
        for bindings in module.scope.bindings.values()
        for binding in bindings
    )


def _application(module: Module, node: ast.AST) -> ast.expr | None:
    """``node % x`` or ``node.format(x)``."""
    parent = module.parents.get(node)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod) and parent.left is node:
        return parent
    if isinstance(parent, ast.Attribute) and parent.attr == "format":
        call = module.parents.get(parent)
        if isinstance(call, ast.Call) and call.func is parent:
            return call
    return None


def _may_be_related(first: ast.ClassDef, second: ast.ClassDef) -> bool:
    """Whether two classes are one, or one may be derived from the other, as far as names tell."""
    bases = {
        part.attr if isinstance(part, ast.Attribute) else part.id
        for base in [*first.bases, *second.bases]
        for part in ast.walk(base)
        if isinstance(part, ast.Attribute | ast.Name)
    }
    return first.name == second.name or bool(bases & {first.name, second.name})
