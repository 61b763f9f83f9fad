"""What names stand for: by import and scope, never by spelling."""

from __future__ import annotations

import ast
import warnings

import pytest

from migrate.analysis.project import Unparsable
from tests.analysis.names import instances, module_of, named

SESSION = "tensorflow.Session"
TF = "import tensorflow as tf\n"


@pytest.mark.parametrize(
    "source",
    [
        "import tensorflow as tf; show(tf.Session)",
        "import tensorflow as T; show(T.Session)",
        "import tensorflow; show(tensorflow.Session)",
        "import tensorflow.contrib.slim; show(tensorflow.Session)",
        "import os, tensorflow as tf, sys; show(tf.Session)",
        "from tensorflow import Session; show(Session)",
        "from tensorflow import Session as S; show(S)",
        "import tensorflow.compat.v1 as tf; show(tf.Session)",
        "from tensorflow.compat import v1 as tf; show(tf.Session)",
        "from tensorflow import compat; show(compat.v1.Session)",
        "import tensorflow as tf; show(tf.compat.v1.Session)",
        "import tensorflow as tf; tf1 = tf.compat.v1; show(tf1.Session)",
        "from tensorflow.python.client.session import Session; show(Session)",
        "from tensorflow.python.client import session; show(session.Session)",
        "import tensorflow.python.client.session as s; show(s.Session)",
        "import tensorflow as tf; S = tf.Session; show(S)",
        "import tensorflow as tf; show(getattr(tf, 'Session'))",
        "import tensorflow as tf; NAME = 'Session'; show(getattr(tf, NAME))",
        "import tensorflow as tf; S = getattr(tf, 'Session'); show(S)",
        "import importlib; tf = importlib.import_module('tensorflow'); show(tf.Session)",
        "from importlib import import_module as load; show(load('tensorflow.compat.v1').Session)",
        "tf = __import__('tensorflow.contrib.slim'); show(tf.Session)",
        "import tensorflow as tf; S = T = tf.Session; show(T)",
        "import tensorflow as tf; a, S = 1, tf.Session; show(S)",
        "import tensorflow as tf; [S, a] = [tf.Session, 1]; show(S)",
        "import tensorflow as tf; S: type = tf.Session; show(S)",
        "import tensorflow as tf; A = tf; B = A; show(B.Session)",
        "import tensorflow as tf\ndef f():\n  show(tf.Session)",
        "import tensorflow as tf\nclass A:\n  def f(self): show(tf.Session)",
        "import tensorflow as tf\nclass A:\n  S = tf.Session\n  show(S)",
        "def f():\n  import tensorflow as tf\n  show(tf.Session)",
        "def f():\n  import tensorflow as tf\n  def g(): show(tf.Session)",
        "def f():\n  global tf\n  import tensorflow as tf\nshow(tf.Session)",
        "import tensorflow as tf\nlambda: show(tf.Session)",
        "import tensorflow as tf\n[show(tf.Session) for x in y]",
        "import tensorflow as tf\n[0 for tf in show(tf.Session)]",
        "import tensorflow as tf\n[0 for a in b for tf in show(a)]; show(tf.Session)",
        "import tensorflow as tf\ndef f(tf=show(tf.Session)): pass",
        "import tensorflow as tf\ndef f(*, tf: show(tf.Session) = 1): pass",
        "import tensorflow as tf\nlambda tf=show(tf.Session): 0",
        "import tensorflow as tf\n@show(tf.Session)\ndef f(tf): pass",
        "import tensorflow as tf\ndef f(tf) -> show(tf.Session): pass",
        "import tensorflow as tf\nclass A(show(tf.Session)):\n  tf = 1",
        "class A:\n  import tensorflow as tf\n  def f(self, s=show(tf.Session)): pass",
        "try:\n  import tensorflow.compat.v1 as tf\nexcept Error:\n  import tensorflow as tf\n"
        "show(tf.Session)",
        "try:\n  import tensorflow as tf\nexcept ImportError:\n  tf = None\nshow(tf.Session)",
        "try:\n  import tensorflow as tf\nexcept E:\n  import fake as tf\nshow(tf.Session)",
        "try:\n  import tensorflow as tf\nexcept E:\n  tf = Fake()\nshow(tf.Session)",
        "if a:\n  import tensorflow as tf\nelse:\n  import tensorflow.compat.v1 as tf\n"
        "show(tf.Session)",
        "show(tf.Session)\nimport tensorflow as tf",
        "import tensorflow as tf\ntf = make(show(tf.Session))",
        "def f():\n  import tensorflow as tf\n  tf = tf.wrap(show(tf.Session))\n  return tf",
        "import tensorflow as tf; S = None; S = tf.Session; show(S)",
        "from tensorflow import *; show(Session)",
        "def f():\n  tf = 1\n  def g():\n    global tf\n    show(tf.Session)\n"
        "import tensorflow as tf",
        "def f():\n  import tensorflow as tf\n  def g():\n    nonlocal tf\n    show(tf.Session)",
    ],
)
def test_the_session_of_tensorflow(source: str) -> None:
    assert set(named(module_of(source))) <= {SESSION, None}
    assert SESSION in named(module_of(source))


