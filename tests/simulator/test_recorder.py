"""What the recorder writes about sessions of every kind, and what it makes a program fail at."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulator.processes import NPU, Run, simulate
from tests.tf115 import required_tf115

pytestmark = pytest.mark.tf115

Simulate = Callable[..., Run]
MODEL = """
x = tf.placeholder(tf.float32, [None, 3], name="x")
weights = tf.get_variable("w", [3, 1], initializer=tf.ones_initializer())
loss = tf.reduce_mean(tf.square(tf.matmul(x, weights)), name="loss")
train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, tf.train.get_or_create_global_step())
batch = np.ones((2, 3), np.float32)
"""


@pytest.fixture
def run(tmp_path: Path) -> Simulate:
    python = required_tf115().python

    def simulated(*parts: str, **settings: str) -> Run:
        return simulate("\n".join([NPU, *parts]), tmp_path, python=python, **settings)

    return simulated


def test_a_session(run: Simulate) -> None:
    done = run(
        MODEL,
        """
tf.summary.scalar("of_loss", loss)
tf.summary.histogram("of_weights", weights)
summary = tf.summary.merge_all()
saver = tf.train.Saver()
session = tf.Session(config=npu(use_off_line=True, mix_compile_mode=True, iterations_per_loop=1))
session.run(tf.global_variables_initializer())
feed = {x: batch}
for _ in range(2):
    printed = session.run([train, {"loss": loss, "text": summary}, weights], feed)[1]["loss"]
    print(repr(float(printed)))
session.run(loss, {x: np.ones((5, 3))})
path = saver.save(session, "kept/model", global_step=2)
saver.restore(session, path)
try:
    session.run(tf.check_numerics(weights / 0.0, "not finite"))
except tf.errors.InvalidArgumentError:
    pass
session.run([tf.constant(float("nan")), tf.constant(1e-40), tf.constant(True), tf.constant(7)])
""",
    )
    assert done.code == 0, done.error
    (trace,) = done.traces
    assert trace[0].kind == "start" and trace[0]["tensorflow"] == "1.15.0"
    assert trace[-1].kind == "end" and trace[-1]["ok"]
    (session,) = done.events("session")
    assert (session["session"], session["kind"]) == (1, "tf.Session")
    assert session["place"].startswith("program.py:")
    assert (session["npu"], session["mix_compile"], session["problems"]) == (True, True, [])
    assert session["options"] == {
        "use_off_line": True,
        "mix_compile_mode": True,
        "iterations_per_loop": 1,
    }
    graphs = {tuple(event["fetches"]): event for event in done.events("graph")}
    trained = graphs["loss:0", "Merge/MergeSummary:0", "w:0", "GradientDescent"]
    assert trained["feeds"] == {"x:0": [2, 3]}
    assert trained["ops"]["ApplyGradientDescent"] == 1
    assert not {"Placeholder", "SaveV2"} & set(trained["ops"]), "what is fed does not run"
    assert sum(trained["devices"].values()) == sum(trained["ops"].values())
    assert trained["unknown_shapes"] > 0, "the batch is not known"
    assert trained["unsinkable"] == [], "summaries are for the device's software"
    assert graphs["loss:0",]["feeds"] == {"x:0": [5, 3]}

    runs = [event for event in done.events("run") if event["signature"] == trained["signature"]]
    assert [repr(event["scalars"]["loss:0"]) for event in runs] == done.out.split()
    assert [event["summaries"] for event in runs] == [
        {"of_loss": event["scalars"]["loss:0"]} for event in runs
    ]
    assert all(event["seconds"] > 0 and event["depth"] == 0 for event in runs)
    assert [event["error"] for event in done.events("run") if "error" in event.fields] == [
        "InvalidArgumentError"
    ]
    tiny = struct.unpack("f", struct.pack("f", 1e-40))[0]
    assert list(done.events("run")[-1]["scalars"].values()) == ["nan", tiny, True, 7]

    for kind in ("save", "restore"):
        (event,) = done.events(kind)
        assert (event["path"], event["session"]) == ("kept/model-2", 1)
    for event in done.events("graph"):  # Each stands before the first run of its kind.
        place = trace.index(event)
        assert trace[place + 1].kind == "run"
        assert trace[place + 1]["signature"] == event["signature"]


def test_sessions_of_every_kind(run: Simulate) -> None:
    done = run(
        MODEL,
        """
