"""Names across the files of a project, and files that cannot be read."""

from __future__ import annotations

import itertools
import weakref

import pytest

from migrate.analysis.module import Module
from migrate.analysis.parsed import Parsed
from migrate.analysis.project import MAX_PARSED_BYTES, Project, Unparsable
from migrate.analysis.syntax import uncollected
from migrate.analysis.words import is_used_elsewhere
from migrate.upstream.tree import SourceFile
from tests.analysis.names import keep_parsed, named, project_of

SESSION = "tensorflow.Session"
TF = "import tensorflow as tf\n"


def shown(files: dict[str, str], path: str = "train.py") -> list[str | None]:
    return named(project_of(files).module(path))


@pytest.mark.parametrize(
    "files",
    [
        {"utils.py": TF, "train.py": "from utils import *\nshow(tf.Session)"},
        {"utils.py": TF, "train.py": "from utils import tf\nshow(tf.Session)"},
        {"utils.py": TF, "train.py": "import utils\nshow(utils.tf.Session)"},
        {"utils.py": TF, "train.py": "import utils as u\nshow(u.tf.Session)"},
        {"utils.py": TF + "S = tf.Session", "train.py": "from utils import S as T\nshow(T)"},
        {"a.py": TF, "b.py": "from a import *", "train.py": "from b import *\nshow(tf.Session)"},
        {"a.py": TF, "b.py": "from a import tf as T", "train.py": "import b\nshow(b.T.Session)"},
        {
            "a.py": "from b import *",
            "b.py": "from a import *\n" + TF,
            "train.py": "from a import *\nshow(tf.Session)",
        },
        # A cycle of imports that pass names on.
        {
            "a.py": TF + "from b import S\nfrom train import x",
            "b.py": "from a import tf\nS = tf.Session",
            "train.py": "from a import S\nx = 1\nshow(S)",
        },
        {
            "lib/__init__.py": "",
            "lib/u.py": TF,
            "train.py": "from lib.u import tf\nshow(tf.Session)",
        },
        {
            "lib/__init__.py": "",
            "lib/u.py": TF,
            "train.py": "from lib import u\nshow(u.tf.Session)",
        },
        {"lib/__init__.py": "", "lib/u.py": TF, "train.py": "import lib.u\nshow(lib.u.tf.Session)"},
        {
            "lib/__init__.py": "",
            "lib/u.py": TF,
            "train.py": "import lib.u as x\nshow(x.tf.Session)",
        },
        {"lib/u.py": TF, "train.py": "import lib.u\nshow(lib.u.tf.Session)"},
        {"lib/u.py": TF, "train.py": "from lib import u\nshow(u.tf.Session)"},
        {
            "lib/__init__.py": "from .u import S",
            "lib/u.py": TF + "S = tf.Session",
            "train.py": "import lib\nshow(lib.S)",
        },
        {
            "lib/__init__.py": "from lib.u import *",
            "lib/u.py": TF + "S = tf.Session",
            "train.py": "from lib import S\nshow(S)",
        },
        {
            "lib/__init__.py": "from . import u",
            "lib/u.py": TF,
            "train.py": "import lib\nshow(lib.u.tf.Session)",
        },
        {"lib/u.py": TF, "lib/train.py": "from .u import tf\nshow(tf.Session)"},
        {"lib/u.py": TF, "lib/train.py": "from . import u\nshow(u.tf.Session)"},
        {"lib/u.py": TF, "lib/train.py": "import u\nshow(u.tf.Session)"},
        {"lib/u.py": TF, "lib/train.py": "from lib.u import *\nshow(tf.Session)"},
        {"u.py": TF, "lib/train.py": "from ..u import tf\nshow(tf.Session)"},
        {"u.py": TF, "lib/train.py": "from u import tf\nshow(tf.Session)"},
        {"u.py": TF, "a/b/c/train.py": "from ....u import tf\nshow(tf.Session)"},
        {"a/v/u.py": TF, "a/b/train.py": "from ..v.u import tf\nshow(tf.Session)"},
        {
            "try1.py": "import tensorflow.compat.v1 as tf",
            "try2.py": TF,
            "train.py": "try:\n  from try1 import tf\nexcept E:\n  from try2 import tf\n"
            "show(tf.Session)",
        },
        # The last star import wins.
        {
            "a.py": "import torch as tf",
            "b.py": TF,
            "train.py": "from a import *\nfrom b import *\nshow(tf.Session)",
        },
        {
            "a.py": "import torch as tf",
            "b.py": TF,
            "c.py": "from a import *\nfrom b import *",
            "train.py": "from c import *\nshow(tf.Session)",
        },
        {"u.py": "from tensorflow import *", "train.py": "from u import *\nshow(Session)"},
        # Folders that are called like a library are not that library.
        {"tensorflow/u.py": "", "train.py": TF + "show(tf.Session)"},
        {"code/tensorflow/u.py": "", "code/train.py": TF + "show(tf.Session)"},
        {"lib/__init__.py": "", "lib/tensorflow.py": TF + "show(tf.Session)"},
        {"lib/__init__.py": "", "lib/tensorflow.py": "", "lib/a.py": TF + "show(tf.Session)"},
        {
            "lib/__init__.py": "",
            "lib/tensorflow/__init__.py": "",
            "lib/tensorflow/a.py": TF + "show(tf.Session)",
        },
    ],
)
def test_the_session_of_tensorflow(files: dict[str, str]) -> None:
    path = next((p for p in files if p.endswith("train.py")), list(files)[-1])
    for order in itertools.islice(itertools.permutations(files.items()), 6):
        # Whatever was parsed first, names stand for the same thing.
        project = project_of(dict(order))
        for other, _ in order:
            project.parsed(other)
        assert named(project.module(path)) == [SESSION]


