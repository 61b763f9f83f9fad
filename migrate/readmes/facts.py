"""Everything that the READMEs of a port say, gathered from its code and from its recipe."""

from __future__ import annotations

import ast
import re
import runpy
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import migrate
from migrate.analysis.flags import Flag, flags_of
from migrate.analysis.imported import imported_by
from migrate.analysis.project import Project
from migrate.codemods.results import GroupResult
from migrate.codemods.rule import SessionRow
from migrate.manifest import Upstream
from migrate.readmes import patch_folder
from migrate.readmes.chinese import RULES, VARIABLES
from migrate.readmes.table import PLATFORMS, RESULTS, TEXTS, Published, Run, Text
from migrate.recipe import Recipe
from migrate.runtime import PRECISION_MODE, cann_release
from migrate.scripts import Facts, placed
from migrate.starting import start_words
from migrate.upstream.tree import SourceFile

# Words in the names of flags that decide what is trained, and how; and in those of flags that only
# say how often something is told or saved, or where it is.
_HYPER = re.compile(
    r"(?:^|_)(?:lr|wd|ema|rate|decay|batch|epochs?|iterations?|steps|momentum|beta\d?|optimizer|"
    r"learning|dropout|smoothing|kimg|size|filters|repeat|scales|channels|ch|dim|critic|norm|"
    r"rho|epsilon|accumulator|l1|l2|sn|deconv|arch|nclass|mask|unlabeled|whiten|shuffle|nu|"
    r"w_match|n_z|gan_type|ld|dataset|model_name|augment|tsa)(?=_|$)"
)
_ASIDE = re.compile(
    r"(?:^|_)(?:log|print|report|display|summary|summaries|save|saving|ckpt|checkpoints?|output|"
    r"dump|eval|valid|test|sample|result|freq|frequency|every|interval|secs|seconds|dir|dirs|path|"
    r"para|paths|file|files|url|num_readers|threads|workers|buffer|ps|task)(?=_|$)"
)
_LAST_GROUPS = ("readme", "provenance")
_MOVES = ("data_path", "output_path")
_MOVED = re.compile(rf"(?:{'|'.join(_MOVES)})\((.*)\)", re.DOTALL)
_CHECKPOINT = re.compile(r"'([\w=-]*)\$CHECKPOINT'")
# What a variable of the runtime takes where its table lists no values.
_TAKES: Mapping[object, Text] = {
    "file": {"zh": "文件", "en": "a file"},
    "count": {"zh": "整数", "en": "a whole number"},
}
_RESULT_NAMES: Mapping[str, Text] = {
    "TrainAccuracy": {"zh": "精度", "en": "Accuracy"},
    "ActualLoss": {"zh": "损失", "en": "Loss"},
    "ActualFPS": {"zh": "训练性能（样本/秒）", "en": "Training speed (examples/s)"},
    "TrainingTime": {"zh": "单步耗时（毫秒）", "en": "Time of a step (ms)"},
    "E2ETrainingTime": {"zh": "端到端训练时间（秒）", "en": "Whole training (s)"},
}


class Feature(NamedTuple):
    """A row of the table of features.

    Args:
        name: of the feature, by language.
        there: whether this port has it.
        note: how it is used, or why it is not there; by language.
    """

    name: Text
    there: bool
    note: Text


class Fired(NamedTuple):
    """A rule that changed something.

    Args:
        patch: the group of the patch that holds its changes.
        changes: how many it made.
        files: in how many files.
        does: what it does, by language.
    """

    code: str
    patch: str
    changes: int
    files: int
    does: Text


class Setting(NamedTuple):
    """A variable of the environment that the port reads.

    Args:
        legal: its legal values; empty where they are not listed.
        takes: what it takes where they are not, by language.
        means: what it does, by language.
    """

    name: str
    default: str
    legal: tuple[str, ...]
    takes: Text
    means: Text


class Result(NamedTuple):
    """A row of the table of measurements: a value, or None, for each of its columns."""

    name: Text
    values: tuple[float | None, ...]


