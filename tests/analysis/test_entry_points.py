"""Which script of a project trains."""

from __future__ import annotations

from migrate.analysis.entry_points import training_scripts
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


def test_a_file_that_asks_for_main_counts_before_those_that_do_not() -> None:
    text = FLAT + 'if __name__ == "__main__":\n    print(step)\n'
    assert training_scripts(project_of({"a.py": FLAT, "b.py": text})) == ["b.py"]