@pytest.mark.parametrize(
    "files",
    [
        {"utils.py": "import torch as tf", "train.py": "from utils import *\nshow(tf.Session)"},
        {"utils.py": TF, "train.py": "from utils import x\nshow(x.Session)"},
        {"utils.py": TF, "train.py": "import utils\nshow(utils.Session)"},
        {"utils.py": "def f():\n  " + TF, "train.py": "from utils import *\nshow(tf.Session)"},
        {"utils.py": TF + "tf = 1", "train.py": "from utils import *\nshow(tf.Session)"},
        {"requests.py": "class Session: pass", "train.py": "from requests import *\nshow(Session)"},
        {"utils.py": TF, "a/train.py": "from .utils import tf\nshow(tf.Session)"},
        {"utils.py": TF, "train.py": "from ...utils import tf\nshow(tf.Session)"},
        {
            "a.py": "from b import x",
            "b.py": "from a import x",
            "train.py": "from a import x\nshow(x)",
        },
        {"a.py": "from a import *", "train.py": "from a import *\nshow(Session)"},
        {"train.py": "from train import *\nshow(Session)"},
        {"u.py": "from tensorflow import *", "train.py": "from u import *\nshow(NoSuchName)"},
        {"tensorflow.py": "class Session: pass", "train.py": TF + "show(tf.Session)"},
        {"tensorflow/__init__.py": "class Session: 0", "train.py": TF + "show(tf.Session)"},
    ],
)
def test_not_the_session_of_tensorflow(files: dict[str, str]) -> None:
    path = next(p for p in files if p.endswith("train.py"))
    assert SESSION not in shown(files, path)


@pytest.mark.parametrize(
    ("path", "adding"),
    [
        ("train.py", "import sys\nsys.path.insert(0, 'src')\n"),
        ("tools/train.py", "import sys\nsys.path.append('../src')\n"),
        (
            "tools/train.py",
            "import os, sys\nhere = os.path.dirname(__file__)\n"
            "sys.path.insert(0, os.path.join(here, '..', 'src'))\n",
        ),
        ("tools/train.py", "import _paths\n"),
    ],
)
def test_folders_that_code_adds_to_the_path_are_searched(path: str, adding: str) -> None:
    files = {
        "src/nets/model.py": "def build(): pass",
        "src/json.py": "",
        "tools/_paths.py": "import sys\nfor name in ['lib', \"src\"]:\n    sys.path.append(name)\n",
        path: f"{adding}import json\nfrom nets.model import build\nshow(build)\nshow(json.loads)\n",
    }
    if "_paths" not in adding:
        del files["tools/_paths.py"]
    assert shown(files, path) == ["src/nets/model.py:build", "json.loads"]


