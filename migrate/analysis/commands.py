"""Commands that a project has other programs do, and the words that stand in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.runtime_names import RANK_0, runtime_name
from migrate.analysis.words import holds_any

_RUNNING = frozenset(
    "os.popen os.system subprocess.Popen subprocess.call subprocess.check_call "
    "subprocess.check_output subprocess.getoutput subprocess.getstatusoutput subprocess.run "
    "commands.getoutput commands.getstatusoutput".split()
)
_LITERALS = (b"popen", b"Popen", b"system", b"subprocess", b"commands")
_BETWEEN = re.compile(r"[\s;&|<>'\"]+")


class Command(NamedTuple):
    """One command.

    Args:
        call: what runs it.
        text: its words as far as they stand in the code; what is put in is left out.
    """

    call: ast.Call
    text: str


def commands(module: Module) -> Iterator[Command]:
    """The commands of a file, in source order."""
    if not holds_any(module.source.data, _LITERALS):
        return
    for call in module.all_of(ast.Call):
        func = call.func
        if isinstance(func, ast.Call) and func.args and runtime_name(module, func.func) == RANK_0:
            func = func.args[0]
        if call.args and module.name_of(func) in _RUNNING:
            yield Command(call, " ".join(_texts(module, call.args[0])))


def named_in_commands(project: Project, path: str) -> frozenset[str]:
    """The words of a file's commands, such as files; derive with ``cached_for``."""
    module = project.parsed(path) if holds_any(project.files[path].data, _LITERALS) else None
    if module is None:
        return frozenset()
    return frozenset(word for one in commands(module) for word in _BETWEEN.split(one.text) if word)


def _texts(module: Module, node: ast.expr) -> Iterator[str]:
    """The texts that an expression is made of, also where a name stands for them."""
    parts = [part for part in ast.walk(node) if isinstance(part, ast.expr)]
    for part in sorted(parts, key=lambda part: (part.lineno, part.col_offset)):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.Name) and part is node:
            found = module.lookup(part.id, part)
            for binding in found[1] if found is not None else ():
                if isinstance(binding.node, ast.expr) and not isinstance(binding.node, ast.Name):
                    yield from _texts(module, binding.node)
