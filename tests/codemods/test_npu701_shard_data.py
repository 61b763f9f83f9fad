from typing import Any

import pytest

from migrate.errors import RecipeError
from tests.codemods.support import Ported, check_noop, check_port, port_files

HEAD = "import tensorflow as tf\n"
IMPORT = "from npu_runtime import npu_shard\n"
TAIL = """
    image, label = data.make_one_shot_iterator().get_next()
    loss = tf.reduce_mean(tf.layers.dense(image, 1) - label)
    return tf.train.AdamOptimizer(0.1).minimize(loss)
"""


def training(*lines: str, head: str = HEAD) -> str:
    """A function that trains on the dataset ``data`` that some lines make."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"{head}\ndef run(files, size, parse):\n{body}{TAIL.lstrip(chr(10))}"


def evaluating(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"""{HEAD}
def run(files, size, session):
{body}    image = data.make_one_shot_iterator().get_next()
    return session.run(tf.reduce_mean(image))
"""


def pair(before: str, after: str) -> Ported:
    return check_port(training(before), training(after, head=HEAD + IMPORT), "NPU701")


def ported(source: str, **options: Any) -> Ported:
    return port_files({"train.py": source}, "NPU701", options={"NPU701": options})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "data = tf.data.TFRecordDataset(files).shuffle(9).repeat().batch(size)",
            "data = npu_shard(tf.data.TFRecordDataset(files)).shuffle(9).repeat().batch(size)",
        ),
        (
            "data = tf.data.TextLineDataset(files).map(parse).batch(size)",
            "data = npu_shard(tf.data.TextLineDataset(files)).map(parse).batch(size)",
        ),
        (
            "data = tf.data.FixedLengthRecordDataset(files, 9).batch(size)",
            "data = npu_shard(tf.data.FixedLengthRecordDataset(files, 9)).batch(size)",
        ),
        (
            "data = tf.data.Dataset.from_tensor_slices((files, size)).repeat()",
            "data = tf.data.Dataset.from_tensor_slices(npu_shard((files, size))).repeat()",
        ),
        (
            "data = tf.data.Dataset.from_tensor_slices(tensors=files)",
            "data = tf.data.Dataset.from_tensor_slices(tensors=npu_shard(files))",
        ),
        (
            "data = tf.data.Dataset.list_files(files + '/*').map(parse)",
            "data = tf.data.Dataset.list_files(npu_shard(files + '/*')).map(parse)",
        ),
        (
            "data = tf.data.Dataset.from_generator(parse, tf.int64).batch(size)",
            "data = npu_shard(tf.data.Dataset.from_generator(parse, tf.int64)).batch(size)",
        ),
        (
            "data = tf.data.Dataset.range(9).map(parse)",
            "data = npu_shard(tf.data.Dataset.range(9)).map(parse)",
        ),
        (
            "data = tf.data.Dataset.list_files(files).interleave(tf.data.TFRecordDataset, 4)",
            "data = tf.data.Dataset.list_files(files).interleave(npu_shard(tf.data.TFRecordDataset), 4)",
        ),
        (
            "data = tf.data.Dataset.from_tensor_slices(files).flat_map("
            "lambda name: tf.data.TFRecordDataset(name))",
            "data = tf.data.Dataset.from_tensor_slices(files).flat_map("
            "lambda name: npu_shard(tf.data.TFRecordDataset(name)))",
        ),
        (
            "data = tf.data.Dataset.list_files(files).apply("
            "tf.contrib.data.parallel_interleave(tf.data.TFRecordDataset, cycle_length=4))",
            "data = tf.data.Dataset.list_files(files).apply("
            "tf.contrib.data.parallel_interleave(npu_shard(tf.data.TFRecordDataset), cycle_length=4))",
        ),
        (
            "data = tf.data.TFRecordDataset(tf.data.Dataset.list_files(files)).batch(size)",
            "data = npu_shard(tf.data.TFRecordDataset(tf.data.Dataset.list_files(files))).batch(size)",
        ),
        (
            "data = tf.data.TFRecordDataset(files).skip(100).shuffle(9)",
            "data = npu_shard(tf.data.TFRecordDataset(files).skip(100)).shuffle(9)",
        ),
        (
            "data = tf.data.TFRecordDataset(files).take(100).map(parse).skip(2).batch(3)",
            "data = npu_shard(tf.data.TFRecordDataset(files).take(100).map(parse).skip(2)).batch(3)",
        ),
        (
            "data = tf.data.TFRecordDataset(files).repeat().take(100)",
            "data = npu_shard(tf.data.TFRecordDataset(files)).repeat().take(100)",
        ),
    ],
)
def test_datasets_that_train_are_divided_before_shuffling_and_batching(
    before: str, after: str
) -> None:
    result = pair(before, after)
    whole_files = "list_files(npu_shard" in after
    assert [finding.severity for finding in result.findings] == ["note"] * whole_files


def test_each_step_may_have_its_own_line() -> None:
    before = (
        "data = tf.data.TFRecordDataset(",
        "    files,  # all of them",
        ")",
        "data = data.skip(3)",
        "data = data.shuffle(100).repeat()",
        "data = data.batch(size)",
    )
    after = (*before[:3], "data = npu_shard(data.skip(3))", *before[4:])
    check_port(training(*before), training(*after, head=HEAD + IMPORT), "NPU701")


def test_pairs_are_divided_where_they_are_made() -> None:
    before = (
        "images = tf.data.Dataset.from_tensor_slices(files)",
        "labels = tf.data.TextLineDataset(size).map(f)",
        "data = tf.data.Dataset.zip((images, labels)).shuffle(9).batch(2)",
    )
    after = (
        *before[:2],
        "data = npu_shard(tf.data.Dataset.zip((images, labels))).shuffle(9).batch(2)",
    )
    check_port(training(*before), training(*after, head=HEAD + IMPORT), "NPU701")


def test_sets_that_are_each_shuffled_are_no_pairs() -> None:
    before = (
        "some = tf.data.TFRecordDataset(files).shuffle(9).repeat()",
        "others = tf.data.Dataset.list_files(size).map(f)",
        "data = tf.data.Dataset.zip((some, others)).batch(2)",
    )
    after = (
        "some = npu_shard(tf.data.TFRecordDataset(files)).shuffle(9).repeat()",
        "others = tf.data.Dataset.list_files(npu_shard(size)).map(f)",
        before[2],
    )
    check_port(training(*before), training(*after, head=HEAD + IMPORT), "NPU701")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            [
                "some = tf.data.TFRecordDataset(files).batch(2)",
                "data = tf.data.Dataset.zip((some, tf.data.TFRecordDataset(size).batch(2)))",
            ],
            "paired with others only at train.py:",
        ),
        (
            [
                "some = tf.data.TFRecordDataset(files).shuffle(9, seed=1)",
                "data = tf.data.Dataset.zip((some, tf.data.TFRecordDataset(size).shuffle(9, 1)))",
            ],
            "paired with others only at train.py:",
        ),
        (
            [
                "data = tf.data.TFRecordDataset(files)",
                "for other in size: data = tf.data.Dataset.zip((data, other))",
            ],
            "paired with others in a loop",
        ),
        (
            [
                "data = tf.data.TFRecordDataset(files)",
                "if size: data = data.take(9)",
                "data = data.shuffle(9).batch(2)",
            ],
            "a part of it is taken at train.py:",
        ),
        (
            ["data = tf.data.TFRecordDataset(files).window(9).flat_map(f).batch(2)"],
            "its order matters: window at train.py:",
        ),
        (
            ["data = tf.data.TFRecordDataset(files).batch(9).map(f).shuffle(3).batch(2)"],
            "its order matters: batch at train.py:",
        ),
    ],
)
def test_data_that_must_not_be_divided(lines: list[str], why: str) -> None:
    findings = check_noop(training(*lines), "NPU701").findings
    assert {finding.severity for finding in findings} == {"warning"}
    assert any(why in finding.message for finding in findings)


@pytest.mark.parametrize(
    "line",
    [
        "data = tf.data.TFRecordDataset(files).batch(2).take(9)",
        "data = tf.data.TFRecordDataset(files).shuffle(3).take(9).batch(2)",
        "data = tf.data.TFRecordDataset(files).batch(9).unbatch().batch(2)",
    ],
)
def test_what_comes_of_divided_data_later(line: str) -> None:
    result = ported(training(line))
    assert "npu_shard(tf.data.TFRecordDataset(files))" in result.text()


@pytest.mark.parametrize(
    "lines",
    [
        ["data = tf.data.Dataset.list_files(size).shard(worker_num, 0)"],
        [
            "import hvd",
            "data = tf.data.Dataset.list_files(size)",
            "if size: data = data.shard(hvd.size(), hvd.rank())",
        ],
        ["data = tf.data.Dataset.from_tensor_slices(files[MPI.Get_rank()::2])"],
    ],
)
@pytest.mark.parametrize(
    "spread",
    [
        "data = data.interleave(tf.data.TFRecordDataset, 3).batch(2)",
        "data = data.flat_map(lambda name: tf.data.TFRecordDataset(name)).batch(2)",
        "data = data.apply(tf.contrib.data.parallel_interleave(tf.data.TFRecordDataset, 3)).batch(2)",
    ],
)
def test_records_of_files_that_are_a_part_already_stay(lines: list[str], spread: str) -> None:
    check_noop(training(*lines, spread), "NPU701")


@pytest.mark.parametrize(
    ("files", "divided"),
    [("tf.train.match_filenames_once(names)", False), ("found", False), ("names", True)],
)
def test_names_of_files_in_a_queue(files: str, divided: bool) -> None:
    source = f"""
{HEAD}
def train(names):
    found = tf.train.match_filenames_once(names)
    queue = tf.train.string_input_producer({files})
    _, record = tf.WholeFileReader().read(queue)
    return tf.train.AdamOptimizer(0.1).minimize(tf.reduce_mean(tf.to_float(record)))
