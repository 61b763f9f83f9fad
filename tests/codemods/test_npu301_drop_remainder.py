from typing import Any

import pytest

from tests.codemods.support import Ported, check_noop, check_port, port_files

HEAD = """
import tensorflow as tf

def train(size):
    data = tf.data.TFRecordDataset('a')
"""
TAIL = """
    image, label = data.make_one_shot_iterator().get_next()
    loss = tf.reduce_mean(tf.layers.dense(image, 1) - label)
    return tf.train.AdamOptimizer(0.1).minimize(loss)
"""


def training(*lines: str) -> str:
    """A function that trains on a dataset made by some more lines."""
    body = "".join(f"    {line}\n" for line in lines)
    return HEAD.lstrip("\n") + body + TAIL.lstrip("\n")


def ported(source: str, **options: Any) -> Ported:
    return port_files({"train.py": source}, "NPU301", options={"NPU301": options})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("data.repeat().batch(size)", "data.repeat().batch(size, drop_remainder=True)"),
        ("data.repeat(-1).batch(size)", "data.repeat(-1).batch(size, drop_remainder=True)"),
        ("data.repeat(None).batch(size)", "data.repeat(None).batch(size, drop_remainder=True)"),
        (
            "data.repeat().map(f).shuffle(9).batch(batch_size=size).prefetch(1)",
            "data.repeat().map(f).shuffle(9).batch(batch_size=size, drop_remainder=True).prefetch(1)",
        ),
        (
            "data.repeat().padded_batch(size, [None])",
            "data.repeat().padded_batch(size, [None], drop_remainder=True)",
        ),
        (
            "data.repeat().apply(tf.contrib.data.map_and_batch(f, size, 4))",
            "data.repeat().apply(tf.contrib.data.map_and_batch(f, size, 4, drop_remainder=True))",
        ),
        (
            "data.repeat().apply(tf.data.experimental.map_and_batch(f, size))",
            "data.repeat().apply(tf.data.experimental.map_and_batch(f, size, drop_remainder=True))",
        ),
        (
            "data.apply(tf.data.experimental.shuffle_and_repeat(9)).batch(size)",
            "data.apply(tf.data.experimental.shuffle_and_repeat(9)).batch(size, drop_remainder=True)",
        ),
        (
            "data.apply(tf.contrib.data.shuffle_and_repeat(9, None)).map(f).batch(size)",
            "data.apply(tf.contrib.data.shuffle_and_repeat(9, None)).map(f)"
            ".batch(size, drop_remainder=True)",
        ),
    ],
)
def test_endless_training_batches_lose_nothing(before: str, after: str) -> None:
    result = check_port(training(f"data = {before}"), training(f"data = {after}"), "NPU301")
    assert result.findings == []
    result = check_port(
        training(f"data = {before}"),
        training(f"data = {after}"),
        "NPU301",
        options={"NPU301": {"drop_remainder": "endless"}},
    )
    assert result.findings == []


HELPERS = """
import tensorflow as tf

FOREVER = None


def again(some):
    some = some.shuffle(9)
    return some.repeat()


def thrice(some):
    return some.repeat(3)


def batched(some, size):
    some = some.map(tf.identity)
    return some.batch(size).prefetch(1)


class Source:
    def __init__(self):
        self.data = tf.data.TFRecordDataset('a').repeat()
        self.once = tf.data.TFRecordDataset('a')

    def batches(self, size):
        return self.data.batch(size)


"""


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        ("data = again(data).batch(size)", False),
        ("data = thrice(data).batch(size)", True),
        ("data = batched(data.repeat(), size)", False),
        ("data = data.repeat()\ndata = batched(data, size)", False),
        ("data = batched(again(data), size=size)", False),
        ("data = batched(data, size)", True),
        ("data = batched(thrice(data), size)", True),
        ("data = batched(data.repeat(), size)\nother = batched(thrice(data), size)", True),
        ("helper = batched\ndata = batched(data.repeat(), size)", True),
        ("data = data.repeat(FOREVER).batch(size)", False),
        ("data = data.repeat(size).batch(size)", True),
        ("data = tf.data.Dataset.zip((data.repeat(), again(data))).batch(size)", False),
        ("data = tf.data.Dataset.zip((data.repeat(), data)).batch(size)", True),
        ("data = again(data).take(100).batch(size)", True),
        ("data = data.batch(size).repeat()", True),
    ],
)
def test_a_dataset_that_repeats_elsewhere_is_endless(lines: str, lost: bool) -> None:
    made = ported(HELPERS + training(*lines.splitlines()))
    assert "drop_remainder=True" in made.text("train.py")
    assert made.codes() == ["NPU301"] * lost


