"""Names and forms of Python 2 in files that Python 3 can parse."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU802"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("for k, v in d.iteritems():\n    f(k, v)\n", "for k, v in d.items():\n    f(k, v)\n"),
        ("x = sorted(a.b['c'].iterkeys()), max(d . itervalues ( ))\n", "x = sorted(a.b['c'].keys()), max(d . values ( ))\n"),
        ("if d.has_key(k): f()\n", "if k in d: f()\n"),
        ("if not self.d.has_key('a b') and e: f()\n", "if 'a b' not in self.d and e: f()\n"),
        ("x = d.has_key(k) == 1, d.has_key(a or b), not d.has_key(k)\n", "x = d.__contains__(k) == 1, d.__contains__(a or b), not d.__contains__(k)\n"),
        ("while d.has_key(f(x)[0]) or (a or b).has_key(c): pass\n", "while f(x)[0] in d or (a or b).__contains__(c): pass\n"),
        ("if d.has_key(xrange(3)): f()\n", "if d.__contains__(range(3)): f()\n"),
        ("for i in xrange(3):\n    print(unichr(i), long(i))\n", "for i in range(3):\n    print(chr(i), int(i))\n"),
        ("if isinstance(s, (str, unicode)) or isinstance(s, basestring): s = raw_input('?')\n", "if isinstance(s, (str, str)) or isinstance(s, str): s = input('?')\n"),
        ("import os\nx = reduce(lambda a, b: a * b, [1])\n", "import os\nfrom functools import reduce\nx = reduce(lambda a, b: a * b, [1])\n"),
        ("import sys\nprint >>sys.stderr, 'a %d' % x, y  # say\n", "import sys\nprint('a %d' % x, y, file=sys.stderr)  # say\n"),
        ("print >> f, x,\nprint >>f\n", "print(x, end=' ', file=f)\nprint(file=f)\n"),
        ("print ('%d %s') % (x,\n             y)\n", "print(('%d %s') % (x,\n             y))\n"),
        ("print('a') + b\n", "print(('a') + b)\n"),
        ("d = {1: 2}\nx = d.keys()[0], d.items()[:3], dict(a=1).values()[-1]\n", "d = {1: 2}\nx = list(d.keys())[0], list(d.items())[:3], list(dict(a=1).values())[-1]\n"),
        ("import h5py\nwith h5py.File(n) as f:\n    x = f[f.keys()[0]]\n", "import h5py\nwith h5py.File(n) as f:\n    x = f[list(f.keys())[0]]\n"),
        ("import os\nfor line in file(os.path.join(a, 'b'), 'r'): f(line)\n", "import os\nfor line in open(os.path.join(a, 'b'), 'r'): f(line)\n"),
        ("x = cmp(a.b, c[0]) or -cmp(a, 'b')\n", "x = ((a.b > c[0]) - (a.b < c[0])) or -((a > 'b') - (a < 'b'))\n"),
        ("import os\nx.sort(cmp=lambda a, b: cmp(a, b))\n", "import os\nfrom functools import cmp_to_key\nx.sort(key=cmp_to_key(lambda a, b: ((a > b) - (a < b))))\n"),
        ("try:\n    for i in xrange(n): f(i)\nexcept (TypeError, ValueError):\n    g(unicode(n))\n", "try:\n    for i in range(n): f(i)\nexcept (TypeError, ValueError):\n    g(str(n))\n"),
        ("f(a=unicode('', 'utf-8'), b=unicode(b, 'utf-8'), c=unicode('x'))\n", "f(a='', b=str(b, 'utf-8'), c=str('x'))\n"),
        ("x = unicode('a'\n            'b', 'UTF-8')\n", "x = ('a'\n            'b')\n"),
        ("def f():\n    return unicode(\n        'a'\n        'b',\n        'ascii')\n", "def f():\n    return ('a'\n        'b')\n"),
        ("x = unicode('\\xc3\\xa9', 'utf-8')\n", "x = str('\\xc3\\xa9', 'utf-8')\n"),
        ("x = unicode('616263', 'hex'), unicode('\\\\u00e9', 'unicode-escape')\n", "x = str('616263', 'hex'), str('\\\\u00e9', 'unicode-escape')\n"),
        ("x = unicode('a',  # a letter\n            'utf-8')\n", "x = str('a',  # a letter\n            'utf-8')\n"),
        ("import net\nreload(net)\n", "import net\nfrom importlib import reload\nreload(net)\n"),
        ("try:\n    f()\nexcept StandardError as e:\n    g(e, intern('a'))\n", "from sys import intern\ntry:\n    f()\nexcept Exception as e:\n    g(e, intern('a'))\n"),
        ("import os\nx = sorted(y, cmp=f), sorted(y, f)\nx.sort(cmp = lambda a, b: a - b)\n", "import os\nfrom functools import cmp_to_key\nx = sorted(y, key=cmp_to_key(f)), sorted(y, key=cmp_to_key(f))\nx.sort(key=cmp_to_key(lambda a, b: a - b))\n"),
        ("from functools import partial\nx.sort(lambda a, b: (a > b) - (a < b))\n", "from functools import cmp_to_key, partial\nx.sort(key=cmp_to_key(lambda a, b: (a > b) - (a < b)))\n"),
        ("from numpy import *\nfor i in xrange(3): pass\n", "from numpy import *\nfor i in range(3): pass\n"),
    ],
)  # fmt: skip
def test_rewrites(before: str, after: str) -> None:
    assert not check_port(before, after, CODE).codes()


@pytest.mark.parametrize(
    "source",
    [
        # defined in the file, or by an import
        "from six.moves import xrange, reduce, input as raw_input\nx = xrange(3), reduce, raw_input\n",
        "try:\n    xrange\nexcept NameError:\n    xrange = range\nx = xrange(3)\n",
        "import sys\nif sys.version_info[0] > 2:\n    unicode = str\nx = unicode('a')\n",
        "def f(long, unicode=None):\n    return long, unicode\n",
        "class unicode(str): pass\nprint(unicode('a'))\n",
        "from past.builtins import *\nx = xrange(3), unicode\n",
        "from six.moves import *\nx = xrange(3)\n",
        # six's functions and other calls
        "import six\nfor k, v in six.iteritems(d): f(six.itervalues(d), six.moves.xrange(3))\n",
        "x = d.iteritems(multi=True), d.has_key(), d.has_key(a, b), d.iteritems, x.has_key\n",
        "class Own:\n    def iteritems(self): return []\n    def has_key(self, k): return 1\nOwn().iteritems(), Own().has_key(3)\n",
        # for Python 2 only, or expected to fail
        "import sys\nPY2 = sys.version_info[0] == 2\nif PY2:\n    text = unicode\nelse:\n    text = str\n",
        "import six\ns = unicode(s) if six.PY2 else str(s)\n",
        "def f(d):\n    try:\n        return d.iteritems()\n    except AttributeError:\n        return d.items()\n",
        "if hasattr(d, 'has_key') and d.has_key(k): f()\n",
        "try:\n    s = unicode(s)\nexcept NameError:\n    pass\n",
        # Python 3
        "print('a %d' % x, file=f)\nprint\nprint ('a'), b\n",
        "def print(x): return 1\nprint('a') + 2\nx = print >> f\n",
        "x = 'xrange raw_input', d.long, d.unicode, f(long=1)\n# d.iteritems()\n",
        "x = d.keys(), list(d.keys())[0], d.values[0], d.keys(1)[0], d['keys'][0]\n",
        "class A:\n    def keys(self): return []\nx = A().keys()[0]\n",
        "def f(file, reload, cmp, apply=None):\n    for buffer in file(cmp): apply(buffer, reload(cmp))\n",
        "import os, file\nx = os.file(), self.apply(f), df.apply(f), x.cmp, file.open(y), self.buffer(y)\n",
        "from importlib import reload\nfrom imp import reload as again\nreload(net)\nagain(net)\n",
        "x.sort(), x.sort(1), x.sort(axis), x.sort(key=f), sorted(x), sorted(x, key=f), np.sort(x, 0)\n",
        "x.sort(lambda a: a), sorted(*x), x.sort(key=lambda a, b: a)\n",
        "try:\n    from six.moves import zip\nexcept ImportError:\n    numbers = xrange(3)\n",
        "class Bag:\n    def sort(self, cmp): pass\nBag().sort(cmp=lambda a, b: 1)\n",
        "try:\n    cmp\nexcept NameError:\n    def cmp(a, b): return (a > b) - (a < b)\nx = cmp(1, 2)\n",
        "import sys\nif sys.version[0] == '2':\n    reload(sys)\n    x = cmp(1, 2), file(y)\n",
    ],
)
def test_noops(source: str) -> None:
    assert not check_noop(source, CODE).codes()


def test_a_name_from_a_star_import_of_the_project() -> None:
    source = "from common import *\nx = xrange(3)\n"
    check_noop(source, CODE, others={"common.py": "xrange = range\n"})
    check_noop(source, CODE, others={"common.py": "from six.moves import *\n"})
    check_port(source, source.replace("xrange", "range"), CODE, others={"common.py": "import os\n"})


def test_a_method_of_the_project_wherever_it_is() -> None:
    check_noop(
        "d.iteritems()\n", CODE, others={"own.py": "class A:\n    def iteritems(self): pass\n"}
    )


def test_a_builtin_with_another_meaning_is_a_warning() -> None:
    ported = check_noop("def f(input):\n    return raw_input(input)\n", CODE)
    assert ported.codes("warning") == [CODE]


@pytest.mark.parametrize(
    "source",
    [
        "x = cmp(f(a), f(b))\n",
        "x = f(cmp)\n",
        "execfile('settings.py')\n",
        "y = apply(f, x)\n",
        "y = buffer(x)\n",
        "x = isinstance(f, file)\n",
        "x.sort(key=f, cmp=g)\n",
        "x = sorted(y, f, g)\n",
    ],
)
def test_what_has_no_successor_is_a_warning(source: str) -> None:
    ported = check_noop(source, CODE)
    assert ported.codes() == ported.codes("warning") == [CODE]
    assert ported.findings[0].advice


def test_an_index_into_keys_of_an_unknown_object_is_a_note() -> None:
    assert check_noop("def f(d):\n    return d.keys()[0]\n", CODE).codes("note") == [CODE]


def test_with_the_h5py_rule() -> None:
    before = "import h5py\nf = h5py.File('a')\nx = f[f.keys()[0]].value\n"
    ported = port_files({"train.py": before}, CODE, "NPU803")
    assert ported.text() == "import h5py\nf = h5py.File('a')\nx = f[list(f.keys())[0]][()]\n"
