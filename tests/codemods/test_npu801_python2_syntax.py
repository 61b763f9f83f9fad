"""Python 2 files become Python 3.7, and nothing else changes."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from migrate.analysis.project import Project
from migrate.analysis.syntax import uncollected
from migrate.codemods.engine import rewrite
from migrate.codemods.registry import kit_rules
from migrate.codemods.rule import Rule
from migrate.upstream.tree import EXECUTABLE, SourceFile
from tests.codemods.support import check_noop, check_port, dedent, port_files

CODE = "NPU801"


def fixed(before: str | bytes, **others: str) -> bytes:
    files = {f"{name}.py": text for name, text in others.items()}
    ported = port_files({**files, "train.py": before}, CODE)
    assert not {"NPU900", "NPU903", "NPU904"} & set(ported.codes())
    again = port_files({"train.py": ported.files["train.py"]}, CODE)
    assert again.files["train.py"] == ported.files["train.py"]
    return ported.files["train.py"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("print 'a', b  # say\n", "print('a', b)  # say\n"),
        ("print\nprint 'x' % y,\n", "print()\nprint('x' % y, end=' ')\n"),
        ("print\nprint >>f, x, y\nprint 1\n", "print()\nprint(x, y, file=f)\nprint(1)\n"),
        ("print ('%d') % y\nprint 1\n", "print(('%d') % y)\nprint(1)\n"),
        ("print ('a'), 'b'\nprint 1\n", "print(('a'), 'b')\nprint(1)\n"),
        ("try:\n    f()\nexcept (A, B), e:\n    g(e)\n", "try:\n    f()\nexcept (A, B) as e:\n    g(e)\n"),
        ("exec 'x = 1' in names\n", "exec('x = 1', names)\n"),
        ("raise ValueError, 'no'\n", "raise ValueError('no')\n"),
        ("if a <> b:\n    c = `d`\n", "if a != b:\n    c = repr(d)\n"),
        ("os.chmod(p, 0755)\nn = 10L\n", "os.chmod(p, 0o755)\nn = 10\n"),
        ("s = ur'\\d'\n", "s = r'\\d'\n"),
        ("print 1\nk = f[f.keys()[0]]\n", "print(1)\nk = f[list(f.keys())[0]]\n"),
        ("print 1\nif d.has_key(k): pass\n", "print(1)\nif k in d: pass\n"),
        ("print 1\nfor i in xrange(3): f(i)\n", "print(1)\nfor i in range(3): f(i)\n"),
        ("import cPickle as pickle\nprint 1\n", "import pickle\nprint(1)\n"),
        ("print 1\nx = raw_input('?')\n", "print(1)\nx = input('?')\n"),
        ("print 1\nm = map(f, x)[0]\n", "print(1)\nm = list(map(f, x))[0]\n"),
        ("def f(a, (b, c)):\n    return b\n", "def f(a, xxx_todo_changeme):\n    (b, c) = xxx_todo_changeme\n    return b\n"),
    ],
)  # fmt: skip
def test_fixes(before: str, after: str) -> None:
    check_port(before, after, CODE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "if x:\n\tprint 1\n        y = 2\n    \t# so\n\tif y:\n\t    y = 3\n",
            "if x:\n        print(1)\n        y = 2\n        # so\n        if y:\n            y = 3\n",
        ),
        # nothing else of Python 2
        ("if x:\n\ty = 1\n        z = 2\n", "if x:\n        y = 1\n        z = 2\n"),
        # what a string or a line holds stays
        (
            "if x:\n\ty = '''a\n\tb'''\t# c\n        z = f(1,\n\t\t2)\n",
            "if x:\n        y = '''a\n\tb'''\t# c\n        z = f(1,\n                2)\n",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_tabs_become_spaces_where_only_python_2_can_tell_them(
    before: str, after: str, newline: str
) -> None:
    assert fixed(before.replace("\n", newline)) == after.replace("\n", newline).encode()


def test_tabs_that_python_3_reads_stay() -> None:
    assert fixed("if x:\n\tprint 1\n") == b"if x:\n\tprint(1)\n"


def test_lines_that_are_python_3_keep_their_bytes() -> None:
    before = """
        # A comment,  with   spaces
        label = u'caf\u00e9'   ;   other = U"x"
        print (label)
        print ("%s: %s" % (label, other))
        print (label, other)
        print ()
        if (True):\tstep=1 # tab
        text = '''print this
        \x0cprint that'''
        print label
        """
    after = dedent(before).replace("print label", "print(label)")
    check_port(before, after, CODE)


def test_a_print_function_stays() -> None:
    before = "from __future__ import print_function\nprint('a', file=f)\nx = 0777\n"
    after = "from __future__ import print_function\nprint('a', file=f)\nx = 0o777\n"
    check_port(before, after, CODE)


def test_mixed_line_endings_and_no_last_one() -> None:
    assert fixed(b"a = 1\r\nprint a\nb = 2\rprint b") == b"a = 1\r\nprint(a)\r\nb = 2\rprint(b)"


def test_a_declared_encoding_is_kept() -> None:
    before = "# -*- coding: latin-1 -*-\nprint 'caf\u00e9'\n".encode("latin-1")
    assert fixed(before) == before.replace(b"print 'caf\xe9'", b"print('caf\xe9')")


def test_other_rules_then_read_the_file() -> None:
    ported = port_files({"train.py": "print 1\nprint 2\n"})
    assert "NPU902" not in ported.codes()


def test_own_modules_are_not_the_standard_library() -> None:
    before = "import Queue, commands\nprint commands.x\n"
    assert fixed(before, commands="x = 1") == b"import Queue, commands\nprint(commands.x)\n"


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("for i in xrange(n): f(i / 2)\n", True),
        ("import cPickle\na = b / c\n", True),
        ("def g():\n    yield 1\nx = g().next()\na /= b\n", True),
        ("x = map(f, y)[a / b]\n", False),
        ("from __future__ import division\nfor i in xrange(n): f(i / 2)\n", False),
        ("for i in range(n): f(i / 2)\n", False),
        ("try:\n    import cPickle\nexcept ImportError:\n    import pickle\na = b / c\n", False),
        ("for i in xrange(n): f(i / 2.0)\n", False),
    ],
)
def test_integer_division_in_files_that_parse(text: str, noted: bool) -> None:
    assert check_noop(text, CODE).codes() == [CODE] * noted


def test_modules_of_the_standard_library_are_imported_by_their_names() -> None:
    before = """
        import itertools, operator
        import types
        import urllib
        from itertools import imap
        print urllib.urlopen(urllib.quote(url)), operator.isCallable(x)
        for a, b in itertools.izip(x, imap(f, y)):
            print isinstance(a, (types.StringType, types.ListType))
        """
    after = """
        import itertools, operator
        import types
        import urllib.request, urllib.parse, urllib.error

        print(urllib.request.urlopen(urllib.parse.quote(url)), callable(x))
        for a, b in zip(x, map(f, y)):
            print(isinstance(a, (str, list)))
        """
    check_port(before, after, CODE)


@pytest.mark.parametrize(
    "line",
    [
        "from six.moves import urllib, itertools",
        "import helpers as urllib, helpers as itertools",
        "urllib = itertools = helpers",
        "from helpers import itertools, urllib",
    ],
)
def test_other_things_with_names_of_modules(line: str) -> None:
    before = f"{line}\nprint urllib.urlopen(x), itertools.izip(y)\n"
    after = f"{line}\nprint(urllib.urlopen(x), itertools.izip(y))\n"
    if "=" in line:
        before, after = (text.replace("itertools.izip", "f") for text in (before, after))
    check_port(before, after, CODE)


def test_own_modules_with_names_of_modules() -> None:
    before = "import urllib, itertools\nprint urllib.urlopen(x), itertools.izip(y)\n"
    after = before.replace("print ", "print(").replace("(y)", "(y))").encode()
    assert fixed(before, urllib="def urlopen(x): pass", itertools="izip = zip") == after


def test_own_functions_are_not_the_built_in_ones() -> None:
    before = "def apply(f, x): return f\nunicode = str\nprint apply(f, x), unicode(1)\n"
    assert fixed(before).endswith(b"\nprint(apply(f, x), unicode(1))\n")


def test_a_next_method_of_the_project_keeps_its_name() -> None:
    before = "import feed\nprint feed.Feed().next()\n"
    feed = "class Feed(object):\n    def next(self):\n        return 1\n"
    assert fixed(before, feed=feed) == b"import feed\nprint(feed.Feed().next())\n"
    assert fixed("print iter([1]).next()\n") == b"print(next(iter([1])))\n"


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("print a / b\n", True),
        ("print 1\na /= b\n", True),
        ("print a / 2.0\n", False),
        ("print a // b\n", False),
        ("from __future__ import division\nprint a / b\n", False),
    ],
)
def test_integer_division_is_noted(text: str, noted: bool) -> None:
    ported = port_files({"train.py": text}, CODE)
    assert ported.codes("note") == [CODE] * noted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("#!/usr/bin/env python2\nprint 1\n", "#!/usr/bin/env python3\nprint(1)\n"),
        ("#!/usr/bin/python2.7 -u\r\nprint 1\r\n", "#!/usr/bin/python3 -u\r\nprint(1)\r\n"),
        ("#! /usr/bin/env python2.7\nx = 1\n", "#! /usr/bin/env python3\nx = 1\n"),
        ("#!/usr/bin/python2", "#!/usr/bin/python3"),
    ],
)
def test_a_first_line_that_starts_python_2(before: str, after: str) -> None:
    assert fixed(before.encode()) == after.encode()


@pytest.mark.parametrize(
    "source",
    [
        "#!/usr/bin/env python\nx = 1\n",
        "#!/usr/bin/env python3\nx = 1\n",
        "#!/opt/python2/bin/python\nx = 1\n",
        "#!/usr/bin/env python26x\nx = 1\n",
        "# /usr/bin/env python2\nx = 1\n",
        "x = 1\n#!/usr/bin/env python2\n",
        "#!/usr/bin/env python2\nprint 1 if\n",
    ],
)
def test_other_first_lines_stay(source: str) -> None:
    assert port_files({"train.py": source}, CODE).files["train.py"] == source.encode()


def test_division_is_noted_in_a_file_that_python_2_starts() -> None:
    text = "#!/usr/bin/env python2\nx = a / b\n"
    assert [f.line for f in port_files({"train.py": text}, CODE).findings] == [2]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("python2 train.py --epochs 1", True),
        ("CUDA_VISIBLE_DEVICES=0 /usr/bin/python2.7 -u tools/train.py", True),
        ("nohup python2 -m tools.train &", True),
        ("python train.py", False),
        ("# python2 train.py", False),
        ("apt-get install python2 python2.7-dev", False),
        ("python train.py  # not python2 train.py", False),
        ("run-python2 train.py", False),
    ],
)
def test_a_shell_script_that_starts_python_2_is_told(line: str, told: bool) -> None:
    done = port_files({"train.py": "x = 1\n", "run.sh": f"#!/bin/sh\n{line}\n"}, CODE)
    assert [(f.path, f.line, f.severity) for f in done.findings] == [
        ("run.sh", 2, "warning")
    ] * told


def test_every_line_that_divides_is_named() -> None:
    text = "print a / b\nc = d / 2.0\ne = f(g / 2)\nh = i / j / k\nl = m / \\\n  n\n"
    findings = port_files({"train.py": text}, CODE).findings
    assert [finding.line for finding in findings] == [1, 3, 4, 5]


@pytest.mark.parametrize(
    "source",
    [
        "print('a', b)\nprint (c) \n",
        "x = '''\nprint this\n'''\n",
        "# print this, except that, `x`\n",
        "s = 'exec x'\nraise ValueError('a, b')\n",
        "",
    ],
)
def test_python_3_is_left_alone(source: str) -> None:
    assert not check_noop(source, CODE).fired


@pytest.mark.parametrize(
    "source",
    [
        "print 'a'\nclass :\n",  # no Python at all
        "def f(:\n    print x\n",
        "print 'a'\nif x:\n\ty = 1\n    z = 2\n",  # not even Python 2 sees one block
        "print 'a'\nx = await y z\n",
        "match = 1\nprint (yield) = 2\n",
    ],
)
def test_what_cannot_be_read_is_left_and_reported(source: str) -> None:
    ported = check_noop(source, CODE)
    assert not ported.fired
    assert ported.codes("warning") == ["NPU902"]


def test_undecodable_bytes_are_left() -> None:
    ported = port_files({"train.py": b"print '\xff'\n"}, CODE)
    assert ported.files["train.py"] == b"print '\xff'\n"


def test_the_fixers_are_imported_only_for_a_file_that_needs_them() -> None:
    code = (
        "import sys\n"
        "from migrate.analysis.project import Project\n"
        "from migrate.codemods.engine import rewrite\n"
        "from migrate.codemods.registry import kit_rules\n"
        "from migrate.upstream.tree import SourceFile\n"
        "text = b'print (1)  # print this, `x`'\n"
        "rules = [r for r in kit_rules() if r.code == 'NPU801']\n"
        "rewrite(Project({'a.py': SourceFile('a.py', text)}), rules, {})\n"
        "sys.exit('fissix' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_mode_of_the_file_stays() -> None:
    rules: list[Rule] = [rule for rule in kit_rules() if rule.code == CODE]
    project = Project({"run.py": SourceFile("run.py", b"print 1\n", EXECUTABLE)})
    rewrite(project, rules, {})
    assert project.files["run.py"].mode == EXECUTABLE


def test_nothing_of_the_fixers_trees_is_left() -> None:
    from fissix.pytree import Leaf

    project = Project({"a.py": SourceFile("a.py", b"print 'x', 1 <> 2\n" * 1000)})
    gc.collect()
    before = sum(isinstance(item, Leaf) for item in gc.get_objects())
    with uncollected():
        rewrite(project, kit_rules(), {})
        after = sum(isinstance(item, Leaf) for item in gc.get_objects())
    assert project.files["a.py"].data.startswith(b"print('x', 1 != 2)\n")
    assert after - before < 1000
