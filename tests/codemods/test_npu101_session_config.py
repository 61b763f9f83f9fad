"""Sessions of every kind, on the device and on the host."""

from __future__ import annotations

from textwrap import indent

import pytest

from migrate.errors import UsageError
from tests.codemods.support import check_noop, check_port, dedent, port_files

HEAD = "import tensorflow as tf\n"
NPU = "from npu_runtime import npu_session_config\n"
HOST = "from npu_runtime import host_session_config\n"
TRAINS = "step = tf.train.AdamOptimizer(0.1).minimize(loss)\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tf.Session()", "tf.Session(config=npu_session_config())"),
        ("tf.Session(config=None)", "tf.Session(config=npu_session_config())"),
        ("tf.Session(config=c)", "tf.Session(config=npu_session_config(c))"),
        ("tf.Session('', g, c)", "tf.Session('', g, npu_session_config(c))"),
        ("tf.Session('')", "tf.Session('', config=npu_session_config())"),
        ("tf.Session(graph=g,)", "tf.Session(graph=g, config=npu_session_config(),)"),
        ("tf.compat.v1.Session()", "tf.compat.v1.Session(config=npu_session_config())"),
        ("tf.InteractiveSession()", "tf.InteractiveSession(config=npu_session_config())"),
        (
            "tf.train.MonitoredTrainingSession(hooks=h)",
            "tf.train.MonitoredTrainingSession(hooks=h, config=npu_session_config())",
        ),
        (
            "tf.train.SingularMonitoredSession(config=utils.get_config())",
            "tf.train.SingularMonitoredSession(config=npu_session_config(utils.get_config()))",
        ),
        (
            "tf.train.MonitoredSession()",
            "tf.train.MonitoredSession("
            "session_creator=tf.train.ChiefSessionCreator(config=npu_session_config()))",
        ),
        (
            "tf.train.MonitoredSession(None, hooks=[])",
            "tf.train.MonitoredSession("
            "tf.train.ChiefSessionCreator(config=npu_session_config()), hooks=[])",
        ),
        (
            "tf.train.MonitoredSession(session_creator=tf.train.ChiefSessionCreator(config=c))",
            "tf.train.MonitoredSession("
            "session_creator=tf.train.ChiefSessionCreator(config=npu_session_config(c)))",
        ),
        (
            "tf.train.SessionManager().prepare_session('', init_op=i, config=c)",
            "tf.train.SessionManager().prepare_session("
            "'', init_op=i, config=npu_session_config(c))",
        ),
        (
            "tf.train.Supervisor().prepare_or_wait_for_session()",
            "tf.train.Supervisor().prepare_or_wait_for_session(config=npu_session_config())",
        ),
        (
            "tf.train.Supervisor().PrepareSession('', c)",
            "tf.train.Supervisor().PrepareSession('', npu_session_config(c))",
        ),
        (
            "tf.train.Supervisor().managed_session('', c)",
            "tf.train.Supervisor().managed_session('', npu_session_config(c))",
        ),
        (
            "tf.contrib.slim.learning.train(step, '/tmp')",
            "tf.contrib.slim.learning.train(step, '/tmp', session_config=npu_session_config())",
        ),
        (
            "tf.contrib.slim.evaluation.evaluate_once('', p, d)",
            "tf.contrib.slim.evaluation.evaluate_once("
            "'', p, d, session_config=npu_session_config())",
        ),
        (
            "tf.contrib.training.train(step, '/tmp', config=c)",
            "tf.contrib.training.train(step, '/tmp', config=npu_session_config(c))",
        ),
    ],
)
def test_a_session_that_trains(before: str, after: str) -> None:
    check_port(
        f"{HEAD}{TRAINS}s = {before}\ns.run(step)\n",
        f"{HEAD}{NPU}{TRAINS}s = {after}\ns.run(step)\n",
        "NPU101",
    )


def test_functools_partial() -> None:
    check_port(
        f"import functools\n{HEAD}{TRAINS}make = functools.partial(tf.Session, config=c)\n",
        f"import functools\n{HEAD}{NPU}{TRAINS}"
        "make = functools.partial(tf.Session, config=npu_session_config(c))\n",
        "NPU101",
    )


