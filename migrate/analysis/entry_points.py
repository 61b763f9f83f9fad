"""Which script of a project is the one that trains."""

from __future__ import annotations

import re
from collections.abc import Iterable

from migrate.analysis.flags import imported_by
from migrate.analysis.project import Project
from migrate.analysis.references import Use, is_unit_test
from migrate.analysis.training import trains

_SCRIPT = re.compile(rb"^if\s*\(?\s*__name__\s*==\s*['\"]__main__['\"]", re.MULTILINE)


def training_scripts(project: Project, uses: Iterable[Use]) -> list[str]:
    """The scripts that train, in sorted order.

    A script has ``if __name__ == "__main__"``. Where some train in their own lines, those that
    only import what could train, such as an evaluation that builds the same model, do not count.

    Args:
        uses: every use of TensorFlow's names, with its place.
    """
    training = {use.path for use in uses if trains(use)}
    scripts = [
        path
        for path in project.python_files
        if _SCRIPT.search(project.files[path].data) and not is_unit_test(project, path)
    ]
    return [path for path in scripts if path in training] or [
        path for path in scripts if not training.isdisjoint(imported_by(project, path))
    ]
