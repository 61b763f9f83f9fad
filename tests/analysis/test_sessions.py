"""Which places open a session, and whether it belongs on the device."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from migrate.analysis.sessions import OPENERS, SessionSite, session_sites
from tests.analysis.names import project_of
from tests.codemods.support import dedent


def sites(source: str, others: Mapping[str, str] | None = None) -> list[SessionSite]:
    project = project_of({**(others or {}), "train.py": source})
    return list(session_sites(project.module("train.py"), project))


def judged(source: str, others: Mapping[str, str] | None = None) -> tuple[str, str]:
    (site,) = sites(source, others)
    return site.role, site.why


def role(source: str, others: Mapping[str, str] | None = None) -> str:
    return judged(source, others)[0]


HEAD = "import tensorflow as tf\n"


# --- device: the code trains -------------------------------------------------------------------


def test_an_optimizer_in_the_same_function() -> None:
    found = judged(
        """
        import tensorflow as tf
        def main():
            op = tf.train.AdamOptimizer(0.1).minimize(loss)
            with tf.Session() as sess:
                sess.run(op)
        """
    )
    assert found == ("device", "tf.train.AdamOptimizer.minimize at train.py:3")


@pytest.mark.parametrize(
    "trains",
    [
        "tf.train.GradientDescentOptimizer(0.1)",
        "tf.train.SyncReplicasOptimizer(opt, 2)",
        "tf.contrib.opt.MovingAverageOptimizer(opt)",
        "tf.contrib.layers.optimize_loss(loss, step, 0.1, 'Adam')",
        "tf.contrib.training.create_train_op(loss, opt)",
        "tf.contrib.slim.learning.create_train_op(loss, opt)",
        "tf.gradients(loss, variables)",
        "make_optimizer().minimize(loss)",
        "opt.apply_gradients(grads)",
        "hvd.DistributedOptimizer(opt)",
        "tf.keras.Sequential().fit(x, y)",
        "tf.keras.applications.VGG16().train_on_batch(x, y)",
    ],
)
def test_every_way_to_train(trains: str) -> None:
    source = f"""
    import tensorflow as tf
    import horovod.tensorflow as hvd
    def main(opt):
        op = {trains}
        with tf.Session() as sess:
            sess.run(op)
    """
    assert role(source) == "device"


@pytest.mark.parametrize(
    "restores",
    [
        "tf.train.Saver().restore(sess, 'a')",
        "tf.train.import_meta_graph('a.meta')",
        "tf.import_graph_def(graph)",
        "tf.graph_util.import_graph_def(graph)",
        "tf.saved_model.loader.load(sess, [], 'a')",
        "tf.saved_model.load(sess, [], 'a')",
        "tf.contrib.framework.assign_from_checkpoint_fn('a', variables)(sess)",
        "tf.contrib.slim.assign_from_checkpoint_fn('a', variables)(sess)",
        "tf.train.init_from_checkpoint('a', {})",
        "tf.keras.models.load_model('a').predict(x)",
        "tf.keras.Model(a, b).evaluate(x)",
    ],
)
def test_every_way_to_get_at_a_trained_model(restores: str) -> None:
    source = f"""
    import tensorflow as tf
    def main():
        with tf.Session() as sess:
            {restores}
    """
    assert role(source) == "device"


@pytest.mark.parametrize(
    ("opened", "expected"),
    [
        ("SingularMonitoredSession(checkpoint_dir=folder)", "device"),
        ("SingularMonitoredSession(None, None, '', None, folder)", "device"),
        ("SingularMonitoredSession(checkpoint_filename_with_path=path)", "device"),
        ("ChiefSessionCreator(checkpoint_filename_with_path=path)", "device"),
        ("ChiefSessionCreator(None, '', None, folder)", "device"),
        ("SessionManager().prepare_session('', checkpoint_dir=folder)", "device"),
        ("SingularMonitoredSession(checkpoint_dir=None)", "host"),
        ("ChiefSessionCreator(None, '', config)", "host"),
    ],
)
def test_a_checkpoint_that_the_session_itself_restores(opened: str, expected: str) -> None:
    source = f"""
    import tensorflow as tf
    def main(folder, path, config):
        x = tf.layers.dense(tf.zeros([1, 2]), 3)
        return x, tf.train.{opened}
    """
    assert role(source) == expected


def test_an_optimizer_in_a_function_that_is_called() -> None:
    assert judged(
        """
        import tensorflow as tf
        from nets import build
        def main():
            loss = build()
            with tf.Session() as sess:
                sess.run(loss)
        """,
        {
            "nets/__init__.py": "from nets.net import build\n",
            "nets/net.py": """
            import tensorflow as tf
            def build():
                return train_op(tf.constant(1.0))
            def train_op(loss):
                return tf.train.AdamOptimizer().minimize(loss)
            """,
        },
    ) == ("device", "tf.train.AdamOptimizer.minimize at nets/net.py:5")


def test_a_session_handed_to_an_object_that_trains() -> None:
    assert (
        role(
            """
            import tensorflow as tf
            from gan import *
            def main(args):
                with tf.Session(config=tf.ConfigProto()) as sess:
                    gan = Gan(sess, args) if args else None
                    gan.build_model()
                    gan.train()
            """,
            {
                "gan.py": """
                import tensorflow as tf
                class Gan(object):
                    def __init__(self, sess, args):
                        self.sess = sess
                    def build_model(self):
                        self.op = tf.train.AdamOptimizer().minimize(self.loss)
                    def train(self):
                        self.sess.run(self.op)
                """
            },
        )
        == "device"
    )


def test_a_session_kept_by_a_class_that_trains() -> None:
    source = """
    import tensorflow as tf
    class Trainer:
        def build(self):
            self.op = tf.train.AdamOptimizer().minimize(self.loss)
        def open(self):
            self.session = tf.Session()
        def step(self):
            self.session.run(self.op)
    """
    assert role(source) == "device"


def test_a_class_s_session_and_a_base_that_trains() -> None:
    assert (
        role(
            """
            from base import Base
            import tensorflow as tf
            class Trainer(Base):
                def open(self):
                    self.session = tf.Session()
            """,
            {
                "base.py": """
                import tensorflow as tf
                class Base:
                    def build(self):
                        self.op = tf.train.AdamOptimizer().minimize(self.loss)
                """
            },
        )
        == "device"
    )


def test_a_class_s_session_and_a_derived_class_that_trains() -> None:
    assert (
        role(
            """
            import tensorflow as tf
            class Base:
                def evaluate(self):
                    self.session = tf.Session()
                    return self.session.run(self.model())
                def model(self):
                    raise NotImplementedError
            """,
            {
                "own.py": """
                import tensorflow as tf
                from train import Base
                class Own(Base):
                    def model(self):
                        return tf.train.AdamOptimizer().minimize(self.loss)
                """
            },
        )
        == "device"
    )


def test_a_script_s_top_level_and_its_functions() -> None:
    source = """
    import tensorflow as tf
    def build():
        return tf.train.AdamOptimizer().minimize(loss)
    sess = tf.InteractiveSession()
    sess.run(tf.global_variables_initializer())
    """
    assert role(source) == "device"


def test_a_partial_and_an_alias() -> None:
    source = """
    import functools
    import tensorflow.compat.v1 as T
    Session = T.Session
    def main():
        op = T.train.AdamOptimizer().minimize(loss)
        make = functools.partial(T.Session, graph=graph)
        with make() as a, Session() as b:
            a.run(op)
    """
    assert [(s.kind, s.role) for s in sites(source)] == [
        ("tensorflow.Session", "device"),
        ("tensorflow.Session", "device"),
    ]


# --- device: the call tells by itself ------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(name for name, o in OPENERS.items() if o.by_kind))
def test_training_apis_tell_by_themselves(kind: str) -> None:
    call = kind.replace("tensorflow.", "tf.").replace("tf.train.Supervisor.", "supervisor.")
    source = f"""
    import tensorflow as tf
    supervisor = tf.train.Supervisor()
    def main():
        {call}(op)
    """
    (site,) = sites(source)
    assert (site.kind, site.role, site.why) == (kind, "device", OPENERS[kind].by_kind)


@pytest.mark.parametrize(
    "given",
    [
        "tf.keras.backend.set_session(tf.Session())",
        "K.set_session(tf.Session(config=config))",
        "sess = tf.Session()\nK.set_session(sess)",
        "K.set_session(session=tf.Session())",
        "sess = tf.Session()\nK.set_session(session=sess)",
    ],
)
def test_sessions_given_to_keras(given: str) -> None:
    source = "import tensorflow as tf\nfrom keras import backend as K\n" + given + "\n"
    assert judged(source) == ("device", "Keras runs its models in it")


# --- host ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "x = tf.data.TFRecordDataset('a').make_one_shot_iterator().get_next()",
        "x = tf.image.decode_jpeg(tf.read_file('a'))",
        "x = tf.Variable(1.0)",
        "x = scipy.optimize.minimize(f, 0)",
        "x = sklearn.Sgd().apply_gradients()",
        "x = tf.data.Dataset.range(3).map(train).make_one_shot_iterator().get_next()",
    ],
)
def test_data_sessions(body: str) -> None:
    found = judged(
        f"""
        import scipy.optimize, sklearn
        import tensorflow as tf
        def train(x):
            return tf.train.AdamOptimizer().minimize(x)
        def main():
            {body}
            with tf.Session() as sess:
                print(sess.run(x))
        """
    )
    assert found == ("host", "main() has no optimizer and no saved model")


def test_a_data_session_beside_training_functions_of_the_same_file() -> None:
    source = """
    import tensorflow as tf
    def mean(data):
        batch = data.batch(9).make_one_shot_iterator().get_next()
        with tf.Session() as sess:
            return sess.run(batch).mean()
    def train():
        offset = mean(tf.data.TFRecordDataset('a'))
        return tf.train.AdamOptimizer().minimize(tf.constant(offset))
    """
    assert role(source) == "host"


def test_a_new_graph_stands_for_itself() -> None:
    source = """
    import tensorflow as tf
    class Trainer:
        def build(self):
            self.op = tf.train.AdamOptimizer().minimize(self.loss)
        def samples(self):
            with tf.Graph().as_default(), tf.Session() as data_session:
                self.cache = data_session.run(self.dataset.batch(1))
        def again(self):
            with tf.Graph().as_default():
                op = tf.train.AdamOptimizer().minimize(self.build_loss())
                with tf.Session() as sess:
                    sess.run(op)
    """
    assert [(s.role, s.why) for s in sites(source)] == [
        ("host", "its own tf.Graph() has no optimizer and no saved model"),
        ("device", "tf.train.AdamOptimizer.minimize at train.py:10"),
    ]


@pytest.mark.parametrize(
    "read",
    [
        "tf.contrib.framework.load_variable(folder, v.op.name)",
        "tf.train.load_variable(folder, v.op.name)",
        "tf.train.load_checkpoint(folder).get_tensor(v.op.name)",
        "tf.pywrap_tensorflow.NewCheckpointReader(folder).get_tensor(v.op.name)",
    ],
)
def test_variables_that_are_read_from_a_checkpoint_one_by_one(read: str) -> None:
    source = f"""
    import tensorflow as tf
    def load(folder):
        with tf.Session() as sess:
            for v in tf.global_variables():
                v.load({read}, sess)
    """
    assert role(source) == "device"


def test_a_kept_graph_is_no_new_graph() -> None:
    source = """
    import tensorflow as tf
    class Trainer:
        def build(self):
            self.graph = tf.Graph()
            with self.graph.as_default():
                self.op = tf.train.AdamOptimizer().minimize(self.loss)
        def restore(self):
            with self.graph.as_default():
                self.session = tf.Session()
    """
    assert role(source) == "device"


def test_unit_tests() -> None:
    source = """
    import tensorflow as tf
    class T(tf.test.TestCase):
        def test(self):
            op = tf.train.AdamOptimizer().minimize(loss)
            with tf.Session() as sess:
                sess.run(op)
    """
    assert judged(source) == ("host", "a unit test")
    own = source.replace("tf.test.TestCase", "OwnTestCase")
    base = {"base.py": "import unittest\nclass OwnTestCase(unittest.TestCase): pass\n"}
    assert judged(f"    from base import OwnTestCase{own}", base) == ("host", "a unit test")


# --- what is run comes from outside ------------------------------------------------------------


OUTSIDE = """
import tensorflow as tf
def run(fetches):
    with tf.Session() as sess:
        return sess.run(fetches)
