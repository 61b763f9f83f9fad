"""py37/ is for Python 3.7 with TensorFlow 1.15.0: test_py37.py runs it there."""

collect_ignore_glob = ["py37/*"]
