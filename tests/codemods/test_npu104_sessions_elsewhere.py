"""Programs that train in a session which the project does not open."""

from __future__ import annotations

import pytest

from tests.codemods.support import port_files

CODE = "NPU104"
MODEL = """
import tensorflow as tf
def train_op(loss):
    return tf.train.AdamOptimizer(0.1).minimize(loss)
"""
MAIN = "if __name__ == '__main__':\n    main()\n"


def told(files: dict[str, str]) -> list[tuple[str, int]]:
    ported = port_files({"model.py": MODEL, **files}, CODE)
    assert set(ported.codes()) <= {CODE}
    assert all(f.severity == "warning" for f in ported.findings)
    return [(f.path, f.line) for f in ported.findings]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (
            "import tensorflow as tf\nimport trainers\n\n\ndef main():\n"
            "    trainers.Trainer(tf.train.AdamOptimizer(0.1)).train()\n\n\n",
            ("train.py", 6),
        ),
        ("import model, trainers\n\ndef main():\n    trainers.run(model.train_op(1))\n\n", ("model.py", 3)),
        (  # what it opens itself is for something else
            "import model, trainers\nimport tensorflow as tf\n\ndef read():\n"
            "    with tf.Session() as sess:\n        return sess.run(tf.constant(1))\n\n"
            "def main():\n    read()\n    trainers.run(model.train_op(1))\n\n",
            ("model.py", 3),
        ),
    ],
)  # fmt: skip
def test_training_that_a_package_runs(source: str, place: tuple[str, int]) -> None:
    assert told({"train.py": source + MAIN}) == [place]


def test_the_estimator_of_the_adapter_opens_its_own() -> None:
    source = (
        "import model\nfrom npu_bridge.npu_init import *\n\ndef main():\n"
        "    NPUEstimator(lambda: model.train_op(1)).train()\n\n"
    )
    assert not told({"train.py": source + MAIN})


def test_another_program_has_its_own_session() -> None:
    evaluation = (
        "import tensorflow as tf\n\ndef main():\n    with tf.Session() as sess:\n"
        "        tf.train.Saver().restore(sess, 'x')\n\n"
    )
    training = "import model, trainers\n\ndef main():\n    trainers.run(model.train_op(1))\n\n"
    files = {"evaluate.py": evaluation + MAIN, "train.py": training + MAIN}
    assert told(files) == [("model.py", 3)]


@pytest.mark.parametrize(
    "source",
    [
        "import model\nimport tensorflow as tf\n\ndef main():\n    with tf.Session() as sess:\n"
        "        sess.run(model.train_op(1))\n\n",
        "import model, steps\n\ndef main():\n    steps.run(model.train_op(1))\n\n",
        "import tensorflow as tf\n\ndef main():\n"
        "    tf.estimator.Estimator(model_fn).train(input_fn)\n\n",
        "from tensorflow import keras\n\ndef main():\n    model = keras.Sequential([])\n"
        "    model.fit(x, y)\n\n",
        "import tensorflow as tf\nimport model\n\ndef main():\n"
        "    with tf.train.MonitoredTrainingSession() as sess:\n        sess.run(model.train_op(1))\n\n",
        "import trainers\n\ndef main():\n    trainers.run()\n\n",  # no TensorFlow in sight
        # found by its name, which only a run can tell
        "import importlib, model\n\ndef main():\n"
        "    importlib.import_module('ste' + 'ps').run(model.train_op(1))\n\n",
    ],
)
def test_sessions_of_the_project(source: str) -> None:
    steps = "import tensorflow as tf\ndef run(op):\n    tf.InteractiveSession().run(op)\n"
    assert not told({"train.py": source + MAIN, "steps.py": steps})


def test_a_training_that_runs_eagerly() -> None:
    source = (
        "import tensorflow as tf\nimport model\ntf.enable_eager_execution()\n\ndef main():\n"
        "    model.train_op(1)\n\n"
    )
    ported = port_files({"model.py": MODEL, "train.py": source + MAIN}, CODE)
    [finding] = ported.findings
    assert (finding.path, finding.line, finding.severity) == ("train.py", 3, "warning")
    assert "train.py trains eagerly" in finding.message


def test_a_session_that_the_recipe_keeps_on_the_host() -> None:
    source = (
        "import model\nimport tensorflow as tf\n\ndef main():\n    with tf.Session() as sess:\n"
        "        sess.run(model.train_op(1))\n\n"
    )
    options = {"NPU101": {"roles": {"train.py:main": "host"}}}
    ported = port_files(
        {"model.py": MODEL, "train.py": source + MAIN}, "NPU101", CODE, options=options
    )
    assert not ported.codes()


def test_unit_tests_are_no_programs() -> None:
    source = (
        "import unittest\nimport model\n\nclass T(unittest.TestCase):\n    def test(self):\n"
        "        model.train_op(1)\n\nif __name__ == '__main__':\n    unittest.main()\n"
    )
    assert not told({"model_test.py": source})
