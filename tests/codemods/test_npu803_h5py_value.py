"""Dataset.value of h5py becomes [()]; every other .value stays."""

from __future__ import annotations

import pytest

from tests.codemods.support import check_noop, check_port

CODE = "NPU803"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            """
            import h5py
            class Store(object):
                def __init__(self, name):
                    self.file = None
                    self.file = h5py.File(name, 'r')
                def read(self, key):
                    x = self.file[key]['x'].value / 255.  # scaled
                    return x, self.file['y'].value.astype('f')
            """,
            """
            import h5py
            class Store(object):
                def __init__(self, name):
                    self.file = None
                    self.file = h5py.File(name, 'r')
                def read(self, key):
                    x = self.file[key]['x'][()] / 255.  # scaled
                    return x, self.file['y'][()].astype('f')
            """,
        ),
        (
            """
            from h5py import File as H5
            with H5('a') as f, H5('b') as g:
                group = f['g']
                print([f[k].value for k in f.keys()], g.get('x').value[0], group['d'].value)
            """,
            """
            from h5py import File as H5
            with H5('a') as f, H5('b') as g:
                group = f['g']
                print([f[k][()] for k in f.keys()], g.get('x')[()][0], group['d'][()])
            """,
        ),
        (
            """
            import h5py
            f = h5py.File('a')
            for name, data in f.items():
                print(name, data.value)
            for data in f['g'].values(): print(data.value)
            both = {name: d.value for name, d in f.iteritems()}
            """,
            """
            import h5py
            f = h5py.File('a')
            for name, data in f.items():
                print(name, data[()])
            for data in f['g'].values(): print(data[()])
            both = {name: d[()] for name, d in f.iteritems()}
            """,
        ),
        (
            """
            import h5py
            def opened(name):
                return h5py.File(name)
            def read(f, key='x'):
                return f[key].value
            def typed(f: h5py.Group):
                return f['x'].value
            read(opened('a'))
            read(key='y', f=opened('b'))
            """,
            """
            import h5py
            def opened(name):
                return h5py.File(name)
            def read(f, key='x'):
                return f[key][()]
            def typed(f: h5py.Group):
                return f['x'][()]
            read(opened('a'))
            read(key='y', f=opened('b'))
            """,
        ),
        (
            """
            import h5py
            def load(name):
                import numpy as np
                return np.array(h5py.File(name, 'r')['x']
                                # the pixels
                                .value), h5py.File(name)['y'] \\
                    .value
            """,
            """
            import h5py
            def load(name):
                import numpy as np
                return np.array(h5py.File(name, 'r')['x']
                                # the pixels
                                [()]), h5py.File(name)['y'] \\
                    [()]
            """,
        ),
    ],
)
def test_rewrites(before: str, after: str) -> None:
    check_port(before, after, CODE)


@pytest.mark.parametrize(
    "source",
    [
        # no h5py at all
        "for event in events:\n    for v in event.summary.value:\n        print(v.value)\n",
        "import tensorflow as tf\ndef f(x):\n    return x.shape[0].value, x.get_shape()[1].value\n",
        # h5py, and values of other things
        "import h5py, tensorflow as tf\nf = h5py.File('a')\nn = tf.constant(1).shape[0].value\n",
        "import h5py, enum\nclass E(enum.Enum):\n    A = 1\nprint(E.A.value, E['A'].name)\n",
        "import h5py\nclass A:\n    value = 1\nprint(A().value, A.value)\n",
        "import h5py\nf = h5py.File('a')\nf.value = 3\ndel f.value\n",
        "import h5py\nf = h5py.File('a')\nprint(f['x'].value())\n",
        "import h5py\nf = h5py.File('a')\nprint(f.attrs.value, f['x'].shape.value, f.keys().value)\n",
        # a name that is h5py's only sometimes, or another
        "import h5py\nf = h5py.File('a')\nf = other()\nprint(f.x.value, f[0].value)\n",
        "import h5py\nf = h5py.File('a')\ndef g(f):\n    return f[0].value\ng(other())\n",
        "import h5py\nf = h5py.File('a')\ndef g(f):\n    return f[0].value\n",
        "import h5py\nf = h5py.File('a')\nfor f in others:\n    print(f[0].value)\n",
        "import h5py\nfor k, v in sorted(h5py.File('a').attrs.items()):\n    print(k.value, v.value)\n",
        "import mine as h5py\nf = h5py.File('a')\nprint(f[0].value)\n",
        "import h5py\ndef loop(f):\n    f = f[0]\n    return f[0].value\nloop(loop(1))\n",
        # already ported
        "import h5py\nf = h5py.File('a')\nprint(f['x'][()])\n",
    ],
)
def test_noops(source: str) -> None:
    ported = check_noop(source, CODE)
    assert not ported.codes()


def test_what_cannot_be_followed_is_a_note() -> None:
    ported = check_noop("import h5py\ndef read(f):\n    return f['x'].value\n", CODE)
    assert ported.codes("note") == [CODE]
    quiet = check_noop("def read(f):\n    return f['x'].value\n# h5py\n", CODE)
    assert not quiet.codes()