def test_folders_on_the_path_serve_the_project_that_adds_them() -> None:
    adding = "import sys\nsys.path.append('lib')\n"
    files = {
        "one/lib/util.py": "",
        "one/train.py": f"{adding}import util\nshow(util)\n",
        "two/lib/util.py": "",
        "two/train.py": f"{adding}import util\nshow(util)\n",
        "three/train.py": "import util\nshow(util)\n",
    }
    assert shown(files, "one/train.py") == ["one/lib/util.py:"]
    assert shown(files, "two/train.py") == ["two/lib/util.py:"]
    assert shown(files, "three/train.py") == ["util"]


@pytest.mark.parametrize(
    ("setup", "found"),
    [
        (
            "setup(package_dir={'': 'src'}, packages=find_packages('src'))",
            "src/nets/model.py:build",
        ),
        ('setup(\n    package_dir = {"" : "./src/"},\n)', "src/nets/model.py:build"),
        ("setup(package_dir={'nets': 'src/nets'})", "nets.model.build"),
        ("setup(package_dir={'': 'lib'})", "nets.model.build"),
        ("setup(packages=['src'])", "nets.model.build"),
    ],
)
def test_the_folder_that_setup_py_installs_from_is_searched(setup: str, found: str) -> None:
    files = {
        "src/nets/__init__.py": "",
        "src/nets/model.py": "def build(): pass",
        "setup.py": f"from setuptools import setup, find_packages\n{setup}\n",
        "tools/train.py": "from nets.model import build\nshow(build)\n",
    }
    assert shown(files, "tools/train.py") == [found]


def test_other_folders_are_not_searched() -> None:
    files = {"src/model.py": "def build(): pass", "train.py": "import model\nshow(model.build)\n"}
    assert shown(files) == ["model.build"]


def test_own_things_are_named_by_file() -> None:
    files = {
        "lib/__init__.py": "from .nets import Net",
        "lib/nets.py": "class Net:\n  def go(self): pass\ndef make(): return Net()\n",
        "train.py": """
            import lib
            from lib import nets
            net = lib.Net()
            show(lib.Net)
            show(net.go)
            show(nets.make)
            show(nets.make().go)
            show(nets.missing)
            show(lib)
            """,
    }
    assert shown(files) == [
        "lib/nets.py:Net",
        "lib/nets.py:Net.go",
        "lib/nets.py:make",
        "lib/nets.py:Net.go",
        "lib/nets.py:missing",
        "lib/__init__.py:",
    ]


def test_many_modules_that_star_import_one_another_end_soon() -> None:
    names = [f"m{n}" for n in range(14)]
    files = {f"{a}.py": "".join(f"from {b} import *\n" for b in names if b != a) for a in names}
    files["m13.py"] += TF
    files["train.py"] = "from m0 import *\nshow(tf.Session)\nshow(nothing)\nprint(len(x))"
    assert shown(files) == [SESSION, None]


def test_a_long_chain_of_modules_is_followed() -> None:
    files = {f"m{n}.py": f"from m{n + 1} import tf" for n in range(60)}
    files |= {"m60.py": TF, "train.py": "from m0 import tf\nshow(tf.Session)"}
    assert shown(files) == [SESSION]


def test_an_update_changes_what_names_mean_elsewhere() -> None:
    files = {
        "u.py": TF,
        "v.py": "from u import *",
        "train.py": "from v import tf\nshow(tf.Session)",
    }
    project = project_of(files)
    assert named(project.module("train.py")) == [SESSION]
    project.update({"u.py": SourceFile("u.py", b"import torch as tf\n")})
    assert named(project.module("train.py")) == ["torch.Session"]
    project.update({"u.py": SourceFile("u.py", TF.encode())})
    assert named(project.module("train.py")) == [SESSION]
    project.update({"u.py": SourceFile("u.py", b"def\n")})
    assert named(project.module("train.py")) != [SESSION]


def test_a_name_that_an_update_adds_is_found() -> None:
    project = project_of({"u.py": "x = 1", "train.py": "from u import *\nshow(tf.Session)"})
    assert named(project.module("train.py")) == [None]
    project.update({"u.py": SourceFile("u.py", TF.encode())})
    assert named(project.module("train.py")) == [SESSION]


def test_a_file_that_an_update_adds_is_found() -> None:
    project = project_of({"train.py": "from u import *\nshow(tf.Session)"})
    assert named(project.module("train.py")) == [None]
    project.update({"u.py": SourceFile("u.py", TF.encode())})
    assert named(project.module("train.py")) == [SESSION]


