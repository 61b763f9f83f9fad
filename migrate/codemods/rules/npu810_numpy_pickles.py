"""Lets numpy.load read the files in which upstream keeps objects.

What it does: adds `allow_pickle=True` to `numpy.load` where what it loads is certainly objects: it
is taken out of the array by `.item()` or `[()]`, or the call names an `encoding`, which is for
pickles of Python 2 only. Weights of VGG, AlexNet and ResNet lie in such files.

Why: NumPy 1.16.3 and later refuse objects by default: `ValueError: Object arrays cannot be loaded
when allow_pickle=False`.

Example:
    weights = np.load(path, encoding='latin1').item()

becomes:
    weights = np.load(path, encoding='latin1', allow_pickle=True).item()

Fix safety: safe: it is what older NumPy does. A pickle can run code when it is loaded, so load only
files that you trust.

Not handled: objects that are used in other ways, such as an array of lists; what is loaded in one
function and taken out in another.

Authority: NumPy 1.16.3 release notes, "The default allow_pickle=... has changed"; numpy.load.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, has_stars
from migrate.codemods.calls import add_keywords
from migrate.codemods.rule import Change, Context, Rule

NPU810 = Rule(
    "NPU810",
    "numpy-pickles",
    group="compat",
    literals=(b"numpy", b"*"),
    signs=re.compile(rb"\bload\b"),
)


@NPU810.on_module
def allow_pickles(context: Context) -> Iterator[Change]:
    module = context.module
    for call, _ in module.calls_of("numpy.load"):
        if _is_open(call) and _holds_objects(module, call):
            yield add_keywords(module, call, {"allow_pickle": "True"})


def _is_open(call: ast.Call) -> bool:
    """Whether the call surely does not say what to do with pickles."""
    given = has_stars(call) or argument(call, "allow_pickle", 2) is not None
    return bool(call.args) and not given


def _holds_objects(module: Module, call: ast.Call) -> bool:
    if argument(call, "encoding", 4) is not None or _takes_out(module, call):
        return True
    place = module.parents[call]
    if not isinstance(place, ast.Assign):
        return False
    return any(
        _is_only_value(module, load, call) and _takes_out(module, load)
        for target in place.targets
        if isinstance(target, ast.Name)
        for load in module.loads.get(target.id, ())
    )


def _is_only_value(module: Module, load: ast.Name, call: ast.Call) -> bool:
    found = module.lookup(load.id, load)
    return found is not None and [binding.node for binding in found[1]] == [call]


def _takes_out(module: Module, node: ast.AST) -> bool:
    """Whether the one object of an array is taken, also of an array in an archive."""
    place = module.parents[node]
    if isinstance(place, ast.Subscript) and place.value is node:
        key = place.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            return _takes_out(module, place)
        return isinstance(key, ast.Tuple) and not key.elts and isinstance(place.ctx, ast.Load)
    call = module.parents[place] if isinstance(place, ast.Attribute) else None
    return (
        isinstance(place, ast.Attribute)
        and place.attr == "item"
        and isinstance(call, ast.Call)
        and call.func is place
        and not call.args
    )
