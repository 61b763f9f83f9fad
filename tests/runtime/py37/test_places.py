import pytest
from npu_runtime.places import data_path, data_variable, output_path


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
        ("../data", "/cache/data"),
        ("../../data/", "/cache/data/"),
        ("..", "/cache"),
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


@pytest.mark.parametrize(
    ("folder", "variable", "place"),
    [
        ("", "records", "records"),
        ("/cache", "records", "/cache/records"),
        ("/cache", "/mine", "/mine"),
        ("/cache", None, "/cache"),
    ],
)
def test_a_variable_names_the_data(folder, variable, place, monkeypatch):
    monkeypatch.setenv("NPU_DATA_DIR", folder)
    monkeypatch.delenv("SOME_DATA", raising=False)
    if variable is not None:
        monkeypatch.setenv("SOME_DATA", variable)
    assert data_variable("SOME_DATA") == place
    assert data_variable("SOME_DATA", "/else") == place


def test_a_variable_that_is_unset_is_upstreams_own(monkeypatch):
    monkeypatch.delenv("NPU_DATA_DIR", raising=False)
    monkeypatch.delenv("SOME_DATA", raising=False)
    with pytest.raises(KeyError, match="SOME_DATA"):
        data_variable("SOME_DATA")
    assert data_variable("SOME_DATA", None) is None
    assert data_variable("SOME_DATA", "/else") == "/else"
