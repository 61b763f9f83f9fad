"""Gives training batches a fixed size, and leaves all others alone.

What it does: adds `drop_remainder=True` to the `batch`, `padded_batch` or `map_and_batch` that
feeds training. It follows the dataset through the project to see where its batches end.

Why: without it the batch's size is unknown, since the last batch of a pass may be smaller. On the
device a graph of unknown shape is compiled again for each new shape, or is refused. In statistics,
splits, checks and evaluation the last batch counts as much as the others: dropping it gives wrong
numbers.

Example:
    data = tf.data.TFRecordDataset(files).map(parse).repeat().batch(32)
    image, label = data.make_one_shot_iterator().get_next()
    train_op = tf.train.AdamOptimizer(rate).minimize(loss(image, label))

becomes:
    data = tf.data.TFRecordDataset(files).map(parse).repeat().batch(32, drop_remainder=True)
    image, label = data.make_one_shot_iterator().get_next()
    train_op = tf.train.AdamOptimizer(rate).minimize(loss(image, label))

The rule for training: a batch feeds training when the loss that an optimizer minimizes is computed
from it, or when the function that returns its dataset goes to `Estimator.train`, `TrainSpec` or
Keras's `fit`. It does not when a session fetches it, even if its values are fed again, and not in
a branch such as `mode != ModeKeys.TRAIN`. Where a function or an iterator serves evaluation as
well, only a batch in the branch for training counts.

The rule for tails: a dataset that repeats without end before it is batched has no last batch, so
nothing is lost. Otherwise up to a batch less one sample of each pass is not trained on: a note
says so. In a batch that serves both, or that other data reaches in the same way, nothing is
dropped unless it is endless, and a note says that, too; nor where one iterator takes training data
and data whose names say evaluation. A batch inside of `interleave` or `flat_map` has a tail for
each dataset that these read, such as each file: the note says that. A batch that is taken apart
again (`unbatch`, or `flat_map` with `from_tensor_slices`) is left alone: its samples come to the
device in another one.

Options (recipe): `drop_remainder`, one of `training` (the default: as above), `endless` (only
where nothing is lost) and `never`.

Fix safety: safe for endless datasets. For others it changes which samples a pass holds, and a
dataset smaller than one batch becomes empty.

Not handled: datasets that reach training in a way that cannot be followed. An explicit
`drop_remainder=False` is the author's choice and stays, with a note.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "Dataset preprocessing" (drop_remainder for
a fixed batch size; the last batch of an evaluation is not to be lost).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.batch_ways import BatchFeeding, BatchFollower
from migrate.analysis.batches import BATCHERS, BatchSite, batch_sites, is_endless
from migrate.analysis.consumers import ITERATORS
from migrate.analysis.feeding import Feeding
from migrate.analysis.modes import depends_on_mode, mode_of
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument
from migrate.analysis.project import Project
from migrate.analysis.splits import split_called
from migrate.codemods.calls import add_keywords
from migrate.codemods.rule import Change, Context, Option, Rule

_CHOICES = ("training", "endless", "never")


def _makes_batches(project: Project, path: str) -> bool:
    module = project.parsed(path) if b"batch(" in project.files[path].data else None
    return module is not None and any(True for _ in batch_sites(module))


NPU301 = Rule(
    "NPU301",
    "drop-remainder",
    group="input-pipeline",
    finds=_makes_batches,
    unit_tests=False,
    claims=frozenset(BATCHERS),
    options={
        "drop_remainder": Option("training, endless or never", lambda value: value in _CHOICES)
    },
)


@NPU301.on_module
def fix_batch_sizes(context: Context) -> Iterator[Change]:
    module = context.module
    choice = context.options.get("drop_remainder", _CHOICES[0])
    if choice == "never":
        return
    for site in batch_sites(module):
        if site.drops is not None and not _is_false(site.drops):
            continue
        if mode_of(module, site.call) == "eval":
            continue
        feeding = context.project.cached(BatchFollower).follow(module, site.call)
        if feeding.trains or feeding.mixed:
            yield from _training(context, site, feeding, choice)
        elif feeding.fed:
            yield context.finding(
                site.call,
                "note",
                f"batch not fixed: its values are fetched and fed again at {min(feeding.fed)}, "
                "where the placeholder gives the shape",
                "See NPU303 for the placeholder.",
            )


def _training(
    context: Context, site: BatchSite, feeding: BatchFeeding, choice: str
) -> Iterator[Change]:
    module = context.module
    where = min(feeding.trains or feeding.mixed)
    if site.drops is not None:
        yield context.finding(
            site.call,
            "note",
            f"this batch feeds the training at {where} and says drop_remainder=False",
            "The last batch of a pass, if smaller, makes the device compile the graph again.",
        )
        return
    evaluation = "" if feeding.trains else _evaluation(site)
    if evaluation:
        yield context.finding(
            site.call,
            "note",
            f"batch not fixed: it feeds the training at {where}, but {evaluation}",
            "Give batches for training drop_remainder=True by hand, and an iterator of their own.",
        )
        return
    if not is_endless(module, context.project, site.dataset):
        reason = _mixed(site, feeding)
        if reason or choice == "endless":
            yield context.finding(
                site.call,
                "note",
                f"batch not fixed: it feeds the training at {where}, but "
                f"{reason or f'its last batch{_each(feeding)} would be lost'}",
                "Give the batch for training drop_remainder=True by hand.",
            )
            return
        yield context.finding(
            site.call,
            "note",
            f"the last batch{_each(feeding) or ' of each pass'}, if smaller, is no longer trained "
            f"on ({where})",
            "The recipe's option drop_remainder = 'endless' keeps it.",
        )
    yield add_keywords(module, site.call, {"drop_remainder": "True"})


def _each(feeding: BatchFeeding) -> str:
    """What has a last batch, where that is less than a pass."""
    if not feeding.pieces:
        return ""
    return f" of each file or other dataset read at {min(feeding.pieces)}"


def _mixed(site: BatchSite, feeding: Feeding) -> str:
    """Why other data than training data may be in the batch."""
    if mode_of(site.module, site.call) == "train":
        return ""
    if feeding.evaluates:
        return f"also the evaluation at {min(feeding.evaluates)}"
    if not feeding.trains:
        return "other data may come the same way"
    if depends_on_mode(site.module, site.call):
        return "its function also serves evaluation"
    return ""


def _evaluation(site: BatchSite) -> str:
    """What tells that the batch, or another in the same iterator, is for evaluation."""
    module = site.module
    if split_called(module, site.call) == "eval":
        return "its name says evaluation"
    function, owner = module.function_of(site.call), module.class_of(site.call)
    for call in module.all_of(ast.Call):
        data = _iterated(module, call)
        if data is None or split_called(module, data) != "eval":
            continue
        # An iterator is a local variable, or an attribute of the object.
        is_class = owner is not None and module.class_of(call) is owner
        if is_class or module.function_of(call) is function:
            return f"an iterator takes {module.text_of(data)} as well, in the same shape"
    return ""


def _iterated(module: Module, call: ast.Call) -> ast.expr | None:
    """The dataset that a call has an iterator take which may take others as well."""
    if not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr == "make_initializer":
        return argument(call, "dataset", 0)
    by_handle = b"from_string_handle" in module.source.data
    return call.func.value if by_handle and call.func.attr in ITERATORS else None


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value
