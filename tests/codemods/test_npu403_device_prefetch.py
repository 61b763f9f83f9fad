import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU403"
HEAD = "import tensorflow as tf\nds = tf.data.Dataset.range(9)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ds.apply(tf.contrib.data.prefetch_to_device('/gpu:0'))", "ds.prefetch(2)"),
        ("ds.apply(tf.data.experimental.prefetch_to_device('/gpu:0', 64))", "ds.prefetch(2)"),
        (
            "ds.batch(4).apply(tf.data.experimental.prefetch_to_device(device=d)).repeat()",
            "ds.batch(4).prefetch(2).repeat()",
        ),
        (
            "ds.apply(transformation_func=tf.contrib.data.prefetch_to_device('/gpu:0'))",
            "ds.prefetch(2)",
        ),
        ("ds.apply(tf.data.experimental.copy_to_device('/gpu:0'))", "ds.prefetch(2)"),
        ("ds.apply(tf.data.experimental.copy_to_device('/gpu:0')).prefetch(1)", "ds.prefetch(1)"),
        ("(ds).apply(tf.data.experimental.copy_to_device('/gpu:0')).prefetch(1)",
         "(ds).prefetch(1)"),
        ("ds.apply(tf.data.experimental.prefetch_to_device('/cpu:0'))", "ds.prefetch(2)"),
        ("to = tf.contrib.data.prefetch_to_device('/gpu:0', 2)\nds = ds.apply(to)",
         "to = lambda dataset: dataset.prefetch(2)\nds = ds.apply(to)"),
        ("ds.apply(\n    tf.data.experimental.prefetch_to_device(\n        buffer_size=4,  # all\n    )\n)",
         "ds.prefetch(\n    2  # all\n)"),
        ("def to(): return tf.contrib.data.prefetch_to_device('/gpu:0', 2)",
         "def to(): return lambda dataset: dataset.prefetch(2)"),
    ],
)  # fmt: skip
def test_forms(before: str, after: str) -> None:
    check_port(HEAD + before + "\n", HEAD + after + "\n", CODE)


def test_a_chain_continued_by_backslashes() -> None:
    check_port(
        """
        import tensorflow as tf
        from tensorflow.contrib.data import prefetch_to_device, map_and_batch

        def build(self, data):
            card = '/gpu:0'
            ds = tf.data.Dataset.from_tensor_slices(data)
            ds = ds.\\
                apply(map_and_batch(self.load, 8)).\\
                apply(prefetch_to_device(card, self.batch_size))
            return ds
        """,
        """
        import tensorflow as tf
        from tensorflow.contrib.data import map_and_batch

        def build(self, data):
            ds = tf.data.Dataset.from_tensor_slices(data)
            ds = ds.\\
                apply(map_and_batch(self.load, 8)).\\
                prefetch(2)
            return ds
        """,
        CODE,
    )


def test_comments_and_lines() -> None:
    check_port(
        """
        import tensorflow as tf
        from tensorflow.python.data.experimental.ops import prefetching_ops as ops

        ds = (tf.data.Dataset.range(9)
              .batch(4)  # small
              .apply(  # to the card
                  ops.prefetch_to_device('/gpu:0',  # the first
                                         buffer_size=4))  # four
              .apply(ops.copy_to_device('/gpu:0'))  # and again
              .prefetch(1))
        """,
        """
        import tensorflow as tf

        ds = (tf.data.Dataset.range(9)
              .batch(4)  # small
              .prefetch(  # to the card
                  2  # the first
                  )  # four
              # and again
              .prefetch(1))
        """,
        CODE,
    )


def test_the_recipe_sets_the_buffer() -> None:
    check_port(
        HEAD + "ds.apply(tf.contrib.data.prefetch_to_device('/gpu:0', 64))\n",
        HEAD + "ds.prefetch(1)\n",
        CODE,
        options={CODE: {"buffer": 1}},
    )


@pytest.mark.parametrize(
    "source",
    [
        "ds.prefetch(64)",
        "ds.apply(tf.contrib.data.shuffle_and_repeat(9))",
        "ds.apply(prefetch_to_device('/gpu:0'))",
        "import mine\nds.apply(mine.prefetch_to_device('/gpu:0'))",
        "ds.prefetch_to_device('/gpu:0')",
        "def prefetch_to_device(d): return d\nds.apply(prefetch_to_device('/gpu:0'))",
        "# ds.apply(tf.contrib.data.prefetch_to_device('/gpu:0'))",
        "text = 'prefetch_to_device'",
    ],
)
def test_others_stay(source: str) -> None:
    assert not check_noop(HEAD + source + "\n", CODE).findings


@pytest.mark.parametrize(
    "source",
    [
        "use(tf.contrib.data.prefetch_to_device('/gpu:0'))",
        "kinds = [tf.contrib.data.prefetch_to_device('/gpu:0')]",
        "from tensorflow.python.data.ops.multi_device_iterator_ops import MultiDeviceIterator\n"
        "MultiDeviceIterator(ds, ['/gpu:0'])",
    ],
)
def test_what_stays_by_necessity_is_a_warning(source: str) -> None:
    assert check_noop(HEAD + source + "\n", CODE).codes("warning") == [CODE]


def test_comments_in_a_copy_go_to_the_prefetch() -> None:
    check_port(
        """
        import tensorflow as tf
        d = d.apply(tf.data.experimental.copy_to_device('/gpu:0'  # there
                                                        )).prefetch(2)
        d = (d.batch(1)
             .apply(tf.data.experimental.copy_to_device(
                 # there
                 '/gpu:0'))  # now
             .prefetch(8))
        e = tf.data
        """,
        """
        import tensorflow as tf
        d = d.prefetch(  # there
                                                        2)
        d = (d.batch(1)  # now
             .prefetch(  # there
             8))
        e = tf.data
        """,
        "NPU403",
    )


def test_every_comment_of_a_prefetch_stays() -> None:
    check_port(
        """
        import tensorflow as tf
        d = d.apply(tf.data.experimental.prefetch_to_device(  # a
            '/gpu:0',  # b
            8))
        e = tf.data
        """,
        """
        import tensorflow as tf
        d = d.prefetch(2  # a
        # b
        )
        e = tf.data
        """,
        "NPU403",
    )


def test_a_prefetch_that_versions_have_in_different_places() -> None:
    imports = """
        import tensorflow as tf
        if tf.__version__ >= '1.12':
            from tensorflow.data.experimental import prefetch_to_device as ptd
        else:
            from tensorflow.contrib.data import {} as ptd
        d = d.apply(ptd('/gpu:0'))
        """
    assert ".prefetch(2)" in check(imports.format("prefetch_to_device"))
    assert "ptd('/gpu:0')" in check(imports.format("bucket_by_sequence_length"))


def check(text: str) -> str:
    return port_files({"train.py": text}, "NPU403").text()