@pytest.mark.parametrize(
    "source",
    [
        "show(tf.Session)",
        "import torch as tf; show(tf.Session)",
        "import tf; show(tf.Session)",
        "from requests import Session; show(Session)",
        "from sqlalchemy.orm import Session as S; show(S)",
        "import requests; show(requests.Session)",
        "import tensorflow; show(tf.Session)",
        "import tensorflow as tf\ndef f(tf): show(tf.Session)",
        "import tensorflow as tf\ndef f(*tf): show(tf.Session)",
        "import tensorflow as tf\ndef f(**tf): show(tf.Session)",
        "import tensorflow as tf\ndef f(*, tf): show(tf.Session)",
        "import tensorflow as tf\nlambda tf: show(tf.Session)",
        "import tensorflow as tf\ntf = tf.wrap(tf)\nshow(tf.Session)",
        "tf = 1\ntf = make(show(tf.Session))\nimport tensorflow as tf",
        "import tensorflow as tf\ndef f():\n  for tf in x: show(tf.Session)",
        "import tensorflow as tf\ndef f():\n  with x as tf: show(tf.Session)",
        "import tensorflow as tf\ndef f():\n  try: pass\n  except E as tf: show(tf.Session)",
        "import tensorflow as tf\ndef f():\n  show(tf.Session)\n  tf = 1",
        "import tensorflow as tf\ndef f():\n  show(tf.Session)\n  del tf",
        "import tensorflow as tf\ndef f():\n  tf += 1; show(tf.Session)",
        "import tensorflow as tf\ndef f():\n  (a, (tf, *b)) = x; show(tf.Session)",
        "import tensorflow as tf\ndef f():\n  *tf, a = x; show(tf.Session)",
        "import tensorflow as tf\ndef f():\n  def tf(): pass\n  show(tf.Session)",
        "import tensorflow as tf\ndef f():\n  class tf: pass\n  show(tf.Session)",
        "import tensorflow as tf\ndef f():\n  import torch as tf\n  show(tf.Session)",
        "import tensorflow as tf\ndef f(tf):\n  def g(): show(tf.Session)",
        "import tensorflow as tf\ndef f(tf):\n  lambda: show(tf.Session)",
        "import tensorflow as tf\n[show(tf.Session) for tf in x]",
        "import tensorflow as tf\n{0: show(tf.Session) for tf in x}",
        "import tensorflow as tf\n[0 for tf in x for a in show(tf.Session)]",
        "import tensorflow as tf\nclass A:\n  tf = 1\n  show(tf.Session)",
        "import tensorflow as tf\nimport torch as tf; show(tf.Session)",
        "try:\n  import torch as tf\nexcept E:\n  import tensorflow as tf\nshow(tf.Session)",
        "if a:\n  import torch as tf\nelse:\n  import tensorflow as tf\nshow(tf.Session)",
        "import tensorflow as tf\ndef f():\n  global tf\n  tf = x\nshow(tf.Session)",
        "import tensorflow as tf; tf.Session = x; S = a or tf.Session; show(S)",
        "class A:\n  import tensorflow as tf\n  def f(self): show(tf.Session)",
        "class A:\n  import tensorflow as tf\n  [show(tf.Session) for x in y]",
        "def f():\n  import tensorflow as tf\nshow(tf.Session)",
        "def f():\n  import tensorflow as tf\ndef g(): show(tf.Session)",
        "def f():\n  import tensorflow as tf\n  def g():\n    nonlocal tf\n    tf = 1\n"
        "  show(tf.Session)",
        "def f():\n  import tensorflow as tf\n  def g():\n    global tf\n    show(tf.Session)",
        "a = b; b = a; show(a.Session)",
        "a = a.Session; show(a)",
        "tf = object(); show(tf.Session)",
        "import tensorflow as tf; show(tf.get().Session)",
        "import tensorflow as tf; show(x[tf].Session)",
        "import tensorflow as tf; show('tf.Session')",
        "import tensorflow as tf; NAME = 'Session'; NAME = f(); show(getattr(tf, NAME))",
        "import tensorflow as tf\ndef getattr(a, b): pass\nshow(getattr(tf, 'Session'))",
        "import importlib; tf = importlib.import_module('.tensorflow', __name__); show(tf.Session)",
        "def import_module(a): pass\nshow(import_module('tensorflow').Session)",
    ],
)
def test_not_the_session_of_tensorflow(source: str) -> None:
    assert SESSION not in named(module_of(source))


