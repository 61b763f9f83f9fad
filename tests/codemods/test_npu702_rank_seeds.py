"""Each rank draws noise of its own, and splits data as the others do."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU702"
IMPORTS = "import random\nimport numpy as np\nimport tensorflow as tf\n"
TRAINS = "op = tf.train.AdamOptimizer(0.1).minimize(loss)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tf.set_random_seed(1)", "tf.set_random_seed(npu_seed(1))"),
        ("tf.set_random_seed(seed=FLAGS.seed)", "tf.set_random_seed(seed=npu_seed(FLAGS.seed))"),
        ("tf.compat.v1.set_random_seed(s)", "tf.compat.v1.set_random_seed(npu_seed(s))"),
        ("tf.random.set_random_seed(s + 1)", "tf.random.set_random_seed(npu_seed(s + 1))"),
        ("tf.set_random_seed(  # all\n    s)", "tf.set_random_seed(  # all\n    npu_seed(s))"),
    ],
)
def test_seeds_of_a_program_that_trains(before: str, after: str) -> None:
    check_port(
        f"{IMPORTS}{before}\n{TRAINS}",
        f"{IMPORTS}from npu_runtime import npu_seed\n{after}\n{TRAINS}",
        CODE,
    )


def test_a_helper_that_seeds_everything() -> None:
    helper = (
        "import random\nimport numpy as np\nimport tensorflow as tf\n\n"
        "def seed_all(seed):\n    random.seed(seed)\n    np.random.seed(seed)\n"
        "    tf.set_random_seed(seed)\n"
    )
    train = f"import tensorflow as tf\nfrom helper import seed_all\nseed_all(1)\n{TRAINS}"
    text = port_files({"helper.py": helper, "train.py": train}, CODE).text("helper.py")
    assert "np.random.seed(seed)" in text and "random.seed(seed)\n" in text
    assert "tf.set_random_seed(npu_seed(seed))" in text


@pytest.mark.parametrize(
    "line",
    [
        "np.random.seed(1)",
        "random.seed(1)",
        "tf.set_random_seed(None)",
        "tf.set_random_seed(1 + hvd.rank())",
        "seed = 1 + comm.Get_rank()\ntf.set_random_seed(seed)",
        "x = tf.nn.dropout(x, 0.5, seed=1)",
        "x = tf.random_normal([3], seed=1)",
    ],
)
def test_what_stays(line: str) -> None:
    assert check_noop(f"{IMPORTS}{line}\n{TRAINS}", CODE).findings == []


def test_programs_that_do_not_train() -> None:
    seeded = f"{IMPORTS}tf.set_random_seed(1)\n"
    check_noop(seeded, CODE, path="evaluate.py")
    check_noop(
        f"{IMPORTS}class T(tf.test.TestCase):\n    def test(self):\n        tf.set_random_seed(1)\n"
        "        tf.train.AdamOptimizer(0.1).minimize(x)\n",
        CODE,
    )
    # The graph of the training, in a script whose name says that it only uses the model.
    others = {"model.py": f"import tensorflow as tf\n\ndef build():\n    {TRAINS}    return op\n"}
    use = f"{IMPORTS}from model import build\ntf.set_random_seed(1)\nbuild()\n"
    check_noop(use, CODE, path="sample_images.py", others=others)
    ported = port_files({**others, "train_and_eval.py": use}, CODE)
    assert "npu_seed(1)" in ported.text("train_and_eval.py")


NOISE = "the same noise"


@pytest.mark.parametrize(
    "lines",
    [
        "sess.run(op, feed_dict={z: np.random.normal(size=3)})",
        "sess.run(op, feed_dict={z: np.random.uniform(-1, 1, [3]).astype(np.float32)})",
        "noise = np.random.randn(3)\nsess.run(op, feed_dict={z: noise})",
        "feed = {z: np.random.rand(3)}\nsess.run(op, feed_dict=feed)",
        "sess.run(op, {z: np.random.normal(size=3)})",
        "op.run(feed_dict={z: 2 * np.random.random(3)[:2]})",
    ],
)
def test_seeded_noise_that_is_fed_is_told(lines: str) -> None:
    (finding,) = check_noop(f"{IMPORTS}np.random.seed(1)\n{TRAINS}{lines}\n", CODE).findings
    assert finding.severity == "note" and NOISE in finding.message
    assert port_files({"train.py": f"{IMPORTS}{TRAINS}{lines}\n"}, CODE).findings == []


GENERATORS = (
    "r = np.random.RandomState({})\nsess.run(op, feed_dict={{z: r.normal(size=3)}})",
    "sess.run(op, feed_dict={{z: np.random.RandomState({}).normal(size=3)}})",
    "class Net:\n    def __init__(self):\n        self.r = np.random.RandomState({})\n"
    "    def train(self):\n        sess.run(op, feed_dict={{z: self.r.normal(size=3)}})\n"
    "Net().train()",
)


@pytest.mark.parametrize("lines", GENERATORS)
@pytest.mark.parametrize("seed", ["1", "FLAGS.seed", "seed=FLAGS.seed + 1"])
def test_noise_of_a_generator_with_its_own_seed(lines: str, seed: str) -> None:
    source = f"{IMPORTS}{TRAINS}{lines.format(seed)}\n"
    (finding,) = check_noop(source, CODE).findings
    assert NOISE in finding.message


@pytest.mark.parametrize(
    "lines", [*GENERATORS, "np.random.seed({})\nop.run({{z: np.random.rand(3)}})"]
)
@pytest.mark.parametrize(
    "seed", ["hvd.rank()", "FLAGS.seed + hvd.rank()", "7 * comm.Get_rank()", "own", "", "None"]
)
def test_noise_of_a_seed_that_is_the_ranks_own(lines: str, seed: str) -> None:
    source = f"{IMPORTS}own = 1 + hvd.local_rank()\n{TRAINS}{lines.format(seed)}\n"
    assert check_noop(source, CODE).findings == []


def test_a_seed_with_the_rank_counts_beside_one_that_all_share() -> None:
    seeds = "np.random.seed(1)\nsplit()\nnp.random.seed(hvd.rank())\n"
    source = f"{IMPORTS}{seeds}{TRAINS}sess.run(op, {{z: np.random.rand(3)}})\n"
    assert check_noop(source, CODE).findings == []


@pytest.mark.parametrize(
    "lines",
    [
        "i = np.random.permutation(9)\nsess.run(op, feed_dict={x: data[i]})",
        "sess.run(op, feed_dict={x: data[np.random.randint(9, size=3)]})",
        "sess.run(op, feed_dict={x: np.random.choice(data, 3)})",
        "z = np.random.normal(size=3)\nsess.run(op, feed_dict={x: data})",
    ],
)
def test_the_order_of_data_is_no_noise(lines: str) -> None:
    source = f"{IMPORTS}np.random.seed(1)\n{TRAINS}{lines}\n"
    assert check_noop(source, CODE).findings == []