"""


def test_callers_that_train_make_it_unknown() -> None:
    found = judged(
        OUTSIDE,
        {
            "go.py": """
            import tensorflow as tf
            from train import run
            run(tf.train.AdamOptimizer().minimize(loss))
            """
        },
    )
    assert found[0] == "unknown"
    assert "fetches" in found[1]


def test_callers_that_do_not_train_leave_it_on_the_host() -> None:
    found = judged(OUTSIDE, {"go.py": "from train import run\nrun(1)\n"})
    assert found == ("host", "nothing in its program trains or restores a model")


def test_what_is_made_in_place_is_not_from_outside() -> None:
    source = """
    import tensorflow as tf
    def show():
        with tf.Session() as sess:
            return sess.run([tf.constant(1), tf.constant(2)])
    def main():
        tf.train.AdamOptimizer().minimize(show())
    """
    assert role(source) == "host"


# --- which calls are sessions at all ------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "import requests\nrequests.Session()",
        "from sqlalchemy.orm import Session\nSession(engine)",
        "from sqlalchemy.orm import sessionmaker\nSession = sessionmaker()\nSession()",
        "class Session:\n    pass\nSession(config=None)",
        "import tensorflow as tf\ndef f(tf):\n    return tf.Session()",
        "import tensorflow as tf\ndef f(Session):\n    return Session()",
        "import tensorflow as tf\nkinds = [tf.Session, tf.InteractiveSession]",
        "import tensorflow as tf\ndef f(s: tf.Session): s.run(1)",
        "import tensorflow as tf\nisinstance(s, tf.Session)",
        "import tensorflow as tf\ntf.get_default_session().run(1)",
        "import tensorflow as tf\ntf.train.MonitoredSession(session_creator=creator)",
        "import tensorflow as tf\ntf.train.MonitoredSession(creator)",
        "import tensorflow as tf\ntf.train.MonitoredSession(*arguments)",
        "import functools, requests\nfunctools.partial(requests.Session)",
    ],
)
def test_what_opens_no_session(source: str) -> None:
    assert sites(source + "\n") == []


def test_a_bare_monitored_session_and_a_creator() -> None:
    source = """
    import tensorflow as tf
    a = tf.train.MonitoredSession()
    b = tf.train.MonitoredSession(tf.train.ChiefSessionCreator(config=config))
    c = tf.train.SingularMonitoredSession(hooks)
    """
    assert [(s.kind.rpartition(".")[2], s.opener is None) for s in sites(source)] == [
        ("MonitoredSession", True),
        ("ChiefSessionCreator", False),
        ("SingularMonitoredSession", False),
    ]


def test_session_classes_of_the_project_s_own() -> None:
    source = """
    import tensorflow as tf
    from own import Plain, Special, Other
    sessions = [Plain(), Special(1), Other()]
    """
    own = """
    import tensorflow as tf
    class Plain(tf.Session):
        def go(self): pass
    class Special(tf.InteractiveSession):
        def __init__(self, number): pass
    class Other:
        pass
    """
    assert [(s.kind, s.opener is None) for s in sites(source, {"own.py": own})] == [
        ("tensorflow.Session", False),
        ("tensorflow.InteractiveSession", True),
    ]


def test_sites_come_in_source_order_with_their_scope() -> None:
    source = dedent(
        """
        import tensorflow as tf
        def helper():
            return tf.train.AdamOptimizer()
        def first():
            with tf.Session() as sess:
                sess.run(helper().minimize(loss))
        def second():
            with tf.Session() as sess:
                sess.run(tf.constant(1))
        """
    )
    found = sites(source)
    assert [s.call.lineno for s in found] == [5, 8]
    assert found[0].scope >= {"train.py:first", "train.py:helper"}
    assert "train.py:second" not in found[0].scope
