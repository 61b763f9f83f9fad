"""What the README shows is what the program does."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from migrate.cli import _parser
from migrate.codemods.registry import kit_rules
from migrate.commands.demo import example_tree
from migrate.manifest import Upstream
from migrate.porting import make_port
from migrate.recipe import Recipe, read_recipe
from migrate.series import unified_diff
from migrate.upstream.lock import KEYS, read_lock
from migrate.workspace import DEFAULT_CANN, EXAMPLE, Workspace

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
USING = (ROOT / "USING.md").read_text(encoding="utf-8")


def test_the_diff_is_the_real_one() -> None:
    workspace = Workspace(ROOT)
    port = make_port(
        Upstream(EXAMPLE, "", None, None, "", "MIT"),
        example_tree(workspace),
        Recipe(rules=kit_rules()),
        cann=DEFAULT_CANN,
        templates=workspace.templates,
    )
    name = "train.py"
    diff = unified_diff({name: port.before[name]}, {name: port.after[name]}).decode()
    shown = re.search(r"```diff\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == diff[diff.index("@@") :]


def test_every_command_is_named() -> None:
    (commands,) = [
        action.choices for action in _parser()._actions if isinstance(action.choices, dict)
    ]
    for command in commands:
        assert re.search(rf"`{command}\b|run {command}\b", README), command


def test_what_the_readme_starts_is_there() -> None:
    for script in re.findall(r"^(scripts/\w+)", README, re.MULTILINE):
        assert (ROOT / script).stat().st_mode & 0o100, script


def test_the_examples_of_pins_and_recipes_are_valid(tmp_path: Path) -> None:
    blocks = [textwrap.dedent(b) for b in re.findall(r"```toml\n(.*?)```", USING, re.DOTALL)]
    first, second, recipe, readme, smoke = blocks
    lock = tmp_path / "upstream.lock"
    lock.write_text(first + second)
    assert list(read_lock(lock)) == ["mygan", "inhouse"]
    (tmp_path / "recipe.toml").write_text(recipe + readme + smoke)
    read = read_recipe(tmp_path)
    assert read.entries and read.leave_out and set(read.options) == {"NPU101", "NPU301", "NPU501"}
    tried = read.smoke
    assert tried.data and tried.runs and tried.environment


def test_every_key_of_a_pin_is_explained() -> None:
    for text in (USING, (ROOT / "upstream.lock").read_text()):
        for key in KEYS:
            assert re.search(rf"^(\| `|#   ){key}\b", text, re.MULTILINE), key


def test_the_variables_named_are_the_runtimes() -> None:
    settings = (ROOT / "migrate" / "runtime" / "npu_runtime" / "settings.py").read_text()
    for name in re.findall(r"\bNPU_[A-Z_]+\b", README):
        assert f'"{name}"' in settings, name
