"""Parses flags as TensorFlow 1.15.0 does, where `FLAGS._parse_flags()` stands.

What it does: writes `FLAGS(sys.argv, known_only=True)` for `FLAGS._parse_flags()`.

Why: the flags of TensorFlow are those of absl since 1.5, which do not have that method: the program
ends where it parses its flags.

Example:
    FLAGS = tf.app.flags.FLAGS
    FLAGS._parse_flags()

becomes:
    FLAGS = tf.app.flags.FLAGS
    import sys
    FLAGS(sys.argv, known_only=True)

Fix safety: safe: what is rewritten fails in 1.15.0. Unknown arguments are left alone, as before.

Not handled: calls with arguments, and those whose result is used, which are told.

Authority: TensorFlow 1.4.0, python/platform/flags.py; 1.15.0, the same, and absl's flags.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.codemods.rule import Change, Context, Rule

NPU814 = Rule("NPU814", "parse-flags", group="compat", literals=(b"_parse_flags",))

_NAMES = ("tensorflow.flags.FLAGS._parse_flags", "tensorflow.app.flags.FLAGS._parse_flags")


@NPU814.on_module
def parse_with_absl(context: Context) -> Iterator[Change]:
    module = context.module
    for call, _ in module.calls_of(*_NAMES):
        statement = module.parents[call]
        if call.args or call.keywords or not isinstance(statement, ast.Expr):
            message = "TensorFlow 1.15.0 has no FLAGS._parse_flags"
            yield context.finding(call, "warning", message, "Call FLAGS(sys.argv) instead.")
            continue
        assert isinstance(call.func, ast.Attribute)
        flags = module.text_of(call.func.value)
        ready = "" if module.lookup("sys", call) else f"import sys{_between(module, statement)}"
        yield context.replace(call, f"{ready}{flags}(sys.argv, known_only=True)")


def _between(module: Module, statement: ast.stmt) -> str:
    """What parts another statement from one behind it."""
    source, (start, _) = module.source, module.span(statement)
    indent = source.text[source.line_start(start) : start]
    return "; " if indent.strip() else source.newline + indent
