"""Flags are parsed where TensorFlow before 1.5 parsed them."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port

CODE = "NPU814"
TF = "import tensorflow as tf\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "FLAGS = tf.app.flags.FLAGS\nFLAGS._parse_flags()\n",
            "FLAGS = tf.app.flags.FLAGS\nimport sys\nFLAGS(sys.argv, known_only=True)\n",
        ),
        (
            "import sys\nflags = tf.flags\nflags.FLAGS._parse_flags()  # now\n",
            "import sys\nflags = tf.flags\nflags.FLAGS(sys.argv, known_only=True)  # now\n",
        ),
        (
            "def main():\n    FLAGS = tf.flags.FLAGS; FLAGS._parse_flags()\n",
            "def main():\n    FLAGS = tf.flags.FLAGS; import sys; FLAGS(sys.argv, known_only=True)\n",
        ),
        (
            "def main():\n    if True:\n        tf.flags.FLAGS._parse_flags()\n",
            "def main():\n    if True:\n        import sys\n"
            "        tf.flags.FLAGS(sys.argv, known_only=True)\n",
        ),
        (
            "def main():\n    tf.flags.FLAGS._parse_flags()\n    import sys\n",
            "def main():\n    import sys as npu_sys\n"
            "    tf.flags.FLAGS(npu_sys.argv, known_only=True)\n    import sys\n",
        ),
        (
            "def main(sys):\n    tf.flags.FLAGS._parse_flags()\n",
            "def main(sys):\n    import sys as npu_sys\n"
            "    tf.flags.FLAGS(npu_sys.argv, known_only=True)\n",
        ),
        (
            "import os, sys\ndef main():\n    tf.flags.FLAGS._parse_flags()\n",
            "import os, sys\ndef main():\n    tf.flags.FLAGS(sys.argv, known_only=True)\n",
        ),
    ],
)
def test_flags_are_parsed_there(before: str, after: str) -> None:
    check_port(TF + before, TF + after, CODE)


@pytest.mark.parametrize(
    "source",
    [
        "args = parser._parse_flags()\n",
        "FLAGS = tf.flags.FLAGS\n# FLAGS._parse_flags()\n",
        "FLAGS = tf.flags.FLAGS\nFLAGS(['train.py'])\n",
        "class Options:\n    def _parse_flags(self):\n        pass\nOptions()._parse_flags()\n",
    ],
)
def test_other_methods_stay(source: str) -> None:
    assert check_noop(TF + source, CODE).findings == []


@pytest.mark.parametrize("call", ["FLAGS._parse_flags(args=[])", "rest = FLAGS._parse_flags()"])
def test_what_needs_a_look_is_told(call: str) -> None:
    (finding,) = check_noop(f"{TF}FLAGS = tf.flags.FLAGS\n{call}\n", CODE).findings
    assert finding.severity == "warning"
    assert finding.line == 3
