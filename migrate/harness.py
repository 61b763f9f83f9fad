"""A recipe's ``[harness]`` table: how ModelZoo's scripts start the training, and read its log.

```toml
[harness]
model = "BigGAN"                    # ModelZoo's name is then BigGAN_for_TensorFlow
arguments = "--dataset celebA"      # what every training is started with
performance = "--steps 500"         # added where only its speed is measured
batch_size = "batch"                # the entry's flag for the harness's --batch_size; so data_path,
                                    # ckpt_path, output_path, train_steps and train_epochs; "" says
                                    # that there is none, "$NAME" is a variable of the environment
loss = 'd_loss: (\\S+)'              # how the log tells the loss: a pattern with one group
accuracy = 'accuracy (\\S+)'         # the same of the accuracy
```

Flags that are called as in most projects need not be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.analysis.flags import Flag
from migrate.errors import RecipeError
from migrate.tables import Reader

# Flags of ModelZoo's scripts, and what entries call the same; the first that there is counts.
_USUAL = {
    "data_path": ("data_path", "data_dir", "dataset_dir", "dataset_path", "data"),
    "ckpt_path": ("ckpt_path", "checkpoint_path", "init_checkpoint", "pretrained_path"),
    "output_path": ("output_path", "output_dir", "train_dir", "checkpoint_dir", "model_dir"),
    "batch_size": ("batch_size", "train_batch_size", "batch"),
    "train_steps": (
        *("train_steps", "max_steps", "num_steps", "steps", "total_steps", "max_train_steps"),
        *("num_train_steps", "max_training_steps", "max_number_of_steps"),
    ),
    "train_epochs": ("train_epochs", "epochs", "epoch", "num_epochs", "max_epochs"),
}
HARNESS_FLAGS = tuple(_USUAL)
_VARIABLE = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Where the number of steps is a flag, a performance run makes so many: enough past the first ones,
# which are not timed.
_PERFORMANCE_STEPS = 1000


@dataclass(frozen=True)
class Harness:
    """What a recipe says about ModelZoo's scripts; without a table, nothing.

    Args:
        model: the model's name; empty for that of the upstream.
        arguments: what the entry is always started with.
        performance: added where only speed is measured; None where the recipe does not say.
        flags: the entry's flag, by that of ModelZoo's scripts; empty for none.
        accuracy: pattern of the accuracy in the log, with one group; empty for none.
        loss: the same of the loss.
    """

    model: str = ""
    arguments: tuple[str, ...] = ()
    performance: tuple[str, ...] | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    accuracy: str = ""
    loss: str = ""

    def flags_for(self, entry: str, flags: Iterable[Flag]) -> dict[str, str]:
        """The entry's flag for each of ModelZoo's; empty where there is none.

        Raises:
            RecipeError: the recipe names a flag that the entry does not have.
        """
        there = {flag.name for flag in flags if not flag.positional and not flag.switch}
        for name, flag in self.flags.items():
            if flag and not flag.startswith("$") and flag not in there:
                raise RecipeError(
                    f"harness.{name}",
                    f"{entry} has no flag {flag!r}",
                    advice=f"It has: {', '.join(sorted(there)) or 'none'}.",
                )
        usual = {
            name: next((one for one in names if one in there), "") for name, names in _USUAL.items()
        }
        return {**usual, **self.flags}

    def shortened(self, train_steps: str) -> tuple[str, ...] | None:
        """What shortens a performance run; None where nothing is known that does.

        Args:
            train_steps: the entry's flag for the number of steps; empty for none.
        """
        if self.performance is None and train_steps and not train_steps.startswith("$"):
            return (f"--{train_steps}={_PERFORMANCE_STEPS}",)
        return self.performance


def read_harness(table: Any, where: str) -> Harness:
    """Reads the table.

    Args:
        table: what the recipe says under ``harness``; empty where it says nothing.
        where: the recipe's name, for errors.

    Raises:
        UsageError: it says something that is not known; with the key and what is expected.
    """

    reader = Reader(where)
    reader.table(table, "harness")
    reader.known(
        table, "harness", ("model", "arguments", "performance", "accuracy", "loss", *HARNESS_FLAGS)
    )
    for key, value in table.items():
        reader.text(value, f"harness.{key}")
    if not _MODEL.fullmatch(table.get("model", "x")):
        raise reader.wrong("harness.model", "letters, digits, dots, dashes and underscores")
    words = {
        key: reader.words(table.get(key, ""), f"harness.{key}")
        for key in ("arguments", "performance")
    }
    for key in ("accuracy", "loss"):
        try:
            groups = re.compile(table.get(key, "()")).groups
        except re.error as error:
            raise reader.wrong(f"harness.{key}", f"a regular expression ({error})") from None
        if groups != 1:
            raise reader.wrong(f"harness.{key}", "a pattern with one group, around the number")
    for key in HARNESS_FLAGS:
        flag = table.get(key, "")
        if flag.startswith("-") or (flag.startswith("$") and not _VARIABLE.fullmatch(flag)):
            raise reader.wrong(f"harness.{key}", "a flag without dashes, or $NAME")
    return Harness(
        table.get("model", ""),
        words["arguments"],
        words["performance"] if "performance" in table else None,
        {key: table[key] for key in HARNESS_FLAGS if key in table},
        table.get("accuracy", ""),
        table.get("loss", ""),
    )
