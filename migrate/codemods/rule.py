"""What a rule is: a code, a group, and a generator of changes."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from migrate.analysis.inventory import Settled
from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test
from migrate.analysis.words import holds_any
from migrate.codemods.edits import Edit
from migrate.findings import Finding, Severity

# The order of the patch series: compat is the baseline that parity compares with.
GROUPS = (
    "compat",
    "devices",
    "session",
    "input-pipeline",
    "precision",
    "distributed",
    "obs-io",
)
GROUP_TITLES = {
    "compat": "Make it run on TensorFlow 1.15.0 and Python 3.7",
    "devices": "Stop naming GPUs",
    "session": "Configure the sessions for Ascend",
    "input-pipeline": "Fit the input pipeline to the device",
    "precision": "Train in mixed precision",
    "distributed": "Train on several devices",
    "obs-io": "Let data and outputs lie elsewhere",
}


NOTHING: Mapping[str, Any] = MappingProxyType({})
# What a recipe says to rules, by their codes.
Options = Mapping[str, Mapping[str, Any]]


class RuntimeImport(NamedTuple):
    """The file needs ``from npu_runtime import name`` (or from one of its modules).

    Args:
        alias: the name that it gets in the file, where that is another.
        placed: the rule's own edits write the import; the engine only has to know.
        whole: ``name`` is itself a module of the runtime.
    """

    name: str
    module: str = "npu_runtime"
    alias: str = ""
    placed: bool = False
    whole: bool = False

    @property
    def bound(self) -> str:
        """What the file calls it."""
        return self.alias or self.name

    @property
    def provider(self) -> str:
        """The module that the port must carry."""
        return f"{self.module}.{self.name}" if self.whole else self.module


class FileChange(NamedTuple):
    """A whole file, written anew; only for what cannot be said as edits of a parsed module."""

    path: str
    data: bytes


class SessionRow(NamedTuple):
    """One place that opens a session, for the table in the report.

    Args:
        role: ``device``, ``host`` or ``unknown``.
        why: the evidence, in words.
    """

    path: str
    line: int
    kind: str
    role: str
    why: str


Change = Edit | RuntimeImport | FileChange | SessionRow | Settled | Finding


class Context(NamedTuple):
    """What a rule sees of one module.

    Args:
        module: the parsed file.
        project: the project around it, as the groups before left it.
        options: what the recipe says to this rule.
        code: the rule's code, for its findings.
    """

    module: Module
    project: Project
    options: Mapping[str, Any]
    code: str

    def replace(self, node: ast.AST, text: str) -> Edit:
        start, end = self.module.span(node)
        return Edit(start, end, text)

    def wrap(self, node: ast.AST, before: str, after: str) -> Iterator[Edit]:
        """Puts text around an expression and leaves its own characters alone."""
        start, end = self.module.span(node)
        yield Edit(start, start, before)
        yield Edit(end, end, after)

    def finding(
        self, node: ast.AST | None, severity: Severity, message: str, advice: str = ""
    ) -> Finding:
        line = getattr(node, "lineno", 0) if node is not None else 0
        return Finding(self.module.path, line, self.code, severity, message, advice)


class ProjectContext(NamedTuple):
    """What a rule sees that works on files rather than on a parsed module."""

    project: Project
    options: Mapping[str, Any]
    code: str

    def finding(
        self, path: str, line: int, severity: Severity, message: str, advice: str = ""
    ) -> Finding:
        return Finding(path, line, self.code, severity, message, advice)


class Option(NamedTuple):
    """A key that a recipe may set for a rule.

    Args:
        expected: what its value is, to be told where it is something else.
        fits: whether a value from the recipe is that.
    """

    expected: str
    fits: Callable[[Any], bool]


def is_table(value: Any, fits: Callable[[Any], bool]) -> bool:
    """Whether a value from a recipe is a table whose values all fit."""
    return isinstance(value, dict) and all(fits(item) for item in value.values())


@dataclass(eq=False)
class Rule:
    """A named rewrite; its module's docstring is its page for ``migrate explain``.

    Args:
        code: ``NPU`` and three digits, unique.
        name: short, in the field's terms.
        group: the patch that its edits belong to.
        literals: a file without any of these bytes cannot concern the rule.
        signs: nor can a file without a match of this; costs more than literals, and says more.
        finds: nor can a file of which this is false; told as soon as the file is parsed first,
            so that it need not be parsed again.
        paths: nor can files other than these, as the project's names tell.
        options: the keys that a recipe may set for it.
        needed: that of them, if any, without which it does nothing.
        places: that of them, if any, whose list of ``path.py:name`` names more files.
        facts: what it will ask of any file, read as soon as the file is parsed first.
        claims: qualified names that count as *rewritten* in a statement that the rule changed;
            ``keras.*`` stands for all names below ``keras``, in the whole file.
        unit_tests: whether it looks at unit tests, too.
        only_reports: it edits nothing, so that porting its output again need not ask it.
        whole: what it does to a file may rest on any other, not only on those that imports
            connect with it.
        late: what it does to the project waits until the group's modules are rewritten.
    """

    code: str
    name: str
    group: str
    literals: tuple[bytes, ...] = ()
    signs: re.Pattern[bytes] | None = None
    finds: Callable[[Project, str], bool] | None = None
    paths: Callable[[Project], Collection[str]] | None = None
    facts: tuple[Callable[[Project, str], object], ...] = ()
    claims: frozenset[str] = frozenset()
    unit_tests: bool = True
    only_reports: bool = False
    whole: bool = False
    late: bool = False
    options: Mapping[str, Option] = field(default_factory=dict)
    needed: str = ""
    places: str = ""
    page: str = field(default="", init=False)
    _module_check: Callable[[Context], Iterator[Change]] | None = field(default=None, init=False)
    _part_check: Callable[[ProjectContext], Iterator[Change]] | None = field(
        default=None, init=False
    )
    _project_check: Callable[[ProjectContext], Iterator[Change]] | None = field(
        default=None, init=False
    )

    def __post_init__(self) -> None:
        if self.finds is not None:
            self.facts = (*self.facts, self.finds)

    def on_module(
        self, check: Callable[[Context], Iterator[Change]]
    ) -> Callable[[Context], Iterator[Change]]:
        """Registers the generator that looks at one parsed module."""
        self._module_check = check
        return check

    def on_part(
        self, check: Callable[[ProjectContext], Iterator[Change]]
    ) -> Callable[[ProjectContext], Iterator[Change]]:
        """Registers the generator that looks at files that imports connect, as one project.

        It is asked before the modules of each part are rewritten.
        """
        self._part_check = check
        return check

    def on_project(
        self, check: Callable[[ProjectContext], Iterator[Change]]
    ) -> Callable[[ProjectContext], Iterator[Change]]:
        """Registers the generator that looks at the project's files, once per port.

        It is asked when the groups before are done with all files.
        """
        self._project_check = check
        return check

    def needs(self, path: str, advice: str) -> None:
        """Makes it an error that the project has no file of that name.

        Args:
            advice: what to do instead of what the rule does.
        """

        @self.on_project
        def find_file(context: ProjectContext) -> Iterator[Change]:
            if path not in context.project.files:
                yield context.finding(path, 0, "error", f"there is no {path}", advice)

    def concerns(self, project: Project, path: str, options: Mapping[str, Any] = NOTHING) -> bool:
        """Whether the rule has to look at the parsed module of a file."""
        if self._module_check is None or (self.needed and not options.get(self.needed)):
            return False
        if any(place.rpartition(":")[0] == path for place in options.get(self.places, ())):
            return True
        data = project.files[path].data
        if self.literals and not holds_any(data, self.literals):
            return False
        if self.finds is not None and not project.cached_for(path, self.finds):
            return False
        if not self.unit_tests and is_unit_test(project, path):
            return False
        if self.signs is not None and self.signs.search(data) is None:
            return False
        return self.paths is None or path in self.paths(project)

    def check_module(
        self, module: Module, project: Project, options: Mapping[str, Any]
    ) -> Iterator[Change]:
        if self._module_check is not None:
            yield from self._module_check(Context(module, project, options, self.code))

    def check_part(self, project: Project, options: Mapping[str, Any]) -> Iterator[Change]:
        if self._part_check is not None:
            yield from self._part_check(ProjectContext(project, options, self.code))

    def check_project(self, project: Project, options: Mapping[str, Any]) -> Iterator[Change]:
        if self._project_check is not None:
            yield from self._project_check(ProjectContext(project, options, self.code))

    def asks_project(self, options: Mapping[str, Any]) -> bool:
        """Whether ``check_project`` has anything to do.

        Args:
            options: what the recipe says to it. What has options only looks whether they fit.
        """
        return self._project_check is not None and bool(options or not self.options)

    @property
    def summary(self) -> str:
        return self.page.partition("\n")[0]

    @property
    def why(self) -> str:
        """The first sentence of the page's part that begins with "Why:"; empty without one."""
        part = self.page.partition("\nWhy: ")[2].partition("\n\n")[0]
        return re.split(r"(?<=[.!?]) ", " ".join(part.split()))[0]
