"""Which functions reach which, and what they use on the way."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from migrate.analysis.graph import Graph
from migrate.analysis.references import Use, facts_of, is_unit_test, owner_of
from migrate.analysis.training import restores, trains
from tests.analysis.names import module_of, project_of


def graph_of(source: str, others: Mapping[str, str] | None = None) -> Graph:
    return Graph(project_of({**(others or {}), "a.py": source}))


def reached(
    source: str, root: str = "a.py:main", others: Mapping[str, str] | None = None
) -> set[str]:
    """What the root reaches, without the root and the file."""
    found = graph_of(source, others).reach({root}) - {root}
    return {key.removeprefix("a.py:") for key in found}


# --- references --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        "f()",
        "x = f",
        "table = {'f': f}",
        "functools.partial(f, 1)()",
        "threading.Thread(target=f)",
        "run(lambda: f())",
        "[f(x) for x in y]",
        "x = f if y else None",
        "g = f; g()",
        "def inner(): f()\n    inner()",
        "def inner():\n        def deeper(): return f()\n        return deeper\n    inner()()",
        "pool.starmap(f, rows)",
        "map(f, rows)",
        "filter(f, rows)",
        "multiprocessing.Pool().map(f, rows)",
        "with concurrent.futures.ThreadPoolExecutor() as e:\n        e.map(f, rows)",
        "tf.map_fn(f, x)",
        "tf.while_loop(g, f, x)",
        "tf.cond(x, f, g)",
        "Own().map(f)",
        "layer.apply(f(x))",
        "tf.py_func(g, [f(x)], tf.float32)",
    ],
)
def test_references_count_like_calls(use: str) -> None:
    source = f"""
import concurrent.futures, functools, multiprocessing, threading
import tensorflow as tf
class Own:
    def map(self, g): pass
def f(): pass
def main():
    {use}
"""
    assert "f" in reached(source)


@pytest.mark.parametrize(
    "use",
    [
        "data.map(f)",
        "data.map(map_func=f)",
        "data.map(lambda x: f(x))",
        "data.map(lambda x: (1, f(x)[0]))",
        "data.map(functools.partial(f, 1), 4)",
        "data.map(lambda x: run(lambda: f(x)))",
        "data.map(make(f))",
        "data.filter(f)",
        "data.filter(predicate=f)",
        "data.flat_map(f)",
        "data.interleave(f, 4)",
        "data.apply(f)",
        "data.apply(tf.contrib.data.map_and_batch(f, 4))",
        "data.apply(tf.data.experimental.parallel_interleave(f, 4))",
        "tf.data.Dataset.from_generator(f, tf.float32)",
        "tf.py_func(f, [x], tf.float32)",
        "tf.numpy_function(func=f, inp=[x], Tout=tf.float32)",
        "parse = lambda x: f(x)\n    data.map(parse)",
        "read(f)",
        "read(fn=f)",
        "with_default()",
    ],
)
def test_what_a_pipeline_calls_is_kept_apart(use: str) -> None:
    source = f"""
import functools
import tensorflow as tf
data = tf.data.TFRecordDataset('a')
def f(x): return tf.as_string(x)
def read(fn): return data.map(fn)
def with_default(fn=f): return data.map(fn)
def main():
    {use}
"""
    assert "f" not in reached(source)
    names = {u.name for u in graph_of(source).uses(graph_of(source).reach({"a.py:main"}))}
    assert "tensorflow.as_string" not in names


@pytest.mark.parametrize(
    "use",
    [
        "data.map(lambda x: tf.as_string(x))",
        "data.map(tf.as_string)",
        "parse = lambda x: tf.as_string(x)\n    data.map(parse)",
    ],
)
def test_library_names_inside_a_pipeline_are_no_uses(use: str) -> None:
    source = f"""
import tensorflow as tf
data = tf.data.TFRecordDataset('a')
def main():
    {use}
