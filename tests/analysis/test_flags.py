"""The flags of a script, whatever defines them and wherever."""

from __future__ import annotations

import pytest

from migrate.analysis.flags import Flag, flags_of
from migrate.analysis.imported import imported_by
from migrate.analysis.project import Project
from migrate.upstream.tree import SourceFile


def project(**files: str) -> Project:
    """Files by name, with ``__`` for a slash."""
    paths = {name.replace("__", "/") + ".py": text.encode() for name, text in files.items()}
    return Project({path: SourceFile(path, data) for path, data in paths.items()})


def flags(source: str, **others: str) -> dict[str, Flag]:
    return {flag.name: flag for flag in flags_of(project(train=source, **others), "train.py")}


PARSER = "import argparse\nparser = argparse.ArgumentParser()\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("'--lr', type=float, default=1e-4, help='rate\\n  of learning'", ("float", "1e-4", 1e-4)),
        ("'--steps', type=int", ("int", "", None)),
        ("'-o', '--steps', default=7", ("int", "7", 7)),
        ("'--name', default=None", ("str", "", None)),
        ("'--on', action='store_true'", ("bool", "False", False)),
        ("'--on', action='store_false'", ("bool", "True", True)),
        ("'--on', action='store_true', default=True", ("bool", "True", True)),
        ("'--on', type=str2bool, default=True", ("bool", "True", True)),
        ("'--many', nargs='+', default=[]", ("list", "[]", [])),
        ("'--n', default=1 << 4, type=int", ("int", "1 << 4", None)),
        ("'--n', default=other.N", ("str", "other.N", None)),
    ],
)
def test_argparse(arguments: str, expected: tuple[object, ...]) -> None:
    (flag,) = flags(PARSER + f"parser.add_argument({arguments})\n").values()
    assert (flag.kind, flag.default, flag.value) == expected
    assert (flag.path, flag.line, flag.positional) == ("train.py", 3, False)


def test_what_a_definition_says() -> None:
    found = flags(
        PARSER
        + "parser.add_argument('--d', choices=['a', \"b\"], required=True, help='which\\n   one')\n"
        + "parser.add_argument('source')\n"
    )
    assert found["d"].choices == ("'a'", '"b"')
    assert found["d"].required
    assert found["d"].help == "which one"
    assert found["source"].positional


@pytest.mark.parametrize(
    "source",
    [
        PARSER + "group = parser.add_argument_group('g')\ngroup.add_argument('--x')",
        PARSER + "sub = parser.add_subparsers()\np = sub.add_parser('c')\np.add_argument('--x')",
        "def add(parser):\n    parser.add_argument('--x')",
        "from argparse import ArgumentParser as P\nP().add_argument('--x')",
        "import argparse\nclass A:\n    def __init__(self):\n"
        "        self.p = argparse.ArgumentParser()\n        self.p.add_argument('--x')",
    ],
)
def test_parsers_of_every_kind(source: str) -> None:
    assert list(flags(source)) == ["x"]


@pytest.mark.parametrize(
    "source",
    [
        "menu.add_argument('--x')",
        "parser = Menu()\nparser.add_argument('--x')",
        PARSER + "parser.add_argument(name)",
    ],
)
def test_what_is_no_flag(source: str) -> None:
    assert flags(source) == {}


@pytest.mark.parametrize(
    "start",
    [
        "import tensorflow as tf\nflags = tf.app.flags\n",
        "import tensorflow as tf\nflags = tf.flags\n",
        "from absl import flags\n",
        "import tensorflow.compat.v1 as tf\nflags = tf.app.flags\n",
    ],
)
def test_defined_flags(start: str) -> None:
    found = flags(
        start
        + "flags.DEFINE_string('dir', '/tmp/x', 'a place')\n"
        + "flags.DEFINE_integer('steps', None, help='how many')\n"
        + "flags.DEFINE_boolean('on', True, '')\n"
        + "flags.DEFINE_float('lr', default=0.1, help='rate')\n"
    )
    assert [(f.name, f.kind, f.value, f.help) for f in found.values()] == [
        ("dir", "str", "/tmp/x", "a place"),
        ("steps", "int", None, "how many"),
        ("on", "bool", True, ""),
        ("lr", "float", 0.1, "rate"),
    ]


def test_enums_and_changed_defaults() -> None:
    found = flags(
        "from absl import flags\nimport other\nFLAGS = flags.FLAGS\n"
        "flags.DEFINE_enum('kind', 'a', ['a', 'b'], 'which')\n"
        "FLAGS.set_default('kind', 'b')\nFLAGS.set_default('size', 3)\n",
        other="from absl import flags\nflags.DEFINE_integer('size', 1, '')\n"
        "flags.FLAGS.set_default('size', 2)\n",
    )
    assert (found["kind"].choices, found["kind"].value) == (("'a'", "'b'"), "b")
    assert (found["size"].path, found["size"].default, found["size"].value) == ("other.py", "3", 3)


def test_flags_of_all_that_is_imported_but_not_of_others() -> None:
    one = "from absl import flags\nflags.DEFINE_string('{}', '', '')\n"
    files = {
        "libs__data": one.format("data"),
        "libs____init__": "",
        "libs__deep__more": "from .. import data\n" + one.format("more"),
        "libs__deep____init__": "",
        "eval": one.format("eval"),
    }
    source = "from libs.deep import more\n" + one.format("train")
    assert list(flags(source, **files)) == ["train", "more", "data"]
    found = imported_by(project(train=source, **files), "train.py")
    assert found[0] == "train.py"
    assert "eval.py" not in found


def test_modules_that_import_one_another() -> None:
    assert imported_by(project(a="import b", b="import a"), "a.py") == ["a.py", "b.py"]


def test_a_script_that_does_not_parse_has_none() -> None:
    assert flags("print 1") == {}
