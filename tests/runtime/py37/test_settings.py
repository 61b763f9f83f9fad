import os
import subprocess
import sys

import npu_runtime
import pytest
from npu_runtime import settings


@pytest.mark.parametrize(
    "value, expected", [(None, False), ("", False), ("npu", False), ("host", True)]
)
def test_device(monkeypatch, value, expected):
    if value is not None:
        monkeypatch.setenv("NPU_DEVICE", value)
    assert settings.on_host() is expected


@pytest.mark.parametrize(
    "value, requested, expected",
    [
        (None, False, False),
        (None, True, True),
        ("", True, True),
        ("0", True, False),
        ("0", False, False),
        ("1", True, True),
        ("1", False, True),
    ],
)
def test_mix_compile(monkeypatch, value, requested, expected):
    if value is not None:
        monkeypatch.setenv("NPU_MIX_COMPILE", value)
    assert settings.mix_compile(requested) is expected


@pytest.mark.parametrize("value", ["NPU", "cpu", "0", " host"])
def test_illegal_device_names_the_legal_ones(monkeypatch, value):
    monkeypatch.setenv("NPU_DEVICE", value)
    with pytest.raises(ValueError, match="NPU_DEVICE=%s .*npu, host" % value):
        settings.on_host()


@pytest.mark.parametrize("value", ["2", "true", "no"])
def test_illegal_mix_compile_names_the_legal_ones(monkeypatch, value):
    monkeypatch.setenv("NPU_MIX_COMPILE", value)
    with pytest.raises(ValueError, match="NPU_MIX_COMPILE=%s .*0, 1" % value):
        settings.mix_compile(True)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"NPU_DEVICE": "gpu"}, "NPU_DEVICE=gpu is not legal; leave it unset or use one of: npu"),
        ({"RANK_SIZE": "abc"}, "RANK_SIZE=abc: set it to the number of processes, at least 1"),
        ({"RANK_SIZE": "2"}, "RANK_SIZE=2, but JOB_ID is not set; set it to a name"),
        (
            {"RANK_SIZE": "2", "JOB_ID": "1", "RANK_TABLE_FILE": "/nowhere.json"},
            "RANK_TABLE_FILE: /nowhere.json: No such file or directory",
        ),
        ({"NPU_LOSS_SCALE": "big"}, "NPU_LOSS_SCALE=big"),
    ],
)
def test_what_a_person_set_wrong_is_told_on_one_line(given, message):
    root = os.path.dirname(os.path.dirname(npu_runtime.__file__))
    code = "import npu_runtime as r; from npu_runtime import options, settings; r.size();"
    code += "settings.on_host(); options.loss_scale()"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=dict({"PYTHONPATH": root}, **given),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(message) and done.stderr.count("\n") == 1, done.stderr
