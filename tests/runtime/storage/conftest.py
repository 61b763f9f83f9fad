from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.runtime.storage.s3_server import S3Server

RUNTIME = Path(__file__).parents[3] / "migrate" / "runtime"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server whose bucket is the folder tmp_path/bucket; the environment points to it."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    server = S3Server(folder)
    monkeypatch.setenv("OBS_ENDPOINT", server.endpoint)
    monkeypatch.setenv("OBS_ACCESS_KEY_ID", "the-access-key")
    monkeypatch.setenv("OBS_SECRET_ACCESS_KEY", "the-secret-key")
    monkeypatch.setenv("NPU_OBS_PATH_STYLE", "1")
    yield server
    server.close()


def _module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(RUNTIME))
    return importlib.import_module(f"npu_runtime.{name}")


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return _module("stores", monkeypatch)


@pytest.fixture
def transfer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module under test; its pauses between two tries take no time."""
    module = _module("transfer", monkeypatch)
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    return module


@pytest.fixture(autouse=True)
def no_moxing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moxing", None)
