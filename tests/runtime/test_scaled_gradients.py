"""Gradients that fp16 cannot hold survive where npu_gradients computes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.jobs import works

SCRIPT = """
w, v = weights("w"), weights("v", [2, 1])
loss = tf.reduce_mean(tf.square(tf.matmul(tf.matmul(MINE, w), v) - 1)) * 1e-9
lost, kept = tf.gradients(loss, [w, v]), npu_gradients(loss, [w, v])
clipped, _ = tf.clip_by_global_norm(kept, 1.0)
npu_optimizer(tf.train.AdamOptimizer(0.1)).apply_gradients(zip(clipped, [w, v]))
with tf.Session(config=npu_session_config()) as session:
    session.run(tf.global_variables_initializer())
    result(**{
        name: [np.count_nonzero(g) for g in session.run(gradients)]
        for name, gradients in (("lost", lost), ("kept", kept))
    })
"""


@pytest.mark.tf115
def test_small_gradients_survive_fp16(tmp_path: Path) -> None:
    settings = {"NPU_PRECISION_MODE": "allow_mix_precision", "NPU_SIMULATOR_FP16": "1"}
    (found,) = works(SCRIPT, tmp_path, ranks=1, **settings).results
    assert found == {"lost": [0, 0], "kept": [6, 2]}
