"""What can be told of a port by reading it: any port, ours or made by hand."""

from migrate.verify.static.run import StaticReport, run_checks

__all__ = ["StaticReport", "run_checks"]