def test_what_is_unchanged_stays_parsed() -> None:
    project = project_of({"a.py": TF, "b.py": "from a import tf\n"})
    module = project.module("b.py")
    project.update({"a.py": SourceFile("a.py", TF.encode() + b"x = 1\n")})
    assert project.module("b.py") is module
    assert project.module("a.py").source.text.endswith("x = 1\n")


def test_derived_facts_last_until_a_file_changes() -> None:
    project = project_of({"a.py": "x = 1"})

    def count(given: Project) -> list[str]:
        return given.python_files[:]

    first = project.cached(count)
    assert project.cached(count) is first
    project.update({"b.py": SourceFile("b.py", b"")})
    assert project.cached(count) == ["a.py", "b.py"]


def test_what_a_function_makes_now_is_told_to_all_that_asked_and_to_no_other() -> None:
    project = project_of(
        {
            "a.py": TF + "def make(f): return tf.data.TFRecordDataset(f)\nsize = 1",
            "b.py": "from a import make\ndef wrap(f): return make(f)",
            "c.py": "from b import wrap\nshow(wrap(1).batch)",
            "d.py": "from a import size\nshow(size)",
        }
    )
    assert named(project.module("c.py")) == ["tensorflow.data.Dataset.batch"]
    assert named(project.module("d.py")) == ["a.py:size"]
    other = project.module("d.py")
    after = TF + "def make(f): return tf.train.Saver(f)\nsize = 1\n"
    project.update({"a.py": SourceFile("a.py", after.encode())})
    assert named(project.module("c.py")) == ["tensorflow.train.Saver.batch"]
    assert project.module("d.py") is other


def test_memory_is_bounded_and_the_files_parsed_first_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep_parsed(monkeypatch, 1000)
    files = {
        f"m{n:02}.py": f"from m{(n + 1) % 30:02} import a\nb = 1{'0' * 80}\n" for n in range(30)
    }
    project = project_of(files)
    first = project.module("m00.py")
    seen: dict[str, weakref.ref[Module]] = {}
    for path in [*project.python_files, *project.python_files]:
        module = project.module(path)
        assert module.path == path
        seen[path] = weakref.ref(module)
        del module
        alive = [ref() for ref in seen.values()]
        assert sum(len(m.source.data) for m in alive if m is not None) <= 1000
        del alive
    assert project.module("m00.py") is first
    project.update({"m00.py": SourceFile("m00.py", b"a = 2\n")})
    assert project.module("m00.py") is not first


def test_files_that_are_looked_at_stay_parsed_before_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep_parsed(monkeypatch, 1000)
    project = project_of({f"{folder}{n}.py": "b" * 90 for folder in "ab" for n in range(7)})
    every = list(project.python_files)
    first = {path: project.module(path) for path in every}
    with project.narrowed(every[7:]):
        favoured = {path: project.module(path) for path in every[7:]}
        for path in every[:7]:
            project.module(path)
        assert all(project.module(path) is module for path, module in favoured.items())
    assert first["b6.py"] is favoured["b6.py"]


def test_a_larger_project_keeps_less_parsed() -> None:
    assert Parsed(40_000_000).most < Parsed(10_000_000).most < Parsed(0).most
    assert Parsed(10**12).most > 0


def test_a_project_can_be_narrowed_to_some_files() -> None:
    project = project_of({"a.py": "import b\nb.f()\n", "b.py": "def f(): pass\n", "c.py": ""})
    assert project.cached(_names_of_files) == "a.py b.py c.py"
    with pytest.raises(KeyError), project.narrowed(["a.py"]):
        assert project.python_files == ["a.py"]
        assert project.cached(_names_of_files) == "a.py"
        assert project.module("a.py").calls[0][1] == "b.py:f"
        project.update({"a.py": SourceFile("a.py", b"x = 1\n")})
        raise KeyError
    assert project.python_files == ["a.py", "b.py", "c.py"]
    assert project.cached(_names_of_files) == "a.py b.py c.py"
    assert project.files["a.py"].data == b"x = 1\n"