def trained(session):
    return session.run([train, loss], {x: batch})[1]

with tf.train.MonitoredTrainingSession(checkpoint_dir="monitored", save_checkpoint_secs=900) as s:
    trained(s)
with tf.train.SingularMonitoredSession() as s:
    trained(s)
supervisor = tf.train.Supervisor(logdir="supervised", summary_op=None)
with supervisor.managed_session() as s:
    trained(s)

interactive = tf.InteractiveSession(graph=tf.Graph())
with interactive.graph.as_default():
    print(tf.constant(2.0).eval())
interactive.close()  # Or Keras would take it.

def model(features, labels, mode):
    value = tf.reduce_mean(tf.layers.dense(features["x"], 1))
    step = tf.train.get_or_create_global_step()
    return tf.estimator.EstimatorSpec(
        mode, loss=value, train_op=tf.train.GradientDescentOptimizer(0.1).minimize(value, step))

def numbers():
    return tf.data.Dataset.from_tensors(({"x": tf.ones([2, 3])}, tf.ones([2]))).repeat()

tf.estimator.Estimator(model, "estimated").train(numbers, steps=2)

with tf.Graph().as_default():
    net = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(3,))])
    net.compile("sgd", "mse")
    net.fit(np.ones((4, 3)), np.ones((4, 1)), batch_size=2, verbose=0)

with tf.Graph().as_default():
    import keras
    net = keras.models.Sequential([keras.layers.Dense(1, input_shape=(3,))])
    net.compile("sgd", "mse")
    net.fit(np.ones((4, 3)), np.ones((4, 1)), batch_size=2, verbose=0)
""",
    )
    assert done.code == 0, done.error
    assert not done.events("problem")
    sessions = done.events("session")
    assert [event["kind"] for event in sessions] == [
        "MonitoredTrainingSession",
        "MonitoredSession",
        "Supervisor",
        "tf.InteractiveSession",
        "Estimator",
        "tf.keras",
        "tf.keras",  # Keras 2.3 on TensorFlow 1.15 takes the session of tf.keras.
    ]
    assert not any(event["npu"] for event in sessions)
    assert all(event["place"].startswith("program.py:") for event in sessions)
    trained = {event["session"] for event in done.events("run") if event["scalars"]}
    assert trained == set(range(1, 8))
    assert {event["session"] for event in done.events("save")} == {1, 3, 5}
    for number in (6, 7):
        kept = [e["scalars"] for e in done.events("run") if e["session"] == number]
        assert [len(values) for values in kept[-2:]] == [1, 1], "the losses of two batches"


def test_what_opens_the_sessions_of_an_estimator(run: Simulate, tmp_path: Path) -> None:
    """That of contrib.learn as well; a project's own file may have the same name."""
    (tmp_path / "estimator.py").write_text("def opened(tf):\n    return tf.Session()\n")
    done = run(
        """
import estimator
with estimator.opened(tf) as session:
    session.run(tf.constant(1.0))

def model(features, labels, mode):
    value = tf.reduce_mean(tf.layers.dense(features, 1))
    step = tf.train.get_or_create_global_step()
    return {}, value, tf.train.GradientDescentOptimizer(0.1).minimize(value, step)

learning = tf.contrib.learn.Estimator(model, "learned")
learning.fit(input_fn=lambda: (tf.ones([2, 3]), tf.ones([2])), steps=1)
"""
    )
    assert done.code == 0, done.error
    assert [event["kind"] for event in done.events("session")] == ["tf.Session", "Estimator"]


