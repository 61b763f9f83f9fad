"""A session stays on the host only where all that it runs has been seen."""

from __future__ import annotations

import pytest

from tests.analysis.test_sessions import judged, sites

MODEL = """
import tensorflow as tf

class Model:
    def __init__(self):
        self.train_op = tf.train.AdamOptimizer(0.1).minimize(tf.get_variable('w', []))
    def fit(self, sess):
        sess.run(self.train_op)

MODELS = {}
MODELS['model'] = Model
"""
MAIN = """
import train
from model import Model

train.go(Model())
"""


def verdict(body: str) -> tuple[str, str]:
    """Of a function that gets a model, in a program that makes one which trains."""
    source = f"import importlib\nimport tensorflow as tf\nfrom model import MODELS\n\n{body}"
    return judged(source, {"model.py": MODEL, "main.py": MAIN})


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("with tf.Session() as sess:\n        model.fit(sess)", "model.fit()"),
        ("sess = tf.Session()\n    model.fit(3, session=sess)", "model.fit()"),
        ("sess = tf.Session()\n    model['a'].fit(sess)", "model['a'].fit()"),
        ("sess = tf.Session()\n    fit = model.fit\n    fit(sess)", "fit()"),
        ("with tf.Session() as sess:\n        {'a': Model}['a'](sess)", "{'a': Model}['a']()"),
        ("with tf.Session() as sess:\n        model(sess)", "model()"),
        ("with tf.Session() as sess:\n        sess.run(model.op)", "model.op"),
        ("with tf.Session() as sess:\n        sess.run(fetches=model.op)", "model.op"),
        ("with tf.Session() as sess:\n        sess.run({'op': model.op})", "model.op"),
        ("with tf.Session() as sess:\n        sess.run([[model.op], 1])", "model.op"),
        ("with tf.Session() as sess:\n        sess.run([*model])", "model"),
        ("with tf.Session() as sess:\n        sess.run(model + [tf.constant(1)])", "model"),
        ("with tf.Session() as sess:\n        sess.run(model if yes else tf.no_op())", "model"),
        ("with tf.Session() as sess:\n        for op in model:\n            sess.run(op)", "model"),
        ("with tf.Session() as sess:\n        [sess.run(op) for op in model]", "model"),
        ("ops = [model.loss]\n    with tf.Session() as sess:\n        sess.run(ops)", "model.loss"),
        ("op = model.make()\n    with tf.Session() as sess:\n        sess.run(op)", "model.make()"),
        ("op = model()\n    with tf.Session() as sess:\n        sess.run(op)", "model()"),
        ("loss, op = model(1)\n    with tf.Session() as sess:\n        sess.run([op, loss])", "op"),
        ("made = model()\n    with tf.Session() as sess:\n        sess.run(made.op)", "made.op"),
        (
            "op = MODELS[model]()\n    with tf.Session() as sess:\n        sess.run(op)",
            "MODELS[model]()",
        ),
        (
            "op = getattr(tf, model)()\n    with tf.Session() as sess:\n        sess.run(op)",
            "getattr(tf, model)()",
        ),
        (
            "m = importlib.import_module(model)\n    op = m.build()\n"
            "    with tf.Session() as sess:\n        sess.run(op)",
            "m.build()",
        ),
        (
            "with tf.Session() as sess:\n        sess.run(tf.get_collection('train'))",
            "tf.get_collection('train')",
        ),
        (
            "key = tf.GraphKeys.TRAIN_OP\n    with tf.Session() as sess:\n"
            "        sess.run(tf.get_collection(key))",
            "tf.get_collection(key)",
        ),
        (
            "with tf.Session() as sess:\n        sess.run(sess.graph.get_operation_by_name('op'))",
            "sess.graph.get_operation_by_name('op')",
        ),
        ("with tf.Session() as sess:\n        sess.run('train')", "'train'"),
        ("with tf.Session() as sess:\n        sess.run(['train', 'loss:0'])", "'train'"),
        ("with tf.Session():\n        model.op.run()", "model.op.run()"),
        ("with tf.Session():\n        model.loss.eval()", "model.loss.eval()"),
        ("with tf.Session():\n        model()", "model()"),
        ("with tf.Graph().as_default(), tf.Session() as sess:\n        model(sess)", "model()"),
    ],
)
def test_what_cannot_be_followed_may_train(body: str, what: str) -> None:
    found, why = verdict(f"def go(model):\n    {body}\n")
    assert found == "unknown"
    assert why.startswith(f"it runs {what}, made outside ")
    assert why.endswith("; tf.train.AdamOptimizer.minimize at model.py:5")


