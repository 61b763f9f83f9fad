"""What is collected, and how long the generated tests take.

MIGRATE_HYPOTHESIS=deep looks further than every run does.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# These are inputs: their own tests need TensorFlow 1.15 and are not ours to collect.
collect_ignore = ["fixtures/projects"]

settings.register_profile(
    "quick",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("deep", settings.get_profile("quick"), derandomize=False)
settings.register_profile("deep", settings.get_profile("deep"), max_examples=3000)
settings.load_profile(os.environ.get("MIGRATE_HYPOTHESIS", "quick"))
