"""Projects for several devices are told that the port trains on one."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop

HEAD = "import tensorflow as tf\nimport horovod.tensorflow as hvd\nimport horovod.keras\n"


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("tf.distribute.MirroredStrategy()", "a distribution strategy"),
        ("tf.compat.v1.distribute.MirroredStrategy()", "a distribution strategy"),
        ("tf.distribute.experimental.ParameterServerStrategy()", "a distribution strategy"),
        ("tf.contrib.distribute.MirroredStrategy(num_gpus=2)", "a distribution strategy"),
        ("tf.contrib.estimator.replicate_model_fn(model_fn)", "a distribution strategy"),
        ("tf.train.Server(cluster, 'ps', 0)", "parameter servers"),
        ("tf.train.SyncReplicasOptimizer(opt, 2)", "parameter servers"),
    ],
)
def test_what_distributes_is_a_warning(call: str, kind: str) -> None:
    ported = check_noop(f"{HEAD}x = {call}\ny = {call}\n", "NPU408")
    [finding] = ported.findings
    assert (finding.severity, finding.line) == ("warning", 4)
    assert "trains on one device" in finding.message and kind in finding.message
    assert finding.advice


@pytest.mark.parametrize(
    "text",
    [
        "x = tf.train.ClusterSpec({})\n",
        "x = tf.train.replica_device_setter(0)\n",
        "class Server: pass\nServer(); x.Server()\n",
        "from my import MirroredStrategy\nMirroredStrategy()\n",
        "hvd.init()\n",
    ],
)
def test_other_names_are_no_finding(text: str) -> None:
    assert check_noop(HEAD + text, "NPU408").findings == []


def test_unit_tests_are_left_out() -> None:
    text = "class A(tf.test.TestCase):\n    def test(self): tf.distribute.MirroredStrategy()\n"
    assert check_noop(HEAD + text, "NPU408", path="a_test.py").findings == []