"""
    result = port_files({"train.py": source}, "NPU701")
    assert ("npu_shard(names)" in result.text()) is divided
    (finding,) = result.findings
    assert ("not divided" in finding.message) is not divided


def test_a_generator_in_the_brackets_of_a_call_stays() -> None:
    source = f"""
{HEAD}
def train(files):
    queue = tf.train.string_input_producer(name for name in files)
    _, record = tf.TextLineReader().read(queue)
    return tf.train.AdamOptimizer(0.1).minimize(tf.reduce_mean(tf.to_float(record)))
"""
    result = port_files({"train.py": source}, "NPU701")
    assert "string_input_producer(name for name in files)" in result.text()


def test_a_branch_that_joins_another_is_divided_once() -> None:
    before = (
        "if size:",
        "    data = tf.data.TextLineDataset(files)",
        "else:",
        "    data = tf.data.TFRecordDataset(files)",
        "data = data.shuffle(9).batch(2)",
    )
    after = (
        "if size:",
        "    data = npu_shard(tf.data.TextLineDataset(files))",
        "else:",
        "    data = npu_shard(tf.data.TFRecordDataset(files))",
        before[4],
    )
    check_port(training(*before), training(*after, head=HEAD + IMPORT), "NPU701")


INPUT_FN = """
import tensorflow as tf

def make(files, is_training):
    data = tf.data.TFRecordDataset(files)
    if is_training:
        data = data.shuffle(100).repeat()
    return data.batch(8)

def main(model_fn):
    estimator = tf.estimator.Estimator(model_fn)
    estimator.train(lambda: make('a', True), steps=9)
    estimator.evaluate(lambda: make('b', False))
