"""What can be told of a port by reading it: any port, ours or made by hand."""

from migrate.verify.static.run import SkippedCheck, StaticReport, Tally, run_checks

__all__ = ["SkippedCheck", "StaticReport", "Tally", "run_checks"]