@pytest.mark.parametrize(
    "source",
    [
        # Through functions that can be followed, to one that cannot.
        "def go(model):\n    with tf.Session() as sess:\n        step(sess, model)\n"
        "def step(session, model):\n    model.fit(session)\n",
        "def go(model):\n    with tf.Session():\n        step(model.op)\n"
        "def step(op):\n    op.run()\n",
        "def go(model):\n    with tf.Session():\n        step(model.op)\n"
        "def step(op):\n    tf.get_default_session().run(op)\n",
        "class Loop:\n    def __init__(self, model):\n        self.model = model\n"
        "        self.sess = tf.Session()\n    def go(self):\n        self.model.fit(self.sess)\n",
        "class Loop:\n    def __init__(self, model):\n        self.op = model.op\n"
        "        self.sess = tf.Session()\n    def go(self):\n        self.sess.run(self.op)\n",
        # Given to others, who are not seen to train.
        "def go(op, sess=tf.Session()):\n    sess.run(op)\n",
        "def go():\n    sess = tf.Session()\n    return sess.run\n",
        "def go():\n    return {'sess': tf.Session()}\n",
        "def go(model):\n    sess = tf.Session()\n    model.sess = sess\n    model.fit()\n",
        "class Loop:\n    def __init__(self, build):\n        self.build = build\n"
        "    def go(self):\n        op = self.build()\n"
        "        with tf.Session() as sess:\n            sess.run(op)\n",
    ],
)
def test_a_session_that_gets_about_may_train(source: str) -> None:
    main = "import train\nimport model\n"
    found = judged(f"import tensorflow as tf\n\n{source}", {"model.py": MODEL, "main.py": main})
    assert found[0] == "unknown", found


@pytest.mark.parametrize(
    "body",
    [
        "with tf.Session() as sess:\n        print(sess.run(tf.constant(1)))",
        "with tf.Session() as sess:\n        show(sess)\n\ndef show(sess):\n    print(sess)",
        "names = [(n, tf.constant(n)) for n in 'ab']\n    with tf.Session() as sess:\n"
        "        for name, value in names:\n            sess.run(value)",
        "with tf.Graph().as_default(), tf.Session() as sess:\n        sess.run(tf.constant(1))",
        "x = model.data.make_one_shot_iterator().get_next()\n    with tf.Session() as sess:\n"
        "        sess.run(x)",
        "with tf.Session() as sess:\n        tf.train.start_queue_runners(sess)",
        "with tf.Session():\n        tf.constant(1).eval()",
        "with tf.Session() as sess:\n        sess.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))",
        "with tf.Session() as sess:\n        sess.run('loss:0')",
        "x = parse(1)\n    with tf.Session() as sess:\n        sess.run(x)\n\n"
        "def parse(n):\n    return tf.constant(n)",
        "x, y = parse(1)\n    with tf.Session() as sess:\n        sess.run([x, y.z])\n\n"
        "def parse(n):\n    return tf.constant(n), 1",
        "a = b.x\n    b = a.y\n    with tf.Session() as sess:\n        sess.run(a.z)",
    ],
)
def test_what_has_been_seen_whole_stays_on_the_host(body: str) -> None:
    assert verdict(f"def go(model):\n    {body}\n")[0] == "host"


