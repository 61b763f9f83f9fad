"""Every name in use is counted, with file and line."""

from __future__ import annotations

from migrate.analysis.inventory import STATUSES, Settled, classified, symbol_uses, totals
from tests.analysis.names import project_of
from tests.codemods.support import dedent
from tests.test_porting import ported, tree


def uses_of(files: dict[str, str | bytes]) -> list[tuple[str, str, int]]:
    return [(use.name, use.path, use.line) for use in symbol_uses(project_of(files))]


def names_of(source: str) -> list[str]:
    return [name for name, _, _ in uses_of({"train.py": source})]


def test_each_use_is_listed_once_with_its_place() -> None:
    source = """
        import tensorflow as tf
        x = tf.placeholder(tf.float32)
        with tf.Session(
                config=tf.ConfigProto()) as sess:
            sess.run(x)
        """
    assert uses_of({"train.py": source}) == [
        ("tensorflow.placeholder", "train.py", 2),
        ("tensorflow.float32", "train.py", 2),
        ("tensorflow.Session", "train.py", 3),
        ("tensorflow.ConfigProto", "train.py", 4),
        ("tensorflow.Session.run", "train.py", 5),
    ]


def test_names_are_found_by_any_way_of_import() -> None:
    assert names_of("import tensorflow as T\nT.nn.relu") == ["tensorflow.nn.relu"]
    assert names_of("from tensorflow import nn\nnn.relu") == ["tensorflow.nn.relu"]
    assert names_of("from tensorflow.nn import relu as r\nr(r)") == ["tensorflow.nn.relu"] * 2
    assert names_of("import tensorflow.compat.v1 as tf\ntf.nn.relu") == ["tensorflow.nn.relu"]
    assert "horovod.tensorflow.init" in names_of("import horovod.tensorflow as hvd\nhvd.init()")
    assert "keras.layers.Dense" in names_of("from keras.layers import Dense\nDense(1)")
    assert uses_of({"u.py": "import tensorflow as tf", "a.py": "from u import *\ntf.nn.relu"}) == [
        ("tensorflow.nn.relu", "a.py", 2)
    ]


def test_a_name_in_the_middle_of_an_expression_is_found() -> None:
    head = "import tensorflow as tf\n"
    assert names_of(head + "tf.Graph().foo[0].bar") == ["tensorflow.Graph.foo", "tensorflow.Graph"]
    assert names_of(head + "tf.nn.relu(x).shape.as_list()")[-1] == "tensorflow.nn.relu"
    assert names_of(head + "tf.a[0].b(tf.c)") == ["tensorflow.a", "tensorflow.c"]


def test_a_name_that_getattr_looks_up_is_listed() -> None:
    head = "import tensorflow as tf\n"
    for source in ("getattr(tf.nn, 'relu')(x)", "NAME = 'relu'\ngetattr(tf.nn, NAME)(x)"):
        assert names_of(head + source) == ["tensorflow.nn.relu", "tensorflow.nn"]
    assert "tensorflow.nn.relu" in names_of(head + "getattr(tf, 'nn').relu(x)")
    uses = symbol_uses(project_of({"train.py": head + "\ngetattr(tf.nn, name)(x)"}))
    report = classified(uses)[1]
    assert (report.name, report.status) == ("tensorflow.nn.<computed>", "unknown")
    assert report.places == ("train.py:3",)
    assert "computed" in report.reason
    assert names_of(head + "getattr(tf.flags.FLAGS, name)") == ["tensorflow.flags.FLAGS"]
    assert names_of(head + "getattr(tf.Session, name)") == ["tensorflow.Session"]


def test_what_is_not_a_use_is_not_listed() -> None:
    assert names_of("import tensorflow as tf\n# tf.Session\n'tf.Session'") == []
    assert names_of("import torch as tf\ntf.Session()  # not tensorflow") == []
    assert names_of("def f(tf): tf.Session()  # tensorflow") == []
    assert uses_of({"a.txt": "import tensorflow as tf; tf.Session"}) == []


def test_files_that_do_not_parse_are_left_out() -> None:
    files: dict[str, str | bytes] = {
        "a.py": "import tensorflow as tf\nprint tf.Session",
        "b.py": "import tensorflow as tf\ntf.Session",
        "c.py": b"import tensorflow as tf\ntf.Session\0",
    }
    assert uses_of(files) == [("tensorflow.Session", "b.py", 2)]


def test_a_use_is_what_became_of_it() -> None:
    source = "import tensorflow as tf\ntf.Session\ntf.Session\ntf.Session\ntf.no_such_thing"
    project = project_of({"a.py": source})
    settled = [
        Settled("a.py", 2, "tensorflow.Session"),
        Settled("a.py", 3, "tensorflow.Session", "native", "only looked at"),
        Settled("b.py", 4, "tensorflow.Session"),
    ]
    reports = classified(symbol_uses(project), settled)
    listed = [(report.name, report.status, report.places) for report in reports]
    assert listed == [
        ("tensorflow.Session", "manual", ("a.py:4",)),
        ("tensorflow.Session", "native", ("a.py:3",)),
        ("tensorflow.Session", "rewritten", ("a.py:2",)),
        ("tensorflow.no_such_thing", "unknown", ("a.py:5",)),
    ]
    assert list(totals(reports)) == list(STATUSES)
    assert totals(reports) == dict(zip(STATUSES, (1, 1, 1, 0, 1), strict=True))


