"""Where Keras models are trained or run, and which scripts lead there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from migrate.analysis.graph import Graph
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, is_none, is_self, keyword
from migrate.analysis.project import Project
from migrate.analysis.references import classes_in, files_of, functions_in, is_unit_test, owner_of
from migrate.analysis.training import KERAS_RUNNING, KERAS_TRAINING, trains

_ROOTS = ("keras.", "tensorflow.keras.")
_METHODS = KERAS_TRAINING | KERAS_RUNNING
_GETTING = "get_session"
_STEP = "function with updates"
# Methods of no other library's models; `fit` and `predict` are everyone's.
_TELLING = frozenset(
    "fit_generator train_on_batch evaluate_generator test_on_batch predict_generator "
    "predict_on_batch".split()
)
# Methods that an Estimator has as well.
_ESTIMATORS_HAVE = frozenset({"evaluate", "predict"})
_MAKERS = frozenset(
    "Model Sequential load_model clone_model model_from_config model_from_json model_from_yaml "
    "multi_gpu_model".split()
)
_FUNCTION = tuple(root + "backend.function" for root in _ROOTS)
SET_SESSION = frozenset(root + "backend.set_session" for root in _ROOTS)
GET_SESSION = frozenset(root + "backend.get_session" for root in _ROOTS)
CLEAR_SESSION = frozenset(root + "backend.clear_session" for root in _ROOTS)


class Place(NamedTuple):
    """A call that trains or runs a model.

    Args:
        certain: whether the model is one of Keras's; else only its methods say so.
        in_session: whether it is inside a ``with`` that makes a session the default one.
    """

    path: str
    line: int
    method: str
    certain: bool
    in_session: bool

    def __str__(self) -> str:
        if self.method == _GETTING:
            return f"the session of Keras at {self.path}:{self.line}"
        if self.method == _STEP:
            return f"K.function with updates at {self.path}:{self.line}"
        model = "a Keras model" if self.certain else "what may be a Keras model"
        return f"{self.method} of {model} at {self.path}:{self.line}"


class KerasUse:
    """The functions of a project that train or run a Keras model.

    An object of unknown class (a parameter, an element of a list, the result of what cannot be
    followed) counts as a model where the same code also makes a Keras model.

    Args:
        project: the project; unit tests do not count.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.places: dict[str, list[Place]] = {}
        if not any(b"keras" in project.files[path].data for path in project.python_files):
            return
        methods = [f".{name}(".encode() for name in _METHODS] + [_GETTING.encode(), b"function("]
        for path in project.python_files:
            data = project.files[path].data
            if any(method in data for method in methods):
                for owner, place in project.cached_for(path, _places_in):
                    self.places.setdefault(owner, []).append(place)

    def calls(self, module: Module) -> Iterator[tuple[ast.Call, Place]]:
        """The calls of one file that train or run a model."""
        return _calls(module, self._project)

    @cached_property
    def paths(self) -> set[str]:
        """The files that hold such a call, or whose own top level leads to one."""
        found = files_of(self.places)
        if found:
            callers = self._project.cached(Graph).callers(self.places)
            found |= {key[:-1] for key in callers if key.endswith(":")}
        return found

    def reached(self, functions: Iterable[str]) -> list[Place]:
        """The places that the functions lead to and that are in no session's ``with``, sorted."""
        if not self.places:
            return []  # the graph reads the whole project
        places = self.within(self._project.cached(Graph).reach(functions))
        return [place for place in places if not place.in_session]

    def within(self, functions: set[str]) -> list[Place]:
        """The places in just these functions, in the order of files and lines."""
        if self.places.keys().isdisjoint(functions):
            return []
        found = [place for key in functions & self.places.keys() for place in self.places[key]]
        if not all(place.certain for place in found):
            makes, estimates = self._makes(functions)
            found = [
                place
                for place in found
                if place.certain
                or (
                    (self._trains(functions) if place.method == _GETTING else makes)
                    and not (estimates and place.method in _ESTIMATORS_HAVE)
                )
            ]
        return sorted(found)

    def _trains(self, functions: set[str]) -> bool:
        """Whether the functions make an optimizer, or do something else that trains."""
        return any(trains(use) for use in self._project.cached(Graph).uses(functions))

    def _makes(self, functions: set[str]) -> tuple[bool, bool]:
        """Whether the functions make a Keras model, and whether they use an Estimator."""
        names = {use.name for use in self._project.cached(Graph).uses(functions)}
        makes = any(map(_makes_model, names)) or not self._own_models.isdisjoint(functions)
        return makes, any(name.startswith("tensorflow.estimator.") for name in names)

    @cached_property
    def _own_models(self) -> set[str]:
        """The project's own classes of models."""
        return {
            name
            for path in self._project.python_files
            for name in classes_in(self._project, path)
            if is_model(self._project, name)
        }

    @cached_property
    def makes_models(self) -> bool:
        """Whether anything in the project makes a Keras model."""
        return bool(self._own_models) or any(
            _makes_model(use.name)
            for path in self._project.python_files
            for facts in functions_in(self._project, path).values()
            for use in facts.uses
        )

    def scripts(self, function: str) -> list[str]:
        """The files whose own top level leads to a function."""
        callers = self._project.cached(Graph).callers({function})
        return sorted(
            key[:-1]
            for key in callers
            if key.endswith(":") and not is_unit_test(self._project, key[:-1])
        )


