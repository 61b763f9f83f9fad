"""Which groups of rules a part of a project may go through without waiting for the others."""

from __future__ import annotations

from collections.abc import Sequence

from migrate.analysis.parts import Parts
from migrate.analysis.project import Project
from migrate.codemods.results import GroupResult
from migrate.codemods.rule import Options, Rule

Group = tuple[GroupResult, Sequence[Rule]]
Stage = Sequence[Group]


def stages_of(groups: Sequence[Group], options: Options) -> list[Stage]:
    """Groups that one part of the project may go through after the other.

    What looks at the whole project has to wait until all parts have gone through the groups before.
    """
    stages: list[list[Group]] = []
    is_open = False
    for group in groups:
        rules = group[1]
        whole = any(rule.whole for rule in rules)
        asks = any(rule.asks_project(options.get(rule.code, {})) for rule in rules)
        if not is_open or whole or asks:
            stages.append([])
        stages[-1].append(group)
        is_open = not whole and not any(rule.late for rule in rules)
    return [*stages]


def is_whole(stage: Stage) -> bool:
    """Whether its rules look at the whole project."""
    return any(rule.whole for _, rules in stage for rule in rules)


def parts_of(project: Project, *, whole: bool) -> list[list[str]]:
    """The files that a rule sees as its project."""
    return [project.python_files] if whole else project.cached(Parts).all()
