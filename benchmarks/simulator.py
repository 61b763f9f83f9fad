"""What simulation costs: the same training with and without it, as a ratio.

    .venv/bin/python benchmarks/simulator.py
    .venv/bin/python benchmarks/simulator.py --pairs 30 --json FILE

Both trainings run in one process, by turns: a block of steps that is recorded, a block that is
not. So a machine that does other work meanwhile slows both. The network is small, a few
milliseconds a step, so that recording weighs more than in a real training. What the recorder
does once for each kind of run stands beside it. The exit code is 1 when the ratio misses its bar.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from migrate.environment import tf115_environment

SIMULATOR = Path(__file__).resolve().parents[1] / "migrate" / "simulator"
RATIO = 1.1

_TRAINING = """
import json, sys, time
import numpy as np
import tensorflow as tf

tf.compat.v1.logging.set_verbosity("ERROR")
image = tf.placeholder(tf.float32, [None, 28, 28, 1])
label = tf.placeholder(tf.int64, [None])
net = image
for width in (16, 32):
    net = tf.layers.conv2d(net, width, 3, activation=tf.nn.relu)
    net = tf.layers.max_pooling2d(net, 2, 2)
scores = tf.layers.dense(tf.layers.flatten(net), 10)
loss = tf.losses.sparse_softmax_cross_entropy(label, scores)
train = tf.train.AdamOptimizer().minimize(loss)
feed = {image: np.ones((32, 28, 28, 1), "f"), label: np.arange(32) % 10}
session = tf.Session()
session.run(tf.global_variables_initializer())
base = type(session).__mro__[1]
recording, plain = base._do_run, base._do_run.__wrapped__

def block(do_run):
    base._do_run = do_run
    start = time.perf_counter()
    for _ in range(20):
        session.run([train, loss], feed)
    return time.perf_counter() - start

from npu_simulator import graphs
graphs._known.clear()
start = time.perf_counter()
fields, _ = graphs.summary(session.graph, [train, loss.op], list(feed))
once = time.perf_counter() - start

block(recording), block(plain)
pairs = []
for number in range(int(sys.argv[1])):
    if number % 2:
        pairs.append((block(recording), block(plain)))
    else:
        pairs.append((block(plain), block(recording))[::-1])
print(json.dumps({"pairs": pairs, "once": once, "ops": sum(fields["ops"].values())}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=20, metavar="N", help="blocks of each kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    arguments = parser.parse_args()
    environment = tf115_environment()
    if environment is None:
        print("There is no TensorFlow 1.15.0 environment; make it with: migrate env create")
        return 2
    measured = _measure(environment.python, arguments.pairs)
    # The least of each: what other processes take only adds.
    recorded, plain = (min(times) for times in zip(*measured["pairs"], strict=True))
    ratios = [slow / fast for slow, fast in measured["pairs"]]
    figures = {
        "ratio": recorded / plain,
        "ratio_median": statistics.median(ratios),
        "step_ms": plain / 20 * 1000,
        "once_ms_per_1000_operators": measured["once"] / measured["ops"] * 1e6,
    }
    for name, value in figures.items():
        print(f"{name:30} {value:8.3f}")
    holds = figures["ratio"] <= RATIO
    print(f"bar {RATIO} {'holds' if holds else 'MISSED'}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return int(not holds)


def _measure(python: Path, pairs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SIMULATOR),
            "NPU_SIMULATOR_TRACE": folder,
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        done = subprocess.run(
            [python, "-W", "ignore", "-c", _TRAINING, str(pairs)],
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    raise SystemExit(main())
