import re
from typing import Any

import pytest

from tests.codemods.support import Ported, check_noop, check_port, port_files

TRAIN = """
import tensorflow as tf

def main(size, batch_size):
    {line}
    loss = tf.layers.dense(x, 1)
    op = tf.train.AdamOptimizer(0.1).minimize(loss)
    with tf.Session() as sess:
        sess.run(op, feed_dict={{x: images}})
"""


def train(line: str) -> str:
    return TRAIN.format(line=line)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("x = tf.placeholder(tf.float32, [None, 3])", "placeholder x of shape [None, 3]"),
        ("x = tf.placeholder(tf.float32, [None] + size)", "placeholder x of shape [None] + size"),
        ("x = tf.placeholder(tf.float32, (3, None))", "placeholder x of shape (3, None)"),
        (
            "x = tf.compat.v1.placeholder(dtype=tf.float32, shape=(None,))",
            "placeholder x of shape (None,)",
        ),
        ("x = tf.placeholder(tf.float32)", "placeholder x without a shape"),
        ("x = tf.placeholder(tf.float32, None, 'x')", "placeholder x without a shape"),
        ("x = tf.placeholder(tf.float32, name='x')", "placeholder x without a shape"),
        ("x = tf.placeholder_with_default(y, [None, 3])", "placeholder x of shape [None, 3]"),
        ("x = tf.placeholder_with_default(y, None)", "placeholder x without a shape"),
        (
            "shape = [None, 3]; x = tf.placeholder(tf.float32, shape)",
            "placeholder x of shape [None, 3]",
        ),
        ("self.x = tf.placeholder(tf.float32, [None])", "placeholder x of shape [None]"),
        ("f(tf.placeholder(tf.float32, [None]))", "placeholder of shape [None]"),
        ("x = tf.boolean_mask(y, m)", "tf.boolean_mask, whose output's size depends on values"),
        ("x = tf.where(m)", "tf.where, whose output's size depends on values"),
        ("x, _ = tf.unique(y)", "tf.unique, whose output's size depends on values"),
        (
            "x = tf.sparse_placeholder(tf.float32, [8, 3])",
            "sparse placeholder, whose number of values each feed decides",
        ),
        (
            "x = tf.data.Dataset.from_generator(f, tf.float32).make_one_shot_iterator().get_next()",
            "from_generator without output_shapes",
        ),
        (
            "x = tf.data.Dataset.from_generator(f, (tf.int32, tf.int32), None)",
            "from_generator without output_shapes",
        ),
        (
            "x = tf.train.batch([y], 8, allow_smaller_final_batch=True)",
            "tf.train.batch, whose last batch may be smaller",
        ),
        (
            "x = tf.train.shuffle_batch([y], 8, 99, 9, allow_smaller_final_batch=not size)",
            "tf.train.shuffle_batch, whose last batch may be smaller",
        ),
    ],
)
def test_places_that_are_found(line: str, what: str) -> None:
    (finding,) = check_noop(train(line), "NPU303").findings
    assert (finding.code, finding.severity, finding.line) == ("NPU303", "note", 4)
    assert finding.message == f"shape not fixed: {what}"
    # The recipe can give a batch to what begins with None, and to nothing else.
    fits = re.search(r"of shape [\[(]None", what) is not None
    assert ("(option batch)" in finding.advice) == fits


def test_reshapes_of_open_placeholders_only() -> None:
    result = check_noop(
        train(
            "x = tf.placeholder(tf.float32, [None, 4]); fixed = tf.placeholder(tf.float32, [8, 4])\n"
            "    a = tf.reshape(tf.transpose(x), [-1] + size)\n"
            "    b = tf.reshape(fixed, [-1, 2])\n"
            "    c = tf.reshape(x, [8, 4])\n"
            "    d = tf.reshape(other, (-1, 4))"
        ),
        "NPU303",
    )
    assert [f.line for f in result.findings] == [4, 5]
    assert "reshape" in result.findings[1].message


