"""From an upstream's files to a port: rewritten files, the patch series, the manifest."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import migrate
from migrate.analysis.inventory import Settled, SymbolReport, classified, symbol_uses, totals
from migrate.analysis.project import TOO_NEW, Failure, Project
from migrate.analysis.references import Use
from migrate.analysis.syntax import uncollected
from migrate.codemods.engine import GATE, read, rewrite
from migrate.codemods.results import GroupResult
from migrate.codemods.rule import GROUP_TITLES, SessionRow
from migrate.codemods.unread import unread
from migrate.errors import RecipeError
from migrate.findings import Finding
from migrate.lines import LineMap
from migrate.manifest import MANIFEST_NAME, Manifest, Upstream, file_records
from migrate.messages import (
    group_body,
    import_message,
    provenance_body,
    readme_body,
    scripts_body,
)
from migrate.readmes.rendering import moved_readmes, with_readmes
from migrate.recipe import Recipe
from migrate.render import notice, template_files
from migrate.runtime import cann_release, runtime_files, runtime_paths
from migrate.scripts import entry_of, facts_of, with_scripts
from migrate.series import Series, Step, build_series, named_steps
from migrate.upstream.tree import SourceFile, SourceTree

# The parts of the kit that have no say in what a port is; all others have.
_WITHOUT_SAY = frozenset(
    "__main__.py cli.py commands console.py explanations.py failures.py publish report.py "
    "simulator verify workspace.py".split()
)
_RELEASES = "simulator/npu_simulator/releases.py"  # a port is made out for one of them

Files = Mapping[str, SourceFile]
Say = Callable[[str], None]


class Port(NamedTuple):
    """A finished port, not yet written anywhere.

    Args:
        before: the upstream's files that the port takes.
        after: the port's files, without the manifest.
        baseline: upstream with the compat patch, with which verify compares the port.
        symbols: every TensorFlow, Keras and Horovod name in use.
        left_out: upstream's files that the port does not have; a whole folder ends with a slash.
    """

    upstream: Upstream
    before: Files
    after: Files
    baseline: Files
    series: Series
    manifest: Manifest
    findings: tuple[Finding, ...]
    sessions: tuple[SessionRow, ...]
    symbols: tuple[SymbolReport, ...]
    left_out: tuple[str, ...]

    @property
    def failed(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)


def make_port(
    upstream: Upstream,
    source: SourceTree,
    recipe: Recipe,
    *,
    cann: str,
    templates: Path,
    say: Say = lambda _: None,
) -> Port:
    """Rewrites a project. Nothing of it is run, and nothing is written.

    Args:
        upstream: where the files come from.
        source: the files.
        recipe: what is particular to this upstream.
        cann: the CANN release to port for, such as ``7.0``.
        templates: the folder of the jinja2 templates.
        say: told what is being done, one line at a time.

    Raises:
        UsageError: the CANN release is unknown, or the recipe asks for what is not there.
        MigrateError: git failed.
    """
    with uncollected():  # what is parsed goes with the call
        return _make_port(upstream, source, recipe, cann, templates, say)


def _make_port(
    upstream: Upstream,
    source: SourceTree,
    recipe: Recipe,
    cann: str,
    templates: Path,
    say: Say,
) -> Port:
    cann_release(cann)
    with _told_of(recipe):
        settings = {
            "mix_compile_mode": recipe.mix_compile_mode,
            "precision_mode": recipe.precision_mode(cann),
        }
    say("reading names")
    source = _without_manifest(source)
    carried = runtime_paths()  # where upstream is a port, its runtime is not to be ported
    files = {path: file for path, file in source.files.items() if path not in carried}
    project = Project(files, source.beside)
    read(project, recipe.rules)
    uses = symbol_uses(project)
    with _told_of(recipe):
        recipe.check(source)
        results = rewrite(project, recipe.rules, recipe.options, say)
    say("checking")
    refused = _drop_what_python37_refuses(source.files, results)
    say("making the patch series")
    left_out = _left_out(source)
    steps = _rule_steps(upstream, source.files, results, recipe, cann)
    rendered, told = _rendered(project, upstream, source, recipe, results, steps, cann, templates)
    steps += rendered
    steps.append(_provenance(upstream, source.files, steps[-1].files, left_out, cann, templates))
    series = build_series(source.files, import_message(upstream), steps)
    after = steps[-1].files
    baseline = next((step.files for step in steps if step.name == "compat"), source.files)
    findings = [*source.findings, *refused, *told, *_replaced(source.files, after)]
    rows = set[SessionRow]()
    settled: list[Settled] = []
    lines = _PortLines(source.files, after, dict(moved_readmes(source.files, after)))
    texts = {path: file.data for path, file in source.files.items()}
    in_port = lines.moved(uses, texts)
    for result in results:
        seen = {**texts, **result.texts}
        findings += lines.moved(result.findings, seen)
        rows.update(lines.moved(result.sessions, seen))
        settled += lines.moved(result.settled, seen)
        texts |= {path: file.data for path, file in result.changed.items()}
    symbols = tuple(classified(in_port, settled))
    sessions = tuple(sorted(rows, key=_place))
    fired = sum((result.fired for result in results), Counter[str]())
    findings = sorted(set(findings))
    manifest = Manifest(
        kit_version=migrate.__version__,
        rules_digest=rules_digest(templates),
        upstream=upstream,
        cann=cann,
        recipe_digest=recipe.digest,
        settings=settings,
        files=file_records(source.files, after),
        rules=dict(sorted(fired.items())),
        findings=tuple(finding.as_json() for finding in findings),
        sessions=tuple(row._asdict() for row in sessions),
        symbols=totals(symbols),
        series_digest=series.digest,
    )
    return Port(
        upstream,
        source.files,
        after,
        baseline,
        series,
        manifest,
        tuple(findings),
        sessions,
        symbols,
        left_out,
    )


@contextmanager
def _told_of(recipe: Recipe) -> Iterator[None]:
    """Names the recipe's file in its errors."""
    try:
        yield
    except RecipeError as error:
        error.where = recipe.where
        raise