def _places_in(project: Project, path: str) -> list[tuple[str, Place]]:
    """The places of a file that is no unit test, each with its function."""
    module = project.parsed(path)
    if module is None or is_unit_test(project, path):
        return []
    return [(owner_of(module, call), place) for call, place in _calls(module, project)]


def _calls(module: Module, project: Project) -> Iterator[tuple[ast.Call, Place]]:
    for call, method, certain in _running_calls(module, project):
        within = _in_session(module, call)
        yield call, Place(module.path, call.lineno, method, certain, within)
    for call, _ in module.calls_of(*_FUNCTION):
        if _has_updates(call):
            yield call, Place(module.path, call.lineno, _STEP, True, _in_session(module, call))
    for call, _ in module.calls_of(*GET_SESSION):
        yield call, Place(module.path, call.lineno, _GETTING, False, _in_session(module, call))


def _has_updates(call: ast.Call) -> bool:
    """Whether a function of Keras's backend changes variables when it is called."""
    updates = argument(call, "updates", 2)
    return updates is not None and not is_none(updates) and bool(getattr(updates, "elts", True))


def _running_calls(module: Module, project: Project) -> Iterator[tuple[ast.Call, str, bool]]:
    """The calls that train or run a Keras model, their methods, and whether that is certain."""
    compiled = _compiled(module)
    for node in module.nodes:
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        method, model = node.func.attr, node.func.value
        if method not in _METHODS:
            continue
        kind = _class_of(module, project, model)
        if kind is not None and is_model(project, kind):
            yield node, method, True
        elif ":" in (kind or "") or _is_no_object(module, project, model):
            continue
        elif (kind is None and method in _TELLING) or module.text_of(model) in compiled:
            yield node, method, True
        elif kind is None and (node.args or node.keywords):  # a model needs data
            yield node, method, False


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
        known = classes_in(project, path).get(name)
        if known is not None and len(known.parents) == 1 and project.binds(path, dotted):
            queue += [base for base in known.parents[0] if base]
    return False


def _makes_model(name: str) -> bool:
    """Whether a library's name makes a Keras model."""
    last = name.rpartition(".")[2]
    return name.startswith(_ROOTS) and (
        last in _MAKERS or (".applications." in name and last[:1].isupper())
    )


def _class_of(module: Module, project: Project, model: ast.expr) -> str | None:
    if _is_self(module, model):
        owner = module.class_of(model)
        return f"{module.path}:{owner.name}" if owner is not None else None
    kind = module.instance_of(model)
    if kind is None:
        path, colon, dotted = (module.qualified(model) or "").partition(":")
        other = project.parsed(path) if colon else None
        kind = other.class_at(dotted) if other is not None else None
    return kind


def _is_self(module: Module, node: ast.expr) -> bool:
    """Whether it is ``self`` or ``super()``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "super" and module.lookup("super", node.func) is None
    return is_self(node)


def _is_no_object(module: Module, project: Project, model: ast.expr) -> bool:
    """Whether it is a library's, a module, a function or a class."""
    name = module.qualified(model)
    if name is None:
        return False
    path, colon, dotted = name.partition(":")
    other = project.parsed(path) if colon else None
    return other is None or not dotted or other.definition(dotted) is not None


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
