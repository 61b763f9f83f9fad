"""The series rebuilds every tree byte for byte and depends on nothing but content."""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate.errors import MigrateError
from migrate.series import PATCH_NAME, Series, Step, build_series, unified_diff
from migrate.upstream.tree import EXECUTABLE, LINK, REGULAR, SourceFile

MESSAGE = "Import example\n\nurl: https://example.com/x.git\ncommit: " + "a" * 40 + "\n"

Tree = dict[str, SourceFile]


def tree(*files: tuple[str, bytes] | tuple[str, bytes, int]) -> Tree:
    return {file[0]: SourceFile(*file) for file in files}


def git(folder: Path, *args: str, **env: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C.UTF-8"}
    for who in ("AUTHOR", "COMMITTER"):
        clean |= {
            f"GIT_{who}_NAME": "migrate",
            f"GIT_{who}_EMAIL": "migrate@ascend.invalid",
            f"GIT_{who}_DATE": "1577836800 +0000",
        }
    done = subprocess.run(
        ["git", "-c", "core.autocrlf=false", *args],
        cwd=folder,
        env=clean | env,
        capture_output=True,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode(errors="replace")
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def write(folder: Path, files: Mapping[str, SourceFile]) -> None:
    for path, file in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
        target.chmod(file.mode & 0o777)


def read(folder: Path) -> Tree:
    found: Tree = {}
    for target in folder.rglob("*"):
        path = target.relative_to(folder).as_posix()
        if target.is_file() and path.split("/")[0] != ".git":
            mode = EXECUTABLE if target.stat().st_mode & stat.S_IXUSR else REGULAR
            found[path] = SourceFile(path, target.read_bytes(), mode)
    return found


def rebuild(folder: Path, base: Tree, series: Series, message: str = MESSAGE) -> Tree:
    """What a reviewer does: the import commit, then git am."""
    project = folder / "project"
    project.mkdir()
    git(project, "init", "-q")
    write(project, base)
    git(project, "add", "-A", "-f", ".")
    git(project, "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message)
    assert git(project, "rev-parse", "HEAD") == series.base_commit
    apply(project, folder / "patches", series)
    assert git(project, "rev-parse", "HEAD^{tree}") == series.tree
    return read(project)


def apply(project: Path, patches: Path, series: Series, *options: str) -> None:
    patches.mkdir()
    for name, data in series.patches:
        (patches / name).write_bytes(data)
    names = series.series_file.decode().splitlines()
    assert names == [name for name, _ in series.patches]
    if names:
        git(project, "am", "-q", "--keep-cr", *options, *(str(patches / name) for name in names))


BASE = tree(
    ("crlf.py", b"import os\r\nx = 1\r\ny = 2\r\n"),
    ("mixed.py", b"a\r\nb\nc\rd\r\n\r\n"),
    ("bom.py", b"\xef\xbb\xbfimport os\nx = 1\n"),
    ("no_newline.py", b"x = 1"),
    ("newline_goes.py", b"x = 1\n"),
    ("latin1.py", b"# -*- coding: latin-1 -*-\ns = '\xe9\xff'\n"),
    ("gbk.py", "# coding: gbk\ns = '训练'\n".encode("gbk")),
    ("tabs.py", b"if x:\n\ty = 1  \n\n\n"),
    ("run.sh", b"#!/bin/sh\necho\n", EXECUTABLE),
    ("becomes_exec.sh", b"#!/bin/sh\n"),
    ("both.sh", b"echo 1\n"),
    ("gone.py", b"gone\n"),
    ("gone_empty.py", b""),
    ("gone.bin", bytes(range(256))),
    ("empty.py", b""),
    ("grows.py", b""),
    ("image.png", b"\x89PNG\r\n\x1a\n\0\0\0" + bytes(range(256)) * 8),
    ("late_nul.txt", b"text\n" * 2000 + b"\0\0\r\n"),
    ("a b/c d.py", b"1\n"),
    ("-dash.py", b"1\n"),
    ("--help", b"1\n"),
    ("quo\"te'.py", b"1\n"),
    ("back\\slash.py", b"1\n"),
    ("数据/模型.py", b"1\n"),
    ("naïve.py", b"1\n"),
    ("traps.txt", b"one\n"),
    ("becomes_folder", b"1\n"),
    ("becomes_file/x.py", b"1\n"),
    ("long.txt", b"x" * 200_000 + b"\n"),
    (".gitattributes", b"*.py text eol=crlf -diff\n*.png diff\n* ident\n"),
    (".gitignore", b"*\n"),
)
TRAPS = (
    b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n"
    b"From: someone\nSubject: [PATCH] no\n\n---\n-- \n2.39.5\n--- a/x\n+++ b/x\n"
    b"@@ -1 +1 @@\ndiff --git a/x b/x\nIndex: x\n>From me\n-- >8 --\n GIT binary patch\n"
)


def change(files: Tree) -> Tree:
    """Every kind of change at once."""
    after = {
        path: SourceFile(path, file.data.replace(b"1", b"2").replace(b"text", b"Text"), file.mode)
        for path, file in files.items()
        if not path.startswith(("gone", "becomes_f"))
    }
    after[".gitattributes"] = BASE[".gitattributes"]
    after |= tree(
        ("no_newline.py", b"x = 2"),
        ("newline_goes.py", b"x = 2"),
        ("becomes_exec.sh", b"#!/bin/sh\n", EXECUTABLE),
        ("run.sh", b"#!/bin/sh\necho\n"),
        ("both.sh", b"echo 2\n", EXECUTABLE),
        ("grows.py", b"\r\n"),
        ("image.png", bytes(range(256)) * 9 + b"\xff\n\r"),
        ("new.bin", b"\0\r\n\0" * 50),
        ("new_empty.py", b""),
        ("new_empty_exec", b"", EXECUTABLE),
        ("new 文件.py", b"new\r\n"),
        ("traps.txt", TRAPS),
        ("traps2.txt", TRAPS.rstrip(b"\n")),
        ("becomes_folder/x.py", b"1\n"),
        ("becomes_file", b"1\n"),
        ("late_nul.txt", b"Text\n" * 2001 + b"\0\r\n"),
    )
    return after


STEPS = [
    Step("compat", "Make it run under TensorFlow 1.15.0", "Body.\n", change(BASE)),
    Step("nothing", "Never seen", "", change(BASE)),
    Step("traps-go", "Undo", TRAPS.decode(), {**change(BASE), "traps.txt": BASE["traps.txt"]}),
    Step("devices", "[x] Re: 设备 " + "long " * 30 + "end", "", BASE),
]


def without_attributes(files: Tree) -> Tree:
    return {path: file for path, file in files.items() if path != ".gitattributes"}


def test_am_rebuilds_every_kind_of_file(tmp_path: Path) -> None:
    # Attributes go: they would make the reviewer's own checkout convert the files.
    base = without_attributes(BASE)
    steps = [Step(s.name, s.subject, s.body, without_attributes(dict(s.files))) for s in STEPS]
    series = build_series(base, MESSAGE, steps[:-1])
    names = ["0001-compat.patch", "0002-traps-go.patch"]
    assert [name for name, _ in series.patches] == names
    assert all(PATCH_NAME.fullmatch(name) for name in names)
    assert rebuild(tmp_path, base, series) == steps[2].files


def test_am_goes_back_as_well(tmp_path: Path) -> None:
    base = without_attributes(BASE)
    steps = [Step(s.name, s.subject, s.body, without_attributes(dict(s.files))) for s in STEPS]
    series = build_series(base, MESSAGE, steps)
    assert len(series.patches) == 3
    assert rebuild(tmp_path, base, series) == base


def test_am_on_a_bigger_upstream(tmp_path: Path) -> None:
    base = without_attributes(BASE)
    after = without_attributes(change(BASE))
    series = build_series(base, MESSAGE, [Step("compat", "Change", "", after)])
    project = tmp_path / "models"
    project.mkdir()
    git(project, "init", "-q")
    others = tree(("README.md", b"# models\n"), ("research/other/x.py", b"1\n"))
    write(project, others)
    write(project / "research" / "slim", base)
    git(project, "add", "-A", "-f", ".")
    git(project, "commit", "-q", "-m", "Upstream")
    apply(project, tmp_path / "patches", series, "--directory=research/slim")
    assert read(project / "research" / "slim") == after
    assert git(project, "rev-parse", "HEAD:research/slim") == series.tree


def test_attributes_of_the_upstream_do_not_reach_the_patches() -> None:
    with_them = build_series(BASE, MESSAGE, STEPS)
    steps = [Step(s.name, s.subject, s.body, without_attributes(dict(s.files))) for s in STEPS]
    assert with_them.patches == build_series(without_attributes(BASE), MESSAGE, steps).patches


def test_a_patch_changes_only_with_its_own_content() -> None:
    files = tree(("a.py", b"1\n"), ("b.py", b"1\n"))
    first, second = files | tree(("a.py", b"2\n")), files | tree(("a.py", b"3\n"))
    results = [
        build_series(
            files,
            message,
            [Step("one", "One", "", a), Step("two", "Two", "", a | tree(("b.py", b"2\n")))],
        )
        for message, a in ((MESSAGE, first), ("Other", second))
    ]
    assert results[0].patches[0] != results[1].patches[0]
    assert results[0].patches[1] == results[1].patches[1]
    assert results[0].base_commit != results[1].base_commit
    assert results[0].digest != results[1].digest


def test_messages_arrive_whole(tmp_path: Path) -> None:
    base = tree(("a.py", b"1\n"))
    subject = "设备: stop naming a GPU, " + "which is a long story, " * 6 + "naïvely"
    body = TRAPS.decode() + "\nLast line, 中文."
    series = build_series(base, MESSAGE, [Step("x", subject, body, tree(("a.py", b"2\n")))])
    rebuild(tmp_path, base, series)
    project = tmp_path / "project"
    assert git(project, "log", "-1", "--format=%s") == subject
    got = git(project, "log", "-1", "--format=%b").splitlines()
    assert [line.strip() for line in got] == [line.strip() for line in body.splitlines()]


def test_nothing_to_do() -> None:
    series = build_series(BASE, MESSAGE, [Step("same", "Same", "", dict(BASE))])
    assert series.patches == ()
    assert series.series_file == b""
    assert len(series.base_commit) == len(series.tree) == 40


def test_empty_trees(tmp_path: Path) -> None:
    files = tree(("a.py", b"1\n"))
    series = build_series({}, MESSAGE, [Step("add", "Add", "", files), Step("rm", "Go", "", {})])
    assert len(series.patches) == 2
    assert rebuild(tmp_path, {}, series) == {}


HOSTILE_CONFIG = """\
[core]
    autocrlf = true
    quotepath = false
    attributesFile = ~/attributes
    compression = 9
    abbrev = 5
[diff]
    algorithm = histogram
    noprefix = true
    mnemonicPrefix = true
    context = 9
    renames = copies
    external = /bin/false
    indentHeuristic = false
    suppressBlankEmpty = true
    statGraphWidth = 3
    relative = true
    orderFile = /nonexistent
[format]
    signature = me
    numbered = true
    coverLetter = true
    attach = true
    thread = deep
    subjectPrefix = HELLO
    suffix = .txt
    useAutoBase = true
    notes = true
    from = Someone <some@one>
    headers = "X-Mine: 1\\n"
    pretty = fuller
[i18n]
    logOutputEncoding = GBK
    commitEncoding = latin-1
[commit]
    gpgSign = true
[init]
    defaultObjectFormat = sha256
    defaultBranch = other
[log]
    date = iso
    showSignature = true
[extensions]
    objectFormat = sha256
"""

PRINT_RESULT = """
import sys, pickle
from migrate.series import build_series, unified_diff
base, message, steps = pickle.load(open(sys.argv[1], "rb"))
series = build_series(base, message, steps)
sys.stdout.buffer.write(series.digest.encode() + unified_diff(base, steps[0].files))
"""


def test_same_bytes_in_any_environment(tmp_path: Path) -> None:
    data = tmp_path / "input"
    shuffled = dict(sorted(BASE.items(), reverse=True))
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".gitconfig").write_text(HOSTILE_CONFIG)
    for name in ("attributes", ".config/git/attributes"):
        (home / name).write_text("* binary ident\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    git(elsewhere, "init", "-q")
    hostile = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_SYSTEM": str(home / ".gitconfig"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "diff.noprefix",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_DIR": str(elsewhere / ".git"),
        "GIT_WORK_TREE": str(elsewhere),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(elsewhere / ".git" / "objects"),
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_AUTHOR_NAME": "Someone",
        "GIT_AUTHOR_DATE": "2001-01-01T00:00:00",
        "GIT_COMMITTER_DATE": "2001-01-01T00:00:00",
        "GIT_DIFF_OPTS": "--unified=7",
        "GIT_EXTERNAL_DIFF": "/bin/false",
        "GIT_TRACE": "1",
        "LC_ALL": "zh_CN.GB18030",
        "LANGUAGE": "zh_CN",
        "TZ": "Asia/Shanghai",
        "COLUMNS": "40",
        "PYTHONHASHSEED": "7",
        "PYTHONUTF8": "1",
    }
    outputs = set()
    for number, extra in enumerate(({"PYTHONHASHSEED": "0"}, hostile)):
        data.write_bytes(pickle.dumps((shuffled if number else BASE, MESSAGE, STEPS)))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | extra
        environment["PYTHONPATH"] = str(Path(__file__).parents[1])
        done = subprocess.run(
            [sys.executable, "-c", PRINT_RESULT, str(data)],
            env=environment,
            cwd=elsewhere,
            capture_output=True,
            check=True,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(next(iter(outputs))) > 1000


def test_the_bytes_are_these() -> None:
    """A change here changes every user's patches: say so in the changelog."""
    base = tree(("run.sh", b"echo 1\n"))
    series = build_series(
        base,
        "Import\n",
        [Step("x", "Do it", "Because.", tree(("run.sh", b"echo 2\n", EXECUTABLE)))],
    )
    assert series.patches[0][1].decode() == (
        "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n"
        "From: migrate <migrate@ascend.invalid>\n"
        "Date: Wed, 1 Jan 2020 00:00:00 +0000\n"
        "Subject: [PATCH] Do it\n"
        "\n"
        "Because.\n"
        "---\n"
        " run.sh | 2 +-\n"
        " 1 file changed, 1 insertion(+), 1 deletion(-)\n"
        " mode change 100644 => 100755 run.sh\n"
        "\n"
        "diff --git a/run.sh b/run.sh\n"
        "old mode 100644\n"
        "new mode 100755\n"
        "index c3e9e049287befed8405d9816ed6e1ec4e3a1641.."
        "3b5545e7ade7b2ce518c938132b759e0780589cf\n"
        "--- a/run.sh\n"
        "+++ b/run.sh\n"
        "@@ -1 +1 @@\n"
        "-echo 1\n"
        "+echo 2\n"
    )


def test_unified_diff_applies(tmp_path: Path) -> None:
    before, after = without_attributes(BASE), without_attributes(change(BASE))
    assert unified_diff(before, dict(before)) == b""
    (tmp_path / "patch").write_bytes(unified_diff(before, after))
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init", "-q")
    write(project, before)
    git(project, "apply", str(tmp_path / "patch"))
    assert read(project) == after


_NAMES = st.sampled_from(
    ["a.py", "b.py", "d", "d/a.py", "d/é b.py", "-x", 'q"', "数.py", " s", "t ", "x\\y", "a.bin"]
)
_LINES = st.sampled_from(
    [
        b"x = 1",
        b"y",
        b"",
        b"\r",
        b"\tz ",
        b"From me",
        b"---",
        b"-- ",
        b"diff --git a b",
        b"\xff\xfe",
    ]
)
_DATA = st.one_of(
    st.builds(
        lambda lines, end, last: end.join(lines) + last,
        st.lists(_LINES, max_size=8),
        st.sampled_from([b"\n", b"\r\n"]),
        st.sampled_from([b"", b"\n", b"\r\n", b"\r"]),
    ),
    st.binary(max_size=40),
)
_FILES = st.dictionaries(_NAMES, st.tuples(_DATA, st.sampled_from([REGULAR, EXECUTABLE])))


def _tree(files: dict[str, tuple[bytes, int]]) -> Tree:
    """Without the files that another file's path needs as a folder."""
    folders = {path.rsplit("/", 1)[0] for path in files if "/" in path}
    return {path: SourceFile(path, *file) for path, file in files.items() if path not in folders}


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_FILES, st.lists(_FILES, max_size=3))
def test_random_trees_come_back(
    base: dict[str, tuple[bytes, int]], later: list[dict[str, tuple[bytes, int]]]
) -> None:
    steps = [Step(f"s{n}", f"Step {n}", "", _tree(files)) for n, files in enumerate(later)]
    series = build_series(_tree(base), MESSAGE, steps)
    with tempfile.TemporaryDirectory() as folder:
        result = rebuild(Path(folder), _tree(base), series)
    assert result == (steps[-1].files if steps else _tree(base))


def test_cheap_and_nothing_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files = tree(*((f"d{n % 5}/f{n}.py", b"x = 1\n" * 300) for n in range(20)))
    steps = []
    for number in range(8):
        files = {p: SourceFile(p, f.data + b"%d\n" % number) for p, f in files.items()}
        steps.append(Step("s", "S", "", files))
    used = []
    for _ in range(3):
        before = os.times()
        build_series(BASE, MESSAGE, steps)
        used.append(sum(os.times()[:4]) - sum(before[:4]))
    assert min(used) < 0.2
    assert list(tmp_path.iterdir()) == []


def test_git_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MigrateError, match="git was not found"):
        build_series(BASE, MESSAGE, [])


def test_git_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\necho 'fatal: no space left' >&2\nexit 128\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    huge = tree(("big", b"x" * 1_000_000))
    with pytest.raises(MigrateError, match="git fast-import failed: fatal: no space left"):
        build_series(huge, MESSAGE, [])


def test_temporary_folder_is_unusable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(MigrateError, match=r"nowhere.*cannot build the patch series"):
        build_series(BASE, MESSAGE, [])


@pytest.mark.parametrize(
    ("name", "subject"), [("../x", "S"), ("", "S"), ("A b", "S"), ("x", ""), ("x", "a\nb")]
)
def test_steps_that_cannot_name_a_patch(name: str, subject: str) -> None:
    with pytest.raises(ValueError, match="step"):
        build_series(BASE, MESSAGE, [Step(name, subject, "", {})])


def test_odd_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="module: mode 160000"):
        build_series(tree(("module", b"x", 0o160000)), MESSAGE, [])


@pytest.mark.parametrize("target", [b"nowhere", b"../x", b"link", b"other"])
def test_links_to_no_file_are_refused(target: bytes) -> None:
    files = tree(("x", b"1"), ("link", target, LINK), ("other", b"x", LINK))
    with pytest.raises(ValueError, match="link: a link to no file"):
        build_series(files, MESSAGE, [])


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", "a//b", "./a", ".git/hooks/x", ""])
def test_paths_that_leave_the_project_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="not a path below"):
        build_series(BASE, MESSAGE, [Step("x", "S", "", tree((path, b"")))])


def test_file_and_folder_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="a: both a file and a folder"):
        build_series(tree(("a", b""), ("a/b", b"")), MESSAGE, [])
