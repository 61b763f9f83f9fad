"""Keyword arguments added to one call, by libcst on that call alone.

Only the call is parsed, not its file: that is some twenty times faster, and libcst drops comments
at the end of some files. The edits that come out cover just the characters that differ.

libcst takes a quarter of a second to import, so only calls.py imports this module, where it must.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

import libcst as cst

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit, narrowed

_LINE_END = re.compile(r"\r\n|\r|\n")
_Space = cst.BaseParenthesizableWhitespace


def with_keywords(module: Module, call: ast.Call, added: Mapping[str, str]) -> Edit:
    """Adds keyword arguments to a call of any layout: see calls.add_keywords."""
    start, end = module.span(call)
    old = module.source.text[start:end]
    found = _LINE_END.search(old)
    newline = found.group() if found else module.source.newline
    config = cst.PartialParserConfig(default_newline=newline)
    # Without the parentheses an operand continued on the next line would not parse.
    node = cst.ensure_type(cst.parse_expression(f"({old})", config), cst.Call)
    written = cst.Module([], default_newline=newline)
    if written.code_for_node(node) != f"({old})":
        raise ValueError(f"libcst does not keep the bytes of the call in line {call.lineno}")
    for name, value in added.items():
        node = _with(node, name, cst.parse_expression(value, config))
    return narrowed(Edit(start, end, written.code_for_node(node)[1:-1]), module.source.text)


def _with(node: cst.Call, name: str, value: cst.BaseExpression) -> cst.Call:
    """The call with one more keyword argument, on a line of its own where the others are."""
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    new = cst.Arg(keyword=cst.Name(name), value=value, equal=equal)
    arguments = list(node.args)
    if not arguments:
        return node.with_changes(args=[new])
    last = arguments[-1]
    if isinstance(last.value, cst.GeneratorExp) and not last.value.lpar:
        bare = last.value  # f(x for x in y) may leave them out only while it is alone
        bracketed = bare.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        arguments[-1] = last = last.with_changes(value=bracketed)
    between, behind = _split(_gap(node, arguments), _space_behind(last))
    if isinstance(last.comma, cst.Comma):
        # A trailing comma stays trailing.
        trailing = cst.Comma(whitespace_after=behind)
        new = new.with_changes(comma=trailing)
        arguments[-1] = last.with_changes(comma=last.comma.with_changes(whitespace_after=between))
    else:
        new = new.with_changes(whitespace_after_arg=behind)
        arguments[-1] = last.with_changes(
            comma=cst.Comma(whitespace_after=between),
            whitespace_after_arg=cst.SimpleWhitespace(""),
        )
    return node.with_changes(args=[*arguments, new])


def _split(gap: _Space, behind: _Space) -> tuple[_Space, _Space]:
    """A comment on the last argument's line stays there; the rest goes behind the new one."""
    if not isinstance(behind, cst.ParenthesizedWhitespace) or behind.first_line.comment is None:
        return gap, behind
    layout = gap if isinstance(gap, cst.ParenthesizedWhitespace) else behind
    bare = cst.TrailingWhitespace(newline=behind.first_line.newline)
    return (
        layout.with_changes(first_line=behind.first_line, empty_lines=[]),
        behind.with_changes(first_line=bare),
    )


def _gap(node: cst.Call, arguments: Sequence[cst.Arg]) -> _Space:
    """What separates arguments in this call, without comments."""
    spaces = [_space_behind(argument) for argument in arguments[:-1]]
    pattern = spaces[-1] if spaces else node.whitespace_before_args
    if not isinstance(pattern, cst.ParenthesizedWhitespace):
        return cst.SimpleWhitespace(" ")
    return cst.ParenthesizedWhitespace(
        first_line=cst.TrailingWhitespace(newline=pattern.first_line.newline),
        indent=pattern.indent,
        last_line=pattern.last_line,
    )


def _space_behind(argument: cst.Arg) -> _Space:
    if isinstance(argument.comma, cst.Comma):
        return argument.comma.whitespace_after
    return argument.whitespace_after_arg