@cache
def rules_digest(templates: Path) -> str:
    """The sha256 of everything in the kit, and of the templates, that decides what a port is."""
    root = Path(migrate.__file__).parent
    digest = hashlib.sha256()
    for name, path in template_files(templates).items():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    deciding = [path for path in root.iterdir() if path.name not in _WITHOUT_SAY]
    for place in sorted([*deciding, root / _RELEASES]):
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _without_manifest(source: SourceTree) -> SourceTree:
    if MANIFEST_NAME not in source.files:
        return source
    note = Finding(MANIFEST_NAME, 0, "NPU914", "note", "upstream's manifest is not taken")
    files = {path: file for path, file in source.files.items() if path != MANIFEST_NAME}
    return source._replace(files=files, findings=(*source.findings, note))


def _left_out(source: SourceTree) -> tuple[str, ...]:
    """What the recipe leaves out, and what was skipped or refused with a finding."""
    skipped = {finding.path for finding in source.findings if finding.path not in source.files}
    return tuple(sorted({*source.left_out, *skipped}))


def _replaced(before: Files, after: Files) -> Iterator[Finding]:
    for path in sorted(runtime_paths()):
        if path in before and before[path].data != after[path].data:
            message = "upstream's file gave way to the runtime of the port"
            yield Finding(path, 0, "NPU915", "warning", message)


P = TypeVar("P", Finding, SessionRow, Settled, Use)
_PLACE = re.compile(r"([\w./-]+\.py):(\d+)\b")


class _PortLines:
    """Where lines of earlier texts stand in the port; two texts are compared once.

    Args:
        before: upstream's files.
        after: the port's files.
        paths: the paths in the port of files that have another one there.
    """

    def __init__(self, before: Files, after: Files, paths: Mapping[str, str]) -> None:
        self._before = before
        self._after = after
        self._paths = paths
        self._maps: dict[tuple[str, bytes], LineMap] = {}

    def moved(self, items: Iterable[P], texts: Mapping[str, bytes]) -> list[P]:
        """The same things with their lines as they are in the port, where a person will look.

        Args:
            items: findings and the like; the places that they name in words are followed as well.
            texts: the files whose lines they count.
        """

        def map_of(path: str) -> LineMap | None:
            file = self._after.get(self._paths.get(path, path))
            if path not in texts or file is None:
                return None
            key = path, texts[path]
            if key not in self._maps:
                self._maps[key] = LineMap(texts[path], file.data)
            return self._maps[key]

        def line_of(path: str, line: int) -> int:
            found = map_of(path)
            return line if found is None else found[line]

        def in_upstream(item: P) -> str:
            """Where it is, if the port does not have its line and another is named instead."""
            found = map_of(item.path) if isinstance(item, Finding) else None
            if found is None or item.path not in self._before or not found.is_lost(item.line):
                return ""
            line = LineMap(texts[item.path], self._before[item.path].data)[item.line]
            return f" (upstream's line {line})"

        def told(text: str) -> str:
            return _PLACE.sub(lambda found: f"{found[1]}:{line_of(found[1], int(found[2]))}", text)

        def moved(item: P) -> P:
            words: dict[str, Any] = {
                name: told(getattr(item, name))
                for name in ("message", "why")
                if hasattr(item, name)
            }
            if note := in_upstream(item):
                words["message"] += note
            path = self._paths.get(item.path, item.path)
            return item._replace(path=path, line=line_of(item.path, item.line), **words)

        return [moved(item) for item in items]


