"""CHK102 to CHK107 and CHK109 to CHK112: what stands in NPU configurations, and who takes them."""

from __future__ import annotations

import pytest

from tests.verify.static.support import found, places

HEAD = """\
import tensorflow as tf
import npu_bridge
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig

config = tf.ConfigProto()
custom_op = config.graph_options.rewrite_options.custom_optimizers.add()
custom_op.name = "NpuOptimizer"
"""
OFF = """\
config.graph_options.rewrite_options.remapping = RewriterConfig.OFF
config.graph_options.rewrite_options.memory_optimization = RewriterConfig.OFF
"""
TAIL = """\
step = tf.train.AdamOptimizer(1e-3).minimize(tf.Variable(1.0))
with tf.Session(config=config) as sess:
    sess.run(step)
"""


def option(*lines: str) -> str:
    return HEAD + "".join(f"custom_op.parameter_map{line}\n" for line in lines) + OFF + TAIL


def test_a_sound_configuration_has_no_findings() -> None:
    code = option(
        '["use_off_line"].b = True',
        '["precision_mode"].s = tf.compat.as_bytes("must_keep_origin_dtype")',
        '["graph_run_mode"].i = 1',
        '["iterations_per_loop"].i = 1',
        '["fusion_switch_file"].s = b"fusion.cfg"',
    )
    for release in ("5.0.1", "5.1.RC2", "7.0"):
        for number in range(101, 113):
            assert found(code, f"CHK{number}", release) == [], number


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('["allow_mix_compile"].b = True', "allow_mix_compile"),
        ('["precision_mode"].b = True', "precision_mode"),
        ('["precision_mode"].s = tf.compat.as_bytes("mixed")', "mixed"),
        ('["precision_mode"].s = b"mixed"', "mixed"),
        ('["dump_mode"].s = "all"', "as_bytes"),
        ('["graph_run_mode"].i = 2', "graph_run_mode"),
        ('["iterations_per_loop"].i = 0', "iterator_per_loop"),
        ('["buffer_optimize"].s = b"none"', "buffer_optimize"),
    ],
)
def test_an_option_that_the_adapter_does_not_take_is_an_error(line: str, says: str) -> None:
    findings = found(option(line), "CHK102")
    assert {(f.severity, f.line) for f in findings} == {("error", 8)}
    assert says in "".join(f.message + f.advice for f in findings)
    assert all(f.advice for f in findings)


def test_options_are_those_of_the_release() -> None:
    code = option('["jit_compile"].b = True')
    assert places(code, "CHK102", "7.0") == ["error 8"]
    assert places(code, "CHK102", "6.0.1") == []
    assert places(code, "CHK102", "5.0.1") == ["warning 8"]


def test_combinations_are_checked_on_one_way_through_the_code() -> None:
    alone = option('["enable_dump"].b = True')
    assert places(alone, "CHK102") == ["error 6"]
    apart = (
        HEAD
        + """\
import sys
if "dump" in sys.argv:
    custom_op.parameter_map["enable_dump"].b = True
    custom_op.parameter_map["dump_path"].s = b"/tmp"
if "overflow" in sys.argv:
    custom_op.parameter_map["enable_dump_debug"].b = True
    custom_op.parameter_map["dump_path"].s = b"/tmp"
"""
        + OFF
        + TAIL
    )
    assert places(apart, "CHK102") == []
    together = option(
        '["enable_dump"].b = True',
        '["dump_path"].s = b"/tmp"',
        '["enable_dump_debug"].b = True',
    )
    assert len(places(together, "CHK102")) == 1


@pytest.mark.parametrize(
    "line",
    [
        '["precision_mode"].s = tf.compat.as_bytes(FLAGS.precision_mode)',
        '["dump_path"].s = tf.compat.as_bytes("/tmp/" + name)',
        "[key].b = True",
        '["op_debug_level"].i = level',
    ],
)
def test_what_is_computed_is_left_to_the_simulator(line: str) -> None:
    assert found(option(line), "CHK102") == []


def test_an_unnamed_entry_is_an_error() -> None:
    code = HEAD.replace(
        "custom_op =",
        "custom_op = config.graph_options.rewrite_options.custom_optimizers.add()\ncustom_op =",
    )
    assert places(code + OFF + TAIL, "CHK103") == ["error 6"]


def test_an_entry_of_another_name_is_an_error() -> None:
    code = HEAD.replace('"NpuOptimizer"', '"NPUOptimizer"')
    code += 'custom_op.parameter_map["use_off_line"].b = True\n'
    assert places(code + OFF + TAIL, "CHK103") == ["error 6"]


def test_a_second_entry_is_told() -> None:
    again = "".join(HEAD.splitlines(keepends=True)[-2:])
    assert places(HEAD + again + OFF + TAIL, "CHK103") == ["warning 8"]


