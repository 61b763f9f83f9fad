"""Takes imread, imsave and imresize from the port's runtime instead of scipy.misc.

What it does: `scipy.misc.imread`, `imsave` and `imresize`, however they are imported, become the
functions of `npu_runtime.images`, which give the same results bit for bit on NumPy and Pillow.

Why: SciPy 1.2 dropped imread, imsave and imresize from scipy.misc. The last release that has them,
1.1.0, has no build for Python 3.7 on aarch64, which most Ascend hosts are.

Example:
    import scipy.misc
    image = scipy.misc.imread(name, mode='RGB')

becomes:
    from npu_runtime import images as npu_images
    image = npu_images.imread(name, mode='RGB')

`from scipy.misc import imread` becomes `from npu_runtime.images import imread`: the file's own
names keep their meaning, also for those who import them from there. A project's own `imsave` that
calls SciPy's stays apart from it.

Fix safety: safe. The module needs Pillow, which NPU807 adds to the requirements.

Not handled: the other functions that scipy.misc lost (toimage, imrotate, imfilter, bytescale,
and so on) are a warning: they keep scipy 1.1.0 in the requirements. An import in a `try` with a
replacement for a missing one is left alone.

Authority: SciPy 1.2.0 release notes, "scipy.misc": deprecated features removed; PyPI, scipy 1.1.0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.words import identifiers_in
from migrate.codemods.edits import Edit
from migrate.codemods.imports import is_taken, module_span
from migrate.codemods.rule import Change, Context, Rule, RuntimeImport
from migrate.codemods.unused import alias_removals

_MISC = "scipy.misc"
_RUNTIME = "npu_runtime.images"
_IMAGE_FUNCTIONS = frozenset({"imread", "imresize", "imsave"})
_MODULES = {
    _MISC: _IMAGE_FUNCTIONS,
    "scipy.misc.pilutil": _IMAGE_FUNCTIONS,
    "scipy.ndimage": frozenset({"imread"}),
}
# What else later releases of SciPy no longer have in scipy.misc.
_GONE = frozenset(
    "bytescale comb factorial factorial2 factorialk fromimage imfilter imrotate imshow info "
    "logsumexp pade source toimage who".split()
)
_ALIASES = ("npu_images", "npu_runtime_images")


def _names_any(project: Project, path: str) -> bool:
    words = project.cached_for(path, identifiers_in)
    wanted = _IMAGE_FUNCTIONS | _GONE
    return not (wanted.isdisjoint(words.attributes) and wanted.isdisjoint(words.names))


NPU804 = Rule(
    "NPU804", "scipy-images", group="compat", literals=(b"scipy", b"misc"), finds=_names_any
)


@NPU804.on_module
def take_from_runtime(context: Context) -> Iterator[Change]:
    module = context.module
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom):
            yield from _import(context, node)
        elif isinstance(node, ast.Attribute):
            owner = module.qualified(node.value) or ""
            if node.attr in _MODULES.get(owner, ()):
                alias = _alias(module)
                yield context.replace(node.value, alias)
                yield RuntimeImport("images", alias=alias, whole=True)
    for place, name in gone_names(module):
        yield context.finding(
            place,
            "warning",
            f"scipy.misc.{name} is gone from SciPy 1.2 and later",
            "The requirements keep scipy 1.1.0 for it; on aarch64 that must be built from source.",
        )


def gone_names(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """The uses of what scipy.misc had up to SciPy 1.1 and the runtime does not have."""
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node.module == _MISC and not node.level:
            if not _has_replacement(module, node):
                yield from ((node, a.name) for a in node.names if a.name in _GONE)
        elif isinstance(node, ast.Attribute) and node.attr in _GONE:
            yield from [(node, node.attr)] if module.qualified(node.value) == _MISC else []


def _import(context: Context, node: ast.ImportFrom) -> Iterator[Change]:
    module = context.module
    names = _MODULES.get(node.module or "")
    if names is None or node.level or _has_replacement(module, node):
        return
    moved = [alias for alias in node.names if alias.name in names]
    if not moved:
        return
    at_top = module.parents[node] is module.tree
    for alias in moved:
        yield RuntimeImport(alias.name, _RUNTIME, alias.asname or "", placed=not at_top)
    if at_top:
        yield from alias_removals(module, node, moved)
    elif len(moved) == len(node.names):
        yield Edit(*module_span(module, node), _RUNTIME)
    else:
        yield from alias_removals(module, node, moved)
        start = module.span(node)[0]
        margin = module.source.text[module.source.line_start(start) : start]
        between = "; " if margin.strip() else module.source.newline + margin
        what = ", ".join(module.text_of(alias) for alias in moved)
        yield Edit(start, start, f"from {_RUNTIME} import {what}{between}")


def _has_replacement(module: Module, node: ast.ImportFrom) -> bool:
    """Whether a failing import is expected: something else is imported then."""
    parent = module.parents[node]
    return isinstance(parent, ast.Try) and node in parent.body and bool(parent.handlers)


def _alias(module: Module) -> str:
    """A name for the runtime's module that means nothing else in this file."""
    return _ALIASES[is_taken(module, _ALIASES[0], _RUNTIME)]
