"""The four real upstreams, from the mirror that MIGRATE_MIRROR names, ported whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from migrate.manifest import MANIFEST_NAME
from migrate.upstream.lock import read_lock
from migrate.upstream.pin import Pin
from tests.test_series import git

ROOT = Path(__file__).parents[1]
MIRROR = os.environ.get("MIGRATE_MIRROR", "")
PINS = read_lock(ROOT / "upstream.lock")

pytestmark = [
    pytest.mark.mirror,
    pytest.mark.skipif(not MIRROR, reason="MIGRATE_MIRROR is not set"),
    pytest.mark.parametrize("pin", PINS.values(), ids=PINS),
]


def run(workspace: Path, *arguments: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
    return subprocess.run(
        [sys.executable, "-m", "migrate", "--workspace", str(workspace), *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which all four are ported."""
    root = tmp_path_factory.mktemp("mirror") / "workspace"
    root.mkdir()
    shutil.copy(ROOT / "upstream.lock", root)
    shutil.copytree(ROOT / "templates", root / "templates")
    generated = shutil.ignore_patterns("*.patch", "series", "manifest.json", "__pycache__")
    shutil.copytree(ROOT / "patches", root / "patches", ignore=generated)
    done = run(root, "port", "--all")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def manifest(workspace: Path, pin: Pin) -> dict[str, Any]:
    return json.loads((workspace / "ported" / pin.name / MANIFEST_NAME).read_text())


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def blobs(folder: Path) -> dict[str, tuple[str, str]]:
    """Mode and git's id of every file of a port, its manifest apart."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST_NAME:
            data = path.read_bytes()
            mode = "100755" if path.stat().st_mode & 0o100 else "100644"
            found[name] = mode, hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return found


def tree(repository: Path, what: str) -> dict[str, tuple[str, str]]:
    found = {}
    for line in git(repository, "ls-tree", "-r", "-z", what).split("\0"):
        if line:
            about, _, path = line.partition("\t")
            mode, _, oid = about.split()
            found[path] = mode, oid
    return found


def test_it_is_ported_without_errors(pin: Pin, workspace: Path) -> None:
    """What is left to a person.

    slim's trainer can train with parameter servers, which a port does not; a script of realmix
    names its Keras optimizer by a text, which only matters on several devices.
    """
    warned = {"vgg19": [("warning", "NPU705")], "realmix": [("warning", "NPU706")]}
    made = manifest(workspace, pin)
    grave = [(f["severity"], f["code"]) for f in made["findings"] if f["severity"] != "note"]
    assert grave == warned.get(pin.name, [])
    assert made["upstream"]["commit"] == pin.commit
    assert (workspace / "ported" / pin.name / "LICENSE").is_file()


def test_every_session_has_its_role(pin: Pin, workspace: Path) -> None:
    rows = manifest(workspace, pin)["sessions"]
    sessions = [row for row in rows if row["kind"].startswith("tf.")]
    roles = Counter(row["role"] for row in sessions)
    device = {(row["path"], row["kind"]) for row in rows if row["role"] == "device"}
    assert roles["unknown"] == 0
    if pin.name == "biggan":
        assert roles == {"device": 1}
        assert device == {("main.py", "tf.Session")}
    elif pin.name == "ssgan":
        assert roles == {"device": 2}
        supervisor = "tf.train.Supervisor.prepare_or_wait_for_session"
        assert device == {("trainer.py", supervisor), ("evaler.py", "tf.Session")}
    elif pin.name == "realmix":
        assert roles == {"device": 2, "host": 17}
        assert {
            ("libml/train.py", "tf.train.MonitoredTrainingSession"),
            ("libml/train.py", "tf.Session"),
        } <= device
    else:
        train, evaluate = "tf.contrib.slim.learning.train", "tf.contrib.slim.evaluation"
        assert device == {
            ("train_image_classifier.py", train),
            ("nets/mobilenet_v1_train.py", train),
            ("eval_image_classifier.py", f"{evaluate}.evaluate_once"),
            ("nets/mobilenet_v1_eval.py", f"{evaluate}.evaluate_once"),
        }


def test_every_session_is_configured_for_its_role(pin: Pin, workspace: Path) -> None:
    """By their text: whatever the analysis says, the configuration stands there."""
    for row in manifest(workspace, pin)["sessions"]:
        text = (workspace / "ported" / pin.name / row["path"]).read_text("utf-8")
        lines = text.splitlines()[row["line"] - 1 :]
        wanted = "npu_session_config(" if row["role"] == "device" else "host_session_config("
        if row["kind"].startswith("tf."):
            assert wanted in " ".join(lines[:25]), row


def test_a_second_port_writes_nothing(pin: Pin, workspace: Path) -> None:
    def times() -> dict[Path, int]:
        return {p: p.stat().st_mtime_ns for p in workspace.rglob("*") if p.is_file()}

    before = times()
    done = run(workspace, "port", pin.name, seed="99")
    assert done.returncode == 0, done.stderr
    assert "nothing was written" in done.stdout
    assert times() == before
    assert run(workspace, "port", pin.name, "--check").returncode == 0


def test_another_run_writes_the_same(pin: Pin, workspace: Path, tmp_path: Path) -> None:
    for name in ("upstream.lock", "templates", "patches"):
        place = workspace / name
        copy = shutil.copytree if place.is_dir() else shutil.copy
        copy(place, tmp_path / name)
    assert run(tmp_path, "port", pin.name, seed="4321").returncode == 0
    for part in ("ported", "patches"):
        assert digests(tmp_path / part / pin.name) == digests(workspace / part / pin.name)


def series(workspace: Path, pin: Pin) -> list[str]:
    folder = workspace / "patches" / pin.name
    return [str(folder / name) for name in (folder / "series").read_text().split()]


def test_the_series_applies_to_upstream_itself(pin: Pin, workspace: Path, tmp_path: Path) -> None:
    """On the real commit; blobs that the port does not touch may be missing from the mirror."""
    owner, name = pin.url.removesuffix(".git").split("/")[-2:]
    git(tmp_path, "init", "-q")
    objects = Path(MIRROR) / owner / f"{name}.git" / "objects"
    (tmp_path / ".git" / "objects" / "info" / "alternates").write_text(f"{objects}\n")
    git(tmp_path, "update-ref", "HEAD", pin.commit)
    git(tmp_path, "read-tree", pin.commit)
    upstream = tree(tmp_path, f"{pin.commit}:{pin.path}")
    folder = [f"--directory={pin.path}"] if pin.path else []
    git(tmp_path, "am", "-q", "--keep-cr", *folder, *series(workspace, pin))

    made = tree(tmp_path, f"HEAD:{pin.path}")
    port = blobs(workspace / "ported" / pin.name)
    recipe = (workspace / "patches" / pin.name / "recipe.toml").read_text()
    elsewhere = port.keys() - made.keys()
    assert elsewhere <= ({"LICENSE"} if pin.path else set())
    assert {p: b for p, b in port.items() if p not in elsewhere} == {
        p: b for p, b in made.items() if p in port
    }
    missing = made.keys() - port.keys()
    assert missing <= upstream.keys()
    assert not missing or "leave_out" in recipe


def test_the_series_rebuilds_the_port_from_its_import(
    pin: Pin, workspace: Path, tmp_path: Path
) -> None:
    port = workspace / "ported" / pin.name
    records = manifest(workspace, pin)["files"]
    project = tmp_path / "project"
    project.mkdir()
    git(project, "init", "-q")
    for path in records:
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(port / path, project / path)
    git(project, "add", "-A", "-f", ".")
    for patch in reversed(series(workspace, pin)):
        git(project, "apply", "--index", "--whitespace=nowarn", "--reverse", patch)
    git(project, "commit", "-q", "-m", "Import")
    imported = tree(project, "HEAD")
    assert imported.keys() == {path for path, record in records.items() if record["before"]}
    git(project, "am", "-q", "--keep-cr", *series(workspace, pin))
    assert tree(project, "HEAD") == blobs(port)
