"""The corpus is fetched safely; what is in it does not matter here."""

from __future__ import annotations

import importlib.util
import re
import stat
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _load():
    path = ROOT / "scripts" / "fetch_ecosystem.py"
    spec = importlib.util.spec_from_file_location("fetch_ecosystem", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fetch = _load()


def _wheel(folder: Path, *members: str | zipfile.ZipInfo, data: bytes = b"x = 1\n") -> Path:
    path = folder / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.writestr(member, data)
    return path


def test_only_code_is_unpacked(tmp_path):
    wheel = _wheel(tmp_path, "thing/__init__.py", "thing/a/b.py", "thing/data.bin", "thing/x.pyc")
    fetch.unpack(wheel, tmp_path / "out")
    files = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert [str(path.relative_to(tmp_path / "out")) for path in files] == [
        "thing/__init__.py",
        "thing/a/b.py",
    ]
    assert fetch.count(tmp_path / "out") == (2, 2)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "thing/../../evil.py",
        "/tmp/evil.py",
        "thing//evil.py",
        "./evil.py",
        "thing\\..\\..\\evil.py",
        "C:evil.py",
        "thing/\n.py",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path, name):
    wheel = _wheel(tmp_path, "thing/good.py", zipfile.ZipInfo(name))
    with pytest.raises(fetch.UnsafeArchive):
        fetch.unpack(wheel, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_symlink_is_refused(tmp_path):
    link = zipfile.ZipInfo("thing/link.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    wheel = _wheel(tmp_path, link, data=b"/etc/passwd")
    with pytest.raises(fetch.UnsafeArchive):
        fetch.unpack(wheel, tmp_path / "out")


def test_code_of_an_absurd_size_is_refused(tmp_path, monkeypatch):
    wheel = _wheel(tmp_path, "a.py", "b.py", data=bytes(600))
    monkeypatch.setattr(fetch, "MAX_PACKAGE", 1000)
    with pytest.raises(fetch.UnsafeArchive):
        fetch.unpack(wheel, tmp_path / "out")
    monkeypatch.setattr(fetch, "MAX_FILE", 500)
    with pytest.raises(fetch.UnsafeArchive):
        fetch.unpack(wheel, tmp_path / "out")


def test_the_corpus_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def download(folder: Path) -> None:
        folder.mkdir()
        _wheel(folder, "../evil.py")

    monkeypatch.setattr(fetch, "download", download)
    with pytest.raises(fetch.UnsafeArchive):
        fetch.corpus()
    assert list((tmp_path / "migrate" / "ecosystem").iterdir()) == []

    monkeypatch.setattr(fetch, "download", lambda folder: (folder.mkdir(), _wheel(folder, "a.py")))
    folder = fetch.corpus()
    assert (folder / "thing-1.0" / "a.py").read_bytes() == b"x = 1\n"
    monkeypatch.delattr(fetch, "download")  # not called again
    assert fetch.corpus() == folder
    assert list(folder.parent.iterdir()) == [folder]


def test_every_package_is_pinned_with_a_hash():
    lines = fetch.PACKAGES.read_text().splitlines()
    for line in filter(lambda line: not line.startswith("#"), lines):
        assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+ --hash=sha256:[0-9a-f]{64}", line)