"""


def test_a_function_that_knows_its_mode_divides_training_data() -> None:
    check_port(
        INPUT_FN,
        INPUT_FN.replace("import tensorflow as tf\n", HEAD + IMPORT).replace(
            "tf.data.TFRecordDataset(files)",
            "npu_shard(tf.data.TFRecordDataset(files), is_training)",
        ),
        "NPU701",
    )


@pytest.mark.parametrize(
    ("parameter", "test", "condition"),
    [
        ("mode", "mode == tf.estimator.ModeKeys.TRAIN", "mode == tf.estimator.ModeKeys.TRAIN"),
        ("mode", "mode == 'train'", "mode == 'train'"),
        ("evaluation", "not evaluation", "not evaluation"),
        ("is_eval", "is_eval", "not is_eval"),
        ("kind", "kind == 'train' and files", "kind == 'train'"),
        ("kind", "'train' in kind", "'train' in kind"),
        ("mode", "mode in ('train', 'training')", "mode in ('train', 'training')"),
    ],
)
def test_a_mode_has_many_names(parameter: str, test: str, condition: str) -> None:
    before = INPUT_FN.replace("is_training)", f"{parameter})").replace(
        "if is_training", f"if {test}"
    )
    after = before.replace("import tensorflow as tf\n", HEAD + IMPORT).replace(
        "tf.data.TFRecordDataset(files)", f"npu_shard(tf.data.TFRecordDataset(files), {condition})"
    )
    check_port(before, after, "NPU701")


@pytest.mark.parametrize(
    ("test", "divided"),
    [
        ("'test' in kind", "else"),
        ("kind in ('test', 'val')", "else"),
        ("kind not in ['test', 'val']", "if"),
        ("kind == 'test'", "else"),
        ("len(kind) > 4", "both"),
    ],
)
def test_a_branch_that_evaluates_leaves_its_data_whole(test: str, divided: str) -> None:
    before = f"""
        import tensorflow as tf

        def make(kind, files):
            if {test}:
                data = tf.data.TFRecordDataset(files).map(len)
            else:
                data = tf.data.TFRecordDataset(files).map(abs)
            return data.batch(8)

        def main(model_fn):
            estimator = tf.estimator.Estimator(model_fn)
            estimator.train(lambda: make('train', 'a'), steps=9)
        """
    text = ported(before).text()
    assert ("npu_shard(tf.data.TFRecordDataset(files)).map(len)" in text) == (divided != "else")
    assert ("npu_shard(tf.data.TFRecordDataset(files)).map(abs)" in text) == (divided != "if")


def test_a_function_without_a_mode_is_a_warning() -> None:
    source = """
        import tensorflow as tf

        def make(files):
            return tf.data.TFRecordDataset(files).batch(8)

        def main(model_fn):
            estimator = tf.estimator.Estimator(model_fn)
            estimator.train(lambda: make('a'), steps=9)
            estimator.evaluate(lambda: make('b'))
        """
    result = check_noop(source, "NPU701")
    (finding,) = result.findings
    assert (finding.severity, finding.line) == ("warning", 4)
    assert "feeds the training at train.py:8 and also train.py:9" in finding.message
    assert "npu_shard(...)" in finding.advice


def test_data_that_goes_on_and_on_is_a_warning() -> None:
    source = """
        import tensorflow as tf

        def make0(files):
            return tf.data.TFRecordDataset(files)
        """
    for number in range(1, 600):
        source += f"""
        def make{number}(files):
            return make{number - 1}(files).map(decode)
        """
    source += """
        def main(model_fn):
            estimator = tf.estimator.Estimator(model_fn)
            estimator.train(lambda: make599('a'), steps=9)
            estimator.evaluate(lambda: make599('b'))
        """
    (finding,) = check_noop(source, "NPU701").findings
    assert (finding.severity, finding.line) == ("warning", 4)


def test_each_caller_of_a_reading_function_is_judged_alone() -> None:
    before = """
        import tensorflow as tf

        def read(name):
            return tf.data.TFRecordDataset(name)

        def run(session, model):
            known = read('a').shuffle(9).batch(2).make_one_shot_iterator().get_next()
            op = tf.train.AdamOptimizer(0.1).minimize(model(known))
            held = read('b').batch(2).make_one_shot_iterator().get_next()
            print(session.run(tf.reduce_mean(held)))
            return op
        """
    after = before.replace(
        "import tensorflow as tf\n", "import tensorflow as tf\n        " + IMPORT
    )
    after = after.replace("read('a').shuffle", "npu_shard(read('a')).shuffle")
    check_port(before, after, "NPU701")


def test_statistics_have_all_of_the_data() -> None:
    before = """
        import tensorflow as tf

        def mean_of(values, session):
            return session.run(values.batch(99).make_one_shot_iterator().get_next()).mean()

        def run(session):
            data = tf.data.TFRecordDataset('a')
            mean = mean_of(data, session)
            batch = data.shuffle(9).batch(2).make_one_shot_iterator().get_next()
            return tf.train.AdamOptimizer(0.1).minimize(batch - mean)
        """
    after = before.replace(
        "import tensorflow as tf\n", "import tensorflow as tf\n        " + IMPORT
    )
    after = after.replace("data.shuffle(9)", "npu_shard(data).shuffle(9)")
    check_port(before, after, "NPU701")


def test_held_out_records_are_nobody_s_part() -> None:
    before = """
        import tensorflow as tf

        def run(session, model):
            records = tf.data.TFRecordDataset('a')
            held = records.take(50).batch(50).make_one_shot_iterator().get_next()
            rest = records.skip(50).shuffle(9).batch(2).make_one_shot_iterator().get_next()
            print(session.run(model(held)))
            return tf.train.AdamOptimizer(0.1).minimize(model(rest))
        """
    after = before.replace(
        "import tensorflow as tf\n", "import tensorflow as tf\n        " + IMPORT
    )
    after = after.replace("records.skip(50)", "npu_shard(records.skip(50))")
    check_port(before, after, "NPU701")


def test_an_iterator_for_both_goes_by_the_names_of_the_data() -> None:
    before = """
        import tensorflow as tf

        def run(a, b, loss):
            train_data = tf.data.TFRecordDataset(a).batch(2)
            test_data = tf.data.TFRecordDataset(b).batch(2)
            iterator = tf.data.Iterator.from_structure(train_data.output_types)
            start = iterator.make_initializer(train_data)
            start_test = iterator.make_initializer(test_data)
            op = tf.train.AdamOptimizer(0.1).minimize(loss(iterator.get_next()))
            return op, start, start_test
        """
    after = before.replace(
        "import tensorflow as tf\n", "import tensorflow as tf\n        " + IMPORT
    )
    after = after.replace("tf.data.TFRecordDataset(a)", "npu_shard(tf.data.TFRecordDataset(a))")
    result = check_port(before, after, "NPU701")
    (note,) = result.findings
    assert (note.line, note.severity) == (4, "note")
    assert "since its name says training" in note.message
    assert 'rules.NPU701.leave = ["train.py:run"]' in note.advice
    assert ported(before, leave=["train.py:run"]).findings == []


INPUTS = {
    "an iterator": """
        data = tf.data.TFRecordDataset(files).repeat().batch(size)
        return data.make_one_shot_iterator().get_next()
    """,
    "a queue": """
        queue = tf.train.string_input_producer(files)
        _, value = tf.TFRecordReader().read(queue)
        return tf.train.batch([value], size)
    """,
}


@pytest.mark.parametrize("made", INPUTS)
@pytest.mark.parametrize(
    ("others", "divided"),
    [
        ("", True),
        ("loss += net(inputs(['more'], 8))", True),
        ("accuracy = net(inputs(['val'], 8))", False),
    ],
)
def test_what_a_function_of_batches_gives_is_judged_for_each_caller(
    made: str, others: str, divided: bool
) -> None:
    body = INPUTS[made].replace("\n    ", "\n").strip()
    result = ported(f"""
