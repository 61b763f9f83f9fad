"""requirements.txt installs on Python 3.7 beside the platform's TensorFlow."""

from __future__ import annotations

import pytest

from migrate.analysis.distributions import DISTRIBUTIONS, Distribution, by_import, by_name
from tests.codemods.support import Ported, port_files

CODE = "NPU807"
HEAD = "# TensorFlow 1.15.0 is the platform's own. These install beside it on Python 3.7.\n"
PROTOBUF = "protobuf==3.20.3\n"
TF = "import tensorflow as tf\n"


def ported(
    requirements: str | bytes | None,
    train: str = TF,
    pins: dict[str, str] | None = None,
    **others: str,
) -> Ported:
    files: dict[str, str | bytes] = {f"{name}.py": text for name, text in others.items()}
    files["train.py"] = train
    if requirements is not None:
        files["requirements.txt"] = requirements
    result = port_files(files, CODE, options={CODE: {"pins": pins or {}}})
    assert "NPU904" not in result.codes()
    again = port_files(result.files, CODE, options={CODE: {"pins": pins or {}}})
    assert again.files == result.files, "a second pass changes the result"
    return result


def lines(requirements: str | None, *args: str, **others: str) -> list[str]:
    return ported(requirements, *args, **others).text("requirements.txt").splitlines()


# --- without a file ---------------------------------------------------------------------------


def test_a_file_is_made_from_the_imports() -> None:
    train = """
import os, json, numpy as np
from PIL import Image
import tensorflow as tf, six.moves
import sklearn.metrics
def late():
    import matplotlib.pyplot as plt
    from google.protobuf import text_format
    from tensorflow.python.client import device_lib
"""
    assert ported(None, train).text("requirements.txt") == (
        HEAD + "matplotlib==3.5.3\nnumpy==1.19.5\nPillow==9.5.0\n" + PROTOBUF
        + "scikit-learn==0.24.2\nsix==1.16.0\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    "train",
    [
        "import tensorflow, os.path, yaml as y\n",
        "import os; import yaml  # later\nimport tensorflow\n",
        "if 1: import tensorflow, yaml\n",
        "\ufeffimport yaml\nimport tensorflow\n",
        "import tensorflow\nfrom yaml.nodes import (\n  Node)\n",
    ],
)
def test_every_way_to_import(train: str) -> None:
    assert lines(None, train) == [HEAD.strip(), PROTOBUF.strip(), "PyYAML==6.0.1"]


def test_modules_of_the_project_are_not_installed() -> None:
    train = "import tensorflow\nimport data, nets.vgg, helpers.io\nfrom . import numpy\n"
    files = {
        "train.py": train,
        "data.py": "",
        "src/nets/vgg.py": "",
        "lib/helpers/__init__.py": "",
    }
    assert port_files(files, CODE).text("requirements.txt") == HEAD + PROTOBUF


def test_what_is_optional_is_not_asked_for() -> None:
    train = TF + "try:\n    import cv2\nexcept ImportError:\n    import skimage\n"
    assert lines(None, train) == [HEAD.strip(), PROTOBUF.strip()]


def test_tests_and_texts_ask_for_nothing() -> None:
    others = {"test_it": "import pytest, pandas\n", "doc": '"""\nimport nltk\nfrom an idea\n"""\n'}
    assert lines(None, TF, **others) == [HEAD.strip(), PROTOBUF.strip()]


def test_names_of_python_2_are_not_distributions() -> None:
    train = TF + "import cPickle, urllib2, Queue, ConfigParser, distutils, imp\n"
    assert lines(None, train) == [HEAD.strip(), PROTOBUF.strip()]


def test_unknown_imports_are_named_and_not_installed() -> None:
    result = ported(None, TF + "import numpy\nimport somebodys_code.x\n")
    assert result.text("requirements.txt").splitlines() == [
        HEAD.strip(),
        "numpy==1.19.5",
        PROTOBUF.strip(),
        "# somebodys_code: imported by train.py; name here what provides it",
    ]
    assert result.codes("note") == [CODE]


@pytest.mark.parametrize(
    ("train", "extra"),
    [
        ("from npu_runtime import images as npu_images\n", ["numpy==1.19.5", "Pillow==9.5.0"]),
        ("from tensorflow.keras.preprocessing import image\n", ["Pillow==9.5.0", "scipy==1.7.3"]),
        ("import scipy.misc\nscipy.misc.toimage(1)\n", ["scipy==1.1.0"]),
        ("from scipy.misc import imread, imrotate\n", ["scipy==1.1.0"]),
        ("import scipy.io\n", ["scipy==1.7.3"]),
        ("import classification_models.resnet\n", ["image-classifiers==0.2.2"]),
    ],
)
def test_what_files_need_beyond_their_imports(train: str, extra: list[str]) -> None:
    assert set(lines(None, TF + train)) == {HEAD.strip(), PROTOBUF.strip(), *extra}


