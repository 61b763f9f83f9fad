"""Names and arguments of TensorFlow before 1.0."""

from __future__ import annotations

import json
import subprocess

import pytest

from migrate.analysis.symbols import known
from migrate.codemods.rules import npu812_early_tensorflow as rule
from tests.codemods.support import check_noop, check_port, port_files
from tests.tf115 import required_tf115

CODE = "NPU812"
TF = "import tensorflow as tf\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = tf.mul(a, tf.neg(b)) + tf.sub(a, y=b)\n", "x = tf.multiply(a, tf.negative(b)) + tf.subtract(a, y=b)\n"),
        ("x = tf.pack([a, b], axis=1)\ny = tf.unpack(x, 2, name='y')\n", "x = tf.stack([a, b], axis=1)\ny = tf.unstack(x, 2, name='y')\n"),
        ("x, i = tf.listdiff(a, b, out_idx=tf.int64)\n", "x, i = tf.setdiff1d(a, b, index_dtype=tf.int64)\n"),
        ("x = tf.select(a > b, t=a, e=b)\n", "x = tf.where(a > b, x=a, y=b)\n"),
        ("x = list(map(tf.neg, xs))\n", "x = list(map(tf.negative, xs))\n"),
        ("x = tf.inv(*args)\n", "x = tf.reciprocal(*args)\n"),
        ("w = tf.train.SummaryWriter(logs, sess.graph)\n", "w = tf.summary.FileWriter(logs, sess.graph)\n"),
        ("tf.scalar_summary('loss', loss)\n", "tf.summary.scalar('loss', loss)\n"),
        ("tf.scalar_summary(tags='loss', values=tf.mul(a, b))\n", "tf.summary.scalar(name='loss', tensor=tf.multiply(a, b))\n"),
        ("tf.image_summary('x', x, max_images=4)\n", "tf.summary.image('x', x, max_outputs=4)\n"),
        ("tf.histogram_summary(tag=v.op.name, values=v)\nm = tf.merge_all_summaries()\n", "tf.summary.histogram(name=v.op.name, values=v)\nm = tf.summary.merge_all()\n"),
        ("x = tf.batch_matmul(a, b, True, adj_y=True)\n", "x = tf.matmul(a, b, adjoint_a=True, adjoint_b=True)\n"),
        ("x = tf.batch_matrix_diag(tf.batch_fft2d(a))\n", "x = tf.matrix_diag(tf.fft2d(a))\n"),
        ("o, s = tf.nn.rnn(cell, xs, dtype=tf.float32)\n", "o, s = tf.nn.static_rnn(cell, xs, dtype=tf.float32)\n"),
        ("l = tf.nn.seq2seq.sequence_loss([a], [b], [c])\n", "l = tf.contrib.legacy_seq2seq.sequence_loss([a], [b], [c])\n"),
        ("x = tf.image.per_image_whitening(x)\n", "x = tf.image.per_image_standardization(x)\n"),
        ("x = tf . mul (a, b)\n", "x = tf.multiply (a, b)\n"),
        # other orders of arguments
        ("x = tf.concat(1, [a, b])\n", "x = tf.concat(axis=1, values=[a, b])\n"),
        ("x = tf.concat(-1, values=xs)\n", "x = tf.concat(axis=-1, values=xs)\n"),
        ("x = tf.concat(dim, [a, b], 'x')\n", "x = tf.concat(axis=dim, values=[a, b], name='x')\n"),
        ("x = tf.concat(concat_dim=0, values=xs)\n", "x = tf.concat(axis=0, values=xs)\n"),
        ("x = tf.concat_v2([a, b], 1)\n", "x = tf.concat([a, b], 1)\n"),
        ("x = tf.concat(3, tf.concat(2, xs))\n", "x = tf.concat(axis=3, values=tf.concat(axis=2, values=xs))\n"),
        ("x = tf.concat((1), (tf.mul(a, b)))\n", "x = tf.concat(axis=(1), values=(tf.multiply(a, b)))\n"),
        ("x = tf.concat(  # which (the last)\n    1,  # (of two), here\n    (xs))\n", "x = tf.concat(  # which (the last)\n    axis=1,  # (of two), here\n    values=(xs))\n"),
        ("a, b = tf.split(1, 2, x)\n", "a, b = tf.split(axis=1, num_or_size_splits=2, value=x)\n"),
        ("a, b = tf.split(split_dim=1, num_split=2, value=x)\n", "a, b = tf.split(axis=1, num_or_size_splits=2, value=x)\n"),
        ("l = tf.nn.softmax_cross_entropy_with_logits(y, t, name='l')\n", "l = tf.nn.softmax_cross_entropy_with_logits(logits=y, labels=t, name='l')\n"),
        ("l = tf.nn.sparse_softmax_cross_entropy_with_logits(\n    y,\n    t,\n)\n", "l = tf.nn.sparse_softmax_cross_entropy_with_logits(\n    logits=y,\n    labels=t,\n)\n"),
        ("l = tf.nn.sigmoid_cross_entropy_with_logits(logits=y, targets=t)\n", "l = tf.nn.sigmoid_cross_entropy_with_logits(logits=y, labels=t)\n"),
        ("x = tf.reverse(x, [False, True, False, True])\n", "x = tf.reverse(x, [1, 3])\n"),
        ("x = tf.reverse(x, dims=[True])\n", "x = tf.reverse(x, axis=[0])\n"),
        ("x = tf.image.resize_images(x, (64), ((32) # wide )\n), 1)\n", "x = tf.image.resize_images(x, [(64), ((32) # wide )\n)], 1)\n"),
        ("x = tf.image.resize_images(x, 64, (32), 1)\n", "x = tf.image.resize_images(x, [64, (32)], 1)\n"),
    ],
)  # fmt: skip
def test_rewrites(before: str, after: str) -> None:
    assert not check_port(TF + before, TF + after, CODE).codes("warning")


