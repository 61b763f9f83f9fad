"""Names by which a project's files import the project itself, as a package."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping

from migrate.upstream.tree import SourceFile

# What makes a module at the root stand for the folder that it lies in.
PATH_OF_PACKAGE = "__path__ = [os.path.dirname(os.path.abspath(__file__))]"

# The first two parts of what is imported; of several names, those on the same line.
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\w+)[ \t]+import[ \t]*\(?([\w, \t*]*)"
    rb"|from[ \t]+(\w+)\.(\w+)|import[ \t]+(\w+)\.(\w+))",
    re.MULTILINE,
)


def own_packages(
    files: Mapping[str, SourceFile], python_files: Iterable[str], is_module: Callable[[str], bool]
) -> frozenset[str]:
    """The packages that a project's files import and that can only be the project's own folder.

    The project is a package (it has an ``__init__.py`` at its root), has no module of that name,
    and all that is imported from it lies at the root. Such a project starts where its folder has
    that name and the folder above is on ``sys.path``.

    Args:
        is_module: whether there is a module or folder of that name at the root.
    """
    if "__init__.py" not in files:
        return frozenset()
    members: dict[str, set[str]] = {}
    for path in python_files:
        for found in _IMPORT.finditer(files[path].data):
            top, *below = (part.decode() for part in found.groups(b"") if part)
            names = (name.split(" as ")[0].strip() for text in below for name in text.split(","))
            members.setdefault(top, set()).update(name for name in names if name)
    return frozenset(
        top
        for top, names in members.items()
        if names
        and top not in sys.stdlib_module_names
        and (not is_module(top) or _stands_for_root(files, top))
        and all(is_module(name) for name in names)
    )


def _stands_for_root(files: Mapping[str, SourceFile], name: str) -> bool:
    file = files.get(f"{name}.py")
    return file is not None and PATH_OF_PACKAGE.encode() in file.data
