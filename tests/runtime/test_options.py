"""Every option that the runtime can emit is legal for every release that it claims."""

from __future__ import annotations

import importlib
import itertools
import json
from pathlib import Path
from types import ModuleType

import pytest

from migrate.simulator.npu_simulator.options import Setting, check_options
from migrate.simulator.npu_simulator.releases import CANN_RELEASES

RUNTIME = Path(__file__).parents[2] / "migrate" / "runtime"


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(str(RUNTIME))
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("npu_runtime.options")


def use(release: object, options: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options.defaults, "CANN_RELEASE", release.name)
    monkeypatch.setattr(options.defaults, "ADAPTER_RELEASE", release.adapter)


def problems(chosen: dict[str, object], adapter: str) -> list[object]:
    entry = {
        key: Setting("b" if isinstance(value, bool) else "s", value)
        for key, value in chosen.items()
    }
    return list(check_options([entry], adapter))


@pytest.mark.parametrize("release", CANN_RELEASES, ids=lambda release: release.name)
def test_every_choice_is_legal_for_every_release(
    release, options: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(release, options, monkeypatch)
    modes = ("none", *options.precision_modes(release.adapter))
    profiling = ({}, {"NPU_PROFILING": "1", "NPU_PROFILING_FP_POINT": "a"})
    dumps = (
        {},
        {"NPU_DUMP": "all", "NPU_DUMP_STEP": "0|5|10-20"},
        {"NPU_OVERFLOW_DUMP": "atomic_overflow"},
    )
    checked = 0
    for mode, profile, dump in itertools.product(modes, profiling, dumps):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in ({"NPU_PRECISION_MODE": mode} | profile | dump).items():
                patch.setenv(name, value)
            assert problems(options.session_options(), release.adapter) == []
            checked += 1
    assert checked == len(modes) * 6


@pytest.mark.parametrize("release", CANN_RELEASES, ids=lambda release: release.name)
@pytest.mark.parametrize(
    "name",
    [
        "NPU_MODIFY_MIXLIST",
        "NPU_OP_PRECISION_MODE",
        "NPU_FUSION_SWITCH_FILE",
        "NPU_CUSTOMIZE_DTYPES",
    ],
)
def test_a_file_is_passed_on_where_the_release_has_the_option(
    release, name: str, options: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(release, options, monkeypatch)
    (tmp_path / "file").write_text("{}")
    monkeypatch.setenv(name, "file")
    monkeypatch.setenv("NPU_PRECISION_MODE", "allow_mix_precision")
    try:
        chosen = options.session_options()
    except ValueError as error:
        assert release.name in str(error)
        key = name[len("NPU_") :].lower()
        assert problems({key: str(tmp_path / "file")}, release.adapter)
    else:
        assert str(tmp_path / "file") in chosen.values()
        assert problems(chosen, release.adapter) == []


def test_nothing_chosen_says_nothing(options: ModuleType) -> None:
    assert options.session_options() == {}
    assert options.loss_scale() is None


@pytest.mark.parametrize(
    ("mode", "key"),
    [
        ("allow_mix_precision", "precision_mode"),
        ("cube_fp16in_fp32out", "precision_mode"),
        ("mixed_float16", "precision_mode_v2"),
        ("origin", "precision_mode_v2"),
    ],
)
def test_the_mode_stands_in_the_key_that_knows_it(
    mode: str, key: str, options: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPU_PRECISION_MODE", mode)
    assert options.session_options() == {key: mode}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("NPU_PRECISION_MODE", "fp8", "not legal for CANN 7.0; use none or one of: allow_fp32"),
        ("NPU_LOSS_SCALE", "0.5", "at least 1"),
        ("NPU_LOSS_SCALE", "inf", "at least 1"),
        ("NPU_LOSS_SCALE", "yes", "use auto, dynamic, off or a number"),
        ("NPU_MODIFY_MIXLIST", "nothing.json", "there is no such file"),
        ("NPU_OP_SELECT_IMPLMODE", "fast", "high_precision"),
        ("NPU_PROFILING", "yes", "0, 1"),
        ("NPU_DUMP", "some", "input, output, all"),
    ],
)
def test_what_is_not_legal_is_an_error(
    name: str, value: str, message: str, options: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message) as caught:
        options.session_options()
        options.loss_scale()
    assert name in str(caught.value)


def test_a_mode_that_a_release_does_not_have(
    options: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(CANN_RELEASES[0], options, monkeypatch)
    monkeypatch.setenv("NPU_PRECISION_MODE", "mixed_float16")
    with pytest.raises(ValueError, match=r"CANN 20\.2"):
        options.session_options()


def test_a_mixlist_needs_mixed_precision(
    options: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "list.json").write_text("{}")
    monkeypatch.setenv("NPU_MODIFY_MIXLIST", "list.json")
    with pytest.raises(ValueError, match="NPU_PRECISION_MODE=allow_mix_precision"):
        options.session_options()


def test_both_dumps_exclude_each_other(
    options: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPU_DUMP", "all")
    monkeypatch.setenv("NPU_OVERFLOW_DUMP", "all")
    with pytest.raises(ValueError, match="exclude each other"):
        options.session_options()


def test_folders_are_made_below_the_outputs(
    options: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NPU_OUTPUT_DIR", str(tmp_path / "out"))
    monkeypatch.setenv("NPU_PROFILING", "1")
    monkeypatch.setenv("NPU_DUMP", "all")
    chosen = options.session_options()
    assert json.loads(chosen["profiling_options"])["output"] == str(tmp_path / "out/profiling")
    assert chosen["dump_path"] == str(tmp_path / "out/dump")
    assert (tmp_path / "out/profiling").is_dir()
    assert (tmp_path / "out/dump").is_dir()


@pytest.mark.parametrize(
    ("mode", "wanted", "scale"),
    [
        ("allow_mix_precision", "", "dynamic"),
        ("force_fp16", "", "dynamic"),
        ("mixed_float16", "auto", "dynamic"),
        ("allow_mix_precision_bf16", "", None),
        ("must_keep_origin_dtype", "", None),
        ("none", "", None),
        ("none", "dynamic", "dynamic"),
        ("none", "1024", 1024.0),
        ("allow_mix_precision", "off", None),
        ("allow_mix_precision", "128.5", 128.5),
    ],
)
def test_when_the_loss_is_scaled(
    mode: str,
    wanted: str,
    scale: object,
    options: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NPU_PRECISION_MODE", mode)
    monkeypatch.setenv("NPU_LOSS_SCALE", wanted)
    assert options.loss_scale() == scale
