"""Whether what is written at a place is read from there again, by the same code or by its callers.

Followed are names of files as they are handed on, whole, from function to function.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from migrate.analysis.callers import Callers
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, argument, decorators, method
from migrate.analysis.order import are_apart, is_replaced
from migrate.analysis.paths import taken_in
from migrate.analysis.project import Project

# How far from function to function.
_DEEPEST = 3
_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_EXISTS = re.compile(r"exists|is_?file|is_?dir", re.IGNORECASE)


class Given(NamedTuple):
    """What a call gives to a function as the name of a file.

    Args:
        node: the argument, or the path that a file function takes.
    """

    module: Module
    call: ast.Call
    node: ast.expr


def read_back(project: Project, written: Given) -> ast.expr | None:
    """Where the code that has a file written reads it again, further down in one function."""
    module, call, node = written
    function, text = module.function_of(call), module.text_of(node)
    for other in _readable(project, module):
        if (
            other.lineno > node.lineno
            and module.text_of(other) == text
            and module.function_of(other) is function
            and not are_apart(module, call, other)
            and not _is_another_run(module, call, other)
            and not _is_another(module, other, call)
            and _is_read(project, module, other, _DEEPEST)
        ):
            return other
    return None


def givers(project: Project, written: Given, depth: int = _DEEPEST) -> Iterator[Given]:
    """What the callers of a function give, and theirs, where it writes what it is given."""
    module, call, node = written
    function = module.function_of(call)
    found = module.lookup(node.id, node) if isinstance(node, ast.Name) else None
    if depth == 0 or function is None or not isinstance(node, ast.Name) or found is None:
        return
    if found[0].node is not function or any(b.kind != "parameter" for b in found[1]):
        return
    names = [parameter.arg for parameter in function.args.args]
    position = names.index(node.id) if node.id in names else len(names)
    above = module.parents[function]
    owner = above.name if isinstance(above, ast.ClassDef) else None
    calls = project.cached(Callers).of(module.path, module.numbers[function], function.name, owner)
    for path, known, bound in calls:
        number = known.argument(node.id, position - bound) if position >= bound else None
        other = project.parsed(path) if number is not None else None
        if other is None or number is None:
            continue
        called, given = other.nodes[known.number], other.nodes[number]
        assert isinstance(called, ast.Call) and isinstance(given, ast.expr)
        yield Given(other, called, given)
        yield from givers(project, Given(other, called, given), depth - 1)


def _readable(project: Project, module: Module) -> Iterator[ast.expr]:
    """What a file reads, and what it gives to functions of the project."""
    for number, access, *_ in project.cached_for(module.path, taken_in):
        node = module.nodes[number]
        if access in ("read", "state") and isinstance(node, ast.expr):
            yield node
    for call, _ in module.calls:
        if _called(module, call):
            yield from call.args
            yield from (word.value for word in call.keywords)


def _is_another(module: Module, node: ast.expr, call: ast.Call) -> bool:
    """Whether a place has another value by then than it had when something was written."""
    if isinstance(node, ast.Name):
        return is_replaced(module, node, module.statement_of(call))
    text = module.text_of(node)
    return any(
        call.lineno < statement.lineno < node.lineno
        and text in map(module.text_of, statement.targets)
        for statement in module.all_of(ast.Assign)
    )


def _is_another_run(module: Module, call: ast.Call, other: ast.expr) -> bool:
    """Whether conditions tell that where one runs, the other does not: training and testing."""
    written, read = _conditions(module, call, other), _conditions(module, other, call)
    if any(isinstance(branch[-1], _LEAVING) for _, branch in written):
        return True
    tests = [module.text_of(condition.test) for condition, _ in (*written, *read)]
    return bool(written) and bool(read) and not any(map(_EXISTS.search, tests))


def _conditions(
    module: Module, node: ast.AST, other: ast.AST
) -> list[tuple[ast.If, list[ast.stmt]]]:
    """The conditions around one node and not around another, each with the branch it is in."""
    around = {other, *module.ancestors(other)}
    found = []
    child = node
    for parent in module.ancestors(node):
        if parent in around:
            break
        if isinstance(parent, ast.If):
            found.append((parent, parent.body if child in parent.body else parent.orelse))
        child = parent
    return found


def _is_read(project: Project, module: Module, node: ast.expr, depth: int) -> bool:
    """Whether a file function reads what an expression names, or a function that it is given to."""
    number = module.numbers[node]
    taken = project.cached_for(module.path, taken_in)
    if any(number == other and access in ("read", "state") for other, access, *_ in taken):
        return True
    call = module.parents[node]
    if isinstance(call, ast.keyword):
        call = module.parents[call]
    path, _, dotted = _called(module, call).partition(":")
    other = project.parsed(path) if depth and dotted and path in project.files else None
    if other is None or not isinstance(call, ast.Call):
        return False
    function = other.definition(dotted)
    if isinstance(function, ast.ClassDef):
        function, dotted = method(function, "__init__"), f"{dotted}.__init__"
    if not isinstance(function, Function):
        return False
    bound = "." in dotted and "staticmethod" not in decorators(function)
    return any(
        _is_read(project, other, load, depth - 1)
        for position, parameter in enumerate(function.args.args[bound:])
        if argument(call, parameter.arg, position) is node
        for load in other.reads(function, parameter.arg)
    )


def _called(module: Module, call: ast.AST) -> str:
    """The function or class of the project that a call calls; empty where it is none of these."""
    if not isinstance(call, ast.Call):
        return ""
    name = module.name_of(call.func) or module.own_method(call.func) or ""
    return name if ":" in name else ""
