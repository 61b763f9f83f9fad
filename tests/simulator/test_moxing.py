"""mox.file on a folder that stands for OBS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulator.processes import Run, simulate


def run(script: str, folder: Path, **settings: str) -> Run:
    (folder / "obs").mkdir(exist_ok=True)
    return simulate(
        "import os\nimport moxing as mox\nfrom moxing import file\n" + script,
        folder,
        NPU_SIMULATOR_OBS=settings.pop("NPU_SIMULATOR_OBS", str(folder / "obs")),
        **settings,
    )


def works(script: str, folder: Path) -> Run:
    done = run(script, folder)
    assert (done.code, done.error) == (0, "")
    return done


def test_a_job_of_modelarts(tmp_path: Path) -> None:
    data = tmp_path / "obs" / "bucket" / "data" / "deep"
    data.mkdir(parents=True)
    (data / "a.txt").write_text("12345")
    (data.parent / "b.txt").write_text("123")
    done = works(
        """
mox.file.copy_parallel(src_url="obs://bucket/data", dst_url="cache")
assert sorted(os.listdir("cache")) == ["b.txt", "deep"]
os.makedirs("out/empty")
open("out/model.ckpt", "w").write("weights")
mox.file.copy_parallel("out", "s3://bucket/train/run1/")
mox.file.copy("out/model.ckpt", "obs://other/deep/model")
assert mox.file.list_directory("obs://bucket/train", recursive=True) == [
    "run1", "run1/empty", "run1/model.ckpt"]
""",
        tmp_path,
    )
    assert (tmp_path / "obs" / "other" / "deep" / "model").read_text() == "weights"
    copies = [(one["source"], one["target"], one["bytes"]) for one in done.events("copy")]
    assert copies == [
        ("obs://bucket/data", "cache", 8),
        ("out", "s3://bucket/train/run1/", 7),
        ("out/model.ckpt", "obs://other/deep/model", 7),
    ]


def test_files(tmp_path: Path) -> None:
    works(
        """
url = "obs://bucket/new/x.txt"
assert not mox.file.exists(url) and not mox.file.is_directory("obs://bucket/new")
mox.file.write(url, "one\\n")
mox.file.append(url, "two\\n")
assert mox.file.read(url) == "one\\ntwo\\n" and mox.file.read(url, binary=True) == b"one\\ntwo\\n"
with mox.file.File("obs://bucket/bytes", "wb") as f:
    f.write(b"\\0\\1")
assert [line for line in mox.file.File(url)] == ["one\\n", "two\\n"]
assert mox.file.get_size(url) == 8
assert mox.file.get_size("obs://bucket", recursive=True) == 10
found = mox.file.stat(url)
assert (found.length, found.is_directory) == (8, False) and found.mtime_nsec > 0
assert mox.file.list_directory("obs://bucket") == ["bytes", "new"]
assert mox.file.glob("obs://bucket/*/*.txt") == [url]
assert mox.file.glob("s3://bucket/b*") == ["s3://bucket/bytes"]
assert list(mox.file.walk("obs://bucket"))[1] == ("obs://bucket/new", [], ["x.txt"])
mox.file.rename(url, "obs://bucket/y/z.txt")
assert not mox.file.exists(url) and mox.file.exists("obs://bucket/y/z.txt")
mox.file.make_dirs("obs://bucket/a/b")
mox.file.make_dirs("obs://bucket/a/b")
mox.file.mk_dir("obs://bucket/a/c")
assert mox.file.is_directory("obs://bucket/a/c")
assert sorted(entry.name for entry in mox.file.scan_dir("obs://bucket/a")) == ["b", "c"]
mox.file.remove("obs://bucket/bytes")
mox.file.remove("obs://bucket/a", recursive=True)
assert mox.file.list_directory("obs://bucket") == ["new", "y"]
mox.file.set_auth(ak="x", sk="y")
""",
        tmp_path,
    )


def test_local_files_need_no_obs(tmp_path: Path) -> None:
    script = """
mox.file.make_dirs("a/b")
mox.file.write("a/b/c", "x")
assert mox.file.exists("a/b/c") and mox.file.list_directory("a") == ["b"]
"""
    done = run(script, tmp_path, NPU_SIMULATOR_OBS="")
    assert (done.code, done.error) == (0, "")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("read('obs://b/none')", "FileNotFoundError: [Errno 2] No such file or directory: 'obs://"),
        ("copy('none', 'obs://b/x')", "FileNotFoundError: "),
        ("copy_parallel('obs://b/none', 'x')", "FileNotFoundError: "),
        ("copy_parallel('obs://b/f', 'x')", "NotADirectoryError: "),
        ("copy_parallel('obs://b', 'x', file_list=['f', 'no'])", "FileNotFoundError: "),
        ("copy('obs://b', 'x')", "copy it with copy_parallel"),
        ("list_directory('obs://b/none')", "FileNotFoundError: "),
        ("list_directory('obs://b/f')", "NotADirectoryError: "),
        ("remove('obs://b')", "remove it with recursive=True"),
        ("remove('obs://b/none')", "FileNotFoundError: "),
        ("rename('obs://b/none', 'x')", "FileNotFoundError: "),
        ("get_size('obs://b')", "ask with recursive=True"),
        ("get_size('obs://b/none')", "FileNotFoundError: "),
        ("stat('obs://b/none')", "FileNotFoundError: "),
        ("mk_dir('obs://b/x/y')", "FileNotFoundError: "),
        ("exists('obs://')", "ValueError: obs://: a URL needs a bucket"),
        ("read('obs://b/../../program.py')", "leads out of its bucket"),
        ("read('obs://../program.py')", "leads out of its bucket"),
        ("shift('mox', 'os')", "only shift('os', 'mox') is simulated"),
    ],
)
def test_errors(tmp_path: Path, call: str, error: str) -> None:
    done = run(f"file.write('obs://b/f', 'x')\nfile.{call}", tmp_path)
    assert done.code == 1
    assert error in done.error.splitlines()[-1]


def test_without_a_folder_for_obs(tmp_path: Path) -> None:
    done = run("file.exists('obs://b/f')", tmp_path, NPU_SIMULATOR_OBS="")
    assert "set NPU_SIMULATOR_OBS to one" in done.error


def test_shift(tmp_path: Path) -> None:
    works(
        """
mox.file.shift("os", "mox")
mox.file.shift("os", "mox")
os.makedirs("obs://b/c")
with open("obs://b/c/f", "w") as f:
    f.write("text")
assert open("obs://b/c/f").read() == "text"
assert os.path.exists("obs://b/c/f") and os.path.isdir("obs://b/c")
assert os.path.isfile("obs://b/c/f") and not os.path.isfile("obs://b/c")
assert os.listdir("obs://b") == ["c"] and os.path.getsize("obs://b/c/f") == 4
assert list(os.walk("obs://b"))[0] == ("obs://b", ["c"], [])
assert os.stat("obs://b/c/f").st_size == 4
os.rename("obs://b/c/f", "obs://b/g")
os.remove("obs://b/g")
os.makedirs("local/folder")
with open(file="local/f", mode="w") as f:
    f.write("x")
assert sorted(os.listdir("local")) == ["f", "folder"] and os.path.exists("local/f")
assert not os.path.exists("obs/local")
""",
        tmp_path,
    )
