import pytest

from migrate.analysis import estimators, host_ops, sessions, training
from migrate.analysis.host_ops import host_kind, host_uses
from migrate.analysis.references import Use
from migrate.analysis.symbols import canonical, known

_TABLES = {
    "queues": host_ops._QUEUES,
    "python": host_ops._PYTHON,
    "prints": host_ops._PRINTS,
    "strings": host_ops._STRINGS,
    "columns": host_ops._COLUMNS,
    "openers": sessions.OPENERS,
    "estimators": estimators.ESTIMATORS,
    "by hand": estimators.BY_HAND,
    "trainers": training._TRAINERS,
    "restorers": training._RESTORERS,
}


@pytest.mark.parametrize("table", _TABLES)
def test_tables_hold_names_as_modules_resolve_them(table: str) -> None:
    names = sorted(_TABLES[table])
    assert [name for name in names if canonical(name) != name] == []
    assert [name for name in names if not known(name)] == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tensorflow.train.shuffle_batch", "queue"),
        ("tensorflow.queue.FIFOQueue", "queue"),
        ("tensorflow.contrib.slim.dataset_data_provider.DatasetDataProvider", "queue"),
        ("tensorflow.estimator.inputs.numpy_input_fn", "queue"),
        ("tensorflow.py_func", "Python function"),
        ("tensorflow.compat.v1.numpy_function", "Python function"),
        ("tensorflow.contrib.eager.py_func", "Python function"),
        ("tensorflow.Print", "print"),
        ("tensorflow.print", "print"),
        ("tensorflow.image.decode_jpeg", "string"),
        ("tensorflow.io.parse_single_example", "string"),
        ("tensorflow.strings.lower", "string"),
        ("tensorflow.strings.regex_full_match", "string"),
        ("tensorflow.contrib.lookup.HashTable", "lookup table"),
        ("tensorflow.feature_column.categorical_column_with_hash_bucket", "lookup table"),
    ],
)
def test_host_only_operators(name: str, kind: str) -> None:
    assert host_kind(canonical(name)) == kind


@pytest.mark.parametrize(
    "name",
    [
        "tensorflow.matmul",
        "tensorflow.nn.conv2d",
        "tensorflow.data.TFRecordDataset",
        "tensorflow.data.Dataset.batch",
        "tensorflow.summary.scalar",
        "tensorflow.feature_column.numeric_column",
        "tensorflow.string",
        "tensorflow.image.resize_images",
        "tensorflow.train.AdamOptimizer",
        "numpy.split",
        "keras.layers.Dense",
    ],
)
def test_what_the_device_has_or_what_is_no_operator(name: str) -> None:
    assert host_kind(canonical(name)) is None


def test_host_uses_keeps_order_and_places() -> None:
    uses = [
        Use("tensorflow.py_func", "a.py", 4),
        Use("tensorflow.matmul", "a.py", 5),
        Use("tensorflow.train.batch", "b.py", 1),
    ]
    assert host_uses(uses) == [uses[0], uses[2]]
