"""A Python file to which a symbolic link gives a second name, as the port has it."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from migrate import cli
from migrate.commands.verify import _files as port_files
from migrate.manifest import read_manifest
from migrate.verify.site import copy_port
from tests.codemods.support import dedent
from tests.test_series import git

ROOT = Path(__file__).parents[1]
FILES = {
    "shared/nets.py": """
    import tensorflow as tf

    def session():
        return tf.Session()
    """,
    "gan/train.py": """
    import tensorflow as tf
    import nets

    if __name__ == '__main__':
        step = tf.train.AdamOptimizer(0.1).minimize(tf.Variable(1.0))
        with nets.session() as sess:
            sess.run(step)
    """,
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One whose upstream has gan/nets.py and gan/again.py as links; it is the current folder."""
    upstream, mirror = tmp_path / "upstream", tmp_path / "mirror"
    for path, text in FILES.items():
        (upstream / path).parent.mkdir(parents=True, exist_ok=True)
        (upstream / path).write_text(dedent(text))
    (upstream / "gan" / "nets.py").symlink_to("../shared/nets.py")
    (upstream / "gan" / "again.py").symlink_to("./train.py")
    git(upstream, "init", "-q")
    git(upstream, "add", "-A")
    git(upstream, "commit", "-q", "-m", "Upstream")
    git(upstream, "clone", "-q", "--bare", ".", str(mirror / "owner" / "linked.git"))
    root = tmp_path / "workspace"
    root.mkdir()
    commit = git(upstream, "rev-parse", "HEAD")
    url = "https://github.com/owner/linked.git"
    (root / "upstream.lock").write_text(f'[linked]\nurl = "{url}"\ncommit = "{commit}"\n')
    monkeypatch.setenv("MIGRATE_MIRROR", str(mirror))
    monkeypatch.chdir(root)
    assert cli.main(["port", "linked"]) == 0
    return root


def test_the_link_stays_and_what_it_leads_to_is_ported(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = workspace / "ported" / "linked"
    assert (port / "gan" / "nets.py").readlink() == Path("../shared/nets.py")
    # The training is found through the link.
    assert "npu_session_config()" in (port / "gan" / "nets.py").read_text()
    assert cli.main(["port", "linked", "--check"]) == 0
    assert cli.main(["verify", "ported/linked", "--static"]) == 0
    capsys.readouterr()
    assert cli.main(["list"]) == 0
    assert "current" in capsys.readouterr().out


def test_the_series_applies_to_a_clone(workspace: Path, tmp_path: Path) -> None:
    patches = workspace / "patches" / "linked"
    git(tmp_path, "clone", "-q", "upstream", "clone")
    clone, port = tmp_path / "clone", workspace / "ported" / "linked"
    names = (patches / "series").read_text().split()
    git(clone, "am", "-q", "--keep-cr", *(str(patches / name) for name in names))
    (port / "migrate-manifest.json").unlink()
    shutil.rmtree(clone / ".git")
    paths = {p.relative_to(clone) for p in clone.rglob("*")}
    assert paths == {p.relative_to(port) for p in port.rglob("*")}
    for path in paths:
        assert (clone / path).is_symlink() == (port / path).is_symlink()
        assert (clone / path).is_dir() or (clone / path).read_bytes() == (port / path).read_bytes()


@pytest.mark.parametrize("edit", ["elsewhere", "file"])
def test_a_link_that_was_edited_is_a_hand_edit(
    workspace: Path, edit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link = workspace / "ported" / "linked" / "gan" / "nets.py"
    data = link.read_bytes()
    link.unlink()
    if edit == "elsewhere":
        link.symlink_to("train.py")
    else:
        link.write_bytes(data)
    capsys.readouterr()
    assert cli.main(["verify", "ported/linked", "--static"]) == 0
    assert "CHK901 gan/nets.py: edited since" in capsys.readouterr().out
    assert cli.main(["port", "linked", "--check"]) == 1
    assert "edited      gan/nets.py" in capsys.readouterr().out
    assert cli.main(["port", "linked", "--force"]) == 0
    assert link.readlink() == Path("../shared/nets.py")


def test_an_archive_has_the_link(workspace: Path) -> None:
    assert cli.main(["export", "linked", "--to", "linked.tar"]) == 0
    with tarfile.open("linked.tar") as archive:
        links = {m.name.partition("/")[2]: m.linkname for m in archive.getmembers() if m.issym()}
    assert links == {"gan/again.py": "./train.py", "gan/nets.py": "../shared/nets.py"}


@pytest.mark.parametrize("target", ["/etc/hostname", "../../linked/shared/nets.py", "notes.py"])
def test_a_link_to_what_is_not_exported_is_refused(
    workspace: Path, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link = workspace / "ported" / "linked" / "gan" / "nets.py"
    link.with_name("notes.py").write_text("x = 1\n")
    link.unlink()
    link.symlink_to(target)
    assert cli.main(["export", "linked", "--to", "linked.tar"]) == 1
    assert f"a link to {target}, which is no file of the export" in capsys.readouterr().err
    assert not Path("linked.tar").exists()


def test_a_link_whose_target_was_deleted_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = workspace / "ported" / "linked"
    (port / "shared" / "nets.py").unlink()
    assert cli.main(["export", "linked", "--to", "linked.tar"]) == 1
    assert "a link to ../shared/nets.py, which is no file" in capsys.readouterr().err
    (port / "gan" / "nets.py").unlink()
    assert cli.main(["export", "linked", "--to", "linked.tar"]) == 0


def test_the_copy_that_is_run_has_the_links_of_the_port(workspace: Path, tmp_path: Path) -> None:
    port, copy = workspace / "ported" / "linked", tmp_path / "copy"
    (tmp_path / "outside.py").write_text("x = 1\n")
    (port / "outside.py").symlink_to(tmp_path / "outside.py")
    (port / "absolute.py").symlink_to(port / "gan" / "nets.py")
    (port / "dangling.py").symlink_to("missing.py")
    (port / "circle.py").symlink_to("circle.py")
    copy_port(port, read_manifest(port), copy)
    for name in ("gan/nets.py", "absolute.py"):
        assert (copy / name).is_symlink()
        assert (copy / name).resolve() == copy.resolve() / "shared" / "nets.py"
    assert not (copy / "outside.py").is_symlink()
    assert (copy / "outside.py").read_text() == "x = 1\n"
    assert not any((copy / name).is_symlink() for name in ("dangling.py", "circle.py"))


def test_what_of_links_is_checked(tmp_path: Path) -> None:
    folder = tmp_path / "port"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "ops.py").write_text("x = 1\n")
    (tmp_path / "outside.py").write_text("x = 1\n")
    links = {
        "ops.py": "./lib/ops.py",
        "lib/again.py": "../ops.py",
        "absolute.py": str(folder / "lib" / "ops.py"),
        "outside.py": "../outside.py",
        "dangling.py": "missing.py",
        "circle.py": "circle.py",
        "lib.py": "lib",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)  # given as text, so that it keeps its ./
    found = port_files(folder)
    assert sorted(found) == ["absolute.py", "lib/again.py", "lib/ops.py", "ops.py"]
    assert found["ops.py"].data == b"./lib/ops.py"  # as the manifest knows it
    assert {file.target for file in found.values()} == {"", "lib/ops.py"}


def test_a_link_is_no_entry(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "patches" / "linked" / "recipe.toml").write_text('entries = ["gan/nets.py"]\n')
    assert cli.main(["port", "linked"]) == 2
    assert "'gan/nets.py' is a link: name 'shared/nets.py'" in capsys.readouterr().err
