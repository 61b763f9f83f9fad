"""What only ``tf.data`` transformations call: the input pipeline, which runs on the host."""

from __future__ import annotations

import ast
from typing import NamedTuple

from migrate.analysis.module import Module
from migrate.analysis.nodes import spelled
from migrate.analysis.project import Project

# What calls the function that is its first argument, or the argument of one of these names: a
# tf.data transformation, or Python on the host.
_TRANSFORMATIONS = frozenset(
    "map filter flat_map interleave parallel_interleave map_and_batch "
    "map_and_batch_with_legacy_function map_with_legacy_function filter_with_legacy_function "
    "from_generator apply py_func py_function numpy_function".split()
)
_FUNCTION_PARAMETERS = frozenset("map_func predicate generator transformation_func func".split())


class InputPipeline:
    """Tells which code of a file belongs to its input pipelines."""

    def __init__(self, project: Project, module: Module) -> None:
        self._project = project
        self._module = module
        self._transforms = _has_transformations(module)

    def holds(self, node: ast.AST) -> bool:
        """Whether the code is part of a function that only a transformation calls.

        Looks through lambdas, through names that lambdas are bound to, and through parameters
        of the project's functions.
        """
        module = self._module
        if not self._transforms:
            call = _call_around(module, node)
            if not isinstance(call, ast.Call) or call.func is node:
                return False
            return self._goes_to_pipeline(call, node)
        child = node
        for parent in module.ancestors(node):
            if isinstance(parent, ast.keyword):
                continue
            if isinstance(parent, ast.Call):
                if parent.func is not child:
                    if _is_transformed(module, parent, child):
                        return True
                    if child is node and self._goes_to_pipeline(parent, node):
                        return True
            elif isinstance(parent, ast.stmt):
                target = parent.targets[0] if isinstance(parent, ast.Assign) else None
                return (
                    isinstance(child, ast.Lambda)
                    and isinstance(target, ast.Name)
                    and _name_is_piped(module, target.id, module.tree)
                )
            elif isinstance(parent, ast.arguments) and child is node:
                return self._is_piped_default(parent, node)
            child = parent
        return False

    def _goes_to_pipeline(self, call: ast.Call, node: ast.AST) -> bool:
        """Whether a project function hands this argument of its call to transformations only."""
        path, colon, name = (self._module.qualified(call.func) or "").partition(":")
        if not colon or path not in self._project.files:
            return False
        function = self._project.cached_for(path, _piping).get(name)
        if function is None:
            return False
        names = [k.arg for k in call.keywords if k.value is node]
        if not names and node in call.args:
            position = call.args.index(node)
            names = list(function.positional[position : position + 1])
        return bool(names) and names[0] in function.piped

    def _is_piped_default(self, arguments: ast.arguments, node: ast.AST) -> bool:
        function = self._module.parents[arguments]
        if node not in arguments.defaults:
            return False
        place = arguments.defaults.index(node) - len(arguments.defaults)
        return _name_is_piped(self._module, arguments.args[place].arg, function)


class _Piping(NamedTuple):
    """A function that hands parameters to transformations only.

    Args:
        positional: the names of its parameters by position.
        piped: those that go nowhere else.
    """

    positional: tuple[str, ...]
    piped: frozenset[str]


def _piping(project: Project, path: str) -> dict[str, _Piping]:
    """The functions at a file's top level that hand parameters to transformations only."""
    found: dict[str, _Piping] = {}
    module = project.parsed(path)
    if module is None or not _has_transformations(module):
        return found
    for name in module.scope.bindings:
        function = module.definition(name)
        if not isinstance(function, ast.FunctionDef):
            continue
        positional = tuple(a.arg for a in function.args.args)
        every = {*positional, *(a.arg for a in function.args.kwonlyargs)}
        piped = frozenset(n for n in every if _name_is_piped(module, n, function))
        if piped:
            found[name] = _Piping(positional, piped)
    return found


def _has_transformations(module: Module) -> bool:
    return any(spelled(call.func) in _TRANSFORMATIONS for call in module.all_of(ast.Call))


def _name_is_piped(module: Module, name: str, within: ast.AST) -> bool:
    """Whether every use of the name hands it to a transformation."""
    loads = module.loads.get(name, [])
    if within is not module.tree:
        loads = [load for load in loads if within in module.ancestors(load)]
    return bool(loads) and all(
        isinstance(call := _call_around(module, load), ast.Call)
        and _is_transformed(module, call, load)
        for load in loads
    )


def _call_around(module: Module, node: ast.AST) -> ast.AST | None:
    """What the node is a part of: the call, where it is an argument."""
    parent = module.parents.get(node)
    if isinstance(parent, ast.keyword):
        parent = module.parents.get(parent)
    return parent


def _is_transformed(module: Module, call: ast.Call, argument: ast.AST) -> bool:
    """Whether the call hands the argument, a function or what makes one, to a transformation."""
    called = call.func
    name = spelled(called)
    if name not in _TRANSFORMATIONS:
        return False
    if argument not in call.args[:1] and not any(
        k.value is argument and k.arg in _FUNCTION_PARAMETERS for k in call.keywords
    ):
        return False
    qualified = module.qualified(called)
    if qualified is not None:
        return qualified.startswith("tensorflow.")
    # Objects of unknown class are taken for datasets, but layers have an `apply` as well; a
    # plain name that nothing binds is a builtin.
    if name == "apply":
        return not isinstance(argument, ast.Call)
    return isinstance(called, ast.Attribute) or module.lookup(name, called) is not None
