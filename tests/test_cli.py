"""The command line, on a workspace with upstreams of its own."""

from __future__ import annotations

import builtins
import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate import cli
from migrate.commands import port as port_command
from migrate.errors import MigrateError
from migrate.publish import PortLock
from migrate.upstream.lock import read_lock
from tests.upstream.conftest import Upstream

ROOT = Path(__file__).parents[1]
TRAIN = b"""import tensorflow as tf
from absl import app

loss = tf.reduce_sum(tf.Variable(1.0))
step = tf.train.AdamOptimizer().minimize(loss)
with tf.Session() as sess:
    sess.run(step)
"""
BETTER = TRAIN.replace(b"AdamOptimizer()", b"AdamOptimizer(0.1)")
PACKED = TRAIN.replace(b"tf.Session()", b"tf.Session(**options())")


class Place:
    """A workspace and the mirror that its pins are read from."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workspace"
        self.mirror = folder / "mirror"
        self.root.mkdir()
        self.mirror.mkdir()
        for part in ("templates", "examples"):
            shutil.copytree(ROOT / part, self.root / part)
        self.lock = self.root / "upstream.lock"
        self.lock.write_text("# pins\n")
        self.upstreams: dict[str, Upstream] = {}

    def pin(self, name: str, files: dict[str, bytes], tree: str = "") -> str:
        upstream = Upstream(self.mirror / "owner" / f"{name}.git")
        self.upstreams[name] = upstream
        made = upstream.files({"LICENSE": b"MIT License\n", **files})
        commit = upstream.commit(made)
        with self.lock.open("a") as lock:
            lock.write(
                f'\n[{name}]  # ours\nurl = "https://github.com/owner/{name}.git"\n'
                f'commit = "{commit}"\ntree = "{tree or made}"\nlicence = "MIT"\n'
            )
        return commit

    def later(self, name: str, files: dict[str, bytes]) -> str:
        upstream = self.upstreams[name]
        tree = upstream.files({"LICENSE": b"MIT License\n", **files})
        return upstream.commit(tree, "Later", time=1_600_000_000)

    def state(self) -> dict[str, tuple[int, str]]:
        """Every file and folder of the workspace, with its time and content."""
        return {
            str(path.relative_to(self.root)): (
                path.stat().st_mtime_ns,
                hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            )
            for path in sorted(self.root.rglob("*"))
        }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MIGRATE_MIRROR", str(made.mirror))
    monkeypatch.delenv("MIGRATE_TRACEBACK", raising=False)
    monkeypatch.delenv("MIGRATE_COMMAND", raising=False)
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def gan(place: Place) -> Place:
    place.pin("gan", {"train.py": TRAIN, "requirements.txt": b"tensorflow-gpu==1.14\n"})
    return place


def test_a_port_is_written_once(gan: Place, capsys: pytest.CaptureFixture[str]) -> None:
    lock = gan.lock.read_bytes()
    assert cli.main(["port", "gan"]) == 0
    said = capsys.readouterr()
    assert "train.py:7" in said.out or "train.py:6" in said.out
    assert "wrote ported/gan and patches/gan; read it with `migrate diff gan`" in said.out
    written = (gan.root / "ported" / "gan" / "train.py").read_text()
    assert "npu_session_config" in written
    assert (gan.root / "patches" / "gan" / "series").read_text().count(".patch\n") >= 2
    assert gan.lock.read_bytes() == lock
    before = gan.state()
    assert cli.main(["port", "gan"]) == 0
    assert "is up to date; nothing was written" in capsys.readouterr().out
    assert gan.state() == before


def test_what_a_dead_run_left_goes_where_the_port_is_current(gan: Place) -> None:
    assert cli.main(["port", "gan"]) == 0
    before = gan.state().keys()
    for left in ("ported/.gan.tmp-01234567/a.py", "patches/gan/.migrate-tmp-01234567/series"):
        (gan.root / left).parent.mkdir()
        (gan.root / left).touch()
        assert cli.main(["port", "gan"]) == 0
        assert gan.state().keys() == before
    (gan.root / "ported" / ".gan.lock").touch()
    assert cli.main(["port", "gan"]) == 0
    assert gan.state().keys() == before


def test_where_nothing_can_be_written_a_current_port_is_fine(
    gan: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise MigrateError("cannot lock the port: Read-only file system")

    assert cli.main(["port", "gan"]) == 0
    allowed, ported = os.access, gan.root / "ported"
    monkeypatch.setattr(
        os, "access", lambda path, *a, **k: path != ported and allowed(path, *a, **k)
    )
    monkeypatch.setattr(PortLock, "__enter__", refuse)
    capsys.readouterr()
    assert cli.main(["port", "gan"]) == 0
    assert "is up to date; nothing was written" in capsys.readouterr().out
    commit = gan.later("gan", {"train.py": BETTER})
    assert cli.main(["port", "gan", "--commit", commit]) == 1
    assert "Read-only file system" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--diff", "--check"])
@pytest.mark.parametrize("ported", [False, True])
def test_looking_writes_nothing(
    option: str, ported: bool, gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = gan.root / "patches" / "gan" / "rules"
    rules.mkdir(parents=True)
    (rules / "own.py").write_text('"""Nothing."""\n')
    if ported:
        assert cli.main(["port", "gan"]) == 0
        capsys.readouterr()
    before = gan.state()
    code = cli.main(["port", "gan", option])
    said = capsys.readouterr()
    assert gan.state() == before
    if option == "--diff":
        assert code == 0
        assert cli.main(["port", "gan", "--diff", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["diff"] == said.out
        assert gan.state() == before
        assert "+from npu_runtime import npu_optimizer, npu_session_config\n" in said.out
        assert "+++ b/train.py" in said.out
    else:
        assert code == int(not ported)
        assert said.out.endswith("up to date\n" if ported else "would change something\n")


def test_check_tells_of_a_moved_pin_an_edit_and_a_missing_patch(gan: Place) -> None:
    assert cli.main(["port", "gan"]) == 0
    assert cli.main(["port", "gan", "--check"]) == 0
    later = gan.later("gan", {"train.py": BETTER})
    assert cli.main(["port", "gan", "--check", "--commit", later]) == 1
    train = gan.root / "ported" / "gan" / "train.py"
    text = train.read_text()
    train.write_text(text + "# mine\n")
    assert cli.main(["port", "gan", "--check"]) == 1
    train.write_text(text)
    assert cli.main(["port", "gan", "--check"]) == 0
    (gan.root / "patches" / "gan" / "series").unlink()
    assert cli.main(["port", "gan", "--check"]) == 1


def test_a_commit_is_pinned_when_its_port_succeeded(
    gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    first = read_lock(gan.lock)["gan"]
    good = gan.later("gan", {"train.py": BETTER})
    assert cli.main(["port", "gan", "--commit", good[:8]]) == 0
    assert f"upstream.lock now pins {good[:10]}" in capsys.readouterr().out
    pin = read_lock(gan.lock)["gan"]
    assert (pin.commit, pin.tree != first.tree) == (good, True)
    assert "# pins\n" in gan.lock.read_text() and "# ours" in gan.lock.read_text()

    lock = gan.lock.read_bytes()
    bad = gan.later("gan", {"train.py": PACKED})
    assert cli.main(["port", "gan", "--commit", bad]) == 1
    assert gan.lock.read_bytes() == lock
    for looking in ("--diff", "--check"):
        assert cli.main(["port", "gan", "--commit", first.commit, looking]) in (0, 1)
        assert gan.lock.read_bytes() == lock
    assert cli.main(["port", "gan", "--commit", "f" * 40]) == 1
    assert "f" * 40 in capsys.readouterr().err
    assert gan.lock.read_bytes() == lock


def test_errors_in_a_port_are_told_and_exit_with_1(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.pin("packed", {"train.py": PACKED})
    assert cli.main(["port", "packed"]) == 1
    out = capsys.readouterr().out
    assert "error NPU101 train.py:7: session not configured" in out
    assert "but there are errors: see above" in out
    assert cli.main(["port", "packed", "--check"]) == 1
    assert capsys.readouterr().out == "packed: up to date\n"
    assert cli.main(["port", "packed", "--diff"]) == 1


def test_hand_edits_are_refused_and_forced(gan: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["port", "gan"]) == 0
    port = gan.root / "ported" / "gan"
    (port / "train.py").write_text("mine\n")
    (port / "LICENSE").unlink()
    (port / "notes.txt").write_text("mine too\n")
    gan.later("gan", {"train.py": BETTER})
    before = gan.state()
    assert cli.main(["port", "gan"]) == 1
    said = capsys.readouterr().err
    assert "train.py" in said and "LICENSE" in said and "--force" in said
    assert gan.state() == before
    assert cli.main(["port", "gan", "--force"]) == 0
    assert "npu_session_config" in (port / "train.py").read_text()
    assert (port / "LICENSE").exists()
    assert (port / "notes.txt").read_text() == "mine too\n"


def test_edited_patches_are_refused_and_forced(
    gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["port", "gan"]) == 0
    patch = next((gan.root / "patches" / "gan").glob("*-session.patch"))
    patch.write_bytes(patch.read_bytes() + b"mine\n")
    before = gan.state()
    assert states(capsys)["gan"] == ("hand-edited", f"patches/gan/{patch.name}")
    assert cli.main(["port", "gan"]) == 1
    said = capsys.readouterr().err
    assert f"patches/gan/{patch.name}" in said and "--force" in said
    assert gan.state() == before
    assert cli.main(["port", "gan", "--force"]) == 0
    assert b"mine" not in patch.read_bytes()


def test_a_check_says_what_a_port_would_refuse(
    gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["port", "gan"]) == 0
    (gan.root / "ported" / "gan" / "train.py").write_text("mine\n")
    before = gan.state()
    capsys.readouterr()
    assert cli.main(["port", "gan", "--check"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("gan: a port would be refused: ") and "edited      train.py" in said
    assert cli.main(["port", "gan", "--check", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["current"] is False and "train.py" in report["refused"]
    assert cli.main(["port", "gan", "--check", "--force"]) == 1
    assert capsys.readouterr().out == "gan: a port would change something\n"
    assert gan.state() == before


def test_a_port_keeps_its_cann_release(gan: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["port", "gan", "--cann", "6.3.RC2"]) == 0
    assert states(capsys)["gan"] == ("current", "CANN 6.3.RC2")
    before = gan.state()
    assert cli.main(["port", "gan"]) == 0
    assert cli.main(["port", "gan", "--check"]) == 0
    assert gan.state() == before
    assert cli.main(["port", "gan", "--check", "--cann", "7.0"]) == 1
    assert cli.main(["port", "gan", "--cann", "7.0"]) == 0
    assert states(capsys)["gan"] == ("current", "CANN 7.0")


def test_a_lock_that_cannot_be_written_is_told_before_anything_is(
    gan: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["port", "gan"]) == 0
    later = gan.later("gan", {"train.py": BETTER})
    before = gan.state()

    def refuse(*, dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr("migrate.upstream.lock.tempfile.TemporaryFile", refuse)
    assert cli.main(["port", "gan", "--commit", later]) == 1
    said = capsys.readouterr().err
    assert "upstream.lock: cannot be written: Permission denied" in said
    assert "Nothing was ported" in said
    assert gan.state() == before
    assert cli.main(["port", "gan"]) == 0  # which pins nothing


def test_a_pin_without_a_tree_is_completed(gan: Place, capsys: pytest.CaptureFixture[str]) -> None:
    whole = gan.lock.read_text()
    gan.lock.write_text(re.sub(r"tree = .*\n", "", whole))
    assert states(capsys)["gan"] == ("never ported", "")
    assert cli.main(["port", "gan", "--check"]) == 1
    assert "tree" not in gan.lock.read_text()
    assert cli.main(["port", "gan"]) == 0
    assert sorted(gan.lock.read_text().split("\n")) == sorted(whole.split("\n"))
    assert states(capsys)["gan"] == ("current", "CANN 7.0")


def test_the_check_of_a_port_with_errors_says_what_the_port_would(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port with errors pins nothing: a pin that has no tree yet stays without."""
    place.pin("packed", {"train.py": PACKED})
    place.lock.write_text(re.sub(r"tree = .*\n", "", place.lock.read_text()))
    assert cli.main(["port", "packed", "--check"]) == 1
    assert capsys.readouterr().out == "packed: a port would change something\n"
    assert cli.main(["port", "packed"]) == cli.main(["port", "packed"]) == 1
    assert "up to date; nothing was written" in capsys.readouterr().out
    assert cli.main(["port", "packed", "--check"]) == 1
    assert capsys.readouterr().out == "packed: up to date\n"