def test_the_other_rules_come_first() -> None:
    train = TF + "import scipy.misc\nscipy.misc.imsave('a.png', 1)\n"
    result = port_files({"train.py": train}, "NPU804", CODE)
    assert result.text("requirements.txt") == HEAD + "numpy==1.19.5\nPillow==9.5.0\n" + PROTOBUF


def test_without_tensorflow_there_is_nothing_to_do() -> None:
    files = {"a.py": "import numpy\n", "requirements.txt": "tensorflow-gpu\nnumpy\n"}
    result = port_files(files, CODE)
    assert result.text("requirements.txt") == files["requirements.txt"] and not result.findings


# --- with a file ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tensorflow-gpu==1.14.0\n", "# tensorflow-gpu==1.14.0 (TensorFlow 1.15.0 is the platform's own)\n"),
        ("Tensorflow_GPU[x] >= 1.12 ; python_version < '3'  # old\n", "# Tensorflow_GPU[x] >= 1.12 ; python_version < '3'  # old (TensorFlow 1.15.0 is the platform's own)\n"),
        ("tensorboard==1.14.0 \\\n  --hash=sha256:0\n", "# tensorboard==1.14.0 \\ (TensorFlow 1.15.0 is the platform's own)\n#   --hash=sha256:0\n"),
        ("https://example.com/tensorflow_gpu-1.12.0-cp36-cp36m-linux_x86_64.whl\n", "# https://example.com/tensorflow_gpu-1.12.0-cp36-cp36m-linux_x86_64.whl (TensorFlow 1.15.0 is the platform's own)\n"),
        ("keras\n", "# keras (no file imports it)\n"),
        ("numpy\n", "numpy==1.19.5\n"),
        ("numpy # arrays\n", "numpy==1.19.5 # arrays\n"),
        ("numpy==1.16.4   # arrays\n", None),
        ("numpy >=1.16,<1.19\n", None),
        ("tqdm>=4.30\n", None),
        ("scikit-image>=0.15\n", None),
        ("scipy==1.1.0\n", "# scipy==1.1.0 (no file imports it)\n"),
        ("horovod[tensorflow]>=0.16\n", "# horovod[tensorflow]>=0.16 (npu_runtime has Horovod's functions)\n"),
        ("somebodys-code\nother==1\n", None),
        ("git+https://example.com/numpy.git\n-e .\n--no-index\nnumpy @ https://example.com/numpy.zip\n", None),
        ("numpy; python_version < '3'\n", None),
        ("opencv-contrib-python==3.4.5.20\nsix==1.11\n\n\n# end\n", None),
        ("enum34>=1.1\nfutures\n", "# enum34>=1.1 (Python 3.7 has it)\n# futures (Python 3.7 has it)\n"),
        ("logging\nargparse==1.4.0\nmock\n", "# logging (Python 3.7 has it)\n# argparse==1.4.0 (Python 3.7 has it)\nmock\n"),
        ("futures; python_version < '3'\nenum34 ; python_version == '2.7'\n", None),
        ("absl-py[x]\n", "absl-py[x]==1.4.0\n"),
    ],
)  # fmt: skip
def test_lines(before: str, after: str | None) -> None:
    result = ported(before + PROTOBUF)
    assert result.text("requirements.txt") == (after or before) + PROTOBUF
    assert not result.codes()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("numpy==1.13.1\n", "numpy==1.19.5\n"),
        ("numpy>=1.16  # new\n", "numpy==1.19.5  # new\n"),
        ("numpy==1.24.1\n", "numpy==1.19.5\n"),
        ("h5py>=2.7\n", "h5py==2.10.0\n"),
        ("scikit-image==0.21 --hash=sha256:0\n", "scikit-image==0.19.3\n"),
        ("scikit-learn>=1.1,<2\n", "scikit-learn==0.24.2\n"),
        ("matplotlib==2.0.2\n", "matplotlib==3.5.3\n"),
        ("pandas<0.20\n", "pandas==1.3.5\n"),
        ("protobuf>=3.6\n", "protobuf==3.20.3\n"),
        ("Pillow === nonsense\n", "Pillow==9.5.0\n"),
    ],
)
def test_versions_that_cannot_be_are_changed_with_a_note(before: str, after: str) -> None:
    result = ported("protobuf==3.19.0\n" * ("protobuf" not in before) + before)
    assert result.text("requirements.txt").endswith(after)
    assert result.codes("note") == [CODE]


