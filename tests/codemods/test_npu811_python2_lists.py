"""Lists and whole numbers of Python 2."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port

CODE = "NPU811"
HEAD = "import random\nimport numpy as np\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # on the spot
        ("x = zip(a, b)[0], map(f, a)[1:], filter(None, a)[-1]\n", "x = list(zip(a, b))[0], list(map(f, a))[1:], list(filter(None, a))[-1]\n"),
        ("x = len(filter(f, a)), len( map(f, a) )\n", "x = len(list(filter(f, a))), len( list(map(f, a)) )\n"),
        ("x = range(3) + [1], [0] + map(f, a), range(2) + range(3, 4)\n", "x = list(range(3)) + [1], [0] + list(map(f, a)), list(range(2)) + list(range(3, 4))\n"),
        ("x = np.array(map(f, a)), np.array(d.values(), dtype=t), np.mean(filter(f, a))\n", "x = np.array(list(map(f, a))), np.array(list(d.values()), dtype=t), np.mean(list(filter(f, a)))\n"),
        ("map(start, threads)\nmap(lambda t: t.join(), threads)\n", "list(map(start, threads))\nlist(map(lambda t: t.join(), threads))\n"),
        ("random.choice(zip(a, b))\nx = random.sample(map(f, a), 3)\n", "random.choice(list(zip(a, b)))\nx = random.sample(list(map(f, a)), 3)\n"),
        ("x = zip(a,  # first\n    b)[0]\n", "x = list(zip(a,  # first\n    b))[0]\n"),
        # by a variable
        ("order = range(n)\nrandom.shuffle(order)\n", "order = list(range(n))\nrandom.shuffle(order)\n"),
        ("def f(x):\n    perm = range(len(x))\n    np.random.shuffle(perm)\n    return perm\n", "def f(x):\n    perm = list(range(len(x)))\n    np.random.shuffle(perm)\n    return perm\n"),
        ("x = map(int, a)\nx.append(3)\nfor i in x: f(i)\n", "x = list(map(int, a))\nx.append(3)\nfor i in x: f(i)\n"),
        ("pairs = zip(a, b)\ndef get(i): return pairs[i]\n", "pairs = list(zip(a, b))\ndef get(i): return pairs[i]\n"),
        ("x = filter(f, a)\nx += [1]\nr = range(3)\nr[0] = 1\n", "x = list(filter(f, a))\nx += [1]\nr = list(range(3))\nr[0] = 1\n"),
        ("keys = d.keys()\nkeys.sort()\nitems = d.items()\nrandom.shuffle(items)\n", "keys = list(d.keys())\nkeys.sort()\nitems = list(d.items())\nrandom.shuffle(items)\n"),
        ("class Data:\n    def __init__(self, n):\n        self.order = range(n)\n    def start(self):\n        random.shuffle(self.order)\n", "class Data:\n    def __init__(self, n):\n        self.order = list(range(n))\n    def start(self):\n        random.shuffle(self.order)\n"),
        ("rows = load()\nif some: rows = filter(f, rows)\nn = len(rows)\n", "rows = load()\nif some: rows = list(filter(f, rows))\nn = len(rows)\n"),
        ("class Data:\n    def __init__(self, some):\n        self.rows = load()\n        if some:\n            self.rows = filter(f, self.rows)\n    def size(self):\n        return len(self.rows)\n", "class Data:\n    def __init__(self, some):\n        self.rows = load()\n        if some:\n            self.rows = list(filter(f, self.rows))\n    def size(self):\n        return len(self.rows)\n"),
        # whole numbers
        ("for i in range(n / 2): f(i)\nfor i in xrange(0, len(x) / b + 1, (b)/(2)): f(i)\n", "for i in range(n // 2): f(i)\nfor i in xrange(0, len(x) // b + 1, (b)//(2)): f(i)\n"),
        ("y = x[:n / 2], x[len(x) / 2:, -n / 4:-(n / 4)]\n", "y = x[:n // 2], x[len(x) // 2:, -n // 4:-(n // 4)]\n"),
        ("e = [0] * (n / 2), [[1]] * (n / 2 + 1)\nz = np.zeros((n / 2, 3)), np.ones(n / 2, np.int32)\n", "e = [0] * (n // 2), [[1]] * (n // 2 + 1)\nz = np.zeros((n // 2, 3)), np.ones(n // 2, np.int32)\n"),
        ("steps = len(x) / b\nfor i in range(steps): f(x[i])\n", "steps = len(x) // b\nfor i in range(steps): f(x[i])\n"),
        ("class T:\n    def __init__(self, n):\n        self.steps = n / 2\n    def run(self):\n        for i in range(self.steps): f(i)\n", "class T:\n    def __init__(self, n):\n        self.steps = n // 2\n    def run(self):\n        for i in range(self.steps): f(i)\n"),
    ],
)  # fmt: skip
def test_rewrites(before: str, after: str) -> None:
    assert not check_port(HEAD + before, HEAD + after, CODE).codes()


@pytest.mark.parametrize(
    "source",
    [
        # what iterators, ranges and views can do
        "for a, b in zip(x, y): f(a)\nx = list(map(f, y)), dict(zip(x, y)), sum(map(f, y)), tuple(zip(x))\n",
        "r = range(3)\nx = r[0], r[1:], len(r), r.index(1), r.count(1), random.choice(r), np.array(r)\n",
        "x = range(3)[1], len(range(3)), random.sample(range(3), 2), np.random.permutation(range(4))\n",
        "x = len(d.keys()), d.keys() | e.keys(), sorted(d.items()), d.keys() - e.keys()\n",
        "it = map(f, x)\nfirst = next(it)\nrest = [i for i in it]\n",
        "x = map(f, y)\nx = list(x)\nx.append(1)\n",
        "x = range(9)\nx = np.array(x)\nrandom.shuffle(x)\n",
        "x = zip(a, b)\nf(x)\nx = []\nx.append(1)\n",
        "x = a\nx = map(f, x)\nfor i in x: g(i)\n",
        "x = np.arange(3) + range(3), range(3) * np.ones(3)\n",
        "*x, y = zip(a, b)\nx.append(1)\na, b = zip(*c)\na.sort()\n",
        "def f(keys):\n    keys.sort()\ndef g(d):\n    keys = d.keys()\n    return keys\n",
        "options = hparams.values()\noptions.pop('a')\nkeys = d.keys()\nkeys.remove(1)\n",
        "keys = d.keys()\nx = keys[0], keys + [1], keys[mask]\n",
        "filter(f, x)\nzip(a, b)\nrange(3)\nd.keys()\n",
        "x = map(f, y)\nprint(next(x), len(x))\n",
        # other things with these names
        "def f(map, zip): return map(x)[0], zip(y)[1]\n",
        "from jax import map, filter\nx = map(f, y)[0]\n",
        "x = tf.map(f)[0], pool.map(f, y)[0], ds.zip(a).append(1), df.filter(a)[0]\n",
        "from six.moves import range, zip\nx = zip(a, b)\n",
        # for both
        "import sys\nif sys.version_info[0] == 2:\n    x = map(f, y)[0]\n",
        "try:\n    x = zip(a, b)[0]\nexcept TypeError:\n    x = list(zip(a, b))[0]\n",
        # fractions
        "x = n / 2\ny = a[int(n / 2):], range(int(n / 2)), d[n / 2], a[n // 2:]\n",
        "x = np.mgrid[0:1:1 / n], df.loc[:n / 2], a[:n / 2.0], range(n * 1.0 / 2)\n",
        "x = n / 2\nx = int(x)\nfor i in range(x): f(i)\n",
        "x = np.full(3, n / 2), np.array([n / 2]), np.ones(3) * (n / 2), n / 2 * np.zeros(3)\n",
        "def f(n):\n    for i in range(n): g(i, n / 2)\n",
    ],
)
def test_noops(source: str) -> None:
    assert not check_noop(HEAD + source, CODE).codes()


def test_files_with_true_division_are_left_alone() -> None:
    check_noop("from __future__ import division\nfor i in range(n / 2): f(i)\n", CODE)


def test_with_the_other_rules_of_python_2() -> None:
    before = "import itertools\nx = itertools.imap(f, a)\ny = zip(d.iteritems(), b)[0]\n"
    after = "x = map(f, a)\ny = list(zip(d.items(), b))[0]\n"
    check_port(before, after, CODE, "NPU802", "NPU808", "NPU809")
