"""The commit messages of the patch series: what each patch does, why, and what it comes from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import migrate
from migrate.codemods.results import GroupResult
from migrate.codemods.rule import Rule
from migrate.manifest import Upstream
from migrate.upstream.names import printable

_WIDTH = 72


def import_message(upstream: Upstream) -> str:
    """That of the commit with the upstream files that the port takes."""
    facts = {
        "Url": upstream.url,
        "Commit": upstream.commit,
        "Tree": upstream.tree,
        "Path": upstream.path,
    }
    lines = [f"{key}: {value}" for key, value in facts.items() if value]
    return "\n".join([f"Import {upstream.name}", "", *lines]) + "\n"


def group_body(result: GroupResult, rules: Sequence[Rule], upstream: Upstream, cann: str) -> str:
    """For a group's patch: each rule that fired, its changes and files, what it does and why.

    Args:
        rules: all rules that may have fired.
        cann: the CANN release ported for.
    """
    fired = result.fired
    parts = [_about(rule, result, fired[rule.code]) for rule in rules if fired[rule.code]]
    return "\n\n".join([*parts, _origin(upstream, cann)])


def scripts_body(upstream: Upstream, cann: str) -> str:
    """For the patch that adds what is rendered."""
    text = """\
How the port is started by a person (run.sh), by ModelArts (npu_boot.py), by
ModelZoo's harness (test/) and in a container (Dockerfile), and how its
profiles are exported (run_msprof.sh)."""
    return f"{text}\n\n{_origin(upstream, cann)}"


def readme_body(upstream: Upstream, cann: str) -> str:
    """For the patch that adds the READMEs."""
    text = """\
What the port is, what it was made from, what was changed and why, and how it
is trained, in Chinese and English. Upstream's README keeps its text and gets
another name."""
    return f"{text}\n\n{_origin(upstream, cann)}"


def provenance_body(upstream: Upstream, cann: str) -> str:
    """For the patch that adds NOTICE."""
    text = "Says where the files come from, which were changed and which left out."
    return f"{text}\n\n{_origin(upstream, cann)}"


def _origin(upstream: Upstream, cann: str) -> str:
    lines = [f"Upstream-Commit: {upstream.commit}"] if upstream.commit else []
    return "\n".join([*lines, f"Made-By: migrate {migrate.__version__} for CANN {cann}"])


def _about(rule: Rule, result: GroupResult, count: int) -> str:
    paths = sorted(path for path, codes in result.fired_in.items() if rule.code in codes)
    changes = f"{count} change{'s' * (count != 1)}"
    head = f"{rule.code}: {changes} in {', '.join(map(printable, paths))}"
    said = [rule.summary, *([f"Why: {rule.why}"] if rule.why else [])]
    return "\n".join(
        [*_wrapped(head, ""), *(line for text in said for line in _wrapped(text, "  "))]
    )


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent or "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
