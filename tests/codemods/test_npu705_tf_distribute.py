"""TensorFlow's strategies become those of one device; what cannot be mapped is told."""

from __future__ import annotations

import pytest

from migrate.analysis.inventory import classified, symbol_uses
from migrate.analysis.project import Project
from migrate.codemods.engine import rewrite
from migrate.codemods.registry import kit_rules
from migrate.upstream.tree import SourceFile
from tests.codemods.support import check_noop, check_port, port_files

CODE = "NPU705"
TF = "import tensorflow as tf\n"
BOTH = TF + "from npu_runtime import npu_strategy\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "s = tf.distribute.MirroredStrategy()",
            "s = npu_strategy(tf.distribute.MirroredStrategy)()",
        ),
        (
            "s = tf.distribute.MirroredStrategy(['/gpu:0'],  # one\n    cross_device_ops=ops)",
            "s = npu_strategy(tf.distribute.MirroredStrategy)(['/gpu:0'],  # one\n"
            "    cross_device_ops=ops)",
        ),
        (
            "s = tf.compat.v1.distribute.OneDeviceStrategy('/gpu:0')",
            "s = npu_strategy(tf.compat.v1.distribute.OneDeviceStrategy)('/gpu:0')",
        ),
        (
            "s = tf.distribute.experimental.MultiWorkerMirroredStrategy()",
            "s = npu_strategy(tf.distribute.experimental.MultiWorkerMirroredStrategy)()",
        ),
        (
            "s = tf.distribute.experimental.CentralStorageStrategy()",
            "s = npu_strategy(tf.distribute.experimental.CentralStorageStrategy)()",
        ),
        (
            "s = tf.contrib.distribute.MirroredStrategy(num_gpus=2)",
            "s = npu_strategy(tf.contrib.distribute.MirroredStrategy)(num_gpus=2)",
        ),
        (
            "s = tf.contrib.distribute.CollectiveAllReduceStrategy(num_gpus_per_worker=2)",
            "s = npu_strategy(tf.contrib.distribute.CollectiveAllReduceStrategy)"
            "(num_gpus_per_worker=2)",
        ),
        (
            "kinds = {'a': tf.distribute.MirroredStrategy}",
            "kinds = {'a': npu_strategy(tf.distribute.MirroredStrategy)}",
        ),
        (
            "def f(kind=tf.distribute.MirroredStrategy):\n    return kind()",
            "def f(kind=npu_strategy(tf.distribute.MirroredStrategy)):\n    return kind()",
        ),
    ],
)
def test_where_a_strategy_is_made(before: str, after: str) -> None:
    ported = check_port(f"{TF}\n{before}\n", f"{BOTH}\n{after}\n", CODE)
    assert ported.findings == [] and ported.runtime == {"npu_runtime"}


def test_a_strategy_of_parameter_servers_updates_in_step() -> None:
    ported = check_port(
        f"{TF}\ns = tf.distribute.experimental.ParameterServerStrategy()\n",
        f"{BOTH}\ns = npu_strategy(tf.distribute.experimental.ParameterServerStrategy)()\n",
        CODE,
    )
    [finding] = ported.findings
    assert (finding.severity, finding.line) == ("note", 3)
    assert "without servers all devices update in step" in finding.message


def test_imported_by_name() -> None:
    check_port(
        """
        from tensorflow.contrib.distribute import MirroredStrategy as Mirrored

        strategy = Mirrored(num_gpus=2)
        """,
        """
        from tensorflow.contrib.distribute import MirroredStrategy as Mirrored
        from npu_runtime import npu_strategy

        strategy = npu_strategy(Mirrored)(num_gpus=2)
        """,
        CODE,
    )


def test_with_an_estimator_and_keras() -> None:
    ported = check_port(
        """
        import tensorflow as tf

        strategy = tf.distribute.MirroredStrategy(['/gpu:%d' % i for i in range(2)])
        config = tf.estimator.RunConfig(train_distribute=strategy, eval_distribute=strategy)
        estimator = tf.estimator.Estimator(model_fn, config=config)
        with strategy.scope():
            model = tf.keras.Sequential(layers)
            model.compile('sgd', 'mse')
        """,
        """
        import tensorflow as tf
        from npu_runtime import npu_keras_optimizer, npu_run_config, npu_strategy

        strategy = npu_strategy(tf.distribute.MirroredStrategy)(['/gpu:%d' % i for i in range(2)])
        config = tf.estimator.RunConfig(train_distribute=strategy, eval_distribute=strategy)
        estimator = tf.estimator.Estimator(model_fn, config=npu_run_config(config))
        with strategy.scope():
            model = tf.keras.Sequential(layers)
            model.compile(npu_keras_optimizer('sgd'), 'mse')
        """,
    )
    assert not {"NPU401", CODE} & set(ported.codes("warning"))


