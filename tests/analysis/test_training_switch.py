"""The flag without which a script does not train."""

from __future__ import annotations

import pytest

from migrate.analysis.flags import flags_of
from migrate.analysis.training_switch import Switch, training_switch
from tests.analysis.names import project_of

ABSL = """import tensorflow as tf
flags = tf.flags
FLAGS = flags.FLAGS
flags.DEFINE_bool("do_train", False, "whether to train")
flags.DEFINE_bool("do_eval", False, "whether to evaluate")
flags.DEFINE_bool("save", True, "whether to save")
flags.DEFINE_string("mode", "test", "train or test")
estimator = tf.estimator.Estimator(None)
model = tf.keras.Sequential()
from trainers import run_training, train
"""
TRAINERS = """import tensorflow as tf

def train():
    tf.train.AdamOptimizer().minimize(loss)

def run_training():
    train()
"""
ARGPARSE = """import argparse
import tensorflow as tf
from sklearn.preprocessing import StandardScaler
p = argparse.ArgumentParser()
p.add_argument("kind", nargs="?", default="test")
p.add_argument("--do-train", action="store_true")
p.add_argument("--learn", action="store_true", dest="training")
p.add_argument("--normalize", action="store_true")
p.add_argument("--mode", default="test")
args = p.parse_args()

def model_fn(features, labels, mode):
    return tf.train.AdamOptimizer().minimize(features)

estimator = tf.estimator.Estimator(model_fn)
"""


def words(body: str, flags: str = ABSL) -> str | None:
    project = project_of({"train.py": flags + body, "trainers.py": TRAINERS})
    switch = training_switch(project, "train.py", flags_of(project, "train.py"))
    return switch.words if switch else None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("if FLAGS.do_train:\n    estimator.train(data)\n", "--do_train"),
        ("if FLAGS.do_train and FLAGS.save:\n    train()\nelse:\n    evaluate()\n", "--do_train"),
        (
            "if FLAGS.do_train:\n    while True:\n        if ready:\n            model.fit(x)\n",
            "--do_train",
        ),
        ("if FLAGS.mode == 'train':\n    run_training()\n", "--mode=train"),
    ],
)
def test_what_lets_it_train(body: str, told: str) -> None:
    assert words(body) == told


@pytest.mark.parametrize(
    "body",
    [
        "train()\n",
        "if FLAGS.do_train:\n    train()\ntrain()\n",
        "if FLAGS.do_train:\n    train()\nif FLAGS.do_eval:\n    train()\n",
        "if FLAGS.save:\n    train()\n",
        "if FLAGS.do_train or FLAGS.save:\n    train()\n",
        "if not FLAGS.do_train:\n    evaluate()\nelse:\n    train()\n",
        "if FLAGS.mode == 'test':\n    train()\n",
        "if FLAGS.mode != 'train':\n    train()\n",
        "if FLAGS.do_train:\n    prepare()\n",
    ],
)
def test_a_script_that_needs_nothing_for_it(body: str) -> None:
    assert words(body) is None


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("args.kind == 'train'", "train"),
        ("args.do_train", "--do-train"),
        ("args.training", "--learn"),
        ("'train' == args.mode", "--mode=train"),
    ],
)
def test_the_flags_of_a_parser(test: str, told: str) -> None:
    assert words(f"if {test}:\n    estimator.train(data)\n", ARGPARSE) == told


@pytest.mark.parametrize(
    "body",
    [
        "if args.normalize:\n    data = StandardScaler().fit(data)\n",
        "if args.normalize:\n    tokenizer.fit(x)\n",
        "if args.normalize:\n    unknown.train(x)\n",
        "if args.do_train:\n    estimator.train(x)\nstep = tf.train.AdamOptimizer().minimize(x)\n",
        "if args.do_train:\n    estimator.train(x)\nunknown.minimize(x)\n",
        "if args.do_train:\n    estimator.train(x)\nunknown.fit(x)\n",
    ],
)
def test_what_only_has_the_name_does_not_train(body: str) -> None:
    assert words(body, ARGPARSE) is None


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["--do_train"], True),
        (["--do-train=True"], True),
        (["--do_train=False"], False),
        (["do_train"], False),
        ([], False),
    ],
)
def test_what_a_command_gives(arguments: list[str], given: bool) -> None:
    assert Switch("do_train", "--do_train", 1).is_given(arguments) is given


def test_what_a_command_gives_by_position() -> None:
    assert Switch("", "train", 1).is_given(["train"])
    assert not Switch("", "train", 1).is_given(["--train"])