@pytest.mark.parametrize(
    ("lines", "lost"),
    [
        (["self.data = self.data.repeat()"], False),
        (["self.data = self.data.shuffle(9).repeat()", "self.data = self.data.map(f)"], False),
        (["self.data = self.data.repeat()", "self.data = self.data.take(9)"], True),
        (["self.data = self.data.repeat()", "self.data = self.other.map(f)"], True),
        (["if size:", "    self.data = self.data.repeat()"], True),
        (["self.data = self.data.shuffle(9)"], True),
        (["self.data = self.other.repeat()", "self.data = self.data.prefetch(9)"], False),
    ],
)
def test_a_dataset_that_an_object_changes_on_the_way(lines: list[str], lost: bool) -> None:
    changes = "\n        ".join(lines)
    source = f"""import tensorflow as tf
class Source:
    def __init__(self, size, f):
        self.data = tf.data.TFRecordDataset('a')
        self.other = tf.data.TFRecordDataset('b')
        {changes}
        self.data = self.data.batch(size)

batch = Source(8, abs).data.make_one_shot_iterator().get_next()
train_op = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_mean(batch))
"""
    made = ported(source)
    assert "drop_remainder=True" in made.text("train.py")
    assert made.codes() == ["NPU301"] * lost


@pytest.mark.parametrize(("attribute", "lost"), [("data", False), ("once", True)])
def test_a_dataset_that_an_object_keeps(attribute: str, lost: bool) -> None:
    source = HELPERS.replace("self.data.batch", f"self.{attribute}.batch")
    made = ported(source + training("data = Source().batches(size)"))
    assert "drop_remainder=True" in made.text("train.py")
    assert made.codes() == ["NPU301"] * lost


def test_step_by_step_and_many_lines() -> None:
    check_port(
        training(
            "data = data.map(parse)",
            "data = data.shuffle(100).repeat()",
            "if augment:",
            "    data = data.map(augment)",
            "data = (data",
            "        .batch(  # a card's worth",
            "            size,",
            "        ).prefetch(1))",
        ),
        training(
            "data = data.map(parse)",
            "data = data.shuffle(100).repeat()",
            "if augment:",
            "    data = data.map(augment)",
            "data = (data",
            "        .batch(  # a card's worth",
            "            size,",
            "            drop_remainder=True,",
            "        ).prefetch(1))",
        ),
        "NPU301",
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["data = data.batch(size)"],
        ["data = data.batch(size).repeat()"],
        ["data = data.repeat(epochs).batch(size)"],
        ["data = data.repeat(3).batch(size)"],
        ["data = data.repeat().take(100).batch(size)"],
        ["data = data.repeat(**kw).batch(size)"],
        ["if forever:", "    data = data.repeat()", "data = data.batch(size)"],
        ["data = data.repeat()", "if few:", "    data = data.take(9)", "data = data.batch(size)"],
        ["data = data.apply(tf.contrib.data.shuffle_and_repeat(9, 2)).batch(size)"],
    ],
)
def test_training_batches_with_a_tail_are_fixed_with_a_note(lines: list[str]) -> None:
    result = ported(training(*lines))
    assert "batch(size, drop_remainder=True)" in result.text()
    (finding,) = result.findings
    assert (finding.code, finding.severity) == ("NPU301", "note")
    assert "no longer trained on" in finding.message
    kept = ported(training(*lines), drop_remainder="endless")
    assert "drop_remainder" not in kept.text()
    assert "would be lost" in kept.findings[0].message
    never = ported(training(*lines), drop_remainder="never")
    assert "drop_remainder" not in never.text()
    assert never.findings == []


