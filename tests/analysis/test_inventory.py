"""Every name in use is counted, with file and line."""

from __future__ import annotations

from migrate.analysis.inventory import STATUSES, classified, symbol_uses, totals
from migrate.analysis.references import Use
from tests.analysis.names import project_of


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


def test_a_name_is_rewritten_where_a_rule_deals_with_it() -> None:
    project = project_of(
        {
            "a.py": "import tensorflow as tf\ntf.Session\ntf.Session",
            "b.py": "import tensorflow as tf\ntf.Session\ntf.no_such_thing",
        }
    )
    reports = classified(symbol_uses(project), {"a.py": frozenset({"tensorflow.Session"})})
    listed = [(report.name, report.status, report.places) for report in reports]
    assert ("tensorflow.Session", "rewritten", ("a.py:2", "a.py:3")) in listed
    assert ("tensorflow.no_such_thing", "unknown", ("b.py:3",)) in listed
    assert listed == sorted(listed)
    assert list(totals(reports)) == list(STATUSES)
    assert sum(totals(reports).values()) == 4
    assert totals(reports)["rewritten"] == 2


def test_every_use_has_one_status() -> None:
    project = project_of({"a.py": "import tensorflow as tf\ntf.nn.relu\ntf.Session\ntf.zzz\n"})
    reports = classified(symbol_uses(project), {})
    assert {report.status for report in reports} <= set(STATUSES)
    assert sum(totals(reports).values()) == 3
    assert totals([]) == dict.fromkeys(STATUSES, 0)


def test_a_claim_can_stand_for_all_names_below() -> None:
    uses = [Use("keras.layers.Dense", "a.py", 1), Use("keras.layers.Dense", "b.py", 1)]
    reports = classified(uses, {"a.py": frozenset({"keras.*"}), "b.py": frozenset({"keras"})})
    assert [(r.status, r.places) for r in reports] == [
        ("manual", ("b.py:1",)),
        ("rewritten", ("a.py:1",)),
    ]