def test_a_fact_that_cannot_be_made_leaves_the_others() -> None:
    def fails(project: Project, path: str) -> int:
        project.parsed(path)
        return len(path) // 0

    project = project_of({"a.py": "", "b.py": ""})
    project.derive_together({fails: None})
    with pytest.raises(ZeroDivisionError):
        project.cached_for("a.py", fails)
    assert project.cached_for("b.py", _path_of) == "b.py"
    assert project.cached_for("a.py", _path_of) == "a.py"


def _path_of(project: Project, path: str) -> str:
    return path


def _names_of_files(project: Project) -> str:
    return " ".join(project.python_files)


@pytest.mark.parametrize(
    ("data", "kind", "line"),
    [
        (b"x = 1\nprint 'x'\n", "syntax", 2),
        (b"def f(:\n", "syntax", 1),
        (b"x = '\0'\n", "syntax", 0),
        (b"if x:\n\ty\n        z\n", "syntax", 3),
        (b"x = '\xe9'\n", "encoding", 0),
        (b"# coding: klingon\n", "encoding", 0),
        (b"(" * 5000 + b")" * 5000, "syntax", 1),
        (b"-" * 200_000 + b"1", "syntax", 0),
        (b"x = 1" + b" + 1" * 50_000, "syntax", 0),
        (b"x = f" + b"()" * 20_000, "syntax", 0),
        (b"x = {\n" + b"  1: 2,\n" * 300_000 + b"}\n", "size", 0),
    ],
)
def test_what_cannot_be_parsed_says_why(data: bytes, kind: str, line: int) -> None:
    project = project_of({"a.py": data, "b.py": "from a import *\nimport a\nshow(a.x)\nx"})
    for _ in range(2):
        with pytest.raises(Unparsable) as raised:
            project.module("a.py")
        assert raised.value.failure.kind == kind
        assert raised.value.failure.reason
        if line:
            assert raised.value.failure.line == line
    assert project.parsed("a.py") is None
    assert shown({"b.py": "import a\nshow(a.x)", "a.py": "print 'x'"}, "b.py") == ["a.py:x"]


def test_a_folder_has_no_module() -> None:
    project = project_of({"lib/a.py": "", "train.py": "from lib import b\nshow(b.c)"})
    assert named(project.module("train.py")) == ["lib/:b.c"]
    assert project.parsed("lib/") is None


def test_a_file_just_small_enough_is_parsed() -> None:
    data = b"# " + b"x" * (MAX_PARSED_BYTES - 3) + b"\n"
    assert project_of({"a.py": data}).module("a.py").nodes
    with pytest.raises(Unparsable, match="1,000,001 bytes"):
        project_of({"a.py": data + b"\n"}).module("a.py")


@pytest.mark.parametrize(
    ("other", "used"),
    [
        ("from u import c", True),
        ("from u import *\nc", True),
        ("import u\nu.c", True),
        ("import u as v\nv.c", True),
        ("import u\nu.d", False),
        ("from u import d\nc = 1", False),
        ("c = 1", False),
        ("# u c\nprint 'no Python'", True),
    ],
)
def test_whether_a_name_is_used_elsewhere(other: str, used: bool) -> None:
    project = project_of({"u.py": "c = 1\nd = 2", "train.py": other})
    assert is_used_elsewhere(project, "u.py", "c") is used


def test_a_name_of_a_package_is_used_through_the_package() -> None:
    project = project_of(
        {"lib/__init__.py": "", "lib/u.py": "c = 1", "train.py": "from lib.u import c"}
    )
    assert is_used_elsewhere(project, "lib/u.py", "c")
    assert not is_used_elsewhere(project, "lib/u.py", "d")


def test_a_name_of_a_package_itself_is_used_through_its_folder() -> None:
    project = project_of({"lib/__init__.py": "c = 1\nd = 2", "train.py": "from lib import c"})
    assert is_used_elsewhere(project, "lib/__init__.py", "c")
    assert not is_used_elsewhere(project, "lib/__init__.py", "d")


def test_a_file_that_cannot_be_parsed_keeps_nothing_alive() -> None:
    project = project_of({"a.py": "x = 1", "b.py": "print 'x'"})

    def ask() -> weakref.ref[Module]:
        module = project.module("a.py")
        assert project.parsed("b.py") is None
        return weakref.ref(module)

    with uncollected():
        going = ask()
        project.update({"a.py": SourceFile("a.py", b"x = 2")})
        assert going() is None
