import importlib
import sys

import pytest
from npu_runtime.places import data_flags, data_path, data_variable, output_flags, output_path


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


@pytest.fixture
def flags(monkeypatch):
    """absl's flags, with FLAGS that nothing is defined in."""
    flags = pytest.importorskip("absl.flags")
    monkeypatch.setattr(flags, "FLAGS", flags.FlagValues())
    return flags


@pytest.mark.parametrize(
    ("folder", "default", "given", "place"),
    [
        ("", "./data", "mine", "mine"),
        ("", "./data", None, "./data"),
        ("/cache", "./data", None, "/cache/data"),
        ("/cache", "./data", "mine/x", "/cache/mine/x"),
        ("/cache", "./data", "/mine", "/mine"),
        ("/cache", "", "mine", "/cache/mine"),
        ("/cache", "", None, ""),
        ("/cache", None, None, None),
        ("/cache", None, "mine", "/cache/mine"),
    ],
)
def test_a_flag_of_absl_moves_what_it_is_given(flags, folder, default, given, place, monkeypatch):
    monkeypatch.setenv("NPU_DATA_DIR", folder)
    flags.DEFINE_string("data_dir", default, "where", flag_values=data_flags)
    flags.FLAGS(["train.py"] + (["--data_dir", given] if given is not None else []))
    assert flags.FLAGS.data_dir == place
    assert flags.FLAGS["data_dir"].help == "where"


def test_a_flag_of_absl_that_must_be_given(flags, monkeypatch):
    monkeypatch.setenv("NPU_OUTPUT_DIR", "/cache")
    flags.DEFINE_string("out", None, "where", flag_values=output_flags)
    flags.mark_flag_as_required("out", flag_values=flags.FLAGS)
    with pytest.raises(flags.IllegalFlagValueError, match="out"):
        flags.FLAGS(["train.py"])
    with pytest.raises(flags.DuplicateFlagError):
        flags.DEFINE_string("out", "runs", "again", flag_values=output_flags, module_name="b")
    flags.FLAGS(["train.py", "--out=runs"])
    assert flags.FLAGS.out == "/cache/runs"


def test_a_flag_of_tensorflow_moves_what_it_is_given(monkeypatch):
    app_flags = pytest.importorskip("tensorflow").app.flags
    monkeypatch.setenv("NPU_OUTPUT_DIR", "/cache")
    app_flags.DEFINE_string("places_out", "runs", docstring="x", flag_values=output_flags)
    assert app_flags.FLAGS(["train.py"]) and app_flags.FLAGS.places_out == "/cache/runs"
    app_flags.FLAGS(["train.py", "--places_out", "mine"])
    assert app_flags.FLAGS.places_out == "/cache/mine"


def test_flags_that_exclude_each_other(flags):
    folders = [
        flags.DEFINE_string("data_dir", None, "where", flag_values=data_flags),
        flags.DEFINE_string("out_dir", None, "where", flag_values=output_flags),
        flags.DEFINE_string("other", None, "what", flag_values=flags.FLAGS),
    ]
    for together in (folders, folders[::-1]):
        flags.mark_flags_as_mutual_exclusive(together, required=False, flag_values=flags.FLAGS)
    flags.FLAGS(["train.py"])
    with pytest.raises(flags.IllegalFlagValueError, match="At most one"):
        flags.FLAGS(["train.py", "--other=a", "--data_dir=b"])


def test_a_module_that_defines_flags_is_imported_again(flags, tmp_path, monkeypatch):
    (tmp_path / "places_defs.py").write_text(
        "from absl import flags\n"
        "from npu_runtime.places import data_flags\n"
        "flags.DEFINE_string('data_dir', 'data', 'where', flag_values=data_flags)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    first = importlib.import_module("places_defs")
    monkeypatch.delitem(sys.modules, "places_defs")
    assert importlib.import_module("places_defs") is not first
    flags.FLAGS(["train.py"])
    assert flags.FLAGS.data_dir == "data"
