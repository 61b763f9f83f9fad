"""Every rule has a page with what a reviewer needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.codemods.registry import kit_rules, recipe_rules
from migrate.codemods.rule import GROUPS, Rule
from migrate.errors import MigrateError, UsageError

PATCHES = Path(__file__).parents[2] / "patches"
RULES = [
    *kit_rules(),
    *(rule for folder in sorted(PATCHES.glob("*/rules")) for rule in recipe_rules(folder)),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_has_a_page(rule: Rule) -> None:
    assert rule.summary.endswith(".")
    for heading in ("What it does", "Why", "Fix safety", "Authority"):
        assert heading in rule.page, heading
    assert rule.group in GROUPS


def test_codes_and_names_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_a_recipe_rule_that_does_not_load_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1/0\n")
    with pytest.raises(
        MigrateError, match=r"broken\.py: the rule does not load: ZeroDivisionError: division"
    ):
        recipe_rules(tmp_path)


def test_a_code_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "again.py").write_text(
        "from migrate.codemods.rule import Rule\nRULE = Rule('NPU101', 'again', group='compat')\n"
    )
    with pytest.raises(UsageError, match="NPU101 is taken"):
        recipe_rules(tmp_path)