class ReadmeFacts(NamedTuple):
    """What both READMEs are filled with.

    Args:
        date: the day of upstream's commit; empty where there is none.
        image_tag: of AscendHub's images with this release of CANN; empty where it is not known.
        rates: how the learning rate depends on the number of devices: ``times`` that number,
            ``upstream`` where upstream's code says it, or ``same``.
        adapter: the release of CANN's TensorFlow adapter.
        model: the model's name.
        network: its name at ModelZoo.
        entry: the script that trains.
        module: the module that it is started as; empty where it is started by its path.
        names: the paths of the port's scripts, by what the templates call them.
        parameters: scripts, and the flags that they share.
        defaults: the flags that decide how the model is trained.
        harness: the entry's flag for each of ModelZoo's; empty for none.
        steps: the flags that the number of steps is given to.
        examples: in an epoch, where ModelZoo's scripts make steps of epochs; 0 where they do not.
        epochs: of a whole training by those scripts; 0 for what the entry does by itself.
        outputs: the folders that the training's code names for what it writes.
        precision: the precision mode fixed in the port; empty where it leaves that to CANN.
        mixed: whether that is one of mixed precision.
        on_device: whether a session of the port runs on the device.
        sessions: how many sessions are on the device, and how many stay on the host.
        distributed: whether the port trains on several devices together.
        train: the words of a usual training, after the script's name.
        boot_train: the same without the folders that the boot file passes.
        evaluate: the words of a usual evaluation, from the script's name; empty for none.
        patches: where each patch is, by its group; the READMEs' own and that of NOTICE among them.
        kept: where upstream's own READMEs are; empty where it has none.
        pictures_left_out: whether the port leaves out pictures that these may show.
        licence: the path of upstream's licence; empty without one.
        requirements: whether there is a requirements.txt.
        texts: what the recipe says, by its key; None where it says nothing.
        checkpoint_size: of a checkpoint's files together, with its unit; empty where nobody
            measured it.
        columns: headings of the measurements: platform and hardware, which is empty without a run.
    """

    upstream: Upstream
    date: str
    kit_version: str
    cann: str
    image_tag: str
    rates: str
    adapter: str
    model: str
    network: str
    entry: str
    module: str
    names: Mapping[str, str]
    parameters: tuple[tuple[tuple[str, ...], tuple[Flag, ...]], ...]
    defaults: tuple[Flag, ...]
    harness: Mapping[str, str]
    steps: tuple[str, ...]
    examples: int
    epochs: int
    outputs: tuple[str, ...]
    precision: str
    mixed: bool
    on_device: bool
    sessions: tuple[int, int]
    features: tuple[Feature, ...]
    distributed: bool
    fired: tuple[Fired, ...]
    settings: tuple[Setting, ...]
    train: str
    boot_train: str
    evaluate: str
    patches: Mapping[str, str]
    kept: tuple[str, ...]
    pictures_left_out: bool
    left_out: tuple[str, ...]
    licence: str
    requirements: bool
    paper: str
    texts: Mapping[str, Text | None]
    published: tuple[Published, ...]
    checkpoint_size: str
    columns: tuple[tuple[str, str], ...]
    results: tuple[Result, ...]


def gather(
    project: Project,
    scripts: Facts,
    recipe: Recipe,
    results: Sequence[GroupResult],
    files: Mapping[str, SourceFile],
    patches: Sequence[str],
    kept: Sequence[str],
    left_out: Sequence[str],
) -> ReadmeFacts:
    """Gathers what the READMEs say.

    Args:
        project: the rewritten project.
        scripts: what the run scripts were filled with.
        results: what the rules did, in the order of the patches.
        files: the port's files, its scripts among them.
        patches: the names of the patches before that of the READMEs.
        kept: where upstream's own READMEs are.
        left_out: upstream's files that the port does not have.
    """
    upstream, readme = scripts.upstream, recipe.readme
    names = placed(files)
    rows = {row for result in results for row in result.sessions}
    on_device = "npu_runtime/session.py" in files
    mode = PRECISION_MODE.search(files["npu_runtime/defaults.py"].data) if on_device else None
    precision = mode[1].decode() if mode else ""
    fired = _fired(results, recipe)
    train = readme.train or recipe.harness.arguments
    moved = scripts.boot.get(scripts.entry, [])
    columns, measured = _measured(readme.runs)
    return ReadmeFacts(
        upstream,
        scripts.date,
        migrate.__version__,
        scripts.cann,
        scripts.image_tag,
        _rates({rule.code for rule in fired}),
        scripts.adapter,
        recipe.harness.model or upstream.name,
        scripts.network,
        scripts.entry,
        scripts.modules.get(scripts.entry, ""),
        names,
        _parameters(project, scripts, recipe),
        tuple(_shown(flag) for flag in scripts.flags if _trains(flag.name)),
        scripts.harness,
        tuple(f"--{flag}" for flag in scripts.steps.flags),
        scripts.examples,
        recipe.harness.epochs,
        _outputs(project, scripts.entry),
        "" if precision == "none" else precision,
        "mix" in precision,
        on_device,
        _sessions(rows),
        _features(fired, names, on_device, scripts.distributed),
        scripts.distributed,
        fired,
        _settings(scripts.cann, files),
        shlex.join(train),
        shlex.join(_without(train, {flag.name for flag in moved if flag.given is not None})),
        _evaluation(project, recipe),
        _linked(upstream.name, patches),
        tuple(kept),
        any(path.endswith(("/", ".png", ".jpg", ".gif", ".svg")) for path in left_out),
        tuple(left_out),
        next((path for path in ("LICENSE", "LICENSE.txt", "LICENSE.md") if path in files), ""),
        "requirements.txt" in files,
        readme.paper,
        {key: readme.texts.get(key) for key in TEXTS},
        readme.published,
        _size(readme.runs),
        columns,
        measured,
    )


