"""What a check is: a code, and a generator of findings about a whole port."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test
from migrate.findings import Finding, Severity
from migrate.manifest import Manifest
from migrate.upstream.tree import SourceFile


class CannotCheck(Exception):
    """The check could not run; the message says why, in words."""


@dataclass(frozen=True)
class Context:
    """What a check sees.

    Args:
        files: every file of the port, its manifest and the runtime that it carries included.
        project: the port's own files, without those of the runtime.
        adapter: the adapter release to check for, such as ``r1.15.0``.
        manifest: what the kit recorded when it made the port; None for a hand-made port.
        code: the check's code, for its findings.
    """

    files: Mapping[str, SourceFile]
    project: Project
    adapter: str
    manifest: Manifest | None
    code: str

    def finding(
        self,
        where: Module | str,
        node: ast.AST | int,
        severity: Severity,
        message: str,
        advice: str = "",
    ) -> Finding:
        path = where if isinstance(where, str) else where.path
        line = node if isinstance(node, int) else getattr(node, "lineno", 0)
        return Finding(path, line, self.code, severity, message, advice)

    def modules(self, *literals: bytes) -> Iterator[Module]:
        """The files that parse and hold one of the texts, unit tests apart."""
        for path in self.project.python_files:
            data = self.project.files[path].data
            if any(literal in data for literal in literals) and not is_unit_test(
                self.project, path
            ):
                module = self.project.parsed(path)
                if module is not None:
                    yield module

    def texts(self, *endings: str) -> Iterator[tuple[str, str]]:
        """Path and text of the files whose lower-case names end with one of ``endings``."""
        for path, file in self.files.items():
            if path.lower().endswith(endings):
                yield path, file.data.decode("utf-8", "replace")


@dataclass(eq=False)
class Check:
    """A named check; its module's docstring is its page for ``migrate explain``.

    Args:
        code: ``CHK`` and three digits, unique; the hundreds are those of the rules.
        name: short, in the field's terms.
    """

    code: str
    name: str
    page: str = field(default="", init=False)
    _find: Callable[[Context], Iterator[Finding]] | None = field(default=None, init=False)

    def on_port(
        self, find: Callable[[Context], Iterator[Finding]]
    ) -> Callable[[Context], Iterator[Finding]]:
        """Registers the generator that looks at the port."""
        self._find = find
        return find

    def run(self, context: Context) -> Iterator[Finding]:
        """What it finds.

        Raises:
            CannotCheck: it cannot tell, and why.
        """
        assert self._find is not None
        yield from self._find(context)
