"""A recipe's ``[harness]`` table: how ModelZoo's scripts start the training, and read its log.

```toml
[harness]
model = "BigGAN"                    # ModelZoo's name is then BigGAN_for_TensorFlow
arguments = "--dataset celebA"      # what every training is started with
performance = "--steps 500"         # added where only its speed is measured
batch_size = "batch"                # the entry's flag for the harness's --batch_size; so data_path,
                                    # ckpt_path, output_path, train_steps and train_epochs; "" says
                                    # that there is none, "$NAME" is a variable of the environment
train_steps = "--epoch 1 --iteration {steps}"   # where it takes more than a flag: the words, which
                                    # count {steps}, or {examples/1024} for thousands of examples
examples = 1281167                  # in an epoch of the data that the arguments name: where the
                                    # entry only counts steps, --train_epochs becomes so many
epochs = 150                        # of a whole training, where nobody says another number
loss = 'd_loss: (\\S+)'              # how the log tells the loss: a pattern with one group
accuracy = 'accuracy (\\S+)'         # the same of the accuracy
```

Flags that are called as in most projects need not be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

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
_COUNTED = re.compile(r"\{(?:steps|examples/([1-9][0-9]*))\}")
_VARIABLE = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
_NUMBERS = ("examples", "epochs")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# Where the number of steps is a flag, a performance run makes so many: enough past the first ones,
# which are not timed.
_PERFORMANCE_STEPS = 1000


class Steps(NamedTuple):
    """How an entry is told a number of steps.

    Args:
        words: arguments of the entry, where {} stands for the number; none where nothing tells it.
        unit: so many examples count as 1; 0 where steps are counted.
    """

    words: tuple[str, ...] = ()
    unit: int = 0

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags, without dashes, that the number is given to."""
        found = []
        for before, word in zip(("", *self.words), self.words, strict=False):
            if "{}" in word:
                flag = word.partition("=")[0] if word.startswith("-") else before
                found.append(flag.lstrip("-"))
        return tuple(found)

    def counting(self, number: int) -> tuple[str, ...]:
        """The words for a number of steps; empty where examples are counted."""
        return () if self.unit else tuple(word.replace("{}", str(number)) for word in self.words)


class Harness(NamedTuple):
    """What a recipe says about ModelZoo's scripts; without a table, nothing.

    Args:
        model: the model's name; empty for that of the upstream.
        arguments: what the entry is always started with.
        performance: added where only speed is measured; None where the recipe does not say.
        flags: the entry's flag, by that of ModelZoo's scripts; empty for none.
        steps: how the entry is told a number of steps, where that takes more than a flag.
        examples: in an epoch of the data that the arguments name; 0 where that is not known.
        epochs: of a whole training where the entry counts steps; 0 for as many steps as it takes.
        accuracy: pattern of the accuracy in the log, with one group; empty for none.
        loss: the same of the loss.
    """

    model: str = ""
    arguments: tuple[str, ...] = ()
    performance: tuple[str, ...] | None = None
    flags: Mapping[str, str] = MappingProxyType({})
    steps: Steps = Steps()
    examples: int = 0
    epochs: int = 0
    accuracy: str = ""
    loss: str = ""

    def flags_for(self, entry: str, flags: Iterable[Flag]) -> dict[str, str]:
        """The entry's flag for each of ModelZoo's; empty where there is none.

        Raises:
            RecipeError: the recipe names a flag that the entry does not have.
        """
        there = {flag.name for flag in flags if not flag.positional and not flag.switch}
        named = [*self.flags.items(), *(("train_steps", flag) for flag in self._all_of_steps())]
        for name, flag in named:
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

    def _all_of_steps(self) -> list[str]:
        return [w.partition("=")[0].lstrip("-") for w in self.steps.words if w.startswith("-")]

    def counted(self, flags: Mapping[str, str]) -> Steps:
        """How the entry is told a number of steps.

        Args:
            flags: what `flags_for` returned.
        """
        flag = flags["train_steps"]
        return self.steps if not flag or flag.startswith("$") else Steps((f"--{flag}={{}}",))

    def shortened(self, steps: Steps) -> tuple[str, ...] | None:
        """What shortens a performance run; None where nothing is known that does.

        Args:
            steps: what `counted` returned.
        """
        if self.performance is None:
            return steps.counting(_PERFORMANCE_STEPS) or None
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
        table,
        "harness",
        ("model", "arguments", "performance", "accuracy", "loss", *_NUMBERS, *HARNESS_FLAGS),
    )
    for key, value in table.items():
        if key not in _NUMBERS:
            reader.text(value, f"harness.{key}")
        elif type(value) is not int or value < 1:
            raise reader.wrong(f"harness.{key}", "a whole number of at least 1")
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
    flags = {key: table[key] for key in HARNESS_FLAGS if key in table}
    steps = Steps()
    if flags.get("train_steps", "").startswith("-"):
        steps = _steps(reader, flags["train_steps"])
        flags["train_steps"] = ""
    for key, flag in flags.items():
        if flag.startswith("-") or (flag.startswith("$") and not _VARIABLE.fullmatch(flag)):
            raise reader.wrong(f"harness.{key}", "a flag without dashes, or $NAME")
    return Harness(
        table.get("model", ""),
        words["arguments"],
        words["performance"] if "performance" in table else None,
        flags,
        steps,
        table.get("examples", 0),
        table.get("epochs", 0),
        table.get("accuracy", ""),
        table.get("loss", ""),
    )


def _steps(reader: Reader, text: str) -> Steps:
    """Words that count steps or examples."""
    words = reader.words(text, "harness.train_steps")
    units = {int(found[1] or 0) for word in words for found in _COUNTED.finditer(word)}
    rest = [_COUNTED.sub("", word) for word in words]
    if len(units) != 1 or "{" in "".join(rest):
        raise reader.wrong("harness.train_steps", "words with {steps}, or with {examples/1024}")
    return Steps(tuple(_COUNTED.sub("{}", word) for word in words), units.pop())