import tensorflow as tf

def inputs(files, size):
    {body}

def main(net, session):
    loss = accuracy = net(inputs(['train'], 8))
    {others}
    train_op = tf.train.AdamOptimizer().minimize(loss)
    session.run(train_op)
    session.run(accuracy)
""")
    assert ("npu_shard(" in result.text()) == divided
    assert [f.severity for f in result.findings] == ([] if divided else ["warning"])


@pytest.mark.parametrize(
    ("again", "divided"),
    [
        ("{x: rows}", True),
        ("feed_dict={x: rows}", True),
        ("{x:  rows, size: 8}", True),
        ("{x: test_rows}", False),
        ("{x: test_rows, size: 8}", False),
    ],
)
@pytest.mark.parametrize("start", ["iterator.initializer", "start", "[counter, start]"])
def test_an_iterator_that_is_started_with_other_data_is_not_for_training_alone(
    start: str, again: str, divided: bool
) -> None:
    result = ported(f"""
import tensorflow as tf

def main(net, session, rows, test_rows, counter):
    x = tf.placeholder(tf.float32, [None, 4])
    iterator = tf.data.Dataset.from_tensor_slices(x).batch(8).make_initializable_iterator()
    start = iterator.initializer
    accuracy = net(iterator.get_next())
    train_op = tf.train.AdamOptimizer().minimize(accuracy)
    session.run({start}, {{x: rows}})
    session.run(train_op)
    session.run({start}, {again})
    session.run(accuracy)
""")
    assert ("npu_shard(" in result.text()) == divided
    said = [f.message.rpartition(": ")[2] for f in result.findings]
    wanted = "it feeds the training at train.py:8 and also train.py:11"
    assert said == ([] if divided else [wanted])


def test_data_that_is_followed_to_its_training_needs_no_note() -> None:
    line = "train_data = data = tf.data.TFRecordDataset(files)"
    assert ported(training(line)).findings == []


def test_values_that_are_fetched_and_fed_again_count_by_what_is_run() -> None:
    before = """
        import tensorflow as tf

        def run(session, x, loss):
            op = tf.train.AdamOptimizer(0.1).minimize(loss)
            one = tf.data.TFRecordDataset('a').batch(2).make_one_shot_iterator().get_next()
            two = tf.data.TFRecordDataset('b').batch(2).make_one_shot_iterator().get_next()
            values = session.run(one)
            session.run([op, loss], feed_dict={x: values})
            others = session.run(two)
            session.run(loss, feed_dict={x: others})
        """
    before = before.replace("op =", "train_op =").replace("[op,", "[train_op,")
    after = before.replace(
        "import tensorflow as tf\n", "import tensorflow as tf\n        " + IMPORT
    )
    after = after.replace("tf.data.TFRecordDataset('a')", "npu_shard(tf.data.TFRecordDataset('a'))")
    check_port(before, after, "NPU701")


def test_what_is_made_of_a_given_dataset_is_divided_where_that_comes_from() -> None:
    before = """
        import tensorflow as tf

        def in_memory(data, session):
            item = data.make_one_shot_iterator().get_next()
            rows = [session.run(item) for _ in range(9)]
            return tf.data.Dataset.range(len(rows)).repeat().shuffle(9)

        def run(session):
            data = tf.data.TFRecordDataset('train')
            data = in_memory(data, session).batch(3)
            batch = data.make_one_shot_iterator().get_next()
            return tf.train.AdamOptimizer(0.1).minimize(batch)
        """
    after = before.replace(
        "import tensorflow as tf\n", "import tensorflow as tf\n        " + IMPORT
    )
    after = after.replace(
        "tf.data.TFRecordDataset('train')", "npu_shard(tf.data.TFRecordDataset('train'))"
    )
    result = ported(before)
    assert "npu_shard(tf.data.Dataset.range" not in result.text()
    assert result.text().count("npu_shard(") == 1


def test_an_object_may_make_its_dataset_when_it_is_needed() -> None:
    before = """
        import tensorflow as tf

        class Later(object):
            def __init__(self, make):
                self.make = make

            def shuffle(self, count):
                return Later(lambda: self.make().shuffle(count))

        def read(name):
            return Later(lambda: tf.data.TFRecordDataset(name))

        def run(session):
            train_data = read('a').shuffle(9).make_one_shot_iterator().get_next()
            test_data = read('b').make_one_shot_iterator().get_next()
            session.run(tf.reduce_mean(test_data))
            return tf.train.AdamOptimizer(0.1).minimize(train_data)
        """
    after = before.replace(
        "import tensorflow as tf\n", "import tensorflow as tf\n        " + IMPORT
    )
    after = after.replace("read('a')", "npu_shard(read('a'))")
    check_port(before, after, "NPU701")


QUEUE = """
import tensorflow as tf

def run(names):
    queue = tf.train.string_input_producer(names, num_epochs=2)
    reader = tf.TFRecordReader()
    _, value = reader.read(queue)
    image, label = tf.train.shuffle_batch([value, value], 2, 9, 3)
    return tf.train.AdamOptimizer(0.1).minimize(image - label)
