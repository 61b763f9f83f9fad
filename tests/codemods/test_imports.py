"""Where the imports go that rules ask for."""

from __future__ import annotations

import ast
import re

import pytest

from migrate.analysis.project import Project
from migrate.codemods.edits import Edit, apply
from migrate.codemods.imports import import_edits, module_span, runtime_import
from migrate.codemods.imports import with_imports as with_imports_before
from migrate.codemods.rule import RuntimeImport
from migrate.upstream.tree import SourceFile
from tests.codemods.support import check_port, dedent

IMAGES = RuntimeImport("images", "npu_runtime", alias="npu_images")
READ = RuntimeImport("imread", "npu_runtime.images")
CONFIG = RuntimeImport("npu_session_config")


def with_imports(text: str, *wanted: RuntimeImport, path: str = "train.py") -> str:
    text = dedent(text)
    project = Project({path: SourceFile(path, text.encode())})
    module = project.module(path)
    return apply(text, list(import_edits(module, project, set(wanted))))


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


LINE = "from npu_runtime import npu_session_config\n"


def placed(text: str, *wanted: RuntimeImport, path: str = "train.py") -> str:
    """The text as it is, with the imports."""
    project = Project({path: SourceFile(path, text.encode())})
    return apply(text, list(import_edits(project.module(path), project, set(wanted))))


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("x = 1\n", ""),
        ("", ""),
        ('"""Doc."""\n', '"""Doc."""\n'),
        ("'Doc'\nx = 1\n", "'Doc'\n"),
        ('r"""Doc\n\nof lines."""\n\nx = 1\n', 'r"""Doc\n\nof lines."""\n'),
        ("import os\nx = 1\n", "import os\n"),
        ('"""Doc."""\nimport os\nfrom x import y\nz = 1\nimport late\n', "from x import y\n"),
        ("import os  # why\n# x\nx = 1\n", "import os  # why\n"),
        ("import os;\nx = 1\n", "import os;\n"),
        ("import os; import sys\nx = 1\n", "import os; import sys\n"),
        ("from x import (\n    y,\n    z,\n)\nx = 1\n", ")\n"),
        ("from x import y, \\\n    z\nx = 1\n", "    z\n"),
        ("\n\nimport os\n\n\nimport sys\n\nx = 1\n", "import sys\n"),
        ("#!/usr/bin/python\nx = 1\n", "#!/usr/bin/python\n"),
        ("#!/usr/bin/python\n# coding: utf-8\n# Licence\n\nx = 1\n", "# Licence\n"),
        ("\n# coding: utf-8\nx = 1\n", "# coding: utf-8\n"),
        ("# Licence\n\n\n# About x.\n# More.\nx = 1\n", "# Licence\n\n\n"),
        ("#!x\n\n# Licence\n\n# About x.\nx = 1\n", "# Licence\n\n"),
        ("# Licence\n@dec\ndef f(): pass\n", "# Licence\n"),
        ("try:\n    import a\nexcept E:\n    a = None\nx = 1\n", ""),
        ("# L\nif x:\n    import a\n", "# L\n"),
        ('"""D"""\ntry:\n    import a\nexcept E:\n    pass\nimport b\n', '"""D"""\n'),
        ("import a\ntry:\n    import b\nexcept E:\n    pass\n", "import a\n"),
        ("def f():\n    import a\n", ""),
        ("__all__ = []\nimport a\n", ""),
        ("\x0cimport os\n\x0cx = 1\n", "import os\n"),
        ("# only a comment\n", "# only a comment\n"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_place_of_an_import(before: str, behind: str, newline: str) -> None:
    text = before.replace("\n", newline)
    line = LINE.replace("\n", newline if newline in text else "\n")
    place = before.index(behind) + len(behind)
    head = before[:place].replace("\n", newline)
    after = placed(text, CONFIG)
    assert after == head + line + text[len(head) :]
    assert placed(after, CONFIG) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import os; run()\n", "import os; {}; run()\n"),
        ("import os; run()", "import os; {}; run()"),
        ("'Doc'; run()\n", "'Doc'; {}; run()\n"),
        ("import os; import sys; run()\n", "import os; import sys; {}; run()\n"),
        ("import os; \\\n  run()\n", "import os; {}; \\\n  run()\n"),
        ("import os ; run()  # x\n", "import os; {} ; run()  # x\n"),
        ("import os", "import os\n{}"),
        ("import os\r\nimport sys", "import os\r\nimport sys\r\n{}"),
        ("'Doc'", "'Doc'\n{}"),
        ("import os  # c", "import os  # c\n{}"),
        ("# c", "# c\n{}"),
        ("x = 1", "{}\nx = 1"),
    ],
)
def test_an_import_where_lines_are_short(before: str, after: str) -> None:
    result = placed(before, CONFIG)
    assert result == after.format(LINE.strip())
    compile(result, "a.py", "exec")
    assert placed(result, CONFIG) == result


