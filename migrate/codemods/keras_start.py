"""Where a script gives Keras its session: before any model is made, behind argument parsing."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from migrate.analysis.graph import Graph
from migrate.analysis.keras_models import KerasUse
from migrate.analysis.module import Module
from migrate.analysis.paths import PARSES
from migrate.analysis.references import facts_of
from migrate.analysis.runtime_names import runtime_call
from migrate.analysis.words import is_used_elsewhere
from migrate.codemods.edits import Edit
from migrate.codemods.rule import Context
from migrate.codemods.statements import behind

START = "use_npu_keras_session"
_INERT = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
# Parts of Keras that make variables.
_BUILDING = frozenset({"layers", "models", "applications", "Model", "Sequential", "Input"})
_PARSER_METHODS = frozenset(
    "add_argument add_argument_group add_mutually_exclusive_group add_parser add_subparsers "
    "set_defaults".split()
)
# They parse the flags, then call `main` or their argument.
_RUNNERS = frozenset({"tensorflow.app.run", "absl.app.run"})


class Start:
    """The place in one script.

    Args:
        context: the script's.
        keras: the project's use of Keras, which the script leads to.
    """

    def __init__(self, context: Context, keras: KerasUse) -> None:
        self._context = context
        self._module = context.module
        guard = _guard(self._module)
        self._guard = None if guard is None or _builds_before(context, keras, guard) else guard
        block = self._module.tree.body if self._guard is None else self._guard.body
        self._parsed, first = self._scan(block)
        # The function that parses the arguments and then trains, or trains with them parsed.
        self._main = self._called_once(first) if first is not None else None
        self._parsed_in_main: ast.stmt | None = None
        if self._main is not None and first is not None:
            self._parsed_in_main, _ = self._scan(self._main.body)
            if self._parsed_in_main is None and not self._runs_parsed(first):
                self._main = None

    @property
    def is_there(self) -> bool:
        """Whether the script has the call already."""
        module = self._module
        return any(
            is_ours(module, made) and module.function_of(made) in (None, self._main)
            for made, _ in module.calls
        )

    def edit(self, call: str) -> Edit | None:
        """Puts the call there; None where no place is early enough."""
        module = self._module
        if self._parsed_in_main is not None:
            return behind(module, self._parsed_in_main, call)
        if self._main is not None:
            documented = ast.get_docstring(self._main) is not None
            return _before(module, self._main.body, call, skip=documented)
        if self._parsed is not None:
            return behind(module, self._parsed, call)
        if self._guard is not None:
            return _before(module, self._guard.body, call)
        anchor = _last_import(self._context)
        return None if anchor is None else _behind_import(module, anchor, call)

    def _scan(self, block: Sequence[ast.stmt]) -> tuple[ast.stmt | None, ast.stmt | None]:
        """The last statement that parses arguments before one might build a model, and that one."""
        parsed = None
        for statement in block:
            if isinstance(statement, _INERT) or _is_import(statement):
                continue
            if self._parses(statement) and not self._leads_to_keras(statement):
                parsed = statement
            elif _might_build(self._module, statement):
                return parsed, statement
        return parsed, None

    def _parses(self, statement: ast.stmt) -> bool:
        """Whether it parses arguments, itself or in an own function that it calls."""
        for node in ast.walk(statement):
            if not isinstance(node, ast.Call):
                continue
            if getattr(node.func, "attr", "") in PARSES:
                return True
            path, colon, dotted = (self._module.qualified(node.func) or "").partition(":")
            other = self._context.project.parsed(path) if colon else None
            own = other.definition(dotted) if other is not None else None
            if isinstance(own, ast.FunctionDef) and any(
                getattr(part, "attr", "") in PARSES for part in ast.walk(own)
            ):
                return True
        return False

    def _leads_to_keras(self, statement: ast.stmt) -> bool:
        project = self._context.project
        facts = facts_of(project, self._module, [statement])
        graph = project.cached(Graph)
        uses = [*facts.uses, *graph.uses(graph.reach(facts.references))]
        return any("keras." in use.name for use in uses)

    def _called_once(self, statement: ast.stmt) -> ast.FunctionDef | None:
        """The function of this module that a statement calls, if nothing else does."""
        module = self._module
        value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
        if isinstance(value, ast.Call) and module.qualified(value.func) == "sys.exit":
            value = value.args[0] if value.args else None
        if not isinstance(value, ast.Call):
            return None
        name = getattr(value.func, "id", "")
        if module.qualified(value.func) in _RUNNERS:
            given = [*value.args[:1], *(k.value for k in value.keywords if k.arg == "main")]
            name = getattr(given[0], "id", "") if given else "main"
        function = module.definition(name)
        if not isinstance(function, ast.FunctionDef) or len(module.loads.get(name, [])) > 1:
            return None
        elsewhere = is_used_elsewhere(self._context.project, module.path, name)
        return None if elsewhere else function

    def _runs_parsed(self, statement: ast.stmt) -> bool:
        """Whether the arguments are parsed by the time that the statement calls its function."""
        return any(
            isinstance(node, ast.Call)
            and (
                self._module.qualified(node.func) in _RUNNERS
                or getattr(node.func, "attr", "") in PARSES
            )
            for node in ast.walk(statement)
        )


def _guard(module: Module) -> ast.If | None:
    """``if __name__ == '__main__':``"""
    for statement in module.tree.body:
        if isinstance(statement, ast.If) and any(
            isinstance(part, ast.Name) and part.id == "__name__"
            for part in ast.walk(statement.test)
        ):
            return statement
    return None


def _builds_before(context: Context, keras: KerasUse, guard: ast.If) -> bool:
    """Whether the top level outside of the guard makes layers or trains."""
    rest = [s for s in context.module.tree.body if s is not guard and not isinstance(s, _INERT)]
    facts = facts_of(context.project, context.module, rest)
    names = [use.name.partition("keras.")[2].partition(".")[0] for use in facts.uses]
    return bool(_BUILDING & set(names) or keras.reached(facts.references))


def _last_import(context: Context) -> ast.stmt | None:
    """The last import before the top level calls anything that might be TensorFlow."""
    anchor: ast.stmt | None = None
    for statement in context.module.tree.body:
        if _is_import(statement):
            anchor = statement
        elif not isinstance(statement, _INERT) and _might_build(context.module, statement):
            break
    return anchor


def _might_build(module: Module, statement: ast.stmt) -> bool:
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in _PARSER_METHODS:
                continue
            name = module.qualified(node.func)
            if name is None or ":" in name or name.startswith(("tensorflow.", "keras.")):
                return True
    return False


def _is_import(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Try):
        inner = [*statement.body, *(s for h in statement.handlers for s in h.body)]
        return any(isinstance(s, ast.Import | ast.ImportFrom) for s in inner)
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _before(module: Module, body: Sequence[ast.stmt], call: str, skip: bool = False) -> Edit:
    """In front of a block's first statement, or of what follows its docstring."""
    if skip and len(body) == 1:
        return behind(module, body[0], call)
    source = module.source
    start, _ = module.span(body[1 if skip else 0])
    line = source.line_start(start)
    if source.text[line:start].strip():
        return Edit(start, start, f"{call}; ")
    return Edit(line, line, source.text[line:start] + call + source.newline)


def _behind_import(module: Module, anchor: ast.stmt, call: str) -> Edit:
    source = module.source
    end = source.line_end(module.span(anchor)[1])
    return Edit(end, end, source.newline + call + source.newline)


def is_ours(module: Module, call: ast.Call) -> bool:
    """Whether the call is the one that a port puts there."""
    return runtime_call(module, call) == START
