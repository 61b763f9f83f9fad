"""Lets a project that imports itself as a package start in its own folder.

What it does: where files import the project by the name of its folder (`from mynet import model`,
with model.py at the root), adds `mynet.py` at the root, a module that stands for that folder.

Why: such a project starts only where its folder has that very name, by `python -m` from the folder
above; a port lies in a folder of another name, and the runtime that it carries is found in its own.

Example:
    from mynet import model, ops    # model.py and ops.py lie beside this file

stays as it is, and mynet.py is:
    import os

    __path__ = [os.path.dirname(os.path.abspath(__file__))]

Fix safety: safe; started from the folder above, the project does not read the new file.

Not handled: projects without an `__init__.py` at their root, and names that it binds itself. Where
only one module is imported so, setup.py or the pin's `path` must have that name: a library may have
such a module, too. A name that is known as a library's, or stands in the requirements, is that
library.

Authority: Python's documentation, "The import system": a module with a `__path__` is a package.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.analysis.imported import imported_packages
from migrate.analysis.own_package import PATH_OF_PACKAGE
from migrate.analysis.project import Project
from migrate.codemods.rule import Change, FileChange, ProjectContext, Rule

_SHIM = '''\
"""This folder, as the package that its files import: `import {name}.module` is module.py here."""

import os

{path}
'''

NPU813 = Rule("NPU813", "own-package", group="compat")


@NPU813.on_project
def stand_for_folder(context: ProjectContext) -> Iterator[Change]:
    project = context.project
    for name in sorted(project.own_packages):
        path = f"{name}.py"
        importer = _importer(project, name)
        if importer and path not in project.files:
            yield FileChange(path, _SHIM.format(name=name, path=PATH_OF_PACKAGE).encode())
            message = f"its files import {name}, which is this folder: {path} stands for it"
            yield context.finding(
                importer, 0, "note", message, "Start the scripts in this folder, without -m."
            )


def _importer(project: Project, name: str) -> str:
    """The first file that imports a package; empty for none."""
    for path in project.python_files:
        module = project.parsed(path) if name.encode() in project.files[path].data else None
        if module is not None and any(name in imported_packages(n) for n in module.imports):
            return path
    return ""
