import pytest

from tests.codemods.support import check_noop, port_files

TRAIN = """
import tensorflow as tf

{before}

def main():
    {inputs}
    loss = tf.layers.dense(x, 1)
    op = tf.train.AdamOptimizer(0.1).minimize(loss)
    with tf.Session() as sess:
        sess.run(op)
"""


def train(inputs: str, before: str = "") -> str:
    return TRAIN.format(inputs=inputs, before=before)


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        ("x = tf.train.batch([y], 4)", "queue"),
        ("x = tf.py_func(read, [y], tf.float32)", "Python function"),
        ("x = tf.Print(y, [y])", "print"),
        ("x = tf.image.decode_jpeg(y)", "string"),
        ("x = tf.contrib.lookup.index_table_from_file('a').lookup(y)", "lookup table"),
    ],
)
def test_each_kind_with_its_place(inputs: str, kind: str) -> None:
    result = check_noop(train(inputs), "NPU302")
    (finding,) = result.findings
    assert (finding.code, finding.severity, finding.line) == ("NPU302", "note", 9)
    assert finding.message.endswith(f"(tf.Session): {kind} (train.py:6)")
    assert "iterations_per_loop must stay 1" in finding.advice


def test_one_note_for_each_session_with_all_places() -> None:
    result = port_files(
        {
            "inputs.py": """
            import tensorflow as tf
            def feed():
                name = tf.train.string_input_producer(['a']).dequeue()
                return tf.train.shuffle_batch([tf.py_func(read, [name], tf.float32)], 4)
            """,
            "train.py": """
            import tensorflow as tf
            import inputs
            class Trainer:
                def __init__(self):
                    self.x = inputs.feed()
                    self.op = tf.train.AdamOptimizer(0.1).minimize(self.x)
                    self.session = tf.Session()
            """,
            "evaluate.py": """
            import tensorflow as tf
            from inputs import feed
            def main():
                x = feed()
                with tf.Session() as sess:
                    tf.train.Saver().restore(sess, 'a')
                    sess.run(x)
            """,
        },
        "NPU302",
    )
    assert [(f.path, f.line) for f in result.findings] == [("evaluate.py", 5), ("train.py", 7)]
    for finding in result.findings:
        assert "Python function (inputs.py:4); queue (inputs.py:3, inputs.py:4)" in finding.message


def test_many_places_are_shortened() -> None:
    lines = "\n    ".join(["x = y"] + ["x += tf.Print(x, [x])"] * 9)
    (finding,) = check_noop(train(lines), "NPU302").findings
    assert finding.message.endswith("train.py:10, train.py:11 and 4 more)")


PIPELINES = [
    ("tf.data.TFRecordDataset('a').map(parse)", "def parse(r): return tf.decode_raw(r, tf.uint8)"),
    ("tf.data.TFRecordDataset('a').map(lambda r: parse(r))", "def parse(r): return tf.as_string(r)"),
    ("tf.data.TFRecordDataset('a').map(lambda r: tf.as_string(r))", ""),
    ("tf.data.TFRecordDataset('a').map(tf.as_string)", ""),
    (
        "tf.data.TFRecordDataset('a').map(functools.partial(parse, size=3))",
        "import functools\ndef parse(r, size): return tf.as_string(r)",
    ),
    (
        "tf.data.TFRecordDataset('a').map(map_func=lambda r: (parse(r), 1))",
        "def parse(r): return inner(r)\ndef inner(r): return tf.as_string(r)",
    ),
    (
        "tf.data.TFRecordDataset('a').apply(tf.contrib.data.map_and_batch(parse, 3))",
        "def parse(r): return tf.as_string(r)",
    ),
    ("tf.data.TFRecordDataset('a').map(parse)", "parse = lambda r: tf.as_string(r)"),
    ("Reader().data()", "class Reader:\n"
     "    def data(self): return tf.data.TFRecordDataset('a').map(self.parse)\n"
     "    def parse(self, r): return self.inner(r)\n"
     "    def inner(self, r): return tf.py_func(len, [r], tf.int64)"),
    (
        "read('a')",
        "def parse(r): return tf.as_string(r)\n"
        "def read(name, parse_fn=parse): return tf.data.TFRecordDataset(name).map(parse_fn)",
    ),
    (
        "read('a', parse)",
        "def parse(r): return tf.as_string(r)\n"
        "def read(name, fn): return tf.data.TFRecordDataset(name).map(fn, 4)",
    ),
    (
        "read('a', fn=parse)",
        "def parse(r): return tf.as_string(r)\n"
        "def read(name, fn): return tf.data.TFRecordDataset(name).interleave(map_func=fn)",
    ),
    (
        "tf.data.Dataset.from_generator(make, tf.float32)",
        "def make():\n    with tf.Session() as s:\n        yield s.run(tf.as_string(1))",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "before"), PIPELINES)
def test_pipelines_are_no_part_of_the_graph(inputs: str, before: str) -> None:
    source = train(f"x = {inputs}.make_one_shot_iterator().get_next()", before)
    assert [f for f in check_noop(source, "NPU302").findings if f.line > 9] == []


def test_functions_that_the_graph_calls_too_count() -> None:
    source = train(
        "x = parse(tf.data.TFRecordDataset('a').map(parse).make_one_shot_iterator().get_next())",
        "def parse(r): return tf.as_string(r)",
    )
    assert len(check_noop(source, "NPU302").findings) == 1


HOST = """
import tensorflow as tf

def main():
    x = tf.image.decode_jpeg(tf.read_file('a'))
    with tf.Session() as sess:
        print(sess.run(x))
"""


def test_host_sessions_are_left_out() -> None:
    assert check_noop(HOST, "NPU302").findings == []


def test_the_recipe_s_host_sessions_are_left_out() -> None:
    source = train("x = tf.Print(y, [y])")
    roles = {"NPU101": {"roles": {"train.py:main": "host"}}}
    result = port_files({"train.py": source}, "NPU101", "NPU302", options=roles)
    assert "host_session_config" in result.text()
    assert result.findings == []


def test_unit_tests_are_left_out() -> None:
    source = train("x = tf.Print(y, [y])") + "\nclass T(tf.test.TestCase):\n    pass\n"
    assert check_noop(source, "NPU302").findings == []


def test_estimators_and_keras() -> None:
    result = port_files(
        {
            "canned.py": """
            import tensorflow as tf
            tf.estimator.DNNClassifier([8], columns).train(feed)
            """,
            "own.py": """
            import tensorflow as tf
            def feed():
                return tf.train.batch([y], 4)
            tf.estimator.Estimator(model_fn).train(feed)
            """,
            "plain.py": """
            import tensorflow as tf
            tf.estimator.Estimator(model_fn).train(feed)
            """,
            "layers.py": """
            import keras
            import tensorflow as tf
            def noisy(x):
                return tf.Print(x, [x])
            model = keras.Sequential([keras.layers.Lambda(noisy)])
            model.fit(x)
            """,
        },
        "NPU102",
        "NPU103",
        "NPU302",
    )
    notes = [f for f in result.findings if f.code == "NPU302"]
    assert [f.path for f in notes] == ["canned.py", "layers.py", "own.py"]
    assert "canned model" in notes[0].message
    assert "(Keras): print" in notes[1].message
    assert "queue (own.py:4)" in notes[2].message
