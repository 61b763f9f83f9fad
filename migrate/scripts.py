"""The files that a port carries besides rewritten code: how it is started, measured, packaged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from migrate.analysis.entry_points import likeliest, training_scripts
from migrate.analysis.flags import Flag, flags_of
from migrate.analysis.project import Project
from migrate.analysis.training_switch import Switch, training_switch
from migrate.boot_plan import BootFlag, boot_flags, boot_note
from migrate.findings import Finding
from migrate.harness import Steps
from migrate.manifest import Upstream
from migrate.readmes.levels import levels
from migrate.recipe import Recipe
from migrate.render import render
from migrate.runtime import cann_release, runtime_files
from migrate.starting import relative_import, start_words
from migrate.upstream.tree import EXECUTABLE, REGULAR, SourceFile

NO_ENTRY = "NPU916"
TAKEN = "NPU917"
# The facts that templates are given.
_GIVEN = ("upstream", "cann", "image_tag", "adapter", "entry", "start", "boot", "modules")
_MARK = b"# Made by migrate for CANN "  # in each of these files that can hold a comment
_GITIGNORE = ".gitignore"


class _Script(NamedTuple):
    """One file.

    Args:
        template: its template, and what others call it by.
        path: where it goes.
        otherwise: where it goes if upstream has a file there; empty for nowhere.
    """

    template: str
    path: str
    otherwise: str = ""

    @property
    def mode(self) -> int:
        starts = self.path.endswith((".sh", ".py")) and "env" not in self.template
        return EXECUTABLE if starts else REGULAR


# Tags of AscendHub's ascend-tensorflow-arm and -x86, by the release of CANN in them: those that
# ModelZoo's READMEs name (Ascend/ModelZoo-TensorFlow). For the later ones no source tells both.
_IMAGE_TAGS = {"20.2": "20.2.0"}
_TRAIN = "test/train.sh"
# ModelZoo's harness finds these and the levels by their names.
_HARNESS = {
    "full": _Script(_TRAIN, "test/train_full_1p.sh"),
    "performance": _Script(_TRAIN, "test/train_performance_1p.sh"),
    "full_8p": _Script(_TRAIN, "test/train_full_8p.sh"),
    "performance_8p": _Script(_TRAIN, "test/train_performance_8p.sh"),
}
# Rules that bring what trains on several devices by itself; the one that gives each its part of the
# data, and the one that averages gradients over them.
_FRAMEWORKS = frozenset({"NPU704", "NPU705", "NPU706"})
_SHARDS, _AVERAGES = "NPU701", "NPU201"
_SCRIPTS = {
    "env": _Script("test/env.sh", "test/env.sh", "npu_env.sh"),
    "run": _Script("run.sh", "run.sh", "run_npu.sh"),
    "run_msprof": _Script("run_msprof.sh", "run_msprof.sh", "run_msprof_npu.sh"),
    "boot": _Script("npu_boot.py", "npu_boot.py", "npu_modelarts.py"),
    "dockerfile": _Script("Dockerfile", "Dockerfile", "Dockerfile.npu"),
    **_HARNESS,
    "level": _Script("modelzoo_level.txt", "modelzoo_level.txt"),
}


class Facts(NamedTuple):
    """What templates are filled with: facts of the code, and what the recipe adds to them.

    Args:
        date: the day of upstream's commit, as 2018-11-01; empty where there is no commit.
        image_tag: of AscendHub's images with this release of CANN; empty where it is not known.
        entry: the script that trains.
        start: the words behind ``python`` that start it.
        loose: the line at which it imports relatively where no package is known that it is a
            module of; 0 for none.
        flags: its flags.
        network: the model's name at ModelZoo.
        harness: the entry's flag for each of ModelZoo's; empty for none.
        steps: how the entry is told a number of steps.
        examples: in an epoch, where steps are made of epochs; 0 where they are not.
        batch_size: examples in a step if nobody says another number; empty where that is unknown.
        boot: for each script that a person starts, the flags that the boot file moves or passes.
        modules: those of these scripts that start as modules, with the names of these.
        distributed: whether the port trains on several devices together.
        switch: what the entry has to be given so that it trains, and nothing gives; None where it
            just trains.
    """

    upstream: Upstream
    date: str
    cann: str
    image_tag: str
    adapter: str
    entry: str
    start: tuple[str, ...]
    loose: int
    flags: tuple[Flag, ...]
    network: str
    harness: Mapping[str, str]
    steps: Steps
    examples: int
    batch_size: str
    boot: Mapping[str, list[BootFlag]]
    modules: Mapping[str, str]
    distributed: bool
    switch: Switch | None


def placed(files: Mapping[str, SourceFile]) -> dict[str, str]:
    """The path of each script in a port, by what templates call it; empty where it has none."""
    return {
        key: next((p for p in (script.path, script.otherwise) if _is_ours(files, p)), "")
        for key, script in _SCRIPTS.items()
    }


def network_name(upstream: Upstream, recipe: Recipe) -> str:
    """The model's name at ModelZoo, which is its folder's."""
    return f"{recipe.harness.model or upstream.name}_for_TensorFlow"


def entry_of(project: Project, recipe: Recipe) -> str | Finding:
    """The script that trains: the recipe's first entry, or the only one that there is."""
    if recipe.entries:
        return recipe.entries[0]
    found = likeliest(project.cached(training_scripts))
    if len(found) == 1:
        return found[0]
    if found:
        return Finding(
            ".",
            0,
            NO_ENTRY,
            "warning",
            f"no run scripts: {len(found)} scripts train: {', '.join(found)}",
            f'Say in the recipe which one they start: entries = ["{found[0]}"].',
        )
    return Finding(
        ".",
        0,
        NO_ENTRY,
        "note",
        "no run scripts: no script that trains was found",
        'Where one does, name it in the recipe: entries = ["train.py"].',
    )


