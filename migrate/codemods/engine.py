"""Runs the rules over a project, group by group, and lets through only what passes the gates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from migrate.analysis.imported import imported_files
from migrate.analysis.inventory import Settled
from migrate.analysis.module import Module
from migrate.analysis.project import Project, top_level
from migrate.analysis.references import FACTS as REFERENCES
from migrate.analysis.syntax import uncollected
from migrate.analysis.words import identifiers_in
from migrate.codemods.counting import changed_places, changed_statements
from migrate.codemods.edits import Edit, apply, collision
from migrate.codemods.gates import (
    GateFailed,
    check_bytes,
    check_comments,
    check_python,
)
from migrate.codemods.imports import with_imports
from migrate.codemods.registry import in_groups
from migrate.codemods.removals import removal_around, removes
from migrate.codemods.results import GroupResult, rule_failed
from migrate.codemods.rule import Change, FileChange, Options, Rule, RuntimeImport, SessionRow
from migrate.codemods.second_pass import NOT_IDEMPOTENT, second_pass
from migrate.codemods.settling import settled_by
from migrate.codemods.stages import Stage, is_whole, parts_of, stages_of
from migrate.codemods.unread import unread_files
from migrate.codemods.unused import completed
from migrate.errors import MigrateError
from migrate.findings import Finding
from migrate.upstream.tree import SourceFile

GATE = "NPU900"
# What many rules ask of every file.
_FACTS = (*REFERENCES, top_level, imported_files, identifiers_in)


def read(project: Project, rules: Sequence[Rule]) -> None:
    """Parses each file, to see whether it can be, and keeps what the rules will ask of it.

    Its tree may be dropped then: whoever asks other things of every file had better ask later.
    """
    facts = dict.fromkeys([*_FACTS, *(fact for rule in rules for fact in rule.facts)])
    project.derive_together(facts)
    for path in project.python_files:
        for fact in facts:
            project.cached_for(path, fact)


@uncollected()
def rewrite(
    project: Project,
    rules: Sequence[Rule],
    options: Options,
    progress: Callable[[str], None] = lambda _: None,
) -> list[GroupResult]:
    """Runs the groups in order over each part; ``project`` ends as the rewritten project.

    Findings of reading (unparsable files, notebooks) come with the first group's result, those
    of the check that a second pass is empty with the last's. A file that fails a gate ends as it
    was before the first group.
    """
    read(project, rules)
    originals = dict(project.files)
    groups = [(GroupResult(group), members) for group, members in in_groups(rules)]
    results = [result for result, _ in groups]
    stages = stages_of(groups, options)
    for stage in stages:
        _run_stage(project, stage, options, progress)
    results[0].findings += unread_files(project)
    changed = {path for result in results for path in result.changed}
    changed -= _paths(results, GATE)
    results[-1].findings += second_pass(project, stages, options, changed)
    failed = _paths(results, GATE, NOT_IDEMPOTENT)
    for path in failed:
        for result in results:
            result.withdraw(path)
    project.update({path: originals[path] for path in failed if path in originals})
    return results


def _paths(results: Sequence[GroupResult], *codes: str) -> set[str]:
    """The files with a finding of one of these codes."""
    return {f.path for result in results for f in result.findings if f.code in codes}


def _run_stage(
    project: Project,
    stage: Stage,
    options: Options,
    progress: Callable[[str], None],
) -> None:
    for result, rules in stage:
        early = [rule for rule in rules if not rule.late]
        _run_file_rules(project, early, Rule.check_project, options, result)
    parts = parts_of(project, whole=is_whole(stage))
    for part in parts:
        with project.narrowed(part):
            for result, rules in stage:
                if part is parts[0]:  # mostly, the others are small
                    progress(result.group)
                _run_group(project, rules, options, result)
    for result, rules in stage:
        late = [rule for rule in rules if rule.late]
        _run_file_rules(project, late, Rule.check_project, options, result)


def _run_group(
    project: Project, rules: Sequence[Rule], options: Options, result: GroupResult
) -> None:
    _run_file_rules(project, rules, Rule.check_part, options, result)
    per_module: dict[str, SourceFile] = {}
    for path in project.python_files:
        concerned = [r for r in rules if r.concerns(project, path, options.get(r.code, {}))]
        if not concerned:
            continue
        module = project.parsed(path)
        if module is None:
            continue
        rewritten = _rewrite_module(module, project, concerned, options, result)
        if rewritten is not None:
            per_module[path] = rewritten
    project.update(per_module)
    result.changed.update(per_module)


def _run_file_rules(
    project: Project,
    rules: Sequence[Rule],
    check: Callable[[Rule, Project, Mapping[str, Any]], Iterator[Change]],
    options: Options,
    result: GroupResult,
) -> None:
    for rule in rules:
        changed: dict[str, SourceFile] = {}
        try:
            changes = list(check(rule, project, options.get(rule.code, {})))
        except MigrateError:
            raise  # the recipe asks for something impossible
        except Exception as error:
            result.findings.append(rule_failed(rule, ".", error))
            continue
        for change in changes:
            if isinstance(change, FileChange):
                old = project.files.get(change.path)
                if old is not None and old.data == change.data:
                    continue
                mode = old.mode if old else SourceFile("", b"").mode
                changed[change.path] = SourceFile(change.path, change.data, mode)
                places = changed_places(old.data if old else b"", change.data)
                result.count(change.path, rule.code, places)
            elif isinstance(change, Finding):
                result.findings.append(change)
                if change.path in project.files:
                    result.texts.setdefault(change.path, project.files[change.path].data)
            elif isinstance(change, Settled):
                result.settled.append(change)
        if changed:
            project.update(changed)
            result.changed.update(changed)


def _rewrite_module(
    module: Module,
    project: Project,
    rules: Sequence[Rule],
    options: Options,
    result: GroupResult,
) -> SourceFile | None:
    """The file with the rules' edits; None where nothing is to be written."""
    result.texts[module.path] = module.source.data
    changes = _changes(module, project, rules, options, result)
    edits = {change: rule for change, rule in changes if isinstance(change, Edit)}
    found = [(change, rule) for change, rule in changes if isinstance(change, Finding)]
    for change, _ in changes:
        if isinstance(change, SessionRow):
            result.sessions.append(change)
        elif isinstance(change, Settled):
            result.settled.append(change)
    wanted = {change for change, _ in changes if isinstance(change, RuntimeImport)}
    try:
        if not edits:
            return None
        made = _all_edits(module, project, list(edits), wanted)
        text = apply(module.source.text, made)
        tree = check_python(text)
        check_comments(module.source.text, text)
        data = check_bytes(module.source, text)
        project.expect(data, tree)
        found = [(f, rule) for f, rule in found if not _went_unasked(module, f, rule, edits, made)]
    except Exception as failure:  # whatever is wrong with one file, the others are ported
        if not isinstance(failure, GateFailed):
            failure = GateFailed(f"{type(failure).__name__}: {failure}")
        codes = ", ".join(sorted({rule.code for rule in edits.values()}))
        result.findings.append(
            Finding(
                module.path,
                0,
                GATE,
                "error",
                f"left as it was: {failure} (rules {codes})",
                "Port this file by hand, and report this: a rule must not do it.",
            )
        )
        return None
    finally:
        result.findings += [finding for finding, _ in found]
    for rule in dict.fromkeys(edits.values()):
        own = [edit for edit, author in edits.items() if author is rule]
        result.count(module.path, rule.code, changed_statements(module, own))
        result.settled += settled_by(rule, module, project, own)
    result.runtime_in[module.path] = {item.provider for item in wanted}
    return SourceFile(module.path, data, project.files[module.path].mode)


