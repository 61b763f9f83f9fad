from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.analysis import symbols
from migrate.analysis.special_symbols import GROUPS
from migrate.analysis.symbols import canonical, classify, keras_in_tf_keras, known
from tests.tf115 import required_tf115

ROOT = Path(__file__).parents[2]
SPECIAL = sorted({name for group in GROUPS for name in group.qualified()})
LISTED = [
    f"{module}.{name}"
    for module in symbols._names().bodies
    for name in symbols._names().names(module)
]


@pytest.mark.parametrize(
    ("spelling", "documented"),
    [
        ("tensorflow.Session", "tensorflow.Session"),
        ("tensorflow.compat.v1.Session", "tensorflow.Session"),
        ("tensorflow.compat.v1.compat.v1.Session", "tensorflow.Session"),
        ("tensorflow._api.v1.compat.v1.Session", "tensorflow.Session"),
        ("tensorflow.compat.v2.compat.v1.Session", "tensorflow.Session"),
        ("tensorflow_core._api.v1.train.Saver", "tensorflow.train.Saver"),
        ("tensorflow.python.client.session.Session", "tensorflow.Session"),
        ("tensorflow_core.python.client.session.Session", "tensorflow.Session"),
        (
            "tensorflow.python.training.monitored_session.MonitoredTrainingSession",
            "tensorflow.train.MonitoredTrainingSession",
        ),
        ("tensorflow.python.training.training.Saver", "tensorflow.train.Saver"),
        ("tensorflow.python.keras.layers.Dense", "tensorflow.keras.layers.Dense"),
        ("tensorflow.python.keras.layers.core.Dense", "tensorflow.keras.layers.Dense"),
        ("tensorflow.core.protobuf.config_pb2.ConfigProto", "tensorflow.ConfigProto"),
        (
            "tensorflow.contrib.slim.python.slim.learning.train",
            "tensorflow.contrib.slim.learning.train",
        ),
        ("tf_slim.learning.train", "tensorflow.contrib.slim.learning.train"),
        ("tf_slim.arg_scope", "tensorflow.contrib.framework.arg_scope"),
        ("tf_slim.training.train", "tensorflow.contrib.training.train"),
        ("tensorflow_estimator.estimator.Estimator", "tensorflow.estimator.Estimator"),
        (
            "tensorflow_estimator.python.estimator.estimator.Estimator",
            "tensorflow.estimator.Estimator",
        ),
        ("tensorflow.contrib.tpu.TPUEstimator", "tensorflow.estimator.tpu.TPUEstimator"),
        ("tensorflow.contrib.rnn.LSTMCell", "tensorflow.nn.rnn_cell.LSTMCell"),
        ("tensorflow.contrib.framework.nest.flatten", "tensorflow.nest.flatten"),
        ("tensorflow.app.flags.DEFINE_string", "tensorflow.flags.DEFINE_string"),
        ("tensorflow.app.flags", "tensorflow.flags"),
        ("tensorflow.math.is_nan", "tensorflow.is_nan"),
        ("tensorflow.debugging.is_nan", "tensorflow.is_nan"),
        ("tensorflow.random.uniform", "tensorflow.random_uniform"),
        ("tensorflow.keras.models.Model.fit", "tensorflow.keras.Model.fit"),
        ("tensorflow.compat.v1.train.Saver.restore", "tensorflow.train.Saver.restore"),
        ("tensorflow.app.flags.FLAGS.batch_size", "tensorflow.flags.FLAGS.batch_size"),
        ("keras.layers.core.Dense", "keras.layers.Dense"),
        ("keras.backend.tensorflow_backend.set_session", "keras.backend.set_session"),
        ("horovod.tensorflow.keras.rank", "horovod.tensorflow.rank"),
        ("horovod.keras.size", "horovod.tensorflow.size"),
        ("horovod.tensorflow.mpi_ops.rank", "horovod.tensorflow.rank"),
    ],
)
def test_every_spelling_leads_to_the_documented_name(spelling, documented):
    assert canonical(spelling) == documented


@pytest.mark.parametrize(
    "name",
    [
        # Wrappers, and classes of the same name: other objects, on which rules match.
        "tensorflow.contrib.data.prefetch_to_device",
        "tensorflow.data.experimental.prefetch_to_device",
        "tensorflow.contrib.data.batch_and_drop_remainder",
        "tensorflow.contrib.distribute.MirroredStrategy",
        "tensorflow.contrib.learn.Estimator",
        "tensorflow.layers.dropout",
        "tensorflow.nn.dropout",
        "tensorflow.keras.layers.Dropout",
        "horovod.keras.DistributedOptimizer",
        # tf.compat.v2 differs where its function has other parameters.
        "tensorflow.compat.v2.nn.dropout",
        "tensorflow.compat.v2.reduce_sum",
        # In no list.
        "tensorflow.nonesuch.thing",
        "tensorflow.python.ops.rnn_cell_impl._linear",
        "tensorflowjs.converters",
        "numpy.float32",
        "kerastuner.Tuner",
        "tensorflow",
        "",
    ],
)
def test_documented_and_foreign_names_stay(name):
    assert canonical(name) == name


