"""A name of the adapter does not exist in the release that the port is for.

What it finds: imports from npu_bridge, names that `from npu_bridge.npu_init import *` should bring,
and arguments of NPURunConfig that the adapter release asked for does not have.

Why: the port then fails when it is imported, or at the first use, with an ImportError, NameError or
TypeError. Names came and went between CANN releases.

Example:
    config = NPURunConfig(auto_tune_mode="RL,GA")

The argument is gone from adapter r1.11.0 (CANN 6.0.1) on.

Not handled: imports inside of `try`, with which a project chooses between releases.

Authority: adapter, sources of npu_bridge, r1.1.1 to r1.15.0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.findings import Finding
from migrate.verify.static.adapter import (
    NPU_INIT,
    calls_of,
    described,
    name_of,
    releases_with,
    spans_in_words,
    surface,
)
from migrate.verify.static.check import Check, Context

CHK111 = Check("CHK111", "adapter-names")
_CONFIG = "npu_bridge.estimator.npu.npu_config"


@CHK111.on_port
def find_missing(context: Context) -> Iterator[Finding]:
    for module in context.modules(b"npu_bridge"):
        for node in module.nodes:
            if any(isinstance(parent, ast.Try) for parent in _imports(module, node)):
                continue
            if isinstance(node, ast.ImportFrom) and not node.level:
                yield from _from(context, module, node)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    yield from _module(context, module, node, alias.name)
        if NPU_INIT in module.star_imports:
            yield from _starred(context, module)
        for call, _ in calls_of(module, frozenset({"NPURunConfig"})):
            yield from _arguments(context, module, call)


def _imports(module: Module, node: ast.AST) -> Iterator[ast.AST]:
    return module.ancestors(node) if isinstance(node, ast.Import | ast.ImportFrom) else iter(())


def _from(context: Context, module: Module, node: ast.ImportFrom) -> Iterator[Finding]:
    base = node.module or ""
    if base not in surface():
        for alias in node.names:
            yield from _module(context, module, node, f"{base}.{alias.name}")
        return
    yield from _module(context, module, node, base)
    for alias in node.names:
        if alias.name != "*" and described(base, "", context.adapter) is not None:
            yield from _name(context, module, node, base, alias.name)


def _module(context: Context, module: Module, node: ast.AST, dotted: str) -> Iterator[Finding]:
    """An import of a whole module, as far as the adapter's modules are known."""
    base, _, name = dotted.rpartition(".")
    if dotted in surface():
        if described(dotted, "", context.adapter) is None:
            yield _missing(context, module, node, f"the module {dotted}", releases_with(dotted, ""))
    elif name in surface().get(base, ()) and isinstance(node, ast.Import):
        message = f"{dotted} is a name, not a module"
        advice = f"Write from {base} import {name}."
        yield context.finding(module, node, "error", message, advice)


def _name(
    context: Context, module: Module, node: ast.AST, base: str, name: str
) -> Iterator[Finding]:
    known = releases_with(base, name)
    if described(base, name, context.adapter) is None and known:
        yield _missing(context, module, node, f"{name} in {base}", known)


def _starred(context: Context, module: Module) -> Iterator[Finding]:
    for name in surface()[NPU_INIT]:
        if described(NPU_INIT, name, context.adapter) is not None:
            continue
        for load in module.loads.get(name, ())[:1]:
            if name_of(module, load):
                yield from _name(context, module, load, NPU_INIT, name)


def _arguments(context: Context, module: Module, call: ast.Call) -> Iterator[Finding]:
    signature = described(_CONFIG, "NPURunConfig", context.adapter)
    if not signature:
        return
    known = _parameters(signature)
    for given in call.keywords:
        if given.arg is not None and given.arg not in known:
            message = f"adapter {context.adapter}: NPURunConfig takes no {given.arg}"
            spans = surface()[_CONFIG]["NPURunConfig"]
            known_in = spans_in_words([s for s in spans if given.arg in _parameters(s[2])])
            advice = f"It does in {known_in}." if known_in else "No release has it: remove it."
            yield context.finding(module, given, "error", message, advice)


def _parameters(signature: str) -> set[str]:
    function = ast.parse(f"def f{signature}: pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    return {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}


def _missing(context: Context, module: Module, node: ast.AST, what: str, known: str) -> Finding:
    message = f"adapter {context.adapter} lacks {what}"
    advice = f"It is in {known}. Verify for your CANN release, or do without."
    return context.finding(module, node, "error", message, advice)
