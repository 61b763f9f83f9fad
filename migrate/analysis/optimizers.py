"""Where a project makes the optimizers that it trains with, and what they are handed to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from migrate.analysis.mentions import called_through, is_partial, mentions
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, spelled
from migrate.analysis.project import Project
from migrate.analysis.references import classes_in
from migrate.analysis.runtime_names import runtime_call
from migrate.analysis.symbols import short

OPTIMIZE_LOSS = "tensorflow.contrib.layers.optimize_loss"
# What the names of Keras's optimizers begin with.
KERAS_OPTIMIZERS = ("keras.optimizers.", "tensorflow.keras.optimizers.")
# A file without any of these makes no optimizer, nor has others make one.
MAY_OPTIMIZE = tuple(
    b"Optimizer optimize_loss apply_gradients mixed_precision Estimator Classifier Regressor "
    b".fit fit_generator train_on_batch".split()
)
# Loss scales for GPUs.
GPU_SCALES = frozenset(
    {
        "tensorflow.contrib.mixed_precision.LossScaleOptimizer",
        "tensorflow.train.experimental.MixedPrecisionLossScaleOptimizer",
        "tensorflow.train.experimental.enable_mixed_precision_graph_rewrite",
    }
)
# The adapter's optimizers that scale a loss, however they are imported.
ADAPTER_SCALES = frozenset({"NPULossScaleOptimizer", "NPUOptimizer"})
# Those of TensorFlow 1.15.0 that are made around another one.
OUTER = frozenset(
    "AGNOptimizer AdditiveExternalRegretOptimizer AdditiveSwapRegretOptimizer CrossShardOptimizer "
    "DropStaleGradientOptimizer ElasticAverageOptimizer KerasCrossShardOptimizer "
    "LossScaleOptimizer MixedPrecisionLossScaleOptimizer ModelAverageOptimizer "
    "MovingAverageOptimizer MultiplicativeSwapRegretOptimizer SyncReplicasOptimizer "
    "TowerOptimizer VariableClippingOptimizer".split()
)
# Base classes, and what computes no gradients.
_NONE = frozenset({"ConstrainedOptimizer", "Optimizer", "OptimizerV2", "SDCAOptimizer"})
# What a constructor calls the optimizer that it builds on.
_INNER = re.compile(r"(?:\w+_)?opt(?:imizer)?")
_MODULES = ("tensorflow.train", "tensorflow.contrib.opt")


class OptimizerSite(NamedTuple):
    """An expression whose value trains a loss, at the best place to wrap it.

    Args:
        node: an optimizer, something that makes one when called, or a name of one.
        name: qualified name of the class, or of what takes it.
        why_not: why it cannot be wrapped, in words; empty where it can.
    """

    node: ast.expr
    name: str
    why_not: str = ""


def optimizer_sites(module: Module, project: Project) -> Iterator[OptimizerSite]:
    """The places of one module, in source order; none twice."""
    finder = _Finder(module, project)
    found: dict[ast.expr, OptimizerSite] = {}
    for node, name in finder.candidates.items():
        place = finder.place(node)
        why_not = "" if isinstance(place, ast.Call) else finder.stranger(place)
        if not finder.is_wrapped(place):
            found.setdefault(place, OptimizerSite(place, name, why_not))
    for value in finder.named():
        found.setdefault(value, OptimizerSite(value, OPTIMIZE_LOSS))
    yield from sorted(found.values(), key=lambda site: module.span(site.node))


def adapter_scales(module: Module) -> Iterator[ast.Call]:
    """The calls that make a loss scaling optimizer of the adapter's, in source order."""
    for call, name in module.calls:
        if _last(call, name) in ADAPTER_SCALES:
            yield call


def is_optimizer(project: Project, name: str) -> bool:
    """Whether a qualified name is a class of optimizers: TensorFlow's, or derived from those."""
    last = name.rpartition(".")[2]
    if name.startswith("tensorflow."):
        keras = name.startswith(("tensorflow.keras.", "tensorflow.contrib.keras."))
        return last.endswith("Optimizer") and last not in _NONE and not keras
    return ":" in name and _derives(project, name, set())


def _derives(project: Project, name: str, seen: set[str]) -> bool:
    path = name.partition(":")[0]
    known = classes_in(project, path).get(name) if path in project.files else None
    if known is None or name in seen:
        return False
    seen.add(name)
    return any(
        (base.startswith("tensorflow.") and base.endswith("Optimizer") and ".keras." not in base)
        or _derives(project, base, seen)
        for bases in known.parents
        for base in bases
        if base is not None
    )


