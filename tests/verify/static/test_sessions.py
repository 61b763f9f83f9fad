"""CHK101: every session that trains is configured, by whatever way, or is told."""

from __future__ import annotations

import pytest

from tests.verify.static.support import found, places, report

BEFORE_THE_PATCH = "5.1.RC1"
HEAD = """
import tensorflow as tf
from npu_bridge.npu_init import *

def model():
    return tf.train.AdamOptimizer(1e-3).minimize(tf.Variable(1.0))

"""
ENTRY = """
    custom_op = config.graph_options.rewrite_options.custom_optimizers.add()
    custom_op.name = "NpuOptimizer"
"""

CONFIGURED = {
    "npu_config_proto": """
def train():
    step = model()
    with tf.Session(config=npu_config_proto()) as sess:
        sess.run(step)
""",
    "npu_config_proto around a configuration": """
def train():
    step = model()
    config = tf.ConfigProto(allow_soft_placement=True)
    with tf.Session(config=npu_config_proto(config_proto=config)) as sess:
        sess.run(step)
""",
    "npu_config_proto in place": """
def train():
    step = model()
    config = tf.ConfigProto()
    npu_config_proto(config_proto=config)
    with tf.Session(config=config) as sess:
        sess.run(step)
""",
    "an entry in the same function": f"""
def train():
    step = model()
    config = tf.ConfigProto(){ENTRY}
    with tf.Session(config=config) as sess:
        sess.run(step)
""",
    "an entry through its parts": """
def train():
    step = model()
    config = tf.ConfigProto()
    options = config.graph_options
    rewrite = options.rewrite_options
    custom_op = rewrite.custom_optimizers.add()
    custom_op.name = "NpuOptimizer"
    with tf.Session("", None, config) as sess:
        sess.run(step)
""",
    "an entry in parts of its own": """
def train():
    step = model()
    rewrite = RewriterConfig()
    entry = rewrite.custom_optimizers.add()
    entry.name = "NpuOptimizer"
    options = tf.GraphOptions(rewrite_options=rewrite)
    with tf.Session(config=tf.ConfigProto(graph_options=options)) as sess:
        sess.run(step)
""",
    "a function that returns it": f"""
def configuration():
    config = tf.ConfigProto(){ENTRY}
    return config

def train():
    step = model()
    with tf.Session(config=configuration()) as sess:
        sess.run(step)
""",
    "a function that adds the entry": f"""
def add_npu(config):{ENTRY}

def train():
    step = model()
    config = tf.ConfigProto()
    add_npu(config)
    with tf.Session(config=config) as sess:
        sess.run(step)
""",
    "a parameter": f"""
def train(config=None):
    step = model()
    with tf.Session(config=config) as sess:
        sess.run(step)

def main():
    config = tf.ConfigProto(){ENTRY}
    train(config=config)
""",
    "an attribute of self": """
class Trainer:
    def __init__(self):
        self.config = tf.ConfigProto()
        op = self.config.graph_options.rewrite_options.custom_optimizers.add()
        op.name = "NpuOptimizer"

    def train(self):
        step = model()
        with tf.Session(config=self.config) as sess:
            sess.run(step)
""",
    "a global": f"""
config = tf.ConfigProto()
if True:{ENTRY}
def train():
    step = model()
    with tf.Session(config=config) as sess:
        sess.run(step)
""",
    "one of two branches": """
def train(npu):
    step = model()
    config = tf.ConfigProto()
    if npu:
        config = tf.ConfigProto()
        op = config.graph_options.rewrite_options.custom_optimizers.add()
        op.name = "NpuOptimizer"
    with tf.Session(config=config) as sess:
        sess.run(step)
""",
    "a copy": f"""
import copy
def train():
    step = model()
    config = tf.ConfigProto(){ENTRY}
    with tf.Session(config=copy.deepcopy(config)) as sess:
        sess.run(step)
""",
    "packed arguments": """
def train():
    step = model()
    with tf.Session(**{"config": npu_config_proto()}) as sess:
        sess.run(step)
""",
    "MonitoredTrainingSession": """
def train():
    step = model()
    with tf.train.MonitoredTrainingSession(config=npu_config_proto()) as sess:
        sess.run(step)
""",
    "Supervisor": """
def train():
    step = model()
    sv = tf.train.Supervisor(logdir="log")
    with sv.managed_session(config=npu_config_proto()) as sess:
        sess.run(step)
""",
    "NPUEstimator": """
def train(model_fn, input_fn):
    estimator = NPUEstimator(model_fn=model_fn, config=NPURunConfig(model_dir="m"))
    estimator.train(input_fn)
""",
    "npu_run_config_init": """
def train(model_fn, input_fn):
    config = npu_run_config_init(run_config=tf.estimator.RunConfig())
    tf.estimator.Estimator(model_fn, config=config).train(input_fn)
""",
    "RunConfig around a configuration": f"""
def train(model_fn, input_fn):
    config = tf.ConfigProto(){ENTRY}
    run_config = tf.estimator.RunConfig(session_config=config)
    tf.estimator.Estimator(model_fn, config=run_config).train(input_fn)
""",
    "Keras": """
def train(x, y):
    set_keras_session_npu_config()
    net = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    net.compile("sgd", "mse")
    net.fit(x, y)

train(1, 2)
""",
    "Keras in a session of its own": f"""
def train(x, y):
    config = tf.ConfigProto(){ENTRY}
    tf.keras.backend.set_session(tf.Session(config=config))
    net = tf.keras.Sequential([tf.keras.layers.Dense(1)])
    net.compile("sgd", "mse")
    net.fit(x, y)

train(1, 2)
""",
    "the runtime of a port of this kit": """
from npu_runtime import npu_session_config
def train():
    step = model()
    with tf.Session(config=npu_session_config(tf.ConfigProto())) as sess:
        sess.run(step)
""",
}

