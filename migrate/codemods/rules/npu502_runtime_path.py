"""Lets scripts in subfolders find the runtime that the modules they import need.

What it does: where a script below the port's root imports modules of its own folder, and one of
these imports `npu_runtime`, puts the root on `sys.path` before that import. A script that imports
the runtime itself gets those lines with the import.

Why: Python puts the folder of the script that it is started with on `sys.path`, and the runtime
lies at the port's root: `python tools/train.py` would end with a ModuleNotFoundError.

Example (tools/train.py, where tools/steps.py imports npu_runtime):
    import steps

    if __name__ == '__main__':
        steps.train()

becomes:
    import os
    import sys
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
    import steps

    if __name__ == '__main__':
        steps.train()

Options: none.

Fix safety: safe: a folder at the end of `sys.path` hides nothing.

Not handled: scripts that are started as modules of a package (`from . import steps`), those that
import from the root already, which have to be started from there, and imports within functions.

Authority: Python's documentation, "The initialization of the sys.path module search path".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrate.analysis.imported import imported_by
from migrate.analysis.project import Project
from migrate.codemods.edits import apply
from migrate.codemods.gates import check_bytes
from migrate.codemods.imports import PATH_SETUP, path_edit
from migrate.codemods.rule import Change, FileChange, ProjectContext, Rule
from migrate.starting import relative_import

NPU502 = Rule("NPU502", "runtime-path", group="obs-io", late=True)
_RUNTIME = re.compile(rb"(?m)^\s*(?:import|from)\s+npu_runtime\b")
# How scripts begin to work.
_STARTS = re.compile(rb"(?m)^(?:if\b.*__name__|[\w.]+\(|for\b|while\b|with\b)")


@NPU502.on_project
def find_runtime(context: ProjectContext) -> Iterator[Change]:
    project = context.project
    for path in project.python_files:
        if not _may_need(project, path):
            continue
        module = project.parsed(path)
        if module is None or relative_import(project, path):
            continue
        if not _leads_to_runtime(project, path):
            continue
        edit = path_edit(module, project)
        if edit is not None:
            text = apply(module.source.text, [edit])
            yield FileChange(path, check_bytes(module.source, text))


def _may_need(project: Project, path: str) -> bool:
    data = project.files[path].data
    return (
        "/" in path
        and _STARTS.search(data) is not None
        and _RUNTIME.search(data) is None
        and PATH_SETUP.encode() not in data
    )


def _leads_to_runtime(project: Project, path: str) -> bool:
    return any(_RUNTIME.search(project.files[file].data) for file in imported_by(project, path))
