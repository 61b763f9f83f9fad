"""Where the imports go that rules ask for."""

from __future__ import annotations

import pytest

from migrate.analysis.project import Project
from migrate.codemods.edits import apply
from migrate.codemods.imports import import_edits
from migrate.codemods.rule import RuntimeImport
from migrate.upstream.tree import SourceFile
from tests.codemods.support import dedent

IMAGES = RuntimeImport("images", "npu_runtime", alias="npu_images")
READ = RuntimeImport("imread", "npu_runtime.images")
CONFIG = RuntimeImport("npu_session_config")


def with_imports(text: str, *wanted: RuntimeImport, path: str = "train.py") -> str:
    text = dedent(text)
    project = Project({path: SourceFile(path, text.encode())})
    module = project.module(path)
    return apply(text, list(import_edits(module, set(wanted))))


def test_an_alias_is_written_once() -> None:
    once = with_imports("import os\n", IMAGES)
    assert once == "import os\nfrom npu_runtime import images as npu_images\n"
    assert with_imports(once, IMAGES) == once


def test_an_alias_and_a_name_share_a_line() -> None:
    once = with_imports("import os\n", IMAGES, CONFIG)
    line = "from npu_runtime import images as npu_images, npu_session_config\n"
    assert once == "import os\n" + line
    assert with_imports(with_imports("import os\n", IMAGES), CONFIG) == once


def test_what_a_rule_places_itself_is_left_to_it() -> None:
    placed = RuntimeImport("imread", "npu_runtime.images", placed=True)
    assert with_imports("import os\n", placed) == "import os\n"


@pytest.mark.parametrize(
    "present", ["from functools import *", "from functools import (wraps,\n  partial)"]
)
def test_an_import_that_cannot_take_a_name_gets_a_neighbour(present: str) -> None:
    after = with_imports(present + "\n", RuntimeImport("reduce", "functools"))
    assert after == f"{present}\nfrom functools import reduce\n"


def test_a_script_in_a_folder_finds_the_runtime_before_any_of_it_is_imported() -> None:
    before = """
        import os
        if __name__ == '__main__':
            print(1)
        """
    once = with_imports(before, READ, path="tools/see.py")
    both = with_imports(once, CONFIG, path="tools/see.py")
    assert both.splitlines()[:5] == [
        "import os",
        "import sys",
        "sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))",
        "from npu_runtime.images import imread",
        "from npu_runtime import npu_session_config",
    ]


def test_a_placed_import_in_a_script_needs_the_path_as_well() -> None:
    placed = RuntimeImport("imread", "npu_runtime.images", placed=True)
    before = """
        import os, sys
        if __name__ == '__main__':
            from npu_runtime.images import imread
        """
    assert "sys.path.append" in with_imports(before, placed, path="tools/see.py")
