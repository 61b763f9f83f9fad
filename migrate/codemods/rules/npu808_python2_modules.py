"""Imports Python 3's modules where a file that it can parse asks for Python 2's.

What it does: modules that have another name and the same functions (`cPickle`, `Queue`, `urllib2`,
`ConfigParser`, `StringIO`, `urlparse` and others) are imported by the new name, and called what
they were called; what `urllib` had is taken from `urllib.request`, `urllib.parse` and
`urllib.error`; `itertools.izip`, `imap` and `ifilter` become `zip`, `map` and `filter`;
`sys.maxint`, `os.getcwdu`, `string.letters` and the types of `types` become what Python 3 has.

Why: the import fails, or the attribute is missing once that line is reached. A file that has no
print statement gives no other sign of being for Python 2.

Example:
    import cPickle as pickle
    import itertools
    import Queue
    for step, batch in itertools.izip(steps, batches):

becomes:
    import pickle
    import queue as Queue
    for step, batch in zip(steps, batches):

Fix safety: safe: what is replaced fails in Python 3. A `StringIO` that images or arrays are read
from or written to becomes a `BytesIO`. `cPickle` and other `StringIO`s come with a note: the text
that they held in Python 2 may be bytes; where one is made of a value that does not tell, that is a
warning.

Not handled: modules that are gone altogether and functions without a successor of the same kind,
such as `string.join`, are warnings. Code for Python 2 behind a test of the version, or in a `try`
that expects the failure, stays; so do the project's own modules of these names.

Authority: Python documentation, "What's New In Python 3.0"; PEP 3108.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from migrate.analysis.nodes import spelled
from migrate.analysis.words import is_used_elsewhere
from migrate.codemods.byte_streams import holds_bytes
from migrate.codemods.edits import Edit
from migrate.codemods.guards import IMPORTS, is_guarded
from migrate.codemods.imports import module_span
from migrate.codemods.python2_library import (
    ATTRIBUTES,
    BUILTINS,
    GONE,
    MODULES,
    URLLIB,
    WITHOUT,
)
from migrate.codemods.rule import Change, Context, Rule
from migrate.codemods.unused import alias_removals
from migrate.findings import Severity

_ALL = (*ATTRIBUTES, *BUILTINS, *WITHOUT)
_CHANGED = sorted({dotted.partition(".")[0] for dotted in _ALL})
_IMPORTED = "|".join((*MODULES, *GONE, "urllib"))
_NAMES = "|".join(sorted({dotted.rpartition(".")[2] for dotted in _ALL}))
_SIGNS = re.compile(
    rf"""
    \bfrom[ \t]+(?:{_IMPORTED})\b
    | \bimport[ \t](?:\\\r?\n|[^\n(\\])*\b(?:{_IMPORTED})\b
    | \b(?:{"|".join(_CHANGED)})[ \t]+as\b
    | \b(?:{"|".join(_CHANGED)})(?:[ \t]*\.|[ \t]+import\b[^\n]*?[ \t(])[ \t]*(?:{_NAMES})\b
    """.encode(),
    re.VERBOSE,
)
_WORDS = (*MODULES, *GONE, "urllib", *_CHANGED)

NPU808 = Rule(
    "NPU808",
    "python2-modules",
    group="compat",
    literals=tuple(word.encode() for word in _WORDS),
    signs=_SIGNS,
    whole=True,  # a module of that name may lie anywhere
)


@NPU808.on_module
def import_modules(context: Context) -> Iterator[Change]:
    module = context.module
    pickles = False
    for statement in module.imports:
        if not is_guarded(module, statement, IMPORTS):
            names = [getattr(statement, "module", None), *(alias.name for alias in statement.names)]
            pickles |= "cPickle" in names
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    yield from _import(context, statement, alias)
            elif not statement.level and statement.module:
                yield from _from(context, statement, statement.module)
    for name in sorted({dotted.rpartition(".")[2] for dotted in _ALL}):
        for load in module.attribute_loads.get(name, ()):
            if not is_guarded(module, load):
                yield from _attribute(context, load)
    if pickles:
        yield from _pickles(context)


def _is_own(context: Context, name: str) -> bool:
    """Whether the project has a module of that name, wherever it lies."""
    project = context.project
    return ":" in project.resolve_import(context.module.path, name, 0) or any(
        f"/{path}".endswith((f"/{name}.py", f"/{name}/__init__.py"))
        for path in project.python_files
    )


def _import(context: Context, statement: ast.Import, alias: ast.alias) -> Iterator[Change]:
    name = alias.name
    if name in MODULES and not _is_own(context, name):
        new, bound = MODULES[name], alias.asname or name
        yield context.replace(alias, new if new == bound else f"{new} as {bound}")
        if new == "io":
            loads = context.module.attribute_loads.get("StringIO", ())
            yield from _streams(
                context, statement, name, [n for n in loads if spelled(n.value) == bound]
            )
    elif name in GONE and not _is_own(context, name):
        yield context.finding(statement, "warning", f"Python 3 has no module {name}", GONE[name])
    elif name == "urllib" and not _is_own(context, name):
        yield from _urllib(context, statement, alias)


def _streams(
    context: Context, statement: ast.Import, name: str, classes: Sequence[ast.Attribute]
) -> Iterator[Change]:
    """Makes streams of what holds bytes; the others hold text, with a finding that says so."""
    kinds = [_stream(context, node) for node in classes]
    for node, kind in zip(classes, kinds, strict=True):
        if kind:
            end = context.module.span(node)[1]
            yield Edit(end - len(node.attr), end, "BytesIO")
    if not all(kinds) or not kinds:
        yield _about_text(context, statement, name, doubtful=None in kinds)


def _stream(context: Context, node: ast.expr) -> bool | None:
    """Whether a StringIO that is named holds bytes; None where that cannot be told."""
    call = context.module.parents[node]
    is_made = isinstance(call, ast.Call) and call.func is node
    return holds_bytes(context.module, call) if is_made else False  # type: ignore[arg-type]


def _about_text(context: Context, node: ast.AST, name: str, *, doubtful: bool) -> Change:
    message = f"{name} becomes io, whose StringIO holds text only"
    severity: Severity = "warning" if doubtful else "note"
    return context.finding(node, severity, message, "Use io.BytesIO where it is given bytes.")


def _urllib(context: Context, statement: ast.Import, alias: ast.alias) -> Iterator[Change]:
    module = context.module
    bound = alias.asname or "urllib"
    found = module.scopes[statement].bindings.get(bound, [])
    uses = []
    for name in URLLIB:
        for load in module.attribute_loads.get(name, ()):
            is_root = isinstance(load.value, ast.Name) and load.value.id == bound
            if is_root and module.qualified(load) == f"urllib.{name}":
                uses.append(load)
    uses = [use for use in uses if (seen := module.lookup(bound, use)) and seen[1] is found]
    uses = [use for use in uses if not is_guarded(module, use)]
    if not uses or found[0].node is not alias:
        return
    others = [b.node.name for b in found[1:] if isinstance(b.node, ast.alias) and not b.node.asname]
    if alias.asname or len(found) > 1 + len(others) or "urllib" in others:
        for use in uses:
            yield _moved(context, use, use.attr)
        return
    wanted = sorted({f"urllib.{URLLIB[use.attr]}" for use in uses} - set(others))
    if wanted:
        yield context.replace(alias, ", ".join(wanted))
    for use in uses:
        end = module.span(use.value)[1]
        yield Edit(end, end, f".{URLLIB[use.attr]}")


def _moved(context: Context, node: ast.AST, name: str) -> Change:
    message = f"Python 3 has urllib.{name} in urllib.{URLLIB[name]}"
    return context.finding(node, "warning", message, "Take it from there.")


def _from(context: Context, statement: ast.ImportFrom, name: str) -> Iterator[Change]:
    if name in MODULES and not _is_own(context, name):
        yield Edit(*module_span(context.module, statement), MODULES[name])
        if MODULES[name] == "io":
            yield from _imported_streams(context, statement, name)
    elif name in GONE and not _is_own(context, name):
        yield context.finding(statement, "warning", f"Python 3 has no module {name}", GONE[name])
    elif name == "urllib" and not _is_own(context, name):
        yield from _from_urllib(context, statement)
    else:
        yield from _names(context, statement, name)


def _imported_streams(context: Context, statement: ast.ImportFrom, name: str) -> Iterator[Change]:
    """The same of a class that is imported by itself, and means one kind for all of the file."""
    for alias in statement.names:
        bound = alias.asname or alias.name
        kinds = [_stream(context, load) for load in context.module.loads.get(bound, ())]
        if alias.name == "StringIO" and kinds and all(kinds):
            yield context.replace(alias, f"BytesIO as {bound}")
        else:
            yield _about_text(context, statement, name, doubtful=None in kinds or any(kinds))


def _from_urllib(context: Context, statement: ast.ImportFrom) -> Iterator[Change]:
    module = context.module
    places: dict[str, list[str]] = {}
    for alias in statement.names:
        if alias.name not in URLLIB:
            return
        places.setdefault(URLLIB[alias.name], []).append(module.text_of(alias))
    if len(places) == 1:
        yield Edit(*module_span(module, statement), f"urllib.{next(iter(places))}")
        return
    start, end = module.span(statement)
    text = module.source.text
    if "#" in text[start:end]:
        for alias in statement.names:
            yield _moved(context, alias, alias.name)
        return
    line = text[module.source.line_start(start) : start]
    between = "; " if line.strip() else module.source.newline + line
    lines = [f"from urllib.{place} import {', '.join(names)}" for place, names in places.items()]
    yield Edit(start, end, between.join(lines))


def _names(context: Context, statement: ast.ImportFrom, source: str) -> Iterator[Change]:
    """Single names out of modules that Python 3 has, too."""
    module = context.module
    dropped = []
    for alias in statement.names:
        dotted, bound = f"{source}.{alias.name}", alias.asname or alias.name
        if dotted in ATTRIBUTES:
            new = ATTRIBUTES[dotted]
            yield context.replace(alias, new if new == bound else f"{new} as {bound}")
        elif dotted in BUILTINS:
            uses = _only_uses(context, alias, bound, BUILTINS[dotted])
            if uses is None:
                yield _missing(context, statement, dotted, f"Use {BUILTINS[dotted]}.")
                continue
            dropped.append(alias)
            for use in uses:
                yield context.replace(use, BUILTINS[dotted])
        elif dotted in WITHOUT:
            yield _missing(context, statement, dotted, WITHOUT[dotted])
    if dropped:
        yield from alias_removals(module, statement, dropped)


def _only_uses(
    context: Context, alias: ast.alias, bound: str, builtin: str
) -> list[ast.Name] | None:
    """Where an imported name is read, if that can be told and a builtin can stand there."""
    module, uses = context.module, []
    if bound == builtin:
        return []
    for load in module.loads.get(bound, ()):
        found = module.lookup(bound, load)
        if found is None or [binding.node for binding in found[1]] != [alias]:
            return None
        if not module.is_free(builtin, load):
            return None
        uses.append(load)
    scope = module.scopes[alias]
    if scope.parent is None and (
        module.path.endswith("__init__.py")
        or "__all__" in scope.bindings
        or is_used_elsewhere(context.project, module.path, bound)
    ):
        return None
    return uses


def _attribute(context: Context, node: ast.Attribute) -> Iterator[Change]:
    module = context.module
    owner = module.qualified(node.value)
    if not isinstance(node.value, ast.Name) or owner not in _CHANGED or _is_own(context, owner):
        return
    dotted = f"{owner}.{node.attr}"
    if dotted in ATTRIBUTES:
        end = module.span(node)[1]
        yield Edit(end - len(node.attr), end, ATTRIBUTES[dotted])
    elif dotted in BUILTINS:
        new = BUILTINS[dotted]
        if module.is_free(new, node):
            yield context.replace(node, new)
        else:
            yield _missing(context, node, dotted, f"Use the builtin {new}.")
    elif dotted in WITHOUT:
        yield _missing(context, node, dotted, WITHOUT[dotted])


def _missing(context: Context, node: ast.AST, dotted: str, advice: str) -> Change:
    return context.finding(node, "warning", f"Python 3 has no {dotted}", advice)


def _pickles(context: Context) -> Iterator[Change]:
    """A note where a program reads pickles that may be Python 2's."""
    for call, _ in context.module.calls_of("cPickle.load", "cPickle.loads"):
        if not is_guarded(context.module, call):
            message = "a pickle that Python 2 wrote may not load in Python 3"
            yield context.finding(call, "note", message, "Then add encoding='latin1'.")
            return
