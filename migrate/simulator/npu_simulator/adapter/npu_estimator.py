"""The Estimator that trains on the NPU.

Source: adapter, npu_bridge/estimator/npu/npu_estimator.py.
"""

import json
import os
import random
import string
import sys

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator import options, settings
from npu_simulator.adapter import npu_common, npu_hook, system, util
from npu_simulator.adapter.npu_config import NPURunConfig
from tensorflow.python.util import function_utils
from tensorflow_estimator.python.estimator import estimator as estimator_lib

_OPTIMIZERS = (
    "pruning function constfold shape arithmetic loop dependency layout GradFusionOptimizer"
).split()
# Arguments of NPURunConfig that are no options of a session, or that are read elsewhere.
_NO_OPTIONS = frozenset(
    "profiling_config dump_config dynamic_input_config memory_config experimental_config "
    "distribute_config work_path horovod_mode".split()
)


class no_check_override:
    """Lets an Estimator override what Estimators must not."""

    def __enter__(self):
        self._original = estimator_lib.Estimator._assert_members_are_not_overridden
        estimator_lib.Estimator._assert_members_are_not_overridden = lambda self: None

    def __exit__(self, *exception):
        estimator_lib.Estimator._assert_members_are_not_overridden = self._original


class NPUEstimatorSpec(tf.estimator.EstimatorSpec):
    """tf.estimator.EstimatorSpec with a function that runs on the host.

    Args:
        host_call: (function, tensors), where tensors are a list or dict of its arguments; the
            function makes operators, such as summaries.

    Raises:
        ValueError, TypeError, RuntimeError: host_call is something else.
    """

    def __new__(cls, host_call=None, **kwargs):
        if host_call is not None:
            _check_host_call(host_call)
        spec = super().__new__(cls, **kwargs)
        spec._host_call = host_call
        return spec

    def _replace(self, **kwargs):
        spec = super()._replace(**kwargs)
        spec._host_call = self._host_call
        return spec


def _check_host_call(host_call):
    if not isinstance(host_call, (tuple, list)):
        raise ValueError("host_call should be tuple or list")
    if len(host_call) != 2:
        raise ValueError("host_call should have two elements.")
    function, tensors = host_call
    if not callable(function):
        raise TypeError("host_call[0] should be callable.")
    if not isinstance(tensors, (tuple, list, dict)):
        raise ValueError("host_call[1] should be tuple or list, or dict.")
    if not isinstance(tensors, dict):
        count = len(function_utils.fn_args(function))
        if not function_utils.has_kwargs(function) and len(tensors) != count:
            raise RuntimeError(
                "In NPUEstimatorSpec.host_call, length of tensors %d does not match method args "
                "of the function, which takes %d." % (len(tensors), count)
            )


class NPUEstimator(tf.estimator.Estimator):
    """tf.estimator.Estimator whose sessions run on the NPU.

    Args:
        model_fn: as of Estimator; may return an NPUEstimatorSpec.
        model_dir: folder of checkpoints.
        config: NPURunConfig.
        params: as of Estimator.
        job_start_file: JSON file that describes the job; "" for the environment.
        warm_start_from: as of Estimator.

    Raises:
        ValueError: no NPURunConfig, no JOB_ID in the environment, or two different folders.
    """

    def __init__(
        self,
        model_fn=None,
        model_dir=None,
        config=None,
        params=None,
        job_start_file="",
        warm_start_from=None,
    ):
        if not isinstance(config, NPURunConfig):
            raise ValueError("`config` must be provided with type `NPUConfigs`")
        estimator_lib._verify_model_fn_args(model_fn, params)
        config = _with_options(config)
        job = npu_common.NPUBasics(job_start_file).jobinfo
        if job is None:
            raise ValueError(
                "Load job info failed, please check whether `JOB_ID` is set in environment variable"
            )
        model_dir = _model_dir(model_dir, config)
        system.initialize()
        warm_start_from = (
            warm_start_from or job._local_checkpoint_dir or os.getenv("RESTORE_FROM") or None
        )
        with no_check_override():
            super().__init__(
                model_fn=_with_hooks(model_fn, model_dir, config, job),
                model_dir=model_dir,
                config=config,
                params=params or {},
                warm_start_from=warm_start_from,
            )


def _model_dir(given, config):
    if given is not None and config.model_dir is not None and given != config.model_dir:
        raise ValueError(
            "model_dir are set both in NPUEstimator and NPURunConfig, but with different values. "
            "In constructor: '%s', in NPURunConfig: '%s' " % (given, config.model_dir)
        )
    folder = given or config.model_dir
    if folder is None:
        # Not the program's own random numbers, whose order must stay that of upstream.
        letters = random.SystemRandom().sample(string.ascii_letters + string.digits, 10)
        folder = os.path.join(os.getcwd(), "model_dir_" + "".join(letters))
        os.mkdir(folder)
    return folder


