"""A recipe's ``[readme]`` table: what the READMEs of a port say that no code tells.

```toml
[readme]
paper = "Brock et al., BigGAN, https://arxiv.org/abs/1809.11096"
train = "--dataset cat --batch_size 32"       # arguments of a usual training
evaluate = "main.py --phase test"             # a script and its arguments; "" for none; what stands
                                              # as $CHECKPOINT in them, a person sets

[readme.domain]                               # each of these in both languages
zh = "图像生成"
en = "Image generation"
[readme.about]                                # a paragraph on the model
[readme.dataset]                              # what data, where to get it, what it must look like
[readme.preprocessing]                        # what training and evaluation make of it

[[readme.published]]                          # figures that others published; quoted as theirs
metric = { zh = "训练性能（images/s）", en = "Training speed (images/s)" }
gpu = "860"
npu = "1120"
source = "ModelZoo README, 2021-08"     # or in both languages, as metric
```

What was measured stands in ``runs/*.json`` beside the recipe, a file for each training, with the
results that the port's test/ scripts write. It may say besides whether the training was whole
("full") or only measured its speed ("performance"), on how many devices it ran (1 if it does not
say), and the size of a checkpoint's files together:

```json
{"platform": "npu", "hardware": "Ascend 910", "training": "full", "devices": 1,
 "checkpoint_bytes": 574680000, "results": {"ActualFPS": 1120.5, "TrainAccuracy": 0.729}}
```

The READMEs show them, and modelzoo_level.txt says what they prove; see levels.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from migrate.errors import UsageError
from migrate.tables import Reader

LANGUAGES = ("zh", "en")
# Lines of the harness's results, in the order in which the READMEs compare them.
RESULTS = ("TrainAccuracy", "ActualLoss", "ActualFPS", "TrainingTime", "E2ETrainingTime")
PLATFORMS = ("gpu", "npu")
TRAININGS = ("full", "performance")
TEXTS = ("domain", "about", "dataset", "preprocessing")
_NEEDED = frozenset({"platform", "hardware", "results"})
_COUNTS = frozenset({"devices", "checkpoint_bytes"})
_WORDS = ("paper", "train", "evaluate")
Text = Mapping[str, str]


class Published(NamedTuple):
    """A figure that others published.

    Args:
        metric: what was measured, with its unit, by language.
        gpu: on a GPU; empty where it was not published.
        npu: on an Ascend NPU; the same.
        source: who published it, and when; by language.
    """

    metric: Text
    gpu: str
    npu: str
    source: Text


class Run(NamedTuple):
    """A training that was measured.

    Args:
        platform: ``gpu`` or ``npu``.
        hardware: which, in words.
        results: figures by the name of the harness's line; see RESULTS for the names.
        training: ``full`` or ``performance``; empty where the record does not say.
        devices: on how many it trained.
        checkpoint_bytes: the size of a checkpoint's files together; None where nobody measured it.
    """

    platform: str
    hardware: str
    results: Mapping[str, float]
    training: str = ""
    devices: int = 1
    checkpoint_bytes: int | None = None


class Readme(NamedTuple):
    """What a recipe says for the READMEs; without a table, nothing.

    Args:
        paper: the paper, with its address.
        texts: domain, about, dataset and preprocessing, by their key and then by language.
        train: the arguments of a usual training.
        evaluate: a script and the arguments of a usual evaluation; empty for none; None where the
            recipe does not say.
        published: what others measured.
        runs: what was measured with the port.
    """

    paper: str = ""
    texts: Mapping[str, Text] = MappingProxyType({})
    train: tuple[str, ...] = ()
    evaluate: tuple[str, ...] | None = None
    published: tuple[Published, ...] = ()
    runs: tuple[Run, ...] = ()


def read_readme(table: Any, folder: Path, where: str) -> Readme:
    """Reads the table, and the records of runs beside it.

    Args:
        table: what the recipe says under ``readme``; empty where it says nothing.
        folder: that of the recipe.
        where: the recipe's name, for errors.

    Raises:
        UsageError: either says something that is not known; with the key and what is expected.
    """

    reader = Reader(where)
    reader.table(table, "readme")
    reader.known(table, "readme", (*TEXTS, *_WORDS, "published"))
    for key in TEXTS:
        if key in table:
            _text(reader, table[key], f"readme.{key}")
    reader.text(table.get("paper", ""), "readme.paper")
    words = {
        key: reader.words(table.get(key, ""), f"readme.{key}") for key in ("train", "evaluate")
    }
    figures = []
    for key, row in reader.tables(table.get("published", []), "readme.published"):
        reader.known(row, key, ("metric", "gpu", "npu", "source"))
        metric = _text(reader, row.get("metric"), f"{key}.metric")
        gpu, npu = row.get("gpu", ""), row.get("npu", "")
        if not isinstance(gpu, str) or not isinstance(npu, str):
            raise reader.wrong(key, "texts for gpu and npu")
        source = row.get("source")
        if isinstance(source, str):  # the same in both
            source = dict.fromkeys(LANGUAGES, source)
        figures.append(Published(metric, gpu, npu, _text(reader, source, f"{key}.source")))
    return Readme(
        table.get("paper", ""),
        {key: table[key] for key in TEXTS if key in table},
        words["train"],
        words["evaluate"] if "evaluate" in table else None,
        tuple(figures),
        tuple(_read_run(path) for path in sorted((folder / "runs").glob("*.json"))),
    )


def _text(reader: Reader, value: Any, key: str) -> Text:
    if (
        isinstance(value, dict)
        and value.keys() == set(LANGUAGES)
        and all(isinstance(text, str) and text.strip() for text in value.values())
    ):
        return value
    raise reader.wrong(key, 'a text in both languages: { zh = "...", en = "..." }')


def _read_run(path: Path) -> Run:
    def wrong(expected: str) -> UsageError:
        return UsageError(f"expected {expected}", where=str(path))

    try:
        record = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except ValueError as error:
        raise UsageError(f"not JSON: {error}", where=str(path)) from None
    possible = {"training", *_COUNTS}
    if not isinstance(record, dict) or not _NEEDED <= record.keys() <= _NEEDED | possible:
        more = ", ".join(sorted(possible))
        raise wrong(f"an object with platform, hardware and results, and perhaps {more}")
    if record["platform"] not in PLATFORMS:
        raise wrong(f"a platform, one of {', '.join(PLATFORMS)}")
    if not isinstance(record["hardware"], str) or not record["hardware"].strip():
        raise wrong("the name of the hardware")
    if record.get("training", "full") not in TRAININGS:
        raise wrong(f"a training, one of {', '.join(TRAININGS)}")
    for name in _COUNTS & record.keys():
        if type(record[name]) is not int or record[name] < 1:
            raise wrong(f"a whole number of at least 1 for {name}")
    results = record["results"]
    if not isinstance(results, dict) or not results or results.keys() - set(RESULTS):
        raise wrong(f"results, some of {', '.join(RESULTS)}")
    for name, value in results.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise wrong(f"a number for {name}")
    return Run(**record)
