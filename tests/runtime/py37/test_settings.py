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
