"""Settings that a program makes by assignment, and how to take them out."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from migrate.analysis.effects import effect_free
from migrate.codemods.edits import Edit
from migrate.codemods.removals import removal_of
from migrate.codemods.rule import Change, Context


def removed_assignment(
    context: Context, statement: ast.Assign, is_setting: Callable[[ast.expr], bool]
) -> Iterator[Change]:
    """Takes the targets that are settings out of an assignment, or the whole statement."""
    module = context.module
    chosen = [target for target in statement.targets if is_setting(target)]
    if not chosen:
        return
    if len(chosen) < len(statement.targets):
        places = [module.span(part)[0] for part in [*statement.targets, statement.value]]
        for target in chosen:
            start = module.span(target)[0]
            yield Edit(start, places[places.index(start) + 1], "")
    elif effect_free(module, statement.value):
        yield removal_of(module, statement)
    else:
        yield context.finding(
            statement,
            "warning",
            f"a setting for GPUs whose value may have an effect: {module.text_of(statement)}",
            "Remove it by hand; it means nothing to an NPU.",
        )
