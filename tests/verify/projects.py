"""Ports of our own small projects, ready to be verified under TensorFlow 1.15.0."""

from __future__ import annotations

from pathlib import Path

from migrate.codemods.registry import kit_rules
from migrate.manifest import Upstream
from migrate.porting import Port, make_port
from migrate.recipe import Recipe, read_recipe
from migrate.upstream.tree import SourceTree, read_folder
from migrate.verify.process import Limits
from migrate.verify.report import Part
from migrate.verify.smoke import Smoke, SmokeRun
from migrate.verify.verification import Trial, run_and_compare
from migrate.workspace import DEFAULT_CANN
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[2]
PROJECTS = ROOT / "tests" / "fixtures" / "projects"
TRAIN_AND_SAVE = frozenset({"train", "save"})


def ported(source: Path, folder: Path, recipe: Recipe | None = None) -> Port:
    """Ports a project and writes the port into a folder."""
    port = make_port(
        Upstream(source.name, "", None, None, "", "MIT"),
        SourceTree(read_folder(source)),
        recipe or Recipe(rules=kit_rules()),
        cann=DEFAULT_CANN,
        templates=ROOT / "templates",
    )
    assert not port.failed, port.findings
    for name, file in port.after.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    return port


def trial(folder: Path, port: Port, smoke: Smoke, steps: int = 5, ranks: int = 1) -> Trial:
    return Trial(
        port=folder,
        manifest=port.manifest,
        baseline=port.baseline,
        smoke=smoke,
        python=required_tf115().python,
        cann=DEFAULT_CANN,
        steps=steps,
        ranks=ranks,
        limits=Limits(seconds=600),
    )


def tiny_gan(folder: Path, steps: int = 5) -> Trial:
    """The bundled example with its own recipe."""
    recipe = read_recipe(ROOT / "patches" / "tiny_gan")
    port = ported(ROOT / "examples" / "tiny_gan", folder, recipe)
    return trial(folder, port, recipe.smoke, steps)


def fixture(folder: Path, name: str, *runs: SmokeRun) -> Trial:
    """A fixture project with runs of its own."""
    return trial(folder, ported(PROJECTS / name, folder), Smoke(runs=runs))


def verify(given: Trial) -> tuple[Part, Part]:
    run, parity, _ = run_and_compare(given, lambda _: None, compare=True, numerics=True)
    return run, parity


def edit(given: Trial, name: str, old: str, new: str) -> None:
    """Changes a file of the port by hand."""
    path = given.port / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