def test_a_library_may_export_modules_by_a_star() -> None:
    source = "from npu_bridge.npu_init import *\nshow(os.environ)\nshow(own.environ)"
    assert named(module_of(source)) == ["os.environ", None]


def test_a_nonlocal_name_is_not_the_modules() -> None:
    module = module_of(
        """
        import tensorflow as tf
        def f():
            tf = 1
            def g():
                nonlocal tf
                tf = 2
        show(tf.Session)
        """
    )
    assert named(module) == [SESSION]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("s = tf.Session(); show(s)", SESSION),
        ("show(tf.Session())", SESSION),
        ("with tf.Session() as s: show(s)", SESSION),
        ("with open(x) as f, tf.Session() as s: show(s)", SESSION),
        ("s = None\ns = tf.Session()\nshow(s)", None),
        ("s = tf.Session() if a else tf.Session(b); show(s)", None),
        ("s = tf.Session()\ns = foreign()\nshow(s)", None),
        ("def f(s: tf.Session): show(s)", SESSION),
        ("def f(s): show(s)", None),
        ("class A:\n S = tf.Session\n def f(self, s: S): show(s)", SESSION),
        ("S = tf.Session; show(S())", SESSION),
        ("S = tf.Session; S = foreign; show(S())", None),
        ("d = tf.data.TFRecordDataset(f).map(g).batch(1); show(d)", "tensorflow.data.Dataset"),
        ("d = tf.data.Dataset.range(3)\nd = d.repeat()\nshow(d)", "tensorflow.data.Dataset"),
        ("s = tf.train.Supervisor(); show(s)", "tensorflow.train.Supervisor"),
        ("class A:\n def f(self): self.s = tf.Session()\n def g(self): show(self.s)", SESSION),
        (
            "class A:\n def f(self): self.s = None\n def g(self): self.s = tf.Session(); "
            "show(self.s)",
            SESSION,
        ),
        (
            "class A:\n def f(self): self.s = tf.Session(); self.s = x()\n"
            " def g(self): show(self.s)",
            None,
        ),
        ("class A:\n def f(self): pass\n def g(self): show(self.s)", None),
        ("show(self.s)", None),
        ("class B: pass\nshow(B())", "train.py:B"),
        (
            "from npu_runtime import npu_optimizer\nclass B: pass\nshow(npu_optimizer(B()))",
            "train.py:B",
        ),
        ("def Make(): return tf.Session()\nshow(Make())", SESSION),
        ("def Make(): return foreign()\nshow(Make())", None),
        ("def make(): return tf.Session()\nshow(make())", SESSION),
        ("def make(): return tf.Session() if a else b\nshow(make())", None),
    ],
)
def test_the_class_of_a_value(source: str, expected: str | None) -> None:
    assert instances(module_of(TF + source)) == [expected]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("s = tf.Session(); show(s.run)", "tensorflow.Session.run"),
        ("with tf.Session() as s: show(s.run)", "tensorflow.Session.run"),
        ("show(tf.Session().run)", "tensorflow.Session.run"),
        (
            "class A:\n def f(self): self.sv = tf.train.Supervisor()\n"
            " def g(self): show(self.sv.managed_session)",
            "tensorflow.train.Supervisor.managed_session",
        ),
        (
            "def f(sv: tf.train.Supervisor): show(sv.managed_session)",
            "tensorflow.train.Supervisor.managed_session",
        ),
        (
            "d = tf.data.Dataset.range(3).map(f).shuffle(1); show(d.batch)",
            "tensorflow.data.Dataset.batch",
        ),
        (
            "i = tf.data.Dataset.range(3).make_one_shot_iterator(); show(i.get_next)",
            "tensorflow.data.Iterator.get_next",
        ),
        ("class B:\n  def go(self): pass\nb = B(); show(b.go)", "train.py:B.go"),
        ("class B:\n  def go(self): pass\nshow(B.go)", "train.py:B.go"),
        ("def go(): pass\nshow(go)", "train.py:go"),
    ],
)
def test_methods_of_instances(source: str, expected: str) -> None:
    assert named(module_of(TF + source)) == [expected]