def test_an_imported_module_stays_where_the_new_name_is_below_it() -> None:
    check_port(
        "from tensorflow import nn\nfrom tensorflow import concat\no = nn.rnn(c, x)\ny = concat(1, [o])\n",
        "from tensorflow import nn\nfrom tensorflow import concat\no = nn.static_rnn(c, x)\n"
        "y = concat(axis=1, values=[o])\n",
        CODE,
    )


@pytest.mark.parametrize(
    "source",
    [
        # today's
        "x = tf.concat([a, b], 1)\ny = tf.concat(values=[a], axis=0)\nz = tf.concat(xs, axis)\n",
        "x = tf.concat([[1, 2], [3, 4]], [0])\ny = tf.concat(dim, xs)\n",
        "a, b = tf.split(x, 2, 1)\nc, d = tf.split(x, [1, 2], axis=0)\n",
        "l = tf.nn.softmax_cross_entropy_with_logits(labels=t, logits=y)\n",
        "l = tf.nn.sigmoid_cross_entropy_with_logits(None, t, y)\n",
        "x = tf.reverse(x, [0, 1])\ny = tf.reverse(x, axis=[-1])\nz = tf.reverse(x, axes)\n",
        "x = tf.image.resize_images(x, [64, 64])\ny = tf.image.resize_images(x, size, 1)\n",
        "x = tf.image.resize_images(x, (64, 64), 1, True)\n",
        "v = tf.all_variables()\ni = tf.initialize_all_variables()\n",
        # others'
        "import numpy as np\nx = np.split(1, 2, x), np.concat(1, [a]), np.neg(a)\n",
        "x = model.mul(a, b), self.pack(x), df.select(x), 'tf.mul', q.sub(1)\n# tf.mul\n",
        "def f(tf):\n    return tf.mul(1, 2)\n",
        "tf.mul = tf.multiply\n",
        # what tests for the name or the version
        "x = tf.mul(a, b) if hasattr(tf, 'mul') else a * b\n",
        "if 'concat_v2' in dir(tf):\n    concat = tf.concat_v2\nelse:\n    concat = tf.concat\n",
        "if tf.__version__ < '1.0':\n    x = tf.concat(1, [a, b])\nelse:\n    x = tf.concat([a, b], 1)\n",
        "try:\n    image = tf.image_summary\nexcept AttributeError:\n    image = tf.summary.image\n",
    ],
)  # fmt: skip
def test_noops(source: str) -> None:
    assert not check_noop(TF + source, CODE).codes()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("tf.scalar_summary('l', l, name='op')\n", "argument name has no counterpart"),
        ("tf.image_summary('l', l, 3, None, 'op')\n", "argument name has no counterpart"),
        ("tf.scalar_summary(**summary)\n", "cannot be told"),
        ("tf.batch_matmul(*both)\n", "cannot be told"),
        ("x = (tf).mul(a, b)\n", "in parentheses"),
        ("x = tf.image.resize_images(x, new_height=3, new_width=4)\n", "are one now, size"),
        ("from tensorflow import mul, sub as minus\nx = mul(a, b)\n", "its import fails"),
        ("from tensorflow import train\nw = train.SummaryWriter(d)\n", "another module"),
    ],
)
def test_warns_of_what_it_cannot_rewrite(source: str, reason: str) -> None:
    found = check_noop(TF + source, CODE).findings
    assert found and all(f.severity == "warning" and reason in f.message for f in found)


