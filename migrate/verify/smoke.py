"""A recipe's ``[smoke]`` tables: how a port is tried, and the data that it needs for that.

```toml
[smoke.environment]
ML_DATA = "records"                     # for all that runs

[[smoke.data]]
make = "jpeg_folder"                    # a generator, a module of migrate/verify/data
to = "dataset/tiny"                     # below the project, or below ~
count = 16                              # the generator's options

[[smoke.run]]
name = "train"
command = "python train.py --steps {steps}"     # a line for the shell, in the project's folder
expect = ["train", "save"]
baseline = "--on_cpu"                   # added to the command for upstream, and why
baseline_why = "upstream pins its variables to a GPU"
tolerance = 1e-4                        # relative, instead of 1e-6, and why
tolerance_why = "upstream differs from itself by as much"
```
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate.tables import Reader

GENERATORS = Path(__file__).parent / "data"
_OPTION = re.compile(r'\.add_argument\("--(\w+)"')
TOLERANCE = 1e-6
MINIMUM_STEPS = 5
_EXPECT = ("session", "train", "save", "restore")


@dataclass(frozen=True)
class Data:
    """A data set to generate.

    Args:
        make: the generator's name.
        to: the folder to make, relative to the project, or below ``~/``.
        options: what is said to the generator.
    """

    make: str
    to: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SmokeRun:
    """One program to run.

    Args:
        name: what it is called in the report.
        command: a line for the shell; ``{steps}`` stands for the number of training steps.
        expect: what it must do: train, save, restore, or at least open a session; empty for one
            that only prepares something.
        baseline: added to the line for upstream only.
        tolerance: the relative difference that parity allows.
        tolerance_why: why it is another than the usual one.
        everywhere: whether it runs on every rank though nothing says that it trains.
    """

    name: str
    command: str
    expect: frozenset[str] = frozenset()
    baseline: str = ""
    baseline_why: str = ""
    tolerance: float = TOLERANCE
    tolerance_why: str = ""
    everywhere: bool = False

    def ranks(self, asked: int) -> int:
        """On how many ranks it runs: one that only prepares or evaluates something on one."""
        return asked if self.everywhere or "train" in self.expect else 1

    def line(self, steps: int, *, baseline: bool = False) -> str:
        line = self.command.replace("{steps}", str(steps))
        return f"{line} {self.baseline}" if baseline and self.baseline else line

    def needed_steps(self, steps: int) -> int:
        """How many training steps it must make at least, when ``steps`` are asked for."""
        if "train" not in self.expect:
            return 0
        return steps if "{steps}" in self.command else MINIMUM_STEPS


@dataclass(frozen=True)
class Smoke:
    """All of it."""

    data: tuple[Data, ...] = ()
    runs: tuple[SmokeRun, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def read_smoke(table: Any, where: str) -> Smoke:
    """Reads the tables.

    Args:
        table: what the recipe says under ``smoke``; empty where it says nothing.
        where: the recipe's name, for errors.

    Raises:
        UsageError: it says something that is not known; with the key and what is expected.
    """
    reader = Reader(where)
    reader.table(table, "smoke", "tables, such as [[smoke.run]]")
    reader.known(table, "smoke", {"data", "run", "environment"})
    environment = table.get("environment", {})
    if not isinstance(environment, dict) or not all(
        isinstance(value, str) for value in environment.values()
    ):
        raise reader.wrong("smoke.environment", "a table of texts")
    runs = tuple(
        _run(reader, key, entry) for key, entry in reader.tables(table.get("run", []), "smoke.run")
    )
    names = [run.name for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise reader.wrong("smoke.run.name", f"a name of its own, not {name!r} twice")
    data = tuple(
        _data(reader, key, entry)
        for key, entry in reader.tables(table.get("data", []), "smoke.data")
    )
    return Smoke(data, runs, environment)


def generators() -> list[str]:
    """The names of the generators."""
    return sorted(path.stem for path in GENERATORS.glob("*.py") if not path.stem.startswith("_"))


def _options(make: str) -> set[str]:
    """The flags of a generator, which is Python 3.7 code and not imported here."""
    return set(_OPTION.findall((GENERATORS / f"{make}.py").read_text("utf-8")))


def _data(reader: Reader, key: str, entry: Mapping[str, Any]) -> Data:
    make, to = _text(reader, entry, key, "make"), _text(reader, entry, key, "to")
    if make not in generators():
        raise reader.wrong(f"{key}.make", f"one of {', '.join(generators())}")
    if to.startswith("/") or ".." in to.split("/"):
        raise reader.wrong(f"{key}.to", "a folder below the project, or below ~")
    reader.known(entry, key, {"make", *_options(make)})
    options = {name: value for name, value in entry.items() if name not in ("make", "to")}
    for name, value in options.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise reader.wrong(f"{key}.{name}", "a text or a whole number")
    return Data(make, to, {name: str(value) for name, value in options.items()})


def _run(reader: Reader, key: str, entry: Mapping[str, Any]) -> SmokeRun:
    texts = {"baseline", "baseline_why", "tolerance_why"}
    reader.known(entry, key, {"name", "command", "expect", "tolerance", *texts})
    expect = entry.get("expect", [])
    if not isinstance(expect, list) or not set(expect) <= set(_EXPECT):
        raise reader.wrong(f"{key}.expect", f"a list of {', '.join(_EXPECT)}")
    tolerance = entry.get("tolerance", TOLERANCE)
    if isinstance(tolerance, bool) or not isinstance(tolerance, float | int) or tolerance < 0:
        raise reader.wrong(f"{key}.tolerance", "a relative difference, such as 1e-4")
    said: dict[str, Any] = {
        name: _text(reader, entry, key, name) for name in texts if name in entry
    }
    for name in ("baseline", "tolerance"):
        if (name in entry) != (f"{name}_why" in entry):
            raise reader.wrong(key, f"{name} and {name}_why together: nothing without a reason")
    return SmokeRun(
        _text(reader, entry, key, "name"),
        _text(reader, entry, key, "command"),
        frozenset(expect),
        tolerance=float(tolerance),
        **said,
    )


def _text(reader: Reader, entry: Mapping[str, Any], key: str, name: str) -> str:
    text = reader.text(entry.get(name), f"{key}.{name}")
    if not text:
        raise reader.wrong(f"{key}.{name}", "a text")
    return text
