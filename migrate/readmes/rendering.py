"""Puts the READMEs into a port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from migrate.analysis.project import Project
from migrate.codemods.results import GroupResult
from migrate.findings import Finding
from migrate.manifest import MANIFEST_NAME
from migrate.readmes import READMES, is_readme
from migrate.readmes.facts import gather
from migrate.readmes.listing import tree
from migrate.recipe import Recipe
from migrate.render import render
from migrate.scripts import TAKEN, Facts, placed
from migrate.upstream.tree import SourceFile


def with_readmes(
    project: Project,
    scripts: Facts,
    recipe: Recipe,
    results: Sequence[GroupResult],
    files: Mapping[str, SourceFile],
    patches: Sequence[str],
    left_out: Sequence[str],
    templates: Path,
) -> tuple[dict[str, SourceFile], list[Finding]]:
    """A port's files with its READMEs; upstream's own are kept under another name.

    Those of an earlier port stay.

    Args:
        project: the rewritten project.
        scripts: what the run scripts were filled with.
        results: what the rules did, in the order of the patches.
        files: the port's files, its scripts among them.
        patches: the names of the patches so far.
        left_out: upstream's files that the port does not have.
        templates: the workspace's templates.

    Raises:
        MigrateError: a template is wrong; with its line.
    """
    if not placed(files)["run"]:
        return dict(files), []  # there is no way to start it that a README could tell
    moves = {}
    kept = []
    wanted = []
    findings: list[Finding] = []
    for name in READMES:
        if is_readme(files, name):
            continue
        if any(path.casefold().startswith(f"{name.casefold()}/") for path in files):
            message = f"upstream has a folder called {name}, so the port's file is left out"
            findings.append(Finding(".", 0, TAKEN, "warning", message))
            continue
        wanted.append(name)
        for path in [path for path in files if path.casefold() == name.casefold()]:
            moves[path] = _free(name, files)
            kept.append(moves[path])
    result = {moves.get(path, path): _moved(file, moves) for path, file in files.items()}
    if not wanted:
        return dict(files), findings
    facts = gather(project, scripts, recipe, results, result, patches, kept, left_out)
    shown = {**dict.fromkeys(("NOTICE", MANIFEST_NAME, *wanted)), **result}
    for name in wanted:
        language = READMES[name]
        lines = list(tree(shown, language, {scripts.entry, *recipe.entries}))
        data = render(templates, f"{name}.j2", {**facts._asdict(), "tree": lines, "lang": language})
        result[name] = SourceFile(name, data)
    return dict(sorted(result.items())), findings


def moved_readmes(
    before: Mapping[str, SourceFile], after: Mapping[str, SourceFile]
) -> Iterator[tuple[str, str]]:
    """Upstream's READMEs, and what they are called in the port."""
    for path, file in before.items():
        if "/" in path or path.casefold() not in map(str.casefold, READMES):
            continue
        for name in sorted(after.keys() - before.keys()):
            if "_UPSTREAM" in name and after[name].data == file.data:
                yield path, name
                break


def _moved(file: SourceFile, moves: Mapping[str, str]) -> SourceFile:
    if file.path not in moves:
        return file
    return SourceFile(moves[file.path], file.data, file.mode)


def _free(name: str, files: Mapping[str, SourceFile]) -> str:
    taken = {path.casefold() for path in files}
    place = PurePosixPath(name)
    while str(place).casefold() in taken:
        place = place.with_name(f"{place.stem}_UPSTREAM{place.suffix}")
    return str(place)
