"""Makes requirements.txt install on Python 3.7 beside the platform's TensorFlow.

What it does: takes TensorFlow out of the requirements, since TensorFlow 1.15.0 is part of the
Ascend platform; gives every known distribution a version that installs together with the others
on Python 3.7; adds what the project's files import and its requirements do not name; and writes
requirements.txt where there is none. Files that requirements take in with `-r` are treated alike,
whatever their names.

Why: `pip install tensorflow-gpu` replaces or breaks the platform's TensorFlow. Without pins pip
takes the newest releases for Python 3.7, and several do not work with TensorFlow 1.15.0: protobuf 4
breaks `import tensorflow`, NumPy 1.20 breaks `tf.zeros` of a size known at run time, h5py 3 breaks
loading Keras models.

Example:
    tensorflow-gpu==1.14.0
    numpy  # arrays
    tqdm==4.30.0

becomes:
    # tensorflow-gpu==1.14.0 (TensorFlow 1.15.0 is the platform's own)
    numpy==1.19.5  # arrays
    tqdm==4.30.0

    # Needed as well:
    protobuf==3.20.3

A version that upstream asks for stays, unless it cannot be installed on Python 3.7 or does not work
with TensorFlow 1.15.0: then it is changed, with a note. Keras and SciPy go when no file of the port
imports them any more; Horovod goes always (NPU704), and so do names of Python's own modules.

Options (recipe): `pins`, a table from distribution to version (`numpy = "1.18.5"`), to another
specifier (`tqdm = ">=4.30"`), or to the empty text, which leaves the distribution out.

Fix safety: safe for the project's own code. Install into a fresh environment.

Not handled: an import that the kit does not know is named in a comment and a note, since a
distribution of the same name may be anyone's; it is an error where a pin's `path` leaves behind
what the repository has under that name, or leads an import out of the port. Such a port cannot run.
setup.py, environment.yml and Dockerfiles that name TensorFlow are notes.

Authority: TensorFlow 1.15.0's own metadata; PyPI's metadata for Python 3.7.
"""

from __future__ import annotations

import ast
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping

from migrate.analysis.distributions import (
    BACKPORTS,
    NOT_INSTALLED,
    PLATFORM,
    Distribution,
    by_import,
    by_name,
    normalized,
)
from migrate.analysis.imported import imported_packages
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, has_stars
from migrate.analysis.project import Project
from migrate.analysis.requirements import included, is_requirements, read_lines
from migrate.analysis.source import Source, UnreadableSource
from migrate.codemods.rule import Change, FileChange, Option, ProjectContext, Rule, is_table
from migrate.codemods.rules.npu804_scipy_images import gone_names
from migrate.findings import Finding
from migrate.upstream.tree import ITSELF

_PIN = re.compile(r"(?:(?:(?:===|[=<>!~]=|[<>])\s*)?\d[\w.*+!-]*(?:\s*,\s*|$))*")

NPU807 = Rule(
    "NPU807",
    "requirements",
    group="compat",
    late=True,
    options={
        "pins": Option(
            'a table from distribution to version, such as "1.18.5", ">=4.30" or ""',
            lambda value: is_table(
                value, lambda pin: isinstance(pin, str) and _PIN.fullmatch(pin) is not None
            ),
        )
    },
)