def _parameters(
    project: Project, scripts: Facts, recipe: Recipe
) -> tuple[tuple[tuple[str, ...], tuple[Flag, ...]], ...]:
    """Scripts with the same flags together."""
    found: list[tuple[tuple[str, ...], tuple[Flag, ...]]] = []
    for entry in dict.fromkeys((scripts.entry, *recipe.entries)):
        flags = tuple(_shown(flag) for flag in flags_of(project, entry))
        same = next((index for index, (_, known) in enumerate(found) if known == flags), None)
        if same is None:
            found.append(((entry,), flags))
        else:
            found[same] = ((*found[same][0], entry), flags)
    return tuple(found)


def _outputs(project: Project, entry: str) -> tuple[str, ...]:
    """The topmost folders that the runtime moves to where outputs go."""
    found: set[str] = set()
    for path in imported_by(project, entry):
        module = project.parsed(path)
        for call, qualified in module.calls if module is not None else ():
            if qualified == "npu_runtime.places.output_path" and call.args:
                start = call.args[0]
                while isinstance(start, ast.BinOp):  # "name-%s" % x, "name/" + x
                    start = start.left
                if isinstance(start, ast.Constant) and isinstance(start.value, str):
                    folder, below, _ = start.value.removeprefix("./").partition("/")
                    if below and re.fullmatch(r"[\w.-]+", folder):
                        found.add(f"{folder}/")
    return tuple(sorted(found))


def _trains(name: str) -> bool:
    """Whether a flag decides what is trained, and how."""
    return _HYPER.search(name) is not None and _ASIDE.search(name) is None


def _shown(flag: Flag) -> Flag:
    """The flag as upstream has it: the runtime only moves the places that it names."""
    moved = _MOVED.fullmatch(flag.default)
    kind = "str" if flag.kind in _MOVES else flag.kind
    return flag._replace(kind=kind, default=moved[1] if moved else flag.default)


def _without(words: Sequence[str], flags: Collection[str]) -> list[str]:
    """A command's words without some flags and their values."""
    left: list[str] = []
    value_of_one = False
    for word in words:
        name, joined, _ = word.lstrip("-").partition("=")
        if word.startswith("-"):
            value_of_one = name in flags and not joined
            if name not in flags:
                left.append(word)
        elif not value_of_one:
            left.append(word)
    return left


def _sessions(rows: Iterable[SessionRow]) -> tuple[int, int]:
    roles = [row.role for row in rows]
    return roles.count("device"), roles.count("host")


def _evaluation(project: Project, recipe: Recipe) -> str:
    """What the recipe says, where $CHECKPOINT is the shell's; without that, its second script."""
    words = recipe.readme.evaluate
    if words is None:
        words = recipe.entries[1:2]
    if words:
        words = (*start_words(project, words[0]), *words[1:])
    return " ".join(_CHECKPOINT.sub(r'\1"$CHECKPOINT"', shlex.quote(word)) for word in words)


def _linked(name: str, patches: Sequence[str]) -> dict[str, str]:
    """Each patch's group and its place as seen from the port in its workspace."""
    last = (f"{len(patches) + n:04}-{group}.patch" for n, group in enumerate(_LAST_GROUPS, start=1))
    return {patch[5:-6]: patch_folder(name) + patch for patch in (*patches, *last)}


def _rates(codes: set[str]) -> str:
    if "NPU703" in codes:
        return "times"
    # Horovod and tf.distribute tell the code how many processes there are.
    return "upstream" if codes & {"NPU704", "NPU705"} else "same"


