"""Deletes statements, and what a deleted statement leaves empty."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migrate.analysis.effects import effect_free
from migrate.analysis.module import Module
from migrate.codemods.edits import Edit

_BLOCKS = ("body", "orelse", "finalbody", "handlers")
_ELSE = re.compile(r"[\s\\]*\belse[\s\\]*:[\s\\]*")


@dataclass(frozen=True, order=True)
class Removal(Edit):
    """Deletes the statement that it covers; ``settled`` works out which characters go.

    That depends on what else goes: two statements that fill a block leave ``pass`` behind, and an
    ``if`` that is left without any goes as well.
    """


def removal_of(module: Module, statement: ast.stmt) -> Removal:
    """Deletes a statement: its lines, or just its text where something shares them.

    The last statement of a block becomes ``pass``; an ``if`` or ``for`` with nothing left in it
    goes when its head has no effect, and so does an empty ``else``.
    """
    return Removal(*module.span(statement), "")


def with_emptied(module: Module, edits: Sequence[Edit]) -> list[Edit]:
    """The edits, and removals of the statements that they leave without a body."""
    gone = _removed(module, edits)
    queue: list[ast.stmt] = list(gone)
    added: list[Edit] = []
    while queue:
        parent = module.parents[queue.pop()]
        if (
            isinstance(parent, ast.If | ast.For)
            and parent not in gone
            and all(statement in gone for statement in [*parent.body, *parent.orelse])
            and _head_is_free(module, parent)
        ):
            gone.add(parent)
            queue.append(parent)
            added.append(removal_of(module, parent))
    return [*edits, *added]


def _removed(module: Module, edits: Sequence[Edit]) -> set[ast.stmt]:
    """The statements that go; found by their place, since a rule may have seen another parse."""
    spans = {(edit.start, edit.end) for edit in edits if isinstance(edit, Removal)}
    if not spans:
        return set()
    return {n for n in module.nodes if isinstance(n, ast.stmt) and module.span(n) in spans}


def _head_is_free(module: Module, statement: ast.If | ast.For) -> bool:
    if isinstance(statement, ast.If):
        return effect_free(module, statement.test)
    targets = {n.id for n in ast.walk(statement.target) if isinstance(n, ast.Name)}
    inside = set(ast.walk(statement))
    return effect_free(module, statement.iter) and not any(
        isinstance(node, ast.Name) and node.id in targets and node not in inside
        for node in module.nodes
    )


def settled(module: Module, edits: Sequence[Edit]) -> list[Edit]:
    """The edits with every removal turned into plain ones; edits inside what goes are dropped."""
    gone = _removed(module, edits)
    if not gone:
        return list(edits)
    top = [s for s in gone if not any(parent in gone for parent in module.ancestors(s))]
    spans = [module.span(statement) for statement in top]
    result = [
        edit
        for edit in edits
        if not isinstance(edit, Removal)
        and not any(start <= edit.start and edit.end <= end for start, end in spans)
    ]
    for parent in dict.fromkeys(module.parents[statement] for statement in top):
        for name in _BLOCKS:
            block = getattr(parent, name, None)
            if isinstance(block, list) and any(statement in gone for statement in block):
                result += _block_edits(module, parent, name, block, gone)
    return _without_new_final_newline(module, result)


def removal_around(module: Module, line: int, edits: Sequence[Edit]) -> Edit | None:
    """The edit, of those that are made, that leaves nothing of a line but comments."""
    source = module.source
    if not 0 < line <= len(source.line_starts):
        return None
    start = source.line_starts[line - 1]
    code = source.text[start : source.line_end(start)]
    start, end = start + len(code) - len(code.lstrip()), start + len(code.rstrip())
    around = (edit for edit in edits if edit.start <= start < end <= edit.end)
    return next(filter(removes, around), None)


def removes(edit: Edit) -> bool:
    """Whether an edit leaves no code, but comments at most."""
    left = [line.strip() for line in edit.text.splitlines()]
    return all(line in ("", "pass") or line.startswith("#") for line in left)


def _without_new_final_newline(module: Module, edits: list[Edit]) -> list[Edit]:
    """Where the last line goes and had no line end, the line before it has none afterwards."""
    text = module.source.text
    last = max(edits, key=lambda edit: edit.end)
    if last.end < len(text) or last.text or text.endswith(("\n", "\r")):
        return edits
    edits = [edit for edit in edits if edit != last]
    start = last.start
    while touching := next((e for e in edits if e.end == start and not e.text), None):
        edits.remove(touching)
        start = touching.start
    kept = text[:start].removesuffix("\n").removesuffix("\r")
    return [*edits, Edit(len(kept) if text[:start].endswith(("\n", "\r")) else start, last.end, "")]


def _block_edits(
    module: Module, parent: ast.AST, name: str, block: list[ast.stmt], gone: set[ast.stmt]
) -> Iterator[Edit]:
    emptied = all(statement in gone for statement in block) and not isinstance(parent, ast.Module)
    if emptied and name == "orelse":
        start = _else_start(module, parent, block[0])
        if start is not None:
            yield _cut(module, start, module.span(block[-1])[1])
            return
    runs = list(_runs(block, gone))
    for run in runs:
        start, end = module.span(run[0])[0], module.span(run[-1])[1]
        if emptied and run is runs[0]:
            yield Edit(start, end, _kept_comments(module, start, end) + "pass")
        else:
            yield _cut(module, start, end)


def _runs(block: list[ast.stmt], gone: set[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Neighbours that go together; only those that share a line are one run."""
    run: list[ast.stmt] = []
    for statement in block:
        if statement not in gone:
            if run:
                yield run
            run = []
        elif run and run[-1].end_lineno == statement.lineno:
            run.append(statement)
        else:
            if run:
                yield run
            run = [statement]
    if run:
        yield run