def test_a_dict_of_keywords_that_only_this_call_uses() -> None:
    check_port(
        f"{HEAD}{TRAINS}kw = {{'graph': g, 'config': c}}\ntf.Session(**kw)\n",
        f"{HEAD}{NPU}{TRAINS}kw = {{'graph': g, 'config': npu_session_config(c)}}\n"
        "tf.Session(**kw)\n",
        "NPU101",
    )


def test_a_class_that_keeps_the_constructor_of_session() -> None:
    check_port(
        f"{HEAD}{TRAINS}class Mine(tf.Session):\n    pass\nMine(config=c)\n",
        f"{HEAD}{NPU}{TRAINS}class Mine(tf.Session):\n    pass\n"
        "Mine(config=npu_session_config(c))\n",
        "NPU101",
    )


@pytest.mark.parametrize(
    "opening",
    [
        "tf.Session(**options)",
        "tf.Session(*arguments)",
        "class S(tf.Session):\n    def __init__(self): pass\nS()",
    ],
)
def test_a_training_session_that_cannot_be_configured_is_an_error(opening: str) -> None:
    ported = check_noop(f"{HEAD}{TRAINS}{opening}\n", "NPU101")
    assert ported.codes("error") == ["NPU101"]
    assert all(finding.line and finding.advice for finding in ported.findings)


def test_a_multi_line_call_keeps_its_layout() -> None:
    check_port(
        f"""
        {HEAD.strip()}
        {TRAINS.strip()}
        with tf.Session(
                graph=g,  # the graph
                config=tf.ConfigProto(
                    allow_soft_placement=True,  # needed
                ),
        ) as s:
            s.run(step)
        """,
        f"""
        {HEAD.strip()}
        {NPU.strip()}
        {TRAINS.strip()}
        with tf.Session(
                graph=g,  # the graph
                config=npu_session_config(tf.ConfigProto(
                    allow_soft_placement=True,  # needed
                )),
        ) as s:
            s.run(step)
        """,
        "NPU101",
    )


@pytest.mark.parametrize(
    "body",
    [
        "with tf.Session() as s:\n    s.run(tf.constant(1))\n",
        "with tf.Graph().as_default(), tf.Session() as s:\n    s.run(data)\n",
        "s = tf.Session()\ns.run(tf.data.Dataset.range(3).make_one_shot_iterator().get_next())\n",
    ],
)
def test_a_session_that_only_handles_data_stays_on_the_host(body: str) -> None:
    function = "def read():\n" + indent(body, "    ")
    check_port(
        HEAD + function,
        HEAD + HOST + function.replace("tf.Session()", "tf.Session(config=host_session_config())"),
        "NPU101",
    )


def test_host_ops_in_the_graph_ask_for_mix_compile_mode() -> None:
    body = f"{TRAINS}x = tf.py_func(f, [], tf.float32)\n"
    check_port(
        f"{HEAD}{body}tf.Session(config=c).run(step)\n",
        f"{HEAD}{NPU}{body}tf.Session(config=npu_session_config(c, mix_compile_mode=True))"
        ".run(step)\n",
        "NPU101",
    )


@pytest.mark.parametrize(
    "source",
    [
        "import requests\nrequests.Session().get(u)\n",
        "from sqlalchemy.orm import Session\nSession(config=c)\n",
        "class Session:\n    pass\nSession()\n",
        "from mine import Session\nSession(config=None)\n",
        "def f(tf):\n    tf.Session()\n",
        f"{HEAD}tf = other\ntf.Session()\n",
        f"{HEAD}print('tf.Session()')  # tf.Session()\n",
        f"{HEAD}tf.SessionLog()\nsession = tf.get_default_session()\n",
        f"{HEAD}{NPU}{TRAINS}tf.Session(config=npu_session_config(c))\n",
        f"{HEAD}{HOST}tf.Session(config=host_session_config())\n",
        f"{HEAD}class T(tf.test.TestCase):\n    def test(self):\n        self.session().run(x)\n",
        f"{HEAD}isinstance(s, tf.Session)\n",
    ],
)
def test_what_opens_no_session_of_tensorflow_is_left_alone(source: str) -> None:
    check_noop(source, "NPU101")


def test_every_session_stands_in_the_table() -> None:
    source = f"{HEAD}{TRAINS}tf.Session(config=c).run(step)\n"
    rows = port_files({"train.py": source}, "NPU101").sessions
    assert [(r.path, r.kind, r.role) for r in rows] == [("train.py", "tf.Session", "device")]
    assert "AdamOptimizer" in rows[0].why


