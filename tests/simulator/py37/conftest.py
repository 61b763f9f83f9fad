"""Fixtures for Python 3.7 and TensorFlow 1.15.0. No package of the kit is imported here."""

import pytest


@pytest.fixture(autouse=True)
def graph(tmp_path, monkeypatch):
    """A graph of its own for each test, and a folder to write in."""
    monkeypatch.chdir(tmp_path)
    for name in ("JOB_ID", "TF_CONFIG", "CM_WORKER_SIZE"):
        monkeypatch.delenv(name, raising=False)
    import tensorflow as tf  # Not at the top: pytest of another Python reads this file as well.

    tf.keras.backend.clear_session()  # Resets the default graph as well.