def test_programs_that_the_simulator_must_not_disturb(run: Simulate) -> None:
    done = run(
        """
import threading

config = tf.ConfigProto()
own = tf.ConfigProto(inter_op_parallelism_threads=3, allow_soft_placement=False)
x = tf.placeholder(tf.float32, [2], name="x")
inner = tf.reduce_sum(x)

def nested(value):
    return session.run(inner, {x: value})

outer = tf.py_func(nested, [x], tf.float32)
session = tf.Session(config=config)
print(session._config is config)
print(tf.Session(config=own)._config == own)
print(session.run(outer, {x: [1, 2]}))
with tf.Graph().as_default(), tf.device("/gpu:0"):
    pinned = tf.constant(1.0)
try:
    tf.Session(graph=pinned.graph).run(pinned)
except tf.errors.InvalidArgumentError as error:
    print("Cannot assign a device" in str(error))
try:
    session.run("absent:0")
except ValueError as error:
    print(type(error).__name__)
try:
    tf.Session(config=3)
except TypeError as error:
    print(error)
try:
    tf.Session(config)
except TypeError as error:
    print(type(error).__name__)
first, second = inner + 1, inner + 2
handle = session.partial_run_setup([first, second], [x])
print(session.partial_run(handle, first, {x: [1, 2]}), session.partial_run(handle, second))
called = session.make_callable([inner, [first]], [x])
print(called([3, 4]))
metadata = tf.RunMetadata()
session.run(inner, {x: [1, 2]}, tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), metadata)
print(bool(metadata.step_stats.dev_stats))
threads = [threading.Thread(target=session.run, args=(inner * i, {x: [1, 2]})) for i in range(9)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    )
    assert done.out.splitlines() == [
        "True",
        "True",
        "3.0",
        "True",
        "ValueError",
        "config must be a tf.ConfigProto, but got <class 'int'>",
        "TypeError",
        "4.0 5.0",
        "[7.0, [8.0]]",
        "True",
    ], done.error
    assert not done.events("problem")
    deep = [event for event in done.events("run") if "Sum:0" in event["scalars"]]
    assert deep[0]["depth"] == 1
    signatures = [event["signature"] for event in done.events("graph") if event["session"] == 1]
    assert sorted(signatures) == sorted(set(signatures)), "threads must not share a number"


def test_the_recorder_keeps_its_errors_to_itself(run: Simulate) -> None:
    done = run(
        """
from npu_simulator import graphs
graphs.summary = None
session = tf.Session(config=npu(use_off_line=True))
print(session.run(tf.constant(1.0)))
"""
    )
    assert (done.code, done.out) == (0, "1.0\n")
    (problem,) = done.events("problem")
    assert (problem["code"], problem["severity"]) == ("recorder", "warning")
    assert "'NoneType' object is not callable" in problem["message"]
    assert problem["place"] == "program.py:19"


@pytest.mark.parametrize(
    ("options", "error", "key", "words"),
    [
        ("precision_mod=b'x'", "InvalidArgumentError", "precision_mod", "Did you mean precision_"),
        ("mix_compile_mode=1", "InvalidArgumentError", "mix_compile_mode", "is set as .i"),
        ("use_off_line=1", "InvalidArgumentError", "use_off_line", "is set as .i"),
        (
            "precision_mode=b'origin'",
            "InvalidArgumentError",
            "precision_mode",
            "'origin' is invalid, it should be one of the list:['force_fp32'",
        ),
        (
            "precision_mode=b'force_fp16', precision_mode_v2=b'fp16'",
            "InternalError",
            "precision_mode",
            "can not be assigned at the same time.",
        ),
    ],
)
def test_wrong_options_fail_the_first_run(
    run: Simulate, options: str, error: str, key: str, words: str
) -> None:
    done = run(
        f"session = tf.Session(config=npu({options}))\nprint('made')\nsession.run(tf.no_op())"
    )
    assert (done.code, done.out) == (1, "made\n")
    last = done.error.strip().splitlines()[-1]
    assert last.startswith(f"tensorflow.python.framework.errors_impl.{error}: ")
    assert words in last and key in last and "program.py:" in last
    (session,) = done.events("session")
    assert session["problems"][0]["key"] == key
    assert {problem["severity"] for problem in session["problems"]} == {"error"}
    problem = done.events("problem")[0]
    assert (problem["code"], problem["severity"]) == ("option", "error")
    assert problem["place"] == session["place"] and problem["advice"]
    assert not done.events("run") and not done.events("end")[0]["ok"]


def test_what_aborts_the_adapter_ends_the_process(run: Simulate) -> None:
    done = run(
        """
session = tf.Session(config=npu(graph_run_mode=2))
print("made")
try:
    session.run(tf.no_op())
finally:
    print("never")
"""
    )
    assert (done.code, done.out) == (134, "made\n")
    assert "graph_run_mode value must be 0 or 1" in done.error
    assert "Traceback" not in done.error
    assert [event["ok"] for event in done.events("end")] == [False]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"DEVICE_ID": "abc"}, "DEVICE_ID is invalid, should be int, such as 0, 1, 2."),
        ({"ASCEND_DEVICE_ID": "-1"}, "ASCEND_DEVICE_ID should be >= 0."),
        ({"ASCEND_DEVICE_ID": "1", "DEVICE_ID": "abc"}, ""),
    ],
)
def test_the_environment_names_the_device(
    run: Simulate, settings: dict[str, str], message: str
) -> None:
    done = run(
        """
tf.Session().run(tf.no_op())
tf.Session(config=npu(session_device_id=2)).run(tf.no_op())
print("trained")
tf.Session(config=npu()).run(tf.no_op())
print("trained")
""",
        **settings,
    )
    assert done.out.count("trained") == 2 - bool(message), done.error
    assert done.code == (134 if message else 0)
    assert [problem["message"] for problem in done.events("problem")] == [message] * bool(message)


def test_options_are_those_of_the_release(run: Simulate) -> None:
    script = "tf.Session(config=npu(precision_mode_v2=b'fp16')).run(tf.no_op())"
    assert run(script).code == 0
    done = run(script, NPU_SIMULATOR_CANN="5.1.RC1")
    assert done.code == 1
    assert "adapter r1.8.0 does not know the option precision_mode_v2" in done.error


HOST_ONLY = {
    "PyFunc": "tf.py_func(lambda v: v, [x], tf.float32, name='late')",
    "EagerPyFunc": "tf.py_function(lambda v: v, [x], tf.float32, name='late')",
    "StringToNumber": "tf.string_to_number(tf.as_string(x), name='late')",
    "QueueDequeueV2": "tf.FIFOQueue(3, [tf.float32], [[]]).dequeue(name='late')",
    "ReadFile": "tf.read_file('absent', name='late')",
    "LookupTableFindV2": (
        "tf.contrib.lookup.index_table_from_tensor(['a']).lookup(tf.constant(['a']), name='late')"
    ),
    "Print": "tf.Print(x, [x], name='late')",
    "Sqrt": "tf.sqrt(tf.cast(x, tf.float64), name='late')",
}


def test_operators_of_the_host_are_named(run: Simulate) -> None:
    made = "".join(f"  {kind!r}: lambda: {made},\n" for kind, made in HOST_ONLY.items())
    done = run(
        f"makers = {{\n{made}}}",
        """
for mode in (False, True):
    for kind, make in makers.items():
        with tf.Graph().as_default():
            x = tf.constant(1.0)
            late = make()
            session = tf.Session(config=npu(use_off_line=True, mix_compile_mode=mode))
            try:
                session.run(late, options=tf.RunOptions(timeout_in_ms=100))
            except tf.errors.InternalError as error:
                print(kind, mode, "operators of the graph cannot run on the NPU:" in str(error))
            except tf.errors.OpError:
                pass
with tf.Graph().as_default():  # On the host anything goes.
    tf.Session(config=npu(use_off_line=False)).run(tf.py_func(lambda: 1.0, [], tf.float64))
    tf.Session().run(tf.py_func(lambda: 1.0, [], tf.float64))
""",
    )
    assert done.code == 0, done.error
    assert done.out.splitlines() == [f"{kind} False True" for kind in HOST_ONLY]
    problems = done.events("problem")
    assert len(problems) == len(HOST_ONLY)
    for kind, problem in zip(HOST_ONLY, problems, strict=True):
        assert (problem["code"], problem["severity"]) == ("host-operator", "error")
        assert f"({kind}, " in problem["message"] and "program.py:" in problem["message"]
        assert "mix_compile_mode" in problem["advice"]
    graphs = done.events("graph")
    assert all(event["unsinkable"] for event in graphs)
    for event in graphs[: len(HOST_ONLY)]:
        assert all(op["place"].startswith("program.py:") for op in event["unsinkable"])


BODIES = """
tf.enable_control_flow_v2()
one = tf.placeholder_with_default(1.0, [])
call = lambda body: tf.function(body, autograph=False)
say = lambda value: tf.reshape(tf.py_func(lambda v: v, [value], tf.float32), [])
text = lambda: tf.strings.to_number(tf.as_string(one))
makers = {
    "function": lambda: call(lambda: say(one) + 1.0)(),
    "branch": lambda: tf.cond(one > 0.0, text, lambda: 0.0),
    "loop": lambda: tf.while_loop(lambda i: i < 3.0, lambda i: say(i) + 1.0, [one]),
    "call in a call": lambda: call(lambda: call(lambda: say(one))() * 2.0)(),
    "wide": lambda: call(lambda: tf.cast(one, tf.float64) * 2.0)(),
    "nothing": lambda: call(lambda: tf.cond(one > 0.0, lambda: one, lambda: 0.0) * 2.0)(),
}
for name, make in makers.items():
    late = make()
    try:
        tf.Session(config=npu(use_off_line=True)).run(late)
        print(name)
    except tf.errors.InternalError as error:
        print(name, str(error).split(", ")[0].split("(")[-1])
"""


def test_operators_of_the_host_in_functions_are_named(run: Simulate) -> None:
    done = run(BODIES)
    assert done.code == 0, done.error
    assert done.out.splitlines() == [
        "function PyFunc",
        "branch AsString",
        "loop PyFunc",
        "call in a call PyFunc",
        "wide PartitionedCall",
        "nothing",
    ]
    assert all("program.py:" in problem["message"] for problem in done.events("problem"))


def test_a_function_that_trains(run: Simulate) -> None:
    done = run(
        """
weight = tf.Variable(1.0, use_resource=True)
optimizer = tf.train.GradientDescentOptimizer(0.1)

@tf.function(autograph=False)
def trained():
    with tf.control_dependencies([optimizer.minimize(weight * weight, var_list=[weight])]):
        return tf.constant(0.0)

step = trained()
session = tf.Session(config=npu(use_off_line=True))
session.run(weight.initializer)
session.run(step)
print(session.run(weight))
"""
    )
    assert (done.code, done.out.strip()) == (0, "0.8"), done.error
    assert done.events("graph")[1]["ops"]["ResourceApplyGradientDescent"] == 1


@pytest.mark.parametrize("resources", [False, True])
def test_an_optimizer_that_assigns_trains(run: Simulate, resources: bool) -> None:
    """As BERT's does; initial values, and a network that follows another, are no training."""
    done = run(
        NPU
        + f"""
weight = tf.get_variable("w", [2], use_resource={resources})
target = tf.get_variable("target", initializer=weight.initialized_value() * 2)
(gradient,) = tf.gradients(tf.reduce_sum(weight), [weight])
train = weight.assign(weight - 0.1 * gradient)
follow = target.assign(0.9 * target + 0.1 * weight)
session = tf.Session(config=npu(use_off_line=True))
for wanted in (tf.global_variables_initializer(), train, follow, target):
    session.run(wanted)
"""
    )
    assert done.code == 0, done.error
    assert [event["trains"] for event in done.events("graph")] == [False, True, False, False]


@pytest.mark.parametrize("seed", ["", "1"])
def test_callables_without_feeds(run: Simulate, seed: str) -> None:
    done = run(
        MODEL,
        """
session = tf.Session(config=npu(use_off_line=True))
session.make_callable(tf.global_variables_initializer())()
read = session.make_callable(loss, accept_options=True)
one, more = session.make_callable(weights), session.make_callable({"w": [weights, weights.op]})
for call in (one, lambda: more()["w"][0], lambda: session.make_callable(loss, [x])(batch)):
    print(call().sum())
try:
    read(options=tf.RunOptions(), run_metadata=tf.RunMetadata())
except tf.errors.InvalidArgumentError:
    print("placeholder")
""",
        NPU_SIMULATOR_SEED=seed,
    )
    assert done.out.split() == ["3.0", "3.0", "9.0", "placeholder"], done.error
    assert len(done.events("run")) == 5


@pytest.mark.parametrize("seed", ["", "1"])
def test_arrays_are_weighed_where_numbers_are_compared(run: Simulate, seed: str) -> None:
    arrays = [[1, 2], [2, 1], [-1, 2], [1, 2], [float("nan"), 0.0], [True, False], [], ["text"]]
    done = run(
        f"nan = float('nan')\nfor a in {arrays!r}:\n  tf.Session().run(tf.constant(a))",
        """
def inner():
    tf.Session(graph=inside.graph).run(inside)
    return 0.0

inside = tf.constant([1.0, 2.0])  # what several such functions fetch comes in any order
tf.Session().run(tf.py_func(inner, [], tf.float64))
""",
        NPU_SIMULATOR_SEED=seed,
    )
    assert done.code == 0, done.error
    found = [list(event.fields.get("arrays", {}).values()) for event in done.events("run")]
    if not seed:
        assert not any(found)
        return
    (first,), (swapped,), (negative,), again, nan, truth, *rest = found
    assert len({first, swapped, negative}) == 3
    assert (again, nan, truth, rest) == ([first], ["nan"], [1.0], [[], [], [], []])


def test_what_a_device_session_needs_is_no_host_operator(run: Simulate) -> None:
    done = run(
        MODEL,
        """
strings = tf.data.Dataset.from_tensor_slices(["1", "2", "3"]).map(tf.string_to_number)
strings = strings.map(lambda v: tf.py_func(lambda w: w, [v], tf.float32)).batch(1, True).repeat()
once = strings.make_one_shot_iterator().get_next()
iterator = strings.make_initializable_iterator()
values = iterator.get_next()
tf.summary.image("picture", tf.ones([1, 2, 2, 3]))
tf.summary.text("words", tf.constant("words"))
hooks = [tf.train.SummarySaverHook(1, output_dir="out", summary_op=tf.summary.merge_all())]
scaffold = tf.train.Scaffold(local_init_op=iterator.initializer)
with tf.train.MonitoredTrainingSession(
    checkpoint_dir="out", scaffold=scaffold, hooks=hooks, config=npu(use_off_line=True)
) as session:
    for _ in range(2):
        fed = session.run([values, once], {x: batch})
        session.run([train, loss, tf.train.get_global_step()], {x: batch})
""",
    )
    assert done.code == 0, done.error
    assert not done.events("problem")
    assert done.events("session")[0]["npu"]


def test_a_configuration_without_the_adapter_is_reported(run: Simulate) -> None:
    done = run(
        "import sys\ndel sys.modules['npu_bridge']\ntf.Session(config=npu()).run(tf.no_op())"
    )
    assert done.code == 0
    assert not done.events("session")[0]["npu"]
    (problem,) = done.events("problem")
    assert (problem["code"], problem["severity"]) == ("adapter-not-loaded", "error")
    assert "npu_bridge" in problem["advice"]


def test_numbers_that_hang_on_time_are_left_out(run: Simulate) -> None:
    done = run(
        """
queue = tf.FIFOQueue(5, [tf.float32], [[]])
size = queue.size(name="size")
tf.summary.scalar("queue/fullness", tf.cast(size, tf.float32) / 5)
tf.summary.scalar("constant", 3.0)
with tf.Session() as session:
    session.run(queue.enqueue(1.0))
    session.run([size, tf.summary.merge_all(), tf.constant(2.0, name="two")])
"""
    )
    last = done.events("run")[-1]
    assert last["scalars"] == {"two:0": 2.0}
    assert last["summaries"] == {"constant": 3.0}