def test_every_future_import_stays_in_front() -> None:
    names = ["absolute_import", "division", "print_function", "unicode_literals", "generators"]
    futures = "".join(f"from __future__ import {name}\n" for name in names)
    for head in ("", '"""Doc."""\n', "#!x\n# L\n\n", '# L\n"""Doc."""\n\n'):
        before = head + futures + "\nx = 1\n"
        after = placed(before, CONFIG)
        assert after == head + futures + LINE + "\nx = 1\n"
        compile(after, "a.py", "exec")


@pytest.mark.parametrize(
    ("present", "after"),
    [
        (LINE, LINE),
        ("from npu_runtime import (npu_session_config)\n", None),
        ("from npu_runtime import (\n    a,\n    npu_session_config,  # x\n)\n", None),
        ("from npu_runtime import a, npu_session_config as n\n", "add"),
        ("from npu_runtime import npu_run_config  # x\n", "add"),
        ("from npu_runtime import (\n    npu_run_config,  # x\n)\n", "behind"),
        ("from npu_runtime import (npu_run_config)\n", "add"),
        ("import npu_runtime\n", "behind"),
        ("from .npu_runtime import npu_session_config\n", "behind"),
        ("from npu_runtime.images import npu_session_config\n", "behind"),
        ("try:\n    from npu_runtime import npu_session_config\nexcept E:\n    pass\n", "add"),
        ("if x:\n    from npu_runtime import npu_session_config\n", "add"),
        ("def f():\n    from npu_runtime import npu_session_config\n", "add"),
    ],
)
def test_an_import_that_is_there_is_used(present: str, after: str | None) -> None:
    before = f"import os\n{present}x = 1\n"
    result = placed(before, CONFIG)
    comments = before.count("#")
    assert result.count("#") == comments
    if after in (None, LINE):
        assert result == before
    else:
        assert result != before
        bound = {
            alias.asname or alias.name
            for node in ast.parse(result).body
            if isinstance(node, ast.ImportFrom) and node.module == "npu_runtime" and not node.level
            for alias in node.names
        }
        assert "npu_session_config" in bound
    assert placed(result, CONFIG) == result


GUARD = "if __name__ == '__main__':\n    main()\n"
PATH = "sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))"