def test_what_is_missing_comes_at_the_end() -> None:
    train = TF + "import numpy, yaml, cv2\n"
    assert ported("numpy==1.16.4\nopencv-python-headless", train).text("requirements.txt") == (
        "numpy==1.16.4\nopencv-python-headless\n\n# Needed as well:\nprotobuf==3.20.3\nPyYAML==6.0.1\n"
    )


def test_bytes_are_kept() -> None:
    before = "\ufeff# f\u00fcr alle\r\nnumpy\r\n\r\n".encode()
    after = "\ufeff# f\u00fcr alle\r\nnumpy==1.19.5\r\n\r\n# Needed as well:\r\nprotobuf==3.20.3\r\n".encode()
    assert ported(before).files["requirements.txt"] == after


def test_undecodable_bytes_are_left_with_a_warning() -> None:
    result = ported(b"numpy\n\xff\n")
    assert result.files["requirements.txt"] == b"numpy\n\xff\n"
    assert result.codes("warning") == [CODE]


def test_included_files_count() -> None:
    files = {
        "train.py": TF + "import numpy, six\n",
        "requirements.txt": "-r requirements/base.txt\n",
        "requirements/base.txt": "numpy\n-r more.txt\ntensorflow\n",
        "requirements/more.txt": "six==1.12\n-r base.txt\nprotobuf\n",
        "docs/requirements.txt": "sphinx\ntensorflow\n",
    }
    result = port_files(files, CODE)
    why = " (TensorFlow 1.15.0 is the platform's own)\n"
    assert result.text("requirements.txt") == files["requirements.txt"]
    assert result.text("requirements/base.txt") == "numpy==1.19.5\n-r more.txt\n# tensorflow" + why
    assert result.text("requirements/more.txt") == "six==1.12\n-r base.txt\nprotobuf==3.20.3\n"
    assert result.text("docs/requirements.txt") == "sphinx\n# tensorflow" + why


def test_included_files_have_any_name() -> None:
    files = {
        "train.py": TF + "import numpy\n",
        "requirements.txt": "-r req/base.txt\n-r missing.txt\nprotobuf==3.20.3\n",
        "req/base.txt": "tensorflow-gpu==1.4\nwheel\n--requirement=../other\n",
        "other": "numpy\n-r requirements.txt\n",
        "notes/base.txt": "tensorflow-gpu==1.4\nnumpy\n",
    }
    result = port_files(files, CODE)
    assert not result.findings
    assert result.text("requirements.txt") == files["requirements.txt"]
    gone = "# tensorflow-gpu==1.4 (TensorFlow 1.15.0 is the platform's own)\n"
    assert result.text("req/base.txt") == gone + "wheel\n--requirement=../other\n"
    assert result.text("other") == "numpy==1.19.5\n-r requirements.txt\n"
    assert result.text("notes/base.txt") == files["notes/base.txt"]
    assert port_files(result.files, CODE).files == result.files


def test_an_included_file_that_cannot_be_read_is_a_warning() -> None:
    files = {"train.py": TF, "requirements.txt": "-r base.in\n", "base.in": b"numpy\n\xff\n"}
    result = port_files(files, CODE)
    assert result.files["base.in"] == files["base.in"]
    assert [f.path for f in result.findings if f.severity == "warning"] == ["base.in"]


def test_keras_stays_while_something_uses_it() -> None:
    assert lines("keras==2.2.4\n", TF + "import keras\n")[0] == "keras==2.2.4"
    assert lines("keras==2.2.4\n", TF + "import classification_models\n")[0] == "keras==2.2.4"
    assert lines("keras==2.2.4\n", TF)[0] == "# keras==2.2.4 (no file imports it)"


def test_scipy_goes_with_its_last_use() -> None:
    images = TF + "import scipy.misc\nx = scipy.misc.imread('a')\n"
    files = {"requirements.txt": "scipy==1.1.0\n", "train.py": images}
    gone = "# scipy==1.1.0 (no file imports it)"
    assert port_files(files).text("requirements.txt").startswith(gone)
    for path, text in (
        ("a.py", "from scipy import stats\n"),
        ("tests/test_a.py", "import scipy.stats\n"),
        ("a.py", "print 'a'; import scipy\nexec 'x' in y, z, a\n"),
        ("a.ipynb", '{"cells": [{"source": ["import os, scipy as sp\\n"]}]}'),
        ("a.py", "from tensorflow.keras.preprocessing import image\n"),
    ):
        result = port_files({**files, path: text}).text("requirements.txt")
        assert result.startswith("scipy==1.1.0\n"), path
    result = ported("scipy==1.1.0\n", pins={"scipy": "1.5.4"})
    assert result.text("requirements.txt").startswith("scipy==1.5.4\n")