def _place(row: SessionRow) -> tuple[str, int, str]:
    return row.path, row.line, row.kind


def _drop_what_python37_refuses(before: Files, results: list[GroupResult]) -> list[Finding]:
    """A real Python 3.7 has the last word: what it does not parse stays as upstream has it."""
    from migrate.environment import find_python37, parse_with_python37

    last: dict[str, bytes] = {}
    for result in results:
        last.update({p: f.data for p, f in result.changed.items() if p.endswith(".py")})
    python = find_python37() if last else None
    if python is None:
        return []
    refused = parse_with_python37(python, last)
    originals = {p: before[p].data for p in refused if p in before}
    newer = parse_with_python37(python, originals) if originals else {}
    findings = []
    for path, error in sorted(refused.items()):
        for result in results:
            result.withdraw(path)
        if path in newer:
            findings.append(
                unread(before[path], Failure(f"{TOO_NEW}: {newer[path]}", 0, "version"))
            )
            continue
        findings.append(
            Finding(
                path,
                0,
                GATE,
                "error",
                f"left as it was: Python 3.7 does not parse the result: {error}",
                "Port this file by hand, and report this: a rule must not do it.",
            )
        )
    return findings


def _rule_steps(
    upstream: Upstream,
    before: Files,
    results: list[GroupResult],
    recipe: Recipe,
    cann: str,
) -> list[Step]:
    """One step per group of rules, each with the parts of the runtime that it starts to use."""
    steps = []
    files = dict(before)
    parts: frozenset[str] = frozenset()
    mode = "none"
    for result in results:
        parts |= _parts(result.runtime)
        if result.group == "precision":
            mode = recipe.precision_mode(cann)
        runtime = runtime_files(cann, parts, mode, recipe.mix_compile_mode)
        files = {**files, **result.changed, **runtime}
        body = group_body(result, recipe.rules, upstream, cann)
        steps.append(
            Step(result.group, GROUP_TITLES[result.group], body, dict(sorted(files.items())))
        )
    return steps


def _rendered(
    project: Project,
    upstream: Upstream,
    source: SourceTree,
    recipe: Recipe,
    results: list[GroupResult],
    before: list[Step],
    cann: str,
    templates: Path,
) -> tuple[list[Step], list[Finding]]:
    """What is not rewritten but added: scripts and READMEs, where a script trains.

    Args:
        before: the steps of the rules.
    """
    entry = entry_of(project, recipe)
    if isinstance(entry, Finding):
        return [], [entry]
    with _told_of(recipe):
        fired = {code for result in results for code in result.fired}
        facts = facts_of(project, entry, upstream, source.date, recipe, cann, fired)
    files, told = with_scripts(before[-1].files, facts, recipe, templates)
    steps = [Step("scripts", "Add run scripts", scripts_body(upstream, cann), files)]
    patches = [name for name, _ in named_steps(source.files, [*before, *steps])]
    files, more = with_readmes(
        project, facts, recipe, results, files, patches, _left_out(source), templates
    )
    steps.append(Step("readme", "Write the READMEs", readme_body(upstream, cann), files))
    return steps, [*told, *more]


def _provenance(
    upstream: Upstream,
    before: Files,
    files: Files,
    left_out: tuple[str, ...],
    cann: str,
    templates: Path,
) -> Step:
    """Where everything comes from."""
    moved = dict(moved_readmes(before, files))
    mode = before["NOTICE"].mode if "NOTICE" in before else SourceFile("", b"").mode
    data = notice(templates, upstream, before, files, left_out, moved)
    files = {**files, "NOTICE": SourceFile("NOTICE", data, mode)}
    body = provenance_body(upstream, cann)
    return Step("provenance", "Record provenance", body, dict(sorted(files.items())))


def _parts(modules: set[str]) -> frozenset[str]:
    """The parts of the runtime behind the modules that files import."""
    names = {
        "npu_runtime": "session",
        "npu_runtime.horovod": "horovod",
        "npu_runtime.images": "images",
        "npu_runtime.places": "places",
    }
    return frozenset(names[module] for module in modules if module in names)
