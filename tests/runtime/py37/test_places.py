import pytest
from npu_runtime.places import data_path, output_path


@pytest.mark.parametrize("function", [data_path, output_path])
@pytest.mark.parametrize("path", ["./data", "data/", "/data", "gs://b/data", "", None, "../x"])
def test_unset_means_upstreams_own(function, path, monkeypatch):
    monkeypatch.delenv("NPU_DATA_DIR", raising=False)
    monkeypatch.setenv("NPU_OUTPUT_DIR", "")
    assert function(path) == path


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("./data", "/cache/data"),
        ("data", "/cache/data"),
        ("data/", "/cache/data/"),
        ("./data/faces/*.jpg", "/cache/data/faces/*.jpg"),
        (".", "/cache"),
        ("/data", "/data"),
        ("gs://b/data", "gs://b/data"),
        ("", ""),
        (None, None),
    ],
)
def test_a_relative_path_is_below_the_folder(path, place, monkeypatch):
    monkeypatch.setenv("NPU_DATA_DIR", "/cache")
    monkeypatch.setenv("NPU_OUTPUT_DIR", "/cache/")
    assert data_path(path) == place
    assert output_path(path) == place
