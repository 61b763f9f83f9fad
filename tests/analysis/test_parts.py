"""Files that a program may load together, and the words by which they are found."""

from collections.abc import Mapping

import pytest

from migrate.analysis.parts import Parts
from migrate.analysis.words import Words
from tests.analysis.names import project_of
from tests.codemods.support import port_files


def parts_of(files: Mapping[str, str]) -> set[frozenset[str]]:
    project = project_of(files)
    parts = project.cached(Parts)
    return {frozenset(parts.near(path, files)) for path in files}


def test_files_are_together_that_import_one_another_or_the_same() -> None:
    files = {
        "gan/train.py": "from model import Gan\nimport data",
        "gan/test.py": "import data",
        "gan/model.py": "class Gan: pass",
        "gan/data.py": "",
        "vgg/train.py": "import data",
        "vgg/data.py": "import tensorflow as tf",
    }
    assert parts_of(files) == {
        frozenset({"gan/train.py", "gan/test.py", "gan/model.py", "gan/data.py"}),
        frozenset({"vgg/train.py", "vgg/data.py"}),
    }


@pytest.mark.parametrize(
    "load", ["importlib.import_module('models.' + name)", "__import__('models.' + name)"]
)
def test_what_is_imported_by_a_computed_name_may_be_anything_below(load: str) -> None:
    files = {
        "gan/train.py": "import util.load",
        "gan/util/load.py": f"import importlib\ndef load(name):\n    return {load}",
        "gan/models/small.py": "",
        "vgg/train.py": "",
    }
    together = frozenset({"gan/train.py", "gan/util/load.py", "gan/models/small.py"})
    assert parts_of(files) == {together, frozenset({"vgg/train.py"})}


def test_a_package_comes_with_what_is_imported_below_it() -> None:
    files = {
        "train.py": "import nets.small.one as one",
        "nets/__init__.py": "",
        "nets/small/__init__.py": "",
        "nets/small/one.py": "",
        "other.py": "",
    }
    assert parts_of(files) == {frozenset(files.keys() - {"other.py"}), frozenset({"other.py"})}


def test_all_parts_come_the_largest_first() -> None:
    files = {
        "a.py": "",
        "b.py": "import d",
        "c.py": "import d",
        "d.py": "",
        "e.py": "import f",
        "f.py": "",
    }
    every = project_of(files).cached(Parts).all()
    assert every == [["b.py", "c.py", "d.py"], ["e.py", "f.py"], ["a.py"]]


def test_files_that_do_not_parse_are_alone() -> None:
    assert parts_of({"a.py": "import b", "b.py": "print 'x'", "c.py": "import b x"}) == {
        frozenset({"a.py", "b.py"}),
        frozenset({"c.py"}),
    }


TRAIN = """
import tensorflow as tf
class Run:
    def __init__(self, files):
        self.data = tf.data.TFRecordDataset(files)
    def train(self):
        batch = self.data.batch(8).make_one_shot_iterator().get_next()
        return tf.train.AdamOptimizer(0.1).minimize(tf.reduce_mean(batch))
"""
EVALUATE = """
import tensorflow as tf
def show(run, estimator):
    estimator.evaluate(input_fn=lambda: run.data)
"""


def test_another_program_s_attribute_of_the_same_name_is_another_thing() -> None:
    alone = port_files({"gan/run.py": TRAIN, "vgg/evaluate.py": EVALUATE}, "NPU701")
    assert "npu_shard(tf.data.TFRecordDataset(files))" in alone.text("gan/run.py")
    together = port_files(
        {"gan/run.py": TRAIN, "gan/evaluate.py": "import run as made\n" + EVALUATE}, "NPU701"
    )
    assert "npu_shard(self.data)" in together.text("gan/run.py")


def test_words_are_found_where_code_can_mean_them() -> None:
    project = project_of(
        {
            "a.py": "from m import step as s\ns()",
            "b.py": "x.step = 1",
            "c.py": "getattr(x, 'step')",
            "d.py": "'step'  # step",
            "e.py": "step x",
        }
    )
    words = project.cached(Words)
    assert words.files_with("step") == ["a.py", "b.py", "c.py"]
    assert words.files_with_attribute("step") == ["b.py"]
    project.update({"b.py": project_of({"b.py": "y = 1"}).files["b.py"]})
    assert project.cached(Words).files_with_attribute("step") == []
