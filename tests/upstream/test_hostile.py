"""Trees that nobody should write, and some did."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from migrate.errors import MigrateError
from migrate.findings import Finding
from migrate.upstream.load import Loaded, load
from migrate.upstream.pin import Pin
from migrate.upstream.read import Limits
from tests.upstream.conftest import FILE, FOLDER, LINK, SUBMODULE, Tree, Upstream

Load = Callable[..., Loaded]


@pytest.fixture
def load_tree(upstream: Upstream, pinned: Callable[..., Pin], mirror: Path, cache: Path) -> Load:
    def call(entries: Tree, **options: object) -> Loaded:
        good = (FILE, "good.py", upstream.blob(b"good\n"))
        pin = pinned(upstream.tree([*entries, good]))
        return load(pin, mirror=str(mirror), cache=cache, **options)  # type: ignore[arg-type]

    return call


def only_finding(loaded: Loaded) -> Finding:
    (finding,) = loaded.source.findings
    return finding


HOSTILE = {
    "..": "is not a file name",
    ".": "is not a file name",
    ".git": "git's own folder",
    ".GIT": "git's own folder",
    ".git. .": "git's own folder",
    ".git::$INDEX_ALLOCATION": "git's own folder",
    "GIT~1": "git's own folder",
    ".g\u200cit": "control or invisible",
    "a\\..\\b": "slash",
    "/etc/passwd": "slash",
    "../up": "slash",
    "C:evil": "drive letter",
    "new\nline": "control or invisible",
    "\x1b[31mred": "control or invisible",
    "gpj.\u202eexe": "control or invisible",
    "a" * 256: "longer than 255 bytes",
    "\u20ac" * 86: "longer than 255 bytes",
}


@pytest.mark.parametrize("kind", [FILE, FOLDER, LINK, SUBMODULE])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_and_told(
    upstream: Upstream, load_tree: Load, name: str, kind: str
) -> None:
    blob = upstream.blob(b"x")
    oid = upstream.files({"x.py": b"x"}) if kind == FOLDER else blob
    loaded = load_tree([(kind, name, oid)])
    assert list(loaded.source.files) == ["good.py"]
    finding = only_finding(loaded)
    assert (finding.code, finding.severity) == ("NPU911", "error")
    assert HOSTILE[name] in finding.message
    assert finding.path.isprintable()


def test_a_name_that_is_not_utf8_is_refused(upstream: Upstream, load_tree: Load) -> None:
    loaded = load_tree([(FILE, "\u8bad\u7ec3.txt".encode("gbk"), upstream.blob(b"x"))])
    assert "is not UTF-8" in only_finding(loaded).message
    assert only_finding(loaded).path.isprintable()


def test_a_hostile_name_that_is_left_out_is_not_told(upstream: Upstream, load_tree: Load) -> None:
    inside = upstream.tree([(FILE, b"\xff.txt", upstream.blob(b"x"))])
    entries = [(FOLDER, "data", inside), (FILE, "C:x", upstream.blob(b"x"))]
    loaded = load_tree(entries, leave_out=["data/*.txt", "C:*"])
    assert loaded.source.findings == ()


@pytest.mark.parametrize(
    "name",
    [
        "\u8bad\u7ec3.py",
        "caf\u00e9.txt",
        ".gitignore",
        ".gitmodules",
        "git",
        "a b",
        "ab:c",
        "...",
        "~",
    ],
)
def test_an_unusual_name_is_no_hostile_one(upstream: Upstream, load_tree: Load, name: str) -> None:
    loaded = load_tree([(FILE, name, upstream.blob(b"x"))])
    assert name in loaded.source.files
    assert loaded.source.findings == ()


def test_a_name_that_is_twice_in_a_folder_is_taken_once(
    upstream: Upstream, load_tree: Load
) -> None:
    folder = upstream.files({"b.py": b"x"})
    loaded = load_tree([(FILE, "a", upstream.blob(b"1")), (FOLDER, "a", folder)])
    assert loaded.source.files["a"].data == b"1"
    assert "a/b.py" not in loaded.source.files
    assert "twice" in only_finding(loaded).message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Model.py", "model.py"),
        ("caf\u00e9.py", "cafe\u0301.py"),
        ("STRASSE.py", "stra\u00dfe.py"),
    ],
)
def test_names_that_differ_by_case_or_accents_clash(
    upstream: Upstream, load_tree: Load, first: str, second: str
) -> None:
    first, second = sorted((first, second))
    loaded = load_tree([(FILE, name, upstream.blob(b"x")) for name in (first, second)])
    assert sorted(loaded.source.files) == sorted([first, "good.py"])
    finding = only_finding(loaded)
    assert (finding.path, finding.code, finding.severity) == (second, "NPU912", "error")
    assert first in finding.message
    assert (
        load_tree(
            [(FILE, name, upstream.blob(b"x")) for name in (first, second)], leave_out=[first]
        ).source.findings
        == ()
    )


def test_folders_clash_with_folders_and_files(upstream: Upstream, load_tree: Load) -> None:
    folder = upstream.files({"x.py": b"x"})
    other = upstream.files({"y.py": b"y"})
    loaded = load_tree(
        [(FOLDER, "Lib", folder), (FOLDER, "lib", other), (FILE, "LIB", upstream.blob(b"x"))]
    )
    assert sorted(loaded.source.files) == ["LIB", "good.py"]
    assert {finding.path for finding in loaded.source.findings} == {"Lib/x.py", "lib/y.py"}


@pytest.mark.parametrize(
    ("place", "target", "severity"),
    [
        ("data", "/mnt/data", "warning"),
        ("data", "../../outside", "warning"),
        ("README", "docs/README.md", "warning"),
        ("model.py", "/somewhere/model.py", "error"),
        ("net", "lib", "error"),
        ("net", "./lib/../good.py", "error"),
        ("net.py", "lib/../good.py", "error"),
        ("net.py", "lib", "error"),
        ("net.py", "missing.py", "error"),
        ("net.py", "net.py", "error"),
        ("net.py", "../project/good.py", "error"),
        ("net", ".", "error"),
    ],
)
def test_a_link_is_skipped_and_one_to_code_fails(
    upstream: Upstream, load_tree: Load, place: str, target: str, severity: str
) -> None:
    lib = upstream.files({"ops.py": b"x\n"})
    loaded = load_tree([(FOLDER, "lib", lib), (LINK, place, upstream.blob(target.encode()))])
    assert sorted(loaded.source.files) == ["good.py", "lib/ops.py"]
    finding = only_finding(loaded)
    assert (finding.path, finding.code, finding.severity) == (place, "NPU910", severity)
    assert target in finding.message


def test_a_link_between_python_files_is_kept(upstream: Upstream, load_tree: Load) -> None:
    lib = upstream.tree(
        [
            (FILE, "ops.py", upstream.blob(b"x\n")),
            (LINK, "up.py", upstream.blob(b"../good.py")),
            (LINK, "again.py", upstream.blob(b"up.py")),
        ]
    )
    link = (LINK, "net.py", upstream.blob(b"./lib/ops.py"))
    source = load_tree([(FOLDER, "lib", lib), link]).source
    assert list(source.files) == ["good.py", "lib/ops.py", "lib/up.py", "net.py"]
    assert source.files["net.py"] == ("net.py", b"./lib/ops.py", 0o120000)
    assert source.files["net.py"].target == "lib/ops.py"
    assert source.files["lib/up.py"].target == "good.py"
    assert [(f.path, f.severity) for f in source.findings] == [("lib/again.py", "error")]


def test_a_link_goes_with_its_target(upstream: Upstream, load_tree: Load) -> None:
    link = (LINK, "net.py", upstream.blob(b"ops.py"))
    entries = [(FILE, "ops.py", upstream.blob(b"x\n")), link]
    assert only_finding(load_tree(entries, leave_out=["ops.py"])).severity == "error"
    assert load_tree(entries, leave_out=["ops.py", "net.py"]).source.findings == ()
    clash = (FILE, "NET.py", upstream.blob(b"x\n"))
    assert only_finding(load_tree([*entries, clash])).code == "NPU912"


def test_a_link_gives_way_to_the_file_it_leads_to(upstream: Upstream, load_tree: Load) -> None:
    link = (LINK, "Ops.py", upstream.blob(b"ops.py"))
    loaded = load_tree([link, (FILE, "ops.py", upstream.blob(b"x\n"))])
    finding = only_finding(loaded)
    assert (finding.path, finding.code) == ("Ops.py", "NPU912")
    assert list(loaded.source.files) == ["good.py", "ops.py"]


def test_a_folder_of_links_gives_way_to_one_of_files(upstream: Upstream, load_tree: Load) -> None:
    links = upstream.tree([(LINK, "ops.py", upstream.blob(b"../lib/ops.py"))])
    blob = upstream.blob(b"x\n")
    lib = upstream.tree([(FILE, "nets.py", blob), (FILE, "ops.py", blob)])
    loaded = load_tree([(FOLDER, "Lib", links), (FOLDER, "lib", lib)])
    finding = only_finding(loaded)
    assert (finding.path, finding.code) == ("Lib/ops.py", "NPU912")
    assert list(loaded.source.files) == ["good.py", "lib/nets.py", "lib/ops.py"]


def test_a_link_whose_target_is_missing_or_long_is_skipped(
    upstream: Upstream, load_tree: Load
) -> None:
    loaded = load_tree([(LINK, "a", "0" * 39 + "1"), (LINK, "b", upstream.blob(b"x" * 2000))])
    assert [finding.path for finding in loaded.source.findings] == ["a", "b"]


def test_a_submodule_is_skipped(load_tree: Load) -> None:
    commit = "12" * 20
    finding = only_finding(load_tree([(SUBMODULE, "third_party", commit)]))
    assert (finding.path, finding.code, finding.severity) == ("third_party", "NPU910", "warning")
    assert commit in finding.message
    assert load_tree([(SUBMODULE, "sub", commit)], leave_out=["sub/"]).source.findings == ()


def test_an_lfs_pointer_is_copied_and_told(upstream: Upstream, load_tree: Load) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    loaded = load_tree([(FILE, "weights.h5", upstream.blob(pointer))])
    assert loaded.source.files["weights.h5"].data == pointer
    finding = only_finding(loaded)
    assert (finding.path, finding.code, finding.severity) == ("weights.h5", "NPU913", "warning")


def test_a_malformed_tree_is_an_error(
    upstream: Upstream, pinned: Callable[..., Pin], mirror: Path, cache: Path
) -> None:
    for data in (b"100644 a", b"100644 a\0short", b"banana", b"999 a\0" + b"x" * 20):
        pin = pinned(upstream.object("tree", data))
        with pytest.raises(MigrateError, match="malformed"):
            load(pin, mirror=str(mirror), cache=cache)


class TestLimits:
    def test_too_many_files(self, upstream: Upstream, load_tree: Load) -> None:
        many = upstream.files({f"{n}.txt": b"x" for n in range(10)})
        with pytest.raises(MigrateError, match="11 files; the limit is 10") as caught:
            load_tree([(FOLDER, "data", many)], limits=Limits(files=10))
        assert "data/ (10)" in str(caught.value)
        load_tree([(FOLDER, "data", many)], limits=Limits(files=10), leave_out=["data/0.txt"])

    def test_too_large_a_file(self, upstream: Upstream, load_tree: Load) -> None:
        big = [(FILE, "big.bin", upstream.blob(b"x" * 101))]
        with pytest.raises(MigrateError, match=r"big\.bin: .*101 bytes; the limit is 100"):
            load_tree(big, limits=Limits(file_bytes=100))
        load_tree(big, limits=Limits(file_bytes=100), leave_out=["*.bin"])

    def test_too_much_in_all(self, upstream: Upstream, load_tree: Load) -> None:
        blob = upstream.blob(b"x" * 60)
        same = [(FILE, "a", blob), (FILE, "b", blob)]
        with pytest.raises(MigrateError, match=r"125 bytes; the limit is 100"):
            load_tree(same, limits=Limits(total_bytes=100))

    def test_a_tree_bomb(self, upstream: Upstream, load_tree: Load) -> None:
        oid = upstream.files({"f": b"x"})
        for _ in range(10):
            oid = upstream.tree([(FOLDER, f"d{n}", oid) for n in range(10)])
        with pytest.raises(MigrateError, match="more than 1,000 files and folders"):
            load_tree([(FOLDER, "bomb", oid)], limits=Limits(entries=1_000))

    def test_a_very_deep_tree(self, upstream: Upstream, load_tree: Load) -> None:
        oid = upstream.files({"f.py": b"x"})
        for _ in range(600):
            oid = upstream.tree([(FOLDER, "d", oid)])
        loaded = load_tree([(FOLDER, "deep", oid)])
        assert "longer than 1024 bytes" in only_finding(loaded).message
