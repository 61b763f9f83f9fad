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
from itertools import count

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
        name, ready = "sys", ""
        if not _is_imported(module, call):
            taken = not module.is_free(name, call)
            name = next(n for n in _names() if module.is_free(n, call)) if taken else name
            wanted = f"import sys as {name}" if taken else "import sys"
            ready = f"{wanted}{_between(module, statement)}"
        yield context.replace(call, f"{ready}{flags}({name}.argv, known_only=True)")


def _is_imported(module: Module, call: ast.Call) -> bool:
    """Whether ``sys`` is the module when the call is run, whoever runs it."""
    found = module.lookup("sys", call)
    if found is None or any(b.kind != "import" or b.qualified != "sys" for b in found[1]):
        return False
    scope, bindings = found
    # Others' code, loops and branches may come in between: only what stands ahead in the
    # same function, or at the top level, is sure to have run.
    return any(
        b.statement is not None
        and module.parents.get(b.statement) is scope.node
        and module.span(b.statement)[0] < module.span(call)[0]
        for b in bindings
    )


def _names() -> Iterator[str]:
    yield "npu_sys"
    yield from (f"npu_sys{number}" for number in count(2))


def _between(module: Module, statement: ast.stmt) -> str:
    """What parts another statement from one behind it."""
    source, (start, _) = module.source, module.span(statement)
    indent = source.text[source.line_start(start) : start]
    return "; " if indent.strip() else source.newline + indent
