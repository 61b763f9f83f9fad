"""Where Keras models are trained or run, and which scripts lead there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.graph import Graph
from migrate.analysis.module import Module, keyword
from migrate.analysis.project import Project
from migrate.analysis.references import is_unit_test, owner_of
from migrate.analysis.training import KERAS_RUNNING, KERAS_TRAINING

_ROOTS = ("keras.", "tensorflow.keras.")
_METHODS = KERAS_TRAINING | KERAS_RUNNING
# Methods of no other library's models; `fit` and `predict` are everyone's.
_TELLING = frozenset(
    "fit_generator train_on_batch evaluate_generator test_on_batch predict_generator "
    "predict_on_batch".split()
)
SET_SESSION = frozenset(root + "backend.set_session" for root in _ROOTS)
CLEAR_SESSION = frozenset(root + "backend.clear_session" for root in _ROOTS)


class KerasUse:
    """The functions of a project that train or run a Keras model in Keras's own session.

    Args:
        project: the project; unit tests do not count.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        # Function to (path, line, method), the first in each.
        self.places: dict[str, tuple[str, int, str]] = {}
        if not any(b"keras" in project.files[path].data for path in project.python_files):
            return
        methods = [f".{name}(".encode() for name in _METHODS]
        for path in project.python_files:
            data = project.files[path].data
            if any(method in data for method in methods):
                self._read(path)

    def _read(self, path: str) -> None:
        module = self._project.parsed(path)
        if module is None or is_unit_test(self._project, path):
            return
        for call in running_calls(module, self._project):
            if not _in_session(module, call):
                assert isinstance(call.func, ast.Attribute)
                owner = owner_of(module, call)
                self.places.setdefault(owner, (path, call.lineno, call.func.attr))

    def reached(self, functions: set[str]) -> list[tuple[str, int, str]]:
        """The places that the functions lead to, in the order of files and lines."""
        if not self.places:
            return []  # the graph reads the whole project
        graph = self._project.cached(Graph)
        return sorted(self.places[key] for key in graph.reach(functions) & set(self.places))

    def scripts(self, function: str) -> list[str]:
        """The files whose own top level leads to a function."""
        callers = self._project.cached(Graph).callers({function})
        return sorted(
            key[:-1]
            for key in callers
            if key.endswith(":") and not is_unit_test(self._project, key[:-1])
        )


def running_calls(module: Module, project: Project) -> Iterator[ast.Call]:
    """The calls that train or run a Keras model."""
    compiled = _compiled(module)
    for node in module.nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in _METHODS:
            continue
        model = node.func.value
        kind = _class_of(module, model)
        if kind is not None and is_model(project, kind):
            yield node
        elif module.qualified(model) is not None:
            continue  # a module's function, or an own function's attribute
        elif (kind is None and node.func.attr in _TELLING) or (
            ":" not in (kind or "") and module.text_of(model) in compiled
        ):
            yield node


def is_model(project: Project, name: str) -> bool:
    """Whether a class is one of Keras's models, or derives from one."""
    seen: set[str] = set()
    queue = [name]
    while queue:
        name = queue.pop()
        if name.startswith(_ROOTS):
            plain = name.rpartition(".")[2]
            if plain in ("Model", "Sequential") or ".applications." in name:
                return True
        path, colon, dotted = name.partition(":")
        if not colon or name in seen or path not in project.files:
            continue
        seen.add(name)
        module = project.parsed(path)
        node = module.definition(dotted) if module is not None else None
        if module is not None and isinstance(node, ast.ClassDef):
            queue += [base for base in map(module.qualified, node.bases) if base]
    return False


def _class_of(module: Module, model: ast.expr) -> str | None:
    if isinstance(model, ast.Name) and model.id == "self":
        owner = module.class_of(model)
        return f"{module.path}:{owner.name}" if owner is not None else None
    return module.instance_of(model)


def _compiled(module: Module) -> set[str]:
    """The texts of what is compiled as only Keras models are: with a loss or an optimizer."""
    found = set()
    for node in module.nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "compile"
            and (keyword(node, "loss") or keyword(node, "optimizer"))
        ):
            found.add(module.text_of(node.func.value))
    return found


def _in_session(module: Module, call: ast.Call) -> bool:
    """Whether the call is inside a ``with`` that makes a TensorFlow session the default one."""
    for parent in module.ancestors(call):
        items = parent.items if isinstance(parent, ast.With) else []
        if any(_is_session(module, item.context_expr) for item in items):
            return True
    return False


def _is_session(module: Module, node: ast.expr) -> bool:
    made: ast.expr = node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        made = node.func.value if node.func.attr == "as_default" else node
    return module.instance_of(made) in ("tensorflow.Session", "tensorflow.InteractiveSession")
