"""Names of Huawei's TensorFlow adapter, of HCCL and of a port's own runtime in a port's code.

Authority: adapter, tf_adapter/python/npu_bridge/npu_init.py, releases r1.1.1 to r1.15.0.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from migrate import simulator
from migrate.analysis.module import Module
from migrate.analysis.nodes import spelled
from migrate.simulator.npu_simulator.options import release_order

NPU_INIT = "npu_bridge.npu_init"
_ROOTS = ("npu_bridge", "hccl", "npu_runtime")
_OTHERS = ("= tensorflow", "= os")  # what npu_init imports from elsewhere
# What makes an optimizer reduce its gradients over the devices, or a program reduce by itself:
# the adapter's, and that of a port's runtime, its Horovod on HCCL included.
REDUCERS = frozenset(
    "NPUDistributedOptimizer npu_tf_optimizer npu_keras_optimizer KerasDistributeOptimizer "
    "npu_distributed_optimizer_wrapper npu_allreduce allreduce NPUStrategy "
    "npu_optimizer DistributedOptimizer _allreduce".split()
)
# What gives every rank the same variables to start with; NPUEstimator does it by itself, and so do
# a runtime's sessions and optimizers.
BROADCASTERS = frozenset(
    "NPUBroadcastGlobalVariablesHook NPUBroadcastGlobalVariablesCallback npu_hooks_append "
    "npu_callbacks_append broadcast broadcast_global_variables NPUEstimator "
    "model_to_npu_estimator NPUStrategy npu_optimizer npu_session_config npu_run_config "
    "broadcast_variables BroadcastGlobalVariablesHook BroadcastGlobalVariablesCallback".split()
)
RANKS = frozenset(
    "get_rank_id get_npu_rank_id get_local_rank_id get_npu_local_rank_id get_rank_size "
    "get_npu_rank_size rank size local_rank local_size".split()
)
# What gives a rank its part of the data.
SHARDERS = frozenset({"npu_shard"})
LOSS_SCALERS = frozenset(
    "NPULossScaleOptimizer FixedLossScaleManager ExponentialUpdateLossScaleManager "
    "npu_optimizer".split()
)
# Configurations whose session goes to the device.
CONFIGURERS = frozenset(
    "npu_config_proto npu_run_config_init NPURunConfig npu_session_config npu_run_config".split()
)
KERAS_SESSIONS = frozenset(
    "set_keras_session_npu_config npu_clear_session use_npu_keras_session "
    "model_to_npu_estimator init_resource".split()
)
_SURFACE = Path(simulator.__file__).parent / "npu_simulator" / "surface.json"

# Module, name in it, and the spans of releases that have it: first, last, signature or origin.
Surface = Mapping[str, Mapping[str, Sequence[Sequence[str]]]]


@cache
def surface() -> Surface:
    """Every public name of npu_bridge; the name "" is the module itself.

    A span is [first release, last release or "" if it still lasts, signature, or "= " and what it
    is imported from].
    """
    table: Surface = json.loads(_SURFACE.read_text("ascii"))
    return table


def described(module: str, name: str, release: str) -> str | None:
    """Signature or origin of a name in one release; None where the release lacks it."""
    place = release_order(release)
    for first, last, *rest in surface().get(module, {}).get(name, ()):
        if release_order(first) <= place and (not last or place <= release_order(last)):
            return "".join(rest)
    return None


def releases_with(module: str, name: str) -> str:
    """The releases that have a name, in words; empty for a name of none."""
    return spans_in_words(surface().get(module, {}).get(name, ()))


def spans_in_words(spans: Sequence[Sequence[str]]) -> str:
    """The releases that consecutive spans cover; empty for none."""
    if not spans:
        return ""
    first, last = spans[0][0], spans[-1][1]
    if not last:
        return f"{first} on"
    return first if first == last else f"{first} to {last}"


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
        return node.id if _is_own(node.id) else ""
    # hccl_ops.allreduce and the like
    return node.attr if isinstance(node, ast.Attribute) and _is_own(plain.id) else ""


def _is_own(name: str) -> bool:
    """Whether npu_init has a name that is not another library's."""
    spans = surface()[NPU_INIT].get(name, ())
    return bool(spans) and not "".join(spans[-1][2:]).startswith(_OTHERS)


def calls_of(module: Module, names: frozenset[str]) -> Iterator[tuple[ast.Call, str]]:
    """The calls of any of the adapter's plain names."""
    for call, _ in module.calls:
        func = call.func
        called = spelled(func)
        if called in names and name_of(module, func) == called:
            yield call, called
