"""Session configurations: which sessions run on the NPU, and which stay on the host.

The adapter reads its options from a custom graph optimizer named NpuOptimizer in the session's
ConfigProto (adapter: tf_adapter/util/npu_attrs.cc). It ignores what it does not know, and a
session without that entry trains on the CPU without a word. So each session of this port says
explicitly where it runs.
"""

import tensorflow.compat.v1 as tf  # The same classes, without warnings that they are deprecated.
from tensorflow.core.protobuf import rewriter_config_pb2

from . import defaults, ranks, settings, steps
from .options import session_options
from .rank_values import npu_seed

_OPTIMIZER = "NpuOptimizer"  # Exactly this name: the adapter ignores any other.


def npu_session_config(config=None, mix_compile_mode=False):
    """Configures a session to run on the NPU.

    Args:
        config: tf.ConfigProto or None. Copied, never changed. Options that its own NpuOptimizer
            entry has are kept, apart from use_off_line.
        mix_compile_mode: whether operators that the NPU does not support run on the host instead
            of failing; the environment variable NPU_MIX_COMPILE overrides it. False keeps what
            the NpuOptimizer entry of `config` says, or what was fixed for the whole port.

    Returns:
        A new tf.ConfigProto. With NPU_DEVICE=host, a plain copy of `config`.

    Raises:
        TypeError: `config` is something else.
        SettingError: an environment variable has an illegal value.
        OSError: a folder or file that an environment variable names cannot be made.
        RuntimeError: there is no adapter to run it.
    """
    result = _copied(config)
    several = ranks.size() > 1
    steps.time_steps()
    if settings.on_host():
        return result
    load_adapter()
    if several:
        from . import distribution  # It needs what is here.

        distribution.train_together()

    options = _npu_options(result)
    _set_chosen(options)
    options["use_off_line"].b = True
    own = "mix_compile_mode" in options  # Reading a key that is missing would add it.
    asked = mix_compile_mode or (own and options["mix_compile_mode"].b)
    mixed = settings.mix_compile(asked or defaults.MIX_COMPILE_MODE)
    if mixed or own:
        options["mix_compile_mode"].b = mixed

    # Both conflict with what the NPU does to the graph (CANN, TensorFlow 1.15 Model Porting,
    # "Quick Start"). The adapter's own npu_config_proto leaves memory_optimization on up to
    # r1.5.0, and from r1.9.0 wherever there is an NpuOptimizer entry already. The documented OFF
    # is 2, which the latter field prints as MANUAL: only what is marked by hand is optimized.
    rewrite = result.graph_options.rewrite_options
    rewrite.remapping = rewriter_config_pb2.RewriterConfig.OFF
    rewrite.memory_optimization = rewriter_config_pb2.RewriterConfig.OFF
    # XLA must not compile what the NPU is to run, and a device pin that is left must not stop the
    # program (adapter r1.3.0: npu_config_proto sets the same two).
    result.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.OFF
    result.allow_soft_placement = True
    return result


def host_session_config(config=None):
    """Configures a session that only reads or prepares data, to stay on the host.

    From adapter r1.9.0 (decorator_tf_session) importing npu_bridge.npu_init anywhere in the
    process makes each session an NPU session, unless its NpuOptimizer entry says
    use_off_line=False.

    Args:
        config: tf.ConfigProto or None. Copied, never changed.

    Returns:
        A new tf.ConfigProto. With NPU_DEVICE=host, a plain copy of `config`.

    Raises:
        TypeError: `config` is something else.
        SettingError: an environment variable has an illegal value.
    """
    result = _copied(config)
    if not settings.on_host():
        _npu_options(result)["use_off_line"].b = False
    return result


