"""Makes Keras train and run its models in an NPU session.

What it does: in each script that leads to `fit`, `train_on_batch`, `evaluate`, `predict` and the
like on a Keras model, to `K.function` with updates, or that trains in `K.get_session()`, and that
does not certainly set Keras's session before, it calls `use_npu_keras_session()` once, before any
model can be made: behind the imports of a script that trains on its top level, else as the first
statement under `if __name__ == '__main__':`; where the script or its `main` parses arguments first,
behind that, so that `--help` needs no NPU. Behind `clear_session()`, which makes Keras forget the
session, it calls it again. For `tf.keras` and for Keras 2.3 on TensorFlow.

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
`clear_session` is looked after; one that is set in an `if`, or for one of several models, counts
as well, and replaces the one from the start. Models that are only built, counted or turned into an
Estimator (NPU102), `keras.datasets`, `keras.utils` and `keras.preprocessing` open no session.

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
from migrate.analysis.keras_sessions import sets_session
from migrate.analysis.nodes import argument, is_none
from migrate.analysis.project import Project
from migrate.analysis.references import owner_of
from migrate.analysis.roles import fresh_graph_block
from migrate.analysis.training import KERAS_TRAINING
from migrate.codemods.imports import runtime_import
from migrate.codemods.keras_start import START, Start, is_ours
from migrate.codemods.rule import Change, Context, Rule, SessionRow
from migrate.codemods.statements import behind


def _concerned(project: Project) -> set[str]:
    return project.cached(KerasUse).paths


NPU103 = Rule(
    "NPU103",
    "keras-session",
    group="session",
    paths=_concerned,
    unit_tests=False,
)
_BY_HAND = f"Call npu_runtime.{START}() before the model is made."


@NPU103.on_module
def give_keras_a_session(context: Context) -> Iterator[Change]:
    keras = context.project.cached(KerasUse)
    module = context.module
    graph = context.project.cached(Graph)
    top = {f"{module.path}:"}
    places = keras.reached(top)
    mixed = bool(places) and bool(host_uses(graph.uses(graph.reach(top))))
    called = runtime_import(module, START).bound
    call = f"{called}({'mix_compile_mode=True' if mixed else ''})"
    if places and not sets_session(context.project, module.path):
        yield from _start(context, keras, call, places)
    yield from _renew(context, call)
    yield from _unreached(context, keras)


def _start(context: Context, keras: KerasUse, call: str, places: list[Place]) -> Iterator[Change]:
    module = context.module
    place = min(places, key=lambda place: (not place.certain, place))
    why = str(place)
    line = place.line if place.path == module.path else 0
    yield SessionRow(module.path, line, "Keras session", "device", why)
    start = Start(context, keras)
    if start.is_there:
        return
    edit = start.edit(call)
    if edit is None:
        yield context.finding(None, "error", f"Keras's session is not configured: {why}", _BY_HAND)
        return
    yield edit
    yield runtime_import(module, START)


def _renew(context: Context, call: str) -> Iterator[Change]:
    """Calls it again behind each ``clear_session()``, unless something sets a session there."""
    module = context.module
    for cleared, cleared_by in module.calls_of(*CLEAR_SESSION, *SET_SESSION):
        if cleared_by in SET_SESSION and not is_none(argument(cleared, "session", 0)):
            continue
        statement = module.parents[cleared]
        if not isinstance(statement, ast.Expr):
            yield context.finding(
                cleared, "error", "Keras loses its NPU session here", f"Call npu_runtime.{START}()."
            )
            continue
        following = module.statements_after(statement)
        if any(
            name in SET_SESSION or is_ours(module, made)
            for made, name in module.calls
            if module.statement_of(made) in following
        ):
            continue
        yield Settled(module.path, cleared.lineno, cleared_by)
        yield behind(module, statement, call)
        yield runtime_import(module, START)


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
                f"Call npu_runtime.{START}() inside the graph's `with`.",
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
                f"If it does, call npu_runtime.{START}() before the model is made.",
            )
        else:
            continue
        told.add(owner)