def facts_of(
    project: Project,
    entry: str,
    upstream: Upstream,
    date: str,
    recipe: Recipe,
    cann: str,
    fired: Collection[str],
) -> Facts:
    """Gathers what the templates are filled with.

    Args:
        date: the day of upstream's commit; empty where there is none.
        fired: the codes of the rules that changed something.

    Raises:
        RecipeError: the recipe names a flag that the entry does not have.
    """
    flags = flags_of(project, entry)
    harness = recipe.harness.flags_for(entry, flags)
    steps = recipe.harness.counted(harness)
    chosen = recipe.options.get("NPU501", {}).get("places", {})
    scripts = dict.fromkeys([entry, *recipe.entries])
    boot = {script: boot_flags(project, script, chosen) for script in scripts}
    starts = {script: start_words(project, script) for script in scripts}
    switch = training_switch(project, entry, flags)
    return Facts(
        upstream,
        date,
        cann,
        _IMAGE_TAGS.get(cann, ""),
        cann_release(cann).adapter,
        entry,
        starts[entry],
        0 if starts[entry][0] == "-m" else relative_import(project, entry),
        tuple(flags),
        network_name(upstream, recipe),
        harness,
        steps,
        recipe.harness.examples if steps.words and not harness["train_epochs"] else 0,
        _batch_size(harness["batch_size"], flags, recipe.harness.arguments),
        {script: found for script, found in boot.items() if found},
        {script: words[1] for script, words in starts.items() if len(words) > 1},
        not _FRAMEWORKS.isdisjoint(fired) or (_SHARDS in fired and _AVERAGES in fired),
        switch if switch and not switch.is_given(recipe.harness.arguments) else None,
    )