def test_a_function_of_the_second_api_is_not_taken_for_the_first():
    assert canonical("tensorflow.python.ops.nn_ops.dropout") == "tensorflow.nn.dropout"
    assert canonical("tensorflow.python.ops.nn_ops.dropout_v2") == "tensorflow.compat.v2.nn.dropout"
    assert canonical("tensorflow.compat.v2.concat") == "tensorflow.concat"


def test_canonical_is_idempotent_and_known_for_the_whole_list():
    documented = {name: canonical(name) for name in LISTED}
    assert [n for n, to in documented.items() if canonical(to) != to] == []
    assert [n for n, to in documented.items() if not known(to)] == []


def test_canonical_may_be_taken_step_by_step():
    """A resolver that follows one attribute at a time gets what one step gives."""
    for name in LISTED:
        parent, _, last = name.rpartition(".")
        assert canonical(f"{canonical(parent)}.{last}") == canonical(name)


@given(
    st.lists(
        st.sampled_from(
            "tensorflow tensorflow_core compat v1 v2 _api python keras contrib slim tf_slim train"
            " client session Session Saver horovod estimator learning data flags app x _y".split()
        ),
        min_size=1,
        max_size=8,
    ).map(".".join)
)
def test_canonical_is_idempotent_for_names_that_nobody_wrote(name):
    assert canonical(canonical(name)) == canonical(name)
    assert classify(canonical(name)) == classify(name)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("tensorflow.nn.relu", "native"),
        ("tensorflow.compat.v1.placeholder", "native"),
        ("tensorflow.train.Saver.restore", "native"),
        ("tensorflow.keras.layers.Dense.kernel", "native"),  # set in a method
        ("tensorflow.data.Dataset.batch", "native"),
        ("tensorflow.flags.FLAGS.batch_size", "native"),
        ("tensorflow.float32.as_numpy_dtype", "native"),
        ("tensorflow.Session.__init__", "native"),
        ("tensorflow.__version__", "native"),
        ("tensorflow.test.mock.patch.object", "native"),  # another package's module
        ("tensorflow.arg_max", "native"),  # TensorFlow's wrapper around the module adds it
        ("tensorflow.contrib.layers.linear", "native"),  # a functools.partial
        ("tensorflow.contrib.training.HParams.batch_size", "native"),  # instances have any
        ("tensorflow.contrib.slim.dataset.Dataset.num_samples", "native"),  # as it was given
        ("tensorflow.Session.run", "native"),
        ("tensorflow.train", "native"),
        ("tensorflow.contrib.layers.conv2d", "native"),
        ("tensorflow.core.protobuf.rewriter_config_pb2.RewriterConfig", "native"),
        ("tensorflow.train.NanTensorHook", "native"),
        ("tensorflow.Session", "manual"),
        ("tf_slim.learning.train", "manual"),
        ("tensorflow.estimator.Estimator", "manual"),
        ("tensorflow.distribute.MirroredStrategy", "manual"),
        ("tensorflow.contrib.distribute.MirroredStrategy", "manual"),
        ("tensorflow.train.SyncReplicasOptimizer", "manual"),
        ("tensorflow.keras.layers.CuDNNLSTM", "manual"),
        ("tensorflow.contrib.cudnn_rnn.CudnnLSTM", "manual"),
        ("tensorflow.CriticalSection", "manual"),
        ("tensorflow.sparse.add", "manual"),
        ("tensorflow.train.shuffle_batch", "manual"),
        ("tensorflow.contrib.tpu.TPUEstimator", "manual"),
        ("tensorflow.python.client.device_lib.list_local_devices", "manual"),
        ("horovod.tensorflow.init", "manual"),
        ("horovod.tensorflow.nonesuch", "manual"),
        ("horovod.torch.DistributedOptimizer", "manual"),
        ("keras.layers.Dense", "manual"),
        ("keras.utils.np_utils.to_categorical", "manual"),
        ("keras.layers.Highway", "unsupported"),
        ("tensorflow.enable_eager_execution", "unsupported"),
        ("tensorflow.contrib.eager.Iterator", "unsupported"),
        ("tensorflow.contrib.tpu.keras_to_tpu_model", "unsupported"),
        ("tensorflow.tpu.rewrite", "unsupported"),
        ("tensorflow.LMDBReader", "unsupported"),
        ("tensorflow.LMDBReader.read", "unsupported"),
        ("tensorflow.math.is_nan", "unsupported"),
        ("tensorflow.nonesuch", "unknown"),
        ("tensorflow.train.Saver.nonesuch", "unknown"),
        ("tensorflow.data.Dataset.save", "unknown"),  # TensorFlow 2
        ("tensorflow.AdamOptimizer", "unknown"),  # tf.train has it
        ("tensorflow.contrib.nccl.all_sum", "unknown"),  # gone in 1.15
        ("tensorflow.core.nonesuch", "unknown"),
        ("tensorflow.python.tools.inspect_checkpoint.nonesuch", "unknown"),
        ("tensorflow.python.ops.rnn_cell_impl._linear", "unknown"),
        ("keras.nonesuch", "unknown"),
        ("numpy.zeros", "unknown"),
        ("", "unknown"),
    ],
)
def test_status(name, status):
    assert classify(name).status == status


