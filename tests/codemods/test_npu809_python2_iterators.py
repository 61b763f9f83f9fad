"""Iterators and special methods of Python 2."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port

CODE = "NPU809"
GENERATOR = "def batches():\n    yield 1\n\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("g = batches()\nx = sess.run(op, {a: g.next()})\n", "g = batches()\nx = sess.run(op, {a: next(g)})\n"),
        ("x, y = (batches()) . next ( )\n", "x, y = next((batches()) )\n"),
        ("x = (i for i in y).next()\n", "x = next((i for i in y))\n"),
        ("x = iter(y).next().shape, enumerate(y).next()[1]\n", "x = next(iter(y)).shape, next(enumerate(y))[1]\n"),
        ("with open(p) as f:\n    head = f.next().split()\n", "with open(p) as f:\n    head = next(f).split()\n"),
        ("import os, csv\nx = os.walk(p).next()[1]\nrows = csv.reader(f)\nrows.next()\n", "import os, csv\nx = next(os.walk(p))[1]\nrows = csv.reader(f)\nnext(rows)\n"),
        ("import itertools\nc = itertools.cycle(y)\nwhile True: f(c.next())\n", "import itertools\nc = itertools.cycle(y)\nwhile True: f(next(c))\n"),
        ("g = batches()\ndef again():\n    global g\n    try:\n        return g.next()\n    except StopIteration:\n        g = batches()\n        return g.next()\n", "g = batches()\ndef again():\n    global g\n    try:\n        return next(g)\n    except StopIteration:\n        g = batches()\n        return next(g)\n"),
        ("class Feed:\n    def __init__(self):\n        self.it = None\n        self.it = self.rows()\n    def rows(self):\n        yield 1\n    def get(self):\n        return self.it.next()\n", "class Feed:\n    def __init__(self):\n        self.it = None\n        self.it = self.rows()\n    def rows(self):\n        yield 1\n    def get(self):\n        return next(self.it)\n"),
        ("f(batches().next)\n", "f(batches().__next__)\n"),
        ("x = d.iteritems().next(), d.itervalues().next().shape\n", "x = next(iter(d.iteritems())), next(iter(d.itervalues())).shape\n"),
    ],
)  # fmt: skip
def test_iterators(before: str, after: str) -> None:
    assert not check_port(GENERATOR + before, GENERATOR + after, CODE).codes()


def test_generators_of_other_files() -> None:
    others = {
        "data.py": GENERATOR + "class Loader:\n    def each(self):\n        yield 1\n",
    }
    before = """
        import data
        from data import Loader
        loader = Loader()
        rows = loader.each()
        x = data.batches().next(), rows.next()
        """
    after = before.replace("data.batches().next()", "next(data.batches())")
    check_port(before, after.replace("rows.next()", "next(rows)"), CODE, others=others)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            """
            class Feed(object):
                def __iter__(self):
                    return self

                def next(self):  # one batch
                    return self.rows.pop()  # the last

                def close(self):
                    pass
            """,
            """
            class Feed(object):
                def __iter__(self):
                    return self

                def next(self):  # one batch
                    return self.rows.pop()  # the last
                __next__ = next

                def close(self):
                    pass
            """,
        ),
        (
            """
            class Base:
                def __iter__(self): return self
            class Feed(Base):
                def next(self, size=1): return 1
            """,
            """
            class Base:
                def __iter__(self): return self
            class Feed(Base):
                def next(self, size=1): return 1
                __next__ = next
            """,
        ),
        (
            """
            class Size:
                def __nonzero__(self):
                    return True
                def __div__(self, other):
                    return self
            """,
            """
            class Size:
                def __nonzero__(self):
                    return True
                __bool__ = __nonzero__
                def __div__(self, other):
                    return self
                __truediv__ = __div__
            """,
        ),
    ],
)
def test_classes(before: str, after: str) -> None:
    assert not check_port(before, after, CODE).codes()


@pytest.mark.parametrize(
    "source",
    [
        # Python 3, or both
        "g = batches()\nx = next(g), g.__next__(), g.send(1)\n",
        "class A:\n    def __iter__(self): return self\n    def __next__(self): return 1\n    next = __next__\n",
        "class A:\n    def __iter__(self): return self\n    def next(self): return 1\n    __next__ = next\n",
        "import sys\nclass A:\n    def __iter__(self): return self\n    def next(self): return 1\n    if sys.version_info[0] > 2: __next__ = next\n",
        "class A:\n    def __iter__(self): return self\n    def next(self): return 1\nA.__next__ = A.next\n",
        "class A:\n    def __nonzero__(self): return 1\n    def __bool__(self): return 1\n    def __cmp__(self, o): return 1\n    def __lt__(self, o): return 1\n",
        "import sys\ng = batches()\nx = g.next() if sys.version_info[0] == 2 else next(g)\n",
        "g = batches()\ntry:\n    x = g.next()\nexcept AttributeError:\n    x = next(g)\n",
        # methods of their own
        "class Env:\n    def next(self): return 1\n    def go(self): return self.next()\nEnv().next()\n",
        "class Feed:\n    def __iter__(self): yield 1\n    def next(self, size): return 1\n    def close(self): self.next(3)\nfeed = Feed()\nfeed.next(3)\n",
        "import tarfile, keras\nt = tarfile.open(p)\nt.next()\nkeras.preprocessing.image.ImageDataGenerator().flow(x).next()\n",
        "class Node:\n    @property\n    def next(self): return self.n\n    def __iter__(self): return self\nnode.next, node.next.next\n",
        "class Bag(dict):\n    def __iter__(self): return iter(self.x)\n    def next(self): return 1\n    def get(self): return self.next()\n",
        "def f(tfe): return tfe.Iterator(x).next()\n",
        "x = node.next\nnode.next = y\nx = f.next(3), f.next(size=3)\n",
        "def next(x): return x\nnext(3)\n",
    ],
)
def test_noops(source: str) -> None:
    assert not check_noop(GENERATOR + source, CODE).codes()


@pytest.mark.parametrize(
    "source",
    [
        "def f(it):\n    return it.next()\n",
        "g = batches() if x else other()\ng.next()\n",
        "items = d.iteritems()\nitems.next()\n",
        "@wrapped\ndef rows():\n    yield 1\nrows().next()\n",
        "def next(x): return 1\nbatches().next()\n",
        "class A:\n    def __cmp__(self, other): return 0\n",
        "class A:\n    def __getslice__(self, i, j): return 0\n",
    ],
)
def test_what_is_not_known_is_a_warning(source: str) -> None:
    ported = check_noop(GENERATOR + source, CODE)
    severity = "note" if "def next" in source else "warning"
    assert ported.codes() == ported.codes(severity) == [CODE]
    assert ported.findings[0].line and ported.findings[0].advice


def test_what_may_be_an_own_method_is_a_note() -> None:
    own = "class Feed:\n    def next(self): return 1\n"
    ported = check_noop("def f(it):\n    return it.next()\n", CODE, others={"feed.py": own})
    assert ported.codes() == ported.codes("note") == [CODE]


def test_with_the_names_rule() -> None:
    check_port("x = d.iteritems().next()\n", "x = next(iter(d.items()))\n", CODE, "NPU802")