PLAIN = {
    "no configuration": """
def train():
    step = model()
    with tf.Session() as sess:
        sess.run(step)
""",
    "a configuration without an entry": """
def train():
    step = model()
    config = tf.ConfigProto(allow_soft_placement=True)
    with tf.Session(config=config) as sess:
        sess.run(step)
""",
    "an entry of another name": """
def train():
    step = model()
    config = tf.ConfigProto()
    op = config.graph_options.rewrite_options.custom_optimizers.add()
    op.name = "CpuOptimizer"
    with tf.Session(config=config) as sess:
        sess.run(step)
""",
    "another configuration than the one with the entry": f"""
def train():
    step = model()
    config = tf.ConfigProto(){ENTRY}
    with tf.Session(config=tf.ConfigProto()) as sess:
        sess.run(step)
""",
    "a default that nobody overrides": """
def train(config=None):
    step = model()
    with tf.Session(config=config) as sess:
        sess.run(step)

train()
""",
    "Keras": """
net = tf.keras.Sequential([tf.keras.layers.Dense(1)])
net.compile("sgd", "mse")
net.fit([[1.0]], [[1.0]])
""",
    "an Estimator": """
def train(model_fn, input_fn):
    tf.estimator.Estimator(model_fn).train(input_fn)
""",
}


@pytest.mark.parametrize("body", CONFIGURED.values(), ids=CONFIGURED)
def test_a_configured_session_is_not_told(body: str) -> None:
    assert found(HEAD + body, "CHK101", BEFORE_THE_PATCH) == []
    counted = {c.what: (c.number, c.of) for c in report(HEAD + body, BEFORE_THE_PATCH).counts}
    assert counted["sessions configured"] == (1, 1)


@pytest.mark.parametrize("body", PLAIN.values(), ids=PLAIN)
def test_a_session_that_trains_on_the_host_is_an_error(body: str) -> None:
    (finding,) = found(HEAD + body, "CHK101", BEFORE_THE_PATCH)
    assert finding.severity == "error"
    assert "runs on the host CPU" in finding.message
    counted = {c.what: (c.number, c.of) for c in report(HEAD + body, BEFORE_THE_PATCH).counts}
    assert counted["sessions configured"] == (0, 1)


@pytest.mark.parametrize("body", PLAIN.values(), ids=PLAIN)
def test_from_the_patch_on_importing_npu_init_configures_it(body: str) -> None:
    (finding,) = found(HEAD + body, "CHK101", "5.1.RC2")
    assert finding.severity == "note"
    assert "patch" in finding.message


@pytest.mark.parametrize("body", PLAIN.values(), ids=PLAIN)
def test_the_patch_needs_npu_init_itself(body: str) -> None:
    head = HEAD.replace("from npu_bridge.npu_init import *", "import npu_bridge")
    (finding,) = found(head + body, "CHK101", "7.0")
    assert finding.severity == "error"


def test_npu_init_counts_wherever_the_process_imports_it() -> None:
    library = HEAD.replace("from npu_bridge.npu_init import *", "") + PLAIN["no configuration"]
    script = "from npu_bridge.npu_init import *\nimport library\nlibrary.train()\n"
    other = "from npu_bridge.npu_init import *\n"
    assert places({"library.py": library, "run.py": script}, "CHK101") == ["note library.py:10"]
    assert places({"library.py": library, "other.py": other}, "CHK101") == ["error library.py:10"]


def test_what_only_restores_is_a_warning() -> None:
    code = """
    import tensorflow as tf
    with tf.Session() as sess:
        tf.train.import_meta_graph("model.meta").restore(sess, "model")
    """
    assert places(code, "CHK101") == ["warning 2"]


def test_a_configuration_that_cannot_be_followed_is_told() -> None:
    code = (
        HEAD
        + """
def train(**options):
    step = model()
    with tf.Session(**options) as sess:
        sess.run(step)
"""
    )
    (finding,) = found(code, "CHK101", BEFORE_THE_PATCH)
    assert finding.severity == "error"
    assert "cannot tell" in finding.message


@pytest.mark.parametrize(
    "code",
    [
        # It only reads data.
        "import tensorflow as tf\nwith tf.Session() as s:\n    s.run(tf.constant(1))\n",
        # A unit test.
        "import tensorflow as tf\n"
        "class T(tf.test.TestCase):\n"
        "    def test(self):\n"
        "        step = tf.train.AdamOptimizer().minimize(tf.Variable(1.0))\n"
        "        with tf.Session() as sess:\n"
        "            sess.run(step)\n",
        # No TensorFlow at all.
        "import requests\nwith requests.Session() as s:\n    s.get('x')\n",
    ],
)
def test_other_sessions_are_left_alone(code: str) -> None:
    assert found(code, "CHK101", BEFORE_THE_PATCH) == []


def test_a_configuration_that_is_the_methods_own_object_cannot_be_told() -> None:
    body = """
class Config:
    def train(self):
        step = model()
        with tf.Session(config=self) as sess:
            sess.run(step)

Config().train()
"""
    (finding,) = found(HEAD + body, "CHK101", BEFORE_THE_PATCH)
    assert "cannot tell whether" in finding.message