@pytest.mark.parametrize(
    "batch",
    [
        "batch(size, True)",
        "batch(size, drop_remainder=True)",
        "batch(size, drop_remainder=is_training)",
        "padded_batch(size, [None], 0, True)",
        "apply(tf.contrib.data.map_and_batch(f, size, None, True))",
        "apply(tf.contrib.data.batch_and_drop_remainder(size))",
        "apply(tf.contrib.data.padded_batch_and_drop_remainder(size, [None]))",
    ],
)
def test_what_drops_already_or_decides_itself(batch: str) -> None:
    assert check_noop(training(f"data = data.repeat().{batch}"), "NPU301").findings == []


@pytest.mark.parametrize("batch", ["batch(size, False)", "batch(size, drop_remainder=False)"])
def test_an_explicit_false_is_the_author_s_choice(batch: str) -> None:
    result = check_noop(training(f"data = data.repeat().{batch}"), "NPU301")
    assert [f.severity for f in result.findings] == ["note"]
    assert "drop_remainder=False" in result.findings[0].message


STATISTICS = """
import numpy as np
import tensorflow as tf

def mean(data: tf.data.Dataset):
    batch = data.map(lambda x: x['image']).batch(1024).prefetch(1)
    batch = batch.make_one_shot_iterator().get_next()
    sums, count = 0, 0
    with tf.Session() as sess:
        while True:
            try:
                values = sess.run(batch)
            except tf.errors.OutOfRangeError:
                break
            sums, count = sums + values.sum(), count + len(values)
    return sums / count

def main():
    offset = mean(tf.data.TFRecordDataset('a'))
    loss = tf.layers.dense(tf.constant(offset), 1)
    tf.train.AdamOptimizer(0.1).minimize(loss)
"""
SPLIT = """
import tensorflow as tf
from common import labels

it = tf.data.TFRecordDataset('a').map(labels, 4).batch(1 << 10).make_one_shot_iterator().get_next()
with tf.Session() as session:
    while True:
        for label in session.run(it):
            print(label)
"""
COLLECT = """
import tensorflow as tf

class Trainer:
    def __init__(self, dataset):
        self.dataset = dataset
        self.x = tf.placeholder(tf.float32, [None, 3])
        self.op = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(self.x))

    def evaluate(self, session):
        def collect(data):
            it = data.batch(1).prefetch(16).make_one_shot_iterator().get_next()
            images = []
            try:
                while True:
                    images.append(session.run(it))
            except tf.errors.OutOfRangeError:
                return images
        return collect(self.dataset.test)
"""
EVALUATION = """
import tensorflow as tf

def run(model):
    data = tf.data.TFRecordDataset('a').repeat().batch(8)
    x, y = data.make_one_shot_iterator().get_next()
    accuracy = tf.metrics.accuracy(model(x), y)
    saver = tf.train.Saver()
    with tf.Session() as sess:
        saver.restore(sess, 'b')
        print(sess.run(accuracy))
"""


@pytest.mark.parametrize(
    "source",
    [
        STATISTICS,
        SPLIT,
        COLLECT,
        EVALUATION,
        "def f(self):\n    return self.batch(4), Loader().batch(8)\n",
        "import tensorflow as tf\nx = tf.train.batch([y], 4)\ntf.train.AdamOptimizer().minimize(x)",
        "import tensorflow as tf\ndef f(data):\n    return data.batch(4)\n",
        "from mnist import data\nx, y = data.train.next_batch(4)\n",
        "import tensorflow as tf\nds = tf.data.Dataset.range(3).window(2).flat_map("
        "lambda w: w.batch(2))\nprint(ds)\n",
        "import mxnet as mx\nmx.data.Dataset().batch(3)\n",
    ],
)
def test_statistics_splits_checks_and_evaluation_keep_their_tails(source: str) -> None:
    assert check_noop(source, "NPU301").findings == []


def test_values_that_are_fed_again_are_left_with_a_note() -> None:
    result = check_noop(
        """
        import tensorflow as tf

        class Trainer:
            def step(self, session, labeled):
                x = session.run(labeled)
                session.run(self.op, feed_dict={self.x: x['image']})

            def train(self, session):
                batch = self.dataset.labeled.batch(8).prefetch(1)
                batch = batch.make_one_shot_iterator().get_next()
                self.x = tf.placeholder(tf.float32, [None, 3])
                self.op = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(self.x))
                self.step(session, batch)
        """,
        "NPU301",
    )
    (finding,) = result.findings
    assert (finding.line, finding.severity) == (9, "note")
    assert "train.py:6" in finding.message


