"""A Python file to which a symbolic link gives a second name, as the port has it."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pytest

from migrate import cli
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
    """One whose upstream has gan/nets.py as a link; it is the current folder."""
    upstream, mirror = tmp_path / "upstream", tmp_path / "mirror"
    for path, text in FILES.items():
        (upstream / path).parent.mkdir(parents=True, exist_ok=True)
        (upstream / path).write_text(dedent(text))
    (upstream / "gan" / "nets.py").symlink_to("../shared/nets.py")
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
        (link,) = [member for member in archive.getmembers() if member.issym()]
        assert link.name.endswith("/gan/nets.py") and link.linkname == "../shared/nets.py"


def test_a_link_is_no_entry(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "patches" / "linked" / "recipe.toml").write_text('entries = ["gan/nets.py"]\n')
    assert cli.main(["port", "linked"]) == 2
    assert "'gan/nets.py' is a link: name 'shared/nets.py'" in capsys.readouterr().err
