"""Names by which a project's files import the project itself, as a package."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping

from migrate.analysis.distributions import (
    NOT_INSTALLED,
    PLATFORM,
    by_import,
    by_name,
    normalized,
)
from migrate.analysis.requirements import is_requirements, read_lines
from migrate.upstream.tree import SourceFile

# What makes a module at the root stand for the folder that it lies in.
PATH_OF_PACKAGE = "__path__ = [os.path.dirname(os.path.abspath(__file__))]"

# What an import names, on one line, in parentheses or with backslashes.
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\w+)[ \t]+import[ \t]*"
    rb"(?:\(((?:[^()#]|#[^\r\n]*[\r\n])*)|((?:[^\r\n()#;\\]|\\\r?\n)*))"
    rb"|from[ \t]+(\w+)\.(\w+)|import[ \t]+([^\r\n#;]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\r\n]*")
_BELOW = re.compile(r"\s*(\w+)\.(\w+)")
_SETUP_NAME = re.compile(rb"""\bname\s*=\s*["']([\w.-]+)["']""", re.ASCII)
# Libraries that DISTRIBUTIONS does not have, and that projects import without a requirement.
_OTHER_LIBRARIES = frozenset(
    "apex baselines bert bob caffe caffe2 chainer cntk cupy cv dask detectron2 dgl dlib fairseq "
    "fastai flask gensim gluoncv gluonnlp google gym jax jaxlib joblib lasagne librosa lightgbm "
    "mmcv mmdet mxnet networkx nibabel numba object_detection onnx paddle plotly psutil "
    "pycocotools pygame pytest pytorch_lightning scikits slim sonnet spacy statsmodels sympy "
    "tensorboardX tensor2tensor tensorlayer tensorpack tflearn theano timm torch torchaudio "
    "torchtext torchvision transformers xgboost".split()
)


def own_packages(
    files: Mapping[str, SourceFile],
    python_files: Iterable[str],
    is_module: Callable[[str], bool],
    folder: str = "",
) -> frozenset[str]:
    """The packages that a project's files import and that can only be the project's own folder.

    The project is a package (it has an ``__init__.py`` at its root), has no module of that name,
    and all that is imported from it lies at the root. Such a project starts where its folder has
    that name and the folder above is on ``sys.path``. Since libraries have modules called model or
    metrics, too, it takes two such members, or the name of the folder upstream or in setup.py, and
    no library's name.

    Args:
        is_module: whether there is a module or folder of that name at the root.
        folder: the name of the project's folder; empty where that is not known.
    """
    if "__init__.py" not in files:
        return frozenset()
    members: dict[str, set[str]] = {}
    for path in python_files:
        for top, name in _imported(files[path].data):
            members.setdefault(top, set()).add(name)
    setup = files.get("setup.py")
    given = _SETUP_NAME.findall(setup.data) if setup else []
    named = {normalized(name) for name in (folder, *(name.decode() for name in given))}
    return frozenset(
        top
        for top, names in members.items()
        if all(is_module(name) for name in names)
        and (
            _stands_for_root(files, top)
            or (
                not is_module(top)
                and (len(names) > 1 or normalized(top) in named)
                and not _is_library(files, top)
            )
        )
    )


def _imported(data: bytes) -> Iterator[tuple[str, str]]:
    """Packages that a file's lines import, each with the name that is taken from it."""
    for found in _IMPORT.finditer(data):
        package, several, few, top, below, modules = (
            part.decode("utf-8", "replace") for part in found.groups(b"")
        )
        if top:
            yield top, below
        for name in _COMMENT.sub("", several or few).replace("\\", " ").split(","):
            if name.strip():
                yield package, name.split()[0]
        for module in modules.split(","):
            if dotted := _BELOW.match(module):
                yield dotted[1], dotted[2]


def _is_library(files: Mapping[str, SourceFile], name: str) -> bool:
    """Whether a name is a library's, as far as the kit or the project's requirements know."""
    if name in by_import() or name in NOT_INSTALLED or name in sys.stdlib_module_names:
        return True
    normal = normalized(name)
    if name in _OTHER_LIBRARIES or normal in PLATFORM or normal in by_name():
        return True
    return any(
        normal == line.name
        for path, file in files.items()
        if is_requirements(path)
        for line in read_lines(file.data.decode("utf-8", "replace"))
    )


def _stands_for_root(files: Mapping[str, SourceFile], name: str) -> bool:
    file = files.get(f"{name}.py")
    return file is not None and PATH_OF_PACKAGE.encode() in file.data
