import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from npu_runtime import npu_make_folder, npu_rank_0, npu_rank_file, rank_files, ranks


@pytest.fixture(autouse=True)
def own_scratch(monkeypatch, tmp_path):
    monkeypatch.setattr(rank_files, "_scratch", lambda: str(tmp_path / "scratch"))
    monkeypatch.chdir(tmp_path)


def be(monkeypatch, rank, size):
    monkeypatch.setattr(ranks, "rank", lambda: rank)
    monkeypatch.setattr(ranks, "size", lambda: size)


@pytest.mark.parametrize("size", [1, 2])
def test_rank_0_writes_where_upstream_does(size, monkeypatch):
    be(monkeypatch, 0, size)
    for path in ("samples/a.png", b"a", pathlib.Path("a"), "", None, 3):
        assert npu_rank_file(path) is path
    assert npu_rank_0(os.remove) is os.remove


def test_one_rank_makes_folders_as_upstream_does(monkeypatch):
    be(monkeypatch, 0, 1)
    assert npu_make_folder(os.makedirs) is os.makedirs


def test_other_ranks_write_elsewhere_under_the_same_name(monkeypatch, tmp_path):
    be(monkeypatch, 1, 2)
    place = npu_rank_file("samples/a.png")
    with open(place, "w") as file:
        file.write("x")
    assert os.path.basename(place) == "a.png"
    assert not os.path.exists("samples")
    assert npu_rank_file("./samples/../samples/a.png") == place
    assert npu_rank_file(str(tmp_path / "samples" / "a.png")) == place
    assert npu_rank_file("tests/a.png") != place


def test_the_kind_of_path_stays(monkeypatch):
    be(monkeypatch, 1, 2)
    assert isinstance(npu_rank_file(b"a"), bytes)
    assert isinstance(npu_rank_file(pathlib.Path("a")), pathlib.Path)
    assert isinstance(npu_rank_file("gs://bucket/a"), str)


def test_what_is_no_path_stays(monkeypatch):
    be(monkeypatch, 1, 2)
    for given in (sys.stdout, 3, None, ""):
        assert npu_rank_file(given) is given


def test_other_ranks_remove_nothing(monkeypatch):
    be(monkeypatch, 1, 2)
    os.mkdir("logs")
    assert npu_rank_0(shutil.rmtree)("logs", ignore_errors=True) is None
    assert npu_rank_0(os.remove)("nothing") is None
    assert os.path.isdir("logs")


@pytest.mark.parametrize("rank", [0, 1])
def test_any_rank_may_make_a_folder_first(rank, monkeypatch):
    be(monkeypatch, rank, 2)
    for _ in range(2):
        npu_make_folder(os.makedirs)("a/b", 0o700)
        npu_make_folder(pathlib.Path("c").mkdir)()
    assert os.path.isdir("a/b") and os.path.isdir("c")
    with pytest.raises(FileNotFoundError):
        npu_make_folder(os.mkdir)("no/such")


def test_a_folder_of_tensorflows_gfile(monkeypatch):
    import tensorflow.compat.v1 as tf

    be(monkeypatch, 1, 2)
    tf.gfile.MakeDirs("there")
    npu_make_folder(tf.gfile.MkDir)("there")


def test_nothing_is_left_when_the_process_ends(tmp_path):
    script = tmp_path / "write.py"
    script.write_text(
        "import sys; sys.path[:0] = %r\n"
        "from npu_runtime import ranks, npu_rank_file\n"
        "ranks.rank = lambda: 1\n"
        "path = npu_rank_file('a/b.txt')\n"
        "open(path, 'w').write('x')\n"
        "print(path)\n" % [path for path in sys.path if path]
    )
    done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, check=True)
    path = done.stdout.decode().strip()
    assert path.endswith("b.txt")
    assert "npu_rank_1_" in path
    folder = path[: path.index(os.sep, path.index("npu_rank_1_"))]
    assert not os.path.exists(folder)