def npu_run_config(config=None, mix_compile_mode=False):
    """Configures an Estimator to run on the NPU.

    Args:
        config: tf.estimator.RunConfig or None. Not changed. The configuration that an Estimator
            itself uses where there is no session_config is kept.
        mix_compile_mode: as in npu_session_config.

    Returns:
        A new RunConfig of the same class, whose session_config went through npu_session_config,
        and whose tf_random_seed is this rank's (npu_seed).

    Raises:
        TypeError: `config` is something else; the others are those of npu_session_config.
    """
    from tensorflow_estimator.python.estimator.run_config import get_default_session_config

    if config is None:
        config = tf.estimator.RunConfig()
    elif not isinstance(config, tf.estimator.RunConfig):
        raise TypeError("config must be a tf.estimator.RunConfig or None, not %r" % (config,))
    session_config = config.session_config
    if session_config is None:
        session_config = get_default_session_config()
    return config.replace(
        session_config=npu_session_config(session_config, mix_compile_mode),
        tf_random_seed=npu_seed(config.tf_random_seed),
    )


def use_npu_keras_session(config=None, mix_compile_mode=False):
    """Makes tf.keras, and Keras 2.3 on top of it, run in an NPU session from now on.

    Call it before a model is built, and again after tf.keras.backend.clear_session(): Keras
    otherwise makes itself a session without the NPU configuration.

    Args:
        config: tf.ConfigProto or None, which means the configuration that Keras itself uses.
        mix_compile_mode: as in npu_session_config.

    Returns:
        The tf.Session, which the caller closes at the end.

    Raises:
        Those of npu_session_config.
    """
    from tensorflow.python.keras.backend import get_default_session_config

    if config is None:
        config = get_default_session_config()
    session = tf.Session(config=npu_session_config(config, mix_compile_mode))
    tf.keras.backend.set_session(session)
    return session


def _copied(config):
    if config is not None and not isinstance(config, tf.ConfigProto):
        raise TypeError("config must be a tf.ConfigProto or None, not %r" % (config,))
    copy = tf.ConfigProto()
    if config is not None:
        copy.CopyFrom(config)
    return copy


def _npu_options(config):
    """Returns the options of the one NpuOptimizer entry, which it adds where there is none.

    Several entries become one, a later one winning, which is how npu_attrs.cc reads them.
    """
    optimizers = config.graph_options.rewrite_options.custom_optimizers
    places = [place for place, entry in enumerate(optimizers) if entry.name == _OPTIMIZER]
    if not places:
        return optimizers.add(name=_OPTIMIZER).parameter_map
    first = optimizers[places[0]]
    for place in places[1:]:
        first.MergeFrom(optimizers[place])
    for place in reversed(places[1:]):
        del optimizers[place]
    return first.parameter_map


def _set_chosen(options):
    """Sets what the environment chooses; what was fixed for the port gives way to upstream's."""
    precision = [key for key in ("precision_mode", "precision_mode_v2") if key in options]
    for key, value in session_options().items():
        if key.startswith("precision_mode"):
            if precision and not settings.is_set("NPU_PRECISION_MODE"):
                continue
            for other in precision:
                del options[other]
        if isinstance(value, bool):
            options[key].b = value
        else:
            options[key].s = tf.compat.as_bytes(value)


class AdapterError(SystemExit, RuntimeError):
    """There is no adapter; shown without a traceback, as a SettingError is."""


def load_adapter():
    """Imports npu_bridge, which loads the adapter's operators and graph passes.

    Only npu_bridge: in every release it loads _tf_adapter.so and fails with ImportError where
    that does not load (npu_bridge/helper/helper.py). npu_bridge.npu_init is left alone, since
    from r1.9.0 it patches every session of the process.

    Raises:
        AdapterError: it cannot be imported.
    """
    try:
        import npu_bridge  # noqa: F401
    except ImportError as error:
        raise AdapterError(
            "No NPU to train on: npu_bridge cannot be imported (%s).\n"
            "This port was made for CANN %s: source its set_env.sh scripts (by default in\n"
            "/usr/local/Ascend/ascend-toolkit and /usr/local/Ascend/tfplugin), or install its\n"
            "TensorFlow adapter (%s). To train on CPU or GPU on purpose, set NPU_DEVICE=host."
            % (error, defaults.CANN_RELEASE, defaults.ADAPTER_RELEASE)
        ) from error