@pytest.mark.parametrize(
    "load",
    [
        "import yaml\nc = yaml.load(open('c.yml'))\n",
        "import yaml as y\nfor c in y.load_all(stream=f): pass\n",
        "from yaml import load\nc = load(f.read())\n",
    ],
)
def test_yaml_without_a_loader_needs_an_older_pyyaml(load: str) -> None:
    assert lines(None, TF + load)[-1] == "PyYAML==5.4.1"
    assert lines("pyyaml\nprotobuf==3.20.3\n", TF + load)[0] == "pyyaml==5.4.1"
    for older in ("PyYAML==3.13", "pyyaml>=3.12,<6", "PyYAML==5.1.2"):
        assert lines(older, TF + load)[0] == older
    for newer in ("PyYAML==6.0", "pyyaml>=3.12"):
        result = ported(f"{newer}\nprotobuf==3.20.3\n", TF + load)
        assert result.text("requirements.txt").lower().startswith("pyyaml==5.4.1\n")
        (note,) = result.findings
        assert "has no Loader" in note.message and "train.py:" in note.message


@pytest.mark.parametrize(
    "load",
    [
        "import yaml\nc = yaml.safe_load(f), yaml.load(f, Loader=yaml.FullLoader)\n",
        "import yaml\nc = yaml.load(f, yaml.Loader), yaml.load(f, **options), yaml.load(*both)\n",
        "import yaml, json\nc = json.load(f)\n",
        "from ruamel import yaml as ruamel_yaml\nimport yaml\nc = ruamel_yaml.load(f)\n",
    ],
)
def test_yaml_with_a_loader_takes_any_pyyaml(load: str) -> None:
    assert "PyYAML==6.0.1" in lines(None, TF + load)
    assert lines("PyYAML==6.0\n", TF + load)[0] == "PyYAML==6.0"


def test_horovod_goes_where_it_is_imported_too() -> None:
    train = TF + "import horovod.tensorflow as hvd\nhvd.init()\n"
    gone = "# horovod==0.16.0 (npu_runtime has Horovod's functions)"
    assert lines("horovod==0.16.0\n", train)[0] == gone
    assert lines(None, train) == lines(None, TF)
    assert not ported(None, train).findings


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("numpy==1.14.5", "too old for Python 3.7"),
        ("numpy==1.24.1", "tf.zeros of a size known at run time fails"),
        ("numpy>=1.14", "tf.zeros of a size known at run time fails"),
        ("pandas==0.20.1", "too old for Python 3.7"),
        ("pandas==1.5", "cannot be installed on Python 3.7"),
    ],
)
def test_a_note_says_what_is_wrong_with_a_version(line: str, reason: str) -> None:
    assert reason in ported(f"{line}\nprotobuf==3.19.0\n").findings[0].message


def test_the_recipe_has_the_last_word() -> None:
    pins = {"NumPy": "1.18.5", "tqdm": ">=4.30", "six": "", "extra_one": "2.0", "pandas": ""}
    result = ported("numpy==1.16.4\nsix==1.12\n", TF + "import tqdm, pandas\n", pins)
    assert result.text("requirements.txt").splitlines() == [
        "numpy==1.18.5",
        "# six==1.12 (left out by the recipe)",
        "",
        "# Needed as well:",
        "extra-one==2.0",
        "protobuf==3.20.3",
        "tqdm>=4.30",
    ]
    assert not result.codes()


def test_other_files_that_ask_for_tensorflow_are_notes() -> None:
    files = {
        "train.py": TF,
        "setup.py": "from setuptools import setup\nsetup(install_requires=['tensorflow>=1.12'])\n",
        "docker/Dockerfile.gpu": "FROM tensorflow/tensorflow:1.14.0-gpu\n",
        "environment.yml": "- numpy\n",
        "sub/setup.py": "import tensorflow\n",
    }
    result = port_files(files, CODE)
    assert [f.path for f in result.findings] == ["docker/Dockerfile.gpu", "setup.py"]


# --- the table --------------------------------------------------------------------------------