ESTIMATOR = """
import functools
import tensorflow as tf

def records(files):
    return tf.data.TFRecordDataset(files)

def train_input_fn(size):
    return records('a').repeat().batch(size{drop})

def eval_input_fn(size):
    return records('b').batch(size)

def main(estimator):
    estimator = tf.estimator.Estimator(model_fn)
    {use}
"""


@pytest.mark.parametrize(
    "use",
    [
        "estimator.train(lambda: train_input_fn(8)); estimator.evaluate(lambda: eval_input_fn(8))",
        "estimator.train(input_fn=functools.partial(train_input_fn, 8), steps=9)",
        "feed = lambda: train_input_fn(8)\n    estimator.train(feed)",
        "tf.estimator.train_and_evaluate(estimator, tf.estimator.TrainSpec(lambda: "
        "train_input_fn(8)), tf.estimator.EvalSpec(input_fn=lambda: eval_input_fn(8)))",
        "tf.contrib.learn.Experiment(estimator, train_input_fn=train_input_fn, "
        "eval_input_fn=eval_input_fn)",
    ],
)
def test_input_functions_of_estimators(use: str) -> None:
    result = check_port(
        ESTIMATOR.format(use=use, drop=""),
        ESTIMATOR.format(use=use, drop=", drop_remainder=True"),
        "NPU301",
    )
    assert result.findings == []


def test_an_input_function_made_by_a_function() -> None:
    source = """
    import tensorflow as tf

    def make(files, size):
        def input_fn():
            data = tf.data.TFRecordDataset(files).repeat().batch(size{drop})
            return data.make_one_shot_iterator().get_next()
        return input_fn

    estimator = tf.estimator.Estimator(model_fn)
    estimator.train(input_fn=make('a', 8))
    """
    check_port(source.format(drop=""), source.format(drop=", drop_remainder=True"), "NPU301")


def test_an_input_function_in_another_file() -> None:
    result = port_files(
        {
            "pipe/feeds.py": """
            import tensorflow as tf

            class Feeds:
                def __init__(self, files):
                    self.files = files
                def train(self):
                    return tf.data.TFRecordDataset(self.files).repeat().batch(8)
                def test(self):
                    return tf.data.TFRecordDataset(self.files).repeat().batch(9)
            """,
            "train.py": """
            import tensorflow as tf
            from pipe.feeds import Feeds

            feeds = Feeds('a')
            estimator = tf.estimator.Estimator(model_fn)
            estimator.train(feeds.train)
            estimator.evaluate(feeds.test)
            """,
        },
        "NPU301",
    )
    text = result.text("pipe/feeds.py")
    assert "batch(8, drop_remainder=True)" in text
    assert "batch(9)" in text


BOTH = """
import tensorflow as tf

def input_fn(files, {parameter}):
    data = tf.data.TFRecordDataset(files)
{body}

estimator = tf.estimator.Estimator(model_fn)
estimator.train(lambda: input_fn('a', TRAIN))
estimator.evaluate(lambda: input_fn('b', EVAL))
"""


@pytest.mark.parametrize(
    ("parameter", "body"),
    [
        ("is_training", "data = data.batch(8)\nreturn data"),
        (
            "is_training",
            "if is_training:\n    data = data.repeat()\ndata = data.batch(8)\nreturn data",
        ),
        ("mode", "return data.batch(8)"),
        ("shuffle", "return data.batch(8)"),
    ],
)
def test_what_serves_both_is_left_with_a_note(parameter: str, body: str) -> None:
    body = "\n".join(f"    {line}" for line in body.split("\n"))
    result = check_noop(BOTH.format(parameter=parameter, body=body), "NPU301")
    (finding,) = result.findings
    assert finding.severity == "note"
    assert "also the evaluation" in finding.message


