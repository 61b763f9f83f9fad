"""How Python is told to start a script."""

from __future__ import annotations

import pytest

from migrate.analysis.project import Project
from migrate.starting import relative_import, start_words
from migrate.upstream.tree import SourceFile
from tests.codemods.support import dedent


def project_of(path: str, text: str) -> Project:
    return Project({path: SourceFile(path, dedent(text).encode())})


@pytest.mark.parametrize(
    "text",
    [
        "from . import model",
        "from .. import model",
        "import os\nfrom .model import build",
        "def main():\n    from .model import build",
        "with x:\n    from .model import build",
        # In Python 3.7 these do not catch what a relative import raises.
        "try:\n    from . import model\nexcept ValueError:\n    import model",
        "if __name__ == '__main__':\n    from . import model",
    ],
)
def test_a_script_that_imports_relatively_is_a_module(text: str) -> None:
    assert start_words(project_of("a/b-c/main.py", text), "a/b-c/main.py") == ("-m", "a.b-c.main")


@pytest.mark.parametrize(
    "text",
    [
        "import model",
        "from a.b import model",
        "try:\n    from . import model\nexcept ImportError:\n    import model",
        "try:\n    from .model import x\nexcept:\n    from model import x",
        "if __name__ == '__main__':\n    import model\nelse:\n    from . import model",
        "if __package__:\n    from . import model\nelse:\n    import model",
        "__package__ = 'a.b'\nfrom . import model",
        "def (:",
    ],
)
def test_a_script_that_needs_no_package_starts_by_its_path(text: str) -> None:
    assert start_words(project_of("a/main.py", text), "a/main.py") == ("a/main.py",)


@pytest.mark.parametrize(
    "text",
    [
        "from .. import model",  # from beyond the port's root
        "if __name__ != '__main__':\n    from . import model\nelse:\n    import model",
    ],
)
def test_what_no_module_could_import_starts_by_its_path(text: str) -> None:
    assert start_words(project_of("a/main.py", text), "a/main.py") == ("a/main.py",)


def test_a_relative_import_within_the_port() -> None:
    assert start_words(project_of("a/b/main.py", "from ..c import x"), "a/b/main.py")[0] == "-m"


@pytest.mark.parametrize("path", ["main.py", "v1.0/main.py"])
def test_what_no_package_has_starts_by_its_path(path: str) -> None:
    project = project_of(path, "import os\nfrom . import model")
    assert start_words(project, path) == (path,)
    assert relative_import(project, path) == 2


def test_a_script_that_is_no_python_file_starts_by_its_path() -> None:
    assert start_words(project_of("bin/train", "#!/bin/sh\n"), "bin/train") == ("bin/train",)