def test_one_that_cannot_be_rewritten_leaves_the_others() -> None:
    ported = port_files({"train.py": TF + "tf.scalar_summary('l', tf.neg(l), name='n')\n"}, CODE)
    assert "tf.scalar_summary('l', tf.negative(l), name='n')" in ported.text()
    assert ported.codes() == [CODE]


def test_all_new_names_exist_and_no_old_one_does() -> None:
    for name, early in rule._RENAMED.items():
        assert known(early.now) and not known(name), name
    assert all(map(known, rule._REARRANGED))


@pytest.mark.tf115
def test_what_it_writes_computes_what_was_meant() -> None:
    source = """
import json
import numpy as np
import tensorflow as tf
a, b = tf.constant([[1., 2.], [3., 4.]]), tf.constant([[5., 6.], [7., 8.]])
left, right = tf.split(1, 2, tf.concat(1, [a, tf.sub(b, a)]))
found = {
    "left": left, "right": right, "mul": tf.mul(a, b), "neg": tf.neg(a),
    "pack": tf.pack([a, b]), "unpack": tf.unpack(a)[1],
    "select": tf.select(a > 2., a, b), "inv": tf.inv(a),
    "matmul": tf.batch_matmul(tf.expand_dims(a, 0), tf.expand_dims(b, 0), True),
    "reverse": tf.reverse(a, [False, True]),
    "softmax": tf.nn.softmax_cross_entropy_with_logits(a, tf.constant([[0., 1.], [1., 0.]])),
    "sparse": tf.nn.sparse_softmax_cross_entropy_with_logits(a, tf.constant([1, 0])),
    "sigmoid": tf.nn.sigmoid_cross_entropy_with_logits(a, targets=b),
    "size": tf.shape(tf.image.resize_images(tf.ones([1, 4, 4, 3]), 2, 3)),
    "diag": tf.batch_matrix_diag(a),
}
cell = tf.nn.rnn_cell.BasicRNNCell(3)
outputs, _ = tf.nn.rnn(cell, [a, b], dtype=tf.float32)
tf.scalar_summary("loss", tf.reduce_sum(a))
tf.image_summary("pictures", tf.ones([4, 2, 2, 3]), max_images=2)
merged = tf.merge_all_summaries()
with tf.Session() as session:
    session.run(tf.initialize_all_variables())
    values = session.run(found)
    summary = tf.Summary.FromString(session.run(merged))
    values["rnn"] = np.array(np.shape(session.run(outputs)))
values["summaries"] = np.array(len(summary.value))
print(json.dumps({name: np.round(value.astype(float), 4).tolist() for name, value in values.items()}))
"""
    ported = port_files({"train.py": source}, CODE)
    assert not ported.codes()
    done = subprocess.run(
        [required_tf115().python, "-W", "ignore", "-c", ported.text()],
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout) == {
        "left": [[1, 2], [3, 4]],
        "right": [[4, 4], [4, 4]],
        "mul": [[5, 12], [21, 32]],
        "neg": [[-1, -2], [-3, -4]],
        "pack": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
        "unpack": [3, 4],
        "select": [[5, 6], [3, 4]],
        "inv": [[1, 0.5], [0.3333, 0.25]],
        "matmul": [[[26, 30], [38, 44]]],
        "reverse": [[2, 1], [4, 3]],
        "softmax": [0.3133, 1.3133],
        "sparse": [0.3133, 1.3133],
        "sigmoid": [[-3.6867, -9.8731], [-17.9514, -27.9818]],
        "size": [1, 2, 3, 3],
        "diag": [[[1, 0], [0, 2]], [[3, 0], [0, 4]]],
        "rnn": [2, 2, 3],
        "summaries": 3,
    }
