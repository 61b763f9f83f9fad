"""Gives realmix's sessions enough threads for summaries that run a session.

What it does: `get_config` in `libml/utils.py` asks for at least 16 threads between ops.

Why: realmix's accuracy summaries are `tf.py_func` ops that call `session.run` on the session which
is running them. Each holds a thread between ops until the inner run is done, which needs threads
from the same pool. That pool has one thread per core, so on a machine with few cores the first
step never ends.

Example:
    config = tf.ConfigProto()

becomes:
    config = tf.ConfigProto()
    # Summaries run this session from within it, each on a thread of its own.
    config.inter_op_parallelism_threads = max(16, os.cpu_count() or 1)

Fix safety: safe. With 16 cores or more the number is TensorFlow's own default.

Not handled: another layout of `get_config` is an error, since training may hang.

Authority: TensorFlow 1.15.0, core/protobuf/config.proto: inter_op_parallelism_threads;
core/common_runtime/process_util.cc: the default is the number of cores.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.codemods.edits import Edit
from migrate.codemods.rule import Change, Context, Rule

NPU851 = Rule("NPU851", "threads-for-summaries", group="compat", literals=(b"ConfigProto",))

_PATH = "libml/utils.py"
_FIELD = "inter_op_parallelism_threads"
_COMMENT = "# Summaries run this session from within it, each on a thread of its own."
_ADVICE = f"Set {_FIELD} to 16 where the sessions are configured."
NPU851.needs(_PATH, _ADVICE)


@NPU851.on_module
def ask_for_threads(context: Context) -> Iterator[Change]:
    module = context.module
    if module.path != _PATH or _FIELD in module.source.text:
        return
    os_module = [binding.qualified for binding in module.scope.bindings.get("os", [])]
    for call, _ in module.calls_of("tensorflow.ConfigProto"):
        function = module.function_of(call)
        statement = module.parents[call]
        if function is None or function.name != "get_config" or os_module != ["os"]:
            continue
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        source = module.source
        start, end = module.span(statement)
        indent = source.text[source.line_start(start) : start]
        setting = f"{statement.targets[0].id}.{_FIELD} = max(16, os.cpu_count() or 1)"
        lines = "".join(f"{indent}{line}{source.newline}" for line in (_COMMENT, setting))
        yield Edit(source.line_end(end), source.line_end(end), lines)
        return
    message = "no get_config that is known: training may hang on a machine with few cores"
    yield context.finding(None, "error", message, _ADVICE)