def _changes(
    module: Module,
    project: Project,
    rules: Sequence[Rule],
    options: Options,
    result: GroupResult,
) -> list[tuple[Change, Rule]]:
    changes: list[tuple[Change, Rule]] = []
    for rule in rules:
        try:
            found = list(rule.check_module(module, project, options.get(rule.code, {})))
            if rule.only_reports and any(isinstance(change, Edit) for change in found):
                raise TypeError("an edit by a rule that says it only reports")
        except MigrateError:
            raise  # the recipe asks for something impossible
        except Exception as error:  # one rule's bug must not stop the port of other files
            result.findings.append(rule_failed(rule, module.path, error))
            continue
        changes += [(change, rule) for change in found]
    return changes


def _went_unasked(
    module: Module, finding: Finding, rule: Rule, edits: Mapping[Edit, Rule], made: Sequence[Edit]
) -> bool:
    """Whether a finding is of code that others have removed, so that nobody need know of it.

    Args:
        edits: what the rules asked for.
        made: what came of that.
    """
    went = removal_around(module, finding.line, made) if finding.path == module.path else None
    return went is not None and not any(
        author is rule and removes(edit) and went.start < edit.end and edit.start < went.end
        for edit, author in edits.items()
    )


def _all_edits(
    module: Module, project: Project, edits: list[Edit], wanted: set[RuntimeImport]
) -> list[Edit]:
    # Imports first: what a rule inserts at the same place may use them.
    edits = with_imports(module, project, completed(module, project, edits), wanted)
    if found := collision(edits):
        first, second = (module.source.line_of(edit.start) for edit in found)
        raise GateFailed(f"two edits touch the same text (lines {first} and {second})")
    return edits
