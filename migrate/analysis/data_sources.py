"""The expressions that data comes from, and what of each a rank's part can be taken of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal, NamedTuple

from migrate.analysis.graph import Graph
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, is_none, keyword
from migrate.analysis.project import Project
from migrate.analysis.references import names_in, owner_of

# How a part is taken: of an expression; of a list of tensors, as a tuple; of two neighbouring
# arguments, by position or by keyword.
Form = Literal["plain", "tuple", "pair", "keywords"]


class Source(NamedTuple):
    """One place that data comes from.

    Args:
        node: what makes the dataset, queue or input function.
        taken: the expressions that a part is taken of; empty where that cannot be done.
        stream: it is a queue, which cannot be divided any more behind this place.
        function: calling it makes the data.
        files: it is names of files, of which a rank gets whole ones.
        reads_names: it is a queue of names that a reader may read.
        doubtful: whether it trains cannot be told.
    """

    module: Module
    node: ast.expr
    name: str
    taken: tuple[ast.expr, ...]
    form: Form = "plain"
    stream: bool = False
    function: bool = False
    files: bool = False
    reads_names: bool = False
    doubtful: bool = False

    @property
    def is_shuffled(self) -> bool:
        """Whether it gives its elements in random order: files, unless it is told otherwise."""
        call = self.node
        if self.name != _LIST_FILES or not isinstance(call, ast.Call):
            return False
        given = {keyword.arg for keyword in call.keywords}
        return len(call.args) < 2 and given.isdisjoint({"shuffle", "seed"})


_DATASET = "tensorflow.data.Dataset"
_LIST_FILES = f"{_DATASET}.list_files"
# What reads files, and may be given a dataset of their names.
FILE_READERS = frozenset(
    {
        "tensorflow.data.TFRecordDataset",
        "tensorflow.data.TextLineDataset",
        "tensorflow.data.FixedLengthRecordDataset",
        "tensorflow.data.experimental.CsvDataset",
        "tensorflow.contrib.data.CsvDataset",
    }
)
_ITSELF = FILE_READERS | {
    f"{_DATASET}.from_generator",
    f"{_DATASET}.range",
    "tensorflow.data.experimental.SqlDataset",
    "tensorflow.contrib.data.SqlDataset",
}
_MATCHED = "tensorflow.io.match_filenames_once"  # a variable that only a run fills
_NUMBERS = "tensorflow.train.range_input_producer"
_LEARN = "tensorflow.contrib.learn"
_SLIM = "tensorflow.contrib.slim"
# The argument that is taken a part of, and its position.
_ARGUMENTS = {
    f"{_DATASET}.from_tensor_slices": ("tensors", 0),
    _LIST_FILES: ("file_pattern", 0),
    "tensorflow.data.experimental.make_csv_dataset": ("file_pattern", 0),
    "tensorflow.contrib.data.make_csv_dataset": ("file_pattern", 0),
}
_STREAM_ARGUMENTS = {
    "tensorflow.train.string_input_producer": ("string_tensor", 0),
    "tensorflow.train.input_producer": ("input_tensor", 0),
    "tensorflow.train.slice_input_producer": ("tensor_list", 0),
    f"{_SLIM}.dataset_data_provider.DatasetDataProvider": ("dataset", 0),
    f"{_SLIM}.parallel_reader.parallel_read": ("reader_class", 1),
    f"{_SLIM}.parallel_reader.single_pass_read": ("reader_class", 1),
    f"{_SLIM}.parallel_reader.ParallelReader": ("reader_class", 0),
    f"{_LEARN}.read_batch_examples": ("reader", 2),
    f"{_LEARN}.read_keyed_batch_examples": ("reader", 2),
    f"{_LEARN}.read_keyed_batch_examples_shared_queue": ("reader", 2),
    f"{_LEARN}.read_batch_features": ("reader", 3),
    f"{_LEARN}.read_keyed_batch_features": ("reader", 3),
    f"{_LEARN}.read_keyed_batch_features_shared_queue": ("reader", 3),
    f"{_LEARN}.read_batch_record_features": ("file_pattern", 0),
}
_FEATURES = frozenset(
    {
        "tensorflow.data.experimental.make_batched_features_dataset",
        "tensorflow.contrib.data.make_batched_features_dataset",
    }
)
# What makes an input function of arrays.
_INPUTS = frozenset(
    f"{owner}.{name}"
    for owner in ("tensorflow.estimator.inputs", f"{_LEARN}.io", f"{_LEARN}.learn_io")
    for name in ("numpy_input_fn", "pandas_input_fn")
)
_FLOWS = frozenset(
    f"{keras}.preprocessing.image.ImageDataGenerator.flow"
    for keras in ("keras", "tensorflow.keras", "keras_preprocessing")
)
_SOURCES = frozenset({*_ITSELF, _NUMBERS, *_ARGUMENTS, *_STREAM_ARGUMENTS, *_FEATURES, *_INPUTS})
_TELLING = _SOURCES | {name.rpartition(".")[0] for name in _FLOWS}
_TRANSFORMATIONS = frozenset("map flat_map interleave filter reduce from_generator".split())


def may_hold_sources(project: Project, path: str) -> bool:
    """Whether a file names any source."""
    return not names_in(project, path).isdisjoint(_TELLING)


def data_sources(module: Module, project: Project) -> Iterator[Source]:
    """The sources of one module, in source order."""
    if not may_hold_sources(project, module.path):
        return
    pipeline = project.cached(Graph).pipeline_only
    for node, name in module.named:
        parent = module.parents[node]
        given = isinstance(parent, ast.Call) and parent.func is not node
        if name in FILE_READERS and (given or isinstance(parent, ast.keyword)):
            yield Source(module, node, name, (node,))
    for call, called in module.calls:
        source = _source(module, call, called or "")
        if source is None:
            continue
        # Within a transformation it makes several elements of one, and those are a rank's own.
        inner = owner_of(module, call) in pipeline or _is_in_transformation(module, call)
        if source.name in FILE_READERS or not inner:
            yield source


def _source(module: Module, call: ast.Call, name: str) -> Source | None:
    if name in _ITSELF:
        return Source(module, call, name, (call,))
    if name == _NUMBERS:
        order = keyword(call, "shuffle")
        ordered = order is not None and getattr(order.value, "value", True) is False
        return Source(module, call, name, () if ordered else (call,), stream=True)
    if name in _ARGUMENTS or name in _STREAM_ARGUMENTS:
        return _of_argument(module, call, name)
    if name in _FEATURES:
        reader = argument(call, "reader", 3)
        files = argument(call, "file_pattern", 0)
        taken = reader or files
        return Source(module, call, name, _present(taken), files=reader is None)
    if name in _INPUTS:
        return arrays(module, call, name, function=True)
    return _of_flow(module, call, name) if name in _FLOWS else None


def _of_flow(module: Module, call: ast.Call, name: str) -> Source:
    """Arrays that Keras makes batches of; what comes out cannot be divided any more.

    Flows with seeds go with one another, such as images with masks.
    """
    source = arrays(module, call, name)._replace(stream=True)
    seeded = [c for c, called in module.calls if called in _FLOWS and keyword(c, "seed")]
    return source._replace(taken=()) if call in seeded and len(seeded) > 1 else source


def _of_argument(module: Module, call: ast.Call, name: str) -> Source:
    word, position = (_ARGUMENTS | _STREAM_ARGUMENTS)[name]
    given = argument(call, word, position)
    made = _values(module, given) if given is not None else []
    if any(isinstance(n, ast.Call) and module.qualified(n.func) == _MATCHED for n in made):
        given = None
    form: Form = "tuple" if word == "tensor_list" else "plain"
    return Source(
        module,
        call,
        name,
        _present(given),
        form,
        stream=name in _STREAM_ARGUMENTS,
        files=word == "file_pattern",
        reads_names=word == "string_tensor",
    )


def _present(node: ast.expr | None) -> tuple[ast.expr, ...]:
    # The brackets of a generator may be those of the call.
    return () if node is None or isinstance(node, ast.GeneratorExp) else (node,)


def arrays(module: Module, call: ast.Call, name: str, *, function: bool = False) -> Source:
    """Arrays ``x`` and ``y``, the first arguments of a call, that belong together.

    A list holds the arrays of several inputs.
    """
    x, y = argument(call, "x", 0), argument(call, "y", 1)
    named = [k for k in call.keywords if k.arg in ("x", "y")]
    others = {"sample_weight", "sample_weights", "weights"} & {k.arg for k in call.keywords}
    taken: tuple[ast.expr, ...] = ()
    form: Form = "plain"
    if x is None or others or _is_list(module, x) or (y is not None and _is_list(module, y)):
        pass
    elif y is None or is_none(y):
        taken = (x,)
    elif not named:
        taken, form = (x, y), "pair"
    elif len(named) == 2 and call.keywords.index(named[1]) == call.keywords.index(named[0]) + 1:
        taken, form = (named[0].value, named[1].value), "keywords"
    return Source(module, call, name, taken, form, function=function)


def _is_list(module: Module, node: ast.expr) -> bool:
    return any(isinstance(v, ast.List | ast.ListComp) for v in _values(module, node))


def _values(module: Module, node: ast.expr) -> list[ast.AST | None]:
    """An expression, or what is assigned to a variable."""
    found = module.lookup(node.id, node) if isinstance(node, ast.Name) else None
    return [binding.node for binding in found[1]] if found is not None else [node]


def _is_in_transformation(module: Module, node: ast.AST) -> bool:
    for parent in module.ancestors(node):
        if isinstance(parent, ast.Lambda):
            around = module.parents[parent]
            if isinstance(around, ast.keyword):
                around = module.parents[around]
            if isinstance(around, ast.Call) and isinstance(around.func, ast.Attribute):
                return around.func.attr in _TRANSFORMATIONS
    return False
