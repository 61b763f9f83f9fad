"""Whether arrays that a loop cuts into batches may be divided where they are assigned.

Behind a division a rank has fewer rows. So the loop must count those that are there, or its last
batches would be empty; and nothing but the training may read them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from migrate.analysis.module import Module
from migrate.analysis.nodes import spelled
from migrate.analysis.order import may_hold

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_COUNTING = frozenset({"shape", "size", "ndim", "dtype"})
_FILLING = frozenset({"add", "append", "extend", "insert", "setdefault", "update"})
# What may be done with all rows, by the functions' last names.
_HARMLESS = frozenset("len print format shape permutation shuffle debug info warning".split())


class ArrayBatches:
    """The batches that a run takes of some arrays.

    Args:
        statement: the last of those that assign the arrays.
        cuts: the slices by which a batch is taken of them, each of a name.
    """

    def __init__(
        self, module: Module, statement: ast.Assign, cuts: Sequence[ast.Subscript]
    ) -> None:
        self._module = module
        self._statement = statement
        self._cuts = cuts
        self._names = {cut.value.id for cut in cuts if isinstance(cut.value, ast.Name)}
        # What tells one batch from another: loops over batches, and the names that they lead to.
        self._loops: list[ast.For | ast.AsyncFor] = []
        self._telling: set[str] = set()
        for cut in cuts:
            self._look_behind(cut.slice)

    def objection(self) -> str:
        """Why the arrays cannot be divided behind the statement; empty where they can."""
        for name in sorted(self._names):
            for load in self._reads(name):
                if found := self._misused(load):
                    return found
        if isinstance(self._statement.value, ast.Constant | ast.Dict):
            return "filled behind their assignment"
        if not all(self._is_in_loop(cut) for cut in self._cuts):
            return "made anew for each batch"
        tests = [node for cut in self._cuts for node in (cut.slice, *self._tests(cut))]
        counted = [loop.iter for loop in self._loops]
        if not (
            all(self._counts(node) for node in counted)
            if counted
            else any(self._counts(node) for node in tests)
        ):
            return "of which the loop takes a number of rows that does not come from them"
        return ""

    def goes_with(self, value: ast.AST) -> bool:
        """Whether a value that is fed beside them may hold something for each of the rows."""
        return any(
            isinstance(part, ast.Call | ast.Subscript | ast.comprehension)
            and any(
                isinstance(name, ast.Name) and name.id in self._telling for name in ast.walk(part)
            )
            for node in self._with_values(value)
            for part in ast.walk(node)
        )

    def _with_values(self, value: ast.AST) -> Iterator[ast.AST]:
        """An expression, and what was assigned to the names in it."""
        left = [value]
        seen: set[str] = set()
        while left:
            node = left.pop()
            yield node
            for part in ast.walk(node):
                if isinstance(part, ast.Name) and part.id not in {*seen, *self._telling}:
                    seen.add(part.id)
                    left += [
                        b.node for b in may_hold(self._module, part) if b.kind == "value" and b.node
                    ]

    def _look_behind(self, node: ast.AST) -> None:
        """Notes the loops that an expression depends on, and the names of what they give."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            self._look_behind(node.right)  # whatever the left one is, it goes round
            return
        if isinstance(node, ast.Name):
            for binding in may_hold(self._module, node):
                statement = binding.statement
                if node.id in self._telling or not self._is_in_loop(statement):
                    continue
                if isinstance(statement, ast.For | ast.AsyncFor):
                    self._telling.add(node.id)
                    self._loops.append(statement)
                elif isinstance(statement, ast.Assign | ast.AugAssign):
                    self._telling.add(node.id)
                    self._look_behind(binding.node or statement.value)
        for child in ast.iter_child_nodes(node):
            self._look_behind(child)

    def _is_in_loop(self, node: ast.AST | None) -> bool:
        """Whether it is, or is within, a loop that the arrays are not made in."""
        module = self._module
        if node is None or module.function_of(node) is not module.function_of(self._statement):
            return True
        outer = set(module.ancestors(self._statement))
        around = (node, *module.ancestors(node))
        return any(isinstance(part, _LOOPS) and part not in outer for part in around)

    def _tests(self, node: ast.AST) -> Iterator[ast.expr]:
        for part in self._module.ancestors(node):
            if isinstance(part, ast.While):
                yield part.test

    def _counts(self, node: ast.AST, seen: frozenset[str] = frozenset()) -> bool:
        """Whether an expression depends on the arrays as they are behind the statement."""
        if isinstance(node, ast.Name):
            if node.id in self._names:
                return node in self._reads(node.id)
            if node.id in seen:
                return False
            values = [b.node for b in may_hold(self._module, node) if b.node is not None]
            return any(self._counts(value, seen | {node.id}) for value in values)
        return any(self._counts(child, seen) for child in ast.iter_child_nodes(node))

    def _reads(self, name: str) -> list[ast.Name]:
        """Where an array is read behind the statement."""
        module, statement = self._module, self._statement
        found = next(
            module.lookup(name, cut)
            for cut in self._cuts
            if isinstance(cut.value, ast.Name) and cut.value.id == name
        )
        if found is None:
            return []
        function, number = module.function_of(statement), module.numbers[statement]
        return [
            load
            for load in module.reads(found[0].node, name)
            if (module.function_of(load) is not function or module.numbers[load] > number)
            and module.statement_of(load) is not statement
        ]

    def _misused(self, load: ast.Name) -> str:
        """What is done with an array, other than to count it and to take batches of it."""
        module = self._module
        parent = module.parents[load]
        around = module.parents[parent]
        read = f"which line {load.lineno} also reads"
        if isinstance(parent, ast.Subscript) and parent.value is load:
            if not isinstance(parent.ctx, ast.Load):
                return "filled behind their assignment"
            alike = {module.text_of(cut.slice) for cut in self._cuts}
            is_alike = module.text_of(parent.slice) in alike
            return "" if is_alike or _is_beginning(parent.slice) else read
        if isinstance(parent, ast.Attribute):
            if parent.attr in _COUNTING:
                return ""
            is_filling = parent.attr in _FILLING and isinstance(around, ast.Call)
            return "filled behind their assignment" if is_filling else read
        if isinstance(parent, ast.Call):
            return "" if spelled(parent.func) in _HARMLESS else read
        return "" if isinstance(parent, ast.Delete | ast.FormattedValue | ast.Expr) else read


def _is_beginning(index: ast.expr) -> bool:
    """Whether it takes one row, or the first ones, as samples are."""
    if isinstance(index, ast.Slice):
        return index.lower is None or (
            isinstance(index.lower, ast.Constant) and index.lower.value == 0
        )
    return isinstance(index, ast.Constant)
