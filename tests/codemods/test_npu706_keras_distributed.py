"""Keras models are compiled with optimizers that average over the ranks."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port

CODE = "NPU706"
HEAD = "import tensorflow as tf\n"
MODEL = "\nmodel = tf.keras.Sequential(layers)\n"


def port(before: str, after: str) -> None:
    wanted = HEAD + "from npu_runtime import npu_keras_optimizer\n"
    ported = check_port(HEAD + MODEL + before, wanted + MODEL + after, CODE)
    assert ported.findings == [] and ported.runtime == {"npu_runtime"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "model.compile('adam', 'mse')\n",
            "model.compile(npu_keras_optimizer('adam'), 'mse')\n",
        ),
        (
            "model.compile(loss='mse',  # why\n              optimizer=tf.keras.optimizers.SGD(0.1))\n",
            "model.compile(loss='mse',  # why\n"
            "              optimizer=npu_keras_optimizer(tf.keras.optimizers.SGD(0.1)))\n",
        ),
        (
            "opt = tf.keras.optimizers.Adam()\nmodel.compile(opt, loss='mse')\n",
            "opt = tf.keras.optimizers.Adam()\nmodel.compile(npu_keras_optimizer(opt), loss='mse')\n",
        ),
        (
            "def train(net, opt):\n    net.compile(optimizer=opt, loss='mse')\n",
            "def train(net, opt):\n    net.compile(optimizer=npu_keras_optimizer(opt), loss='mse')\n",
        ),
        (
            "class Net(tf.keras.Model):\n    def start(self):\n        self.compile('sgd', 'mse')\n",
            "class Net(tf.keras.Model):\n    def start(self):\n"
            "        self.compile(npu_keras_optimizer('sgd'), 'mse')\n",
        ),
        (
            "opt = tf.keras.optimizers.SGD(0.1)\ntrain = opt.minimize(loss, weights)\n",
            "opt = tf.keras.optimizers.SGD(0.1)\n"
            "train = npu_keras_optimizer(opt).minimize(loss, weights)\n",
        ),
        (
            "ups = tf.keras.optimizers.SGD(0.1).get_updates(loss, weights)\n",
            "ups = npu_keras_optimizer(tf.keras.optimizers.SGD(0.1)).get_updates(loss, weights)\n",
        ),
        (
            "from tensorflow.keras.optimizers import SGD\nSGD(0.1).apply_gradients(pairs)\n",
            "from tensorflow.keras.optimizers import SGD\n"
            "npu_keras_optimizer(SGD(0.1)).apply_gradients(pairs)\n",
        ),
    ],
)
def test_what_is_wrapped(before: str, after: str) -> None:
    port(before, after)


@pytest.mark.parametrize(
    "text",
    [
        "model.compile(tf.train.AdamOptimizer(), 'mse')\n",
        "opt = tf.train.AdamOptimizer()\nmodel.compile(opt, 'mse')\n",
        "from npu_runtime import npu_optimizer\n"
        "model.compile(npu_optimizer(tf.train.AdamOptimizer()), 'mse')\n",
        "from npu_runtime import npu_keras_optimizer\n"
        "model.compile(npu_keras_optimizer('adam'), 'mse')\n",
        "import horovod.tensorflow.keras as hvd\n"
        "opt = hvd.DistributedOptimizer(o)\nmodel.compile(opt, 'mse')\n",
        "import npu_runtime.horovod_keras as hvd\n"
        "model.compile(loss='mse', optimizer=hvd.DistributedOptimizer(o))\n",
        "import re\nre.compile('adam', 'mse')\n",
        "import sre\nsre.compile(pattern, flags)\n",
        "code = compile(source, 'file', 'exec')\n",
        "thing.compile(pattern)\n",
        "jit.compile(optimizer='x')\n",
        "tf.train.AdamOptimizer().minimize(loss)\n",
        "anything.minimize(loss)\n",
        "scipy.optimize.minimize(f, x)\n",
        "model.compile()\n",
        "model = tf.keras.models.load_model(path)\nmodel.predict(x)\n",
        "class Test(tf.test.TestCase):\n    def test(self): model.compile('sgd', 'mse')\n",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert check_noop(HEAD + MODEL + text, CODE).findings == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model.compile(**settings)\n", "may hide in *args or **kwargs"),
        ("model = tf.keras.models.load_model(p)\nmodel.fit(x, y)\n", "the optimizer that it has"),
    ],
)
def test_what_cannot_be_wrapped_is_told(text: str, told: str) -> None:
    [finding] = check_noop(HEAD + MODEL + text, CODE).findings
    assert finding.severity == "warning" and told in finding.message and finding.advice


def test_a_name_that_standalone_keras_looks_up() -> None:
    text = "import keras\nmodel = keras.Sequential(layers)\nmodel.compile('adam', 'mse')\n"
    [finding] = check_noop(text, CODE).findings
    assert (finding.severity, finding.line) == ("warning", 3)
    check_port(
        "import keras\nmodel = keras.Sequential([])\nmodel.compile(keras.optimizers.SGD(), 'mse')\n",
        "import keras\nfrom npu_runtime import npu_keras_optimizer\nmodel = keras.Sequential([])\n"
        "model.compile(npu_keras_optimizer(keras.optimizers.SGD()), 'mse')\n",
        CODE,
    )