def test_what_does_not_simply_run_has_a_reason_and_a_source():
    for name in LISTED:
        symbol = classify(name)
        assert symbol.source
        assert symbol.reason or symbol.status == "native"
        assert "\n" not in symbol.reason


def test_private_names_are_told_from_absent_ones():
    private = classify("tensorflow.python.tools.inspect_checkpoint.parse_numpy_printoption")
    assert private.reason.startswith("private to TensorFlow 1.15.0")
    assert classify("tensorflow.python.ops.rnn_cell_impl._linear").reason.startswith("private")
    assert classify("tensorflow.nonesuch").reason == "TensorFlow 1.15.0 has no tensorflow.nonesuch"


@pytest.mark.parametrize("name", SPECIAL)
def test_special_names_exist_and_are_documented_names(name):
    owner = name.removesuffix(".*")
    assert canonical(owner) == owner
    assert owner.startswith("horovod") or known(owner)


def test_no_name_is_special_twice():
    names = [name for group in GROUPS for name in group.qualified()]
    assert sorted(names) == SPECIAL


# The vendor's list: rows with level "not supported, users should not use it".
UNSUPPORTED_BY_THE_VENDOR = """
enable_eager_execution enable_tensor_equality enable_v2_behavior enable_v2_tensorshape
executing_eagerly IdentityReader is_finite is_inf is_nan LMDBReader WholeFileReader
config.experimental_run_functions_eagerly distribute.experimental.TPUStrategy
tpu.batch_parallel tpu.bfloat16_scope tpu.core tpu.cross_replica_sum tpu.CrossShardOptimizer
tpu.experimental tpu.experimental.AdagradParameters tpu.experimental.AdamParameters
tpu.experimental.DeviceAssignment tpu.experimental.embedding_column
tpu.experimental.initialize_tpu_system tpu.experimental.shared_embedding_columns
tpu.experimental.StochasticGradientDescentParameters tpu.initialize_system
tpu.outside_compilation tpu.replicate tpu.rewrite tpu.shard tpu.shutdown_system
""".split()


def test_the_vendors_unsupported_names_are_unsupported():
    assert len(UNSUPPORTED_BY_THE_VENDOR) == 32
    statuses = {name: classify(f"tensorflow.{name}").status for name in UNSUPPORTED_BY_THE_VENDOR}
    assert set(statuses.values()) == {"unsupported"}, statuses


@pytest.mark.parametrize(
    ("name", "counterpart"),
    [
        ("keras", "tensorflow.keras"),
        ("keras.datasets.cifar10", "tensorflow.keras.datasets.cifar10"),
        ("keras.datasets.cifar10.load_data", "tensorflow.keras.datasets.cifar10.load_data"),
        ("keras.layers.Input", "tensorflow.keras.layers.Input"),
        ("keras.layers.core.Dense", "tensorflow.keras.layers.Dense"),
        ("keras.utils.np_utils.to_categorical", "tensorflow.keras.utils.to_categorical"),
        ("keras.models.Model.fit", "tensorflow.keras.models.Model.fit"),
        ("keras.utils.np_utils", None),
        ("keras.layers.Highway", None),
        ("keras.nonesuch", None),
        ("kerastuner.Tuner", None),
        ("tensorflow.keras.layers.Dense", None),
    ],
)
def test_keras_in_tf_keras(name, counterpart):
    assert keras_in_tf_keras(name) == counterpart


@pytest.mark.parametrize(
    ("name", "there"),
    [
        ("tensorflow.Session", True),
        ("tensorflow.train", True),
        ("tensorflow.train.Saver.restore", True),
        ("tensorflow.python.client.session.Session", True),
        ("keras.layers.Dense", True),
        ("horovod.tensorflow.rank", True),
        ("horovod.tensorflow.keras", True),
        ("tensorflow.Session.run.nonesuch", False),
        ("tensorflow.nonesuch", False),
        ("horovod.nonesuch", False),
        ("os.path", False),
    ],
)
def test_known(name, there):
    assert known(name) is there


@pytest.mark.tf115
def test_the_committed_list_is_what_tensorflow_says(tmp_path):
    python = required_tf115().python
    script = ROOT / "scripts" / "list_tf115_symbols.py"
    written = tmp_path / "symbols.txt"
    subprocess.run([python, "-W", "ignore", script, written], check=True, capture_output=True)
    assert written.read_bytes() == symbols._LIST.read_bytes()
