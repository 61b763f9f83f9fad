import pytest

from tests.codemods.support import check_noop, check_port

CODE = "NPU406"
HEAD = "import tensorflow as tf\nconfig = tf.ConfigProto()\nuse(config)\n"
LEVEL = "config.graph_options.optimizer_options.global_jit_level"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{LEVEL} = tf.OptimizerOptions.ON_1", ""),
        (f"{LEVEL} = 1", ""),
        (f"if args.xla:\n    {LEVEL} = tf.OptimizerOptions.ON_2", ""),
        ("o = tf.OptimizerOptions(global_jit_level=tf.OptimizerOptions.ON_1)",
         "o = tf.OptimizerOptions()"),
        ("o = tf.OptimizerOptions(\n    opt_level=0,\n    global_jit_level=2,  # all\n)",
         "o = tf.OptimizerOptions(\n    opt_level=0,\n    # all\n)"),
        ("o = tf.OptimizerOptions()\nuse(o)\no.global_jit_level = 1",
         "o = tf.OptimizerOptions()\nuse(o)"),
        ("with tf.contrib.compiler.jit.experimental_jit_scope(): pass",
         "with tf.contrib.compiler.jit.experimental_jit_scope(compile_ops=False): pass"),
        ("from tensorflow.contrib.compiler import jit\n"
         "with jit.experimental_jit_scope(True, separate_compiled_gradients=True): pass",
         "from tensorflow.contrib.compiler import jit\n"
         "with jit.experimental_jit_scope(False, separate_compiled_gradients=True): pass"),
        ("with tf.xla.experimental.jit_scope(compile_ops=args.xla): pass",
         "with tf.xla.experimental.jit_scope(compile_ops=False): pass"),
        ("with tf.xla.experimental.jit_scope(separate_compiled_gradients=True): pass",
         "with tf.xla.experimental.jit_scope(separate_compiled_gradients=True, "
         "compile_ops=False): pass"),
        ("with tf.xla.experimental.jit_scope(\n    separate_compiled_gradients=True,\n): pass",
         "with tf.xla.experimental.jit_scope(\n    separate_compiled_gradients=True,\n"
         "    compile_ops=False,\n): pass"),
        ("tf.config.optimizer.set_jit(True)", ""),
        ("import os\nos.environ['TF_XLA_FLAGS'] = '--tf_xla_auto_jit=2'", ""),
        ("import os\nos.environ['XLA_FLAGS'] = '--xla_hlo_profile'", ""),
        ("import os\nos.environ['TF_XLA_FLAGS'] += ' --tf_xla_auto_jit=2'", ""),
    ],
)  # fmt: skip
def test_forms(before: str, after: str) -> None:
    check_port(HEAD + before + "\n", HEAD + after + ("\n" if after else ""), CODE)


@pytest.mark.parametrize(
    "source",
    [
        f"{LEVEL} = tf.OptimizerOptions.OFF",
        f"{LEVEL} = -1",
        "o = tf.OptimizerOptions(global_jit_level=tf.OptimizerOptions.OFF)",
        "o = tf.OptimizerOptions(opt_level=0)",
        "with tf.xla.experimental.jit_scope(compile_ops=False): pass",
        "tf.config.optimizer.set_jit(False)",
        "with jit_scope(): pass",
        "model.global_jit_level = 1",
        "import numba\n@numba.jit\ndef f(x): return x",
        "import jax\nf = jax.jit(g)",
    ],
)
def test_others_stay(source: str) -> None:
    assert not check_noop(HEAD + source + "\n", CODE).findings


@pytest.mark.parametrize(
    "source",
    [
        "tf.xla.experimental.compile(f, [x])",
        "from tensorflow.contrib.compiler import xla\nxla.compile(f, [x])",
        f"{LEVEL} = pick()",
        "use(tf.config.optimizer.set_jit(True))",
    ],
)
def test_what_stays_by_necessity_is_a_warning(source: str) -> None:
    assert check_noop(HEAD + source + "\n", CODE).codes("warning") == [CODE]
