"""What a port does about several devices, in code, scripts and its README."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.imported import imports_tensorflow
from migrate.analysis.module import Module
from migrate.verify.static.adapter import RANKS, REDUCERS, SHARDERS, calls_of
from migrate.verify.static.check import Context

_RANK = re.compile(r"RANK_ID|DEVICE_INDEX|RANK_SIZE")
_SEVERAL = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?:RANK_SIZE|rank_size|DEVICE_NUM|device_num)="
    r"[\"']?(?:\$\{\w+:-)?(\d+)",
    re.M,
)
# Methods, and arguments of readers, that give a rank its part.
_SHARDING = (
    "shard",
    "shard_index",
    "num_input_pipelines",
    "input_pipeline_id",
    "experimental_distribute_dataset",
)
_REDUCER_TEXTS = tuple(name.encode() for name in sorted(REDUCERS))


def reducing_calls(context: Context) -> Iterator[tuple[Module, ast.Call, str]]:
    """The calls that reduce gradients over the devices, or make an optimizer do so."""
    for module in context.modules(*_REDUCER_TEXTS):
        for call, name in calls_of(module, REDUCERS):
            yield module, call, name


def shards(context: Context) -> bool:
    """Whether some code takes a rank's part of the data: ``dataset.shard`` or its kin."""
    sharders = tuple(name.encode() for name in sorted(SHARDERS))
    if any(True for module in context.modules(*sharders) for _ in calls_of(module, SHARDERS)):
        return True
    return any(
        (isinstance(node, ast.Attribute) and node.attr in _SHARDING)
        or (isinstance(node, ast.keyword) and node.arg in _SHARDING)
        for module in context.modules(*(name.encode() for name in _SHARDING))
        for node in module.nodes
    )


def asks_for_rank(context: Context) -> bool:
    """Whether some code asks which rank it is, or how many there are."""
    names = tuple(name.encode() for name in sorted(RANKS) if name.startswith("get_"))
    others = (b"npu_runtime", b"RANK_ID", b"RANK_SIZE", b"DEVICE_INDEX")
    for module in context.modules(*names, *others):
        if any(True for _ in calls_of(module, RANKS)):
            return True
        if any(
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and _RANK.fullmatch(node.value)
            for node in module.nodes
        ):
            return True
    return False


def several_devices(context: Context) -> Iterator[tuple[str, int, int]]:
    """Path, line and number of devices, where a shell script asks for more than one."""
    for path, text in context.texts(".sh"):
        for found in _SEVERAL.finditer(text):
            if int(found[1]) > 1:
                yield path, text.count("\n", 0, found.start()) + 1, int(found[1])
                break


def uses_tensorflow(context: Context) -> bool:
    """Whether any file imports TensorFlow; other frameworks have ways of their own."""
    return any(imports_tensorflow(module) for module in context.modules(b"tensorflow", b"keras"))
