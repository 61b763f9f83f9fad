"""The rules that only realmix needs, on a project of our own with the same shape."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from migrate.codemods.registry import recipe_rules
from tests.codemods.support import Ported, dedent, port_files
from tests.tf115 import required_tf115

RULES = recipe_rules(Path(__file__).parents[2] / "patches" / "realmix" / "rules")
DATA, UTILS = "libml/data.py", "libml/utils.py"

DATASETS = """
    import os
    import numpy as np
    import tensorflow as tf
    from libml import utils


    def parsed(dataset: tf.data.Dataset) -> tf.data.Dataset:
        return dataset.map(lambda x: dict(image=x), num_parallel_calls=2)


    # Reads files.
    def dataset(filenames: list) -> tf.data.Dataset:
        if not filenames:
            raise ValueError('nothing to read')
        return tf.data.TFRecordDataset(filenames)  # by record


    def memoize(dataset: tf.data.Dataset) -> tf.data.Dataset:
        data = []
        with tf.Graph().as_default(), tf.Session(config=utils.get_config()) as session:
            it = dataset.prefetch(2).make_one_shot_iterator().get_next()
            try:
                while 1:
                    data.append(session.run(it)['image'])
            except tf.errors.OutOfRangeError:
                pass

        def get(index):
            return dict(image=tf.py_func(lambda i: np.array(data)[i], [index], tf.string))

        dataset = tf.data.Dataset.range(len(data)).repeat()
        return dataset.shuffle(8).map(get)
    """
CONFIG = """
    import os
    import tensorflow as tf


    def get_config():
        config = tf.ConfigProto()  # plain
        config.gpu_options.allow_growth = True
        return config
    """


def ported(**changed: str) -> Ported:
    files = {DATA: changed.get("data", DATASETS), UTILS: changed.get("utils", CONFIG)}
    return port_files(files, "NPU850", "NPU851", rules=RULES)


def test_pipelines_begin_where_they_are_read() -> None:
    result = ported()
    before, after = dedent(DATASETS).splitlines(), result.text(DATA).splitlines()
    assert [line for line in before if line not in after] == [
        "    return tf.data.TFRecordDataset(filenames)  # by record",
        "    dataset = tf.data.Dataset.range(len(data)).repeat()",
    ]
    assert (
        "    return DeferredDataset(lambda: tf.data.TFRecordDataset(filenames))  # by record"
        in after
    )
    assert (
        "    dataset = DeferredDataset(lambda: tf.data.Dataset.range(len(data))).repeat()" in after
    )
    assert after.index("class DeferredDataset:") < after.index(
        "def dataset(filenames: list) -> tf.data.Dataset:"
    )
    assert not result.findings


def test_summaries_get_threads() -> None:
    assert ported().text(UTILS) == dedent(CONFIG).replace(
        "# plain\n",
        "# plain\n"
        "    # Summaries run this session from within it, each on a thread of its own.\n"
        "    config.inter_op_parallelism_threads = max(16, os.cpu_count() or 1)\n",
    )


def test_line_endings_are_the_files_own() -> None:
    result = ported(
        data=dedent(DATASETS).replace("\n", "\r\n"), utils=dedent(CONFIG).replace("\n", "\r\n")
    )
    plain = ported()
    for path in (DATA, UTILS):
        assert result.files[path] == plain.files[path].replace(b"\n", b"\r\n")


def test_a_port_stays_as_it_is() -> None:
    once = ported()
    again = ported(data=once.text(DATA), utils=once.text(UTILS))
    assert again.files == once.files and not again.findings and not again.fired


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tf.data.TFRecordDataset(filenames)", "make(filenames)"),
        ("tf.data.Dataset.range(len(data))", "tf.data.Dataset.from_tensor_slices(data)"),
        ("def memoize(", "def remember("),
        ("def dataset(", "def files("),
        ("import tensorflow as tf", "import other as tf  # tf.data"),
    ],
)
def test_datasets_of_another_shape_are_an_error(old: str, new: str) -> None:
    data = DATASETS.replace(old, new)
    result = ported(data=data)
    assert result.codes("error") == ["NPU850"]
    assert result.text(DATA) == dedent(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("get_config", "make_config"),
        ("config = tf.ConfigProto()", "config = change(tf.ConfigProto())"),
        ("    import os\n    import tensorflow as tf", "    import tensorflow as tf"),
    ],
)
def test_a_configuration_of_another_shape_is_an_error(old: str, new: str) -> None:
    utils = CONFIG.replace(old, new)
    result = ported(utils=utils)
    assert result.codes("error") == ["NPU851"]
    assert result.text(UTILS) == dedent(utils)


def test_missing_modules_are_errors() -> None:
    result = port_files({"a.py": "import tensorflow as tf\n"}, "NPU850", "NPU851", rules=RULES)
    assert result.codes("error") == ["NPU850", "NPU851"]


EVALUATION = """
    class Model(object):
        def eval_checkpoint(self, checkpoint):
            raw, ema = self.stats(checkpoint)
            print('%8s %8s' % (('raw',) + tuple('%.2f' % x for x in raw)))  # per subset
            print('%8s %8s' % (('ema',) + tuple('%.2f' % x for x in ema)))

        def other(self, values):
            return tuple(x for x in values)
    """


def evaluation(text: str) -> Ported:
    return port_files({"libml/train.py": text}, "NPU852", rules=RULES)


def test_an_evaluation_prints_as_many_numbers_as_it_has_columns() -> None:
    result = evaluation(EVALUATION)
    expected = EVALUATION.replace("x in raw)", "x in raw[:3])").replace(
        "x in ema)", "x in ema[:3])"
    )
    assert result.text("libml/train.py") == dedent(expected)
    assert result.codes() == []
    assert evaluation(expected).text("libml/train.py") == dedent(expected)


def test_an_evaluation_of_another_shape_is_an_error() -> None:
    other = "def eval_checkpoint(self):\n    print(self.stats())\n"
    result = evaluation(other)
    assert result.codes("error") == ["NPU852"]
    assert result.text("libml/train.py") == other
    assert port_files({"a.py": ""}, "NPU852", rules=RULES).codes("error") == ["NPU852"]


@pytest.mark.tf115
def test_one_dataset_is_read_in_several_graphs(tmp_path: Path) -> None:
    python = required_tf115().python
    result = ported()
    for path, data in result.files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    script = tmp_path / "check.py"
    script.write_text(dedent(_CHECK), encoding="utf-8")
    done = subprocess.run(
        [python, "-W", "ignore", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["5", "5", "10", "3", "3", "True", "ok"]


_CHECK = """
    import tensorflow as tf
    from libml import data, utils

    with tf.io.TFRecordWriter('records') as writer:
        for i in range(5):
            writer.write(b'%d' % i)


    def read(dataset, count=None):
        with tf.Graph().as_default(), tf.Session(config=utils.get_config()) as session:
            following = dataset.make_one_shot_iterator().get_next()
            rows = []
            while count is None or len(rows) < count:
                try:
                    rows.append(session.run(following)['image'])
                except tf.errors.OutOfRangeError:
                    break
            return rows


    parsed = data.parsed(data.dataset(['records']))
    remembered = data.memoize(parsed)
    print(len(read(parsed)), len(read(parsed)), len(read(parsed.concatenate(parsed.skip(0)))))
    print(len(read(remembered, 3)), len(read(remembered, 3)))
    print(set(read(remembered, 5)) <= {b'%d' % i for i in range(5)})
    try:
        parsed.nothing
    except AttributeError:
        print('ok')
    """
