"""Which of the project's functions reach which, and what they use of TensorFlow on the way.

A reference counts like a call: a function handed to ``functools.partial`` or kept in a table is
as good as called. Only functions given to a ``tf.data`` transformation are kept apart, since they
become part of the input pipeline, which always runs on the host.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from migrate.analysis.module import Module
from migrate.analysis.project import Project

# What calls the function that is its first argument, or the argument of one of these names: a
# tf.data transformation, or Python on the host.
_TRANSFORMATIONS = frozenset(
    "map filter flat_map interleave parallel_interleave map_and_batch "
    "map_and_batch_with_legacy_function map_with_legacy_function filter_with_legacy_function "
    "from_generator apply py_func py_function numpy_function".split()
)
_FUNCTION_PARAMETERS = frozenset("map_func predicate generator transformation_func func".split())
# Methods that tell what an object of unknown class does.
_TELLING_METHODS = frozenset({"minimize", "apply_gradients", "compute_gradients"})
# Methods of Keras models.
KERAS_TRAINING = frozenset({"fit", "fit_generator", "train_on_batch"})
KERAS_RUNNING = frozenset(
    "evaluate evaluate_generator test_on_batch predict predict_generator predict_on_batch".split()
)
# Libraries with methods of the same names.
OTHER_MINIMIZERS = ("scipy.", "sklearn.", "lmfit.", "iminuit.")


@dataclass(frozen=True)
class Use:
    """A name of a library at a place.

    Args:
        name: qualified, or ``.method`` on an object of unknown class.
    """

    name: str
    path: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass
class Facts:
    """What a piece of code refers to.

    Args:
        references: project functions, classes and methods, by qualified name.
        pipeline: those that are only handed to a ``tf.data`` transformation.
        uses: library names.
    """

    references: set[str] = field(default_factory=set)
    pipeline: set[str] = field(default_factory=set)
    uses: list[Use] = field(default_factory=list)


@dataclass
class _Class:
    methods: set[str] = field(default_factory=set)
    bases: list[str] = field(default_factory=list)


class Graph:
    """References between the project's functions; modules are read when they are first needed."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._functions: dict[str, Facts] = {}
        self._classes: dict[str, _Class] = {}
        self._read: set[str] = set()
        self._tests: set[str] = set()
        self._complete = False
        self._callers: dict[str, set[str]] = {}
        self._below: dict[str, set[str]] = {}
        self._targets_of: dict[str, frozenset[str]] = {}

    def facts(self, key: str) -> Facts | None:
        self._require(key.partition(":")[0])
        return self._functions.get(key)

    def is_unit_test(self, path: str) -> bool:
        self._require(path)
        return path in self._tests

    def reach(self, roots: Iterable[str]) -> set[str]:
        """Every function that the roots refer to, directly or not, the roots included."""
        seen: set[str] = set()
        queue = list(roots)
        while queue:
            key = queue.pop()
            if key in seen:
                continue
            seen.add(key)
            queue += self._targets(key) - seen
        return seen

    def callers(self, roots: Iterable[str]) -> set[str]:
        """Every function that reaches one of the roots, the roots included."""
        self._read_all()
        seen: set[str] = set()
        queue = list(roots)
        while queue:
            key = queue.pop()
            if key in seen:
                continue
            seen.add(key)
            queue += self._callers.get(key, set()) - seen
            owner, _, method = key.rpartition(".")
            # A method runs where its class, or a class derived from it, is made.
            if method and ":" in owner:
                queue += {owner, *self.derived(owner)} - seen
        return seen

    def derived(self, key: str) -> set[str]:
        """The project's classes below a class."""
        self._read_all()
        found: set[str] = set()
        queue = [key]
        while queue:
            below = self._below.get(queue.pop(), set()) - found
            found |= below
            queue += below
        return found

    def uses(self, functions: Iterable[str]) -> Iterator[Use]:
        for key in sorted(functions):
            facts = self.facts(key)
            if facts is not None:
                yield from facts.uses

    def facts_of(self, module: Module, nodes: Iterable[ast.AST]) -> Facts:
        """What a part of a function refers to, such as the body of a ``with``."""
        facts = Facts()
        for node in nodes:
            for part in ast.walk(node):
                self._note(module, part, facts)
        return facts

    def members(self, key: str) -> set[str]:
        """The methods of a class, of its bases and of the classes derived from it."""
        found: set[str] = set()
        for name in self.reach_classes(key):
            found |= {f"{name}.{method}" for method in self._classes[name].methods}
        return found

    def reach_classes(self, key: str) -> set[str]:
        """A class with its bases and the classes derived from it."""
        self._read_all()
        family = {key} | self.derived(key)
        queue = [key]
        while queue:
            known = self._classes.get(queue.pop())
            for base in known.bases if known else []:
                if base not in family:
                    family.add(base)
                    queue.append(base)
        return {name for name in family if name in self._classes}

    # --- reading ----------------------------------------------------------------------------

    def _members(self, key: str) -> set[str]:
        """A class that is made runs its methods and those of its bases."""
        known = self._classes.get(key)
        if known is None:
            return set()
        members = {f"{key}.{name}" for name in known.methods}
        pipeline = {p for m in members if (f := self._functions.get(m)) for p in f.pipeline}
        return (members - pipeline - self._pipeline_only) | set(known.bases)

    def _targets(self, key: str) -> frozenset[str]:
        known = self._targets_of.get(key)
        if known is None:
            facts = self.facts(key)
            targets = facts.references if facts else set()
            known = frozenset(targets | self._members(key) | self._overrides(key))
            self._targets_of[key] = known
        return known

    def _overrides(self, key: str) -> set[str]:
        """``self.method()`` may mean the method of a derived class."""
        owner, _, method = key.rpartition(".")
        if owner not in self._classes or method not in self._classes[owner].methods:
            return set()
        return {
            f"{name}.{method}"
            for name in self.derived(owner)
            if method in self._classes[name].methods
        }

    @property
    def _pipeline_only(self) -> set[str]:
        self._read_all()
        return self._only_pipeline

    def _read_all(self) -> None:
        if self._complete:
            return
        self._complete = True
        for path in self._project.python_files:
            self._require(path)
        for name, known in self._classes.items():
            for base in known.bases:
                self._below.setdefault(base, set()).add(name)
        called: set[str] = set()
        piped: set[str] = set()
        for key, facts in self._functions.items():
            called |= facts.references
            piped |= facts.pipeline
            for target in facts.references:
                self._callers.setdefault(target, set()).add(key)
        self._only_pipeline = piped - called
        # What only they call belongs to the pipeline too.
        grown = True
        while grown:
            more = {
                key
                for key, callers in self._callers.items()
                if key not in self._only_pipeline and callers <= self._only_pipeline
            }
            self._only_pipeline |= more
            grown = bool(more)

    def _require(self, path: str) -> None:
        if path in self._read or path not in self._project.files:
            return
        self._read.add(path)
        module = self._project.parsed(path)
        if module is None:
            return
        for node in module.nodes:
            if isinstance(node, ast.ClassDef):
                self._note_class(module, node)
        owners: dict[ast.AST, str] = {module.tree: f"{path}:"}
        for node in module.nodes[1:]:
            parent = module.parents[node]
            owners[node] = owner = _inside(owners[parent], parent)
            if isinstance(node, ast.Name | ast.Attribute):
                self._note(module, node, self._functions.setdefault(owner, Facts()))

    def owner(self, module: Module, node: ast.AST) -> str:
        """The function whose code the node is; the module's own code is ``path:``."""
        key = f"{module.path}:"
        for parent in reversed(list(module.ancestors(node))):
            key = _inside(key, parent)
        return key

    def _note_class(self, module: Module, node: ast.ClassDef) -> None:
        known = self._classes.setdefault(f"{module.path}:{node.name}", _Class())
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                known.methods.add(statement.name)
        for base in node.bases:
            name = module.qualified(base)
            if name is None:
                continue
            if ":" in name:
                known.bases.append(name)
            elif name == "tensorflow.test.TestCase" or name.endswith("TestCase"):
                self._tests.add(module.path)

    def _note(self, module: Module, node: ast.AST, facts: Facts) -> None:
        if isinstance(node, ast.Attribute):
            if isinstance(module.parents.get(node), ast.Attribute):
                return
        elif not isinstance(node, ast.Name) or isinstance(module.parents.get(node), ast.Attribute):
            return
        if not isinstance(node.ctx, ast.Load):
            return
        target = self._target(module, node)
        if target is None:
            if isinstance(node, ast.Attribute) and node.attr in _TELLING_METHODS:
                facts.uses.append(Use(f".{node.attr}", module.path, node.lineno))
            return
        piped = self._is_piped(module, node)
        if ":" not in target:
            if not piped and target.startswith(("tensorflow.", "keras.", "horovod.")):
                facts.uses.append(Use(target, module.path, node.lineno))
            if target == "tensorflow.app.run" and "main" in module.scope.bindings:
                facts.references.add(f"{module.path}:main")  # what it calls by default
            return
        if piped:
            facts.pipeline.add(target)
        else:
            facts.references.add(target)

    # --- what a dataset's transformations call ------------------------------------------------

    def _is_piped(self, module: Module, node: ast.AST) -> bool:
        """Whether the code is part of a function that only a ``tf.data`` transformation calls.

        Looks through lambdas, through names that lambdas are bound to, and through parameters
        of the project's functions.
        """
        child = node
        for parent in module.ancestors(node):
            if isinstance(parent, ast.keyword):
                continue
            if isinstance(parent, ast.Call) and parent.func is not child:
                if _is_transformed(module, parent, child):
                    return True
                if child is node and self._goes_to_pipeline(module, parent, node):
                    return True
            elif isinstance(parent, ast.arguments) and child is node:
                return self._is_piped_default(module, parent, node)
            elif isinstance(parent, ast.Assign) and isinstance(child, ast.Lambda):
                target = parent.targets[0]
                return isinstance(target, ast.Name) and self._name_is_piped(
                    module, target.id, module.nodes
                )
            if isinstance(parent, ast.stmt):
                return False
            child = parent
        return False

    def _name_is_piped(self, module: Module, name: str, nodes: Iterable[ast.AST]) -> bool:
        """Whether every use of the name hands it to a transformation."""
        loads = [
            n
            for n in nodes
            if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
        ]
        return bool(loads) and all(
            isinstance(call := _call_around(module, n), ast.Call)
            and _is_transformed(module, call, n)
            for n in loads
        )

    def _goes_to_pipeline(self, module: Module, call: ast.Call, node: ast.AST) -> bool:
        """Whether a project function hands this argument of its call to transformations only."""
        called = module.qualified(call.func) or ""
        path, colon, dotted = called.partition(":")
        if not colon:
            return False
        callee = self._project.parsed(path) if path in self._project.files else None
        function = callee.definition(dotted) if callee is not None else None
        if callee is None or not isinstance(function, ast.FunctionDef) or "." in dotted:
            return False
        names = [k.arg for k in call.keywords if k.value is node]
        if not names and node in call.args:
            position = call.args.index(node)
            names = [a.arg for a in function.args.args[position : position + 1]]
        return bool(names and names[0]) and self._name_is_piped(
            callee, names[0] or "", ast.walk(function)
        )

    def _is_piped_default(self, module: Module, arguments: ast.arguments, node: ast.AST) -> bool:
        function = module.parents[arguments]
        if node not in arguments.defaults:
            return False
        place = arguments.defaults.index(node) - len(arguments.defaults)
        every = [*arguments.posonlyargs, *arguments.args]
        return self._name_is_piped(module, every[place].arg, ast.walk(function))

    def _target(self, module: Module, node: ast.AST) -> str | None:
        if isinstance(node, ast.Name):
            local = _local_function(module, node)
            if local is not None:
                return _inside(self.owner(module, local), local)
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        ):
            return self._method(module, node)
        return module.qualified(node)

    def _method(self, module: Module, node: ast.Attribute) -> str | None:
        owner = module.class_of(node)
        if owner is None:
            return None
        seen: set[str] = set()
        queue = [f"{module.path}:{owner.name}"]
        while queue:
            key = queue.pop(0)
            if key in seen:
                continue
            seen.add(key)
            self._require(key.partition(":")[0])
            known = self._classes.get(key)
            if known is None:
                continue
            if node.attr in known.methods:
                return f"{key}.{node.attr}"
            queue += known.bases
        return None


