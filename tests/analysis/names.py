"""Asking a project of a few lines what its names stand for."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import pytest

from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.upstream.tree import SourceFile
from tests.codemods.support import dedent


def project_of(files: Mapping[str, str | bytes]) -> Project:
    tree = {}
    for path, data in files.items():
        tree[path] = SourceFile(path, data if isinstance(data, bytes) else dedent(data).encode())
    return Project(tree)


def module_of(source: str, others: Mapping[str, str | bytes] | None = None) -> Module:
    return project_of({**(others or {}), "train.py": source}).module("train.py")


def named(module: Module) -> list[str | None]:
    """What each ``show(x)`` of the module shows, in source order."""
    return [
        module.qualified(node.args[0])
        for node in module.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "show"
    ]


def instances(module: Module) -> list[str | None]:
    """The class of each ``show(x)``'s argument."""
    return [
        module.instance_of(node.args[0])
        for node in module.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "show"
    ]


def keep_parsed(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Has projects keep that many bytes parsed."""
    for name, value in (("_MEMORY", size), ("_A_BYTE", 0), ("_A_PARSED_BYTE", 1), ("_LEAST", 0)):
        monkeypatch.setattr(f"migrate.analysis.parsed.{name}", value)