"""


def test_readers_of_records_are_divided() -> None:
    check_port(
        QUEUE,
        QUEUE.replace("import tensorflow as tf\n", HEAD + IMPORT).replace(
            "tf.TFRecordReader()", "npu_shard(tf.TFRecordReader())"
        ),
        "NPU701",
    )


def test_readers_of_whole_files_get_other_files() -> None:
    before = QUEUE.replace("TFRecordReader", "WholeFileReader")
    after = before.replace("import tensorflow as tf\n", HEAD + IMPORT)
    check_port(before, after.replace("(names,", "(npu_shard(names),"), "NPU701")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "image, label = tf.train.slice_input_producer([images, labels], shuffle=True)",
            "image, label = tf.train.slice_input_producer(npu_shard(tuple([images, labels])), shuffle=True)",
        ),
        (
            "label = tf.train.input_producer(labels).dequeue()",
            "label = tf.train.input_producer(npu_shard(labels)).dequeue()",
        ),
        (
            "label = tf.train.range_input_producer(9).dequeue()",
            "label = npu_shard(tf.train.range_input_producer(9)).dequeue()",
        ),
        (
            "label = tf.contrib.learn.read_batch_examples('a', 2, tf.TFRecordReader)",
            "label = tf.contrib.learn.read_batch_examples('a', 2, npu_shard(tf.TFRecordReader))",
        ),
        (
            "label = tf.contrib.learn.read_batch_features('a', 2, {}, reader=tf.TFRecordReader)",
            "label = tf.contrib.learn.read_batch_features('a', 2, {}, reader=npu_shard(tf.TFRecordReader))",
        ),
        (
            "label = tf.contrib.learn.read_batch_record_features('a*', 2, {})",
            "label = tf.contrib.learn.read_batch_record_features(npu_shard('a*'), 2, {})",
        ),
        (
            "label = tf.contrib.slim.parallel_reader.parallel_read('a*', tf.TFRecordReader)[1]",
            "label = tf.contrib.slim.parallel_reader.parallel_read('a*', npu_shard(tf.TFRecordReader))[1]",
        ),
        (
            "label = slim.dataset_data_provider.DatasetDataProvider(data, num_readers=2).get(['l'])",
            "label = slim.dataset_data_provider.DatasetDataProvider(npu_shard(data), num_readers=2).get(['l'])",
        ),
    ],
)
def test_queues_that_train_are_divided(before: str, after: str) -> None:
    source = """
import tensorflow as tf
import tensorflow.contrib.slim as slim

def run(images, labels, data):
    {}
    return tf.train.AdamOptimizer(0.1).minimize(tf.train.batch([label], 2))
"""
    written = source.replace("as slim\n", "as slim\n" + IMPORT)
    check_port(source.format(before), written.format(after), "NPU701")


def test_a_queue_that_serves_both_asks_for_the_mode() -> None:
    before = """
        import tensorflow as tf

        def batches(ids, is_train):
            one = tf.train.string_input_producer(ids).dequeue()
            return tf.train.batch([one], 2)

        class Trainer(object):
            def __init__(self, ids, test_ids, loss):
                self.batch = batches(ids, True)
                self.test_batch = batches(test_ids, False)
                self.step = tf.train.AdamOptimizer(0.1).minimize(loss)

            def train(self, session, x):
                values = session.run(self.batch)
                session.run(self.train_op, feed_dict={x: values})

            def test(self, session, x):
                values = session.run(self.test_batch)
                print(session.run(self.loss, feed_dict={x: values}))
        """
    after = before.replace(
        "import tensorflow as tf\n", "import tensorflow as tf\n        " + IMPORT
    )
    after = after.replace("producer(ids)", "producer(npu_shard(ids, is_train))")
    check_port(before, after, "NPU701")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{'a': a}, b, 32, shuffle=True", "*npu_shard(({'a': a}, b)), 32, shuffle=True"),
        ("x={'a': a}, y=b, shuffle=True", "**npu_shard(dict(x={'a': a}, y=b)), shuffle=True"),
        ("x={'a': a}, shuffle=True", "x=npu_shard({'a': a}), shuffle=True"),
    ],
)
@pytest.mark.parametrize("name", ["numpy_input_fn", "pandas_input_fn"])
def test_input_functions_of_arrays(name: str, before: str, after: str) -> None:
    source = """
import tensorflow as tf

def run(a, b, estimator):
    train = tf.estimator.inputs.NAME(ARGUMENTS)
    estimator = tf.estimator.LinearClassifier([])
    estimator.train(input_fn=train, steps=9)
    estimator.evaluate(tf.estimator.inputs.NAME({'a': b}, shuffle=False))