def test_every_use_has_one_status() -> None:
    project = project_of({"a.py": "import tensorflow as tf\ntf.nn.relu\ntf.Session\ntf.zzz\n"})
    reports = classified(symbol_uses(project))
    assert {report.status for report in reports} <= set(STATUSES)
    assert sum(totals(reports).values()) == 3
    assert totals([]) == dict.fromkeys(STATUSES, 0)


def became(source: str) -> dict[tuple[str, str], set[str]]:
    """What became of the uses in a port: (last part of the name, end of its line) -> statuses."""
    port = ported(tree({"train.py": dedent(source)}))
    lines = port.after["train.py"].data.decode().splitlines()
    found: dict[tuple[str, str], set[str]] = {}
    for report in port.symbols:
        for place in report.places:
            line = lines[int(place.rpartition(":")[2]) - 1]
            key = (report.name.rpartition(".")[2], line.rpartition("# ")[2])
            found.setdefault(key, set()).add(report.status)
    return found


def test_each_use_of_a_session_counts_for_itself() -> None:
    found = became("""
        import tensorflow as tf
        op = tf.train.AdamOptimizer().minimize(loss)
        tf.Session(  # a
            config=c).run(op)
        made = {'a': tf.Session}  # b
        S = tf.Session  # c
        S().run(op)  # d
        assert isinstance(s, tf.Session)  # e
        tf.Session(**options)  # f
        """)
    assert {line: found["Session", line] for line in "abcdef"} == {
        "a": {"rewritten"},
        "b": {"manual"},
        "c": {"native"},
        "d": {"rewritten"},
        "e": {"native"},
        "f": {"manual"},
    }


def test_each_use_of_an_estimator_counts_for_itself() -> None:
    source = """
        import tensorflow as tf
        config = tf.estimator.RunConfig()  # a
        tf.estimator.Estimator(fn, config=config).train(f)  # b
        def show(e: tf.estimator.Estimator): pass  # c
        """
    found = became(source)
    assert found["RunConfig", "a"] == found["Estimator", "b"] == {"rewritten"}
    assert found["Estimator", "c"] == {"native"}
    found = became(source + "tf.estimator.Estimator(*given)  # d\n")
    assert found["Estimator", "d"] == found["RunConfig", "a"] == {"manual"}


def test_what_the_host_runs_anyway_is_no_work_by_hand() -> None:
    found = became("""
        import tensorflow as tf
        def train():
            x = tf.py_func(f, [], tf.float32)  # a
            tf.Session().run(tf.train.AdamOptimizer().minimize(x))
        data = tf.data.Dataset.range(3).map(lambda x: tf.py_func(f, [x], tf.float32))  # b
        def piped(x):
            return inner(x)
        def inner(x):
            return tf.py_func(f, [x], tf.float32)  # c
        data = data.map(piped)
        def nobody():
            return tf.py_func(f, [], tf.float32)  # d
        """)
    assert found["py_func", "a"] == found["py_func", "b"] == found["py_func", "c"] == {"native"}
    assert found["py_func", "d"] == {"manual"}


def test_keras_that_stays_counts_as_what_it_is() -> None:
    found = became("""
        import keras
        import segmentation_models
        keras.Model(segmentation_models.Unet()).fit(x)  # a
        """)
    assert found["Model", "a"] == found["fit", "a"] == {"native"}
    found = became("import keras\nkeras.Model(a, b).fit(x)  # a\n")
    assert found["Model", "a"] == found["fit", "a"] == {"rewritten"}


def test_a_batch_is_rewritten_where_it_was_changed() -> None:
    found = became("""
        import tensorflow as tf
        def train():
            data = tf.data.Dataset.range(9)
            data = data.batch(3)  # a
            x = data.make_one_shot_iterator().get_next()
            tf.Session().run(tf.train.AdamOptimizer().minimize(tf.cast(x, tf.float32)))
        def read():
            data = tf.data.Dataset.range(9)
            data = data.batch(3)  # b
            tf.Session().run(data.make_one_shot_iterator().get_next())
        """)
    assert found["batch", "a"] == {"rewritten"}
    assert found["batch", "b"] == {"native"}


def test_methods_of_what_has_another_name_now_are_rewritten() -> None:
    found = became(
        """
        import tensorflow as tf

        writer = tf.train.SummaryWriter('logs')
        writer.add_summary(x)  # method
        tf.train.AdamOptimizer().minimize(x)
        tf.train.NoSuchThing().run()  # neither
        """
    )
    assert found[("add_summary", "method")] == {"rewritten"}
    assert found[("run", "neither")] == {"unknown"}
