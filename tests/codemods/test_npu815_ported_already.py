"""Projects that somebody ported before."""

from __future__ import annotations

import pytest

from tests.codemods.support import port_files

CODE = "NPU815"
PORTED = "from npu_bridge.npu_init import *\n"


@pytest.mark.parametrize(
    ("files", "place", "more"),
    [
        ({"train.py": f"import os\n{PORTED}{PORTED}"}, ("train.py", 2), "here"),
        (
            {"a.py": "import npu_bridge.npu_init\n", "b.py": PORTED},
            ("a.py", 1),
            "here, as 1 other file does",
        ),
        (
            {"a.py": "print('npu_bridge')\n", "b.py": PORTED, "c.py": PORTED, "d/e.py": PORTED},
            ("b.py", 1),
            "here, as 2 other files do",
        ),
        (
            {"train.py": "try:\n    import npu_bridge\nexcept ImportError:\n    pass\n"},
            ("train.py", 2),
            "here",
        ),
    ],
)
def test_a_port_is_told_once(files: dict[str, str], place: tuple[str, int], more: str) -> None:
    (finding,) = port_files(files, CODE).findings
    assert (finding.path, finding.line, finding.severity) == (*place, "warning")
    assert finding.message.endswith(more)


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf\n",
        "# from npu_bridge.npu_init import *\n",
        "from lib.npu_bridge import a\n",
        "from . import npu_bridge\n",
        "import npu_bridges\n",
    ],
)
def test_others_are_not(source: str) -> None:
    assert not port_files({"train.py": source}, CODE).findings


def test_an_own_module_of_that_name_is_no_adapter() -> None:
    files = {"npu_bridge/__init__.py": "", "train.py": "import npu_bridge\n"}
    assert not port_files(files, CODE).findings