""".replace("NAME", name)
    written = source.replace("import tensorflow as tf\n", HEAD + IMPORT)
    check_port(source.replace("ARGUMENTS", before), written.replace("ARGUMENTS", after), "NPU701")


@pytest.mark.parametrize(
    "source",
    [
        "data = npu_shard(tf.data.TFRecordDataset(files)).batch(2)",
        "data = tf.data.TFRecordDataset(files).shard(2, size).batch(2)",
        "data = tf.data.TFRecordDataset(files[hvd.rank()::hvd.size()]).batch(2)",
        "data = tf.data.TFRecordDataset(files[shard_id::num_shards]).batch(2)",
        "data = tf.data.Dataset.from_tensors(files).repeat()",
    ],
)
def test_what_is_divided_already_stays(source: str) -> None:
    result = check_noop(
        training(source, head=f"{HEAD}import horovod.tensorflow as hvd\n{IMPORT}"), "NPU701"
    )
    assert result.findings == []


def test_a_shard_under_a_condition_is_the_author_s() -> None:
    check_noop(
        training(
            "data = tf.data.TFRecordDataset(files)",
            "if size > 1:",
            "    data = data.shard(size, 0)",
            "data = data.batch(2)",
        ),
        "NPU701",
    )


@pytest.mark.parametrize(
    "source",
    [
        "data = tf.data.TFRecordDataset(files).batch(size)",
        "data = tf.data.Dataset.from_tensor_slices(files).batch(size)",
        "data = tf.data.Dataset.list_files(files).interleave(tf.data.TFRecordDataset, 4)",
        "data = tf.data.Dataset.range(7)",
    ],
)
def test_data_that_does_not_train_stays_whole(source: str) -> None:
    result = check_noop(evaluating(source), "NPU701")
    assert result.findings == []


def test_evaluation_of_an_estimator_stays_whole() -> None:
    check_noop(
        """
        import tensorflow as tf

        def eval_input():
            return tf.data.TFRecordDataset('a').batch(2)

        def main(model_fn):
            tf.estimator.Estimator(model_fn).evaluate(eval_input)
            tf.estimator.Estimator(model_fn).predict(input_fn=eval_input)
        """,
        "NPU701",
    )


def test_queues_of_evaluation_stay_whole() -> None:
    check_noop(
        """
        import tensorflow as tf

        def run(names, session):
            queue = tf.train.string_input_producer(names, num_epochs=1)
            _, value = tf.TFRecordReader().read(queue)
            print(session.run(tf.train.batch([value], 2)))
        """,
        "NPU701",
    )


def test_the_branch_for_evaluation_stays_whole() -> None:
    before = """
        import tensorflow as tf

        def make(is_training):
            if is_training:
                data = tf.data.TFRecordDataset('a')
            else:
                data = tf.data.TFRecordDataset('b')
            return data.batch(2)

        def main(model_fn):
            estimator = tf.estimator.Estimator(model_fn)
            estimator.train(lambda: make(True))
            estimator.evaluate(lambda: make(False))
        """
    after = before.replace(
        "import tensorflow as tf\n", "import tensorflow as tf\n        " + IMPORT
    )
    after = after.replace("tf.data.TFRecordDataset('a')", "npu_shard(tf.data.TFRecordDataset('a'))")
    check_port(before, after, "NPU701")


def test_elements_of_one_element_are_its_rank_s() -> None:
    result = ported(
        training(
            "data = tf.data.TFRecordDataset(files)",
            "data = data.flat_map(lambda x: tf.data.Dataset.from_tensor_slices(parse(x)))",
        )
    )
    assert result.text().count("npu_shard(") == 1
    assert "data = npu_shard(tf.data.TFRecordDataset(files))" in result.text()


def test_unit_tests_stay() -> None:
    check_noop(
        training("data = tf.data.TFRecordDataset(files)")
        + "\n\nclass Tests(tf.test.TestCase):\n    def test_run(self):\n        run(1, 2, 3)\n",
        "NPU701",
    )


def test_ordered_numbers_are_a_warning() -> None:
    result = check_noop(
        """
        import tensorflow as tf

        def run(data, steps):
            i = tf.train.range_input_producer(steps, shuffle=False).dequeue()
            return tf.train.AdamOptimizer(0.1).minimize(tf.gather(data, i))
        """,
        "NPU701",
    )
    (finding,) = result.findings
    assert finding.severity == "warning"


def test_a_project_without_tensorflow_stays() -> None:
    check_noop("def run(data):\n    return data.shuffle(9).batch(2)\n", "NPU701")


def test_another_npu_shard_of_the_file_s_own_is_kept_apart() -> None:
    source = (
        training("data = tf.data.TFRecordDataset(files)") + "\n\ndef npu_shard(x):\n    return x\n"
    )
    text = ported(source).text()
    assert "from npu_runtime import npu_shard as runtime_npu_shard" in text
    assert "data = runtime_npu_shard(tf.data.TFRecordDataset(files))" in text


@pytest.mark.parametrize("named", ["train.py", "train.py:run"])
def test_the_recipe_can_leave_data_whole(named: str) -> None:
    source = training("data = tf.data.TFRecordDataset(files)")
    assert ported(source, leave=[named]).text() == source


@pytest.mark.parametrize("named", ["gone.py", "train.py:rnu"])
def test_what_the_recipe_leaves_has_to_be_there(named: str) -> None:
    with pytest.raises(RecipeError, match="no such file or name"):
        ported(training("data = tf.data.TFRecordDataset(files)"), leave=[named])


def test_batches_stay_fixed_on_a_second_pass() -> None:
    source = training("data = tf.data.TFRecordDataset(files).repeat().batch(size)")
    result = port_files({"train.py": source}, "NPU301", "NPU701")
    assert "NPU904" not in result.codes()
    again = port_files(result.files, "NPU301", "NPU701")
    assert again.files == result.files


ARRAYS = """
import tensorflow as tf
from mine import load

def run(session, op, x, y):
    (images, labels), held = load()  # in memory
    for i in range(9):
        session.run(op, {x: images[i:i + 2], y: labels[i:i + 2]})
"""


def test_the_recipe_can_name_what_is_divided() -> None:
    after = ARRAYS.replace("import load\n", "import load\n" + IMPORT).replace(
        "  # in memory\n",
        "  # in memory\n    images, labels = npu_shard((images, labels))\n",
    )
    options = {"NPU701": {"shard": ["train.py:images, labels"]}}
    check_port(ARRAYS, after, "NPU701", options=options)


def test_what_the_recipe_divides_is_not_divided_again() -> None:
    source = """
        import tensorflow as tf
        from mine import load

        class Model:
            def read(self):
                self.data = load()

            def train(self, net):
                data = tf.data.Dataset.from_tensor_slices(self.data)
                batch = data.batch(4).make_one_shot_iterator().get_next()
                return tf.train.AdamOptimizer().minimize(net(batch))

        class Other:
            def train(self, net, rows):
                self.rows = rows
                data = tf.data.Dataset.from_tensor_slices(self.rows)
                batch = data.batch(4).make_one_shot_iterator().get_next()
                return tf.train.AdamOptimizer().minimize(net(batch))
        """
    text = ported(source, shard=["train.py:self.data"]).text()
    assert "        self.data = npu_shard(self.data)\n" in text
    assert "from_tensor_slices(self.data)" in text
    assert "from_tensor_slices(npu_shard(self.rows))" in text
    assert ported(text).text() == text


def test_one_named_variable_needs_no_brackets() -> None:
    source = "import mine\n\ndata = mine.load(); print(data)\n"
    result = ported(source, shard=["train.py:data"])
    assert result.text().endswith("data = mine.load(); data = npu_shard(data); print(data)\n")


def test_a_variable_named_is_divided_only_where_it_is_assigned() -> None:
    source = "import mine\n\nif mine.trains: data = mine.load()\n"
    result = ported(source, shard=["train.py:data"])
    assert result.text().endswith("data = mine.load(); data = npu_shard(data)\n")


@pytest.mark.parametrize("place", ["train.py:nothing", "other.py:images", "images"])
def test_the_recipe_must_name_something(place: str) -> None:
    with pytest.raises(RecipeError, match="nothing is assigned to that"):
        ported(ARRAYS, shard=[place])


def test_arrays_that_a_loop_slices_are_divided_where_the_recipe_says_so() -> None:
    before = ARRAYS.replace("session.run(op", "session.run(train_op")
    (finding,) = check_noop(before, "NPU701").findings
    assert finding.severity == "warning"
    assert finding.message.endswith("fed by hand, from images and labels")
    entry = "train.py:images, labels"
    assert f'rules.NPU701.shard = ["{entry}"]' in finding.advice
    after = before.replace("import load\n", "import load\n" + IMPORT).replace(
        "  # in memory\n",
        "  # in memory\n    images, labels = npu_shard((images, labels))\n",
    )
    options = {"NPU701": {"shard": [entry]}}
    assert check_port(before, after, "NPU701", options=options).findings == []


@pytest.mark.parametrize(
    "lines",
    [
        "batch = held[i:i + 2]\n        session.run(loss, feed_dict={x: batch})",
        "session.run(train_op, feed_dict={x: np.random.rand(2, 3), rate: 0.1})",
        "session.run(train_op, feed_dict={rate: 0.1, keep: 0.5})",
        "session.run(train_op)",
        "session.run(loss.tensor, {x: held[i:i + 2]}); loss.train(train_op)",
        "value = session.run(queue)\n        session.run(train_op, feed_dict={x: value})",
        "held = cut(held)\n        one = held[i]\n        session.run(train_op, feed_dict={x: one})",
        "images = npu_shard(images)\n        session.run(train_op, feed_dict={x: images[i:i + 2]})",
        "for batch in range(9): session.run(train_op, feed_dict={rate: batch})",
        "one = session.run(held[chosen_id])\n        session.run(train_op, feed_dict={x: one})",
        "feed = {rate: 0.1}\n        session.run(train_op, feed_dict=feed)\n"
        "        feed = {x: held[i:i + 2]}\n        session.run(loss, feed_dict=feed)",
        "one = queue.next()\n        one = 1\n        session.run(train_op, feed_dict={x: one})",
        "mine = held[rank::size]\n        session.run(train_op, feed_dict={x: mine[i:i + 2]})",
    ],
)
def test_other_feeds_stay(lines: str) -> None:
    source = f"""
{HEAD}import numpy as np
{IMPORT}
def run(session, train_op, loss, x, rate, keep, queue, held, load):
    images = load()
    for i in range(9):
        {lines}
