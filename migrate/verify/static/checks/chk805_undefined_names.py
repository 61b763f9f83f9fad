"""A name is used that nothing defines.

What it finds: names that neither the file, nor the modules that it star-imports, nor Python has.

Why: the line fails with a NameError when it runs. Taking out imports that "are not needed on the
NPU" is how they come about.

Example:
    # from keras.preprocessing import image
    generator = image.ImageDataGenerator(rotation_range=20)

Not handled: files that star-import a library, or define names at run time (globals(), exec).
Python 2's builtins inside of a condition are left alone: such code asks for the version first.

Authority: Python 3.7, Language Reference, "Naming and binding".
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.findings import Finding
from migrate.verify.static.adapter import NPU_INIT, surface
from migrate.verify.static.check import Check, Context

CHK805 = Check("CHK805", "undefined-names")
_OWN = frozenset(
    "__file__ __name__ __doc__ __path__ __package__ __loader__ __spec__ __builtins__ __class__ "
    "__annotations__ WindowsError".split()
)
_KNOWN = frozenset(dir(builtins)) | _OWN
_PYTHON2 = frozenset(
    "apply basestring buffer cmp execfile file intern long raw_input reduce reload unichr unicode "
    "xrange".split()
)
_AT_RUN_TIME = (b"globals()", b"exec(", b"locals()", b"__builtin")


@CHK805.on_port
def find_undefined(context: Context) -> Iterator[Finding]:
    for module in context.modules(b""):
        starred = _starred(context.project, module, set())
        if starred is None or any(text in module.source.data for text in _AT_RUN_TIME):
            continue
        for name, loads in module.loads.items():
            if name in _KNOWN or name in starred:
                continue
            free = [load for load in loads if _is_undefined(module, load)]
            if free:
                lines = sorted({load.lineno for load in free})[1:6]
                more = f" (also on lines {', '.join(map(str, lines))})" if lines else ""
                message = f"nothing defines {name}{more}"
                advice = "Import or define it; the line fails when it runs."
                yield context.finding(module, free[0], "warning", message, advice)


def _starred(project: Project, module: Module, seen: set[str]) -> frozenset[str] | None:
    """The adapter's names that star imports bring; None where one brings what is not known."""
    found: frozenset[str] = frozenset()
    for base in module.star_imports:
        if base == NPU_INIT:
            found |= surface()[NPU_INIT].keys()
            continue
        path, colon, _ = base.partition(":")
        if not colon:
            return None
        if path in seen:
            continue
        seen.add(path)
        other = project.parsed(path)
        inner = _starred(project, other, seen) if other is not None else None
        if inner is None:
            return None
        found |= inner
    return found


def _is_undefined(module: Module, load: ast.Name) -> bool:
    if not module.is_free(load.id, load):
        return False
    around = list(module.ancestors(load))
    if any(isinstance(parent, ast.Try) and parent.handlers for parent in around):
        return False
    return load.id not in _PYTHON2 or not any(isinstance(p, ast.If | ast.IfExp) for p in around)
