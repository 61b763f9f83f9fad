"""``migrate explain``: what a code stands for; without one, all of them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from migrate.codemods.registry import kit_rules, recipe_rules
from migrate.console import hint, styled
from migrate.errors import MigrateError, UsageError
from migrate.explanations import PAGES
from migrate.verify.pages import PAGES as RUN_PAGES
from migrate.verify.static.registry import all_checks


def run(arguments: argparse.Namespace, patches: Path | None) -> int:
    """Prints one page, or the list.

    Args:
        patches: the workspace's folder of recipes, whose rules are explained as well.
    """
    pages = _pages(patches)
    if arguments.code is None:
        listed = {code: page.partition("\n")[0] for code, (_, page) in pages.items()}
        if arguments.json:
            print(json.dumps(listed, indent=2))
            return 0
        for code, (group, page) in pages.items():
            print(f"{styled(code, 'bold')}  {group:15} {page.partition(chr(10))[0]}")
        return 0
    code = arguments.code.upper()
    if code not in pages:
        raise UsageError(
            f"there is no rule {arguments.code}", advice="`migrate explain` lists them."
        )
    group, page = pages[code]
    if arguments.json:
        print(json.dumps({"code": code, "group": group, "page": page}, indent=2))
    else:
        print(f"{styled(code, 'bold')} ({group})\n\n{page}")
    return 0


def _pages(patches: Path | None) -> dict[str, tuple[str, str]]:
    pages = {rule.code: (rule.group, rule.page) for rule in kit_rules()}
    for folder in sorted(patches.glob("*/rules")) if patches else []:
        try:
            rules = recipe_rules(folder)
        except MigrateError as error:  # of one upstream; all else can be explained
            print(f"migrate: left out: {hint(str(error))}", file=sys.stderr)
            continue
        for rule in rules:
            pages[rule.code] = (f"{rule.group}, {folder.parent.name}", rule.page)
    pages |= {code: ("gates", page) for code, page in PAGES.items()}
    pages |= {code: ("verify", page) for code, page in RUN_PAGES.items()}
    pages |= {check.code: ("verify", check.page) for check in all_checks()}
    return dict(sorted(pages.items()))