@pytest.mark.parametrize(
    ("path", "text", "needed"),
    [
        ("train.py", GUARD, False),
        ("tools/see.py", GUARD, True),
        ("tools/see.py", "x = 1\n", False),
        ("tools/see.py", "from lib.u import x\n" + GUARD, False),
        ("tools/see.py", "from lib import *\n" + GUARD, False),
        ("tools/see.py", "import other\n" + GUARD, True),
        ("tools/see.py", "from .other import x\n" + GUARD, True),
        ("tools/see.py", "import numpy\n" + GUARD, True),
        ("tools/see.py", "def f():\n  __name__\n", False),
        ("tools/see.py", "def f():\n  with x: main()\n", False),
        ("tools/see.py", "flags.DEFINE_string('x')\nx = main()\n", False),
        ("tools/see.py", "with x as y:\n  y.run()\n", True),
        ("tools/see.py", "while x: y()\n", True),
        ("tools/see.py", "main()\n", True),
        ("tools/see.py", "import x\nx.app.run()\n", True),
        ("tools/see.py", "for x in y: z(x)\n", True),
        ("tools/see.py", "import sys\nsys.path[:0] = ['..']\nfrom lib.u import x\n" + GUARD, True),
        ("tools/see.py", "if '__main__' == __name__: main()\n", True),
    ],
)
def test_only_a_script_in_a_folder_needs_the_path(path: str, text: str, needed: bool) -> None:
    others = {"lib/__init__.py": "", "lib/u.py": "x = 1", "tools/other.py": "x = 1"}
    tree = {p: SourceFile(p, t.encode()) for p, t in {**others, path: text}.items()}
    project = Project(tree)
    after = apply(text, list(import_edits(project.module(path), project, {CONFIG})))
    assert (PATH in after) is needed
    assert ("import os\n" in after and "import sys\n" in after) is needed
    compile(after, path, "exec")
    again = Project({**tree, path: SourceFile(path, after.encode())})
    assert list(import_edits(again.module(path), again, {CONFIG})) == []


@pytest.mark.parametrize(("text", "needed"), [("for x in y: z(x)\n", False), (GUARD, True)])
def test_what_others_import_is_started_only_where_it_says_so(text: str, needed: bool) -> None:
    tree = {"tools/names.py": text, "tools/see.py": "from names import x\n"}
    project = Project({p: SourceFile(p, t.encode()) for p, t in tree.items()})
    after = apply(text, list(import_edits(project.module("tools/names.py"), project, {CONFIG})))
    assert (PATH in after) is needed


@pytest.mark.parametrize(
    ("head", "behind", "missing"),
    [
        ("import sys\n", "sys.path.append('..')\nimport os\n", ["import os"]),
        ("'Doc'\n", "import_all()\nimport os, sys\n", ["import os", "import sys"]),
        ("import sys", "; sys.path.append('..'); import os\n", ["import os"]),
        ("import sys\nimport os\n", "sys.path.append('..')\nimport os\n", []),
        ("import os, sys", "; sys.path.append('..'); import os\n", []),
        ("import x\n", "with os as sys:\n    pass\n", ["import os", "import sys"]),
    ],
)
def test_what_the_path_is_made_of_is_imported_before_it(
    head: str, behind: str, missing: list[str]
) -> None:
    text = head + behind + GUARD
    after = placed(text, CONFIG, path="tools/see.py")
    lines = [*missing, PATH, LINE.strip()]
    added = "".join(f"{line}\n" for line in lines) if head[-1] == "\n" else "; " + "; ".join(lines)
    assert after == head + added + behind + GUARD
    assert placed(after, CONFIG, path="tools/see.py") == after


def test_a_script_deep_down_climbs_to_the_root() -> None:
    after = placed("import os\nimport sys\n" + GUARD, CONFIG, path="a/b/c/see.py")
    assert "os.path.abspath(__file__)), '..', '..', '..'))" in after
    assert after.count("import os\n") == after.count("import sys\n") == 1
    assert after.index("sys.path") < after.index("npu_runtime")


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        (Edit(10, 14, "see"), "see(1)"),
        (Edit(10, 10, "f("), "f(show(1)"),
        (Edit(9, 9, "  # x"), "show(1)"),
    ],
)
def test_imports_come_before_edits_of_the_statement_behind_them(edit: Edit, after: str) -> None:
    text = "import os\nshow(1)\n"
    project = Project({"a.py": SourceFile("a.py", text.encode())})
    edits = with_imports_before(project.module("a.py"), project, [edit], {CONFIG})
    lines = apply(text, edits).splitlines()
    assert lines[1:] == ["from npu_runtime import npu_session_config", after]


