"""Learning rates grow with the ranks, only where the recipe says so."""

from __future__ import annotations

import pytest

from migrate.errors import RecipeError
from tests.codemods.support import Ported, check_noop, check_port, port_files

CODE = "NPU703"
TF = "import tensorflow as tf\n"
RUNTIME = "from npu_runtime import npu_learning_rate\n"


def options(*scale: str) -> dict[str, dict[str, list[str]]]:
    return {CODE: {"scale": list(scale)}}


def ported(source: str, *scale: str) -> Ported:
    return port_files({"train.py": source}, CODE, options=options(*scale))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tf.train.AdamOptimizer(rate)", "tf.train.AdamOptimizer(npu_learning_rate(rate))"),
        (
            "tf.train.MomentumOptimizer(learning_rate=0.1, momentum=0.9)",
            "tf.train.MomentumOptimizer(learning_rate=npu_learning_rate(0.1), momentum=0.9)",
        ),
        (
            "npu_optimizer(tf.train.AdamOptimizer(\n    rate / 2,  # half\n    beta1=0))",
            "npu_optimizer(tf.train.AdamOptimizer(\n    npu_learning_rate(rate / 2),  # half\n"
            "    beta1=0))",
        ),
        (
            "tf.contrib.opt.AdamWOptimizer(0.01, rate)",
            "tf.contrib.opt.AdamWOptimizer(0.01, npu_learning_rate(rate))",
        ),
        (
            "tf.contrib.opt.MovingAverageOptimizer(tf.train.AdamOptimizer(rate), 0.9)",
            "tf.contrib.opt.MovingAverageOptimizer("
            "tf.train.AdamOptimizer(npu_learning_rate(rate)), 0.9)",
        ),
        (
            "tf.contrib.layers.optimize_loss(loss, None, rate, 'SGD')",
            "tf.contrib.layers.optimize_loss(loss, None, npu_learning_rate(rate), 'SGD')",
        ),
        (
            "tf.keras.optimizers.SGD(lr=rate)",
            "tf.keras.optimizers.SGD(lr=npu_learning_rate(rate))",
        ),
        (
            "tf.train.AdamOptimizer(lambda: rate)",
            "tf.train.AdamOptimizer(npu_learning_rate(lambda: rate))",
        ),
    ],
)
def test_all_optimizers_of_a_file(before: str, after: str) -> None:
    check_port(f"{TF}{before}\n", f"{TF}{RUNTIME}{after}\n", CODE, options=options("train.py"))


@pytest.mark.parametrize(
    "name",
    [
        "tf.train.MomentumOptimizer",
        "tensorflow.train.MomentumOptimizer",
        "tf.compat.v1.train.MomentumOptimizer",
    ],
)
def test_one_kind_of_optimizer(name: str) -> None:
    source = "g = tf.train.AdamOptimizer(a)\nd = tf.train.MomentumOptimizer({}, 0.9)\n"
    check_port(
        TF + source.format("b"),
        TF + RUNTIME + source.format("npu_learning_rate(b)"),
        CODE,
        options=options(name),
    )


def test_an_optimizer_of_the_projects_own() -> None:
    own = (
        "class Own(tf.train.Optimizer):\n    def __init__(self, decay, learning_rate):\n"
        "        pass\n\n"
    )
    check_port(
        f"{TF}{own}Own(0.9, rate)\n",
        f"{TF}{RUNTIME}{own}Own(0.9, npu_learning_rate(rate))\n",
        CODE,
        options=options("train.py:Own"),
    )


def test_nothing_without_the_recipe() -> None:
    source = f"{TF}tf.train.AdamOptimizer(rate)\n"
    assert check_noop(source, CODE).findings == []
    assert check_noop(source, CODE, options={CODE: {"scale": []}}).findings == []


@pytest.mark.parametrize(
    "lines",
    [
        "tf.train.AdamOptimizer(0.1 * hvd.size())",
        "rate = 0.1 * hvd.size()\ntf.train.AdamOptimizer(rate)",
        "scale = comm.Get_size()\nrate = 0.1 * scale\ntf.train.AdamOptimizer(learning_rate=rate)",
    ],
)
def test_a_project_that_scales_itself(lines: str) -> None:
    result = check_noop(
        f"{TF}import horovod.tensorflow as hvd\n{lines}\n", CODE, options=options("train.py")
    )
    (finding,) = result.findings
    assert finding.severity == "note" and "itself" in finding.message


def test_the_size_of_something_else_is_no_number_of_ranks() -> None:
    source = f"{TF}import numpy as np\ntf.train.AdamOptimizer(0.1 / np.size(x))\n"
    assert "npu_learning_rate(0.1 / np.size(x))" in ported(source, "train.py").text()


def test_a_rate_that_is_a_default() -> None:
    result = check_noop(f"{TF}tf.train.AdamOptimizer()\n", CODE, options=options("train.py"))
    (finding,) = result.findings
    assert finding.severity == "warning" and "not given here" in finding.message


@pytest.mark.parametrize(
    "entry", ["train", "other.py", "tf.train.MomentumOptimizer", "AdamOptimizer", "tf.train.Saver"]
)
def test_a_name_that_fits_nothing_is_an_error(entry: str) -> None:
    with pytest.raises(RecipeError, match=r"rules\.NPU703\.scale.*" + entry):
        ported(f"{TF}tf.train.AdamOptimizer(rate)\n", "train.py", entry)
