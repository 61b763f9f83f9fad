"""Finds the rules: the kit's own, and those that stand beside one upstream's recipe."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType

from migrate.codemods import rules as rules_package
from migrate.codemods.rule import GROUPS, Rule
from migrate.errors import MigrateError, UsageError


@cache
def kit_rules(prefix: str = "NPU") -> tuple[Rule, ...]:
    """The rules below ``migrate/codemods/rules``, by code.

    Args:
        prefix: how their codes begin, such as ``NPU4``: what others need is not even imported.
    """
    names = sorted(info.name for info in pkgutil.iter_modules(rules_package.__path__))
    modules = [
        importlib.import_module(f"{rules_package.__name__}.{name}")
        for name in names
        if name.startswith(prefix.lower())
    ]
    return _ordered(rule for module in modules for rule in _rules_of(module))


def recipe_rules(folder: Path) -> tuple[Rule, ...]:
    """The rules in ``patches/<name>/rules``, which only that upstream needs.

    Raises:
        MigrateError: a rule file does not load, or its code is taken or its group unknown.
        OSError: the folder cannot be read.
    """
    found: list[Rule] = []
    # Not glob, which takes a folder that cannot be read for an empty one.
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in (path for path in paths if path.suffix == ".py"):
        spec = importlib.util.spec_from_file_location(f"recipe_rule_{path.stem}", path)
        if spec is None or spec.loader is None:
            raise UsageError("not a Python module", where=str(path))
        module = importlib.util.module_from_spec(spec)
        try:
            with _no_bytecode():
                spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:  # whatever a person's own code may raise
            message = f"the rule does not load: {type(error).__name__}: {error}"
            raise MigrateError(message, where=str(path)) from error
        for rule in _rules_of(module):
            if rule.group not in GROUPS:
                message = f"{rule.code}: there is no group {rule.group!r}"
                advice = f"Groups are {', '.join(GROUPS)}."
                raise UsageError(message, where=str(path), advice=advice)
            found.append(rule)
    taken = {rule.code for rule in kit_rules()}
    for rule in found:
        if rule.code in taken:
            raise UsageError(f"{rule.code} is taken by another rule", where=str(folder))
        taken.add(rule.code)
    return _ordered(found)


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Leaves no __pycache__ in the workspace, where porting writes a port and nothing else."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def in_groups(rules: Sequence[Rule]) -> list[tuple[str, list[Rule]]]:
    """The rules of each group, in the order of the patch series."""
    return [(group, [rule for rule in rules if rule.group == group]) for group in GROUPS]


def _rules_of(module: ModuleType) -> list[Rule]:
    """The module's rules; its docstring is the page of each."""
    found = [value for value in vars(module).values() if isinstance(value, Rule)]
    for rule in found:
        rule.page = inspect.cleandoc(module.__doc__ or "")
    return found


def _ordered(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    return tuple(sorted(rules, key=lambda rule: rule.code))
