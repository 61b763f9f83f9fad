"""Every place that makes an Estimator, and how its RunConfig goes in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from migrate.analysis.graph import Graph
from migrate.analysis.mentions import Mention, called_through, is_partial, mentions
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, has_stars, method
from migrate.analysis.project import Project
from migrate.analysis.references import classes_in, names_in, owner_of

MODEL_TO_ESTIMATOR = "tensorflow.keras.estimator.model_to_estimator"
# With use_tpu=False it is like any other Estimator.
TPU_ESTIMATOR = "tensorflow.estimator.tpu.TPUEstimator"
# Where the signature in TensorFlow 1.15.0 has `config`.
ESTIMATORS: dict[str, int] = {
    "tensorflow.estimator.Estimator": 2,
    "tensorflow.estimator.BaselineClassifier": 5,
    "tensorflow.estimator.BaselineEstimator": 3,
    "tensorflow.estimator.BaselineRegressor": 4,
    "tensorflow.estimator.BoostedTreesClassifier": 13,
    "tensorflow.estimator.BoostedTreesEstimator": 12,
    "tensorflow.estimator.BoostedTreesRegressor": 12,
    "tensorflow.estimator.DNNClassifier": 10,
    "tensorflow.estimator.DNNEstimator": 8,
    "tensorflow.estimator.DNNLinearCombinedClassifier": 12,
    "tensorflow.estimator.DNNLinearCombinedEstimator": 10,
    "tensorflow.estimator.DNNLinearCombinedRegressor": 11,
    "tensorflow.estimator.DNNRegressor": 9,
    "tensorflow.estimator.LinearClassifier": 6,
    "tensorflow.estimator.LinearEstimator": 4,
    "tensorflow.estimator.LinearRegressor": 5,
    "tensorflow.estimator.experimental.KMeans": 9,
    "tensorflow.contrib.estimator.RNNClassifier": 12,
    "tensorflow.contrib.estimator.RNNEstimator": 10,
    "tensorflow.contrib.factorization.KMeansClustering": 9,
    "tensorflow.contrib.timeseries.ARRegressor": 12,
    "tensorflow.contrib.timeseries.StructuralEnsembleRegressor": 11,
    "tensorflow.contrib.timeseries.TimeSeriesRegressor": 4,
    MODEL_TO_ESTIMATOR: 4,
    TPU_ESTIMATOR: 2,
}
RUN_CONFIGS = frozenset({"tensorflow.estimator.RunConfig", "tensorflow.estimator.tpu.RunConfig"})
# These have another base class.
BY_HAND = {
    f"tensorflow.contrib.learn.{name}": "tf.contrib.learn has another kind of RunConfig"
    for name in (
        "DNNClassifier DNNEstimator DNNLinearCombinedClassifier DNNLinearCombinedEstimator "
        "DNNLinearCombinedRegressor DNNRegressor DynamicRnnEstimator Estimator "
        "KMeansClustering LinearClassifier LinearEstimator LinearRegressor SVM"
    ).split()
}
# What trains by a function of the project's, and the optimizer that it makes.
OWN_MODELS = frozenset({"tensorflow.estimator.Estimator", MODEL_TO_ESTIMATOR, TPU_ESTIMATOR})


class EstimatorSite(NamedTuple):
    """One place that makes an Estimator, or hands a constructor's arguments to its base class.

    Args:
        call: the call that takes the RunConfig; for ``functools.partial`` the partial's.
        kind: qualified name of the TensorFlow class.
        position: that of ``config`` in the call, or None when it cannot be given there.
        why_not: why it cannot, in words.
    """

    module: Module
    call: ast.Call
    kind: str
    position: int | None
    why_not: str = ""

    @property
    def canned(self) -> bool:
        """Whether the model is TensorFlow's own: its heads and columns use string operators."""
        return self.kind not in OWN_MODELS

    def scope(self, project: Project) -> frozenset[str]:
        """The functions that may build its graph: what makes it, and what leads there."""
        graph = project.cached(Graph)
        own = owner_of(self.module, self.call)
        return frozenset(graph.reach(graph.callers({own})))


