"""A project that imports itself as a package starts in its own folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.analysis.names import named, project_of
from tests.codemods.support import Ported, port_files

CODE = "NPU813"
MODEL = "import tensorflow as tf\nSESSION = tf.Session\n"
LIKE = {
    "__init__.py": "",
    "model.py": "VALUE = 3\n",
    "ops/__init__.py": "",
    "ops/conv.py": "K = 2\n",
}
NAMED = {**LIKE, "setup.py": "from setuptools import setup\nsetup(name='mynet')\n"}


def ported(files: dict[str, str | bytes]) -> Ported:
    result = port_files(files, CODE)
    again = port_files(result.files, CODE)
    assert again.files == result.files, "a second pass changes the result"
    assert not again.codes()
    return result


@pytest.mark.parametrize(
    "imports",
    [
        "from mynet import model\n",
        "from mynet import model, ops\n",
        "from mynet import (model,\n    ops)\n",
        "from mynet import (\n    model,\n)\n",
        "from mynet import (  # both (of them)\n    model as m,  # one\n    ops,\n)\n",
        "from mynet import model, \\\n    ops\n",
        "import sys, mynet.model\n",
        "import mynet.model\n",
        "import mynet.model as model\n",
        "from mynet.model import VALUE\n",
        "from mynet.ops.conv import K\n",
        "def late():\n    from mynet.ops import conv\n",
    ],
)
def test_a_module_stands_for_the_folder_and_starts_anywhere(imports: str, tmp_path: Path) -> None:
    result = ported({**NAMED, "train.py": imports + "print('it runs')\n"})
    assert result.codes() == [CODE]
    for path, file in result.files.items():
        place = tmp_path / "another name" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file if isinstance(file, bytes) else file.encode())
    script = tmp_path / "another name" / "train.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd="/")
    assert done.stdout == "it runs\n", done.stderr


@pytest.mark.parametrize(
    "files",
    [
        {**LIKE, "train.py": "import numpy as np\nfrom model import VALUE\n"},
        {**LIKE, "train.py": "from . import model\nfrom .ops import conv\n"},
        # Not the folder: it has no such module, or binds the name itself.
        {**LIKE, "train.py": "from mynet import model\nfrom mynet import missing\n"},
        {**LIKE, "train.py": "from mynet import *\n"},
        {**LIKE, "train.py": "import mynet\n"},
        # Not a package.
        {"model.py": "", "train.py": "from mynet import model\n"},
        # Another package of that name.
        {**LIKE, "mynet/__init__.py": "", "train.py": "from mynet import model\n"},
        {**LIKE, "mynet.py": "model = 3\n", "train.py": "from mynet import model\n"},
        {**NAMED, "train.py": "from mynet import (\n    model,\n    missing,\n)\n"},
        # One module alone: it may as well be a library's.
        {**LIKE, "train.py": "from mynet import model\nfrom mynet.model import VALUE\n"},
        # Required.
        {**LIKE, "requirements.txt": "my.net>=1\n", "train.py": "from my_net import model, ops\n"},
        # Libraries with a module of the same name.
        *(
            {**LIKE, "train.py": f"from {library} import model, ops\n"}
            for library in ("sklearn", "torchvision", "scipy", "keras", "tensorflow", "horovod")
        ),
        {**NAMED, "metrics.py": "", "train.py": "from sklearn import metrics\n"},
        {**LIKE, "random.py": "", "train.py": "from numpy import random\nimport numpy.linalg\n"},
        {**LIKE, "path.py": "", "train.py": "from os import path\nimport os.path\n"},
        # Only words.
        {**LIKE, "train.py": '"""\nfrom mynet import model\n"""\n'},
    ],
)
def test_other_projects_stay_as_they_are(files: dict[str, str | bytes]) -> None:
    result = ported(files)
    assert set(result.files) == set(files)
    assert not result.codes()


def test_two_modules_tell_the_folder_without_a_setup() -> None:
    files = {**LIKE, "train.py": "from mynet import model\n", "eval.py": "import mynet.ops.conv\n"}
    assert ported(files).codes() == [CODE]


def test_the_folders_name_upstream_tells_it() -> None:
    files = {**LIKE, "train.py": "from mynet import model\n"}
    assert port_files(files, CODE, beside={"mynet": "./"}).codes() == [CODE]
    assert not port_files(files, CODE, beside={"mynet": "mynet/"}).codes()
    files["train.py"] = "from sklearn import model\n"
    assert not port_files(files, CODE, beside={"sklearn": "./"}).codes()


def test_names_lead_through_the_package_before_and_after() -> None:
    files: dict[str, str | bytes] = {
        "__init__.py": "",
        "model.py": MODEL,
        "setup.py": "setup(name='mynet')\n",
        "train.py": "from mynet import model\nimport mynet.model as m\n"
        "show(model.SESSION)\nshow(m.SESSION)\n",
    }
    after = dict(ported(files).files)
    for state in (files, after):
        texts = {p: f.decode() if isinstance(f, bytes) else f for p, f in state.items()}
        project = project_of(texts)
        assert named(project.module("train.py")) == ["tensorflow.Session"] * 2
