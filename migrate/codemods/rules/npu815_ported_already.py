"""Reports projects that were ported to the NPU before.

What it does: warns once of a project that imports npu_bridge, at the first file that does. Nothing
is changed.

Why: a port of a port is hard to review, and decisions that somebody else made stay in it. Options
of an NpuOptimizer that a session's configuration has already are kept, and the port's are added;
what the other porter took for a device session is decided anew, by what runs in it.

Example:
    from npu_bridge.npu_init import *

stays as it is, with a warning.

Options: none.

Fix safety: nothing is fixed.

Not handled: which of its edits a port made; NPUEstimator and NPURunConfig stay as they are.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", "Automated Porting": the converter's output
imports npu_bridge.npu_init.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate.analysis.imported import imported_packages
from migrate.codemods.rule import Change, ProjectContext, Rule

_PACKAGE = "npu_bridge"

NPU815 = Rule("NPU815", "ported-already", group="compat", only_reports=True)


@NPU815.on_project
def report_ports(context: ProjectContext) -> Iterator[Change]:
    places = list(_imports(context))
    if places:
        (path, line), *others = places
        more = f", as {len(others)} other file{'s do' * (len(others) > 1) or ' does'}"
        yield context.finding(
            path,
            line,
            "warning",
            f"this project was ported before: it imports {_PACKAGE} here{more if others else ''}",
            "Port the original for GPUs, if there is one. Otherwise check the table of sessions, "
            "and take out by hand what the first port did.",
        )


def _imports(context: ProjectContext) -> Iterator[tuple[str, int]]:
    """The first import of the package in each file that has one."""
    project = context.project
    if ":" in project.resolve_import("", _PACKAGE, 0):
        return  # a module of the project's own
    for path in project.python_files:
        module = project.parsed(path) if _PACKAGE.encode() in project.files[path].data else None
        for node in module.imports if module is not None else ():
            if _PACKAGE in imported_packages(node):
                yield path, node.lineno
                break
