"""The kit's rules over many layouts of the same programs: the layout must not matter."""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.analysis.source import Source, UnreadableSource
from migrate.codemods.gates import GateFailed, check_comments, check_python
from migrate.findings import Finding
from tests.codemods.mutations import encoded, mutated
from tests.codemods.support import Ported, port_files

ROOT = Path(__file__).parents[2]
PROJECTS = [
    *sorted((ROOT / "tests" / "fixtures" / "projects").iterdir()),
    ROOT / "examples" / "tiny_gan",
]


@cache
def project_files(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(project.rglob("*.py"))
        if not path.name.startswith("test_") and "bytes" not in path.parts
    }


def parses(text: str) -> bool:
    try:
        check_python(text)
    except GateFailed:
        return False
    return True


@cache
def programs() -> list[tuple[Path, str]]:
    """Every file of the fixtures that some rule may look at."""
    found = []
    for project in PROJECTS:
        for path, data in project_files(project).items() if project.is_dir() else ():
            try:
                text = Source(data).text
            except UnreadableSource:
                continue
            if parses(text) and "\r" not in text and b"tensorflow" in data:
                found.append((project, path))
    return found


def neighbours(project: Path, path: str) -> dict[str, bytes]:
    """The files that a port of this one looks at: its project, or itself in the largest."""
    files = project_files(project)
    if len(files) < 30:
        return dict(files)
    wanted = {path, "common.py", "narrow.py", "star_chain.py", "config_elsewhere.py"}
    folder = path.rpartition("/")[0]
    return {p: d for p, d in files.items() if p in wanted or (folder and p.startswith(folder))}


@cache
def plain_port(project: Path, path: str) -> Ported:
    return port_files(neighbours(project, path))


def broken(ported: Ported) -> list[Finding]:
    return [f for f in ported.findings if f.code in ("NPU900", "NPU901", "NPU903", "NPU904")]


def line_endings(text: str) -> set[str]:
    return set(re.findall(r"\r\n|\r|\n", text))


def meaning(text: str) -> str:
    """The program without any ``pass`` that only keeps a place, as beside a comment."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        for block in ("body", "orelse"):
            statements = getattr(node, block, None)
            if isinstance(statements, list):
                setattr(node, block, [s for s in statements if not isinstance(s, ast.Pass)])
    return ast.dump(tree)


def findings(ported: Ported) -> Counter[tuple[str, str, str]]:
    return Counter((f.code, f.path, f.severity) for f in ported.findings)


@settings(max_examples=max(1, settings.default.max_examples * 2 // 3))
@given(st.integers(0, 10**6), st.booleans())
def test_the_layout_of_a_program_does_not_matter(seed: int, comments_within: bool) -> None:
    chance = random.Random(seed)
    project, path = chance.choice(programs())
    files = neighbours(project, path)
    text = mutated(Source(files[path]).text, chance, comments_within=comments_within)
    data = encoded(text, chance)
    ported = port_files({**files, path: data})
    before, after = Source(data), Source(ported.files[path])

    # A gate keeps a file whose comment lies within what a rule replaces: reported, and whole.
    spared = comments_within and ported.files[path] == data
    assert [f for f in broken(ported) if not (spared and "comment" in f.message)] == []
    if parses(before.text):
        ast.parse(after.text, feature_version=(3, 7))
    check_comments(before.text, after.text)
    if not comments_within:  # a rule may spare what it could only rewrite without a comment
        plain = plain_port(project, path)
        assert meaning(after.text) == meaning(Source(plain.files[path]).text), f"another {path}"
        assert set(ported.fired) == set(plain.fired)
        assert findings(ported) == findings(plain)
    assert (after.bom, after.encoding) == (before.bom, before.encoding)
    assert line_endings(after.text) <= line_endings(before.text) | {before.newline}
    again = port_files(ported.files)
    assert again.files == ported.files, "a second port changes the result"
    assert again.fired == Counter()


@given(st.integers(0, 10**6), st.integers(0, 3))
def test_files_cut_off_anywhere_are_left_or_ported(seed: int, kind: int) -> None:
    chance = random.Random(seed)
    project, path = chance.choice(programs())
    data = project_files(project)[path]
    place = chance.randrange(len(data) + 1)
    data = [
        data[:place],
        data[place:],
        data[:place] + bytes([chance.randrange(256)]) + data[place:],
        data[:place] + data[place + 1 :],
    ][kind]
    ported = port_files({path: data})
    assert broken(ported) == [], data
    if not ported.fired:
        assert ported.files == {path: data}
    again = port_files(ported.files)
    assert again.files == ported.files