@pytest.mark.parametrize(
    "body",
    [
        "if is_training:\n    return data.batch(8{drop})\nreturn data.batch(9)",
        "if not is_training:\n    return data.batch(9)\nelse:\n    return data.batch(8{drop})",
        "if not is_training:\n    return data.batch(9)\ndata = data.shuffle(3)\n"
        "return data.batch(8{drop})",
        "return data.batch(8{drop}) if is_training else data.batch(9)",
        "if mode == tf.estimator.ModeKeys.TRAIN:\n    data = data.batch(8{drop})\nreturn data",
        "if mode != tf.estimator.ModeKeys.TRAIN:\n    data = data.batch(9)\n"
        "else:\n    data = data.batch(8{drop})\nreturn data",
        "if mode == 'train' and shuffle:\n    data = data.batch(8{drop})\nreturn data",
        "if mode == 'eval':\n    data = data.batch(9)\nreturn data",
    ],
)
def test_the_branch_for_training(body: str) -> None:
    body = "\n".join(f"    {line}" for line in body.split("\n"))
    before = BOTH.format(parameter="is_training, mode", body=body.replace("{drop}", ""))
    after = BOTH.format(
        parameter="is_training, mode", body=body.replace("{drop}", ", drop_remainder=True")
    )
    if before == after:
        assert check_noop(before, "NPU301").findings == []
    else:
        check_port(before, after, "NPU301")


def test_an_endless_batch_for_both_loses_nothing() -> None:
    source = BOTH.format(parameter="is_training", body="    return data.repeat().batch(8)")
    assert "batch(8, drop_remainder=True)" in ported(source).text()


def test_an_iterator_that_takes_several_datasets() -> None:
    result = check_noop(
        """
        import tensorflow as tf

        train = tf.data.TFRecordDataset('a').batch(8)
        test = tf.data.TFRecordDataset('b').batch(9)
        iterator = tf.data.Iterator.from_structure(train.output_types, train.output_shapes)
        starts = iterator.make_initializer(train), iterator.make_initializer(test)
        x, y = iterator.get_next()
        op = tf.train.AdamOptimizer(0.1).minimize(tf.losses.mean_squared_error(x, y))
        """,
        "NPU301",
    )
    assert [f.line for f in result.findings] == [3, 4]
    assert {f.severity for f in result.findings} == {"note"}


def test_an_iterator_for_both_in_the_branch_for_training() -> None:
    source = """
        import tensorflow as tf

        class Loader:
            def build(self, mode, size):
                if mode == 'train':
                    self.data = tf.data.TFRecordDataset('a').repeat().batch(size)
                    self.val_data = tf.data.TFRecordDataset('b')
                    self.val_data = self.val_data.batch(1)
                    iterator = tf.data.Iterator.from_structure(
                        self.data.output_types, self.data.output_shapes)
                    self.start = {'train': iterator.make_initializer(self.data)}
                    self.start['val'] = iterator.make_initializer(self.val_data)
                    self.x = iterator.get_next()

        def train(mode):
            loader = Loader()
            loader.build(mode, 8)
            return tf.train.AdamOptimizer(0.1).minimize(tf.reduce_mean(loader.x))
        """
    first, second = check_noop(source, "NPU301").findings
    assert (first.line, first.severity, second.line, second.severity) == (6, "note", 8, "note")
    assert "takes self.val_data as well" in first.message
    assert "its name says evaluation" in second.message
    alone = source.replace("self.start['val'] = iterator.make_initializer(self.val_data)", "pass")
    assert ported(alone).text().count("drop_remainder=True") == 1


HANDLES = """
    import tensorflow as tf

    def train(size, files, others):
        data = tf.data.TFRecordDataset(files).repeat().batch(size)
        val_data = tf.data.TFRecordDataset(others).batch(size)
        first, second = data.make_one_shot_iterator(), val_data.make_one_shot_iterator()
        handle = tf.placeholder(tf.string, [])
        iterator = tf.data.Iterator.from_string_handle(
            handle, data.output_types, data.output_shapes)
        loss = tf.reduce_mean(iterator.get_next())
        return tf.train.AdamOptimizer(0.1).minimize(loss), first, second
    """


METHODS = """
    import tensorflow as tf

    class Loader:
        def __init__(self, size):
            self.data = tf.data.TFRecordDataset('a').repeat().batch(size)
            self.iterator = tf.data.Iterator.from_structure(
                self.data.output_types, self.data.output_shapes)
            self.start = self.iterator.make_initializer(self.data)
            self.op = tf.train.AdamOptimizer(0.1).minimize(self.iterator.get_next())

        def evaluate(self, size):
            val_data = tf.data.TFRecordDataset('b').batch(size)
            return self.iterator.make_initializer(val_data)
    """