ROLE = dedent(
    """
    import tensorflow as tf
    def train():
        step = tf.train.AdamOptimizer(0.1).minimize(loss)
        tf.Session().run(step)
    """
)


def test_the_recipe_has_the_last_word_on_a_role() -> None:
    options = {"NPU101": {"roles": {"train.py:train": "host"}}}
    ported = port_files({"train.py": ROLE}, "NPU101", options=options)
    assert "tf.Session(config=host_session_config())" in ported.text()
    assert ported.sessions[0].why == "the recipe says so"


def test_a_role_that_is_none_is_a_usage_error() -> None:
    options = {"NPU101": {"roles": {"train.py:train": "hots"}}}
    with pytest.raises(UsageError, match=r"expected device or host .* found 'hots'"):
        port_files({"train.py": ROLE}, "NPU101", options=options)


@pytest.mark.parametrize("place", ["train.py:trian", "gone.py:train", "train.py:4"])
def test_a_role_for_a_place_without_a_session_is_a_usage_error(place: str) -> None:
    options = {"NPU101": {"roles": {place: "host"}}}
    with pytest.raises(
        UsageError, match=f"NPU101.roles: no session is opened in '{place}'"
    ) as told:
        port_files({"train.py": ROLE}, "NPU101", options=options)
    assert ("train.py:train" in told.value.advice) is place.startswith("train.py")


@pytest.mark.parametrize(
    "make",
    [
        "def make():\n    return tf.Session()\n",
        "def make():\n    s = tf.Session()\n    return s\n",
        "def make():\n    with tf.Session() as s:\n        yield s\n",
        "def make():\n    global S\n    S = tf.Session()\n",
    ],
)
def test_a_session_made_for_its_callers_is_judged_by_them(make: str) -> None:
    trains = f"def train():\n    {TRAINS}    make().run(step)\n"
    assert [r.role for r in port_files({"a.py": HEAD + make + trains}, "NPU101").sessions] == [
        "device"
    ]
    reads = "def read():\n    make().run(tf.constant(1))\n"
    assert [r.role for r in port_files({"a.py": HEAD + make + reads}, "NPU101").sessions] == [
        "host"
    ]


def test_calls_through_names_that_stand_for_a_session() -> None:
    check_port(
        f"""
        import functools
        {HEAD.strip()}
        {TRAINS.strip()}
        def run(make=tf.Session):
            with make(config=c) as s:
                s.run(step)
        run()
        make = functools.partial(tf.Session, graph=g)
        make().run(step)
        make(config=c).run(step)
        S = tf.Session
        S().run(step)
        getattr(tf, 'Session')(config=c).run(step)
        """,
        f"""
        import functools
        {HEAD.strip()}
        {NPU.strip()}
        {TRAINS.strip()}
        def run(make=tf.Session):
            with make(config=npu_session_config(c)) as s:
                s.run(step)
        run()
        make = functools.partial(tf.Session, graph=g, config=npu_session_config())
        make().run(step)
        make(config=npu_session_config(c)).run(step)
        S = tf.Session
        S(config=npu_session_config()).run(step)
        getattr(tf, 'Session')(config=npu_session_config(c)).run(step)
        """,
        "NPU101",
    )


VALUES = [
    "def run(make=tf.Session):\n    go(make)\nrun()\n",
    "class A:\n    make = tf.Session\nA()\n",
    "made = {'a': tf.Session}\n",
    "go(tf.Session)\n",
    "go(make=tf.train.MonitoredTrainingSession)\n",
    "make = tf.Session if a else fake\n",
    "def kind():\n    return tf.train.SingularMonitoredSession\nkind()\n",
    "go(tf.train.Supervisor().prepare_or_wait_for_session)\n",
    "go([tf.train.MonitoredSession])\n",
    "class Own(tf.Session): pass\ngo(Own)\n",
    "go(getattr(tf, 'Session'))\n",
    "if a:\n    S = tf.Session\nelse:\n    S = fake\nS()\n",
]