@pytest.mark.parametrize(
    "text",
    [
        "from my import MirroredStrategy\nMirroredStrategy()\n",
        "class Server: pass\nServer(); x.Server()\n",
        "x = tf.train.ClusterSpec({})\n",
        "x = tf.train.replica_device_setter(0)\n",
        "tf.distribute.get_replica_context()\ntf.distribute.has_strategy()\n",
        "def f(strategy: tf.distribute.Strategy): return strategy.scope()\n",
        "os.environ.get('TF_CONFIG')\n",
        "def test(tf): tf.distribute.MirroredStrategy()\n",
        "# tf.distribute.MirroredStrategy()\n",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert check_noop(TF + text, CODE).findings == []


def test_unit_tests_are_left_out() -> None:
    text = "class A(tf.test.TestCase):\n    def test(self): tf.distribute.MirroredStrategy()\n"
    assert check_noop(TF + text, CODE, path="a_test.py").findings == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = tf.distribute.experimental.TPUStrategy(r)", "for Google's TPU only"),
        ("class A(tf.distribute.MirroredStrategy): pass", "a strategy of its own"),
        ("assert isinstance(s, tf.distribute.MirroredStrategy)", "is no tf.distribute.Mirrored"),
        ("x = tf.contrib.estimator.replicate_model_fn(f)", "one tower for each GPU"),
        ("x = tf.train.Server(cluster, 'ps', 0)\ny = tf.train.Server(c)", "no parameter servers"),
        ("x = tf.train.SyncReplicasOptimizer(o, 2)", "no parameter servers"),
        ("x = tf.train.replica_device_setter(cluster=c)", "no parameter servers"),
        ("os.environ['TF_CONFIG'] = json.dumps(c)", "a cluster of TensorFlow's own"),
    ],
)
def test_what_cannot_be_mapped_is_told(text: str, told: str) -> None:
    [finding] = check_noop(f"{TF}{text}\n", CODE).findings
    assert (finding.severity, finding.line) == ("warning", 2)
    assert told in finding.message and finding.advice


def test_the_number_of_replicas_is_told() -> None:
    text = "a = 2 * s.num_replicas_in_sync\nb = 3\nc = s.num_replicas_in_sync\n"
    [finding] = check_noop(TF + text, CODE).findings
    assert (finding.severity, finding.line) == ("note", 2)
    assert finding.message == "num_replicas_in_sync is 1 in each process (also in line 4)"


def test_the_inventory_knows_what_became_of_them() -> None:
    text = b"""import tensorflow as tf
s = tf.distribute.MirroredStrategy(cross_device_ops=tf.distribute.NcclAllReduce())
t = tf.distribute.experimental.TPUStrategy()
"""
    project = Project({"train.py": SourceFile("train.py", text)})
    uses = symbol_uses(project)
    results = rewrite(project, kit_rules(), {})
    settled = [use for result in results for use in result.settled]
    assert {one.name.rpartition(".")[2]: one.status for one in classified(uses, settled)} == {
        "MirroredStrategy": "rewritten",
        "NcclAllReduce": "native",
        "TPUStrategy": "unsupported",
    }


@pytest.mark.parametrize(("body", "divided"), [("optimizer.minimize(f(x))", 1), ("f(x)", 0)])
def test_what_a_function_for_each_replica_trains_on_is_divided(body: str, divided: int) -> None:
    source = f"""
        import tensorflow as tf

        optimizer = tf.train.AdamOptimizer()
        strategy = tf.distribute.MirroredStrategy()

        def step(x):
            return {body}

        data = tf.data.Dataset.from_tensor_slices(numbers).batch(4)
        iterator = strategy.experimental_distribute_dataset(data).make_initializable_iterator()
        result = strategy.experimental_run_v2(step, args=(iterator.get_next(),))
        with tf.Session() as session:
            session.run(iterator.initializer)
            session.run(result)
        """
    ported = port_files({"train.py": source}, "NPU701", CODE)
    assert ported.text().count("npu_shard(") == divided