"""
    result = check_noop(source, "NPU701")
    assert result.findings == []


@pytest.mark.parametrize(
    ("feed", "what"),
    [
        ("{x: data.next_batch(3)}", "data.next_batch(3)"),
        ("{x: next(data)}", "next(data)"),
        ("{x: data[i:i + 2]}", "data"),
        ("{x: data[i:i + 2] / 255. - 0.5}", "data"),
        ("{x: one}", "data.next_batch(3)"),
        ("{x: images[i:i + 2], y: other[i + 1:i + 3]}", "images and other"),
    ],
)
def test_batches_of_unknown_origin_are_a_warning(feed: str, what: str) -> None:
    source = f"""
{HEAD}
def run(session, train_op, x, y, data, load):
    images, other = load(), load()
    for i in range(9):
        if i % 3 == 0:
            one = held.next_batch(5)
            session.run(x, feed_dict={{x: one}})
        one = data.next_batch(3)
        one = one.astype("float32") / 255.
        session.run([train_op, x], feed_dict={feed})
"""
    (finding,) = check_noop(source, "NPU701").findings
    assert finding.severity == "warning"
    assert finding.message.endswith(f"fed by hand, from {what}")


PAIR = f"""
{HEAD}import numpy as np
def run(session, train_op, x, y, data, f):
    X = np.load('x')
    Y = np.load('y')
    for i in range(0, len(X), 9):
        {{}}
"""


@pytest.mark.parametrize(
    "lines",
    [
        "session.run(train_op, {x: X[i:i + 9] / 255., y: np.eye(10)[Y[i:i + 9]]})",
        "session.run(train_op, {x: X[i:i + 9].astype(float) / 255., y: Y[i:i + 9]})",
        "session.run(train_op, {x: X[i:i + 9].reshape(-1, 7), y: [f(v) for v in Y[i:i + 9]]})",
        "session.run(train_op, {x: X[i:i + 9].toarray(), y: Y[i:i + 9].reshape(-1, 1)})",
        "feed = {x: X[i:i + 9] / 255.}\n        feed.update({y: Y[i:i + 9]})\n"
        "        session.run(train_op, feed_dict=feed)",
        "feed = {x: X[i:i + 9]}\n        feed[y] = -Y[i:i + 9]\n"
        "        session.run(train_op, feed_dict=feed)",
        "a, b = X[i:i + 9], Y[i:i + 9]\n        session.run(train_op, feed_dict={x: a, y: b})",
    ],
)
def test_arrays_that_are_fed_together_are_told_together(lines: str) -> None:
    (finding,) = check_noop(PAIR.format(lines), "NPU701").findings
    assert finding.message.endswith("fed by hand, from X and Y")
    assert "train.py:X, Y" in finding.advice


def test_all_arrays_that_a_function_feeds_are_told() -> None:
    lines = (
        "session.run(train_op, {x: X[i:i + 9]})\n"
        "        session.run(train_op, {x: X[i:i + 9], y: Y[i:i + 9]})"
    )
    (finding,) = check_noop(PAIR.format(lines), "NPU701").findings
    assert "train.py:X, Y" in finding.advice


@pytest.mark.parametrize(
    "lines",
    [
        "ids, labels = data.next_batch(9)\n"
        "        session.run(train_op, {x: X[ids].reshape(9, -1), y: labels})",
        "session.run(train_op, {x: X[i:i + 9], y: data.next_labels(9)})",
        "feed = {x: X[i:i + 9]}\n        session.run(train_op, feed)",
    ],
)
def test_arrays_that_go_with_other_data_are_a_warning(lines: str) -> None:
    (finding,) = check_noop(PAIR.format(lines), "NPU701").findings
    assert finding.severity == "warning"
    assert finding.message.endswith("fed by hand, from X")


KERAS = """
from tensorflow import keras

def run(x, y, a, b, batches):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile('sgd', 'mse')
    model.{}
    model.evaluate(a, b)
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("fit(x, y, 32, epochs=2)", "fit(*npu_shard((x, y)), 32, epochs=2)"),
        ("fit(*batches(x), epochs=2)", "fit(*npu_shard(batches(x)), epochs=2)"),
        (
            "fit(x=x, y=y, validation_data=(a, b))",
            "fit(**npu_shard(dict(x=x, y=y)), validation_data=(a, b))",
        ),
        (
            "fit_generator(keras.preprocessing.image.ImageDataGenerator().flow(x, y))",
            "fit_generator(keras.preprocessing.image.ImageDataGenerator().flow(*npu_shard((x, y))))",
        ),
    ],
)
def test_arrays_that_keras_is_fitted_to(before: str, after: str) -> None:
    written = KERAS.replace("import keras\n", "import keras\n" + IMPORT)
    result = check_port(KERAS.format(before), written.format(after), "NPU701")
    assert result.findings == []


