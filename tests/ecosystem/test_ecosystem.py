"""The rules over TensorFlow 1.x packages that nobody here wrote.

What is asked is what holds for any code: no rule fails, no gate refuses a result, a second pass
changes nothing, and nothing but Python files and requirements is touched. The table of what the
rules did is printed with ``-s``, to compare two states of the kit.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from migrate.analysis.inventory import classified, symbol_uses, totals
from migrate.analysis.project import Project
from migrate.codemods.engine import GATE, rewrite
from migrate.codemods.registry import kit_rules
from migrate.codemods.results import RULE_FAILED
from migrate.codemods.second_pass import NOT_IDEMPOTENT
from migrate.upstream.tree import SourceFile
from tests.ecosystem.test_fetch import ROOT, fetch

pytestmark = pytest.mark.ecosystem

_PINS = (ROOT / "tests" / "ecosystem" / "packages.txt").read_text(encoding="utf-8")
PACKAGES = re.findall(r"^([\w.-]+==[\w.]+)", _PINS, re.MULTILINE)


@cache
def _corpus() -> Path:
    corpus: Path = fetch.corpus()
    return corpus


def _files(package: str) -> dict[str, SourceFile]:
    root = _corpus() / package.replace("-", "_").replace("==", "-")
    paths = sorted(root.rglob("*.py"))
    names = [path.relative_to(root).as_posix() for path in paths]
    return {n: SourceFile(n, p.read_bytes()) for n, p in zip(names, paths, strict=True)}


@pytest.mark.parametrize("package", PACKAGES)
def test_rules_hold_on_code_from_elsewhere(package: str) -> None:
    files = _files(package)
    assert files
    project = Project(files)
    uses = symbol_uses(project)
    results = rewrite(project, kit_rules(), {})
    findings = [finding for result in results for finding in result.findings]
    broken = [f for f in findings if f.code in (GATE, RULE_FAILED, NOT_IDEMPOTENT)]
    assert broken == []
    changed = {path for result in results for path in result.changed}
    for path in changed:
        assert path.endswith(".py") or path == "requirements.txt"
        if path.endswith(".py"):
            ast.parse(project.files[path].data)
    fired = sum((result.fired for result in results), Counter[str]())
    print(
        f"\n{package}: {len(files)} files, {len(changed)} changed, {dict(sorted(fired.items()))}, "
        f"{totals(classified(uses))}"
    )
