"""Which modules use standalone Keras, together, and whether tf.keras has all that they use."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from migrate.analysis.closure import reached
from migrate.analysis.imported import imported_files
from migrate.analysis.module import Module
from migrate.analysis.project import Project
from migrate.analysis.symbols import keras_in_tf_keras, known
from migrate.analysis.words import holds_any, is_used_elsewhere

KerasImport = ast.Import | ast.ImportFrom

# Packages whose layers and models are standalone Keras's: with tf.keras they do not mix.
_OTHERS = (
    "autokeras classification_models efficientnet elephas imageai innvestigate kapre mrcnn "
    "segmentation_models"
).split()
_BUILT_ON_KERAS = re.compile("|".join([r"keras_(?!applications$|preprocessing$)\w+", *_OTHERS]))
_WORDS = [word.encode() for word in ("keras", *_OTHERS)]
_IMPORTS_KERAS = re.compile(
    rb"\b(?:import|from)[ \t]+[^\n]*\b(?:keras|" + _BUILT_ON_KERAS.pattern.encode() + rb")"
)


@dataclass(frozen=True)
class StandaloneKeras:
    """Standalone Keras in one module.

    Args:
        targets: what each import's alias stands for in tf.keras, by its number in `Tree.numbers`;
            empty for one without a use.
        missing: a name that tf.keras does not have.
        foreign: a package built on standalone Keras that the module imports.
    """

    targets: dict[int, str] = field(default_factory=dict)
    missing: str = ""
    foreign: str = ""


class KerasUses:
    """What every module of a project does with standalone Keras; derive with ``cached``."""

    def __init__(self, project: Project) -> None:
        self.modules: dict[str, StandaloneKeras] = {}
        for path in project.python_files:
            data = project.files[path].data
            if holds_any(data, _WORDS) and _IMPORTS_KERAS.search(data):
                module = project.parsed(path)
                if module is not None and (use := _use(module, project)) is not None:
                    self.modules[path] = use
        self._reach = {
            path: reached([path], lambda one: project.cached_for(one, imported_files))
            for path in self.modules
        }

    @property
    def rewritten(self) -> set[str]:
        """The modules that name standalone Keras, which tf.keras may stand for."""
        return {path for path, use in self.modules.items() if use.targets}

    def obstacle(self, path: str) -> tuple[str, str] | None:
        """What keeps a module on standalone Keras, here or where its objects may meet others.

        Returns:
            The path of the module that has it, and what it is; None when nothing does.
        """
        for other in sorted(self._together(path), key=lambda other: (other != path, other)):
            use = self.modules[other]
            if use.foreign:
                return other, f"{use.foreign} is built on it"
            if use.missing:
                return other, f"tf.keras of TensorFlow 1.15.0 has no {use.missing}"
        return None

    def _together(self, path: str) -> set[str]:
        """The modules with Keras that import one another, by whatever way."""
        group = {path}
        grown = True
        while grown:
            grown = False
            for other in self.modules.keys() - group:
                if any(other in self._reach[one] or one in self._reach[other] for one in group):
                    group.add(other)
                    grown = True
        return group


def _use(module: Module, project: Project) -> StandaloneKeras | None:
    foreign = ""
    targets: dict[ast.alias, str] = {}
    for node, name in _imports(module, project):
        root = name.partition(".")[0]
        if _BUILT_ON_KERAS.fullmatch(root):
            foreign = foreign or root
        elif root == "keras":
            for alias in node.names:
                if isinstance(node, ast.Import):
                    if alias.name.partition(".")[0] != "keras":
                        continue
                    imported = alias.name if alias.asname else "keras"
                else:
                    imported = name if alias.name == "*" else f"{name}.{alias.name}"
                targets[alias] = imported
    if not targets:
        return StandaloneKeras(foreign=foreign) if foreign else None
    chains = _chains(module, targets)
    unused = {a for a in targets if a not in chains and _is_private(module, project, a)}
    found = {
        alias: "" if alias in unused else _target(name, chains.get(alias, []))
        for alias, name in targets.items()
    }
    missing = [targets[alias] for alias, target in found.items() if target is None]
    missing += [
        f"{targets[alias]}{attributes}"
        for alias, target in found.items()
        for attributes in chains.get(alias, [])
        if target and not _is_there(f"{target}{attributes}")
    ]
    missing += [name for name in _from_stars(module, found) if keras_in_tf_keras(name) is None]
    known_targets = {module.numbers[alias]: target or "" for alias, target in found.items()}
    return StandaloneKeras(known_targets, missing[0] if missing else "", foreign)


def _imports(module: Module, project: Project) -> Iterator[tuple[KerasImport, str]]:
    """The imports of libraries, with a dotted name for each; not those with a replacement."""
    for node in module.nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if any(isinstance(p, ast.Try) and p.handlers for p in module.ancestors(node)):
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module] if node.module and not node.level else []
        # Several names in one `import`: the one that matters here decides.
        for name in sorted(names, key=lambda name: not name.startswith("keras"))[:1]:
            if ":" not in project.resolve_import(module.path, name, 0):
                yield node, name


def _chains(module: Module, aliases: Collection[ast.alias]) -> dict[ast.alias, list[str]]:
    """What is read through each alias: ``.layers.Dense``, or nothing where it is used itself."""
    found: dict[ast.alias, list[str]] = {}
    for node in module.nodes:
        if not isinstance(node, ast.Name) or isinstance(node.ctx, ast.Store):
            continue
        _, bindings = module.lookup(node.id, node) or (None, [])
        for binding in bindings:
            if isinstance(binding.node, ast.alias) and binding.node in aliases:
                place: ast.AST = node
                attributes = ""
                while isinstance(above := module.parents[place], ast.Attribute):
                    attributes += f".{above.attr}"
                    place = above
                found.setdefault(binding.node, []).append(attributes)
    return found


def _is_private(module: Module, project: Project, alias: ast.alias) -> bool:
    """Whether no other file can use what the alias binds."""
    if alias.name == "*" or module.path.endswith("__init__.py"):
        return False
    if "__all__" in module.scope.bindings:
        return False
    name = alias.asname or alias.name.partition(".")[0]
    return not is_used_elsewhere(project, module.path, name)


def _target(name: str, chains: Sequence[str]) -> str | None:
    """What an imported name is in tf.keras."""
    direct = keras_in_tf_keras(name)
    if direct is not None:
        return direct
    # A module that tf.keras has under another name, such as np_utils.
    owners = set()
    for attributes in chains:
        first = attributes[1:].partition(".")[0]
        counterpart = keras_in_tf_keras(f"{name}.{first}") if first else None
        if counterpart is None or counterpart.rpartition(".")[2] != first:
            return None
        owners.add(counterpart.rpartition(".")[0])
    return owners.pop() if len(owners) == 1 else None


def _is_there(name: str) -> bool:
    """Whether tf.keras has a name, or a class of which it is an attribute."""
    owner, _, last = name.rpartition(".")
    if known(name) or last.startswith("__"):
        return True
    return owner.rpartition(".")[2][:1].isupper() and _is_there(owner)


def _from_stars(module: Module, aliases: Collection[ast.alias]) -> Iterator[str]:
    """The names that a module takes from ``from keras.layers import *``."""
    if any(alias.name == "*" for alias in aliases):
        for node in module.nodes:
            if isinstance(node, ast.Name) and module.lookup(node.id, node) is None:
                name = module.qualified(node) or ""
                if name.startswith("keras."):
                    yield name
