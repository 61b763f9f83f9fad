"""Edits that add whole statements."""

from __future__ import annotations

import ast

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit


def behind(module: Module, statement: ast.stmt, code: str) -> Edit:
    """Adds a statement behind one of a block."""
    source = module.source
    start, end = module.span(statement)
    line, line_end = source.line_start(start), source.line_end(end)
    indent, rest = source.text[line:start], source.text[end:line_end].strip()
    if indent.strip() or (rest and not rest.startswith("#")):
        return Edit(end, end, f"; {code}")
    if not source.text[end:line_end].endswith(("\n", "\r")):
        return Edit(line_end, line_end, source.newline + indent + code)
    return Edit(line_end, line_end, indent + code + source.newline)
