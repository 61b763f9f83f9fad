from __future__ import annotations

import ast
import sys

import pytest

from migrate.environment import find_python37, parse_with_python37
from migrate.errors import UsageError
from migrate.runtime import cann_release, precision_modes, runtime_files
from migrate.simulator.npu_simulator.releases import CANN_RELEASES

ALL = frozenset({"boot", "horovod", "images", "places", "session"})


def values(data: bytes) -> dict[str, str]:
    namespace: dict[str, str] = {}
    exec(data, namespace)
    return {name: value for name, value in namespace.items() if name.isupper()}


@pytest.mark.parametrize("release", CANN_RELEASES)
def test_defaults_are_filled_in(release) -> None:
    data = runtime_files(release.name, ALL)["npu_runtime/defaults.py"].data
    expected = {"CANN_RELEASE": release.name, "ADAPTER_RELEASE": release.adapter}
    assert values(data) == expected | {"PRECISION_MODE": "none", "MIX_COMPILE_MODE": False}


def test_a_precision_mode_is_filled_in() -> None:
    data = runtime_files("7.0", ALL, "mixed_float16")["npu_runtime/defaults.py"].data
    assert values(data)["PRECISION_MODE"] == "mixed_float16"
    mixed = runtime_files("7.0", ALL, mix_compile_mode=True)["npu_runtime/defaults.py"].data
    assert values(mixed)["MIX_COMPILE_MODE"] is True
    assert precision_modes("20.2")[:2] == ("none", "allow_fp32_to_fp16")
    assert set(precision_modes("20.2")) < set(precision_modes("7.0"))


def test_every_release_is_known_once() -> None:
    assert len({release.name for release in CANN_RELEASES}) == 13
    assert len({release.adapter for release in CANN_RELEASES}) == 13
    assert cann_release("5.1.RC2").adapter == "r1.9.0"


@pytest.mark.parametrize("name", ["", "7", "7.0.0", "8.0", "r1.15.0", "5.1.rc1"])
def test_an_unknown_release_lists_the_known_ones(name: str) -> None:
    with pytest.raises(UsageError, match=r"20\.2, 5\.0\.1, .*, 7\.0$"):
        runtime_files(name, ALL)


def test_only_what_is_wanted() -> None:
    names = ["__init__", "defaults", "jobs", "optimizers", "options", "places", "rank_tables"]
    names += [
        "averaging",
        "checkpoints",
        "collectives",
        "distribution",
        "gradients",
        "keras_optimizers",
        "rank_files",
        "rank_values",
        "ranks",
        "runs",
        "scaling",
        "session",
        "settings",
        "shards",
        "steps",
        "strategies",
        "writing",
    ]
    horovod = ["horovod", "horovod_callbacks", "horovod_keras"]
    assert list(runtime_files("7.0", frozenset())) == []
    assert list(runtime_files("7.0", frozenset({"images"}))) == ["npu_runtime/images.py"]
    assert list(runtime_files("7.0", frozenset({"session"}))) == [
        f"npu_runtime/{name}.py" for name in sorted(names)
    ]
    assert list(runtime_files("7.0", ALL)) == [
        f"npu_runtime/{name}.py"
        for name in sorted([*names, *horovod, "boot", "images", "launch", "stores", "transfer"])
    ]


@pytest.mark.parametrize("part", sorted(ALL))
def test_what_a_module_imports_at_once_is_there(part: str) -> None:
    files = runtime_files("7.0", frozenset({part}))
    for path, file in files.items():
        for node in ast.parse(file.data, path).body:
            if isinstance(node, ast.ImportFrom) and node.level:
                names = [node.module] if node.module else [alias.name for alias in node.names]
                assert {f"npu_runtime/{name}.py" for name in names} <= files.keys(), path


def test_an_unknown_part_is_an_error() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        runtime_files("7.0", frozenset({"session", "nonsense"}))


def test_paths_agree_with_keys() -> None:
    assert all(path == file.path for path, file in runtime_files("7.0", ALL).items())


def test_it_parses_as_python37() -> None:
    sources = {path: file.data for path, file in runtime_files("20.2", ALL).items()}
    for path, data in sources.items():
        ast.parse(data, path, feature_version=(3, 7))
    if python := find_python37():
        assert parse_with_python37(python, sources) == {}


def test_it_imports_only_what_an_ascend_machine_has_or_a_setting_asks_for() -> None:
    known = {"moxing", "numpy", "npu_bridge", "obs", "PIL"}
    known |= {"absl", "tensorflow", "tensorflow_estimator"}  # TensorFlow brings absl
    known |= set(sys.stdlib_module_names)
    for path, file in runtime_files("7.0", ALL).items():
        for node in ast.walk(ast.parse(file.data, path)):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= known, path
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert node.module is not None
                assert node.module.split(".")[0] in known, path
                assert node.names[0].name != "*", path
