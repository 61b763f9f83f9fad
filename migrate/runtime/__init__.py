"""The package that a port carries, `npu_runtime`: which files, made out for which CANN release.

The files themselves are Python 3.7 code that runs inside the port.
"""

from __future__ import annotations

import ast
import importlib
import re
from functools import cache
from pathlib import Path
from typing import TypeGuard

from migrate.errors import UsageError
from migrate.simulator.npu_simulator.releases import CANN_RELEASES, CannRelease
from migrate.upstream.tree import SourceFile

_PACKAGE = Path(__file__).parent / "npu_runtime"
_DEFAULTS = "defaults"
# What the defaults of a port fix.
PRECISION_MODE = re.compile(rb'^PRECISION_MODE = "(\w+)"', re.MULTILINE)

# What a port can want, and the modules that it takes. images.py stands alone, so that it can come
# before the rest, and without TensorFlow.
_MODULES = {
    "boot": ("boot", "launch", "places", "rank_tables", "settings", "stores", "transfer"),
    "images": ("images",),
    "places": ("places", "settings"),
    "results": ("results",),
    "session": (
        "__init__",
        "averaging",
        "checkpoints",
        "collectives",
        _DEFAULTS,
        "distribution",
        "gradients",
        "jobs",
        "keras_optimizers",
        "optimizers",
        "options",
        "places",
        "rank_files",
        "rank_tables",
        "rank_values",
        "ranks",
        "runs",
        "scaling",
        "session",
        "settings",
        "shards",
        "steps",
        "strategies",
        "writing",
    ),
}
_HOROVOD = ("horovod", "horovod_callbacks", "horovod_keras")
_MODULES["horovod"] = (*_MODULES["session"], *_HOROVOD)


def cann_release(name: str) -> CannRelease:
    """Returns a known CANN release.

    Raises:
        UsageError: there is none of that name.
    """
    for release in CANN_RELEASES:
        if release.name == name:
            return release
    raise UsageError(
        f"unknown CANN release {name!r}",
        advice="Known releases: " + ", ".join(release.name for release in CANN_RELEASES),
    )


def runtime_paths() -> frozenset[str]:
    """Returns the path of every file that the runtime package may have in a port."""
    modules = {module for part in _MODULES.values() for module in part}
    return frozenset(f"npu_runtime/{module}.py" for module in modules)


@cache
def public_names(module: str) -> frozenset[str]:
    """Returns what a module of the runtime has at its top level, and others may use.

    Args:
        module: its name within the package; it is read, not imported.
    """
    names: set[str] = set()
    for node in ast.parse((_PACKAGE / f"{module}.py").read_bytes()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and node.level and node.module:
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {part.id for part in ast.walk(node) if _is_target(part)}
    return frozenset(name for name in names if name[0] != "_")


def _is_target(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def precision_modes(cann: str) -> tuple[str, ...]:
    """Returns what may be the precision mode of a port; ``none`` leaves it to the release.

    Args:
        cann: name of a CANN release that is known.
    """
    # Of the runtime only this: a table, in a module without TensorFlow.
    options = importlib.import_module("migrate.runtime.npu_runtime.options")
    return ("none", *options.precision_modes(cann_release(cann).adapter))


def computes_gradients_in_fp16(mode: str) -> bool:
    """Whether training in a precision mode needs a loss scale."""
    options = importlib.import_module("migrate.runtime.npu_runtime.options")
    return mode in options.FP16_GRADIENTS


def runtime_files(
    cann: str,
    wanted: frozenset[str],
    precision_mode: str = "none",
    mix_compile_mode: bool = False,
) -> dict[str, SourceFile]:
    """Returns the files of the runtime package for one port, by path in sorted order.

    Args:
        cann: name of the CANN release that the port is made for.
        wanted: what the port uses: "session" (session configurations), "images" (imread and
            its kind), "horovod" (Horovod's functions), "places" (data and outputs elsewhere),
            "boot" (training with both in OBS, on several devices), "results" (what ModelZoo's
            harness reads). Nothing wanted, no files.
        precision_mode, mix_compile_mode: what defaults.py fixes.

    Raises:
        UsageError: an unknown CANN release.
        ValueError: an unknown member of `wanted`.
    """
    release = cann_release(cann)
    if unknown := wanted - _MODULES.keys():
        raise ValueError(f"no such part of the runtime: {', '.join(sorted(unknown))}")
    files = {}
    for module in sorted({module for part in wanted for module in _MODULES[part]}):
        path = f"npu_runtime/{module}.py"
        data = (_PACKAGE / f"{module}.py").read_bytes()
        if module == _DEFAULTS:
            data = _defaults(
                data,
                CANN_RELEASE=release.name,
                ADAPTER_RELEASE=release.adapter,
                PRECISION_MODE=precision_mode,
                MIX_COMPILE_MODE=mix_compile_mode,
            )
        files[path] = SourceFile(path, data)
    return files


def _defaults(template: bytes, **constants: str | bool) -> bytes:
    """Gives the constants of defaults.py their values."""
    for name, value in constants.items():
        text = f'"{value}"' if isinstance(value, str) else str(value)
        template = re.sub(rf"(?m)^{name} = .*$".encode(), f"{name} = {text}".encode(), template)
    return template
