"""What the README shows is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from migrate.cli import _parser
from migrate.codemods.registry import kit_rules
from migrate.commands.demo import example_tree
from migrate.manifest import Upstream
from migrate.porting import make_port
from migrate.recipe import Recipe
from migrate.series import unified_diff
from migrate.workspace import DEFAULT_CANN, EXAMPLE, Workspace

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
