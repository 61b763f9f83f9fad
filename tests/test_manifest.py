"""A manifest comes back as it was written; a damaged one is refused with its place named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrate.errors import MigrateError
from migrate.manifest import (
    MANIFEST_NAME,
    FileRecord,
    Manifest,
    Upstream,
    file_records,
    read_manifest,
)
from migrate.upstream.tree import EXECUTABLE, SourceFile

BEFORE = {
    "a.py": SourceFile("a.py", b"1\n"),
    "run.sh": SourceFile("run.sh", b"x\n", EXECUTABLE),
    "gone.py": SourceFile("gone.py", b""),
}
AFTER = {
    "run.sh": BEFORE["run.sh"],
    "a.py": SourceFile("a.py", b"2\n"),
    "模型/x\udcff.py": SourceFile("模型/x\udcff.py", b""),
}

MANIFEST = Manifest(
    kit_version="0.1.0",
    rules_digest="d" * 64,
    upstream=Upstream("biggan", "https://example.com/x.git", "a" * 40, "b" * 40, "", "MIT"),
    cann="6.3",
    recipe_digest=None,
    settings={"mix_compile_mode": True, "scale": 1.5},
    files=file_records(BEFORE, AFTER),
    rules={"NPU101": 3},
    findings=({"code": "NPU901", "file": "a.py", "line": 3, "message": "训练"},),
    sessions=({"place": "a.py:3", "role": "device", "why": "an optimizer"},),
    symbols={"native": 10, "unknown": 0},
    series_digest="c" * 64,
)


def test_round_trip() -> None:
    data = MANIFEST.to_json()
    again = Manifest.from_json(data, "m")
    assert again == MANIFEST
    assert again.to_json() == data


def test_bytes_are_sorted_indented_and_ended() -> None:
    text = MANIFEST.to_json().decode()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    shuffled = replace(
        MANIFEST,
        files=MANIFEST.files[::-1],
        settings=dict(reversed(list(MANIFEST.settings.items()))),
        symbols=dict(reversed(list(MANIFEST.symbols.items()))),
    )
    assert shuffled.to_json() == MANIFEST.to_json()


def test_records() -> None:
    records = {record.path: record for record in MANIFEST.files}
    assert list(records) == sorted(AFTER)
    added = records["模型/x\udcff.py"]
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert added == FileRecord("模型/x\udcff.py", 0o100644, None, empty)
    assert records["run.sh"].before == records["run.sh"].after
    assert records["run.sh"].mode == EXECUTABLE
    assert records["a.py"].before != records["a.py"].after


def test_a_project_without_a_repository() -> None:
    local = replace(MANIFEST, upstream=Upstream("demo", "", None, None, "examples/gan", "MIT"))
    assert Manifest.from_json(local.to_json(), "m") == local


def test_read_from_a_folder(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    assert read_manifest(tmp_path / "nowhere") is None
    path = tmp_path / MANIFEST_NAME
    path.write_bytes(MANIFEST.to_json())
    assert read_manifest(path) is None
    assert read_manifest(tmp_path) == MANIFEST
    path.write_bytes(MANIFEST.to_json()[:-40])
    with pytest.raises(MigrateError, match="the manifest is damaged") as caught:
        read_manifest(tmp_path)
    assert caught.value.where == str(path)
    assert "port again" in caught.value.advice
    path.unlink()
    path.mkdir()
    with pytest.raises(MigrateError, match="cannot read the manifest"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", b"[]", b"3"])
def test_not_a_manifest(data: bytes) -> None:
    with pytest.raises(MigrateError, match="the manifest is damaged"):
        Manifest.from_json(data, "m")


def _set(*keys: str, to: object) -> Callable[[Any], None]:
    def damage(payload: Any) -> None:
        for key in keys[:-1]:
            payload = payload[key]
        payload[keys[-1]] = to

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.pop("series_digest"), "series_digest is missing"),
        (lambda p: p["upstream"].pop("url"), "upstream.url is missing"),
        (_set("kit_version", to=1), "kit_version: expected a text, found 1"),
        (_set("upstream", to=[]), "upstream: expected an object, found []"),
        (_set("upstream", "commit", to="HEAD"), "upstream.commit: expected 40 hex digits or null"),
        (_set("upstream", "path", to="/etc"), "upstream.path: expected a relative path"),
        (_set("upstream", "path", to=None), "upstream.path: expected a text, found null"),
        (_set("files", to=[]), "files: expected an object"),
        (_set("files", "a.py", "mode", to="777"), "files['a.py'].mode: expected 100644 or 100755"),
        (_set("files", "a.py", "after", to=None), "files['a.py'].after: expected a sha256, found"),
        (_set("files", "a.py", "before", to="x"), "files['a.py'].before: expected a sha256 or"),
        (
            lambda p: p["files"].update({"../x": p["files"]["a.py"]}),
            "files['../x']: expected a rel",
        ),
        (lambda p: p["files"].update({"/x": p["files"]["a.py"]}), "files['/x']: expected a rel"),
        (_set("rules", "NPU101", to=True), "rules['NPU101']: expected a whole number, found true"),
        (_set("symbols", "native", to=-1), "symbols['native']: expected a whole number, found -1"),
        (_set("findings", to={}), "findings: expected a list"),
        (_set("sessions", to=["x"]), "sessions[0]: expected an object"),
        (_set("settings", to="x" * 99), 'settings: expected an object, found "xxxxxxxxxxxxx'),
        (_set("format", to=2), "the manifest has format 2; this kit reads format 1"),
        (_set("format", to="1"), "format: expected a whole number"),
    ],
)
def test_damage_is_named(damage: Callable[[Any], None], message: str) -> None:
    payload = json.loads(MANIFEST.to_json())
    damage(payload)
    with pytest.raises(MigrateError) as caught:
        Manifest.from_json(json.dumps(payload).encode(), "ported/x/manifest")
    assert message in caught.value.message
    assert caught.value.where == "ported/x/manifest"
    assert len(str(caught.value)) < 300


def test_values_that_json_cannot_hold() -> None:
    with pytest.raises(ValueError):
        replace(MANIFEST, settings={"x": float("nan")}).to_json()
    with pytest.raises(TypeError):
        replace(MANIFEST, settings={"x": Path("x")}).to_json()
