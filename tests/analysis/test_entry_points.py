"""Which script of a project trains."""

from __future__ import annotations

import pytest

from migrate.analysis.entry_points import likeliest, training_files, training_scripts
from tests.analysis.names import project_of

FLAT = """import tensorflow as tf
step = tf.train.AdamOptimizer(1.0).minimize(tf.Variable(1.0))
with tf.Session() as sess:
    sess.run(step)
"""


def test_a_script_that_just_does_its_work_is_found() -> None:
    assert training_scripts(project_of({"train.py": FLAT})) == ["train.py"]


def test_what_another_file_imports_is_not_the_script() -> None:
    files = {"model.py": FLAT, "train.py": "import model\n" + FLAT}
    assert training_scripts(project_of(files)) == ["train.py"]


def test_a_script_that_evaluates_the_same_graph_is_not_the_one_that_trains() -> None:
    assert training_scripts(project_of({"train.py": FLAT, "evaluate.py": FLAT})) == ["train.py"]


@pytest.mark.parametrize(
    ("script", "others"),
    [
        ("demo.py", {}),
        ("texture_synthesis.py", {}),
        ("src/train.py", {"tests/test_train.py": "import unittest\nfrom train import step\n"}),
        ("keras_examples/mnist.py", {"data.py": "import mnist\n"}),  # another one, from PyPI
    ],
)
def test_the_only_script_that_trains_is_found(script: str, others: dict[str, str]) -> None:
    assert training_scripts(project_of({script: FLAT, **others})) == [script]


GRADIENTS = """import tensorflow as tf
old_gradients = tf.gradients

def gradients(ys, xs):
    return old_gradients(ys, xs)
"""


@pytest.mark.parametrize(
    "text", ["import saving", "from saving import gradients", "def f():\n    import os, saving"]
)
def test_a_module_that_is_found_by_pythonpath_is_not_the_script(text: str) -> None:
    files = {"src/saving.py": GRADIENTS, "train.py": f"{text}\n{FLAT}"}
    assert training_scripts(project_of(files)) == ["train.py"]
    files = {"src/lib/saving.py": GRADIENTS, "train.py": f"from lib import saving\n{FLAT}"}
    assert training_scripts(project_of(files)) == ["train.py"]


@pytest.mark.parametrize(
    "text",
    ["# import job", "from . import job", "job = 1", "from job_b import x"],
)
def test_a_script_that_is_only_mentioned_is_one(text: str) -> None:
    files = {"src/job.py": FLAT, "tools/look.py": f"{text}\n"}
    assert training_scripts(project_of(files)) == ["src/job.py"]


def test_another_module_of_the_same_name_is_no_import_of_the_script() -> None:
    files = {"src/job.py": FLAT, "job.py": "x = 1\n", "look.py": "import job\n"}
    assert training_scripts(project_of(files)) == ["src/job.py"]


def test_what_is_named_for_training_is_the_likeliest() -> None:
    scripts = ["a/run.py", "a/train.py", "run.py", "train-horovod.py", "train.py"]
    assert likeliest(scripts) == [
        *("train.py", "train-horovod.py", "a/train.py", "run.py", "a/run.py"),
    ]


MAIN = 'if __name__ == "__main__":\n'


def test_both_kinds_of_scripts_are_found() -> None:
    tool = f"import os\n\n{MAIN}    os.mkdir('data')\n"
    work = "def work():\n" + "".join(f"    {line}\n" for line in FLAT.splitlines()) + "work()\n"
    files = {"b.py": FLAT + MAIN + "    print(step)\n", "a.py": FLAT, "c.py": work, "d.py": tool}
    assert training_scripts(project_of(files)) == ["a.py", "b.py", "c.py"]


def test_a_module_that_nobody_imports_is_no_script() -> None:
    unused = (
        "import tensorflow as tf\n\ndef step(loss):\n    tf.train.AdamOptimizer().minimize(loss)\n"
    )
    train = f"from model import train\n\n{MAIN}    train()\n"
    model = f"def train():\n    from base import work\n    work()\n\n{MAIN}    train()\n"
    base = f"def work():\n    {'; '.join(FLAT.splitlines()[:2])}\n"
    files = {"unused.py": unused, "train.py": train, "model.py": model, "base.py": base}
    assert training_scripts(project_of(files)) == ["model.py", "train.py"]


def test_where_nothing_leads_to_what_trains_a_scripts_name_tells() -> None:
    """As where a text names the function."""
    optim = """import tensorflow as tf

def sgd(loss, params):
    return [v.assign_sub(0.1 * g) for v, g in zip(params, tf.gradients(loss, params))]
"""
    by_text = f"import optim\nRUN = 'sgd'\n\n{MAIN}    vars(optim)[RUN]()\n"
    files = {"train.py": by_text, "train_fast.py": by_text, "convert.py": by_text}
    assert training_scripts(project_of({"optim.py": optim, **files})) == [
        "train.py",
        "train_fast.py",
    ]
    assert training_scripts(project_of({"train.py": by_text, "optim.py": "sgd = print\n"})) == []


@pytest.mark.parametrize(
    "name",
    [
        *("sample.py", "freeze_graph.py", "ckpt2pb.py", "convert_ckpt_to_pb.py", "validate.py"),
        *("synthesize.py", "run_demo.py", "generate.py", "predict.py", "infer.py", "enjoy_pong.py"),
    ],
)
def test_a_script_for_the_same_graph_is_not_the_one_that_trains(name: str) -> None:
    main = FLAT + MAIN + "    print(step)\n"
    files = {name: main, "main.py": main}
    assert training_scripts(project_of(files)) == ["main.py"]
    assert training_scripts(project_of({name: main})) == [name]
    assert training_files(project_of(files)) == {"main.py"}
    assert training_files(project_of({name: main})) == {name}


def test_a_model_is_found_behind_the_name_of_its_own_module() -> None:
    text = (
        f"def main():\n    import net\n    net = net.build()\n    net.run()\n\n{MAIN}    main()\n"
    )
    model = "import tensorflow as tf\ndef build():\n    return tf.gradients(1, 2)\n"
    assert training_scripts(project_of({"net.py": model, "go.py": text})) == ["go.py"]
