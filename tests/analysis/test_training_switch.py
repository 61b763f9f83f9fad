"""The flag without which a script does not train."""

from __future__ import annotations

import pytest

from migrate.analysis.flags import flags_of
from migrate.analysis.training_switch import training_switch
from tests.analysis.names import project_of

ABSL = """import tensorflow as tf
flags = tf.flags
FLAGS = flags.FLAGS
flags.DEFINE_bool("do_train", False, "whether to train")
flags.DEFINE_bool("do_eval", False, "whether to evaluate")
flags.DEFINE_bool("save", True, "whether to save")
flags.DEFINE_string("mode", "test", "train or test")
"""


def words(body: str) -> str | None:
    project = project_of({"train.py": ABSL + body})
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
