"""Finds the checks."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache

from migrate.verify.static import checks as checks_package
from migrate.verify.static.check import Check


@cache
def all_checks() -> tuple[Check, ...]:
    """Every check below ``migrate/verify/static/checks``, by code."""
    found = []
    for info in pkgutil.iter_modules(checks_package.__path__):
        module = importlib.import_module(f"{checks_package.__name__}.{info.name}")
        for value in vars(module).values():
            if isinstance(value, Check):
                value.page = inspect.cleandoc(module.__doc__ or "")
                found.append(value)
    return tuple(sorted(found, key=lambda check: check.code))