def with_scripts(
    files: Mapping[str, SourceFile], facts: Facts, recipe: Recipe, templates: Path
) -> tuple[dict[str, SourceFile], list[Finding]]:
    """A port's files, and those that are rendered for it.

    What upstream has under a name of theirs stays as it is; .gitignore is added to. Those of an
    earlier port stay, too.

    Args:
        files: the port's files so far.
        templates: the workspace's templates.

    Raises:
        MigrateError: a template is wrong; with its line.
    """
    result = {**files, **runtime_files(facts.cann, frozenset({"boot", "results"}))}
    notes = (boot_note(script, flags) for script, flags in facts.boot.items())
    findings = [note for note in notes if note is not None]
    if facts.switch:
        message = f"it trains only with {facts.switch.words}, which test/train_* do not give it"
        advice = f'Say so in the recipe: [harness] arguments = "{facts.switch.words}".'
        findings.append(
            Finding(facts.entry, facts.switch.line, NO_ENTRY, "warning", message, advice)
        )
    if facts.loose:
        message = "the run scripts cannot start it: relative imports need a package that it is in"
        advice = "Pin the folder above its package, or give that a name which `python -m` can take."
        findings.append(Finding(facts.entry, facts.loose, NO_ENTRY, "warning", message, advice))
    shortened = recipe.harness.shortened(facts.steps)
    wanted = {
        key: script
        for key, script in _SCRIPTS.items()
        if (facts.distributed or not key.endswith("_8p"))
        and (shortened is not None or not key.startswith("performance"))
    }
    if shortened is None:
        findings.append(
            Finding(
                facts.entry,
                0,
                NO_ENTRY,
                "note",
                "no test/train_performance scripts: no flag is known that shortens a training",
                'Say in the recipe what does: [harness] performance = "--epochs 1".',
            )
        )
    names = {}
    for key, script in wanted.items():
        names[key], found = _place(script, files)
        findings += found
    if not (names["env"] and names["run"]):  # the others start with them
        return dict(files), findings
    values = {
        **{name: getattr(facts, name) for name in _GIVEN},
        "distributed": facts.distributed,
        "network": facts.network,
        "names": names,
        "flags": facts.harness,
        "steps": facts.steps,
        "examples": facts.examples,
        "epochs": recipe.harness.epochs,
        "batch_size": facts.batch_size,
        "accuracy": recipe.harness.accuracy,
        "loss": recipe.harness.loss,
        "levels": levels(recipe.readme.runs),
        "requirements": "requirements.txt" in files,
    }
    for key, path in names.items():
        if path and not _is_ours(files, path):
            measures = key.startswith("performance")
            added = shortened or () if measures else ()
            more = {
                "script": PurePosixPath(path).name,
                "kind": "perf" if measures else "acc",
                "several": key.endswith("_8p"),
                "arguments": (*recipe.harness.arguments, *added),
            }
            data = render(templates, f"{wanted[key].template}.j2", {**values, **more})
            result[path] = SourceFile(path, data, wanted[key].mode)
    ignored = render(templates, "gitignore.j2", values)
    if not _is_ours(files, _GITIGNORE) and not list(_in_the_way(_GITIGNORE, files, folder=True)):
        result[_GITIGNORE] = _added_to(files.get(_GITIGNORE), ignored)
    return dict(sorted(result.items())), findings


def _place(script: _Script, files: Mapping[str, SourceFile]) -> tuple[str, list[Finding]]:
    """Where a file goes, empty for nowhere; and what there is to say about that."""
    if _is_ours(files, script.path):
        return script.path, []
    taken = next(_in_the_way(script.path, files), None)
    if taken is None:
        return script.path, []
    free = script.otherwise and (
        _is_ours(files, script.otherwise) or not list(_in_the_way(script.otherwise, files))
    )
    place = script.otherwise if free else ""
    if not place and script.template == "modelzoo_level.txt":
        return "", []  # upstream is a port, and knows better
    message = f"upstream's file stays, so the port's {script.path} is "
    message += f"called {place}" if place else "left out"
    return place, [Finding(taken, 0, TAKEN, "note" if place else "warning", message)]


def _in_the_way(
    path: str, files: Mapping[str, SourceFile], *, folder: bool = False
) -> Iterator[str]:
    """The files that stand where another is to be, or where a folder of its path is to be.

    Args:
        folder: only what is a folder there; a file may stay.
    """
    wanted = path.casefold()
    for there in files:
        name = there.casefold()
        same = name == wanted and not folder
        if same or name.startswith(f"{wanted}/") or wanted.startswith(f"{name}/"):
            yield there


def _is_ours(files: Mapping[str, SourceFile], path: str) -> bool:
    return path in files and _MARK in files[path].data


def _added_to(there: SourceFile | None, data: bytes) -> SourceFile:
    if there is None:
        return SourceFile(_GITIGNORE, data)
    newline = b"\r\n" if b"\r\n" in there.data else b"\n"
    kept = there.data if not there.data or there.data.endswith(b"\n") else there.data + newline
    return SourceFile(_GITIGNORE, kept + data.replace(b"\n", newline), there.mode)


def _batch_size(flag: str, flags: list[Flag], arguments: tuple[str, ...]) -> str:
    """The batch size if nobody says another: what the arguments say last, or the default."""
    found = next((str(f.value) for f in flags if f.name == flag and type(f.value) is int), "")
    for index, word in enumerate(arguments):
        if flag and word in (f"-{flag}", f"--{flag}"):
            found = "".join(arguments[index + 1 : index + 2])
        elif flag and word.startswith((f"-{flag}=", f"--{flag}=")):
            found = word.partition("=")[2]
    return found if found.isdigit() else ""
