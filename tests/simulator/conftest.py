"""py37/ is for Python 3.7 with TensorFlow 1.15.0: test_adapter.py runs it there."""

collect_ignore_glob = ["py37/*"]