@pytest.mark.parametrize("value", VALUES)
def test_a_training_session_s_class_as_a_value_is_an_error(value: str) -> None:
    ported = check_noop(f"{HEAD}{TRAINS}{value}", "NPU101")
    assert ported.codes() == ported.codes("error") == ["NPU101"]
    (finding,) = ported.findings
    assert finding.line > 2
    assert "functools.partial" in finding.advice
    assert "roles" in finding.advice or "recipe" in finding.advice


@pytest.mark.parametrize(
    "opened",
    [
        "with getattr(tf, name)() as s:\n    s.run(step)\n",
        "s = getattr(tf, name)()\ns.run(step)\n",
        "s = getattr(tf.train, 'Monitored' + name)(config=c)\n",
        "tf2 = __import__('tensorflow')\ngetattr(tf2, name)(target='', config=c).run(step)\n",
    ],
)
def test_a_session_by_a_computed_name_is_an_error(opened: str) -> None:
    ported = check_noop(f"{HEAD}{TRAINS}{opened}", "NPU101")
    assert ported.codes() == ported.codes("error") == ["NPU101"]
    options = {"NPU101": {"roles": {"train.py:": "host"}}}
    ported = check_noop(f"{HEAD}{TRAINS}{opened}", "NPU101", options=options)
    assert ported.codes() == ported.codes("warning") == ["NPU101"]


@pytest.mark.parametrize(
    "looked_up",
    [
        "x = getattr(tf.nn, name)(x)\n",
        "x = getattr(tf, name)(x)\n",
        "opt = getattr(tf.train, name + 'Optimizer')(0.1)\n",
        "with getattr(tf, name)('scope'):\n    pass\n",
        "c = getattr(FLAGS, name)()\n",
        "g = getattr(tf, name)()\n",
        "with getattr(tf, name)(config=npu_session_config()) as s:\n    s.run(step)\n",
    ],
)
def test_a_computed_name_that_is_not_used_as_a_session(looked_up: str) -> None:
    source = f"{HEAD}from npu_runtime import npu_session_config\n{TRAINS}{looked_up}"
    assert check_noop(source, "NPU101").findings == []


def test_a_data_session_s_class_as_a_value_is_a_warning() -> None:
    assert check_noop(f"{HEAD}made = {{'a': tf.Session}}\n", "NPU101").codes("warning") == [
        "NPU101"
    ]
    options = {"NPU101": {"roles": {"train.py:": "host"}}}
    source = f"{HEAD}{TRAINS}made = {{'a': tf.Session}}\n"
    assert check_noop(source, "NPU101", options=options).codes("warning") == ["NPU101"]


def test_a_class_that_is_only_looked_at_is_no_value() -> None:
    ported = check_noop(
        f"""
        {HEAD.strip()}
        {TRAINS.strip()}
        def show(s: tf.Session, others: List[tf.Session] = ()) -> tf.Session:
            t: tf.Session = s
            assert isinstance(t, (tf.Session, tf.InteractiveSession))
            return type(s) is tf.Session
        class T(tf.test.TestCase):
            def test(self):
                self.assertIsInstance(make(tf.Session), tf.Session)
        """,
        "NPU101",
    )
    assert ported.findings == []


def test_a_partial_that_is_handed_on_is_told() -> None:
    source = f"import functools\n{HEAD}{TRAINS}go(functools.partial(tf.Session, config=c))\n"
    ported = port_files({"train.py": source}, "NPU101")
    assert "config=npu_session_config(c)" in ported.text()
    assert [(f.severity, f.line) for f in ported.findings] == [("warning", 4)]