@pytest.mark.parametrize(
    ("table", "role"),
    [
        ("TABLE = {'a': data}", "host"),
        ("TABLE = {}\nTABLE['a'] = data\nTABLE.update({'b': data})", "host"),
        ("made = lambda n: data(n)\nTABLE = {'a': made}", "host"),
        ("TABLE = {'a': tf.image.central_crop, 'b': tf.image.resize_images}", "host"),
        ("TABLE = [tf.image.central_crop, data]", "host"),
        ("TABLE = {}", "unknown"),
        ("TABLE = {'a': data, 'b': train}", "unknown"),
        ("TABLE = {}\nTABLE['a'] = data\nTABLE.update([('b', train)])", "unknown"),
        ("made = functools.partial(train, 1)\nTABLE = {'a': made}", "unknown"),
        (
            "TABLE = {}\ndef register(made):\n    TABLE[made.__name__] = made\n    return made",
            "unknown",
        ),
        ("TABLE = load('models')", "unknown"),
    ],
)
@pytest.mark.parametrize("elsewhere", [True, False])
def test_what_a_table_holds_decides(table: str, role: str, elsewhere: bool) -> None:
    made = f"""import functools
import tensorflow as tf

def data(n=1):
    return tf.constant(n)

def train(n=1):
    return tf.train.AdamOptimizer().minimize(tf.get_variable('w', [n]))

{table}
"""
    session = """
def go(name):
    op = TABLE[name]()
    with tf.Session() as sess:
        sess.run(op)
"""
    head = "import tensorflow as tf\nfrom tables import TABLE\n"
    source = f"{head}{session}" if elsewhere else f"{made}{session}"
    others = {"tables.py": made} if elsewhere else {}
    main = "import train\nimport model\ntrain.go('a')\n"
    assert judged(source, {**others, "model.py": MODEL, "main.py": main})[0] == role


def test_what_an_object_makes_by_its_own_method_is_followed() -> None:
    source = """
class Loop:
    def table(self, name):
        return tf.contrib.lookup.index_table_from_file(name), 1
    def go(self):
        table, _ = self.table('a')
        with tf.Session() as sess:
            sess.run(table.lookup(tf.constant('a')))
"""
    main = "import train\nimport model\ntrain.Loop().go()\n"
    assert (
        judged(f"import tensorflow as tf\n{source}", {"model.py": MODEL, "main.py": main})[0]
        == "host"
    )


def test_two_sessions_of_one_name_are_two() -> None:
    source = """
    import tensorflow as tf
    def go(op):
        with tf.Session() as sess:
            sess.run(tf.constant(1))
        with tf.Session() as sess:
            sess.run(op)
    """
    found = sites(source, {"model.py": MODEL, "main.py": MAIN})
    assert [site.role for site in found] == ["host", "unknown"]


@pytest.mark.parametrize(
    ("body", "role"),
    [
        ("from zoo.checkpoints import load\nwith tf.Session() as s:\n    load(s)", "unknown"),
        ("import zoo\ns = tf.Session()\nzoo.load('model', session=s)", "unknown"),
        (
            "import zoo\nwith tf.Graph().as_default(), tf.Session() as s:\n    zoo.load(s)",
            "unknown",
        ),
        ("import zoo\nop = zoo.training(1)\ns = tf.Session()\ns.run(op)", "unknown"),
        ("import zoo\ns = tf.Session()\nprint(zoo.shown(s.run(tf.constant(1))))", "host"),
        (
            "import tensorflow_datasets as tfds\nx = tfds.load('a')\ns = tf.Session()\ns.run(x)",
            "host",
        ),
        ("import contextlib\ns = tf.Session()\nwith contextlib.closing(s):\n    pass", "host"),
        (
            "s = tf.Session()\nprint(s, str(s))\nmodel = tf.report_uninitialized_variables(s)",
            "host",
        ),
    ],
)
def test_a_package_from_elsewhere_may_do_anything_in_a_session(body: str, role: str) -> None:
    found, why = judged(f"import tensorflow as tf\n{body}\n", {})
    assert found == role
    assert ("not in the project" in why) is (role == "unknown")


def test_a_program_that_trains_nowhere_needs_no_doubt() -> None:
    source = (
        "import tensorflow as tf\ndef go(op):\n    with tf.Session() as s:\n        s.run(op)\n"
    )
    other = {"other/model.py": MODEL}  # imports nothing of it, nor it of that
    assert judged(source, other) == ("host", "nothing in its program trains or restores a model")
