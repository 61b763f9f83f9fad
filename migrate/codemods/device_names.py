"""GPU names inside device strings: where they are, and how to take them out.

A device string is a path of components (``/job:worker/task:1/device:GPU:0``). Taking the GPU out
leaves the other components; the string that names nothing but a GPU becomes empty, which is
TensorFlow's "no opinion".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from migrate.analysis.module import Module
from migrate.codemods.edits import Edit
from migrate.codemods.items import without_arguments
from migrate.codemods.removals import removal_of, with_comments

# A literal of one piece; one put together from several pieces does not match.
_LITERAL = re.compile(r"([rRuUfF]*)('''|\"\"\"|'|\")((?:(?!\2)[^\\])*)\2", re.DOTALL)
_INDEX = r"(?:\*|\d+|%[a-z]|%\(\w+\)[a-z]|\{[^{}]*\})"
_GPU = re.compile(rf"(?:^|/)(?:device:)?(?:XLA_)?GPU(?::{_INDEX}?)?(?=/|$)", re.IGNORECASE)
_OTHERS = r"(?:/?(?:job|replica|task):[^/]+)*"
_SPEC = re.compile(rf"{_OTHERS}{_GPU.pattern}{_OTHERS}/?", re.IGNORECASE)
_PERCENT = re.compile(r"%(\(\w+\))?[a-z]")
_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass
class DeviceText:
    """An expression that spells a device with a GPU in it.

    Args:
        literal: the string in it that names the GPU.
        node: the whole expression: the string, what is put into it and what is added to it.
        edits: these take the GPU out; None when that cannot be done with certainty.
        dropped: expressions that are not evaluated any more.
        left: the text that stays, when the string is a format that something else applies.
        applied_elsewhere: the string is such a format.
    """

    literal: ast.expr
    node: ast.expr
    edits: list[Edit] | None = None
    dropped: list[ast.expr] = field(default_factory=list)
    left: str = ""
    applied_elsewhere: bool = False


def gpu_literals(module: Module) -> Iterator[ast.expr]:
    """The string literals in which a component of a device path names a GPU."""
    for node in module.nodes:
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not isinstance(module.parents[node], ast.JoinedStr | ast.Expr)
        ):
            found = _LITERAL.fullmatch(module.text_of(node))
            if found and _SPEC.fullmatch(found[3]):
                yield node


def is_path(module: Module, literal: ast.expr) -> bool:
    """Whether the string begins like an absolute device path with an index, as ``/gpu:0``."""
    return re.match(r"[a-zA-Z]*['\"]+/.*:", module.text_of(literal)) is not None


def has_index(module: Module, literal: ast.expr) -> bool:
    """Whether it says which GPU; the mere word is in use for other things as well."""
    return ":" in module.text_of(literal)


def device_text(module: Module, literal: ast.expr) -> DeviceText:
    """How to take the GPU out of the expression around a literal from ``gpu_literals``."""
    return _Cutter(module, literal).cut()


class _Cutter:
    def __init__(self, module: Module, literal: ast.expr) -> None:
        self.module = module
        self.literal = literal
        self.start, self.end = module.span(literal)
        found = _LITERAL.fullmatch(module.text_of(literal))
        assert found is not None
        self.prefix, self.quote, self.body = found[1], found[2], found[3]
        self.body_start = self.start + found.start(3)
        gpu = _GPU.search(self.body)
        assert gpu is not None
        self.gpu = gpu
        self.left = self.body[: gpu.start()] + self.body[gpu.end() :]
        # The index is what is added: '/gpu:' + str(i)
        self.index_follows = gpu[0].endswith(":") and gpu.end() == len(self.body)

    def cut(self) -> DeviceText:
        module, literal = self.module, self.literal
        found = DeviceText(literal, literal, left=self.left)
        edits = [Edit(self.body_start + self.gpu.start(), self.body_start + self.gpu.end(), "")]
        parent = module.parents[literal]
        if isinstance(literal, ast.JoinedStr):
            fields = [v.value for v in literal.values if isinstance(v, ast.FormattedValue)]
            if not _FIELD.search(self.left):
                edits.append(Edit(self.start, self.start + len(self.prefix), ""))
                found.dropped = fields
        elif isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod):
            found.node = parent
            more = self._percent(parent, found)
            edits = None if more is None else edits + more  # type: ignore[assignment]
        elif isinstance(parent, ast.Attribute) and parent.attr == "format":
            call = module.parents[parent]
            assert isinstance(call, ast.Call)
            found.node = call
            more = self._format(call, found)
            edits = None if more is None else edits + more  # type: ignore[assignment]
        elif _PERCENT.search(self.body) or _FIELD.search(self.body):
            found.applied_elsewhere = True
        if edits is not None:
            found.edits = self._added(found, edits)
        return found

    # --- what is put in ---------------------------------------------------------------------

    def _percent(self, parent: ast.BinOp, found: DeviceText) -> list[Edit] | None:
        if parent.left is not self.literal:
            return None
        values = parent.right.elts if isinstance(parent.right, ast.Tuple) else [parent.right]
        if not _PERCENT.search(self.left):
            found.dropped = list(values)
            return self._cut(self.module.span(parent)[1])
        if not _PERCENT.search(self.gpu[0]) or "%(" in self.body:
            return []
        before = len(_PERCENT.findall(self.body[: self.gpu.start()]))
        behind = len(_PERCENT.findall(self.body[self.gpu.end() :]))
        if len(values) != before + behind + 1 or not isinstance(parent.right, ast.Tuple):
            return None
        found.dropped = [values[before]]
        kept = [self.module.text_of(v) for i, v in enumerate(values) if i != before]
        text = ", ".join(kept) + ("," if len(kept) == 1 else "")
        start, end = self.module.span(parent.right)
        if "#" in self.module.source.text[start:end]:
            return None
        return [Edit(start, end, f"({text})")]

    def _cut(self, end: int) -> list[Edit] | None:
        """Takes out what is applied to the literal."""
        text = with_comments(self.module, self.literal, self.end, end, "")
        return None if text is None else [Edit(self.end, end, text)]

    def _format(self, call: ast.Call, found: DeviceText) -> list[Edit] | None:
        values: list[ast.expr] = [*call.args, *(k.value for k in call.keywords)]
        if not _FIELD.search(self.left):
            found.dropped = values
            return self._cut(self.module.span(call)[1])
        inside = _FIELD.search(self.gpu[0])
        if inside is None or inside[1][:1] not in ("", ":", "!"):
            # Named and numbered fields may leave arguments over.
            return []
        before = len(_FIELD.findall(self.body[: self.gpu.start()]))
        if any(isinstance(a, ast.Starred) for a in call.args) or before >= len(call.args):
            return None
        found.dropped = [call.args[before]]
        return list(without_arguments(self.module, call, [call.args[before]]))

    # --- what is added ----------------------------------------------------------------------

    def _added(self, found: DeviceText, edits: list[Edit]) -> list[Edit] | None:
        """The edits for ``a + b + c``, and for ``a += b``, around what spells the GPU."""
        module, node = self.module, found.node
        chain = _chain(module, node)
        place = chain.index(node)
        follows = self.index_follows
        if follows and place + 1 == len(chain):
            return None
        gone = ([node] if not self.left else []) + ([chain[place + 1]] if follows else [])
        if follows:
            found.dropped.append(chain[place + 1])
        found.node = root = _root(module, node)
        if self.left or len(gone) < len(chain):
            return self._without_operands(chain, gone, edits)
        parent = module.parents[root]
        if isinstance(parent, ast.AugAssign) and isinstance(parent.op, ast.Add):
            return [removal_of(module, parent)]
        if len(chain) > 1:
            start, end = module.span(root)
            if "#" in module.source.text[start:end]:
                return None
            return [Edit(start, end, self.quote * 2)]
        return edits

    def _without_operands(
        self, chain: list[ast.expr], gone: list[ast.expr], edits: list[Edit]
    ) -> list[Edit] | None:
        module = self.module
        if chain[0] in gone:
            rest = next(operand for operand in chain if operand not in gone)
            start, end = module.span(chain[0])[0], module.span(rest)[0]
            between = module.source.text[module.span(chain[chain.index(rest) - 1])[1] : end]
            if set(between) & set("()#\\\r\n"):
                return None
            return [Edit(start, end, "")]
        result = list(edits) if self.left else []
        for operand in (operand for operand in chain if operand in gone):
            sum_ = module.parents[operand]
            assert isinstance(sum_, ast.BinOp)
            start, end = module.span(sum_.left)[1], module.span(sum_)[1]
            while module.source.text[start] in ")" or (
                module.source.text[start].isspace()
                and module.source.text[start:end].lstrip().startswith(")")
            ):
                start += 1
            if "#" in module.source.text[start:end]:
                return None
            result.append(Edit(start, end, ""))
        return result


def _root(module: Module, node: ast.expr) -> ast.expr:
    """The sum that the expression is an operand of, or the expression itself."""
    parent = module.parents[node]
    while isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add):
        node, parent = parent, module.parents[parent]
    return node


def _chain(module: Module, node: ast.expr) -> list[ast.expr]:
    """The operands of the sum around ``node``, in order; a sum on the right is one operand."""
    operands: list[ast.expr] = []
    part = _root(module, node)
    while isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add) and part is not node:
        operands.insert(0, part.right)
        part = part.left
    operands.insert(0, part)
    return operands if node in operands else [node]
