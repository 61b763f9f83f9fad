"""Wraps the configuration that a call takes in a function of the runtime."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, has_stars, is_none
from migrate.analysis.sessions import runtime_wrapper
from migrate.codemods.calls import add_keywords
from migrate.codemods.imports import runtime_import
from migrate.codemods.rule import Change, Context, RuntimeImport


def configure_call(
    context: Context, call: ast.Call, parameter: str, position: int, name: str, options: str
) -> list[Change] | None:
    """Makes the call's argument ``name(argument, options)``.

    Args:
        parameter: the argument that takes the configuration; added where it is absent.
        position: its position; for ``functools.partial`` that of the partial.

    Returns:
        None when the argument may hide in ``*args`` or ``**kwargs``.
    """
    value = argument(call, parameter, position)
    wanted = runtime_import(context.module, name)
    if value is not None:
        return list(_wrap(context, value, wanted, options))
    if not has_stars(call):
        return _add(context, call, parameter, wanted, options)
    display = _only_keywords(context.module, call)
    if display is None:
        return None
    for key, value in zip(display.keys, display.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == parameter:
            return list(_wrap(context, value, wanted, options))
    return _add(context, call, parameter, wanted, options)


def _wrap(
    context: Context, value: ast.expr, wanted: RuntimeImport, options: str
) -> Iterator[Change]:
    if runtime_wrapper(context.module, value):
        return
    if is_none(value):
        yield context.replace(value, f"{wanted.bound}({options})")
    else:
        yield from context.wrap(value, f"{wanted.bound}(", f", {options})" if options else ")")
    yield wanted


def _add(
    context: Context, call: ast.Call, parameter: str, wanted: RuntimeImport, options: str
) -> list[Change]:
    return [add_keywords(context.module, call, {parameter: f"{wanted.bound}({options})"}), wanted]


def _only_keywords(module: Module, call: ast.Call) -> ast.Dict | None:
    """The dict display behind ``**kw``, when only this call uses it."""
    stars = [k.value for k in call.keywords if k.arg is None]
    if len(stars) != 1 or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    value: ast.AST | None = stars[0]
    if isinstance(value, ast.Name):
        name = value.id
        found = module.lookup(name, value)
        if found is None or len(found[1]) != 1 or len(module.loads.get(name, ())) != 1:
            return None
        value = found[1][0].node
    if isinstance(value, ast.Dict) and all(isinstance(k, ast.Constant) for k in value.keys):
        return value
    return None