def estimating_files(project: Project) -> frozenset[str]:
    """The files that name what makes or configures Estimators; derive with ``cached``."""
    return frozenset(
        path
        for path in project.python_files
        if any(name in RUN_CONFIGS or _makes(project, name) for name in names_in(project, path))
    )


def estimator_sites(module: Module, project: Project) -> Iterator[EstimatorSite]:
    """The places of one module, in source order."""
    for call, name in module.calls:
        target, shift = name, 0
        if (through := called_through(module, call)) is not None:
            if through.partial and argument(call, "config", 99) is None and not has_stars(call):
                continue  # the partial has it
            target, shift = through.name, through.shift
        elif is_partial(module, call):
            target, shift = module.qualified(call.args[0]), 1
        elif name is None or name.endswith(".__init__"):
            target, shift = _base_constructor(module, call)
        if target is None:
            continue
        if target in ESTIMATORS:
            yield EstimatorSite(module, call, target, ESTIMATORS[target] + shift)
        elif target in BY_HAND:
            yield EstimatorSite(module, call, target, None, BY_HAND[target])
        elif ":" in target and (found := _derived(project, target)) is not None:
            kind, own = found
            if kind in BY_HAND:
                yield EstimatorSite(module, call, kind, None, BY_HAND[kind])
            elif own is None:
                yield EstimatorSite(module, call, kind, ESTIMATORS[kind] + shift)
            elif not _passes_on(project, own):
                why = "its class has a constructor that does not call its base's"
                yield EstimatorSite(module, call, kind, None, why)


def estimator_mentions(module: Module, project: Project) -> Iterator[Mention]:
    """The places that name what makes Estimators, called or not, in source order."""
    return mentions(module, lambda name: _makes(project, name))


def _makes(project: Project, name: str) -> bool:
    if ":" in name:
        return _derived(project, name) is not None
    return name in ESTIMATORS or name in BY_HAND


def all_configurable(project: Project) -> bool:
    """Whether every Estimator of the project can be given a RunConfig where it is made."""
    return all(
        site.position is not None and not has_stars(site.call)
        for path in project.python_files
        if path in project.cached(estimating_files) and (module := project.parsed(path)) is not None
        for site in estimator_sites(module, project)
    )


def _derived(project: Project, name: str) -> tuple[str, str | None] | None:
    """The Estimator below a project's class, and the class whose constructor it has, if any."""
    seen: set[str] = set()
    constructor = None
    while ":" in name and name not in seen:
        seen.add(name)
        path = name.partition(":")[0]
        known = classes_in(project, path).get(name) if path in project.files else None
        if known is None or len(known.parents) != 1 or len(known.parents[0]) != 1:
            return None
        if constructor is None and "__init__" in known.methods:
            constructor = name
        name = known.parents[0][0] or ""
    return (name, constructor) if name in ESTIMATORS or name in BY_HAND else None


def _passes_on(project: Project, name: str) -> bool:
    """Whether the class's constructor calls that of its base, where the rule then looks."""
    path, _, dotted = name.partition(":")
    module = project.module(path)
    own = method(module.definition(dotted), "__init__")
    return own is not None and any(
        isinstance(part, ast.Call) and _base_constructor(module, part)[0] is not None
        for part in ast.walk(own)
    )


def _base_constructor(module: Module, call: ast.Call) -> tuple[str | None, int]:
    """The class meant by ``super().__init__(...)`` or ``Base.__init__(self, ...)``."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr != "__init__":
        return None, 0
    owner = module.class_of(call)
    function = module.function_of(call)
    if owner is None or function is None or function.name != "__init__" or len(owner.bases) != 1:
        return None, 0
    base = module.qualified(owner.bases[0])
    value = func.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        is_super = value.func.id == "super" and module.lookup("super", value.func) is None
        return (base, 0) if is_super else (None, 0)
    return (base, 1) if module.qualified(value) == base else (None, 0)
