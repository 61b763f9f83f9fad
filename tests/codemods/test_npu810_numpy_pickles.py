"""numpy.load of objects."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port

CODE = "NPU810"
NUMPY = "import numpy as np\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("w = np.load(p).item()\n", "w = np.load(p, allow_pickle=True).item()\n"),
        ("w = np.load(p)[()]['conv1']\n", "w = np.load(p, allow_pickle=True)[()]['conv1']\n"),
        ("w = np.load(p, encoding='latin1')\n", "w = np.load(p, encoding='latin1', allow_pickle=True)\n"),
        ("w = np.load(open((p)), encoding = 'bytes' ).item()\n", "w = np.load(open((p)), encoding = 'bytes', allow_pickle=True ).item()\n"),
        ("for k in np.load((p)).item().keys(): f(k)\n", "for k in np.load((p), allow_pickle=True).item().keys(): f(k)\n"),
        ("w = np.load(p)\nprint(w.shape)\nw.item().get('a')\n", "w = np.load(p, allow_pickle=True)\nprint(w.shape)\nw.item().get('a')\n"),
        ("def f():\n    w = np.load(p)\n    return w[()]\n", "def f():\n    w = np.load(p, allow_pickle=True)\n    return w[()]\n"),
        ("w = np.load(p)['meta'].item()\n", "w = np.load(p, allow_pickle=True)['meta'].item()\n"),
        ("w = np.load(p)\nm = w['meta'][()]\n", "w = np.load(p, allow_pickle=True)\nm = w['meta'][()]\n"),
        ("w = np.load(\n    p,  # weights\n    encoding='latin1',\n).item()\n", "w = np.load(\n    p,  # weights\n    encoding='latin1',\n    allow_pickle=True,\n).item()\n"),
        ("w = np.load(p, None).item()\n", "w = np.load(p, None, allow_pickle=True).item()\n"),
    ],
)  # fmt: skip
def test_objects(before: str, after: str) -> None:
    assert not check_port(NUMPY + before, NUMPY + after, CODE).codes()


def test_by_import() -> None:
    before = "from numpy import load as read\nw = read(p).item()\n"
    check_port(before, before.replace("(p)", "(p, allow_pickle=True)"), CODE)
    check_noop("from storage import load\nw = load(p).item()\n", CODE)


@pytest.mark.parametrize(
    "source",
    [
        # arrays
        "x = np.load(p)\n",
        "x = np.load(p)[0], np.load(p)['x'], np.load(p)[1:], np.load(p)[:, 0], np.load(p)['a', 'b']\n",
        "x = np.load(p).astype(np.float32).mean().item()\n",
        "x = np.load(p)\nx[0].item(), x.sum()[()], x.item(0), x.item\n",
        "x = dict(np.load(p)), np.load(p).files, np.load(p).items()\n",
        "x = np.load(p)\ny = x['a'][0]\nx[()] = 1\n",
        # said already
        "w = np.load(p, allow_pickle=True).item()\n",
        "w = np.load(p, allow_pickle=False)[()]\n",
        "w = np.load(p, None, True, True, 'latin1').item()\n",
        # not to be told
        "w = np.load(p, **options).item(), np.load(*both).item()\n",
        "x = np.load(p)\nx = f(x)\nx.item()\n",
        "def f():\n    x = np.load(p)\ndef g(x):\n    return x.item()\n",
        # others
        "import pickle, torch\nw = pickle.load(f, encoding='latin1'), torch.load(p).item()\n",
        "class np: pass\nw = np.load(p).item()\n",
    ],
)
def test_noops(source: str) -> None:
    assert not check_noop(NUMPY + source, CODE).codes()