@pytest.mark.parametrize(
    "body",
    [
        # Exclusive branches.
        """
        import tensorflow as tf
        def make(config, fast):
            if fast:
                op = config.graph_options.rewrite_options.custom_optimizers.add()
                op.name = "NpuOptimizer"
            else:
                op = config.graph_options.rewrite_options.custom_optimizers.add()
                op.name = "NpuOptimizer"
            return config
        """,
        # Named by add() itself, or by somebody else.
        """
        import tensorflow as tf
        def make(config):
            config.graph_options.rewrite_options.custom_optimizers.add(name="NpuOptimizer")
            return config
        """,
        """
        import tensorflow as tf
        def make(config):
            op = config.graph_options.rewrite_options.custom_optimizers.add()
            fill_in(op)
            return config
        """,
        """
        import tensorflow as tf
        NAME = "NpuOptimizer"
        def make(config):
            config.graph_options.rewrite_options.custom_optimizers.add().name = NAME
            return config
        """,
    ],
)
def test_single_and_named_entries_are_fine(body: str) -> None:
    assert found(body, "CHK103") == []


DEAD = {
    "a configuration": HEAD + OFF + "with tf.Session() as sess:\n    pass\n",
    "one in a function": """
    import tensorflow as tf
    def train():
        config = tf.ConfigProto()
        op = config.graph_options.rewrite_options.custom_optimizers.add()
        op.name = "NpuOptimizer"
        with tf.Session() as sess:
            pass
    """,
    "NPURunConfig": """
    from npu_bridge.npu_init import *
    def train():
        run_config = NPURunConfig(model_dir="m")
    """,
    "ProfilingConfig of an object": """
    from npu_bridge.npu_init import *
    class Trainer:
        def __init__(self):
            self.profiling = ProfilingConfig(enable_profiling=True)
    """,
}


@pytest.mark.parametrize("code", DEAD.values(), ids=DEAD)
def test_a_configuration_that_nobody_takes_is_dead(code: str) -> None:
    (finding,) = found(code, "CHK104")
    assert finding.severity == "warning"


def test_a_function_that_nobody_calls_is_dead() -> None:
    code = """
    import tensorflow as tf
    def npu_configuration():
        config = tf.ConfigProto()
        op = config.graph_options.rewrite_options.custom_optimizers.add()
        op.name = "NpuOptimizer"
        return config
    """
    assert places(code, "CHK104") == ["note 4"]


@pytest.mark.parametrize(
    "files",
    [
        HEAD + TAIL,
        HEAD + "print(config)\n",
        HEAD + "settings = {'config': config}\n",
        {"setup.py": HEAD, "train.py": "from setup import config\nprint(config)\n"},
        {"setup.py": HEAD, "train.py": "import setup\nprint(setup.config)\n"},
        """
        from npu_bridge.npu_init import *
        class Trainer:
            def __init__(self):
                self.profiling = ProfilingConfig(enable_profiling=True)
            def train(self):
                return NPURunConfig(profiling_config=self.profiling)
        """,
    ],
)
def test_a_configuration_that_somebody_takes_is_not_dead(files: str | dict[str, str]) -> None:
    assert found(files, "CHK104") == []


def test_remapping_and_memory_optimization_have_to_be_off() -> None:
    assert places(HEAD + OFF + TAIL, "CHK105") == []
    messages = [f.message for f in found(HEAD + TAIL, "CHK105")]
    assert len(messages) == 2
    assert "remapping" in "".join(messages) and "memory_optimization" in "".join(messages)
    stays = (HEAD + OFF + TAIL).replace(
        "memory_optimization = RewriterConfig.OFF", "memory_optimization = RewriterConfig.ON"
    )
    assert places(stays, "CHK105") == ["error 9"]


def test_the_adapter_may_switch_them_off() -> None:
    code = (HEAD + TAIL).replace("config=config", "config=npu_config_proto(config)")
    code = code.replace("import npu_bridge", "from npu_bridge.npu_init import npu_config_proto")
    told = {cann: len(found(code, "CHK105", cann)) for cann in ("5.0.1", "5.0.4", "7.0")}
    assert told == {"5.0.1": 1, "5.0.4": 0, "7.0": 1}


def test_the_adapter_has_to_be_imported() -> None:
    bare = (HEAD + OFF + TAIL).replace("import npu_bridge\n", "")
    assert places(bare, "CHK106") == ["error 5"]
    assert found({"train.py": bare, "run.py": "import npu_bridge\nimport train\n"}, "CHK106") == []
    (finding,) = found({"train.py": bare, "other.py": "import npu_bridge\n"}, "CHK106")
    assert finding.path == "train.py"


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        ("config = tf.ConfigProto(device_count={'NPU': 1})", True),
        ("config = tf.ConfigProto(device_count={'CPU': 4, 'Ascend': 1})", True),
        ("config.device_count['NPU'] = 1", True),
        ("config = tf.ConfigProto(device_count={'CPU': 1})", False),
        ("config = tf.ConfigProto(device_count={'GPU': 0})", False),
        ("device_count = {'NPU': 1}", False),
    ],
)
def test_a_count_of_npus_has_no_effect(line: str, is_told: bool) -> None:
    code = f"import tensorflow as tf\n{line}\n"
    assert places(code, "CHK107") == (["warning 2"] if is_told else [])


