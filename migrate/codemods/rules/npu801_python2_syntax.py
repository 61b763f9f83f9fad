"""Turns Python 2 files into Python 3.7.

What it does: a file that Python 3 cannot parse and that looks like Python 2 (print and exec
statements, `except X, e`, `raise X, "..."`, `<>`, backquotes, `0777`, `10L`, `ur"..."`) goes
through the fixers of fissix, a maintained copy of lib2to3. They also give Python 3's meaning to
the rest of such a file: `d.keys()[0]`, `xrange`, `has_key`, `urllib2`, and so on. Where indentation
mixes tabs and spaces in a way that only Python 2 can read, spaces take the place of the tabs. A
first line that starts a file with Python 2, such as `#!/usr/bin/env python2`, names Python 3
wherever Python 3 can read the file. Shell scripts that start one with `python2` are warnings.

Why: TensorFlow 1.15.0 on Ascend runs on Python 3.7. Neither this kit nor Python 3 can read such a
file, so nothing else in it would be ported.

Example:
    #!/usr/bin/env python2
    print "step", step
    name = data[data.keys()[0]]

becomes:
    #!/usr/bin/env python3
    print("step", step)
    name = data[list(data.keys())[0]]

Fix safety: the result is taken only if it parses as Python 3.7 and keeps every comment; lines that
need no change keep their bytes. Divisions in a file without `from __future__ import division` are
notes: `/` between two integers used to drop the remainder. So they are in a file that parses, but
has other things of Python 2 in it, or is started with it.

Not handled: text against bytes, and names of Python 2 in files that do parse (NPU802, NPU808,
NPU809 and NPU811). A file that stays unreadable is reported as NPU902.

Authority: Python 3.7 documentation, "2to3 - Automated Python 2 to 3 code translation"; Python 2.7
reference, "Indentation": a tab reaches to the next multiple of eight.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from migrate.analysis.project import Project
from migrate.analysis.source import Source
from migrate.codemods.edits import Edit
from migrate.codemods.gates import GateFailed, check_bytes, check_python
from migrate.codemods.python2 import divisions
from migrate.codemods.rule import Change, FileChange, ProjectContext, Rule
from migrate.workspace import cache_folder

NPU801 = Rule("NPU801", "python2-syntax", group="compat")

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_INDENT = re.compile(r"\A[ \t]+")
# What the parser says of a file that Python 2 may read.
_MIXED = "inconsistent use of tabs and spaces"
_OWN_NEXT = re.compile(rb"\bdef[ \t]+next[ \t]*\([ \t]*self\b")
# What only Python 2 can read; a file that matches may still be Python 3.
_SIGNS = re.compile(
    rb"""
    \bprint(?:[ \t]+[^\s=(]|[ \t]*>>|[ \t]*$|[ \t]*\(.*\)[ \t]*(?:,|%))
    | \bexec[ \t]+[^\s=(]
    | \bexcept\b[^:\n]*,
    | \braise\b[^\n(]*,
    | <> | ` | \b0\d | \d[lL]\b | \b[uU][rR]['"]
    | \b(?:def\b[^\n]*|lambda\b[ \t]*)\([^)]*\(
    """,
    re.MULTILINE | re.VERBOSE,
)
# Rules that change what only Python 2 can run, and words that tell of it before they are asked.
_TELLING = frozenset({"NPU802", "NPU808", "NPU809"})
_WORDS = re.compile(
    rb"\b(?:basestring|cPickle|execfile|has_key|imap|iter(?:items|keys|values)|izip|maxint|raw_input"
    rb"|unicode|urllib2|xrange)\b|\.next\(\)"
    rb"|\b(?:import|from)[ \t]+(?:ConfigParser|Queue|StringIO)\b"
)
_SHEBANG = re.compile(rb"#![^\r\n]*[/ \t]python(2(?:\.\d+)?)(?=\s|\Z)")
_COMMAND = re.compile(r"(?<![\w.-])(python2(?:\.\d+)?)(?:[ \t]+-\w+)*[ \t]+(?:\S+\.py|-[cm])\b")
_FIXERS = (
    "apply basestring dict except exec execfile filter funcattrs getcwdu has_key imports input "
    "intern itertools itertools_imports long map methodattrs metaclass ne next nonzero numliterals "
    "operator print raise raw_input reduce reload repr standarderror sys_exc throw tuple_params "
    "types unicode urllib xrange xreadlines zip"
).split()
_MODULES = frozenset({"itertools", "operator", "types", "urllib"})  # that fixers have names of


@NPU801.on_project
def fix_python2(context: ProjectContext) -> Iterator[Change]:
    for path in context.project.python_files:
        failure = context.project.failure(path)
        if failure is not None and failure.kind == "syntax":
            data = context.project.files[path].data
            if _SIGNS.search(data) or failure.reason.startswith(_MIXED):
                yield from _fix(context, path, Source(data))
        elif failure is None:
            data = context.project.files[path].data
            started = _started_with_python3(data)
            if started != data:
                yield FileChange(path, started)
            lines = _divisions(context, path, certain=started != data)
            yield from _tell_of_division(context, path, lines)
    yield from _commands(context)


def _commands(context: ProjectContext) -> Iterator[Change]:
    for path, file in sorted(context.project.files.items()):
        if path.endswith((".sh", ".bash")) and b"python2" in file.data:
            for line, text in enumerate(file.data.decode("utf-8", "replace").splitlines(), 1):
                if found := _COMMAND.search(text.partition("#")[0]):
                    message = f"{found[1]} has no TensorFlow 1.15.0 on an Ascend machine"
                    yield context.finding(path, line, "warning", message, "Write python3.7.")


def _started_with_python3(data: bytes) -> bytes:
    """A file with Python 3 for Python 2 in its first line."""
    found = _SHEBANG.match(data)
    return data if found is None else data[: found.start(1)] + b"3" + data[found.end(1) :]


def _divisions(context: ProjectContext, path: str, *, certain: bool) -> list[int]:
    """The lines of a file that divide, if it turns out to be for Python 2.

    Args:
        certain: it is.
    """
    from migrate.codemods.registry import kit_rules

    project = context.project
    data = project.files[path].data
    if b"/" not in data or not (certain or _WORDS.search(data)):
        return []
    rules = [r for r in kit_rules() if r.code in _TELLING and r.concerns(project, path)]
    module = project.parsed(path)
    lines = divisions(module.tree) if module is not None else []
    if module is None or not lines or certain:
        return lines
    changes = (c for rule in rules for c in rule.check_module(module, project, {}))
    return lines if any(isinstance(change, Edit) for change in changes) else []


def _tell_of_division(context: ProjectContext, path: str, lines: Sequence[int]) -> Iterator[Change]:
    message = "Python 2 drops the remainder where both operands of / are integers"
    for line in lines:
        yield context.finding(path, line, "note", message, "Write // where that was meant.")


def _fix(context: ProjectContext, path: str, source: Source) -> Iterator[Change]:
    _load_fissix()
    text = _fixed(source, _fixers(context.project, path, source.text))
    if text is None:
        return
    if _is_mixed(text):
        text = _with_spaces(text)
    try:
        check_python(text)
        yield FileChange(path, _started_with_python3(check_bytes(source, text)))
    except GateFailed:
        return
    yield from _tell_of_division(context, path, divisions(ast.parse(text)))


def _is_mixed(text: str) -> bool:
    """Whether the indentation is what keeps Python 3 from reading a text."""
    try:
        ast.parse(text)
    except TabError:
        return True
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return False


def _with_spaces(text: str) -> str:
    """The text with its lines indented by spaces as far as Python 2 takes tabs to reach."""
    from fissix.pgen2 import tokenize

    within: set[int] = set()  # a string, whose lines are not indented
    read = StringIO(text, newline=None).readline
    for kind, _, (first, _), (last, _), _ in tokenize.generate_tokens(read):
        if kind == tokenize.STRING:
            within.update(range(first + 1, last + 1))
    lines = _LINE.findall(text)
    return "".join(
        line if number in within else _INDENT.sub(lambda tabs: tabs[0].expandtabs(8), line)
        for number, line in enumerate(lines, 1)
    )


@cache
def _load_fissix() -> None:
    """Imports fissix, which keeps its grammar's tables in the kit's cache, or for this run only."""
    import fissix

    try:
        fissix.CACHE_DIR = cache_folder() / "fissix"
        import fissix.pygram
    except Exception:  # no home, a cache that cannot be written, a damaged table
        with TemporaryDirectory(prefix="migrate-fissix-") as folder:
            fissix.CACHE_DIR = Path(folder)
            import fissix.pygram


def _fixers(project: Project, path: str, text: str) -> tuple[str, ...]:
    """The fixers for one file: names that the project defines are not the standard library's."""
    from fissix.fixes.fix_imports import MAPPING

    left_out = set()
    if any(":" in project.resolve_import(path, name, 0) for name in MAPPING):
        left_out.add("imports")
    if any(_OWN_NEXT.search(project.files[other].data) for other in project.python_files):
        left_out.add("next")
    for name in _FIXERS:
        # A fixer of a module is for the files that import it, unless it is another one's.
        imported = rf"\bfrom\b.*\bimport\b.*\b{name}\b|\bas[ \t]+{name}\b"
        if name not in _MODULES:
            imported = rf"\bimport\b.*\b{name}\b"
        elif ":" in project.resolve_import(path, name, 0):
            left_out.add(name)
        if re.search(rf"(?m)\bdef {name}\b|{imported}|^[ \t]*{name}[ \t]*=", text):
            left_out.add(name)
    return tuple(f"fissix.fixes.fix_{name}" for name in _FIXERS if name not in left_out)


def _fixed(source: Source, fixers: tuple[str, ...]) -> str | None:
    """The text as Python 3; None when the fixers cannot read it or would lose a comment."""
    old = _LINE.findall(source.text)
    before = [line.rstrip("\r\n") for line in old]
    try:
        result = _tool(fixers).refactored("\n".join([*before, ""]))
    except Exception:  # the parser's errors have no common class
        return None
    after = result.removesuffix("\n").split("\n")
    if _comments(before) - _comments(after):
        return None
    return _with_old_lines(source, old, before, after)


def _comments(lines: Sequence[str]) -> Counter[str]:
    comments = Counter(line.strip() for line in lines if line.lstrip().startswith("#"))
    return comments + Counter("#" * line.count("#") for line in lines if "#" in line)


@cache
def _tool(fixers: tuple[str, ...]) -> Any:
    from fissix.fixes.fix_print import FixPrint
    from fissix.fixes.fix_types import _TYPE_MAPPING
    from fissix.fixes.fix_unicode import FixUnicode
    from fissix.refactor import RefactoringTool

    # A string literal is a str in both; fissix says bytes.
    _TYPE_MAPPING["StringType"] = "str"

    class Tool(RefactoringTool):  # type: ignore[misc]
        def get_fixers(self) -> Any:
            found = super().get_fixers()
            for fixer in [*found[0], *found[1]]:
                if isinstance(fixer, FixPrint):
                    fixer.match = _unless(_is_in_parentheses, fixer.match)
                elif isinstance(fixer, FixUnicode):
                    fixer.match = _unless(_is_python3_string, fixer.match)
            return found

        def refactored(self, text: str) -> str:
            tree = self.refactor_string(text, "file")
            result = str(tree)
            # Parents and children hold one another, and no collector runs meanwhile.
            for node in (*self._before, *tree.pre_order()):
                for child in node.children:
                    child.parent = None
            self._before.clear()
            return result

        def refactor_tree(self, tree: Any, name: str) -> Any:
            self._before = list(tree.pre_order())
            return super().refactor_tree(tree, name)

    return Tool(fixers)


def _unless(test: Callable[[Any], bool], match: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda node: False if test(node) else match(node)


def _is_in_parentheses(node: Any) -> bool:
    """`print (x)` is Python 3 as it stands."""
    inner = node.children[1].children if len(node.children) == 2 else []
    return bool(inner) and getattr(inner[0], "value", "") == "("


def _is_python3_string(node: Any) -> bool:
    """`u"..."` is Python 3 as it stands, `ur"..."` and a backslash before a u are not."""
    return str(node.value)[:1] in "uU" and str(node.value)[1:2] in "\"'"


def _with_old_lines(
    source: Source, old: Sequence[str], before: Sequence[str], after: Sequence[str]
) -> str:
    """The new lines; those that are the same keep their bytes, down to the line ending."""
    lines: list[str] = []
    match = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, new_start, new_end in match.get_opcodes():
        if kind == "equal":
            lines += old[start:end]
        else:
            lines += [
                re.sub(r"^(\s*import (\w+)) as \2$", r"\1", line) + source.newline
                for line in after[new_start:new_end]
            ]
    if old and before[-1] == old[-1]:
        lines[-1] = lines[-1].rstrip("\r\n")
    return "".join(lines)
