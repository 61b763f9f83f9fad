"""Which uses of a name a rule dealt with, for the inventory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrate.analysis.inventory import Settled
from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.references import functions_in
from migrate.codemods.edits import Edit
from migrate.codemods.rule import Rule


def settled_by(
    rule: Rule, module: Module, project: Project, edits: Iterable[Edit]
) -> Iterator[Settled]:
    """The uses of what the rule claims, in the statements that its edits change."""
    if not rule.claims:
        return
    whole = tuple(claim[:-1] for claim in rule.claims if claim.endswith(".*"))
    innermost = module.statement_lines
    line_of = module.source.line_of
    lines = {line for e in edits for line in range(line_of(e.start), line_of(e.end) + 1)}
    touched = {innermost.get(line, line) for line in lines}
    for facts in functions_in(project, module.path).values():
        for use in (*facts.uses, *facts.pipeline_uses):
            inside = use.name in rule.claims and innermost.get(use.line) in touched
            if inside or use.name.startswith(whole):
                yield Settled(use.path, use.line, use.name)
