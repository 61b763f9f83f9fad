"""Imports tf.keras instead of standalone Keras.

What it does: imports from `keras` become imports from `tensorflow.keras`, in every module and all
modules that it imports or that import it at once. A keras import that nothing uses goes.

Why: of the two, CANN supports only tf.keras. It is also one dependency less, which on Python 3.7
would have to be exactly Keras 2.3.1: the one that runs in tf.keras's session, which NPU103 gives
to the NPU.

Example:
    from keras.datasets import cifar10
    from keras.utils import np_utils

becomes:
    from tensorflow.keras.datasets import cifar10
    from tensorflow.keras import utils as np_utils

Fix safety: safe for data and utilities. Layers, models and optimizers are separate implementations:
their results may differ in the last digits, and a note says so. Old weight files load.

Not handled: modules that use a name which tf.keras of TensorFlow 1.15.0 does not have (a warning),
or a package that is built on standalone Keras, such as classification_models (a note), stay on
Keras 2.3.1, together with the modules they share objects with. Imports in a `try` with a
replacement are left alone.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "Keras": only tf.keras is supported.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from migrate.analysis.inventory import Settled
from migrate.analysis.keras_use import KerasUses
from migrate.analysis.references import functions_in
from migrate.codemods.edits import Edit
from migrate.codemods.imports import module_span
from migrate.codemods.removals import comments_in, removal_of
from migrate.codemods.rule import Change, Context, Rule
from migrate.codemods.unused import alias_removals

NPU805 = Rule(
    "NPU805",
    "tf-keras",
    group="compat",
    paths=lambda project: project.cached(KerasUses).rewritten,
    claims=frozenset({"keras.*"}),
)

_KEPT = "Keras 2.3.1, in the session of tf.keras (NPU103)"
# What computes; data sets and utilities do not.
_NUMERIC = re.compile(
    r"tensorflow\.keras(\.(layers|models|applications|optimizers|wrappers)\b.*|\.Model|\.Sequential)?"
)


@NPU805.on_module
def use_tf_keras(context: Context) -> Iterator[Change]:
    module = context.module
    uses = context.project.cached(KerasUses)
    use = uses.modules[module.path]
    targets = {
        alias: use.targets[number]
        for alias in module.all_of(ast.alias)
        if (number := module.numbers[alias]) in use.targets
    }
    statements = {module.parents[alias]: None for alias in targets}
    first = next(iter(statements))
    if (obstacle := uses.obstacle(module.path)) is not None:
        path, reason = obstacle
        where = "" if path == module.path else f" ({path})"
        yield context.finding(
            first,
            "note" if uses.modules[path].foreign else "warning",
            f"stays on standalone Keras: {reason}{where}",
            "Keras 2.3.1 runs in the NPU session of tf.keras (NPU103), but CANN supports only "
            "tf.keras: port it by hand if it fails.",
        )
        for facts in functions_in(context.project, module.path).values():
            for used in (*facts.uses, *facts.pipeline_uses):
                if used.name.startswith("keras."):
                    yield Settled(used.path, used.line, used.name, "native", _KEPT)
        return
    rewriter = _Rewriter(context, targets)
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            yield from rewriter.from_import(statement)
        elif isinstance(statement, ast.Import):
            yield from rewriter.plain_import(statement)
    if any(_NUMERIC.fullmatch(target) for target in targets.values() if target):
        yield context.finding(
            first,
            "note",
            "tf.keras takes the place of standalone Keras: results may differ in the last digits",
        )


class _Rewriter:
    """The imports of one module, as imports from tf.keras."""

    def __init__(self, context: Context, targets: Mapping[ast.alias, str]) -> None:
        self._context = context
        self._module = context.module
        self._targets = targets
        # The scopes that have the name `keras` already.
        self._bound: set[int] = set()

    def from_import(self, node: ast.ImportFrom) -> Iterator[Change]:
        unused = [alias for alias in node.names if not self._targets[alias]]
        kept = [alias for alias in node.names if self._targets[alias]]
        if len({self._owner(alias) for alias in kept}) > 1:
            yield self._replaced(node, [])
            return
        if unused:
            yield from alias_removals(self._module, node, unused)
        if not kept:
            return
        yield Edit(*module_span(self._module, node), self._owner(kept[0]))
        for alias in kept:
            written = self._written(alias)
            if written != self._module.text_of(alias):
                yield self._context.replace(alias, written)

    def plain_import(self, node: ast.Import) -> Iterator[Change]:
        others = [self._module.text_of(a) for a in node.names if a not in self._targets]
        yield self._replaced(node, [f"import {', '.join(others)}"] if others else [])

    def _replaced(self, node: ast.Import | ast.ImportFrom, lines: list[str]) -> Edit:
        """The whole statement, written as one import for each module."""
        names: dict[str, list[str]] = {}
        for alias in node.names:
            if not self._targets.get(alias):
                continue
            if isinstance(node, ast.Import) and alias.asname is None:
                scope = id(self._module.scopes[node])
                if scope in self._bound:
                    continue
                self._bound.add(scope)
                names.setdefault("tensorflow", []).append("keras")
            else:
                names.setdefault(self._owner(alias), []).append(self._written(alias))
        lines = lines + [f"from {owner} import {', '.join(what)}" for owner, what in names.items()]
        if not lines:
            return removal_of(self._module, node)
        lines = [*comments_in(self._module.text_of(node)), *lines]
        source = self._module.source
        start, end = self._module.span(node)
        margin = source.text[source.line_start(start) : start]
        shared = margin.strip() or source.text[end : source.line_end(end)].lstrip().startswith(";")
        return self._context.replace(
            node, ("; " if shared else source.newline + margin).join(lines)
        )

    def _owner(self, alias: ast.alias) -> str:
        target = self._targets[alias]
        return target if alias.name == "*" else target.rpartition(".")[0]

    def _written(self, alias: ast.alias) -> str:
        if alias.name == "*":
            return "*"
        last = self._targets[alias].rpartition(".")[2]
        bound = alias.asname or alias.name
        return last if last == bound else f"{last} as {bound}"
