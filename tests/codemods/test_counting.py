"""A reviewer counts statements, not the pieces of text that an edit is made of."""

from __future__ import annotations

import pytest

from migrate.codemods.counting import changed_places
from tests.codemods.support import port_files

SESSION = "import tensorflow as tf\nstep = tf.train.AdamOptimizer().minimize(loss)\n"
LONG = """with tf.Session(
    config=tf.ConfigProto(
        allow_soft_placement=True,
    ),
) as sess:
    sess.run(step)
"""


@pytest.mark.parametrize(
    ("source", "code", "count"),
    [
        (SESSION + "sess = tf.Session()\n", "NPU101", 1),
        (SESSION + LONG, "NPU101", 1),
        (
            SESSION + "def f():\n    with tf.Session() as s:\n        s.run(step)\n" + LONG,
            "NPU101",
            2,
        ),
        ("import numpy as np\na = [np.float(1), np.float(2)]\nb = np.int(3)\n", "NPU806", 2),
        ("import numpy as np\nif a:\n    b = np.int(3)\nelse:\n    b = np.int(4)\n", "NPU806", 2),
        ("import numpy as np\ntry:\n    f()\nexcept E:\n    x = np.int(4)\n", "NPU806", 1),
        ("print 'a'\nb = 1\nprint 'c'\nprint 'd'\n", "NPU801", 2),
    ],
)
def test_what_is_counted(source: str, code: str, count: int) -> None:
    assert port_files({"train.py": source.encode()}, code).fired == {code: count}


@pytest.mark.parametrize(
    ("old", "new", "count"),
    [
        (b"", b"a\nb\n", 1),
        (b"a\nb\nc\n", b"a\nx\nc\n", 1),
        (b"a\nb\nc\n", b"x\nb\nx\n", 2),
        (b"a\r\n", b"a\n", 1),
    ],
)
def test_runs_of_lines_that_differ(old: bytes, new: bytes, count: int) -> None:
    assert changed_places(old, new) == count
