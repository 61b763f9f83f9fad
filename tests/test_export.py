"""A port as an archive for ModelZoo."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import tarfile
from pathlib import Path
from urllib.parse import unquote

import pytest

from migrate import cli
from migrate.manifest import MANIFEST_NAME
from migrate.publish.state import PortKind, inspect
from migrate.readmes import READMES
from tests.test_port_readmes import commands, links

ROOT = Path(__file__).parents[1]
FOLDER = "TinyGAN_for_TensorFlow"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a port of the bundled example; it is the current folder."""
    root = tmp_path / "workspace"
    root.mkdir()
    for part in ("templates", "examples"):
        shutil.copytree(ROOT / part, root / part)
    (root / "patches" / "tiny_gan").mkdir(parents=True)
    shutil.copy(ROOT / "patches" / "tiny_gan" / "recipe.toml", root / "patches" / "tiny_gan")
    (root / "upstream.lock").write_text("")
    monkeypatch.chdir(root)
    assert cli.main(["demo"]) == 0
    return root


def members(archive: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(archive) as opened:
        return {member.name: member for member in opened.getmembers()}


def test_a_port_becomes_an_archive_for_modelzoo(workspace: Path) -> None:
    assert cli.main(["export", "tiny_gan"]) == 0
    found = members(workspace / f"{FOLDER}.tar")
    port = workspace / "ported" / "tiny_gan"
    files = [p.relative_to(port).as_posix() for p in port.rglob("*") if p.is_file()]
    series = workspace / "patches" / "tiny_gan"
    patches = [path.name for path in series.glob("*.patch")]
    added = [f"migrate-patches/{name}" for name in (*patches, "series")]
    assert len(patches) > 5
    assert sorted(found) == sorted(f"{FOLDER}/{path}" for path in [*files, *added])
    assert found[f"{FOLDER}/test/train_full_1p.sh"].mode == 0o755
    assert found[f"{FOLDER}/{MANIFEST_NAME}"].mode == 0o644
    assert {(m.mtime, m.uid, m.gid, m.uname) for m in found.values()} == {(0, 0, 0, "")}
    with tarfile.open(f"{FOLDER}.tar") as opened:
        for path in {*files} - {*READMES, MANIFEST_NAME}:
            content = opened.extractfile(f"{FOLDER}/{path}")
            assert content is not None and content.read() == (port / path).read_bytes()
        for name in patches:
            content = opened.extractfile(f"{FOLDER}/migrate-patches/{name}")
            assert content is not None and content.read() == (series / name).read_bytes()


@pytest.mark.parametrize("taken", ["", "migrate-patches/0001-compat.patch"])
def test_links_of_the_readmes_resolve_in_the_workspace_and_in_the_archive(
    taken: str, workspace: Path
) -> None:
    if taken:  # a port was ported
        place = workspace / "examples" / "tiny_gan" / taken
        place.parent.mkdir()
        place.write_text("a patch\n")
        assert cli.main(["demo"]) == 0
    port = workspace / "ported" / "tiny_gan"
    assert cli.main(["export", "tiny_gan", "--to", "a.tar"]) == 0
    with tarfile.open("a.tar") as opened:
        opened.extractall(workspace / "elsewhere")
    archived = workspace / "elsewhere" / FOLDER
    for folder in (port, archived):
        for name in READMES:
            found = [unquote(link) for link in links((folder / name).read_text("utf-8"))]
            local = [link for link in found if not link.startswith(("#", "https://"))]
            assert sum(link.endswith(".patch") for link in local) > 5
            assert [link for link in local if not (folder / link).is_file()] == []
            assert folder is port or not [link for link in local if ".." in link]
    assert inspect(archived).kind is PortKind.CLEAN
    if taken:
        assert (archived / taken).read_text() == "a patch\n"


def test_the_readmes_command_for_a_patch_works(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in READMES:
        text = (workspace / "ported" / "tiny_gan" / name).read_text("utf-8")
        (line,) = [line for line in commands(text) if line.startswith("migrate ")]
        capsys.readouterr()
        assert cli.main(shlex.split(line)[1:]) == 0
        assert "\ndiff --git " in capsys.readouterr().out


def test_an_archive_does_not_carry_the_patches_of_another_port(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "patches" / "tiny_gan" / "0001-compat.patch").unlink()
    assert cli.main(["export", "tiny_gan"]) == 1
    assert "these are not the port's patches" in capsys.readouterr().err


def test_the_same_port_gives_the_same_bytes(workspace: Path) -> None:
    assert cli.main(["export", "tiny_gan", "--to", "a.tar"]) == 0
    shutil.rmtree(workspace / "ported")
    assert cli.main(["demo"]) == 0
    assert cli.main(["export", "tiny_gan", "--to", "b.tar"]) == 0
    assert Path("a.tar").read_bytes() == Path("b.tar").read_bytes()


def test_edits_go_along_and_what_a_training_left_does_not(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = workspace / "ported" / "tiny_gan"
    (port / "train.py").write_text("# edited\n")
    (port / "evaluate.py").unlink()
    (port / "run").mkdir()
    (port / "run" / "model.ckpt").touch()
    capsys.readouterr()
    assert cli.main(["export", "tiny_gan", "--to", "a.tar", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["sha256"] == hashlib.sha256(Path("a.tar").read_bytes()).hexdigest()
    assert report["edited"] == ["train.py"] and report["left_out"] == ["run"]
    assert "evaluate.py" not in report["files"] and report["folder"] == FOLDER
    assert f"{FOLDER}/run/model.ckpt" not in members(Path("a.tar"))
    assert cli.main(["export", "tiny_gan", "--to", "a.tar"]) == 0
    said = capsys.readouterr().out
    assert "with your edits: train.py, evaluate.py" in said and "not part of the port: run" in said


def test_what_modelzoo_asks_for_and_is_missing_is_told(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "ported" / "tiny_gan" / "LICENSE").unlink()
    assert cli.main(["export", "tiny_gan"]) == 0
    assert "ModelZoo asks for LICENSE, and the port has none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nope"], 2, "no upstream is called 'nope'"),
        (["tiny_gan", "--to", "a.zip"], 2, "--to a.zip: the archive is a .tar"),
        (
            ["tiny_gan", "--to", "nope/a.tar"],
            1,
            "nope/a.tar: cannot write the archive: No such file",
        ),
    ],
)
def test_what_is_wrong_is_told(
    words: list[str], code: int, message: str, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["export", *words]) == code
    assert message in capsys.readouterr().err
    assert not list(workspace.glob("*.tar")) and not list(workspace.glob(".a*"))


def test_without_a_port_there_is_nothing_to_export(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(workspace / "ported")
    assert cli.main(["export", "tiny_gan"]) == 1
    assert "there is no port of ours" in capsys.readouterr().err


def test_a_port_with_errors_is_not_handed_in(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "examples" / "tiny_gan" / "bad.py").write_text(
        "import tensorflow as tf\ntf.Session(\n"
    )
    assert cli.main(["demo"]) == 1
    assert cli.main(["export", "tiny_gan"]) == 1
    assert "not fit to be handed in" in capsys.readouterr().err
