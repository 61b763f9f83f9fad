"""Configurations of an NPUEstimator, with the checks that the adapter makes in Python.

Source: adapter, npu_bridge/estimator/npu/npu_config.py, r1.1.1 to r1.15.0.
"""

import enum
import inspect
import json
import os

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator import settings
from npu_simulator.adapter import util
from npu_simulator.options import release_order
from tensorflow.core.protobuf import rewriter_config_pb2
from tensorflow.python.training import server_lib
from tensorflow_estimator.python.estimator.run_config import RunConfig

_OFF = rewriter_config_pb2.RewriterConfig.OFF
_OF_RUN_CONFIG = (
    "model_dir tf_random_seed save_summary_steps save_checkpoints_steps save_checkpoints_secs "
    "session_config keep_checkpoint_max keep_checkpoint_every_n_hours train_distribute "
    "eval_distribute"
).split()


class NPURunConfig(RunConfig):
    """tf.estimator.RunConfig with the options of a session on the NPU.

    Args:
        given: all arguments that the release has; `options` keeps them, by name.

    Raises:
        TypeError, ValueError: with the adapter's own words.
    """

    def __init__(self, **given):
        loops, mixed = given["iterations_per_loop"], given["mix_compile_mode"]
        util.check_positive_integer(loops, "iterations_per_loop")
        if not isinstance(mixed, bool):
            error = TypeError if _since("r1.13.0") else ValueError
            raise error('"mix_compile_mode" type must be bool')
        if mixed and loops != 1:
            raise ValueError('"iterations_per_loop" must be 1 with "mix_compile_mode" is True')
        if _since("r1.13.0") and not isinstance(given["jit_compile"], str):
            raise TypeError("Expected str, got " + type(given["jit_compile"]).__name__)
        distribute = _check_cluster(given["distribute"], mixed)
        if not isinstance(given["horovod_mode"], bool):
            raise ValueError('"horovod_mode" type must be bool')
        util.check_nonnegative_integer(given["graph_run_mode"], "graph_run_mode")
        if given["graph_run_mode"] > 1:
            raise ValueError('"graph_run_mode" value must be 0 or 1')
        util.check_nonnegative_integer(given["enable_exception_dump"], "enable_exception_dump")
        _check_type(given, "dump_config", DumpConfig, "`dump_config` must be provided with type ")
        text = "`experimental_config` must be provided with type "
        _check_type(given, "experimental_config", ExperimentalConfig, text)
        if not isinstance(given.get("dynamic_input_config"), (DynamicInputConfig, type(None))):
            raise ValueError("dynamic_input_config must be provided with type DynamicInputConfig")

        if given["save_checkpoints_secs"] is None and given["save_checkpoints_steps"] is None:
            given["save_checkpoints_steps"] = 100
        self.options = given
        self.iterations_per_loop = loops
        self.mix_compile_mode = mixed
        self.horovod_mode = given["horovod_mode"]
        self.graph_run_mode = given["graph_run_mode"]
        super().__init__(
            experimental_distribute=distribute,
            **{key: given[key] for key in _OF_RUN_CONFIG if key in given},
        )


def _check_cluster(distribute, mixed):
    """Checks the mode with parameter servers, and returns what goes on to RunConfig."""
    cluster = server_lib.ClusterSpec(
        json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    )
    servers = isinstance(distribute, tf.distribute.experimental.ParameterServerStrategy)
    if bool(cluster) != servers:
        raise ValueError('"cluster" and "distribute" must all be set in ps mode')
    if cluster and not mixed:
        raise ValueError('"mix_compile_mode" can only be True with "cluster" is set')
    if not cluster:
        return None
    from tensorflow.contrib.distribute import DistributeConfig

    return DistributeConfig(distribute, distribute, None)


def _check_type(given, name, kind, text):
    if given.get(name) is not None and not isinstance(given[name], kind):
        raise ValueError("%s`%s`" % (text, kind.__name__))


def _since(release):
    return release_order(settings.read().adapter) >= release_order(release)


class _Options:
    """Arguments kept as they are; `options` has them by name."""

    def __init__(self, **given):
        self.options = given


class ProfilingConfig(_Options):
    """What to profile."""

    def __init__(self, **given):
        super().__init__(**given)


class MemoryConfig(_Options):
    """How to use memory."""

    def __init__(self, **given):
        super().__init__(**given)


class DumpConfig(_Options):
    """What to dump, and where."""

    def __init__(self, **given):
        super().__init__(**given)


class DynamicInputConfig(_Options):
    """Shapes of inputs that change."""

    def __init__(self, **given):
        super().__init__(**given)


class GraphParallelConfig(_Options):
    """Whether to split a graph over devices."""

    def __init__(self, **given):
        super().__init__(**given)


class GraphMemoryOptimizeConfig(_Options):
    """How to save memory in a graph: "auto" or "manual"."""

    def __init__(self, **given):
        for name in ("recompute", "graph_slice"):
            if given.get(name) not in (None, "auto", "manual"):
                raise ValueError("%s should be in ['auto', 'manual']" % name)
        super().__init__(**given)


class ExperimentalConfig(_Options):
    """Options that may change."""

    def __init__(self, **given):
        memory = given.get("graph_memory_optimize_config")
        if memory is not None and not isinstance(memory, GraphMemoryOptimizeConfig):
            raise ValueError("graph_memory_optimize_config type must be GraphMemoryOptimizeConfig")
        super().__init__(**given)


class NpuExecutePlacement(enum.Enum):
    """Where an operator runs."""

    ALL = "all"
    CUBE = "cube"
    VECTOR = "vector"
    TAISHAN = "taishan"
    DVPP = "dvpp"
    HOST = "host"


def configure(config):
    """Makes a session configuration one for the NPU, in place, as npu_config_proto does.

    memory_optimization is left alone up to r1.5.0, always OFF up to r1.8.0, and later OFF where
    there was no NpuOptimizer entry yet.

    Args:
        config: tf.ConfigProto.
    """
    rewrite = config.graph_options.rewrite_options
    entries = [entry for entry in rewrite.custom_optimizers if entry.name == "NpuOptimizer"]
    if not entries:
        rewrite.custom_optimizers.add(name="NpuOptimizer")
    if _since("r1.6.0") and not (entries and _since("r1.9.0")):
        rewrite.memory_optimization = _OFF
    config.allow_soft_placement = True
    config.log_device_placement = False
    rewrite.remapping = _OFF
    config.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.OFF


def set_npu_default_config(func, args, kwargs):
    """Puts the configuration of a session, made one for the NPU, among the named arguments.

    Args:
        func: a session's __init__.
        args: positional arguments, without self.
        kwargs: named arguments; changed.

    Returns:
        Both.

    Raises:
        AttributeError: None is given for the configuration by position, as in the real adapter.
    """
    place = list(inspect.signature(func).parameters).index("config") - 1
    config = kwargs.get("config")
    if config is None:
        config = args[place] if len(args) > place else tf.ConfigProto()
    config.graph_options  # noqa: B018 - where None is given by position, this is the error
    configure(config)
    kwargs["config"] = config
    return args[:place] + args[place + 1 :], kwargs


def decorator_tf_session(func):
    """Returns a session's __init__ that makes it a session on the NPU."""

    def wrapper(self, *args, **kwargs):
        args, kwargs = set_npu_default_config(func, args, kwargs)
        return func(self, *args, **kwargs)

    wrapper.decorated = func
    return wrapper
