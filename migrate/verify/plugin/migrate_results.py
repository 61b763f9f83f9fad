"""A pytest plugin: writes each test's outcome to the file in MIGRATE_RESULTS, a JSON line each.

Line by line, so that what a crash or a time-out ends is known up to there. Python 3.7.
"""

import json
import os

_outcomes = {}


def pytest_runtest_logreport(report):
    # A test has passed when all of set-up, call and tear-down have.
    known = _outcomes.get(report.nodeid)
    if report.when == "setup" or report.outcome != "passed":
        if known in (None, "passed"):
            known = report.outcome
        _outcomes[report.nodeid] = known
    if report.when == "teardown":
        _write(report.nodeid, known)


def pytest_collectreport(report):
    if report.failed:
        _write(report.nodeid, "failed")


def _write(test, outcome):
    with open(os.environ["MIGRATE_RESULTS"], "a") as file:
        file.write(json.dumps({"test": test, "outcome": outcome}) + "\n")
