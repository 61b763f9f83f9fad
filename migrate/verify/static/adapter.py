"""Names of Huawei's TensorFlow adapter, of HCCL and of a port's own runtime in a port's code.

Authority: adapter, tf_adapter/python/npu_bridge/npu_init.py, releases r1.1.1 to r1.15.0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module

NPU_INIT = "npu_bridge.npu_init"
_ROOTS = ("npu_bridge", "hccl", "npu_runtime")
# What makes an optimizer reduce its gradients over the devices, or a program reduce by itself.
REDUCERS = frozenset(
    "NPUDistributedOptimizer npu_tf_optimizer npu_keras_optimizer KerasDistributeOptimizer "
    "npu_distributed_optimizer_wrapper npu_allreduce allreduce NPUStrategy".split()
)
# What gives every rank the same variables to start with; NPUEstimator does it by itself.
BROADCASTERS = frozenset(
    "NPUBroadcastGlobalVariablesHook NPUBroadcastGlobalVariablesCallback npu_hooks_append "
    "npu_callbacks_append broadcast broadcast_global_variables NPUEstimator "
    "model_to_npu_estimator NPUStrategy".split()
)
RANKS = frozenset(
    "get_rank_id get_npu_rank_id get_local_rank_id get_npu_local_rank_id get_rank_size "
    "get_npu_rank_size".split()
)
LOSS_SCALERS = frozenset(
    "NPULossScaleOptimizer FixedLossScaleManager ExponentialUpdateLossScaleManager".split()
)
# Configurations whose session goes to the device.
CONFIGURERS = frozenset(
    "npu_config_proto npu_run_config_init NPURunConfig npu_session_config npu_run_config".split()
)
KERAS_SESSIONS = frozenset(
    "set_keras_session_npu_config npu_clear_session use_npu_keras_session "
    "model_to_npu_estimator init_resource".split()
)
# Names that the star import binds to what others have under the same name, and since when.
REBOUND = {
    "tf": ("tensorflow", "r1.3.0"),
    "os": ("os", "r1.3.0"),
    "config_pb2": ("tensorflow.core.protobuf.config_pb2", "r1.3.0"),
    "session": ("tensorflow.python.client.session", "r1.3.0"),
    "session_run_hook": ("tensorflow.python.training.session_run_hook", "r1.3.0"),
    "backend": ("tensorflow.python.keras.backend", "r1.8.0"),
    "util": ("npu_bridge.estimator.npu.util", "r1.1.1"),
    "rewriter_config_pb2": ("tensorflow.core.protobuf.rewriter_config_pb2", "r1.1.1"),
}
_STARRED = (
    REDUCERS
    | BROADCASTERS
    | RANKS
    | LOSS_SCALERS
    | CONFIGURERS
    | KERAS_SESSIONS
    | frozenset("NPUOptimizer ProfilingConfig DumpConfig shutdown_resource close_session".split())
)


def name_of(module: Module, node: ast.expr) -> str:
    """The adapter's plain name for what an expression names, such as ``npu_config_proto``.

    Empty where it is no name of the adapter's.
    """
    qualified = module.qualified(node)
    if qualified is not None:
        root = qualified.partition(".")[0].partition("/")[0]
        return qualified.rpartition(".")[2].rpartition(":")[2] if root in _ROOTS else ""
    plain = node
    while isinstance(plain, ast.Attribute):
        plain = plain.value
    if not isinstance(plain, ast.Name) or NPU_INIT not in module.star_imports:
        return ""
    if module.lookup(plain.id, plain) is not None:
        return ""
    if isinstance(node, ast.Name):
        return node.id if node.id in _STARRED else ""
    # hccl_ops.allreduce and the like
    return node.attr if isinstance(node, ast.Attribute) and node.attr in _STARRED else ""


def calls_of(module: Module, names: frozenset[str]) -> Iterator[tuple[ast.Call, str]]:
    """The calls of any of the adapter's plain names."""
    for call, _ in module.calls:
        func = call.func
        called = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if called in names and name_of(module, func) == called:
            yield call, called


def release_order(release: str) -> tuple[int, ...]:
    """Sorts adapter releases such as ``r1.9.0`` and ``r1.15.0``."""
    return tuple(int(part) for part in release.lstrip("r").split("."))