@pytest.mark.parametrize(
    "line",
    [
        "x = tf.placeholder(tf.float32, [8, 3])",
        "x = tf.placeholder(tf.float32, [])",
        "x = tf.placeholder(tf.float32, ())",
        "x = tf.placeholder(tf.float32, shape)",
        "x = tf.placeholder(tf.float32, size, 'x')",
        "x = tf.placeholder(*arguments)",
        "x = tf.placeholder(tf.float32, **arguments)",
        "x = tf.placeholder_with_default(0.1, [], name='rate')",
        "x = tf.where(m, a, b)",
        "x = tf.where(m, x=a, y=b)",
        "x = np.where(m); y = np.unique(m)",
        "x = tf.data.Dataset.from_generator(f, tf.float32, [3])",
        "x = tf.data.Dataset.from_generator(f, tf.float32, output_shapes=shapes)",
        "x = tf.data.Dataset.from_generator(f, *types)",
        "x = tf.data.Dataset.from_generator(f, **types)",
        "x = tf.train.batch([y], 8)",
        "x = tf.train.batch([y], 8, allow_smaller_final_batch=False)",
        "x = K.placeholder([None])",
        "x = tf.reshape(y, [-1, 3])",
        "def inner(tf): return tf.placeholder(1, [None])",
    ],
)
def test_places_that_are_fixed_or_foreign(line: str) -> None:
    assert check_noop(train(line), "NPU303").findings == []


def test_an_annotation_is_no_shape() -> None:
    source = train("x = tf.placeholder(tf.float32, size)").replace("size,", "size: list | None,", 1)
    assert check_noop(source, "NPU303").findings == []


@pytest.mark.parametrize(
    "source",
    [
        # a data script
        """
        import tensorflow as tf
        def main():
            x = tf.placeholder(tf.uint8, [None, None, None])
            png = tf.image.encode_png(x)
            with tf.Session() as sess:
                sess.run(png, feed_dict={x: image})
        """,
        # a unit test
        """
        import tensorflow as tf
        class T(tf.test.TestCase):
            def test(self):
                x = tf.placeholder(tf.float32, [None, 3])
                tf.train.AdamOptimizer(0.1).minimize(x)
                with tf.Session() as sess: sess.run(x)
        """,
        # a library that nothing uses
        """
        import tensorflow as tf
        def network():
            return tf.placeholder(tf.float32, [None, 3])
        """,
        "# placeholder\n",
    ],
)
def test_what_is_not_on_the_device(source: str) -> None:
    assert check_noop(source, "NPU303").findings == []


def test_placeholders_of_a_model_in_another_file() -> None:
    result = port_files(
        {
            "net.py": """
            import tensorflow as tf
            class Net:
                def build(self):
                    self.x = tf.placeholder(tf.float32, [None, 3])
                    self.op = tf.train.AdamOptimizer(0.1).minimize(self.x)
            """,
            "train.py": """
            import tensorflow as tf
            from net import Net
            def main():
                net = Net()
                net.build()
                with tf.train.MonitoredTrainingSession() as sess:
                    sess.run(net.op)
            """,
        },
        "NPU303",
    )
    assert [(f.path, f.line) for f in result.findings] == [("net.py", 4)]


def with_batch(source: str, batch: dict[str, str], **others: str) -> Ported:
    options: dict[str, Any] = {"NPU303": {"batch": batch}}
    return port_files({"train.py": source, **others}, "NPU303", options=options)


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("x", "x = tf.placeholder(tf.float32, [None, 3])", "[batch_size, 3])"),
        ("x", "x = tf.placeholder(tf.float32, [None] + size)", "[batch_size] + size)"),
        ("x", "self.x = tf.placeholder(tf.float32, shape=(None,))", "(batch_size,))"),
        (
            "input",
            "x = tf.placeholder(tf.float32, [None, 3], 'input')",
            "[batch_size, 3], 'input')",
        ),
    ],
)
def test_the_recipe_gives_a_batch(key: str, before: str, after: str) -> None:
    head = before[: before.index("[" if "[" in before else "(None")]
    result = check_port(
        train(before),
        train(head + after),
        "NPU303",
        options={"NPU303": {"batch": {f"train.py:{key}": "batch_size"}}},
    )
    assert result.findings == []


