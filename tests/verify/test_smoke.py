"""What a recipe may say under smoke, and how it is told what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomlkit

from migrate.errors import UsageError
from migrate.recipe import read_recipe
from migrate.verify.smoke import MINIMUM_STEPS, TOLERANCE, Smoke, generators, read_smoke

PATCHES = Path(__file__).parents[2] / "patches"
RECIPES = ["biggan", "realmix", "ssgan", "tiny_gan", "vgg19"]
WHOLE = """
[smoke.environment]
ML_DATA = "records"
[[smoke.data]]
make = "jpeg_folder"
to = "dataset/tiny"
count = 16
[[smoke.run]]
name = "train"
command = "python train.py --steps {steps}"
expect = ["train", "save"]
baseline = "--on_cpu"
baseline_why = "pinned to a GPU"
tolerance = 1e-4
tolerance_why = "differs from itself by as much"
[[smoke.run]]
name = "evaluate"
command = "python evaluate.py"
"""


def smoke(text: str) -> Smoke:
    table: dict[str, Any] = tomlkit.parse(text).unwrap()
    return read_smoke(table.get("smoke", {}), "recipe.toml")


def test_nothing_said(tmp_path: Path) -> None:
    assert smoke("") == Smoke()
    assert read_recipe(tmp_path).smoke == Smoke()


def test_everything_that_can_be_said() -> None:
    read = smoke(WHOLE)
    assert read.environment == {"ML_DATA": "records"}
    [data] = read.data
    assert (data.make, data.to, data.options) == ("jpeg_folder", "dataset/tiny", {"count": "16"})
    train, evaluate = read.runs
    assert train.expect == {"train", "save"}
    assert train.line(7) == "python train.py --steps 7"
    assert train.line(7, baseline=True) == "python train.py --steps 7 --on_cpu"
    assert (train.tolerance, train.tolerance_why) == (1e-4, "differs from itself by as much")
    assert train.needed_steps(7) == 7
    assert (evaluate.needed_steps(7), evaluate.tolerance) == (0, TOLERANCE)


def test_a_command_that_has_its_own_number_of_steps_makes_the_usual_ones() -> None:
    text = "[[smoke.run]]\nname = 'a'\ncommand = 'python a.py'\nexpect = ['train']"
    assert smoke(text).runs[0].needed_steps(100) == MINIMUM_STEPS


RUN = "[[smoke.run]]\nname = 'a'\ncommand = 'b'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smoke.runs = []", r"smoke\.runs: expected one of data, environment, run"),
        ("smoke.run = {a = 1}", r"smoke\.run: expected tables, each under \[\[smoke\.run\]\]"),
        ("[[smoke.run]]\ncommand = 'b'", r"smoke\.run\[0\]\.name: expected a text"),
        ("[[smoke.run]]\nname = 'a'", r"smoke\.run\[0\]\.command: expected a text"),
        (RUN + "steps = 3", r"smoke\.run\[0\]\.steps: expected one of baseline, "),
        (
            RUN + "expect = ['fly']",
            r"smoke\.run\[0\]\.expect: expected a list of session, train, save",
        ),
        (RUN + "expect = 'train'", r"\.expect: expected a list"),
        (RUN + RUN, r"smoke\.run\.name: expected a name of its own, not 'a' twice"),
        (RUN + "tolerance = 1e-3", "tolerance and tolerance_why together"),
        (RUN + "baseline = '--cpu'", "baseline and baseline_why together"),
        (RUN + "tolerance = -1\ntolerance_why = 'x'", r"\.tolerance: expected a relative"),
        ("[[smoke.data]]\nmake = 'gold'\nto = 'a'", r"smoke\.data\[0\]\.make: expected one of "),
        ("[[smoke.data]]\nmake = 'hdf5_ids'", r"smoke\.data\[0\]\.to: expected a text"),
        ("[[smoke.data]]\nmake = 'hdf5_ids'\nto = '/etc'", r"\.to: expected a folder below"),
        ("[[smoke.data]]\nmake = 'hdf5_ids'\nto = 'a/../../b'", r"\.to: expected a folder below"),
        (
            "[[smoke.data]]\nmake = 'hdf5_ids'\nto = 'a'\nsize = [1]",
            r"\.size: expected a text",
        ),
        (
            "[[smoke.data]]\nmake = 'jpeg_folder'\nto = 'a'\ncuont = 1",
            r"smoke\.data\[0\]\.cuont: expected one of classes, count, make, seed, size, to",
        ),
        ("smoke.environment = {A = 1}", r"smoke\.environment: expected a table of texts"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        smoke(text)
    assert str(error.value).startswith("recipe.toml: ")


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_trains_saves_and_restores(name: str) -> None:
    read = read_recipe(PATCHES / name).smoke
    done = frozenset[str]().union(*(run.expect for run in read.runs))
    assert done == {"train", "save", "restore"}
    assert read.data


def test_helpers_are_no_generators() -> None:
    assert generators() == [
        "hdf5_ids",
        "jpeg_folder",
        "keras_npz",
        "slim_tfrecords",
        "ssl_tfrecords",
    ]