def _last(call: ast.Call, name: str | None) -> str:
    return (name or spelled(call.func)).rpartition(".")[2]


class _Finder:
    def __init__(self, module: Module, project: Project) -> None:
        self.module = module
        self.project = project
        self.candidates: dict[ast.expr, str] = {}
        self._makers: set[ast.expr] = set()
        found = {**self._made(), **self._classes()}
        scaled = self._scaled_already()
        for node in sorted(found, key=module.span):
            if node not in scaled and not self._in_own_optimizer(node):
                self.candidates[node] = found[node]

    def _made(self) -> dict[ast.expr, str]:
        """The calls that make an optimizer which is not made around another."""
        found: dict[ast.expr, str] = {}
        for call, name in self.module.calls:
            if name is None or not is_optimizer(self.project, name):
                through = called_through(self.module, call)
                if through is None or through.partial:
                    if (made := self._looked_up(call)) is not None:
                        found[made] = "tensorflow.train.Optimizer"
                        self._makers.add(made)
                    elif name in GPU_SCALES:
                        found[call] = name
                    continue
                name = through.name
            if name in GPU_SCALES or (
                is_optimizer(self.project, name) and not self._is_outer(call, name)
            ):
                found[call] = name
        return found

    def _classes(self) -> dict[ast.expr, str]:
        """Classes as values, and partials of them."""
        found: dict[ast.expr, str] = {}
        for mention in mentions(self.module, lambda name: is_optimizer(self.project, name)):
            if mention.name.rpartition(".")[2] in OUTER:
                continue
            parent = self.module.parents[mention.node]
            if isinstance(parent, ast.Call) and is_partial(self.module, parent):
                if parent.args[0] is mention.node:
                    found[parent] = mention.name
                    self._makers.add(parent)
            elif mention.way == "value":
                found[mention.node] = mention.name
                self._makers.add(mention.node)
        return found

    def _looked_up(self, call: ast.Call) -> ast.expr | None:
        """``getattr(tf.train, name + "Optimizer")``: which class it is shows at run time."""
        if not isinstance(call.func, ast.Name) or call.func.id != "getattr" or len(call.args) < 2:
            return None
        texts = [n.value for n in ast.walk(call.args[1]) if isinstance(n, ast.Constant)]
        named = any(isinstance(text, str) and "Optimizer" in text for text in texts)
        owner = self.module.qualified(call.args[0])
        if not named or owner not in _MODULES or isinstance(call.args[1], ast.Constant):
            return None
        return call

    def _is_outer(self, call: ast.Call, name: str) -> bool:
        if ":" not in name:
            return name.rpartition(".")[2] in OUTER
        given = [*call.args, *(k.value for k in call.keywords)]
        if any(self._is_optimizer_value(value) for value in given):
            return True
        owner = self.project.parsed(name.partition(":")[0])
        found = owner.definition(f"{name.partition(':')[2]}.__init__") if owner else None
        if not isinstance(found, ast.FunctionDef):
            return False
        return any(_INNER.fullmatch(parameter.arg) for parameter in found.args.args)

    def _is_optimizer_value(self, value: ast.expr) -> bool:
        kind = self.module.instance_of(value)
        return kind is not None and is_optimizer(self.project, kind)

    def _in_own_optimizer(self, node: ast.expr) -> bool:
        """Within a class of optimizers: what makes one of that class is wrapped."""
        owner = self.module.class_of(node)
        return owner is not None and is_optimizer(self.project, f"{self.module.path}:{owner.name}")

    def _scaled_already(self) -> set[ast.expr]:
        """What is certainly handed to something that scales the loss."""
        found: set[ast.expr] = set()
        for call, name in self.module.calls:
            ours = _last(call, name) in ADAPTER_SCALES
            if not ours and name not in GPU_SCALES:
                continue
            value = argument(call, "opt", 0)
            if value is None:
                continue
            found.add(value)
            if isinstance(value, ast.Name) and (bound := self.module.lookup(value.id, value)):
                block = self.module.parents[self.module.statement_of(call)]
                for binding in bound[1]:
                    around = self.module.parents.get(binding.statement or value)
                    # The runtime takes a GPU's scale off, so that wrapping both does no harm.
                    certain = binding.node is not call and (ours or around is block)
                    if isinstance(binding.node, ast.expr) and certain:
                        found.add(binding.node)
        return found

    # --- where to wrap ----------------------------------------------------------------------

    def place(self, node: ast.expr) -> ast.expr:
        """Where one edit wraps the value, and the values that could stand in its place."""
        parent = self.module.parents[node]
        if isinstance(parent, ast.IfExp) and self._is_like(parent):
            return self.place(parent)
        if isinstance(parent, ast.Dict) and self._is_like(parent):
            taken = self._subscript(parent)
            return self.place(taken) if taken is not None else node
        if isinstance(parent, ast.Call) and parent.func is node:
            return self.place(parent)
        if isinstance(parent, ast.Assign) and (load := self._only_load(parent, several=True)):
            return self.place(load)
        return node

    def _is_like(self, node: ast.AST | None) -> bool:
        """Whether the value is one of the candidates, whatever is chosen."""
        if isinstance(node, ast.IfExp):
            return self._is_like(node.body) and self._is_like(node.orelse)
        if isinstance(node, ast.Dict):
            return all(self._is_like(value) for value in node.values)
        return node in self.candidates

    def _subscript(self, table: ast.Dict) -> ast.Subscript | None:
        """The only place that takes something out of a table."""
        parent = self.module.parents[table]
        value: ast.expr | None = table
        if isinstance(parent, ast.Assign):
            value = self._only_load(parent, several=False)
            parent = self.module.parents[value] if value is not None else parent
        taken = isinstance(parent, ast.Subscript) and parent.value is value
        return parent if taken and isinstance(parent, ast.Subscript) else None

    def _only_load(self, statement: ast.Assign, *, several: bool) -> ast.Name | None:
        """The one place that reads a local name to which nothing else is assigned."""
        target = statement.targets[0]
        if len(statement.targets) > 1 or not isinstance(target, ast.Name):
            return None
        found = self.module.lookup(target.id, target)
        if found is None or found[0].parent is None or (len(found[1]) > 1) is not several:
            return None
        if not all(self._is_like(binding.node) for binding in found[1]):
            return None
        loads = self.module.reads(found[0].node, target.id)
        return loads[0] if len(loads) == 1 else None

    def is_wrapped(self, place: ast.expr) -> bool:
        """Whether the runtime wraps it already, here or by the name that it is bound to."""
        parent = self.module.parents[place]
        if self._is_wrapper(parent):
            return True
        if not isinstance(parent, ast.Assign) or not isinstance(parent.targets[0], ast.Name):
            return False
        name = parent.targets[0]
        found = self.module.lookup(name.id, name)
        loads = self.module.reads(found[0].node, name.id) if found is not None else []
        return any(self._is_wrapper(self.module.parents[load]) for load in loads)

    def _is_wrapper(self, node: ast.AST | None) -> bool:
        return runtime_call(self.module, node) == "npu_optimizer"

    def stranger(self, place: ast.expr) -> str:
        """Why a class cannot be wrapped here: a library may do more with it than call it."""
        parent = self.module.parents[place]
        call = self.module.parents[parent] if isinstance(parent, ast.keyword) else parent
        if place not in self._makers or not isinstance(call, ast.Call) or call.func is place:
            return ""
        name = self.module.qualified(call.func)
        if name is None or ":" in name or name == OPTIMIZE_LOSS:
            return ""
        return f"{short(name)} takes its class"

    def named(self) -> Iterator[ast.expr]:
        """What optimize_loss takes that is neither made nor named as a class in this place."""
        for call, _ in self.module.calls_of(OPTIMIZE_LOSS):
            value = argument(call, "optimizer", 3)
            if isinstance(value, ast.Constant):
                if isinstance(value.value, str):
                    yield value
            elif isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
                known = value in self.candidates or self._is_optimizer_value(value)
                if not known and not self._is_bound_to_candidates(value):
                    yield value

    def _is_bound_to_candidates(self, value: ast.expr) -> bool:
        """Whether all that it can be is wrapped where it is made."""
        if (
            not isinstance(value, ast.Name)
            or (found := self.module.lookup(value.id, value)) is None
        ):
            return False
        values = [binding.node for binding in found[1]]
        return all(
            self._is_like(node) or (node is not None and self._is_wrapper(node)) for node in values
        ) and bool(values)