def test_the_table_agrees_with_itself() -> None:
    assert len(by_name()) == len(DISTRIBUTIONS)
    modules = [m for d in DISTRIBUTIONS for m in d.imports or (d.name,)]
    assert len(modules) == len(by_import())
    for entry in DISTRIBUTIONS:
        assert entry.suits(f"=={entry.pin}"), entry.name
    names = [entry.name.lower() for entry in DISTRIBUTIONS]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("specifiers", "suits"),
    [
        ("==1.16", True),
        ("==1.19.*", True),
        ("==1.*", False),  # pip takes the newest, and that breaks
        ("~=1.16", False),
        ("~=1.16.0", True),
        ("~=1.20.0", False),
        (">=1.16", False),
        (">=1.16,<1.20", True),
        (">1.19,<2", False),
        ("<=1.16", True),
        ("<1.16", False),
        ("<1.20,!=1.18.0", True),
        ("!=1.18.0", False),
        ("===1.20", False),
        ("1.16", False),
    ],
)
def test_what_specifiers_let_pip_choose(specifiers: str, suits: bool) -> None:
    made = Distribution("numpy", "1.19.5", (), "1.16", "1.20", "it breaks")
    assert made.suits(specifiers) == suits
    without_limit = made._replace(breaks="")  # pip itself takes none that cannot be installed
    assert without_limit.suits(">=1.16")
    assert not without_limit.suits(">=1.20")


def test_standalone_keras_brings_the_h5py_it_saves_with() -> None:
    files = {
        "train.py": "import tensorflow as tf\nimport keras\nimport keras_contrib\nkeras.Model()\n"
    }
    lines = port_files(files, "NPU807").text("requirements.txt").splitlines()
    assert "h5py==2.10.0" in lines
    assert "keras==2.3.1" in lines


# --- code of the repository that the pin's folder does not have ---------------------------------


OUTSIDE = {"shared": "research/shared/", "slim": "research/slim/", "numpy": "numpy/", "own": "own/"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "import os, shared.images as images",
            "shared is research/shared/ in upstream's repository",
        ),
        ("from slim.nets import vgg", "slim is research/slim/ in upstream's repository"),
        ("from ..other import x", "it leads out of the port"),
        ("from .. import x", "it leads out of the port"),
    ],
)
def test_an_import_of_what_the_pin_leaves_behind_is_an_error(line: str, said: str) -> None:
    files = {"train.py": f"import tensorflow as tf\n{line}\n", "more.py": "from shared import x\n"}
    [error] = [
        f
        for f in port_files({"train.py": files["train.py"]}, CODE, beside=OUTSIDE).findings
        if f.severity == "error"
    ]
    assert (error.code, error.path, error.line) == (CODE, "train.py", 2)
    assert error.message.startswith("this import fails: ") and said in error.message
    assert "upstream.lock" in error.advice
    assert ('path = "research"' in error.advice) is ("research/" in said)
    assert not port_files(files, CODE).codes("error")
    requirements = port_files(files, CODE, beside=OUTSIDE).text("requirements.txt")
    assert "shared" not in requirements and "slim" not in requirements


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np\n",  # a distribution that is known
        "try:\n    import shared\nexcept ImportError:\n    shared = None\n",
        "try:\n    from ..other import x\nexcept ImportError:\n    x = None\n",
        "from own import x\n",
        "from .own import x\nimport sub.deep\n",
    ],
)
def test_other_imports_beside_a_pins_folder_are_none(text: str) -> None:
    files = {
        "train.py": f"import tensorflow as tf\n{text}",
        "own.py": "x = 1\n",
        "sub/deep.py": "from ..own import x\n",
        "sub/test_deep.py": "import shared\nfrom ...own import x\n",
    }
    assert not port_files(files, CODE, beside=OUTSIDE).codes("error")
    listed = {"train.py": TF + "import shared\n", "requirements.txt": "shared==1.0\n"}
    assert not port_files(listed, CODE, beside=OUTSIDE).codes("error")


def test_the_projects_own_folder_is_not_outside_of_the_port() -> None:
    files = {"__init__.py": "VERSION = 1\n", "model.py": "", "train.py": TF}
    files["train.py"] += "from proj import model\n"
    assert not port_files(files, CODE, beside={"proj": "./"}).codes()
    files["train.py"] = TF + "from proj import model, VERSION\n"
    [error] = port_files(files, CODE, beside={"proj": "./"}).findings
    assert (error.path, error.line, error.severity) == ("train.py", 2, "error")
    assert "proj is the folder of the port" in error.message and "outside" not in error.message