"""
    names = {use.name for use in graph_of(source).uses({"a.py:main"})}
    assert "tensorflow.as_string" not in names


def test_a_lambda_that_something_else_calls_too() -> None:
    source = """
    import tensorflow as tf
    data = tf.data.TFRecordDataset('a')
    def f(x): pass
    def main():
        parse = lambda x: f(x)
        data.map(parse)
        parse(1)
    """
    assert "f" in reached(source)


def test_a_parameter_that_is_called_too() -> None:
    source = """
    import tensorflow as tf
    data = tf.data.TFRecordDataset('a')
    def f(x): pass
    def read(fn):
        fn(1)
        return data.map(fn)
    def main():
        read(f)
    """
    assert "f" in reached(source)


# --- classes -----------------------------------------------------------------------------------


CLASSES = """
import tensorflow as tf
class Base:
    def __init__(self):
        self.build()
    def build(self):
        raise NotImplementedError
    def shared(self):
        other()
class Derived(Base):
    def build(self):
        thing()
class Reader:
    def data(self):
        return tf.data.TFRecordDataset('a').map(self.parse)
    def parse(self, x):
        return self.inner(x)
    def inner(self, x):
        return tf.as_string(x)
def other(): pass
def thing(): pass
def make_base(): Base()
def make_derived(): Derived()
def make_reader(): Reader()
"""


def test_a_class_that_is_made_runs_its_methods_and_its_bases() -> None:
    assert reached(CLASSES, "a.py:make_derived") == {
        *("Derived", "Derived.build", "Base", "Base.__init__", "Base.build", "Base.shared"),
        *("other", "thing"),
    }


def test_self_may_be_of_a_derived_class() -> None:
    assert "thing" in reached(CLASSES, "a.py:make_base")


def test_methods_of_pipelines_only_are_kept_apart() -> None:
    assert reached(CLASSES, "a.py:make_reader") == {"Reader", "Reader.data"}


def test_families() -> None:
    graph = graph_of(CLASSES)
    assert graph.derived("a.py:Base") == {"a.py:Derived"}
    assert graph.reach_classes("a.py:Derived") == {"a.py:Derived", "a.py:Base"}
    assert "a.py:Base.shared" in graph.members("a.py:Derived")


def test_callers_lead_from_a_method_to_who_makes_its_class() -> None:
    callers = graph_of(CLASSES).callers({"a.py:Base.shared"})
    assert {"a.py:make_base", "a.py:make_derived"} <= callers
    assert "a.py:make_reader" not in callers


def test_circles_end() -> None:
    source = """
    from b import B
    class A(B):
        def f(self): return g()
    def g(): return A().f()
    def main(): g()
    """
    others = {"b.py": "from a import A, g\nclass B(A):\n    def f(self): g()\n"}
    assert {"g", "A", "A.f", "b.py:B"} <= reached(source, others=others)


# --- several files -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("import lib.tools", "lib.tools.f()"),
        ("import lib.tools as t", "t.f()"),
        ("from lib import tools", "tools.f()"),
        ("from lib.tools import f", "f()"),
        ("from lib.tools import f as g", "g()"),
        ("from lib.tools import *", "f()"),
        ("from lib import f", "f()"),
    ],
)
def test_functions_of_other_files(imports: str, call: str) -> None:
    others = {"lib/__init__.py": "from .tools import f\n", "lib/tools.py": "def f(): pass\n"}
    assert "lib/tools.py:f" in reached(f"{imports}\ndef main():\n    {call}\n", others=others)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("main()", True),
        ("tf.app.run()", True),
        ("tf.app.run(main)", True),
        ("tf.compat.v1.app.run(argv=a)", True),
        ("from absl import app; app.run(main)", True),
        ("tf.app.run", True),
        ("run()", False),
    ],
)
def test_the_top_level_leads_to_main(run: str, expected: bool) -> None:
    source = f"""
import tensorflow as tf
def main(_): pass
if __name__ == '__main__':
    {run}
