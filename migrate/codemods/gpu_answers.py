"""What asks for GPUs, and what it answers on an NPU machine."""

from __future__ import annotations

import ast

from migrate.analysis.module import Module
from migrate.analysis.nodes import Function, place_of
from migrate.analysis.project import Project

DEVICE_LIST = "tensorflow.python.client.device_lib.list_local_devices"
ANSWERS = {
    "tensorflow.test.is_gpu_available": "False",
    "tensorflow.test.gpu_device_name": "''",
    "tensorflow.test.is_built_with_cuda": "False",
    "tensorflow.contrib.eager.num_gpus": "0",
    "tensorflow.config.experimental.list_physical_devices": "[]",
    "tensorflow.config.experimental.list_logical_devices": "[]",
    "keras.backend.tensorflow_backend._get_available_gpus": "[]",
    "tensorflow.keras.backend._get_available_gpus": "[]",
    "tensorflow.python.keras.backend._get_available_gpus": "[]",
}
NVIDIA_MODULES = frozenset({"GPUtil", "gpustat", "nvidia_smi", "py3nvml", "pynvml"})
# A function that does more than ask is not what its callers call it for.
SHORT = 12


def asks_for_gpus(project: Project, module: Module, node: ast.AST) -> bool:
    """Whether a condition depends on the GPUs of the machine, also through names and functions."""
    queue: list[tuple[Module, ast.AST]] = [(module, node)]
    seen: set[tuple[object, ...]] = set()
    while queue:
        owner, asked = queue.pop()
        key = (owner.path, place_of(asked))
        if key in seen:
            continue
        seen.add(key)
        for part in ast.walk(asked):
            if isinstance(part, ast.Constant) and part.value == "CUDA_VISIBLE_DEVICES":
                return True
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
                found = owner.lookup(part.id, part)
                for binding in found[1] if found is not None else ():
                    if binding.kind == "value" and binding.node is not None:
                        queue.append((owner, binding.node))
            elif isinstance(part, ast.Call):
                name = owner.qualified(part.func) or ""
                if name in ANSWERS or name == DEVICE_LIST:
                    return True
                if name.partition(".")[0] in NVIDIA_MODULES:
                    return True
                if (function := _short_function(project, name)) is not None:
                    queue.append(function)
    return False


def _short_function(project: Project, name: str) -> tuple[Module, ast.AST] | None:
    """A function of the project that does hardly more than answer."""
    path, colon, dotted = name.partition(":")
    owner = project.parsed(path) if colon else None
    found = owner.definition(dotted) if owner is not None else None
    if owner is None or not isinstance(found, Function):
        return None
    return None if (found.end_lineno or 0) - found.lineno > SHORT else (owner, found)
