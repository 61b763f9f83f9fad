"""A pattern leaves out what git would ignore by it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.errors import UsageError
from migrate.upstream.leave_out import matcher

PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b", "ab", "a.b", ".b"]), min_size=1, max_size=4).map("/".join),
    min_size=1,
    max_size=6,
)
PATTERNS = st.lists(
    st.lists(
        st.sampled_from(["a", "b", "ab", "*", "**", "?", "[ab]", ".", "*.b", "/"]),
        min_size=1,
        max_size=5,
    ).map("".join),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("figure/**", "figure/a.png", True),
        ("figure/**", "figure/deep/a.png", True),
        ("figure/**", "figure.py", False),
        ("figure/**", "lib/figure/a.png", False),
        (".DS_Store", ".DS_Store", True),
        (".DS_Store", "a/b/.DS_Store", True),
        (".DS_Store", "a/x.DS_Store", False),
        ("*.gif", "a/b.gif", True),
        ("*.gif", "a/b.GIF", False),
        ("/data", "data/x", True),
        ("/data", "lib/data/x", False),
        ("data/", "data", False),
        ("lib/*.txt", "lib/deep/a.txt", False),
    ],
)
def test_patterns_mean_what_they_mean_to_git(pattern: str, path: str, expected: bool) -> None:
    assert matcher([pattern])(path) is expected


@pytest.fixture(scope="module")
def ignored_by_git(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., set[str]]:
    folder = tmp_path_factory.mktemp("ignored")
    subprocess.run(["git", "init", "-q", folder], check=True)

    def ask(patterns: list[str], paths: list[str]) -> set[str]:
        (folder / ".gitignore").write_text("".join(f"{pattern}\n" for pattern in patterns))
        run = subprocess.run(
            ["git", "check-ignore", "--no-index", "--stdin"],
            input="\n".join(paths),
            capture_output=True,
            text=True,
            cwd=folder,
        )
        return set(run.stdout.splitlines())

    return ask


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(patterns=PATTERNS, paths=PATHS)
def test_git_agrees(
    ignored_by_git: Callable[..., set[str]], patterns: list[str], paths: list[str]
) -> None:
    left_out = matcher(patterns)
    found = {path for path in paths if left_out(path)}
    assert found == ignored_by_git(patterns, paths)


@given(patterns=PATTERNS, paths=PATHS)
def test_all_below_a_folder_that_is_left_out_is_left_out(
    patterns: list[str], paths: list[str]
) -> None:
    left_out = matcher(patterns)
    for path in paths:
        folder = Path(path).parent
        if str(folder) != "." and left_out(f"{folder}/"):
            assert left_out(path)


@pytest.mark.parametrize("pattern", ["", "  ", "!a", "# a"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="is not a pattern"):
        matcher(["a", pattern])