def test_long_chains_and_attributes_end_without_an_exception() -> None:
    chain = "tf.data.Dataset.range(1)" + ".repeat()" * 150
    dots = "tf" + ".a" * 150
    aliases = "\n".join(f"a{n + 1} = a{n}" for n in range(400))
    module = module_of(
        f"{TF}show({chain}.batch)\nshow({dots})\na0 = tf\n{aliases}\nshow(a400.Session)"
    )
    assert named(module)[1] == "tensorflow" + ".a" * 150
    assert named(module)[0] in (None, "tensorflow.data.Dataset.batch")
    assert named(module)[2] in (None, SESSION)


def test_statements_functions_and_classes_around_a_node() -> None:
    module = module_of(
        """
        class A:
            def f(self):
                g = lambda: show(1)
                def inner():
                    return (
                        show(2))
        show(3)
        """
    )
    calls = [n for n in module.nodes if isinstance(n, ast.Call)]
    assert [module.statement_of(c).lineno for c in calls] == [3, 5, 7]
    assert [f and f.name for f in map(module.function_of, calls)] == ["f", "inner", None]
    assert [c and c.name for c in map(module.class_of, calls)] == ["A", "A", None]
    assert [module.text_of(c) for c in calls] == ["show(1)", "show(2)", "show(3)"]


def test_nodes_come_in_source_order() -> None:
    module = module_of("a = f(1); b = [g(x) for x in y]\n@d(2)\nclass A(h(3)):\n  i(4)\n")
    names = [n.func.id for n in module.nodes if isinstance(n, ast.Call)]  # type: ignore[attr-defined]
    assert names == ["f", "g", "h", "i", "d"]
    assert [c.func.id for c, _ in module.calls] == names  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["print 'x'", "def", "x = 1\0", "if x:\n\ty\n        z\n"])
def test_what_is_not_python_3_is_no_module(text: str) -> None:
    with pytest.raises(Unparsable):
        module_of(text)


def test_upstreams_dubious_escapes_are_not_told() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert module_of(r"x = '\d'; assert (x, 1); y = 1 is 1").calls == []


def test_operators_belong_to_no_place() -> None:
    """Python shares one object for all uses of an operator."""
    module = module_of("a = 1 < 2\nb = 3 < 4 and -5\nc += 6\n")
    assert all(hasattr(node, "lineno") for node in module.nodes[1:])


def test_every_kind_of_node_is_there_with_its_parent() -> None:
    source = """\
@d
def f(a, b: int = 1, *c, d=2, **e) -> int:
    global g
    nonlocal_ = lambda *x, y=1: (yield)
    return -a if a and b or not c else [i async for i in a if i]
async def h(*, k):
    async with a as b, c: await k
    async for x in y: break
    else: continue
class C(B, metaclass=M):
    x: int = 1
    x += 1
    del x, y[1:2, ...]
import a.b as c, d
from .e import f as g, h
from k import *
try: raise E from F
except E as e: pass
except (F, G): assert a, b
else: pass
finally: {**a, b: c, **d}
while f(*a, b=c, **d): {i for i in a}; {i: j for i, j in b}; f'{a!r:>{b}} {c}'
with open(a) as (b, [c, *d]): x < y <= z is not None in w
"""
    module = module_of(source)
    everything = [node for node in ast.walk(module.tree) if hasattr(node, "lineno")]
    assert not {id(node) for node in everything} - {id(node) for node in module.nodes}
    assert len(module.nodes) == len(set(map(id, module.nodes)))
    for node in module.nodes[1:]:
        assert node in ast.iter_child_nodes(module.parents[node])
        assert module.scopes[node]