_ROOT = "requirements.txt"
_OTHERS = re.compile(
    r"(?:.*/)?(?:setup\.(?:py|cfg)|pyproject\.toml|environment[\w-]*\.ya?ml|Pipfile"
    r"|Dockerfile[\w.-]*)"
)
_ASKS_FOR_TF = re.compile(
    rb"tensorflow[-_]gpu|tensorflow\s*[=<>~]|tensorflow/tensorflow|['\"]tensorflow['\"]"
)
_USES_TF = re.compile(rb"\b(?:tensorflow|keras|tf_slim)\b")
_IMPORT = re.compile(rb"\bfrom[ \t]+(\w+)[\w.]*[ \t]+import\b|\bimport[ \t]+([\w.]+[^\r\n;#]*)")
_CLIMBS = re.compile(rb"\bfrom[ \t]+\.\.")
_TESTS = re.compile(r"(?:.*/)?(?:tests?/.*|test_[^/]*|[^/]*_test\.py)")
# Modules of Python itself: what PyPI has by these names does not install, or is never imported.
_PYTHONS_OWN = BACKPORTS | (NOT_INSTALLED & sys.stdlib_module_names)
_PLATFORMS_OWN = "TensorFlow 1.15.0 is the platform's own"
_HEAD = "# TensorFlow 1.15.0 is the platform's own. These install beside it on Python 3.7."
_ADDED = "# Needed as well:"
_BY_HAND = "Take TensorFlow out of it by hand."
_HOROVODS = "npu_runtime has Horovod's functions"
# Distributions that go when nothing imports these any more: the other rules took their uses away.
_KEPT_FOR = {
    "keras": frozenset({b"keras", b"classification_models"}),
    "scipy": frozenset({b"scipy"}),
}
# Modules that a file needs without importing them.
_BROUGHT = (
    (b"npu_runtime", re.compile(rb"\bnpu_runtime\b[^\r\n]*\bimages\b"), ("PIL", "numpy")),
    (b"keras", re.compile(rb"\bkeras\.preprocessing\b"), ("PIL", "scipy")),
    # Standalone Keras saves and loads by h5py, and not by its version 3.
    (b"keras", re.compile(rb"(?m)^[ \t]*(?:import|from)[ \t]+keras\b"), ("h5py",)),
)


@NPU807.on_project
def write_requirements(context: ProjectContext) -> Iterator[Change]:
    project = context.project
    if not any(_USES_TF.search(project.files[path].data) for path in project.python_files):
        return
    needs = _Needs(project, context.options.get("pins", {}))
    texts: dict[str, str] = {}
    for path in _requirements(project):
        try:
            source = Source(project.files[path].data)
        except UnreadableSource as error:
            yield context.finding(path, 0, "warning", f"left as it is: {error}", _BY_HAND)
            texts[path] = ""
            continue
        changed, findings = _ported(context, path, source.text, needs)
        yield from findings
        texts[path] = changed
        if path != _ROOT:
            yield FileChange(path, source.encode(changed))
    yield from _root(context, texts, needs)
    yield from _above(context)
    for path in sorted(path for path in project.files if _OTHERS.fullmatch(path)):
        if _ASKS_FOR_TF.search(project.files[path].data):
            message = "asks for TensorFlow, which the platform has"
            yield context.finding(path, 0, "note", message, "Do not install from this file.")


def _requirements(project: Project) -> list[str]:
    """The requirements files: by their names, and what those take in with ``-r``."""
    found = {path for path in project.files if is_requirements(path)}
    queue = sorted(found)
    while queue:
        path = queue.pop()
        text = project.files[path].data.decode("utf-8", "replace")
        new = {other for other in _includes(path, text) if other in project.files} - found
        found |= new
        queue += new
    return sorted(found)