@pytest.mark.parametrize(
    ("source", "starts"),
    [
        (HANDLES, "val_data.make_one_shot_iterator()"),
        (METHODS, "self.iterator.make_initializer(val_data)"),
    ],
)
def test_an_iterator_that_takes_evaluation_data_in_another_way(source: str, starts: str) -> None:
    first, *_ = check_noop(source, "NPU301").findings
    assert "takes val_data as well" in first.message
    alone = source.replace(starts, "val_data")
    assert ported(alone).text().count("drop_remainder=True") == 1


def test_a_model_made_twice() -> None:
    source = """
    import tensorflow as tf

    class Model:
        def __init__(self, x, is_training):
            self.loss = tf.reduce_mean(tf.layers.dense(x, 1))
            if is_training:
                self.op = tf.train.AdamOptimizer(0.1).minimize(self.loss)

    def feed(name):
        return tf.data.TFRecordDataset(name).make_one_shot_iterator().get_next()

    train = Model(tf.data.TFRecordDataset('a').batch(8).make_one_shot_iterator().get_next(), True)
    test = Model(tf.data.TFRecordDataset('b').batch(9).make_one_shot_iterator().get_next(), False)
    """
    result = check_noop(source, "NPU301")
    assert [f.severity for f in result.findings] == ["note", "note"]


def test_training_and_validation_in_one_function() -> None:
    source = """
    import tensorflow as tf

    def net(x):
        return tf.layers.dense(x, 1, reuse=tf.AUTO_REUSE)

    def main():
        train = tf.data.TFRecordDataset('a').batch(8{drop})
        valid = tf.data.TFRecordDataset('b').batch(9)
        x, y = train.make_one_shot_iterator().get_next()
        vx, vy = valid.make_one_shot_iterator().get_next()
        loss = tf.reduce_mean(net(x) - y)
        valid_loss = tf.reduce_mean(net(vx) - vy)
        grads = tf.train.AdamOptimizer(0.1).compute_gradients(loss)
        return grads, valid_loss
    """
    result = ported(source.format(drop=""))
    assert "batch(8, drop_remainder=True)" in result.text()
    assert "batch(9)" in result.text()


def test_tensors_kept_as_attributes_and_used_in_other_methods() -> None:
    source = """
    import tensorflow as tf
    from losses import hinge

    class Gan:
        def build_model(self):
            inputs = tf.data.Dataset.from_tensor_slices(self.data)
            inputs = inputs.\\
                apply(tf.contrib.data.shuffle_and_repeat(self.count)).\\
                apply(tf.contrib.data.map_and_batch(self.read, self.size, num_parallel_batches=4{drop}))
            self.inputs = inputs.make_one_shot_iterator().get_next()
            real = self.discriminator(self.inputs)
            self.d_loss = hinge(real)

        def discriminator(self, x):
            return tf.layers.dense(x, 1)

        def optimize(self):
            self.op = tf.train.AdamOptimizer(0.1).minimize(self.d_loss)

        def read(self, name):
            return tf.read_file(name)
    """
    check_port(source.format(drop=""), source.format(drop=", drop_remainder=True"), "NPU301")


def test_losses_that_a_collection_keeps() -> None:
    source = """
    import tensorflow as tf
    slim = tf.contrib.slim

    def main():
        data = tf.data.TFRecordDataset('a').repeat().batch(8{drop})
        x, y = data.make_one_shot_iterator().get_next()
        tf.losses.softmax_cross_entropy(y, tf.layers.dense(x, 3))
        total = tf.losses.get_total_loss()
        slim.learning.train(slim.learning.create_train_op(total, optimizer), 'logs')
    """
    check_port(source.format(drop=""), source.format(drop=", drop_remainder=True"), "NPU301")


def test_keras_fit() -> None:
    source = """
    import tensorflow as tf

    train = tf.data.TFRecordDataset('a').repeat().batch(8{drop})
    valid = tf.data.TFRecordDataset('b').repeat().batch(9)
    model = tf.keras.Sequential()
    model.fit(train, validation_data=valid, steps_per_epoch=3)
    model.evaluate(valid)
    """
    check_port(source.format(drop=""), source.format(drop=", drop_remainder=True"), "NPU301")


