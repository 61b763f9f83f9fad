"""Gives each rank its part of the training data.

What it does: puts `npu_shard(...)` around what training data comes from, before it is shuffled,
repeated and batched. Data of evaluation and tests, and statistics, stays whole.

Why: with several devices each rank runs the whole program. Unless each takes another part of the
data, all train on the same samples, and what was paid for is one training, several times.

Example:
    data = tf.data.TFRecordDataset(files).shuffle(1000).repeat().batch(32)
    image, label = data.make_one_shot_iterator().get_next()
    train_op = tf.train.AdamOptimizer(rate).minimize(loss(image, label))

becomes:
    data = npu_shard(tf.data.TFRecordDataset(files)).shuffle(1000).repeat().batch(32)
    image, label = data.make_one_shot_iterator().get_next()
    train_op = tf.train.AdamOptimizer(rate).minimize(loss(image, label))

With one rank `npu_shard` returns its argument itself: the graph is exactly upstream's.

Where: the data is followed to all that it is read for. The place is the first at which that is
training only, behind any `skip` and `take`. Datasets that are zipped are divided there, as pairs,
unless each is shuffled before, and so makes no pairs. In a function that also serves evaluation,
and has a parameter that says so, it is `npu_shard(data, is_training)`. Known are `tf.data` (also
what `interleave` and its kin read: records of each file are divided, so that the order of files
does not matter), the input producers and readers of `tf.train`, slim's data providers,
`tf.contrib.learn.read_batch_*`, `numpy_input_fn` and `pandas_input_fn`, the arrays given to Keras's
`fit` and `ImageDataGenerator.flow`. Arrays in memory, and lists of files, are divided by content,
so that ranks that shuffled them differently still have parts that do not overlap.

Options (recipe): `shard`, a list of `path.py:name` or `path.py:name, name`: behind the assignment
that makes them, these variables get this rank's part, together. `leave`, a list of `path.py` or
`path.py:name`: sources in this file, or in this function or class, stay whole.

Fix safety: safe for one rank. For more, rows in memory are made as many on all ranks: a part that
is one short has one of its rows twice. Of a tf.data.Dataset or of files, ranks may have a sample
more or less, and so a batch in a pass, for which the others do not come: let such data repeat, and
train for a number of steps. Numbers that the program computes from the size of all data, such as
steps for each epoch, stay as they are.

Not handled, and told: batches that are fed by hand, since a loop that takes slices may count rows
that a rank does not have, or take labels from elsewhere by the same numbers; data that is batched
twice, goes through `window`, or is taken a part of in one branch; several inputs of a Keras model,
and `flow` with seeds for each of two; generators, `flow_from_directory`, ordered
`range_input_producer`, data that serves training and evaluation and says nowhere which, and
programs for which no data was found at all. Where nothing but a name says that data is for
training, it is divided, and a note says so. Code that divides its data itself (`shard`, Horovod's
rank, `num_shards`) is left alone.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", distributed training, "Data sharding".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from migrate.analysis.entry_points import training_scripts
from migrate.analysis.imported import imported_by
from migrate.analysis.module import Module
from migrate.analysis.sharding import Doubt, Place, Sharding, assignment_of
from migrate.analysis.shards import is_shard
from migrate.analysis.training_runs import steps_in
from migrate.codemods.edits import Edit
from migrate.codemods.imports import runtime_import
from migrate.codemods.rule import Change, Context, Option, ProjectContext, Rule
from migrate.codemods.statements import behind
from migrate.errors import RecipeError
from migrate.findings import Finding


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


NPU701 = Rule(
    "NPU701",
    "shard-data",
    group="distributed",
    paths=lambda project: project.cached(Sharding).paths,
    facts=(steps_in,),
    places="shard",
    options={
        "shard": Option("a list of path.py:name", _is_list),
        "leave": Option("a list of path.py or path.py:name", _is_list),
    },
)
_ADVICE = (
    "With several ranks, put npu_shard(...) around it before shuffle, repeat and batch, or name "
    "the variable in the recipe (rules.NPU701.shard)."
)
_BY_RECIPE = (
    'With several ranks, write rules.NPU701.shard = ["{}"] in the recipe if the loop around counts '
    "the rows that are there and takes all it feeds from these; else divide the data by hand."
)
_BY_NAME = "divided among ranks since its name says training: what reads it could not be followed"
_LEAVE = (
    'If evaluation or statistics read it, too, write rules.NPU701.leave = ["{}"] in the recipe.'
)
_NOT_FOUND = (
    "what it trains on was not found: with several ranks, all train on the same data, unless the "
    "program divides it"
)
# What programs that divide their data mention.
_DIVIDES = re.compile(rb"\b(?:npu_)?shard\(|\b(?:shard_index|horovod)\b|\bget_rank")
_BY_FILE = "ranks divide these files, not their records: there must be as many files as ranks"
_MORE_FILES = "Fewer of them are an error at run time; write the data as more files then."


@NPU701.on_module
def shard_data(context: Context) -> Iterator[Change]:
    module, sharding = context.module, context.project.cached(Sharding)
    wanted = runtime_import(module, "npu_shard")
    for place in sharding.places.get(module.path, ()):
        if _is_left(context, place):
            continue
        yield Edit(place.start, place.start, place.before.format(wanted.bound))
        yield Edit(place.end, place.end, place.after)
        yield wanted
        if place.by_name:
            advice = _LEAVE.format(place.source.rstrip(":"))
            yield Finding(module.path, place.line, context.code, "note", _BY_NAME, advice)
        if place.files:
            yield Finding(module.path, place.line, context.code, "note", _BY_FILE, _MORE_FILES)
    for names in _variables(context):
        statement = assignment_of(module, names)
        if statement is not None and not is_shard(module, statement.value):
            listed = ", ".join(names)
            given = f"({listed})" if len(names) > 1 else listed
            yield behind(module, statement, f"{listed} = {wanted.bound}({given})")
            yield wanted
    for doubt in sharding.doubts.get(module.path, ()):
        if not _is_left(context, doubt):
            message = f"data not divided among ranks: {doubt.why}"
            entry = f"{module.path}:{', '.join(doubt.arrays)}"
            advice = _BY_RECIPE.format(entry) if doubt.arrays else _ADVICE
            yield Finding(module.path, doubt.line, context.code, doubt.severity, message, advice)


def _is_left(context: Context, found: Place | Doubt) -> bool:
    """Whether the recipe leaves it, or divides it itself."""
    named = context.options.get("leave", ())
    if found.source in named or found.source.partition(":")[0] in named:
        return True
    if isinstance(found, Place):
        return any(_holds(context.module, names, found) for names in _variables(context))
    divided = {name for names in _variables(context) for name in names}
    return not divided.isdisjoint(found.arrays)


def _holds(module: Module, names: list[str], place: Place) -> bool:
    """Whether what is taken at a place are variables that the recipe divides, in their scope."""
    taken = module.source.text[place.start : place.end]
    statement = assignment_of(module, names)
    if statement is None or not set(names).issuperset(_names(taken.strip("()"))):
        return False
    own = module.class_of(statement) if "." in names[0] else module.function_of(statement)
    start, end = module.span(own) if own is not None else (0, len(module.source.text))
    return start <= place.start < end


@NPU701.on_project
def check_project(context: ProjectContext) -> Iterator[Change]:
    """What the recipe names must be assigned somewhere."""
    for place in context.options.get("shard", ()):
        path, _, text = place.rpartition(":")
        module = context.project.parsed(path)
        if module is None or assignment_of(module, _names(text)) is None:
            raise RecipeError(
                "rules.NPU701.shard",
                f"{place!r}: nothing is assigned to that",
                advice="Write path.py:name, or path.py:name, name for what belongs together.",
            )
    for place in context.options.get("leave", ()):
        path, _, text = place.partition(":")
        file = context.project.files.get(path)
        if file is None or any(name.encode() not in file.data for name in _names(text)):
            raise RecipeError(
                "rules.NPU701.leave",
                f"{place!r}: the project has no such file or name",
                advice="Write path.py or path.py:name, as in the warning.",
            )
    yield from ()


@NPU701.on_part
def check_programs(context: ProjectContext) -> Iterator[Change]:
    """Programs that train, where nothing that they train on was found."""
    project = context.project
    named = {*context.options.get("shard", ()), *context.options.get("leave", ())}
    known = project.cached(Sharding).paths | {place.partition(":")[0] for place in named}
    for script in project.cached(training_scripts):
        files = imported_by(project, script)
        if known.isdisjoint(files) and not any(
            _DIVIDES.search(project.files[path].data) for path in files
        ):
            yield Finding(script, 0, context.code, "note", _NOT_FOUND, _ADVICE)


def _variables(context: Context) -> list[list[str]]:
    """The variables of this file that the recipe has divided, those together that belong so."""
    chosen = [place.rpartition(":") for place in context.options.get("shard", ())]
    return [_names(text) for file, _, text in chosen if file == context.module.path]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]