def test_other_placeholders_stay_with_their_note() -> None:
    source = train(
        "x = tf.placeholder(tf.float32, [None, 3])\n    y = tf.placeholder(tf.int32, [None])"
    )
    result = with_batch(source, {"train.py:x": "FLAGS.batch"})
    assert "nothing is called FLAGS there" in result.findings[0].message
    assert result.findings[1].message == "shape not fixed: placeholder y of shape [None]"
    result = with_batch(source, {"train.py:x": "size[0] * 2"})
    assert "x = tf.placeholder(tf.float32, [size[0] * 2, 3])" in result.text()
    assert "y = tf.placeholder(tf.int32, [None])" in result.text()


@pytest.mark.parametrize(
    ("line", "expression", "reason"),
    [
        ("x = tf.placeholder(tf.float32, [None, 3])", "batch", "nothing is called batch"),
        ("x = tf.placeholder(tf.float32, [None, 3])", "8 8", "no expression"),
        ("x = tf.placeholder(tf.float32, [3, None])", "batch_size", "does not begin with None"),
        ("x = tf.placeholder(tf.float32)", "batch_size", "does not begin with None"),
    ],
)
def test_choices_that_do_not_fit_are_errors(line: str, expression: str, reason: str) -> None:
    result = with_batch(train(line), {"train.py:x": expression})
    assert result.codes("error") == ["NPU303"]
    assert reason in result.findings[0].message
    assert "None" in result.text() or "float32)" in result.text()


@pytest.mark.parametrize(
    "feed",
    [
        "feed_dict={self.ops.x: images[i:i + 8]}",
        "feed_dict={self.ops.x: images[i * 8:(i + 1) * 8], y: 1}",
        "feed_dict={self.x_in: images[:n]}",
        "feed_dict={'input:0': images[i:j]}",
        "feed_dict={self.ops['x']: part}",
        "{self.ops.x: images[i:j]}",
        "**feeds); feed[self.ops.x] = images[i:j]; str(1",
    ],
)
def test_slices_that_may_be_shorter_are_errors(feed: str) -> None:
    source = train("x_in = tf.placeholder(tf.float32, [None, 3], 'input'); ops = Ops(x=x_in)")
    other = f"import train\ndef evaluate(self):\n    part = images[i:j]\n    self.session.run(op, {feed})\n"
    result = with_batch(source, {"train.py:x_in": "batch_size"}, **{"evaluate.py": other})
    assert result.codes("error") == ["NPU303"]
    assert "evaluate.py" in result.findings[0].message
    assert "[None, 3]" in result.text()


@pytest.mark.parametrize(
    "feed",
    [
        "feed_dict={self.ops.x: images}",
        "feed_dict={self.ops.x: images[:8]}",
        "feed_dict={self.ops.x: images[index]}",
        "feed_dict={self.ops.y: images[i:j]}",
        "data={'x': images[i:j], 'input': images[i:j]}",
        "fetches={self.ops.z: images[i:j]}",
    ],
)
def test_other_feeds_are_fine(feed: str) -> None:
    source = train("x_in = tf.placeholder(tf.float32, [None, 3], 'input'); ops = Ops(x=x_in)")
    other = f"import train\ndef evaluate(self):\n    self.session.run(op, {feed})\n"
    result = with_batch(source, {"train.py:x_in": "batch_size"}, **{"evaluate.py": other})
    assert result.findings == []
    assert "[batch_size, 3]" in result.text()


def test_a_batch_for_a_placeholder_that_is_not_on_the_device_is_a_warning() -> None:
    source = """
    import tensorflow as tf
    def main():
        x = tf.placeholder(tf.uint8, [None, 3], 'pixels')
        with tf.Session() as sess:
            sess.run(tf.image.encode_png(x), feed_dict={x: image})
    """
    for name in ("x", "pixels"):
        result = with_batch(source, {f"train.py:{name}": "4"})
        (finding,) = result.findings
        assert (finding.severity, finding.line) == ("warning", 3)
        assert "no session on the device" in finding.message
        assert "[None, 3]" in result.text()