def test_inference_mode_in_training_is_an_error() -> None:
    line = '["graph_run_mode"].i = 0'
    assert places(option(line), "CHK109") == ["error 8"]
    evaluating = option(line).replace(
        "step = tf.train.AdamOptimizer(1e-3).minimize(tf.Variable(1.0))",
        "step = tf.train.Saver([tf.Variable(1.0)]).restore",
    )
    assert places(evaluating, "CHK109") == []


@pytest.mark.parametrize(
    ("imports", "use", "told"),
    [
        ("from libs import util\nfrom npu_bridge.npu_init import *", "util.load()", True),
        ("import session\nfrom npu_bridge.npu_init import *", "session.start()", True),
        ("from npu_bridge.npu_init import *\nfrom libs import util", "util.load()", False),
        ("from libs import util\nfrom npu_bridge.npu_init import *", "print(1)", False),
        ("import os\nfrom npu_bridge.npu_init import *", "os.getcwd()", False),
        ("import tensorflow as tf\nfrom npu_bridge.npu_init import *", "tf.constant(1)", False),
        ("from libs import util\nfrom npu_bridge.npu_init import tf", "util.load()", False),
        (
            "from tensorflow.python.keras import backend\nfrom npu_bridge.npu_init import *",
            "backend.clear_session()",
            False,
        ),
    ],
)
def test_names_that_the_star_import_replaces(imports: str, use: str, told: bool) -> None:
    code = f"{imports}\n{use}\n"
    files = {"train.py": code, "libs/__init__.py": "", "libs/util.py": "", "session.py": ""}
    assert places(files, "CHK110") == (["error 2"] if told else [])


def test_the_star_import_brings_what_the_release_has() -> None:
    code = "from mine import backend\nfrom npu_bridge.npu_init import *\nbackend.run()\n"
    files = {"train.py": code, "mine/__init__.py": "", "mine/backend.py": ""}
    assert places(files, "CHK110", "5.0.4") == []
    assert places(files, "CHK110", "5.1.RC1") == ["error 2"]


@pytest.mark.parametrize(
    ("code", "since"),
    [
        ("from npu_bridge.npu_init import npu_config_proto\n", "5.0.1"),
        ("from npu_bridge.npu_init import *\nhooks = npu_hooks_append()\n", "5.0.1"),
        ("from npu_bridge.estimator.npu.npu_config import MemoryConfig\n", "5.1.RC2"),
        ("from npu_bridge.estimator.npu import npu_convert_dropout\n", "5.0.3"),
        ("import npu_bridge.estimator.npu.npu_convert_dropout\n", "5.0.3"),
        ("from npu_bridge.npu_init import *\nc = NPURunConfig(deterministic=1)\n", "6.3.RC1"),
    ],
)
def test_names_of_the_adapter_belong_to_releases(code: str, since: str) -> None:
    from migrate.runtime import CANN_RELEASES

    names = [release.name for release in CANN_RELEASES]
    place = names.index(since)
    assert found(code, "CHK111", names[place]) == []
    assert found(code, "CHK111", "7.0") == []
    (finding,) = found(code, "CHK111", names[place - 1])
    assert finding.severity == "error"
    assert CANN_RELEASES[place].adapter in finding.advice or "r1.2.0" in finding.advice


def test_an_argument_that_went_away_is_an_error() -> None:
    code = "from npu_bridge.npu_init import *\nconfig = NPURunConfig(auto_tune_mode='RL,GA')\n"
    assert places(code, "CHK111", "6.0.RC1") == []
    (finding,) = found(code, "CHK111", "6.0.1")
    assert "auto_tune_mode" in finding.message and "r1.10.0" in finding.advice


def test_an_import_inside_try_chooses_by_itself() -> None:
    code = """
    try:
        from npu_bridge.npu_init import npu_config_proto
    except ImportError:
        npu_config_proto = None
    """
    assert found(code, "CHK111", "20.2") == []


def test_host_operators_need_mixed_compilation() -> None:
    code = """
    import tensorflow as tf
    from npu_bridge.npu_init import *

    def train(names):
        image = tf.py_func(open, [names], tf.float32)
        step = tf.train.AdamOptimizer(1e-3).minimize(image)
        with tf.Session(config=npu_config_proto()) as sess:
            sess.run(step)
    """
    (finding,) = found(code, "CHK112")
    assert finding.severity == "warning" and "tf.py_func" in finding.message
    mixed = code.replace("names):", "names, mix_compile_mode=True):")
    assert found(mixed, "CHK112") == []
    on_host = code.replace("config=npu_config_proto()", "").replace("npu_init", "estimator")
    assert found(on_host, "CHK112") == []
    piped = code.replace(
        "tf.py_func(open, [names], tf.float32)",
        "tf.data.Dataset.from_tensors(names).map(lambda n: tf.py_func(open, [n], tf.float32))",
    )
    assert found(piped, "CHK112") == []