def _inside(owner: str, node: ast.AST) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return f"{owner}{'' if owner.endswith(':') else '.'}{node.name}"
    return owner


def _local_function(module: Module, node: ast.Name) -> ast.AST | None:
    """The definition, when the name is a function defined inside another."""
    found = module.lookup(node.id, node)
    if found is None or found[0].parent is None:
        return None
    definitions = [b.node for b in found[1] if b.kind == "definition"]
    return definitions[0] if len(definitions) == 1 else None


def _call_around(module: Module, node: ast.AST) -> ast.AST | None:
    """The call whose argument the node is, at once or as the first of a ``functools.partial``."""
    parent = module.parents.get(node)
    if isinstance(parent, ast.keyword):
        parent = module.parents.get(parent)
    return parent


def _is_transformed(module: Module, call: ast.Call, argument: ast.AST) -> bool:
    """Whether the call hands the argument, a function or what makes one, to a transformation."""
    called = call.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name not in _TRANSFORMATIONS:
        return False
    if argument not in call.args[:1] and not any(
        k.value is argument and k.arg in _FUNCTION_PARAMETERS for k in call.keywords
    ):
        return False
    qualified = module.qualified(called)
    if qualified is not None:
        return qualified.startswith("tensorflow.")
    # Objects of unknown class are taken for datasets, but layers have an `apply` as well; a
    # plain name that nothing binds is a builtin.
    if name == "apply":
        return not isinstance(argument, ast.Call)
    return isinstance(called, ast.Attribute) or module.lookup(name, called) is not None


