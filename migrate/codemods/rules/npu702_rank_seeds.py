"""Gives each rank a seed of its own, so that ranks do not draw the same noise.

What it does: wraps the seed of `tf.set_random_seed` in `npu_seed(...)`, in code that a program
which trains can reach. The seed of an Estimator, which is 1 where its RunConfig has none, needs no
edit: the runtime's `npu_run_config` gives each rank its own.

Why: ranks that draw the same noise, dropout and crops learn less from a batch than its size says.

Example:
    tf.set_random_seed(FLAGS.seed)

becomes:
    tf.set_random_seed(npu_seed(FLAGS.seed))

NumPy's and Python's seeds stay. Projects split training from validation data by them, and shuffle
file names: ranks that did so differently would train on each other's validation data. Where what
NumPy draws from a seed is fed to a session, a note tells of it.

Options: none.

Fix safety: safe. On rank 0, and so with one rank, the seed is upstream's own. Variables that start
differently on other ranks are made equal before the first step.

Not handled: seeds of single operators (`tf.nn.dropout(x, 0.5, seed=1)`), which count together with
the graph's where that has one. A seed that the project computes from the rank, and those of
programs that do not train, are left alone.

Authority: TensorFlow 1.15.0, python/framework/random_seed.py; this kit's
npu_runtime/rank_values.py.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.entry_points import training_code, training_files
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument
from migrate.analysis.project import Project
from migrate.analysis.references import owner_of
from migrate.analysis.runtime_names import SEED
from migrate.codemods.imports import runtime_import
from migrate.codemods.rank_words import depends_on_rank, values_of
from migrate.codemods.rule import Change, Context, Rule

_SET_SEED = "tensorflow.set_random_seed"
_NUMPY = "numpy.random."
# What of numpy.random draws no noise: it seeds, or puts in order.
_NO_NOISE = frozenset(
    "RandomState choice default_rng get_state permutation seed set_state shuffle".split()
)


def _may_seed(project: Project, path: str) -> bool:
    module = project.parsed(path) if b"random" in project.files[path].data else None
    return module is not None and any(
        name == _SET_SEED or _draws_noise(name or "") for _, name in module.calls
    )


def _seeds_in(project: Project, path: str) -> list[tuple[str, bool]]:
    """The functions that seed NumPy's own generator, and whether alike on all ranks."""
    module = project.parsed(path) if b"random.seed" in project.files[path].data else None
    if module is None:
        return []
    seeding = [(call, _seed(call)) for call, _ in module.calls_of("numpy.random.seed")]
    return [
        (owner_of(module, call), not depends_on_rank(module, seed))
        for call, seed in seeding
        if seed is not None
    ]


NPU702 = Rule(
    "NPU702",
    "rank-seeds",
    group="distributed",
    finds=_may_seed,
    facts=(_seeds_in,),
    paths=lambda project: project.cached(training_files),
    unit_tests=False,
)


@NPU702.on_module
def seed_each_rank(context: Context) -> Iterator[Change]:
    module = context.module
    for call, _ in module.calls_of(_SET_SEED):
        seed = _seed(call)
        if seed is None or depends_on_rank(module, seed) or not _trains(context, call):
            continue
        wanted = runtime_import(module, SEED)
        yield wanted
        yield from context.wrap(seed, f"{wanted.bound}(", ")")
    yield from _fed_noise(context)


def _trains(context: Context, node: ast.AST) -> bool:
    return owner_of(context.module, node) in context.project.cached(training_code)


def _fed_noise(context: Context) -> Iterator[Change]:
    """Noise of NumPy's that a training feeds, where a seed makes it the same on all ranks."""
    module = context.module
    told: set[ast.AST] = set()
    for call in module.all_of(ast.Call):
        is_run = isinstance(call.func, ast.Attribute) and call.func.attr == "run"
        fed = argument(call, "feed_dict", 1 if is_run else len(call.args))
        if fed is None:
            continue
        for drawn in _drawn(module, fed, set()):
            seeded = _is_seeded(context.project, module, drawn)
            if drawn not in told and seeded and _trains(context, call):
                told.add(drawn)
                yield context.finding(
                    drawn,
                    "note",
                    "every rank feeds the same noise: NumPy draws it from a seed that all share",
                    "To feed each its own, add rank() of npu_runtime to a seed from which nothing "
                    "splits or shuffles data.",
                )


def _drawn(module: Module, value: ast.expr, seen: set[ast.AST]) -> Iterator[ast.Call]:
    """The calls of NumPy that draw what a value is made of; what only picks by it is not."""
    if value in seen:
        return
    seen.add(value)
    left: list[ast.AST] = [value]
    while left:
        part = left.pop()
        if isinstance(part, ast.Subscript):
            left.append(part.value)
            continue
        if isinstance(part, ast.Call):
            if _draws_noise(module.name_of(part.func) or ""):
                yield part
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            found = module.lookup(part.id, part)
            for binding in found[1] if found is not None else ():
                if isinstance(binding.node, ast.expr):
                    yield from _drawn(module, binding.node, seen)
            continue
        left += ast.iter_child_nodes(part)


def _draws_noise(name: str) -> bool:
    return name.startswith(_NUMPY) and name.rpartition(".")[2] not in _NO_NOISE


def _is_seeded(project: Project, module: Module, drawn: ast.Call) -> bool:
    """Whether a seed that all ranks share decides what is drawn."""
    name = module.name_of(drawn.func) or ""
    if "RandomState" in name and isinstance(drawn.func, ast.Attribute):
        generator = drawn.func.value
        made = [generator, *values_of(module, generator)]
        seeds = [_seed(call) for call in made if isinstance(call, ast.Call)]
        unseeded = bool(seeds) and not any(seeds)
        return not unseeded and not depends_on_rank(module, generator)
    return project.cached(_seeds_numpy)


def _seed(call: ast.Call) -> ast.expr | None:
    """What a call seeds by; None where that is the system's own chance."""
    seed = argument(call, "seed", 0)
    return None if isinstance(seed, ast.Constant) and seed.value is None else seed


def _seeds_numpy(project: Project) -> bool:
    """Whether code that a training reaches seeds NumPy's own generator, alike on all ranks."""
    alike = [
        seeds_alike
        for path in project.python_files
        for owner, seeds_alike in project.cached_for(path, _seeds_in)
        if owner in project.cached(training_code)
    ]
    return bool(alike) and all(alike)  # a seed of its own counts, whatever seeded it before