@pytest.mark.parametrize(
    ("made", "used"),
    [
        ("sess = tf.Session()", "common.sess.run(step)"),
        ("make = lambda: tf.Session()", "common.make().run(step)"),
        ("made = {'a': tf.Session()}", "common.made['a'].run(step)"),
        ("class A:\n    sess = tf.Session()", "common.A.sess.run(step)"),
        (
            "class A:\n    def __init__(self):\n        self.sess = tf.Session()",
            "def go(a):\n    a.sess.run(step)\ngo(common.A())",
        ),
        ("def start():\n    s = tf.Session()\n    s.__enter__()", "common.start()"),
        ("def start():\n    tf.Session().__enter__()", "common.start()"),
        ("def start():\n    tf.Session().as_default().__enter__()", "common.start()"),
        ("def start():\n    tf.InteractiveSession()", "common.start()"),
        ("def start():\n    return stack.enter_context(tf.Session())", "common.start().run(step)"),
        ("def start():\n    made['a'] = tf.Session()", "common.start()"),
        ("def start():\n    s = tf.Session()\n    made.append(s)", "common.start()"),
        ("def start():\n    s = tf.Session()\n    return {'s': s}", "common.start()"),
        (
            "def start():\n    if d:\n        return tf.InteractiveSession()\n"
            "    else:\n        return tf.Session()",
            "with common.start() as s: s.run(step)",
        ),
    ],
)
def test_a_session_that_others_get_at_is_judged_by_them(made: str, used: str) -> None:
    common = {"common.py": f"{HEAD}{made}\n"}
    trains = {**common, "train.py": f"{HEAD}import common\n{TRAINS}{used}\n"}
    assert {row.role for row in port_files(trains, "NPU101").sessions} == {"device"}
    reads = {**common, "train.py": f"{HEAD}import common\nstep = tf.constant(1)\n{used}\n"}
    assert {row.role for row in port_files(reads, "NPU101").sessions} == {"host"}


@pytest.mark.parametrize(
    "hand_out",
    [
        "    def __enter__(self):\n        return self.s\n",
        "    def __enter__(self):\n        return self.s.__enter__()\n",
        "    def get(self):\n        return self.s\n",
    ],
)
def test_a_session_that_a_class_hands_out_is_judged_by_those_who_get_it(hand_out: str) -> None:
    wrapper = f"class W:\n    def __init__(self):\n        self.s = tf.Session()\n{hand_out}"
    trains = f"def train():\n    {TRAINS}    with W() as s:\n        s.run(step)\n"
    assert [r.role for r in port_files({"a.py": HEAD + wrapper + trains}, "NPU101").sessions] == [
        "device"
    ]
    reads = "def read():\n    with W() as s:\n        s.run(tf.constant(1))\n"
    assert [r.role for r in port_files({"a.py": HEAD + wrapper + reads}, "NPU101").sessions] == [
        "host"
    ]


@pytest.mark.parametrize("given", ["fn(s)", "fn(1, sess=s)"])
def test_a_session_for_a_function_that_comes_from_outside_may_train(given: str) -> None:
    run = f"def run(fn):\n    with tf.Session() as s:\n        return {given}\n"
    trains = f"def step(s, **kw):\n    {TRAINS}    s.run(step)\nrun(step)\n"
    ported = port_files({"a.py": HEAD + run + trains}, "NPU101")
    assert [r.role for r in ported.sessions] == ["unknown"]
    assert "npu_session_config()" in ported.text("a.py")
    reads = "def read(s, **kw):\n    s.run(tf.constant(1))\nrun(read)\n"
    assert [r.role for r in port_files({"a.py": HEAD + run + reads}, "NPU101").sessions] == ["host"]


def test_the_supervisor_of_somebody_else_opens_a_session_too() -> None:
    ported = port_files(
        {
            "loop.py": """
            def train(sv, op):
                with sv.managed_session() as sess:
                    sess.run(op)
                sess = sv.prepare_or_wait_for_session('', config)
            """,
            "train.py": """
            import tensorflow as tf
            from loop import train
            train(tf.train.Supervisor(logdir='a'), tf.train.AdamOptimizer(0.1).minimize(loss))
            """,
        },
        "NPU101",
    )
    text = ported.text("loop.py")
    assert "with sv.managed_session(config=npu_session_config()) as sess:" in text
    assert "sv.prepare_or_wait_for_session('', npu_session_config(config))" in text
    assert [row.role for row in ported.sessions] == ["device", "device"]


def test_without_supervisors_the_methods_are_somebody_else_s() -> None:
    check_noop("def work(db):\n    with db.managed_session() as session:\n        pass\n", "NPU101")


def test_what_a_script_starts_beside_its_unit_tests_trains() -> None:
    ported = port_files(
        {
            "train.py": """
            import tensorflow as tf

            def train():
                op = tf.train.AdamOptimizer().minimize(tf.Variable(1.))
                with tf.Session() as sess:
                    sess.run(op)

            class ModelTest(tf.test.TestCase):
                def test_it(self):
                    with tf.Session() as sess:
                        sess.run(tf.constant(1))

            if __name__ == '__main__':
                train()
            """
        },
        "NPU101",
    )
    assert [row.role for row in ported.sessions] == ["device", "host"]