def _fired(results: Sequence[GroupResult], recipe: Recipe) -> tuple[Fired, ...]:
    found = []
    for result in results:
        for rule in recipe.rules:
            if changes := result.fired[rule.code]:
                files = sum(1 for codes in result.fired_in.values() if codes[rule.code])
                does = {
                    "zh": RULES.get(rule.code, rule.summary),
                    "en": " ".join(part for part in (rule.summary, _sentence(rule.why)) if part),
                }
                found.append(Fired(rule.code, result.group, changes, files, does))
    return tuple(found)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _features(
    fired: Sequence[Fired], names: Mapping[str, str], on_device: bool, distributed: bool
) -> tuple[Feature, ...]:
    codes = {rule.code for rule in fired}
    several = {
        "zh": "见[分布式训练](#分布式训练)" if distributed else "在一个设备上训练",
        "en": "see [Distributed training](#distributed-training)"
        if distributed
        else "trains on one device",
    }
    found = [
        Feature({"zh": "分布式训练", "en": "Distributed training"}, distributed, several),
        Feature({"zh": "数据并行", "en": "Data parallelism"}, distributed, several),
    ]
    if not on_device:
        none = {"zh": "没有在设备上运行的会话", "en": "no session runs on the device"}
        return (Feature({"zh": "混合精度", "en": "Mixed precision"}, False, none), *found)
    mixed = Feature(
        {"zh": "混合精度", "en": "Mixed precision"},
        True,
        {
            "zh": "见[开启混合精度](#开启混合精度)",
            "en": "see [Enabling mixed precision](#enabling-mixed-precision)",
        },
    )
    scaled = "NPU201" in codes
    loss_scale = Feature(
        {"zh": "损失缩放", "en": "Loss scaling"},
        scaled,
        {
            "zh": "`NPU_LOSS_SCALE`" if scaled else "优化器与上游相同",
            "en": "`NPU_LOSS_SCALE`" if scaled else "the optimizers are upstream's",
        },
    )
    profiling = Feature(
        {"zh": "性能数据采集", "en": "Profiling"},
        True,
        {"zh": "`NPU_PROFILING=1`", "en": "`NPU_PROFILING=1`"},
    )
    dump = Feature(
        {"zh": "溢出检测和数据转储", "en": "Overflow detection and dumps"},
        True,
        {"zh": "`NPU_OVERFLOW_DUMP`、`NPU_DUMP`", "en": "`NPU_OVERFLOW_DUMP`, `NPU_DUMP`"},
    )
    found += [mixed, loss_scale, profiling, dump]
    if boot := names["boot"]:
        note = {"zh": f"`{boot}`", "en": f"`{boot}`"}
        found.append(
            Feature({"zh": "读写 OBS 中的数据和输出", "en": "Data and outputs in OBS"}, True, note)
        )
    return tuple(found)


@cache
def _variables() -> tuple[Any, ...]:
    """The runtime's table; its module needs neither the runtime nor TensorFlow."""
    path = Path(migrate.__file__).parent / "runtime" / "npu_runtime" / "settings.py"
    found: tuple[Any, ...] = runpy.run_path(str(path))["VARIABLES"]
    return found


def _settings(cann: str, files: Mapping[str, SourceFile]) -> tuple[Setting, ...]:
    """The variables that this port reads and that its release of CANN knows."""
    release = _number(cann_release(cann).adapter)
    code = b"".join(
        file.data
        for path, file in files.items()
        if path.startswith("npu_runtime/") and not path.endswith("/settings.py")
    )
    return tuple(
        Setting(
            variable.name,
            variable.default,
            variable.legal if isinstance(variable.legal, tuple) else (),
            _TAKES.get(variable.legal, {"zh": "见右栏", "en": "see right"}),
            {"zh": VARIABLES[variable.name], "en": variable.meaning},
        )
        for variable in _variables()
        if variable.name.encode() in code and _number(variable.since) <= release
    )


def _number(adapter: str) -> tuple[int, ...]:
    return tuple(int(part) for part in adapter.lstrip("r").split("."))


def _size(runs: Sequence[Run]) -> str:
    """What the NPU wrote counts before what a GPU wrote."""
    for platform in reversed(PLATFORMS):
        for run in runs:
            if run.platform == platform and run.checkpoint_bytes:
                return f"{run.checkpoint_bytes / 1e6:.1f} MB"
    return ""


def _hardware(run: Run) -> str:
    return run.hardware if run.devices == 1 else f"{run.devices} × {run.hardware}"


def _measured(runs: Sequence[Run]) -> tuple[tuple[tuple[str, str], ...], tuple[Result, ...]]:
    """A column for each run, and one for a platform without; rows in the order of RESULTS."""
    shown: list[Run] = []
    for platform in PLATFORMS:
        shown += [run for run in runs if run.platform == platform] or [Run(platform, "", {})]
    columns = tuple((run.platform.upper(), _hardware(run)) for run in shown)
    rows = tuple(
        Result(_RESULT_NAMES[name], tuple(run.results.get(name) for run in shown))
        for name in RESULTS
    )
    return columns, rows
