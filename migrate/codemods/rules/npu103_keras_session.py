"""Makes Keras train and run its models in an NPU session.

What it does: in each script that leads to `fit`, `train_on_batch`, `evaluate`, `predict` and the
like on a Keras model, and that never sets Keras's session itself, it calls
`use_npu_keras_session()` once, before any model can be made: behind the imports of a script that
trains on its top level, else as the first statement under `if __name__ == '__main__':`. Behind
`clear_session()`, which makes Keras forget the session, it calls it again. For `tf.keras` and for
Keras 2.3 on TensorFlow.

Why: Keras opens a session itself when it first needs one, with a default configuration: without
NpuOptimizer in it, training runs on the host CPU, silently.

Example:
    import keras

    model = keras.Sequential(layers)
    model.fit(x, y)

becomes:
    import keras
    from npu_runtime import use_npu_keras_session

    use_npu_keras_session()

    model = keras.Sequential(layers)
    model.fit(x, y)

Where the project calls `set_session(tf.Session(...))`, NPU101 configures that session, and only
`clear_session` is looked after. Models that are only built, counted or turned into an Estimator
(NPU102), `keras.datasets`, `keras.utils` and `keras.preprocessing` open no session.

An object of unknown class (a parameter, an element of a list, an attribute) on which `fit` and the
like is called counts as a model where the same script also makes a Keras model; the table says so.

Options: none.

Fix safety: safe. Off the device (NPU_DEVICE=host) it makes the session that Keras would have made.

Not handled: functions that train and that no script of the project leads to, and models trained
in a new `tf.Graph()`, for which Keras opens another session: errors, with the place. `fit` of an
unknown object, where the project makes Keras models but nothing that leads there does: a warning.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "Keras"; TensorFlow 1.15.0,
`tensorflow/python/keras/backend.py` (get_session, clear_session); Keras 2.3.1,
`keras/backend/tensorflow_backend.py`, which takes its session from tf.keras.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.graph import Graph
from migrate.analysis.host_ops import host_uses
from migrate.analysis.inventory import Settled
from migrate.analysis.keras_models import CLEAR_SESSION, SET_SESSION, KerasUse, Place
from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.references import facts_of, is_unit_test, owner_of
from migrate.analysis.sessions import fresh_graph_block
from migrate.analysis.training import KERAS_TRAINING
from migrate.codemods.edits import Edit
from migrate.codemods.imports import runtime_import
from migrate.codemods.rule import Change, Context, Rule, SessionRow


def _concerned(project: Project) -> set[str]:
    return project.cached(KerasUse).paths


NPU103 = Rule(
    "NPU103",
    "keras-session",
    group="session",
    paths=_concerned,
)
_NAME = "use_npu_keras_session"
_INERT = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
# Parts of Keras that make variables.
_BUILDING = frozenset({"layers", "models", "applications", "Model", "Sequential", "Input"})
_BY_HAND = f"Call npu_runtime.{_NAME}() before the model is made."


@NPU103.on_module
def give_keras_a_session(context: Context) -> Iterator[Change]:
    keras = context.project.cached(KerasUse)
    module = context.module
    if is_unit_test(context.project, module.path):
        return
    graph = context.project.cached(Graph)
    top = {f"{module.path}:"}
    places = keras.reached(top)
    mixed = bool(places) and bool(host_uses(graph.uses(graph.reach(top))))
    called = runtime_import(module, _NAME).bound
    call = f"{called}({'mix_compile_mode=True' if mixed else ''})"
    if places and not any(use.name in SET_SESSION for use in graph.uses(graph.reach(top))):
        yield from _start(context, keras, call, places)
    yield from _renew(context, call)
    yield from _unreached(context, keras)


def _start(context: Context, keras: KerasUse, call: str, places: list[Place]) -> Iterator[Change]:
    module = context.module
    place = min(places, key=lambda place: (not place.certain, place))
    why = str(place)
    line = place.line if place.path == module.path else 0
    yield SessionRow(module.path, line, "Keras session", "device", why)
    if any(_is_ours(module, made) and module.function_of(made) is None for made, _ in module.calls):
        return
    guard, anchor = _guard(module), _last_import(context)
    if guard is not None and not _builds_before(context, keras, guard):
        yield _before(module, guard, call)
    elif anchor is not None:
        yield _behind(module, anchor, call)
    else:
        yield context.finding(None, "error", f"Keras's session is not configured: {why}", _BY_HAND)
        return
    yield runtime_import(module, _NAME)


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
            name = module.qualified(node.func)
            if name is None or ":" in name or name.startswith(("tensorflow.", "keras.")):
                return True
    return False


def _is_import(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Try):
        inner = [*statement.body, *(s for h in statement.handlers for s in h.body)]
        return any(isinstance(s, ast.Import | ast.ImportFrom) for s in inner)
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _before(module: Module, guard: ast.If, call: str) -> Edit:
    source = module.source
    start, _ = module.span(guard.body[0])
    line = source.line_start(start)
    if guard.body[0].lineno == guard.lineno:
        return Edit(start, start, f"{call}; ")
    return Edit(line, line, source.text[line:start] + call + source.newline)


def _behind(module: Module, anchor: ast.stmt, call: str) -> Edit:
    source = module.source
    end = source.line_end(module.span(anchor)[1])
    return Edit(end, end, source.newline + call + source.newline)


def _renew(context: Context, call: str) -> Iterator[Change]:
    """Calls it again behind each ``clear_session()``, unless something sets a session there."""
    module = context.module
    for cleared, cleared_by in module.calls_of(*CLEAR_SESSION):
        statement = module.parents[cleared]
        if not isinstance(statement, ast.Expr):
            yield context.finding(
                cleared, "error", "Keras loses its NPU session here", f"Call npu_runtime.{_NAME}()."
            )
            continue
        following = _siblings(module, statement)
        if any(
            name in SET_SESSION or _is_ours(module, made)
            for made, name in module.calls
            if module.statement_of(made) in following
        ):
            continue
        yield Settled(module.path, cleared.lineno, cleared_by)
        yield _added(module, statement, call)
        yield runtime_import(module, _NAME)


def _siblings(module: Module, statement: ast.stmt) -> list[ast.stmt]:
    """What follows a statement in its block."""
    parent = module.parents[statement]
    for field in ("body", "orelse", "finalbody"):
        block = getattr(parent, field, None)
        if isinstance(block, list) and statement in block:
            return block[block.index(statement) + 1 :]
    return []


def _added(module: Module, statement: ast.stmt, call: str) -> Edit:
    source = module.source
    start, end = module.span(statement)
    line, line_end = source.line_start(start), source.line_end(end)
    indent, rest = source.text[line:start], source.text[end:line_end].strip()
    if indent.strip() or (rest and not rest.startswith("#")):
        return Edit(end, end, f"; {call}")
    if not source.text[end:line_end].endswith(("\n", "\r")):
        return Edit(line_end, line_end, source.newline + indent + call)
    return Edit(line_end, line_end, indent + call + source.newline)


def _unreached(context: Context, keras: KerasUse) -> Iterator[Change]:
    """Training in this file that gets no session, the first of each function."""
    module, graph = context.module, context.project.cached(Graph)
    told = set()
    for call, place in keras.calls(module):
        owner = owner_of(module, call)
        if owner in told or place.in_session:
            continue
        scripts = keras.scripts(owner)
        configured = any(place in keras.reached({f"{script}:"}) for script in scripts)
        is_model = configured or place in keras.reached(graph.callers({owner}))
        if is_model and fresh_graph_block(module, call):
            yield context.finding(
                call,
                "error",
                "Keras opens a session of its own for the new tf.Graph(), without the NPU",
                f"Call npu_runtime.{_NAME}() inside the graph's `with`.",
            )
        elif is_model and not configured:
            yield context.finding(
                call,
                "error",
                "Keras's session is not configured: no script of the project leads here",
                _BY_HAND,
            )
        elif not is_model and place.method in KERAS_TRAINING and keras.makes_models:
            yield context.finding(
                call,
                "warning",
                f"cannot tell whether {place.method} trains a Keras model here",
                f"If it does, call npu_runtime.{_NAME}() before the model is made.",
            )
        else:
            continue
        told.add(owner)


def _is_ours(module: Module, call: ast.Call) -> bool:
    called = module.qualified(call.func) or ""
    return called.startswith("npu_runtime") and called.endswith(_NAME)