def test_a_module_of_the_runtime_is_what_the_port_must_carry() -> None:
    assert RuntimeImport("images", whole=True).provider == "npu_runtime.images"
    assert READ.provider == "npu_runtime.images"
    assert CONFIG.provider == "npu_runtime"


OURS = "from npu_runtime import npu_session_config\n"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("x = 1\n", False),
        ("# npu_session_config\nx = 'npu_session_config'\ny.npu_session_config()\n", False),
        (OURS, False),
        (f"{OURS}def f(): return npu_session_config()\n", False),
        ("def f():\n    from npu_runtime import npu_session_config\n", False),
        ("def npu_session_config(): pass\n", True),
        ("class npu_session_config: pass\n", True),
        ("npu_session_config = 1\n", True),
        ("def f(npu_session_config=None): pass\n", True),
        ("f = lambda npu_session_config: 1\n", True),
        ("def f():\n    global npu_session_config\n    npu_session_config = 1\n", True),
        ("[1 for npu_session_config in x]\n", True),
        ("with a as npu_session_config: pass\n", True),
        ("import numpy as npu_session_config\n", True),
        ("from other import npu_session_config\n", True),
        ("from other import *\nnpu_session_config()\n", True),
        (f"{OURS}def f():\n    npu_session_config = 1\n", True),
    ],
)
def test_names_of_the_runtime_that_a_file_has_already(text: str, taken: bool) -> None:
    module = Project({"train.py": SourceFile("train.py", text.encode())}).module("train.py")
    wanted = runtime_import(module, "npu_session_config")
    assert wanted.bound == ("runtime_npu_session_config" if taken else "npu_session_config")


def test_a_project_keeps_its_own_names() -> None:
    check_port(
        """
        import tensorflow as tf
        from keras.models import Model

        def npu_session_config(use_npu_keras_session=None):
            return tf.ConfigProto()

        sess = tf.Session(config=npu_session_config())
        sess.run(tf.train.AdamOptimizer().minimize(x))
        model = Model(x, y)
        model.fit(x, y)
        est = tf.estimator.Estimator(npu_run_config)
        """,
        """
        import tensorflow as tf
        from tensorflow.keras.models import Model
        from npu_runtime import npu_run_config as runtime_npu_run_config, npu_session_config as \
runtime_npu_session_config, use_npu_keras_session as runtime_use_npu_keras_session

        runtime_use_npu_keras_session()

        def npu_session_config(use_npu_keras_session=None):
            return tf.ConfigProto()

        sess = tf.Session(config=runtime_npu_session_config(npu_session_config()))
        sess.run(tf.train.AdamOptimizer().minimize(x))
        model = Model(x, y)
        model.fit(x, y)
        est = tf.estimator.Estimator(npu_run_config, config=runtime_npu_run_config())
        """,
        *("NPU101", "NPU102", "NPU103", "NPU805"),
    )


def test_a_project_keeps_its_own_name_of_the_images() -> None:
    check_port(
        """
        import scipy.misc
        npu_images = [scipy.misc.imread(name) for name in names]
        """,
        """
        from npu_runtime import images as npu_runtime_images
        npu_images = [npu_runtime_images.imread(name) for name in names]
        """,
        "NPU804",
    )


@pytest.mark.parametrize(
    "text",
    [
        "from a.b import c",
        "from a . b import c",
        "from\\\n    a \\\n    .b import c",
        "from a.\\\nb import (c,)",
        "from a.b import *",
        "x = 1; from a.b import c",
    ],
)
def test_the_module_of_an_import_is_found_in_any_layout(text: str) -> None:
    module = Project({"a.py": SourceFile("a.py", text.encode())}).module("a.py")
    [node] = [node for node in module.nodes if isinstance(node, ast.ImportFrom)]
    start, end = module_span(module, node)
    assert re.sub(r"[\s\\]", "", text[start:end]) == "a.b"
    assert text[start] == "a" and text[end - 1] == "b"