def trains(use: Use) -> bool:
    """Whether the name is one by which TensorFlow code trains."""
    name = use.name
    if name.startswith("."):
        return name[1:] in _TELLING_METHODS
    if name.startswith(OTHER_MINIMIZERS):
        return False
    last = name.rpartition(".")[2]
    return (
        last.endswith("Optimizer")
        or name in _TRAINERS
        or (last in _TELLING_METHODS and name.startswith("tensorflow."))
        or (last in KERAS_TRAINING and _is_keras_model(name))
    )


def restores(use: Use) -> bool:
    """Whether the name is one by which TensorFlow code gets at a trained model."""
    name = use.name
    return (
        name in _RESTORERS
        or name.startswith("tensorflow.saved_model.load")
        or (name.rpartition(".")[2] in KERAS_RUNNING and _is_keras_model(name))
    )


def _is_keras_model(method: str) -> bool:
    owner = method.rpartition(".")[0]
    return owner.startswith(("keras.", "tensorflow.keras.")) and (
        owner.endswith((".Model", ".Sequential")) or ".applications." in owner
    )


_TRAINERS = frozenset(
    {
        "tensorflow.contrib.layers.optimize_loss",
        "tensorflow.contrib.training.create_train_op",
        "tensorflow.contrib.training.train",
        "tensorflow.contrib.slim.learning.create_train_op",
        "tensorflow.contrib.slim.learning.train",
        "tensorflow.gradients",
        "tensorflow.train.MonitoredTrainingSession",
    }
)
_RESTORERS = frozenset(
    {
        "tensorflow.train.Saver",
        "tensorflow.train.import_meta_graph",
        "tensorflow.import_graph_def",
        "tensorflow.contrib.framework.assign_from_checkpoint",
        "tensorflow.contrib.framework.assign_from_checkpoint_fn",
        "tensorflow.train.init_from_checkpoint",
    }
)