class _Needs:
    """What a project's files import, and which version goes with each distribution."""

    def __init__(self, project: Project, chosen: Mapping[str, str]) -> None:
        self.chosen = {normalized(name): pin for name, pin in chosen.items()}
        self.imported: set[bytes] = set()
        # Every module that something needs, with the first file that imports it.
        self.modules: dict[str, str] = {}
        for path in project.files:
            if path.endswith(".ipynb"):
                self.imported |= set(_imported(project.files[path].data))
        # The project's own modules and packages, wherever they lie.
        parts = {part for path in project.python_files for part in path.split("/")}
        self._own = {part.removesuffix(".py") for part in parts}
        old_scipy = bare_yaml = None
        for path in project.python_files:
            data = project.files[path].data
            named = project.cached_for(path, _named)
            self.imported |= named
            if _TESTS.fullmatch(path):
                continue
            for word, pattern, modules in _BROUGHT:
                if word in data and pattern.search(data):
                    self.modules.update(dict.fromkeys(modules, path) | self.modules)
            if any(self._is_new(project, path, name.decode("latin-1")) for name in named):
                for name in project.cached_for(path, _needed):
                    if self._is_new(project, path, name):
                        self.modules[name] = path
            if b"scipy" in data and b"misc" in data and (module := project.parsed(path)):
                old_scipy = next((name for _, name in gone_names(module)), old_scipy)
            if b"yaml" in data and (module := project.parsed(path)):
                bare_yaml = bare_yaml or next(_loads_without_loader(module), None)
        self._scipy = old_scipy
        self._yaml = bare_yaml

    def _is_new(self, project: Project, path: str, name: str) -> bool:
        if name in NOT_INSTALLED or name in self.modules:
            return False
        if ":" in project.resolve_import(path, name, 0):
            return False
        # A module that the project finds by way of sys.path.
        return name not in self._own

    def wants(self, name: str) -> bool:
        """Whether the recipe names one of ``_KEPT_FOR``, or anything imports what it is for."""
        imported = self.imported & _KEPT_FOR[name]
        return bool(imported) or name in self.modules or name in self.chosen

    def entry(self, name: str) -> Distribution | None:
        """What is known about a distribution, by its normalized name."""
        known = by_name().get(name)
        if known is not None and name == "scipy" and self._scipy:
            reason = f"scipy.misc.{self._scipy} is used"
            return known._replace(pin="1.1.0", limit="1.2", breaks=reason)
        if known is not None and name == "pyyaml" and self._yaml:
            reason = f"{self._yaml} has no Loader"
            return known._replace(pin="5.4.1", limit="6", breaks=reason)
        return known

    def pin(self, name: str) -> str | None:
        """``==1.2``; empty for one that is left out; None for one that is not known."""
        if name in self.chosen:
            pin = self.chosen[name]
            return f"=={pin}" if pin[:1].isdigit() else pin
        known = self.entry(name)
        return f"=={known.pin}" if known is not None else None


def _loads_without_loader(module: Module) -> Iterator[str]:
    """Places that PyYAML 6 refuses, as ``yaml.load() in train.py:3``."""
    for call, name in module.calls_of("yaml.load", "yaml.load_all"):
        if not has_stars(call) and argument(call, "Loader", 1) is None:
            yield f"{name}() in {module.path}:{call.lineno}"


def _named(project: Project, path: str) -> frozenset[bytes]:
    """The packages that a file's lines import, as far as their text tells."""
    return frozenset(_imported(project.files[path].data))


def _imported(data: bytes) -> Iterator[bytes]:
    """What a file seems to import at the top level; parsing tells for sure."""
    for name, names in _IMPORT.findall(data):
        for part in (name or names).split(b","):
            if found := re.match(rb"\w+", part.strip()):
                yield found.group()


def _needed(project: Project, path: str) -> tuple[str, ...]:
    module = project.parsed(path)
    return tuple(_imports(module)) if module is not None else ()


def _imports(module: Module) -> Iterator[str]:
    """The top-level names of what a module imports and cannot do without."""
    for node in module.nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom) or _is_optional(module, node):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif not node.level and node.module:
            first = node.module.partition(".")[0]
            if first != "google":  # protobuf's and others', in one namespace
                yield first


def _is_optional(module: Module, node: ast.stmt) -> bool:
    return any(isinstance(parent, ast.Try) and parent.handlers for parent in module.ancestors(node))


def _ported(
    context: ProjectContext, path: str, text: str, needs: _Needs
) -> tuple[str, list[Finding]]:
    findings = []
    parts = []
    for line in read_lines(text):
        pin = needs.pin(line.name)
        known = needs.entry(line.name)
        if line.name in PLATFORM:
            parts.append(line.commented(_PLATFORMS_OWN))
        elif line.name == "horovod" and line.name not in needs.chosen:
            parts.append(line.commented(_HOROVODS))
        elif line.name in _PYTHONS_OWN and line.name not in needs.chosen and not line.is_fixed:
            parts.append(line.commented("Python 3.7 has it"))
        elif line.name in _KEPT_FOR and not needs.wants(line.name):
            parts.append(line.commented("no file imports it"))
        elif not pin and line.name in needs.chosen:
            parts.append(line.commented("left out by the recipe"))
        elif line.name in needs.chosen and pin:
            parts.append(line.with_pin(pin))
        elif not pin or known is None or line.is_fixed:
            parts.append(line.text)
        elif not line.specifiers:
            parts.append(line.with_pin(pin))
        elif known.suits(line.specifiers):
            parts.append(line.text)
        else:
            parts.append(line.with_pin(pin))
            reason = known.objection(line.specifiers)
            message = f"{line.name}{line.specifiers} becomes {pin}: {reason}"
            findings.append(context.finding(path, line.number, "note", message))
    return "".join(parts), findings


