"""Which script of a project is the one that trains, and what code runs as it trains."""

from __future__ import annotations

import re
from collections.abc import Iterable

from migrate.analysis.closure import reached
from migrate.analysis.estimators import ESTIMATORS
from migrate.analysis.graph import Graph
from migrate.analysis.imported import imported_by, importers
from migrate.analysis.keras_models import KerasUse
from migrate.analysis.project import Project
from migrate.analysis.references import files_of, functions_in, is_unit_test
from migrate.analysis.training import KERAS_TRAINING, trains

# Words in the name of a script that uses a model, rather than to train it.
_USES = frozenset(
    "ckpt2pb decode demo enjoy eval evaler evaluate evaluation evaluator export freeze frozen "
    "generate infer inference interpolate pb predict sample synthesis synthesize synthesizer test "
    "validate visualize".split()
)
# Those by which also scripts are called that show a training.
_SHOWS = frozenset({"demo", "synthesis"})
_TRAINS = frozenset({"train", "trainer", "training"})
_IMPORT = re.compile(rb"(?m)^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import[ \t]+([\w., \t(]+)")
_SCRIPT = re.compile(rb"^if\s*\(?\s*__name__\s*==\s*['\"]__main__['\"]", re.MULTILINE)


def training_scripts(project: Project) -> list[str]:
    """The scripts that train, in sorted order; derive with ``cached``.

    Scripts are files with ``if __name__ == "__main__"``, and those that no other file imports, from
    wherever, and whose own code trains. Those whose names tell that they use a model count only
    where no other script trains.

    An evaluation that makes the same model does not train. So what a script names counts, step by
    step, and first without the methods of a class that it makes but does not call; where no
    script trains by that, with them. Where nothing leads from any script to what trains, as where
    functions are called by their names in texts, a script's name tells, if it imports such code.
    """
    graph = project.cached(Graph)
    files = [path for path in project.python_files if not is_unit_test(project, path)]
    data = {path: project.files[path].data for path in files}
    mains = [p for p in files if b"__main__" in data[p] and _SCRIPT.search(data[p])]
    others = [path for path in files if path not in mains and not _is_imported(project, path)]
    plain = [path for path in others if not _uses_a_model(path)]

    def naming(scripts: list[str]) -> list[str]:
        return [path for path in scripts if _trains(graph, _named(graph, f"{path}:"))]

    def reaching(scripts: list[str]) -> list[str]:
        return [path for path in scripts if _trains(graph, graph.reach({f"{path}:"}))]

    def no_modules(scripts: list[str]) -> list[str]:
        return [path for path in scripts if not _is_named(project, path)]

    found = sorted([*(naming(mains) or reaching(mains)), *no_modules(naming(plain))])
    return (
        [path for path in found if not _uses_a_model(path)]
        or found
        or no_modules(reaching(plain))
        or naming([path for path in others if not _words(path) & (_USES - _SHOWS)])
        or [path for path in mains if _words(path) & _TRAINS and _imports_training(project, path)]
    )


def likeliest(scripts: Iterable[str]) -> list[str]:
    """Scripts that train, in the order in which one is likely to be what a person starts."""

    def order(path: str) -> tuple[bool, int, int, str]:
        words = _words(path)
        return words.isdisjoint(_TRAINS), path.count("/"), len(words), path

    return sorted(scripts, key=order)


def training_code(project: Project) -> frozenset[str]:
    """Every function that a program which trains may run; a file's own code is ``path:``.

    A program is any file whose own code leads to training. Unit tests are none, nor are those that
    make the same graph for something else, as their names tell (``evaluate.py``), where others are
    the scripts that train.
    """
    graph = project.cached(Graph)
    leading = graph.leading(project.cached(_trainers))
    programs = [
        path
        for path in project.python_files
        if f"{path}:" in leading
        and not is_unit_test(project, path)
        and (not _uses_a_model(path) or path in project.cached(training_scripts))
    ]
    imported = {f"{path}:" for path in imported_by(project, *programs)}
    return frozenset(graph.reach(imported))


def training_files(project: Project) -> frozenset[str]:
    """The files that any of that code is in."""
    return frozenset(files_of(project.cached(training_code)))


def _uses_a_model(path: str) -> bool:
    return bool(_words(path) & _USES) and "train" not in _words(path)


def _words(path: str) -> set[str]:
    """The words in a file's name."""
    return set(re.split(r"[\W_]+", path.rpartition("/")[2].lower()))


def _is_imported(project: Project, path: str) -> bool:
    return any(other != path for other in project.cached(importers).get(path, ()))


def _is_named(project: Project, path: str) -> bool:
    """Whether a file imports it, from a folder that only those who start it know (PYTHONPATH)."""
    parts = path.removesuffix(".py").split("/")
    names = {".".join(parts[start:]) for start in range(1, len(parts))}
    for other in project.all_python_files:
        met = names & project.cached_for(other, _import_words)
        if met and other != path and not is_unit_test(project, other):
            for dotted in met:
                target = project.resolve_import(other, dotted, 0).partition(":")[0]
                if target not in project.files:
                    return True
    return False


def _import_words(project: Project, path: str) -> frozenset[str]:
    """What a file may import absolutely, by its text alone: all files are asked, unparsed."""
    found = set()
    for line in _IMPORT.finditer(project.files[path].data):
        base, names = (word.decode() for word in line.groups(b""))
        found |= {f"{base}.{name}".strip(".") for name in (*re.findall(r"[\w.]+", names), "")}
    return frozenset(found)


def _imports_training(project: Project, path: str) -> bool:
    """Whether a file, or what it imports, has functions that train."""
    files = imported_by(project, path)
    return bool(files_of(project.cached(_trainers)).intersection(files))


def _trainers(project: Project) -> set[str]:
    """The functions that train by what they name."""
    keras = project.cached(KerasUse)
    found = {
        key
        for key, places in keras.places.items()
        if any(p.method in KERAS_TRAINING and (p.certain or keras.makes_models) for p in places)
    }
    for path in project.python_files:
        for key, facts in functions_in(project, path).items():
            if any(trains(use) or use.name in ESTIMATORS for use in facts.uses):
                found.add(key)
    return found


def _trains(graph: Graph, functions: set[str]) -> bool:
    return any(trains(use) for use in graph.uses(functions))


def _named(graph: Graph, root: str) -> set[str]:
    def step(key: str) -> Iterable[str]:
        facts = graph.facts(key)
        if facts is not None:
            return facts.references
        return () if key.endswith(".__init__") else (f"{key}.__init__",)  # a class

    return reached([root], step)
