"""Which file of a project an import means, as far as its folders and names tell."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Mapping
from functools import cached_property

from migrate.analysis.own_package import own_packages
from migrate.analysis.symbols import canonical
from migrate.upstream.tree import SourceFile

# Names that mean the library, unless the project's root has a module of that name.
_LIBRARIES = frozenset({"tensorflow", "keras", "horovod"})
# A text that may be a folder's name.
_TEXT = re.compile(rb"""["']([\w./-]+)["']""", re.ASCII)
# Where a setup.py has all packages (setuptools, package_dir).
_PACKAGE_DIR = re.compile(rb"""package_dir\s*=\s*\{\s*["']{2}\s*:\s*["']([\w./-]+)["']""", re.ASCII)


class ImportPaths:
    """Where Python finds modules, and what it finds there.

    Args:
        files: of the project, by path; no Python file may be added later.
        links: where symbolic links lead to, by path.
        folder: the name of the project's folder; empty where that is not known.
    """

    def __init__(
        self, files: Mapping[str, SourceFile], links: Mapping[str, str], folder: str = ""
    ) -> None:
        self._folder = folder
        self._files = files
        self._links = links
        # What imports mean, by folder, name and level.
        self._known: dict[tuple[str, str, int], str] = {}

    def resolve(self, importer: str, dotted: str, level: int) -> str:
        """What ``import dotted`` (or ``from ..dotted import``) in ``importer`` means.

        A file of the project as ``path.py:``, a folder as ``path/:``; else a library's name, or
        ``?`` and the name where a relative import leads nowhere.
        """
        key = (importer.rpartition("/")[0], dotted, level)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._resolve(*key)
        return found

    def submodule(self, path: str, name: str) -> str | None:
        """The module of that name in a package or folder."""
        if not path.endswith(("/", "__init__.py")):
            return None
        return self._module_at(posixpath.join(posixpath.dirname(path), name))

    @cached_property
    def own_packages(self) -> frozenset[str]:
        """The names by which files import the project itself; see `own_package`."""
        return own_packages(
            self._files,
            self._python_files,
            lambda name: self._module_at(name) is not None,
            self._folder,
        )

    def _resolve(self, folder: str, dotted: str, level: int) -> str:
        importer = folder
        parts = dotted.split(".") if dotted else []
        if level:
            for _ in range(level - 1):
                if not folder:
                    return f"?{dotted}"
                folder = posixpath.dirname(folder)
            return self._module_at(posixpath.join(folder, *parts)) or f"?{dotted}"
        top = parts[0]
        if top in _LIBRARIES and not {f"{top}.py", f"{top}/__init__.py"} & self._files.keys():
            return canonical(dotted)  # whatever else is called tensorflow, as a folder often is
        if top in self.own_packages:
            return self._module_at(posixpath.join("", *parts[1:])) or canonical(dotted)
        # A script's own folder comes first on sys.path; a package's parents stand for roots.
        while parts:
            found = self._module_at(posixpath.join(folder, *parts))
            if found:
                return found
            if not folder:
                break
            folder = posixpath.dirname(folder)
        if top not in sys.stdlib_module_names:
            for root, around in self._added_roots:
                is_served = not around or f"{importer}/".startswith(f"{around}/")
                found = self._module_at(posixpath.join(root, *parts)) if is_served else None
                if found:
                    return found
        return canonical(dotted)

    def _module_at(self, place: str) -> str | None:
        for path in (place + ".py", posixpath.join(place, "__init__.py")):
            path = self._links.get(path, path)
            if path in self._files:
                return path + ":"
        if place and place in self._folders:
            return place + "/:"
        return None

    @cached_property
    def _python_files(self) -> list[str]:
        return sorted(path for path in self._files if path.endswith(".py"))

    @cached_property
    def _folders(self) -> frozenset[str]:
        names: set[str] = set()
        for path in (*self._python_files, *self._links):
            folder = posixpath.dirname(path)
            while folder and folder not in names:
                names.add(folder)
                folder = posixpath.dirname(folder)
        return frozenset(names)

    @cached_property
    def _added_roots(self) -> list[tuple[str, str]]:
        """Folders that code adds to ``sys.path``, each with the folder whose files it serves.

        Taken for such are those that are named in a file which adds some, and where a
        ``setup.py`` has its packages. They serve what lies below the folder that holds both.
        """
        found: dict[tuple[str, str], None] = {}

        def add(folder: str, base: str, text: bytes) -> None:
            place = posixpath.normpath(posixpath.join(base, text.decode()))
            if place in self._folders:
                found[place, _common(folder, place)] = None

        for path in self._python_files:
            data = self._files[path].data
            folder = posixpath.dirname(path)
            if installed := _PACKAGE_DIR.search(data) if path.endswith("setup.py") else None:
                add(folder, folder, installed[1])
            if b"sys.path" in data:
                for text in _TEXT.findall(data):
                    for base in (folder, posixpath.dirname(folder), ""):
                        add(folder, base, text)
        return list(found)


def _common(first: str, second: str) -> str:
    """The innermost folder that holds both of two folders."""
    return posixpath.commonpath((first, second)) if first and second else ""