def _else_start(module: Module, parent: ast.AST, first: ast.stmt) -> int | None:
    """Where the ``else`` or ``elif`` begins, unless a comment stands before its first statement."""
    source = module.source
    start = module.span(first)[0]
    if isinstance(first, ast.If) and source.text.startswith("elif", start):
        return start
    before = getattr(parent, "handlers", None) or parent.body  # type: ignore[attr-defined]
    end = module.span(before[-1])[1]
    found = _ELSE.fullmatch(source.text, end, start)
    return source.text.index("else", end) if found else None


def _cut(module: Module, start: int, end: int) -> Edit:
    source = module.source
    line_start, line_end = source.line_start(start), source.line_end(end)
    before, behind = source.text[line_start:start], source.text[end:line_end]
    kept = _kept_comments(module, start, end)
    if not before.strip():
        if not behind.strip():
            return Edit(line_start, line_end, before + kept.rstrip(" \t") if kept else "")
        if behind.lstrip().startswith("#"):
            return Edit(start, end + len(behind) - len(behind.lstrip()), kept)
    # A neighbour on the same line: `a = 1; b = 2`.
    if behind.lstrip().startswith(";"):
        tail = behind.lstrip()[1:]
        if not before.strip() and not tail.strip():
            return Edit(line_start, line_end, before + kept.rstrip(" \t") if kept else "")
        return Edit(start, end + len(behind) - len(tail.lstrip(" \t")), "")
    stripped = before.rstrip()
    if stripped.endswith(";"):
        return Edit(line_start + len(stripped) - 1, end, "")
    return Edit(start, end, "pass")


def _kept_comments(module: Module, start: int, end: int) -> str:
    """The comments between two offsets, one to a line, each followed by a fresh line."""
    source = module.source
    margin = source.text[source.line_start(start) : start]
    indent = margin[: len(margin) - len(margin.lstrip())]
    return "".join(
        comment + source.newline + indent for comment in comments_in(source.text[start:end])
    )


def comments_in(text: str) -> list[str]:
    """The comments in a piece of code that may begin or end anywhere between two tokens."""
    if "#" not in text:
        return []
    found = []
    # The bracket keeps line ends and indentation from mattering.
    lines = io.StringIO("(" + text, newline="").readline
    try:
        for token in tokenize.generate_tokens(lines):
            if token.type == tokenize.COMMENT:
                found.append(token.string.rstrip())
    except (tokenize.TokenError, SyntaxError):
        pass  # the bracket is never closed
    return found


def with_comments(module: Module, node: ast.expr, start: int, end: int, text: str) -> str | None:
    """What takes the place of a part of an expression, with the comments in it.

    Args:
        node: the expression, or another in the same statement.
        start: where the part begins.
        end: and where it ends.

    Returns:
        None where they do not fit: outside of brackets a comment ends the statement.
    """
    source = module.source
    comments = comments_in(source.text[start:end])
    if not comments:
        return text
    rest = source.text[end : source.line_end(end)].strip()
    if len(comments) == 1 and not rest:
        return f"{text}  {comments[0]}"
    if not _in_brackets(module, node, start):
        return None
    line = source.text[source.line_start(start) : start]
    indent = source.newline + line[: len(line) - len(line.lstrip())]
    return f"{text}  {indent.join(comments)}{indent if rest else ''}"


def _in_brackets(module: Module, node: ast.expr, position: int) -> bool:
    """Whether a line end at this place in a statement would not end it."""
    source = module.source
    start = module.span(module.statement_of(node))[0]
    depth = 0
    lines = io.StringIO(source.text[start:position], newline="").readline
    try:
        for token in tokenize.generate_tokens(lines):
            depth += (token.string in tuple("([{")) - (token.string in tuple(")]}"))
    except (tokenize.TokenError, SyntaxError):
        pass  # the statement is not complete
    return depth > 0