def test_a_foreign_minimize_is_no_training() -> None:
    check_noop(
        """
        import scipy.optimize
        import tensorflow as tf

        x = tf.data.TFRecordDataset('a').repeat().batch(8).make_one_shot_iterator().get_next()
        scipy.optimize.minimize(x, 0)
        """,
        "NPU301",
    )


def test_unit_tests_are_left_alone() -> None:
    source = training("data = data.repeat().batch(size)") + (
        "\nclass T(tf.test.TestCase):\n    def test(self):\n        train(3)\n"
    )
    assert check_noop(source, "NPU301").findings == []


@pytest.mark.parametrize(
    "lines",
    [
        ["data = data.batch(512)", "data = data.map(parse).unbatch()"],
        ["data = data.batch(512).apply(tf.data.experimental.unbatch())"],
        ["data = data.padded_batch(512, [None])", "data = data.apply(tf.contrib.data.unbatch())"],
        ["data = data.batch(512).flat_map(tf.data.Dataset.from_tensor_slices)"],
        ["data = data.batch(512).flat_map(lambda x: tf.data.Dataset.from_tensor_slices(f(x)))"],
        ["data = data.batch(512).interleave(map_func=tf.data.Dataset.from_tensor_slices)"],
        ["data = data.batch(512).apply(tf.data.experimental.parallel_interleave(slices, 2))"],
        ["data = singles(data.batch(512))"],
        ["chunks = data.batch(512)", "data = all_of(chunks)"],
    ],
)
def test_batches_that_are_taken_apart_are_left_alone(lines: list[str]) -> None:
    helpers = (
        "def slices(x):\n    return tf.data.Dataset.from_tensor_slices(x).map(g)\n\n"
        "def singles(chunks):\n    chunks = chunks.map(f)\n    return chunks.unbatch()\n\n"
        "def all_of(chunks):\n    return singles(chunks)\n\n"
    )

    def source(drop: str) -> str:
        text = training(*lines, f"data = data.shuffle(99).batch(size{drop})")
        return text.replace("def train", helpers + "def train")

    result = ported(source(""))
    assert result.text() == source(", drop_remainder=True")
    (finding,) = result.findings
    assert "data.shuffle(99)" in source("").splitlines()[finding.line - 1]


@pytest.mark.parametrize(
    "lines",
    [
        ["chunks = data.batch(size)", "other = chunks.unbatch()", "data = chunks"],
        ["data = data.batch(size)", "if few:", "    data = data.unbatch()"],
        ["data = data.batch(size).map(lambda x: unbatch(x))"],
        ["data = data.batch(size).apply(tf.data.experimental.prefetch_to_device('/cpu:0'))"],
        ["data = data.batch(size).map(lambda x: tf.data.Dataset.from_tensor_slices(x))"],
        ["data = data.unbatch().batch(size)"],
    ],
)
def test_batches_that_also_reach_training_whole(lines: list[str]) -> None:
    assert "batch(size, drop_remainder=True)" in ported(training(*lines)).text()


@pytest.mark.parametrize(
    "reading",
    [
        "names.interleave(lambda f: tf.data.TextLineDataset(f).batch(size), 4)",
        "names.flat_map(read)",
        "names.interleave(map_func=read, cycle_length=4)",
        "names.apply(tf.data.experimental.parallel_interleave(read, 4)).prefetch(1)",
    ],
)
def test_a_tail_for_each_file_is_told_as_such(reading: str) -> None:
    source = training("names = tf.data.Dataset.list_files('*')", f"data = {reading}")
    read = "def read(f):\n    return tf.data.TextLineDataset(f).batch(size)\n\n"
    source = source.replace("def train", read + "def train")
    result = ported(source)
    (finding,) = result.findings
    assert "the last batch of each file or other dataset read at train.py:9" in finding.message
    kept = ported(source, drop_remainder="endless")
    assert "its last batch of each file" in kept.findings[0].message
    assert "drop_remainder" not in kept.text()


def test_endless_files_lose_nothing() -> None:
    source = training("data = data.interleave(lambda f: read(f).repeat().batch(size), 4)")
    source = source.replace("read(f)", "tf.data.TextLineDataset(f)")
    result = ported(source)
    assert "batch(size, drop_remainder=True)" in result.text()
    assert result.findings == []