def _root(context: ProjectContext, texts: Mapping[str, str], needs: _Needs) -> Iterator[Change]:
    """The file at the root, with what no other line names."""
    listed = {line.name for text in _closure(texts, _ROOT) for line in read_lines(text)}
    missing: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for module, path in needs.modules.items():
        known = by_import().get(module)
        if known is None:
            if normalized(module) not in listed:
                unknown[module] = path
        elif not listed & {normalized(known.name), *known.instead}:
            missing[normalized(known.name)] = known.name
    for name in ("protobuf", *needs.chosen):
        if name not in listed:
            known = by_name().get(name)
            missing[name] = known.name if known else name
    lines = [f"{missing[name]}{needs.pin(name)}" for name in sorted(missing) if needs.pin(name)]
    text = texts.get(_ROOT)
    for module, path in sorted(unknown.items()):
        if module in context.project.beside:
            yield _outside(context, path, module)
            continue
        comment = f"# {module}: imported by {path}; name here what provides it"
        if text is None or comment not in text:
            lines.append(comment)
            message = f"what provides {module} is not known"
            yield context.finding(path, 0, "note", message, f"Name it in {_ROOT}.")
    file = context.project.files.get(_ROOT)
    if text is None or file is None:
        yield FileChange(_ROOT, "".join(f"{line}\n" for line in (_HEAD, *lines)).encode())
    elif text or not file.data:
        source = Source(file.data)
        if lines:
            start = "" if not text else text.rstrip("\r\n") + 2 * source.newline
            text = start + "".join(line + source.newline for line in (_ADDED, *lines))
        yield FileChange(_ROOT, source.encode(text))


def _outside(context: ProjectContext, path: str, name: str) -> Finding:
    """An import of what the repository has, and the pin's folder has not."""
    place = context.project.beside[name]
    around = posixpath.dirname(place.rstrip("/"))
    module = context.project.parsed(path)
    found = [n.lineno for n in module.imports if name in imported_packages(n)] if module else []
    if place == ITSELF:
        message = f"this import fails: {name} is the folder of the port, which has another name"
    else:
        message = (
            f"this import fails: {name} is {place} in upstream's repository, outside of the port"
        )
    return context.finding(path, min(found, default=0), "error", message, _widened(around))


def _above(context: ProjectContext) -> Iterator[Finding]:
    """Relative imports that lead out of the pin's folder."""
    project = context.project
    for path in project.python_files if project.beside else ():
        may_lead = _CLIMBS.search(project.files[path].data) and not _TESTS.fullmatch(path)
        module = project.parsed(path) if may_lead else None
        for node in module.imports if module is not None else ():
            assert module is not None
            climbs = isinstance(node, ast.ImportFrom) and node.level > path.count("/") + 1
            if climbs and not _is_optional(module, node):
                message = "this import fails: it leads out of the port"
                yield context.finding(path, node.lineno, "error", message, _widened(""))
                break


def _widened(around: str) -> str:
    """What to do with a pin whose folder is too small.

    Args:
        around: the folder that has it all; empty for the repository, or where that is not known.
    """
    wider = f'Set path = "{around}"' if around else "Set a wider path, or none,"
    return f"{wider} in upstream.lock; the recipe can leave out what the port does not need."


def _closure(texts: Mapping[str, str], path: str) -> Iterator[str]:
    """A file's text and those of the files that it includes."""
    seen: set[str] = set()
    queue = [path]
    while queue:
        path = queue.pop()
        if path in seen or path not in texts:
            continue
        seen.add(path)
        yield texts[path]
        queue += _includes(path, texts[path])


def _includes(path: str, text: str) -> list[str]:
    """The files that a requirements file takes in, by their paths in the project."""
    folder = posixpath.dirname(path)
    return [posixpath.normpath(posixpath.join(folder, name)) for name in included(text)]