@pytest.mark.parametrize(
    "call", ["fit_generator(batches)", "fit(x, epochs=2, y=y)", "fit(x, y, sample_weight=a)"]
)
def test_what_keras_is_fitted_to_in_other_ways_is_a_warning(call: str) -> None:
    (finding,) = check_noop(KERAS.format(call), "NPU701").findings
    assert finding.severity == "warning"


def test_arrays_that_the_program_divides_itself_stay() -> None:
    check_noop(
        KERAS.replace(
            "    model.{}",
            "    x, y = part((x, y), shards, rank)\n"
            "    flow = keras.preprocessing.image.ImageDataGenerator().flow(x, y, 32)\n"
            "    model.fit_generator(flow)",
        ),
        "NPU701",
    )


def test_other_libraries_fit_too() -> None:
    check_noop("from sklearn import svm\n\n\ndef run(x, y):\n    svm.SVC().fit(x, y)\n", "NPU701")


def fitting(lines: str) -> str:
    """The program with some lines in place of what it does with its model."""
    makes = "keras.preprocessing.image.ImageDataGenerator()"
    return KERAS.replace("model.{}", f"images, masks = {makes}, {makes}\n    {lines}")


@pytest.mark.parametrize(
    "lines",
    [
        "model.fit([x, a], y)",
        "given = [x, a]\n    model.fit(given, y)",
        "first, second = images.flow(x, seed=1), masks.flow(a, seed=1)\n"
        "    model.fit_generator(zip(first, second))",
    ],
)
def test_keras_data_of_several_inputs_is_told(lines: str) -> None:
    findings = check_noop(fitting(lines), "NPU701").findings
    assert "warning" in {finding.severity for finding in findings}


def test_batches_of_a_flow_are_not_divided_once_more() -> None:
    before = fitting("for a, b in images.flow(x, y, seed=1): model.fit(a, b)")
    after = before.replace("images.flow(x, y,", "images.flow(*npu_shard((x, y)),")
    result = port_files({"train.py": before}, "NPU701")
    assert result.text() == after.replace("import keras\n", "import keras\n" + IMPORT).lstrip("\n")


def test_what_may_be_no_keras_model_is_told() -> None:
    lines = "for other in batches: other.fit(x, y)\n    model.fit(x, y)"
    result = port_files({"train.py": fitting(lines)}, "NPU701")
    assert "model.fit(*npu_shard((x, y)))" in result.text()
    assert "other.fit(x, y)" in result.text()
    (finding,) = result.findings
    assert "cannot be told" in finding.message


PROGRAM = """
import tensorflow as tf
import feeding

def main():
    x = tf.placeholder(tf.float32, [8, 3])
    train = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(tf.layers.dense(x, 1)))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(9):
            feeding.step(session, train, x)

if __name__ == '__main__':
    main()
"""


@pytest.mark.parametrize(
    ("feeding", "notes"),
    [
        ("reader = Reader()\n", 1),
        ("reader = Reader(shard_index=rank())\n", 0),
        ("reader = Reader().shard(8, rank())\n", 0),
    ],
)
def test_a_program_whose_data_was_not_found_is_told(feeding: str, notes: int) -> None:
    feeding += "def step(session, train, x):\n    session.run(train, {x: reader.read()})\n"
    done = port_files({"train.py": PROGRAM, "feeding.py": feeding}, "NPU701")
    told = [(f.path, f.severity) for f in done.findings if "was not found" in f.message]
    assert told == [("train.py", "note")] * notes


def test_a_program_whose_data_is_divided_is_not_told() -> None:
    source = f"{training('data = tf.data.TFRecordDataset(files)')}\nif __name__ == '__main__':\n"
    done = port_files({"train.py": f"{source}    run(files, size, parse)\n"}, "NPU701")
    assert "npu_shard(" in done.text()
    assert done.findings == []


def test_a_name_that_is_bound_again_means_what_it_was_bound_to_last() -> None:
    """Names of files are read by what stands behind them, not by what the name means later."""
    source = f"""
    {HEAD}
    def run(names, training, estimator):
        def feed():
            if training:
                data = tf.data.Dataset.from_tensor_slices(tf.constant(names))
                data = data.repeat().shuffle(len(names))
                data = data.apply(tf.data.experimental.parallel_interleave(
                    tf.data.TFRecordDataset, cycle_length=4))
                data = data.shuffle(100)
            else:
                data = tf.data.TFRecordDataset(names)
            return data.batch(8)
        return feed

    def model_fn(features, labels, mode):
        op = tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(features))
        return tf.estimator.EstimatorSpec(mode, loss=tf.reduce_sum(features), train_op=op)

    estimator = tf.estimator.Estimator(model_fn)
    estimator.train(run(names, True, estimator))
    estimator.evaluate(run(names, False, estimator))
    """
    text = port_files({"train.py": source}, "NPU701").text()
    assert "npu_shard(tf.data.TFRecordDataset), cycle_length=4" in text
    assert text.count("npu_shard(") == 1


def test_what_unit_tests_do_with_data_is_no_training() -> None:
    make = "import tensorflow as tf\ndef make(files):\n    return tf.data.TFRecordDataset(files)\n"
    test = """
    import tensorflow as tf
    from data import make

    class DataTest(tf.test.TestCase):
        def test_it(self):
            x = make(['a']).make_one_shot_iterator().get_next()
            tf.train.AdamOptimizer(0.1).minimize(tf.reduce_sum(x))
    """
    done = port_files({"data.py": make, "data_test.py": test}, "NPU701")
    assert "npu_shard" not in done.text("data.py") + done.text("data_test.py")


def test_a_class_method_makes_objects_with_an_inherited_constructor() -> None:
    base = """
        class Set:
            def __init__(self, train, test):
                self.train = train
                self.test = test
        """
    own = """
        import base
        import tensorflow as tf

        def read(files):
            return tf.data.TFRecordDataset(files)

        class Own(base.Set):
            @classmethod
            def make(cls, files, others):
                return cls(train=read(files).skip(5), test=read(others))
        """
    train = """
        import tensorflow as tf
        from own import Own

        def main(net, files):
            data = Own.make(files, ['test'])
            batch = data.train.batch(4).make_one_shot_iterator().get_next()
            return tf.train.AdamOptimizer().minimize(net(batch))
        """
    result = port_files({"base.py": base, "own.py": own, "train.py": train}, "NPU701")
    assert "cls(train=npu_shard(read(files).skip(5)), test=read(others))" in result.text("own.py")
