"""What a batch ends in, as long as it stays one: batches that are taken apart end there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from migrate.analysis.feeding import Feeding, Step, last_name
from migrate.analysis.follower import Follower
from migrate.analysis.module import Module
from migrate.analysis.nodes import Function

_UNBATCHING = frozenset({"tensorflow.data.experimental.unbatch", "tensorflow.contrib.data.unbatch"})
# Methods and transformations that make a dataset of each element; their first argument says how.
_PIECEWISE = frozenset({"flat_map", "interleave", "parallel_interleave"})
_SLICING = frozenset(
    {
        "tensorflow.data.Dataset.from_tensor_slices",
        "tensorflow.data.Dataset.from_sparse_tensor_slices",
    }
)


@dataclass
class BatchFeeding(Feeding):
    """Where a batch ends.

    Args:
        apart: places (path and line) where its samples become single ones again.
        pieces: places (``path:line``) that put together many datasets, each batched by itself.
    """

    apart: set[tuple[str, int]] = field(default_factory=set)
    pieces: set[str] = field(default_factory=set)


class BatchFollower(Follower):
    """Follows batches through a project until something takes them apart."""

    def follow(self, module: Module, node: ast.AST) -> BatchFeeding:
        found = BatchFeeding()
        self.trace(Step(module, node), found)
        return found

    def _method_call(self, step: Step, call: ast.Call, found: Feeding) -> Iterator[Step]:
        assert isinstance(found, BatchFeeding)
        if not step.function and self._takes_apart(step.module, call):
            found.apart.add((step.module.path, call.lineno))
        else:
            yield from super()._method_call(step, call, found)

    def _call(self, step: Step, call: ast.Call, found: Feeding) -> Iterator[Step]:
        assert isinstance(found, BatchFeeding)
        module = step.module
        if step.function and call.func is not step.node and _last(module, call) in _PIECEWISE:
            found.pieces.add(f"{module.path}:{call.lineno}")
            yield from self._to(step, call, function=False)
            return
        for following in super()._call(step, call, found):
            # What goes on inside of a function comes before the function's result.
            if following.node is call and self._is_apart_inside(module, call, found):
                found.apart.add((module.path, call.lineno))
            else:
                yield following

    def _is_apart_inside(self, module: Module, call: ast.Call, found: BatchFeeding) -> bool:
        """Whether the batch was taken apart in a function of the project that a call runs."""
        return bool(found.apart) and any(
            path == other.path and function.lineno <= line <= (function.end_lineno or 0)
            for other, function in self._functions(module, call.func)
            for path, line in found.apart
        )

    def _takes_apart(self, module: Module, call: ast.Call) -> bool:
        """Whether ``dataset.method(...)`` makes single samples of batches."""
        method = _last(module, call)
        given = call.args[0] if call.args else None
        if method == "apply" and isinstance(given, ast.Call):
            if module.qualified(given.func) in _UNBATCHING:
                return True
            method, call = _last(module, given), given
        if method in _PIECEWISE:
            values = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "map_func")]
            return any(self._slices(module, value) for value in values)
        return method == "unbatch"

    def _slices(self, module: Module, function: ast.expr) -> bool:
        """Whether a function makes a dataset of the slices of what it is given."""
        if module.qualified(function) in _SLICING:
            return True
        bodies: list[tuple[Module, ast.AST]] = [*self._functions(module, function)]
        if isinstance(function, ast.Lambda):
            bodies.append((module, function.body))
        return any(
            isinstance(part, ast.Call) and owner.qualified(part.func) in _SLICING
            for owner, body in bodies
            for part in ast.walk(body)
        )

    def _functions(self, module: Module, node: ast.expr) -> Iterator[tuple[Module, Function]]:
        """The project's functions that an expression may stand for."""
        name = module.qualified(node) or module.own_method(node) or ""
        for owner, function, _ in self._definitions(module, ast.Call(node, [], []), name):
            yield owner, function


def _last(module: Module, call: ast.Call) -> str:
    """The last part of the name of what is called."""
    return last_name(call, module.qualified(call.func) or "")