def _with_hooks(model_fn, model_dir, config, job):
    """Returns a model_fn whose result has the hooks of the NPU, before its own."""

    def wrapper(features, labels, mode, params):
        known = {"labels": labels, "mode": mode, "params": params, "config": config}
        wanted = function_utils.fn_args(model_fn)
        spec = model_fn(features, **{key: known[key] for key in wanted if key in known})
        if mode == tf.estimator.ModeKeys.PREDICT:
            return spec
        if not isinstance(spec, tf.estimator.EstimatorSpec):
            raise RuntimeError(
                "estimator_spec used by NPU %s must have type `NPUEstimatorSpec` or "
                "`EstimatorSpec`. Got %s" % ({"eval": "evaluate"}.get(mode, mode), type(spec))
            )
        training = mode == tf.estimator.ModeKeys.TRAIN
        hooks = _training_hooks(model_dir, config, job) if training else []
        if isinstance(spec, NPUEstimatorSpec):
            spec = _with_host_call(spec, mode, hooks)
        if not training:
            return spec._replace(evaluation_hooks=(*hooks, *(spec.evaluation_hooks or ())))
        if config.iterations_per_loop > 1:
            hooks.append(npu_hook.SetIterationsVarHook(config.iterations_per_loop))
            spec = spec._replace(train_op=tf.group(spec.train_op, name="IterationOp"))
        return spec._replace(training_hooks=(*hooks, *(spec.training_hooks or ())))

    return wrapper


def _training_hooks(model_dir, config, job):
    hooks = []
    size = util.get_ranksize()
    if size.isdigit() and int(size) > 1 and not config.horovod_mode:
        device = job._device_info
        hooks.append(npu_hook.NPUBroadcastGlobalVariablesHook(device._root_rank, device._index))
    if config.save_checkpoints_steps or config.save_checkpoints_secs:
        hooks.append(
            npu_hook.NPUCheckpointSaverHook(
                checkpoint_dir=model_dir,
                save_secs=config.save_checkpoints_secs,
                save_steps=config.save_checkpoints_steps,
                saver=tf.train.Saver(max_to_keep=config.keep_checkpoint_max),
            )
        )
    return hooks


def _with_host_call(spec, mode, hooks):
    """Lets the operators of a host_call run with the step, and appends their hooks."""
    if spec._host_call is not None:
        function, tensors = spec._host_call
        before = [spec.train_op] if mode == tf.estimator.ModeKeys.TRAIN else [spec.loss]
        named = tensors if isinstance(tensors, dict) else dict(enumerate(tensors))
        with tf.control_dependencies(before):
            copies = {key: tf.identity(tensor) for key, tensor in named.items()}
        # Outside: what the function makes to begin with must not wait for the training step.
        made = function(**copies) if isinstance(tensors, dict) else function(*copies.values())
        made = list(made) if isinstance(made, (list, tuple)) else [made]
        with tf.control_dependencies(before + [one for one in made if one is not None]):
            spec = spec._replace(loss=tf.identity(spec.loss))
        hooks.append(npu_hook.NPUInfeedOutfeedSessionHook(made, mode))
    hooks.append(npu_hook.NPULogOutfeedSessionHook(sys.stderr))
    return spec


def _with_options(config):
    """Returns the configuration with an NpuOptimizer entry in its session configuration.

    As the adapter does, it appends a new entry even if there is one; of two entries the later
    wins, key by key.
    """
    if config.session_config is None:
        config = config.replace(session_config=tf.ConfigProto())
    rewrite = config.session_config.graph_options.rewrite_options
    rewrite.optimizers.extend(_OPTIMIZERS)
    entry = rewrite.custom_optimizers.add(name="NpuOptimizer")
    adapter = settings.read().adapter
    for key, value in _session_options(config.options).items():
        option = options.option_at(key, adapter)
        if option is None or value is None:
            continue
        if option.field == "s" and key != "insert_op_file":
            # The adapter forgets to encode insert_op_file, which is a TypeError for a str.
            value = tf.compat.as_bytes(value if isinstance(value, bytes) else str(value))
        setattr(entry.parameter_map[key], option.field, value)
    return config


def _session_options(given):
    """Returns {key of the NpuOptimizer entry: value} for the arguments of an NPURunConfig."""
    result = {key: value for key, value in given.items() if key not in _NO_OPTIONS}
    result["use_off_line"] = True
    task = json.loads(os.environ.get("TF_CONFIG") or "{}").get("task", {})
    result["job"] = task.get("type") or "localhost"
    result["task_index"] = int(task.get("index", 0)) if task.get("type") else 0
    if given.get("aoe_mode") is not None or given.get("mstune_mode") is not None:
        result["work_path"] = given.get("work_path") or "./"
        result["distribute_config"] = given.get("distribute_config")

    result.update(enable_dump=False, enable_dump_debug=False)
    if given.get("dump_config") is not None:
        result.update(given["dump_config"].options)
    profiling = given.get("profiling_config")
    if profiling is not None:
        wanted = profiling.options["enable_profiling"]
        result["profiling_mode"] = wanted
        if wanted:
            listed = profiling.options.get("enable_options")
            result["profiling_options"] = (
                util.check_profiling_options(listed)
                if listed is not None
                else profiling.options.get("profiling_options") or ""
            )
            for key in ("fp_point", "bp_point"):
                result[key] = profiling.options.get(key)
    if given.get("memory_config") is not None:
        result.update(given["memory_config"].options)
    shapes = given.get("dynamic_input_config")
    if shapes is not None and None not in shapes.options.values():
        result.update(shapes.options)
    result.update(_experimental_options(given.get("experimental_config")))
    return result


def _experimental_options(config):
    if config is None:
        return {"experimental_logical_device_cluster_deploy_mode": "LB"}
    result = {}
    for name, value in config.options.items():
        if name == "graph_memory_optimize_config":
            if value is not None:
                result["graph_slice"] = value.options.get("graph_slice")
        elif "experimental_" + name in options.OPTIONS:
            result["experimental_" + name] = value
        else:
            result[name] = value
    return result
