"""Fixtures for Python 3.7 and TensorFlow 1.15.0. No package of the kit is imported here."""

import importlib
import os
import sys
import textwrap

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "migrate", "runtime"))

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No setting of the caller's reaches a test."""
    ranks = ("RANK_ID", "RANK_SIZE", "RANK_TABLE_FILE", "JOB_ID", "DEVICE_ID", "ASCEND_DEVICE_ID")
    for name in ("NPU_DEVICE", "NPU_MIX_COMPILE", "TF_CONFIG", *ranks):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def host(monkeypatch):
    monkeypatch.setenv("NPU_DEVICE", "host")


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    """An npu_bridge that can be imported; its npu_init patches Session as r1.9.0 and later do."""
    package = tmp_path / "adapter" / "npu_bridge"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "npu_init.py").write_text(
        textwrap.dedent(
            """
            from tensorflow.core.protobuf import config_pb2
            from tensorflow.python.client import session

            def patched(init):
                def wrapper(self, target="", graph=None, config=None):
                    config = config or config_pb2.ConfigProto()
                    optimizers = config.graph_options.rewrite_options.custom_optimizers
                    if not any(entry.name == "NpuOptimizer" for entry in optimizers):
                        optimizers.add(name="NpuOptimizer")
                    return init(self, target, graph, config)

                return wrapper

            session.Session.__init__ = patched(session.Session.__init__)
            """
        )
    )
    monkeypatch.syspath_prepend(str(package.parent))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "npu_bridge"]:
        del sys.modules[name]
    importlib.invalidate_caches()
