import pytest

from tests.codemods.support import check_noop, port_files

CODE = "NPU202"
MODEL = """
import numpy as np
import tensorflow as tf

EPS = 1e-12
{top}

def build(x, mask, scale, loss_scale, eps=1e-9):
    {line}
    return y

def main():
    loss = build(x, mask, 1, 1)
    op = tf.train.AdamOptimizer(1e-4, epsilon=1e-8).minimize(loss)
    with tf.Session() as sess:
        sess.run(op)
"""


def model(line: str, top: str = "") -> str:
    return MODEL.format(line=line, top=top)


@pytest.mark.parametrize(
    ("line", "severity", "message"),
    [
        ("y = x / (tf.norm(x) + 1e-8)", "note", "epsilon below what fp16 holds: 1e-8"),
        ("y = tf.log(x + 1e-10)", "note", "holds: 1e-10"),
        ("y = tf.math.log(tf.maximum(x, 1e-20))", "note", "holds: 1e-20"),
        ("y = tf.log(tf.clip_by_value(x, 1e-8, 1.0))", "note", "holds: 1e-8"),
        ("y = tf.sqrt(tf.reduce_sum(tf.square(x)) + 1e-6)", "note", "holds: 1e-6"),
        ("y = (x * x + 1e-7) ** 0.5", "note", "holds: 1e-7"),
        ("n = tf.norm(x) + 0.00001\n    y = x / n", "note", "holds: 0.00001"),
        ("y = x / (tf.norm(x) + eps)", "note", "holds: 1e-9"),
        ("y = x / (tf.norm(x) + EPS)", "note", "holds: 1e-12"),
        ("y = tf.nn.l2_normalize(x, 1, epsilon=1e-12)", "note", "holds: 1e-12"),
        ("y = tf.contrib.slim.batch_norm(x, epsilon=1e-5)", "note", "holds: 1e-5"),
        ("y = x + (1.0 - mask) * -1e9", "warning", "number beyond what fp16 holds: -1e9"),
        ("y = tf.where(mask, x, tf.ones_like(x) * (-2 ** 32 + 1))", "warning", "holds: -2 ** 32"),
        ("y = tf.where(mask, x, tf.fill(tf.shape(x), -1e30))", "warning", "holds: -1e30"),
        ("y = tf.cast(x, tf.float64)", "note", "float64 on the device: tf.float64"),
        ("y = tf.to_double(x)", "note", "float64 on the device: tf.to_double"),
        ("y = opt.compute_gradients(x * loss_scale)", "warning",
         "the loss is scaled by hand: loss_scale"),
        ("z = FLAGS.loss_scaling * x\n    y = opt.minimize(z)", "warning",
         "by hand: FLAGS.loss_scaling"),
        ("y = tf.gradients(x * scale, mask)", "warning", "by hand: scale"),
        ("from npu_runtime import npu_gradients\n    y = npu_gradients(x * scale, mask)", "warning",
         "by hand: scale"),
    ],
)  # fmt: skip
def test_places_that_are_found(line: str, severity: str, message: str) -> None:
    (finding,) = check_noop(model(line), CODE).findings
    assert finding.severity == severity
    assert finding.message.endswith(message)
    assert finding.advice


@pytest.mark.parametrize(
    "line",
    [
        "y = x / (tf.norm(x) + 1e-4)",
        "y = x * 1e-8",
        "y = x * 1e-8 / 2",
        "y = 1e-8 / x",
        "y = tf.add(x, 1e-8)",
        "y = np.sqrt(np.var(x) + 1e-8)",
        "y = x / (np.std(x) + 1e-8)",
        "y = tf.train.AdamOptimizer(1e-4, epsilon=1e-8)",
        "y = tf.train.exponential_decay(1e-5, x, 1e6, 0.1)",
        "y = x + (1.0 - mask) * -1e4",
        "y = x - 1e9",
        "y = x[-100000:]",
        "y = range(10 ** 9)",
        "y = float('-inf')",
        "y = np.float64(x)",
        "y = tf.cast(x, tf.float32)",
        "y = opt.compute_gradients(x * 2)",
        "y = opt.compute_gradients(x * weight)",
        "y = x * scale",
    ],
)
def test_others_are_not(line: str) -> None:
    assert not check_noop(model(line), CODE).findings


def test_one_finding_for_each_file_and_kind() -> None:
    line = "y = tf.log(x + 1e-8) + tf.log(x + 1e-9)\n    y = y + tf.log(x + 1e-8)"
    (finding,) = check_noop(model(line), CODE).findings
    assert finding.line == 8
    assert finding.message == (
        "epsilon below what fp16 holds: 1e-8; also 1e-9 at train.py:8, 1e-8 at train.py:9"
    )


def test_a_constant_at_the_top_counts_where_a_graph_is_built() -> None:
    (finding,) = check_noop(model("y = x + mask * NEGATIVE", "NEGATIVE = -1e30"), CODE).findings
    assert finding.message.endswith("holds: -1e30")


def test_the_host_and_pipelines_and_unit_tests_may() -> None:
    tool = """
    import tensorflow as tf

    with tf.Session() as sess:
        sess.run(tf.log(x + 1e-8))
    """
    assert not check_noop(tool, CODE).findings
    pipeline = """
    import tensorflow as tf

    def scaled(x):
        return x / (tf.norm(x) + 1e-8)

    x = tf.data.Dataset.range(3).map(scaled).make_one_shot_iterator().get_next()
    op = tf.train.AdamOptimizer().minimize(x)
    with tf.Session() as sess:
        sess.run(op)
    """
    assert not check_noop(pipeline, CODE).findings
    assert check_noop(pipeline.replace(".minimize(x)", ".minimize(scaled(x))"), CODE).findings
    case = model("y = tf.log(x + 1e-8)") + "\nclass A(tf.test.TestCase):\n    pass\n"
    assert not port_files({"a_test.py": case}, CODE).findings
