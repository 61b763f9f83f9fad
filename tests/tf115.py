"""The TensorFlow 1.15.0 environment for tests that are marked tf115."""

from __future__ import annotations

import os

import pytest

from migrate.environment import Environment, tf115_environment


def required_tf115() -> Environment:
    """Returns the environment; where there is none the test is skipped, or fails if CI=true."""
    environment = tf115_environment()
    if environment is None:
        reason = "there is no TensorFlow 1.15.0 environment; make it with: migrate env create"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return environment
