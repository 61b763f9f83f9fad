"""What names and conditions around data tell of the split that it is: training or not."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.modes import EVAL_PARAMETERS, PARAMETERS, TRAIN_PARAMETERS, Mode, condition
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, spelled
from migrate.analysis.words import words_of

_TRAIN = frozenset({"train", "training", "trn", "trainset"})
_EVAL = frozenset(
    "test tests testing testset val valid valids validation validate validset eval evaluate "
    "evaluation dev holdout predict prediction infer inference".split()
)


def split_called(module: Module, node: ast.AST) -> Mode | None:
    """What the name that an expression gets says, or else those that it is made of."""
    statement = module.statement_of(node)
    given = [split for name in _names_given(module, node, statement) if (split := _split(name))]
    return given[0] if given else _split(_words(module, node))


def split_named(module: Module, node: ast.AST) -> Mode | None:
    """What the names around an expression say, the nearest first; None where they say nothing."""
    if found := split_called(module, node):
        return found
    statement = module.statement_of(node)
    simple = isinstance(statement, ast.Assign | ast.Expr | ast.Return | ast.AugAssign)
    if simple and (found := _split(_words(module, statement))):
        return found
    function = module.function_of(node)
    while function is not None:
        if found := _split(words_of(function.name)):
            return found
        function = module.function_of(function)
    return _split(words_of(module.path.rpartition("/")[2]))


def _names_given(module: Module, node: ast.AST, statement: ast.stmt) -> Iterator[frozenset[str]]:
    """The words of the keywords that take the value of an expression, and of its variables."""
    for parent in (node, *module.ancestors(node)):
        if isinstance(parent, ast.keyword) and parent.arg:
            yield words_of(parent.arg)
        if parent is statement:
            break
    if isinstance(statement, ast.Assign):
        yield frozenset().union(*(_words(module, target) for target in statement.targets))


def training_condition(module: Module, node: ast.AST) -> str:
    """An expression at the place of ``node`` that is true where its function trains, or "".

    It is a parameter of a function around that says so, or a condition that the function asks for
    and that depends on its parameters alone.
    """
    function = module.function_of(node)
    while function is not None:
        parameters = _unchanged(module, function)
        for name in parameters:
            if name in TRAIN_PARAMETERS:
                return name
            if name in EVAL_PARAMETERS:
                return f"not {name}"
        for test in _tests(function):
            names = {part.id for part in ast.walk(test) if isinstance(part, ast.Name)}
            met, unmet = condition(module, test)
            own = {n for n in names if n in parameters}
            if own and all(n in own or _is_global(module, n) for n in names):
                if met == "train":
                    return _as_argument(module.text_of(test))
                if unmet == "train":
                    return f"not ({module.text_of(test)})"
        function = module.function_of(function)
    return ""


def _as_argument(text: str) -> str:
    return text if "\n" not in text and "\r" not in text else f"({text})"


def _tests(function: Function) -> Iterator[ast.expr]:
    for part in ast.walk(function):
        if isinstance(part, ast.If | ast.IfExp):
            is_and = isinstance(part.test, ast.BoolOp) and isinstance(part.test.op, ast.And)
            yield from part.test.values if is_and else [part.test]  # type: ignore[attr-defined]


def _unchanged(module: Module, function: Function) -> list[str]:
    """The function's parameters that nothing else is assigned to."""
    scope = module.scopes[function.body[0]]
    every = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)]
    return [name for name in every if len(scope.bindings.get(name, [])) == 1]


def _is_global(module: Module, name: str) -> bool:
    return name in module.scope.bindings


def _words(module: Module, node: ast.AST) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            found |= words_of(part.value)
            continue
        name = spelled(part)
        if name == "train" and (module.qualified(part) or "").startswith("tensorflow."):
            continue  # tf.train
        if name not in PARAMETERS:
            found |= words_of(name)
    return found


def _split(words: frozenset[str]) -> Mode | None:
    train, other = bool(words & _TRAIN), bool(words & _EVAL)
    if train == other:
        return None
    return "train" if train else "eval"
