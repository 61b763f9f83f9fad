"""Reports shapes on the device that are not fixed, and fixes those that the recipe names.

What it does: in the code that builds or uses the graph of a session on the device, it finds
placeholders whose shape has a `None` or is missing, sparse ones, reshapes of such placeholders to
-1, operators whose output's size depends on values (`boolean_mask`, `where`, `unique`), datasets
from a generator without `output_shapes`, and queues with `allow_smaller_final_batch`. It changes a
placeholder only where the recipe says by what.

Why: the device runs compiled graphs. Each new shape that is fed compiles the graph again, which
takes minutes for a large model; operators that are open by value may not be supported at all.

Example (with `batch = { "model.py:x" = "batch_size" }`):
    x = tf.placeholder(tf.float32, [None, 32, 32, 3], 'x')

becomes:
    x = tf.placeholder(tf.float32, [batch_size, 32, 32, 3], 'x')

Options (recipe): `batch`, a table from `path.py:name` (the variable, the attribute, or the
operator's name) to the expression that takes the place of the leading `None`.

Fix safety: the choice is the recipe's, since each feed must then have exactly that size. It is
refused, with an error, where the expression's names do not exist at that place, and where a feed
is a slice such as `images[i:i + n]`, whose last part may be shorter.

Not handled: shapes that become open inside of a library or by way of a parameter. Scripts whose
sessions are on the host, and unit tests, are left out.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", constraints (whole graphs of static shape
are preferred; each new shape compiles again).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.device_sessions import DeviceSessions
from migrate.analysis.project import Project
from migrate.analysis.references import functions_in, names_in, owner_of
from migrate.analysis.shapes import (
    OPEN_NAMES,
    OpenShape,
    open_shapes,
    placeholder_names,
    sliced_feeds,
)
from migrate.codemods.rule import Change, Context, Option, ProjectContext, Rule, is_table
from migrate.errors import RecipeError


def _concerned(project: Project) -> frozenset[str]:
    """The files whose code on the device names what may be open."""
    paths = [p for p in project.python_files if not OPEN_NAMES.isdisjoint(names_in(project, p))]
    if not paths:
        return frozenset()
    device = project.cached(DeviceSessions).functions
    return frozenset(p for p in paths if not device.isdisjoint(functions_in(project, p)))


NPU303 = Rule(
    "NPU303",
    "static-shapes",
    group="input-pipeline",
    paths=lambda project: project.cached(_concerned),
    unit_tests=False,
    options={
        "batch": Option(
            "a table from path.py:name to an expression",
            lambda value: is_table(value, lambda text: isinstance(text, str)),
        )
    },
)
_BY_HAND = (
    "Each new shape that is fed compiles the graph again. If it is always one, give it in the "
    "code: shape=[] for a single number."
)
_ADVICE = {
    "placeholder": (
        "Each new shape that is fed compiles the graph again. If one size will do, name it in the "
        "recipe (option batch)."
    ),
    "reshape": "It is fixed as soon as the placeholder is.",
    "values": "Each new size compiles again: a mask of fixed size costs less.",
    "sparse": "Each new number compiles again: feed a dense tensor of fixed shape, if it has room.",
    "generator": "Give it output_shapes: with the types alone, no batch of it has a known shape.",
    "tail": (
        "A smaller last batch compiles the graph again. For training, leave it out: what is left "
        "of a pass is not trained on then."
    ),
}


@NPU303.on_module
def report_open_shapes(context: Context) -> Iterator[Change]:
    module = context.module
    places = list(open_shapes(module))
    if not places:
        return
    device = context.project.cached(DeviceSessions).functions
    for place in places:
        if owner_of(module, place.call) not in device:
            continue
        chosen = _chosen(context, place)
        if chosen is None:
            fixable = place.kind != "placeholder" or place.batch is not None
            advice = _ADVICE[place.kind] if fixable else _BY_HAND
            yield context.finding(place.call, "note", f"shape not fixed: {place.what}", advice)
        elif reason := _refused(context, place, chosen):
            yield context.finding(
                place.call,
                "error",
                f"the recipe's batch {chosen!r} does not fit {place.name or place.label}: {reason}",
                "Take it out of the recipe, or make every feed of that size.",
            )
        elif place.batch is not None:
            yield context.replace(place.batch, chosen)


@NPU303.on_project
def check_names(context: ProjectContext) -> Iterator[Change]:
    """Every name in the recipe must be a placeholder's."""
    for place in context.options.get("batch", {}):
        path, _, name = place.rpartition(":")
        module = context.project.parsed(path)
        if module is None or name not in placeholder_names(module):
            raise RecipeError(
                "rules.NPU303.batch",
                f"no placeholder is {place!r}",
                advice="Write path.py:name, with the variable, the attribute or the op's name.",
            )
        named = [shape for shape in open_shapes(module) if name in (shape.name, shape.label)]
        device = context.project.cached(DeviceSessions).functions if named else frozenset[str]()
        if named and all(owner_of(module, shape.call) not in device for shape in named):
            yield context.finding(
                path,
                named[0].call.lineno,
                "warning",
                f"the recipe gives {name} a batch, but no session on the device uses it: left open",
                "Take it out of the recipe, or say in rules.NPU101.roles which session is wrong.",
            )


def _chosen(context: Context, place: OpenShape) -> str | None:
    table = context.options.get("batch", {})
    for name in (place.name, place.label):
        if place.kind == "placeholder" and f"{context.module.path}:{name}" in table:
            expression: str = table[f"{context.module.path}:{name}"]
            return expression
    return None


def _refused(context: Context, place: OpenShape, expression: str) -> str:
    if place.batch is None:
        return "its shape does not begin with None"
    try:
        parsed = ast.parse(expression, mode="eval")
    except SyntaxError:
        return "that is no expression"
    for part in ast.walk(parsed):
        if isinstance(part, ast.Name) and context.module.lookup(part.id, place.call) is None:
            return f"nothing is called {part.id} there"
    for module, value in sliced_feeds(context.project, place):
        line = getattr(value, "lineno", 0)
        return f"{module.text_of(value)} is fed at {module.path}:{line}, and may be shorter"
    return ""