def test_a_pins_own_protocol_needs_no_mirror(
    gan: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MIGRATE_MIRROR")
    gan.upstreams["gan"].serve()
    lock = gan.lock.read_text().replace("https://github.com/", f"file://{gan.mirror}/")
    gan.lock.write_text(lock)
    assert cli.main(["port", "gan"]) == 2
    gan.lock.write_text(lock + 'protocols = ["file"]\n')
    cli.main(["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert checks["network"]["state"] == "ok"
    assert cli.main(["port", "gan"]) == 0


def test_hints_begin_as_the_user_did(
    gan: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATE_COMMAND", "scripts/run")
    for arguments in (["diff", "gan"], ["explain", "NPU000"], ["port", "gan"], ["demo"]):
        cli.main(arguments)
        said = "".join(capsys.readouterr())
        assert "scripts/run " in said and "`migrate " not in said, arguments
    with pytest.raises(SystemExit):
        cli.main(["port", "--nosuch"])
    assert capsys.readouterr().err.startswith("usage: scripts/run")


def test_a_folder_that_is_not_ours_is_refused(gan: Place) -> None:
    mine = gan.root / "ported" / "gan" / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("x")
    assert cli.main(["port", "gan"]) == 1
    assert [path.name for path in mine.parent.iterdir()] == ["mine.txt"]


def states(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    capsys.readouterr()
    assert cli.main(["list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert cli.main(["list"]) == 0
    plain = capsys.readouterr().out.splitlines()
    assert len(plain) == len(rows)
    for row, line in zip(rows, plain, strict=True):
        assert line.startswith(row["name"]) and row["state"] in line
    return {row["name"]: (row["state"], row["why"]) for row in rows}


def test_list_tells_the_state_of_every_port(
    gan: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gan.pin("other", {"a.py": b"x = 1\n"})
    assert states(capsys) == {"gan": ("never ported", ""), "other": ("never ported", "")}
    assert cli.main(["port", "--all"]) == 0
    assert states(capsys)["gan"] == ("current", "CANN 7.0")
    port, patches = gan.root / "ported" / "gan", gan.root / "patches" / "gan"

    text = (port / "train.py").read_text()
    (port / "train.py").write_text("x")
    assert states(capsys)["gan"] == ("hand-edited", "train.py")
    (port / "train.py").write_text(text)

    with monkeypatch.context() as patched:
        patched.setattr("migrate.__version__", "9.9.9")
        assert states(capsys)["gan"] == ("out of date", "the rules changed")
    (patches / "recipe.toml").write_text("leave_out = ['x']\n")
    assert states(capsys)["gan"] == ("out of date", "the recipe changed")
    (patches / "recipe.toml").write_text("leave_out = 1\n")
    state, why = states(capsys)["gan"]
    assert state == "out of date" and "leave_out: expected a list of texts" in why
    (patches / "recipe.toml").unlink()

    first = next(patches.glob("0001-*.patch"))
    data = first.read_bytes()
    first.write_bytes(data + b"\n")
    assert "patches" in states(capsys)["gan"][1]
    first.write_bytes(data)
    assert states(capsys)["gan"][0] == "current"

    lock = gan.lock.read_text()
    gan.lock.write_text(lock.replace(read_lock(gan.lock)["gan"].commit, "a" * 40))
    assert states(capsys)["gan"] == ("out of date", "the pin moved")
    gan.lock.write_text(lock)

    manifest = port / "migrate-manifest.json"
    manifest.write_text("{}")
    assert states(capsys)["gan"][0] == "damaged"
    manifest.unlink()
    assert states(capsys)["gan"][0] == "not ours"
    assert states(capsys)["other"][0] == "current"


@pytest.mark.parametrize("unreadable", ["", "rules", "recipe.toml", "series"])
def test_list_goes_on_where_patches_cannot_be_read(
    unreadable: str,
    gan: Place,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gan.pin("other", {"a.py": b"x = 1\n"})
    assert cli.main(["port", "--all"]) == 0
    patches = gan.root / "patches" / "gan"
    (patches / "rules").mkdir()
    (patches / "recipe.toml").touch()
    closed = str(patches / unreadable)

    def refusing(function: Any) -> Any:
        """As if the user may not read what is closed; who runs the tests may be root."""

        def called(path: Any, *rest: Any, **named: Any) -> Any:
            if str(path) == closed or str(path).startswith(closed + os.sep):
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return function(path, *rest, **named)

        return called

    monkeypatch.setattr(builtins, "open", refusing(builtins.open))
    for method in ("open", "read_bytes", "iterdir"):
        monkeypatch.setattr(Path, method, refusing(getattr(Path, method)))
    found = states(capsys)
    assert found["other"] == ("current", "CANN 7.0")
    state, why = found["gan"]
    assert state in ("out of date", "damaged")
    assert closed in why and "Permission denied" in why and "you may read" in why
    if unreadable != "series":
        assert cli.main(["port", "gan"]) == 2
        said = capsys.readouterr().err
        assert "cannot be read: Permission denied" in said and "you may read" in said


def test_all_ports_what_can_be_ported(gan: Place, capsys: pytest.CaptureFixture[str]) -> None:
    gan.pin("lost", {"train.py": TRAIN})
    shutil.rmtree(gan.mirror / "owner" / "lost.git")
    gan.pin("packed", {"train.py": PACKED})
    gan.pin("plain", {"a.py": b"x = 1\n"})
    gan.pin("wrong", {"a.py": b"x = 1\n"}, tree="b" * 40)
    assert cli.main(["port", "--all"]) == 1
    out = capsys.readouterr().out
    assert out.endswith("2 of 5 ports; not: lost, packed, wrong\n")
    ported = gan.root / "ported"
    assert {p.name for p in ported.iterdir() if not p.name.startswith(".")} == {
        "gan",
        "packed",
        "plain",
    }
    assert cli.main(["port", "--all", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert list(report) == ["gan", "lost", "packed", "plain", "wrong"]
    assert report["gan"]["written"] is False
    assert report["lost"]["error"]["message"]
    assert "tree" in report["wrong"]["error"]["message"]


def test_all_shows_the_differences_of_all(gan: Place, capfdbinary: Any) -> None:
    gan.pin("latin", {"train.py": b"# -*- coding: latin-1 -*-\n# \xe9t\xe9\n" + TRAIN})
    assert cli.main(["port", "--all", "--diff"]) == 0
    shown, said = capfdbinary.readouterr()
    assert said.endswith(b"2 of 2 ports\n") and b"2 of 2" not in shown
    assert b"\n # \xe9t\xe9\n" in shown and shown.count(b"+++ b/train.py") == 2
    assert cli.main(["port", "--all", "--diff", "--json"]) == 0
    report = json.loads(capfdbinary.readouterr().out)
    assert report["latin"]["diff"].encode("utf-8", "surrogateescape") in shown
    assert not (gan.root / "ported").exists()


def test_a_path_that_the_upstream_lacks_is_told_with_its_line(
    gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with gan.lock.open("a") as lock:
        lock.write('# which folder:\npath = "train.py"\n')
    line = gan.lock.read_text().count("\n")
    assert cli.main(["port", "gan"]) == 2
    said = capsys.readouterr().err
    assert f"upstream.lock:{line}: gan.path: the commit has no folder 'train.py'" in said
    assert "'train.py' is no folder" in said and "leave path out" in said


# Kills the process that reads one upstream's recipe; with MARK, only once.
KILLING = """
import os, sys
from pathlib import Path
from migrate import cli
from migrate.commands import port

def make_port(upstream, *rest, **named):
    mark = Path(os.environ["MARK"])
    if upstream.name == "lost" and not mark.exists():
        if os.environ.get("ONCE"):
            mark.touch()
        os.kill(os.getpid(), 9)
    return original(upstream, *rest, **named)

original, port.make_port = port.make_port, make_port
sys.exit(cli.main(["port", "--all", *sys.argv[1:]]))
"""


def port_all_killing(place: Place, *arguments: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", KILLING, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MARK": str(place.root / "mark")} | environment,
        cwd=place.root,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_killed_process_stops_no_other_port(gan: Place) -> None:
    for name in ("lost", "plain"):
        gan.pin(name, {"a.py": b"x = 1\n"})
    code, out, err = port_all_killing(gan, "--json")
    report = json.loads(out)
    assert code == 1 and list(report) == ["gan", "lost", "plain"]
    assert "was killed" in report["lost"]["error"]["message"]
    assert report["plain"]["written"] is True
    assert err.count("was killed") == 1
    assert "migrate: lost: its process was killed" in err and "patches/lost" in err
    made = {p.name for p in (gan.root / "ported").iterdir() if not p.name.startswith(".")}
    assert made == {"gan", "plain"}


def test_what_was_killed_once_is_tried_again(gan: Place) -> None:
    gan.pin("lost", {"a.py": b"x = 1\n"})
    code, out, err = port_all_killing(gan, ONCE="1")
    assert (code, out.splitlines()[-1]) == (0, "2 of 2 ports")
    assert "killed" not in err


def test_all_of_none_is_fine(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["port", "--all"]) == 0
    assert capsys.readouterr().out == "0 of 0 ports\n"
    assert cli.main(["list"]) == 0
    assert cli.main(["list", "--json"]) == 0


@pytest.mark.parametrize("arguments", [["port", "nosuch"], ["port"], ["diff", "nosuch"]])
def test_none_is_not_said_to_be_known(
    arguments: list[str], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert "Known:" not in capsys.readouterr().err


WRONG = [
    (["port", "nosuch"], 2, "no upstream is called 'nosuch'", "Known: gan"),
    (["port"], 2, "say which upstream to port, or --all", "Known: gan"),
    (["port", "--all", "gan"], 2, "--all ports every pin", ""),
    (["port", "--all", "--commit", "abc"], 2, "--all ports every pin", ""),
    (["port", "gan", "--cann", "99"], 2, "unknown CANN release '99'", "Known releases: 20.2"),
    (["port", "gan", "--commit", "xyz"], 2, "xyz", ""),
    (["port", "gan", "--commit", "ffffffff"], 1, "ffffffff", ""),
    (["port", "gan", "--mirror", "/nowhere"], 2, "/nowhere is not a folder", ""),
    (["port", "--all", "--cann", "99"], 2, "unknown CANN release '99'", "Known releases: 20.2"),
    (["port", "--all", "--mirror", "/nowhere"], 2, "/nowhere is not a folder", "github.com"),
    (["port", "gan", "--mirror", "ssh://git@host/"], 2, "not allowed", 'add protocols = ["ssh"]'),
    (["port", "gan", "--mirror", "ext::sh -c x"], 2, "not allowed", ""),
    (["diff", "nosuch"], 2, "no upstream is called 'nosuch'", "Known: gan"),
    (["diff", "tiny_gan"], 1, "tiny_gan has no patches", "`migrate demo`"),
    (["diff", "gan"], 1, "gan has no patches", "`migrate port gan`"),
    (["diff", "../.."], 2, "no upstream is called '../..'", ""),
    (["explain", "NPU000"], 2, "there is no rule NPU000", "`migrate explain`"),
    (["--workspace", "/", "list"], 2, "no upstream.lock here", "--workspace"),
    (["--workspace", "/", "list"], 2, "no upstream.lock here", "MIGRATE_WORKSPACE"),
    (["--workspace", "/", "list"], 2, "no upstream.lock here", "an empty upstream.lock will do"),
    (["--workspace", "/no/such", "port", "gan"], 2, "no upstream.lock here", ""),
]


@pytest.mark.parametrize(("arguments", "code", "message", "advice"), WRONG)
def test_what_is_wrong_is_told_without_a_traceback(
    arguments: list[str],
    code: int,
    message: str,
    advice: str,
    gan: Place,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = gan.state()
    assert cli.main(arguments) == code
    said = capsys.readouterr()
    assert "Traceback" not in said.err and "internal error" not in said.err
    told = [line for line in said.err.splitlines() if not line.startswith("port gan: ")]
    assert told[0].startswith("migrate: ")
    assert message in "\n".join(told) and advice in "\n".join(told)
    assert gan.state() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--workspace"],
        ["nosuch"],
        ["port", "gan", "--nosuch"],
        ["port", "gan", "--diff", "--check"],
        ["port", "gan", "--commit"],
        ["env"],
        ["env", "nosuch"],
    ],
)
def test_the_parser_refuses_with_2(
    arguments: list[str], gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(arguments)
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("usage: migrate")


def test_without_a_command_it_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("usage: migrate")
    assert "port one pinned upstream" in said.err and "Exit codes" in said.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("port gan --chek", "unrecognized arguments: --chek; did you mean --check?"),
        ("port gan --mir /tmp", "unrecognized arguments: --mir /tmp; did you mean --mirror?"),
        ("port gan --dif=x", "unrecognized arguments: --dif=x; did you mean --diff?"),
        ("verify gan --prec", "unrecognized arguments: --prec; did you mean --precision?"),
        ("simulate --tra f -- true", "unrecognized arguments: --tra f; did you mean --trace?"),
        ("list --workspace .", "--workspace goes before the command"),
        ("diff gan --nothing-like-it", "unrecognized arguments: --nothing-like-it\n"),
        ("explain NPU101 NPU102", "unrecognized arguments: NPU102\n"),
    ],
)
def test_options_are_written_out_and_a_command_shows_its_own_usage(
    line: str, message: str, gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(line.split())
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"usage: migrate {line.split()[0]} ") and message in said


@pytest.mark.parametrize(
    ("lock", "message"),
    [
        ("[gan", "upstream.lock:1: "),
        ("[gan]\nurl = 1\n", "upstream.lock"),
        ("\xff", "upstream.lock"),
        ('[gan]\nurl = "ext::sh -c x"\ncommit = "1"\ntree = "2"\n', "upstream.lock"),
    ],
)
@pytest.mark.parametrize("command", [["list"], ["port", "gan"], ["port", "--all"]])
def test_a_lock_that_is_wrong_is_told_with_its_place(
    lock: str,
    message: str,
    command: list[str],
    place: Place,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place.lock.write_bytes(lock.encode("latin-1"))
    assert cli.main(command) == 2
    assert message in capsys.readouterr().err
    assert cli.main([*command, "--json"]) == 2
    assert "error" in json.loads(capsys.readouterr().out)


JSON = [
    ["list"],
    ["port", "gan"],
    ["port", "gan", "--check"],
    ["port", "--all"],
    ["port", "nosuch"],
    ["port", "packed"],
    ["explain"],
    ["explain", "npu101"],
    ["explain", "NPU900"],
    ["explain", "nosuch"],
    ["doctor"],
    ["demo"],
    ["env", "show"],
]


@pytest.mark.parametrize("arguments", JSON, ids=" ".join)
def test_reports_are_json(
    arguments: list[str], gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    gan.pin("packed", {"train.py": PACKED})
    cli.main([*arguments, "--json"])
    json.loads(capsys.readouterr().out)


def test_a_port_as_json(gan: Place, capsys: pytest.CaptureFixture[str]) -> None:
    def report(*options: str) -> Any:
        capsys.readouterr()
        cli.main(["port", "gan", "--json", *options])
        return json.loads(capsys.readouterr().out)

    assert report("--check")["current"] is False
    first = report()
    assert first["written"] is True and first["lock_updated"] is False
    assert first["upstream"]["commit"] == read_lock(gan.lock)["gan"].commit
    assert "train.py" in first["changed"]
    assert first["patches"][-1].endswith("provenance.patch")
    assert [row["role"] for row in first["sessions"]] == ["device"]
    assert sum(first["symbols"]["totals"].values()) > 3
    assert report()["written"] is False
    assert report("--check")["current"] is True


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RuntimeError("oops"), 3, "internal error: RuntimeError: oops"),
        (RecursionError(), 3, "internal error: RecursionError"),
        (KeyboardInterrupt(), 130, "interrupted; nothing half-written is left"),
        (PermissionError(13, "Permission denied", "/x/y"), 1, "/x/y: Permission denied"),
        (OSError(28, "No space left on device"), 1, "No space left on device"),
    ],
)
def test_what_nobody_expects_is_one_line(
    error: BaseException,
    code: int,
    said: str,
    gan: Place,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(port_command, "make_port", broken)
    before = gan.state()
    assert cli.main(["port", "gan"]) == code
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told
    assert cli.main(["port", "gan", "--json"]) == code
    assert said.rpartition(": ")[2] in json.dumps(json.loads(capsys.readouterr().out))
    assert gan.state() == before


def test_a_traceback_is_there_for_who_asks(gan: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_command, "make_port", lambda *_, **__: 1 / 0)
    monkeypatch.setenv("MIGRATE_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main(["port", "gan"])


def test_a_failing_write_leaves_the_port_as_it_was(
    gan: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["port", "gan"]) == 0
    before = {p: s for p, s in gan.state().items() if not p.startswith("ported/.")}
    later = gan.later("gan", {"train.py": BETTER})

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("migrate.publish.port.sync_all", full)
    assert cli.main(["port", "gan", "--commit", later]) == 1
    after = {p: s for p, s in gan.state().items() if not p.startswith("ported/.")}
    assert {p: s[1] for p, s in after.items()} == {p: s[1] for p, s in before.items()}
    monkeypatch.undo()


def test_the_series_is_shown(gan: Place, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["port", "gan"]) == 0
    capfd.readouterr()
    assert cli.main(["diff", "gan"]) == 0
    whole = capfd.readouterr().out
    patches = gan.root / "patches" / "gan"
    names = (patches / "series").read_text().split()
    assert whole == "".join((patches / name).read_text() for name in names)
    assert "\x1b" not in whole
    assert cli.main(["diff", "gan", "--patch", "session"]) == 0
    one = capfd.readouterr().out
    assert one in whole and len(one) < len(whole) and "npu_session_config" in one
    for same in ("0003-session.patch", "0003-session", "patches/gan/0003-session.patch"):
        assert cli.main(["diff", "gan", "--patch", same]) == 0
        assert capfd.readouterr().out == one
    assert cli.main(["diff", "gan", "--stat"]) == 0
    stat = capfd.readouterr().out
    assert re.search(r"train\.py\s*\|", stat) and names[0] in stat
    assert cli.main(["diff", "gan", "--patch", "nosuch"]) == 2
    assert "There are: " in capfd.readouterr().err


def test_the_demo_needs_no_network(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATE_MIRROR", "/nowhere")
    assert cli.main(["demo"]) == 0
    out = capsys.readouterr().out
    assert "migrate diff tiny_gan" in out
    assert (place.root / "ported" / "tiny_gan" / "train.py").is_file()
    before = place.state()
    assert cli.main(["demo"]) == 0
    assert place.state() == before


def test_the_demo_without_its_example_says_where_that_is(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(place.root / "examples")
    assert cli.main(["demo"]) == 1
    said = capsys.readouterr().err
    assert str(place.root / "examples" / "tiny_gan") in said
    assert f"--workspace {ROOT} before the command" in said
    assert "MIGRATE_WORKSPACE" in said


def test_rules_beside_a_recipe_are_explained(
    gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = gan.root / "patches" / "gan" / "rules"
    rules.mkdir(parents=True)
    (rules / "own.py").write_text(
        '"""Does nothing.\n\nWhy: a test.\n"""\n'
        "from migrate.codemods.rule import Rule\n"
        'RULE = Rule("NPU190", "own", group="session")\n'
        "@RULE.on_module\ndef check(context):\n    yield from ()\n"
    )
    assert cli.main(["explain", "NPU190"]) == 0
    assert "Why: a test." in capsys.readouterr().out
    assert cli.main(["explain"]) == 0
    assert "NPU190  session, gan    Does nothing." in capsys.readouterr().out
    assert cli.main(["port", "gan"]) == 0
    assert [p.name for p in rules.iterdir()] == ["own.py"]


@pytest.mark.parametrize(
    "rule",
    [
        "def",
        "1 / 0",
        "raise SystemExit(1)",
        "import nosuch",
        "from migrate.codemods.rule import Rule\nR = Rule('NPU190', 'own', group='nosuch')",
        "from migrate.codemods.rule import Rule\nR = Rule('NPU101', 'own', group='session')",
    ],
)
def test_a_broken_rule_breaks_only_its_own_upstream(
    rule: str, gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    gan.pin("bad", {"train.py": TRAIN})
    assert cli.main(["port", "--all"]) == 0
    rules = gan.root / "patches" / "bad" / "rules"
    rules.mkdir(parents=True)
    (rules / "own.py").write_text(rule)
    found = states(capsys)
    assert found["gan"][0] == "current" and found["bad"][0] == "out of date"
    assert "patches/bad/rules" in found["bad"][1]
    for arguments in (["explain"], ["explain", "NPU101"], ["explain", "--json"]):
        assert cli.main(arguments) == 0
        said = capsys.readouterr()
        assert "NPU101" in said.out and said.err.startswith("migrate: left out: ")
    assert cli.main(["port", "bad"]) in (1, 2)
    assert cli.main(["port", "--all"]) == 1
    assert "1 of 2 ports; not: bad" in capsys.readouterr().out


@pytest.mark.parametrize("recipe", [b"x", b"entries = 1", b"a = 1\na = 2", b"\xff", None])
def test_a_broken_recipe_breaks_only_its_own_upstream(
    recipe: bytes | None, gan: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    gan.pin("bad", {"train.py": TRAIN})
    assert cli.main(["port", "--all"]) == 0
    path = gan.root / "patches" / "bad" / "recipe.toml"
    if recipe is None:
        path.mkdir()
    else:
        path.write_bytes(recipe)
    found = states(capsys)
    assert found["gan"][0] == "current"
    assert found["bad"][0] == "out of date" and "recipe.toml" in found["bad"][1]
    assert cli.main(["port", "bad"]) == 2
    assert "recipe.toml" in capsys.readouterr().err
    assert cli.main(["explain"]) == 0


def test_a_workspace_is_found_from_below(gan: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    below = gan.root / "patches" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert cli.main(["port", "gan"]) == 0
    monkeypatch.chdir("/")
    assert cli.main(["--workspace", str(gan.root), "port", "gan", "--check"]) == 0


def test_a_folder_that_is_gone_is_said(
    gan: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = gan.root / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli.main(["--workspace", str(gan.root), "list"]) == 2
    assert "the current folder no longer exists" in capsys.readouterr().err


@pytest.fixture
def command(gan: Place) -> Iterator[list[str]]:
    yield [sys.executable, "-m", "migrate", "--workspace", str(gan.root)]


def run(command: list[str], *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, *arguments], env=environment, capture_output=True, text=True, **options
    )


@pytest.mark.parametrize(
    "arguments", [["list"], ["explain"], ["explain", "NPU101"], ["port", "gan", "--diff"]]
)
def test_a_reader_that_goes_away_is_no_error(command: list[str], arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, *arguments], env=environment, stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert (done.returncode, "Traceback" in done.stderr, "rror" in done.stderr) == (0, False, False)


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["explain"]])
def test_an_output_that_is_full_is_one_line(command: list[str], arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == "migrate: output: No space left on device\n"


@pytest.mark.parametrize(("version", "state"), [("2.30.2", "missing"), ("2.32.0", "ok")])
def test_a_git_that_obeys_the_users_configuration_is_too_old(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    state: str,
) -> None:
    git = tmp_path / "git"
    git.write_text(f"#!/bin/sh\necho git version {version}\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    cli.main(["doctor", "--json"])
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert checks["git"]["state"] == state
    assert ("2.32" in checks["git"]["advice"]) == (state == "missing")


def test_without_git_it_is_said(
    gan: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["port", "gan"]) == 0
    monkeypatch.setenv("PATH", "/nowhere")
    for arguments in (["diff", "gan", "--stat"], ["demo"]):
        assert cli.main(arguments) == 1
        assert "git was not found" in capsys.readouterr().err


def test_the_program_as_a_person_starts_it(command: list[str], gan: Place) -> None:
    assert run(command, "--help").stdout.startswith("usage: migrate")
    assert run(command, "--version").stdout.startswith("migrate ")
    done = run(command, "port", "gan")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert run(command, "port", "gan", "--check").returncode == 0
    assert run(command, "port", "nosuch").returncode == 2
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONUTF8": "0"}
    shown = subprocess.run([*command, "explain"], env=environment, capture_output=True)
    assert shown.returncode == 0, shown.stderr


@pytest.mark.parametrize(
    "homes",
    [
        {"HOME": "", "XDG_CACHE_HOME": ""},
        {"HOME": ".", "XDG_CACHE_HOME": "here"},
        {"HOME": "/dev/null", "XDG_CACHE_HOME": ""},
        {"HOME": "/nowhere", "XDG_CACHE_HOME": "/dev/null/x"},
    ],
)
def test_an_odd_home_leaves_nothing_where_one_stands(
    homes: dict[str, str], gan: Place, tmp_path: Path
) -> None:
    """A Python 2 file is ported with tables that fissix would keep in a folder of its own."""
    gan.pin("old", {"train.py": TRAIN + b"print 'done'\n"})
    stand = tmp_path / "stand"
    stand.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **homes}
    program = [sys.executable, "-m", "migrate", "--workspace", str(gan.root)]
    done = subprocess.run(
        [*program, "port", "old"], env=environment, cwd=stand, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "print('done')" in (gan.root / "ported" / "old" / "train.py").read_text()
    assert not list(stand.iterdir())


def test_two_kits_write_the_same(command: list[str], gan: Place) -> None:
    def digests() -> dict[str, str]:
        return {
            path: digest
            for path, (_, digest) in gan.state().items()
            if path.startswith(("ported/gan/", "patches/"))
        }

    run(command, "port", "gan")
    first = digests()
    for folder in ("ported", "patches"):
        shutil.rmtree(gan.root / folder)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "77", "TZ": "Asia/Aden"}
    subprocess.run([*command, "port", "--all"], env=environment, check=True, capture_output=True)
    assert digests() == first


def test_elsewhere_the_workspace_is_the_one_in_the_environment(
    gan: Place,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert cli.main(["list"]) == 2
    monkeypatch.setenv("MIGRATE_WORKSPACE", str(gan.root))
    assert cli.main(["list"]) == 0
    assert "never ported" in capsys.readouterr().out


def test_a_hand_edited_demo_can_be_forced(place: Place) -> None:
    assert cli.main(["demo"]) == 0
    (place.root / "ported" / "tiny_gan" / "train.py").write_text("edited\n")
    assert cli.main(["demo"]) == 1
    assert cli.main(["demo", "--force"]) == 0
