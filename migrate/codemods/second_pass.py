"""Checks that porting a port changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate.analysis.project import Project
from migrate.codemods.edits import Edit
from migrate.codemods.results import rule_failed
from migrate.codemods.rule import FileChange, Options, Rule
from migrate.codemods.stages import Stage, is_whole, parts_of
from migrate.findings import Finding

NOT_IDEMPOTENT = "NPU904"


def second_pass(
    project: Project, stages: Sequence[Stage], options: Options, paths: set[str]
) -> Iterator[Finding]:
    """What the rules would do once more to a project that they have rewritten.

    Args:
        paths: the files that they have changed.
    """
    for whole in (False, True):
        groups = [group for stage in stages if is_whole(stage) is whole for group in stage]
        rules = [rule for _, members in groups for rule in members]
        for part in parts_of(project, whole=whole):
            with project.narrowed(part):
                yield from _of_modules(project, rules, options, paths.intersection(part))
    groups = [group for stage in stages for group in stage]
    fired = {code for result, _ in groups for code in result.fired}
    rules = [rule for _, members in groups for rule in members if rule.code in fired]
    yield from _of_project(project, rules, options)


def _of_modules(
    project: Project, rules: Sequence[Rule], options: Options, paths: set[str]
) -> Iterator[Finding]:
    for path in sorted(path for path in paths if path.endswith(".py")):
        module = project.parsed(path)
        if module is None:
            continue
        for rule in rules:
            given = options.get(rule.code, {})
            if rule.only_reports or not rule.concerns(project, path, given):
                continue
            try:
                changes = list(rule.check_module(module, project, given))
            except Exception as error:
                yield rule_failed(rule, path, error)
                continue
            if any(isinstance(change, Edit) for change in changes):
                yield _changed_again(rule, path)


def _of_project(project: Project, rules: Sequence[Rule], options: Options) -> Iterator[Finding]:
    for rule in rules:
        try:
            changes = list(rule.check_project(project, options.get(rule.code, {})))
        except Exception as error:
            yield rule_failed(rule, ".", error)
            continue
        for change in changes:
            if isinstance(change, FileChange):
                old = project.files.get(change.path)
                if old is None or old.data != change.data:
                    yield _changed_again(rule, change.path)


def _changed_again(rule: Rule, path: str) -> Finding:
    return Finding(
        path,
        0,
        NOT_IDEMPOTENT,
        "error",
        f"{rule.code} would change its own output again",
        "Report this: porting a port must change nothing.",
    )
