"""One more argument for one call, in the layout of those that are there.

Works on the text: ``ast`` tells where the arguments are, and what stands between them is only
brackets, commas, space and comments. A concrete syntax tree would do the same, but importing one
takes as long as porting a small project.
"""

from __future__ import annotations

import ast
import re

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit, narrowed

_LINE_END = r"(?:\r\n|\r|\n)"
# What separates tokens within brackets.
_SPACE = re.compile(rf"(?:[ \t\f]|#[^\r\n]*|\\?{_LINE_END})*")
# A line's end and the beginning of the next, where no backslash joins the two.
_BREAK = re.compile(rf"(?<!\\)(?<!\\\r)({_LINE_END})")
_COMMENT_LINE = re.compile(rf"[ \t\f]*#[^\r\n]*{_LINE_END}")


def add_keyword(module: Module, call: ast.Call, keyword: str, value: str) -> Edit:
    """Adds a keyword argument behind the last argument of a call.

    A trailing comma stays trailing, a comment stays with the argument that it is about, and a
    lone generator gets the parentheses that it then needs.

    Args:
        module: the file that holds the call.
        call: the call.
        keyword: the argument's name.
        value: its value, as source.

    Returns:
        One edit within the call.

    Raises:
        ValueError: the places that ``ast`` gives do not fit the text, as happens within
            f-strings before Python 3.12.
    """
    start, end = module.span(call)
    text = module.source.text
    new = _with_keyword(module, call, f"{keyword}={value}")
    if not _is_that_call(text[start:end], new, keyword, value):
        raise ValueError(f"the call in line {call.lineno} cannot be told from its surroundings")
    return narrowed(Edit(start, end, new), text)


def _with_keyword(module: Module, call: ast.Call, added: str) -> str:
    """The text of the call with the argument."""
    start, end = module.span(call)
    text = module.source.text
    spans = sorted(module.span(node) for node in (*call.args, *call.keywords))
    opened = _find("(", text, module.span(call.func)[1])
    if not spans:
        return f"{text[start : end - 1]}{added})"
    first = _SPACE.match(text, opened + 1)
    assert first is not None  # it matches nothing as well
    pattern = first.group()
    if len(spans) > 1:
        pattern = _space_at(text, _find(",", text, spans[-2][1]) + 1)
    only = call.args[0] if call.args else None
    bare = isinstance(only, ast.GeneratorExp) and spans[0] == (opened, end)
    if bare:  # f(x for x in y) may leave its own parentheses out only while it is alone
        assert isinstance(only, ast.GeneratorExp)
        last = only.generators[-1]
        inner = module.span(last.ifs[-1] if last.ifs else last.iter)[1]
        closed, comma = _tail(text, inner, end)
        head = f"{text[start : first.end()]}({text[first.end() : closed]})"
    else:
        closed, comma = _tail(text, spans[-1][1], end)
        head = text[start:closed]
    behind = text[closed if comma is None else comma + 1 : end - 1]
    between, behind = _split(_layout(pattern), behind)
    if comma is None:
        return f"{head},{between}{added}{behind})"
    return f"{head}{text[closed : comma + 1]}{between}{added},{behind})"


def _find(token: str, text: str, start: int) -> int:
    """Where the next bracket or comma of that kind is, comments apart."""
    place = start
    while text[place : place + 1] != token:
        if place >= len(text):
            raise ValueError(f"no {token!r} behind an argument")
        place = max(place + 1, _space_end(text, place))
    return place


def _tail(text: str, start: int, end: int) -> tuple[int, int | None]:
    """Where an argument ends with the brackets around it, and its trailing comma if there is one.

    Args:
        start: where it ends without them.
        end: where the call ends.
    """
    closed, place = start, start
    while (place := _space_end(text, place)) < end - 1:
        if text[place] == ",":
            return closed, place
        place = closed = place + 1
    return closed, None


def _space_end(text: str, start: int) -> int:
    return start + len(_space_at(text, start))


def _space_at(text: str, start: int) -> str:
    found = _SPACE.match(text, start)
    return found.group() if found else ""


def _layout(pattern: str) -> str:
    """What separates arguments in this call, without comments."""
    parts = _BREAK.split(pattern)
    return f"{parts[1]}{parts[-1]}" if len(parts) > 1 else " "


def _split(gap: str, behind: str) -> tuple[str, str]:
    """A comment on the last argument's line stays there; the rest goes behind the new one."""
    comment = _COMMENT_LINE.match(behind)
    if comment is None:
        return gap, behind
    parts = _BREAK.split(gap if _BREAK.search(gap) else behind)
    line = comment.group()
    return f"{line}{parts[-1]}", _BREAK.split(line)[1] + behind[comment.end() :]


def _is_that_call(old: str, new: str, keyword: str, value: str) -> bool:
    """Whether the new text is the old call with the argument, and nothing else."""
    try:
        before, after, wanted = (
            ast.parse(f"({text})", mode="eval").body for text in (old, new, value)
        )
    except SyntaxError:
        return False
    if not isinstance(before, ast.Call):
        return False
    before.keywords.append(ast.keyword(keyword, wanted))
    return ast.dump(before) == ast.dump(after)