"""
    assert ("main" in reached(source, "a.py:")) is expected


def test_files_that_do_not_parse_are_passed_over() -> None:
    others = {"b.py": "print 'a'\n"}
    assert reached("import b\ndef f(): pass\ndef main():\n    b.g(); f()\n", others=others) >= {"f"}


# --- uses --------------------------------------------------------------------------------------


def test_uses_are_libraries_names_with_their_places() -> None:
    source = """
    import keras
    import numpy as np
    import tensorflow as tf
    def main():
        x = tf.nn.relu(np.zeros(3))
        tf.layers.dense(x, 1)
        keras.backend.clear_session()
    """
    assert list(graph_of(source).uses({"a.py:main"})) == [
        Use("tensorflow.nn.relu", "a.py", 5),
        Use("tensorflow.layers.dense", "a.py", 6),
        Use("keras.backend.clear_session", "a.py", 7),
    ]


def test_methods_that_tell_on_objects_of_unknown_class() -> None:
    source = """
    def main(opt):
        opt.minimize(loss)
        opt.run(loss)
    """
    assert [use.name for use in graph_of(source).uses({"a.py:main"})] == [".minimize"]


def test_a_part_of_a_function() -> None:
    source = """
    import tensorflow as tf
    def f(): pass
    def main():
        tf.zeros(1)
        with tf.device('a'):
            f()
            tf.ones(1)
    """
    project = project_of({"a.py": source})
    module = project.module("a.py")
    function = module.definition("main")
    facts = facts_of(project, module, function.body[1].body)  # type: ignore[union-attr]
    assert facts.references == ("a.py:f",)
    assert [use.name for use in facts.uses] == ["tensorflow.ones"]


def test_owners() -> None:
    module = module_of(
        """
        show(0)
        class A:
            def f(self):
                def g():
                    show(1)
                lambda: show(2)
        """
    )
    owners = [owner_of(module, call) for call, _ in module.calls]
    assert owners == ["train.py:", "train.py:A.f.g", "train.py:A.f"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import tensorflow as tf\nclass T(tf.test.TestCase): pass", True),
        ("import unittest\nclass T(unittest.TestCase): pass", True),
        ("from absl.testing import parameterized\nclass T(parameterized.TestCase): pass", True),
        ("class TestCase: pass\nclass T(TestCase): pass", False),
        ("import tensorflow as tf\nclass Tests: pass", False),
    ],
)
def test_unit_tests(source: str, expected: bool) -> None:
    assert is_unit_test(project_of({"a.py": source + "\n"}), "a.py") is expected


# --- what a name proves ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "tensorflow.train.AdamOptimizer",
        "tensorflow.train.AdamOptimizer.minimize",
        "tensorflow.contrib.opt.LazyAdamOptimizer",
        "tensorflow.keras.Model.fit",
        "keras.Sequential.train_on_batch",
        "tensorflow.gradients",
        "tensorflow.train.MonitoredTrainingSession",
        ".minimize",
        ".apply_gradients",
    ],
)
def test_names_that_train(name: str) -> None:
    assert trains(Use(name, "a.py", 1))


@pytest.mark.parametrize(
    "name",
    [
        "scipy.optimize.minimize",
        "sklearn.linear_model.SGDOptimizer",
        "tensorflow.keras.Model.predict",
        "tensorflow.train.Saver",
        "tensorflow.keras.preprocessing.text.Tokenizer.fit",
        "keras.preprocessing.image.ImageDataGenerator.fit",
        "tensorflow.layers.dense",
        ".fit",
    ],
)
def test_names_that_do_not_train(name: str) -> None:
    assert not trains(Use(name, "a.py", 1))


def test_names_that_restore() -> None:
    for name in ("tensorflow.train.Saver", "tensorflow.saved_model.loader.load"):
        assert restores(Use(name, "a.py", 1))
    assert restores(Use("keras.Model.predict", "a.py", 1))
    assert not restores(Use("tensorflow.train.Saver.save", "a.py", 1))
    assert not restores(Use("tensorflow.train.latest_checkpoint", "a.py", 1))


@pytest.mark.parametrize("body", ["pass", "raise NotImplementedError", "return x + 1"])
def test_a_base_s_method_that_names_nothing_leads_to_what_overrides_it(body: str) -> None:
    source = f"""
class Base:
    def __init__(self): self.step(1)
    def step(self, x): {body}
class Gan(Base):
    def step(self, x): train(x)
def train(x): pass
"""
    graph = graph_of(source)
    assert "a.py:train" in graph.reach({"a.py:Base.__init__"})
    assert {"a.py:Base.step", "a.py:Base.__init__"} <= graph.leading({"a.py:train"})
