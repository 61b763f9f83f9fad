"""Builds realmix's datasets in the graph that reads them.

What it does: `libml/data.py` gets a class DeferredDataset, which notes the steps of a tf.data
pipeline and takes them when an iterator is made. The two places where pipelines begin, `dataset`
and `memoize`, hand out such pipelines. Nothing else changes: files are still looked for and read
into memory when the dataset is created, and every user finds the methods that it calls.

Why: realmix creates its datasets in the default graph and reads them in others: the training
graph, the graph of each evaluation, the graph of `memoize`. TensorFlow 1.13 built a dataset's ops
where it was read; since 1.14 they are built where it is created, and training stops at once with
`Tensor("buffer_size:0") must be from the same graph as Tensor("ParallelMapDataset:0")`.

Example:
    return tf.data.TFRecordDataset(filenames)

becomes:
    return DeferredDataset(lambda: tf.data.TFRecordDataset(filenames))

Fix safety: safe. The steps, their order and their random numbers are as before.

Not handled: another layout of `libml/data.py` is an error, since training would not start.

Authority: TensorFlow 1.14.0, python/data/ops/dataset_ops.py: `DatasetV2.__init__` takes the variant
tensor; realmix issue 9, google-research/mixmatch issue 4.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit
from migrate.codemods.rule import Change, Context, Rule

NPU850 = Rule("NPU850", "datasets-per-graph", group="compat", literals=(b"tf.data",))

_PATH = "libml/data.py"
_NAME = "DeferredDataset"
# The function that begins a pipeline, and the call with which it does.
_SOURCES = {
    "dataset": "tensorflow.data.TFRecordDataset",
    "memoize": "tensorflow.data.Dataset.range",
}
_CLASS = '''\
class DeferredDataset:
    """A tf.data pipeline that is built when an iterator over it is made, in the graph current then.

    Since TensorFlow 1.14 a Dataset can only be read in the graph in which it was built, but these
    are read in several: training, every evaluation, memoize.
    """

    def __init__(self, build):
        self.build = build

    def __getattr__(self, name):
        getattr(tf.data.Dataset, name)  # AttributeError for what no dataset has

        def method(*args, **kwargs):
            def build():
                values = [x.build() if isinstance(x, DeferredDataset) else x for x in args]
                return getattr(self.build(), name)(*values, **kwargs)

            return build() if name.startswith('make_') else DeferredDataset(build)

        return method


'''
_ADVICE = "Make the datasets build their ops in the graph that reads them, by hand."
NPU850.needs(_PATH, _ADVICE)


@NPU850.on_module
def defer_datasets(context: Context) -> Iterator[Change]:
    module = context.module
    if module.path != _PATH or _NAME in module.scope.bindings:
        return
    sources = [_source(module, function, call) for function, call in _SOURCES.items()]
    first = module.scope.bindings.get("dataset", [])
    if None in sources or not first or not isinstance(first[0].node, ast.FunctionDef):
        message = "not the pipelines that are known: training fails under TensorFlow 1.15"
        yield context.finding(None, "error", message, _ADVICE)
        return
    start = module.source.line_start(module.span(first[0].node)[0])
    yield Edit(start, start, _CLASS.replace("\n", module.source.newline))
    for source in sources:
        assert source is not None
        yield from context.wrap(source, f"{_NAME}(lambda: ", ")")


def _source(module: Module, function: str, called: str) -> ast.Call | None:
    """The only call in a top-level function that begins a pipeline."""
    found = [
        call
        for call, name in module.calls_of(*_SOURCES.values())
        if (owner := module.function_of(call)) is not None
        and owner.name == function
        and module.parents[owner] is module.tree
        and name == called
    ]
    return found[0] if len(found) == 1 else None
