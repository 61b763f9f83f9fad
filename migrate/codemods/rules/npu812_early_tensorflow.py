"""Writes names and arguments of TensorFlow before 1.0 as TensorFlow 1.15.0 has them.

What it does: functions that 1.0 renamed get their new names (`tf.pack`, `tf.mul`, `tf.select`,
`tf.scalar_summary`, `tf.train.SummaryWriter`, `tf.nn.rnn`, `tf.nn.seq2seq.*`, `tf.batch_matmul` and
others), with the new names of their keywords. Functions whose arguments 1.0 put in another order
get keywords: `tf.concat`, `tf.split` and the cross entropies with logits. `tf.reverse` gets axes
for its list of booleans, and `tf.image.resize_images` one size for height and width.

Why: TensorFlow 1.15.0 no longer has these names, and fails, or computes something else, where the
old order of arguments is left.

Example:
    fused = tf.concat(1, [tf.mul(gate, state), inputs])
    loss = tf.nn.softmax_cross_entropy_with_logits(logits, labels)

becomes:
    fused = tf.concat(axis=1, values=[tf.multiply(gate, state), inputs])
    loss = tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=labels)

Fix safety: safe: what is rewritten fails in 1.15.0, `tf.reverse` apart, where booleans would be
taken for the axes 0 and 1. The new summaries put the name scope before their tags.

Not handled: `tf.nn.sampled_softmax_loss`, `nce_loss` and `weighted_cross_entropy_with_logits`,
which took the same arguments in another order; `tf.concat(dim, values)` and
`tf.image.resize_images(image, height, width)` where no argument tells which it is; names imported
one by one and arguments without a counterpart (warnings); names taken out of TensorFlow's private
modules; code that tests for the version or for the name, which stays.

Authority: TensorFlow 1.0.0, tools/compatibility/tf_upgrade.py and RELEASE.md; the signatures of
TensorFlow 1.15.0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from migrate.analysis.inventory import Settled
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, keyword
from migrate.analysis.project import Project
from migrate.analysis.symbols import canonical
from migrate.codemods.edits import Edit
from migrate.codemods.guards import IMPORTS, NAMES, is_guarded
from migrate.codemods.rule import Change, Context, Rule
from migrate.findings import Finding


class _Early(NamedTuple):
    """A function as it was before TensorFlow 1.0.

    Args:
        now: its name in TensorFlow 1.15.0.
        parameters: its old parameters, in order; empty where they are the same today.
        renamed: what is now called otherwise; empty for what has no counterpart.
        in_order: how many of them still stand in the same places.
    """

    now: str
    parameters: tuple[str, ...] = ()
    renamed: Mapping[str, str] = {}
    in_order: int = 9


_BATCHED = (
    "cholesky cholesky_solve fft fft2d fft3d ifft ifft2d ifft3d matrix_band_part "
    "matrix_determinant matrix_diag matrix_diag_part matrix_inverse matrix_set_diag "
    "matrix_solve matrix_solve_ls matrix_transpose matrix_triangular_solve self_adjoint_eig "
    "self_adjoint_eigvals svd"
).split()
_SEQ2SEQ = (
    "attention_decoder basic_rnn_seq2seq embedding_attention_decoder embedding_attention_seq2seq "
    "embedding_rnn_decoder embedding_rnn_seq2seq embedding_tied_rnn_seq2seq model_with_buckets "
    "one2many_rnn_seq2seq rnn_decoder sequence_loss sequence_loss_by_example tied_rnn_seq2seq"
).split()
_RNN_WRAPPERS = ("EmbeddingWrapper", "InputProjectionWrapper", "OutputProjectionWrapper")
_IMAGES = ("tag", "tensor", "max_images", "collections", "name")
_SOUNDS = ("tag", "tensor", "sample_rate", "max_outputs", "collections", "name")

_RENAMED = {
    f"tensorflow.{old}": early._replace(now=f"tensorflow.{early.now}")
    for old, early in {
        "audio_summary": _Early("summary.audio", _SOUNDS, {"tag": "name", "name": ""}, 5),
        "batch_matmul": _Early(
            "matmul",
            ("x", "y", "adj_x", "adj_y", "name"),
            {"x": "a", "y": "b", "adj_x": "adjoint_a", "adj_y": "adjoint_b"},
            2,
        ),
        "complex_abs": _Early("abs"),
        "concat_v2": _Early("concat"),
        "histogram_summary": _Early(
            "summary.histogram",
            ("tag", "values", "collections", "name"),
            {"tag": "name", "name": ""},
            3,
        ),
        "image.per_image_whitening": _Early("image.per_image_standardization"),
        "image_summary": _Early(
            "summary.image", _IMAGES, {"tag": "name", "max_images": "max_outputs", "name": ""}, 4
        ),
        "inv": _Early("reciprocal"),
        "list_diff": _Early("setdiff1d", ("x", "y", "out_idx", "name"), {"out_idx": "index_dtype"}),
        "listdiff": _Early("setdiff1d", ("x", "y", "out_idx", "name"), {"out_idx": "index_dtype"}),
        "merge_all_summaries": _Early("summary.merge_all"),
        "merge_summary": _Early("summary.merge"),
        "mul": _Early("multiply"),
        "neg": _Early("negative"),
        "nn.bidirectional_rnn": _Early("nn.static_bidirectional_rnn"),
        "nn.rnn": _Early("nn.static_rnn"),
        "nn.state_saving_rnn": _Early("nn.static_state_saving_rnn"),
        "pack": _Early("stack"),
        "scalar_summary": _Early(
            "summary.scalar",
            ("tags", "values", "collections", "name"),
            {"tags": "name", "values": "tensor", "name": ""},
            3,
        ),
        "select": _Early("where", ("condition", "t", "e", "name"), {"t": "x", "e": "y"}),
        "split_v": _Early(
            "split",
            ("value", "size_splits", "split_dim", "num", "name"),
            {"size_splits": "num_or_size_splits", "split_dim": "axis"},
        ),
        "sub": _Early("subtract"),
        "train.SummaryWriter": _Early("summary.FileWriter"),
        "train.SummaryWriterCache": _Early("summary.FileWriterCache"),
        "unpack": _Early("unstack"),
        **{f"batch_{name}": _Early(name) for name in _BATCHED},
        **{f"nn.seq2seq.{name}": _Early(f"contrib.legacy_seq2seq.{name}") for name in _SEQ2SEQ},
        **{f"nn.rnn_cell.{name}": _Early(f"contrib.rnn.{name}") for name in _RNN_WRAPPERS},
    }.items()
}
# What kept its name and takes its arguments in another order.
_REORDERED = {
    early.now: early
    for early in (
        _Early("tensorflow.concat", ("concat_dim", "values", "name"), {"concat_dim": "axis"}, 0),
        _Early(
            "tensorflow.split",
            ("split_dim", "num_split", "value", "name"),
            {"split_dim": "axis", "num_split": "num_or_size_splits"},
            0,
        ),
        _Early(
            "tensorflow.nn.softmax_cross_entropy_with_logits",
            ("logits", "labels", "dim", "name"),
            in_order=0,
        ),
        _Early(
            "tensorflow.nn.sparse_softmax_cross_entropy_with_logits",
            ("logits", "labels", "name"),
            in_order=0,
        ),
        _Early(
            "tensorflow.nn.sigmoid_cross_entropy_with_logits",
            ("logits", "targets", "name"),
            {"targets": "labels"},
            0,
        ),
    )
}
# What takes as a list now what were booleans, or two arguments.
_REVERSE = "tensorflow.reverse_v2"  # which tf.reverse is
_RESIZE = "tensorflow.image.resize_images"
_REARRANGED = frozenset({*_REORDERED, _REVERSE, _RESIZE})
_LAST = frozenset(name.rpartition(".")[2] for name in (*_RENAMED, *_REARRANGED, "reverse"))
_COMMENT = re.compile(r"#[^\r\n]*")
_CLOSED = re.compile(r"(?:[\s\\]|#[^\r\n]*)*\)")
# What a test of TensorFlow's version, or of what it has, holds.
_VERSIONS = ("hasattr", "dir(", "__version__", "VERSION")


def _uses(module: Module) -> Iterator[tuple[ast.expr, str]]:
    """The places that may be older than TensorFlow 1.0, and what they name."""
    for attribute in module.all_of(ast.Attribute):
        if attribute.attr in _LAST and isinstance(attribute.ctx, ast.Load):
            name = module.name_of(attribute)
            if name in _RENAMED or name in _REARRANGED:
                yield attribute, name
    for bound in module.all_of(ast.Name):
        if bound.id in _LAST and isinstance(bound.ctx, ast.Load):
            name = module.name_of(bound)
            if name in _REARRANGED:  # imports of the others are told themselves
                yield bound, name


def _imports(module: Module) -> Iterator[tuple[ast.ImportFrom, str]]:
    """The imports of single names that are gone."""
    for node in module.imports:
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                name = canonical(f"{node.module}.{alias.name}")
                if name in _RENAMED:
                    yield node, name


def _may_be_early(project: Project, path: str) -> bool:
    module = project.parsed(path)
    return module is not None and (
        any(True for _ in _uses(module)) or any(True for _ in _imports(module))
    )


NPU812 = Rule(
    "NPU812",
    "early-tensorflow",
    group="compat",
    finds=_may_be_early,
    claims=frozenset(_RENAMED),
)


@NPU812.on_module
def use_todays(context: Context) -> Iterator[Change]:
    module = context.module
    for statement, name in _imports(module):
        if not is_guarded(module, statement, IMPORTS, _VERSIONS):
            yield _warning(context, statement, name, "its import fails")
    for node, name in _uses(module):
        if is_guarded(module, node, NAMES, _VERSIONS):
            if name in _RENAMED:
                yield Settled(module.path, node.lineno, name, "native", "not used in 1.15.0")
            continue
        parent = module.parents[node]
        call = parent if isinstance(parent, ast.Call) and parent.func is node else None
        try:
            if name in _RENAMED:
                yield from _renamed(module, node, call, _RENAMED[name])
            elif call is not None:
                edits = list(_rearranged(module, call, name))
                yield from edits
                if edits:
                    yield Settled(module.path, node.lineno, name)
        except _Unknown as unknown:
            yield _warning(context, node, name, str(unknown))


class _Unknown(Exception):
    """What keeps a place from being rewritten."""


def _warning(context: Context, node: ast.expr | ast.stmt, name: str, reason: str) -> Finding:
    now = _RENAMED[name].now if name in _RENAMED else name
    return context.finding(
        node,
        "warning",
        f"{name} is written as before TensorFlow 1.0: {reason}",
        f"Write it as {now} of TensorFlow 1.15.0 takes it.",
    )


def _renamed(
    module: Module, node: ast.expr, call: ast.Call | None, early: _Early
) -> Iterator[Edit]:
    """The new name, below the part of the old one that stays, and the arguments."""
    base = node
    while isinstance(base, ast.Attribute):
        base = base.value
        stays = module.name_of(base)
        if stays and early.now.startswith(f"{stays}."):
            break
    else:
        raise _Unknown("the new name lies in another module")
    edits = [] if call is None else list(_arguments(module, call, early))
    start, end = module.span(base)[1], module.span(node)[1]
    if ")" in module.source.text[start:end]:
        raise _Unknown("the module's name stands in parentheses")
    yield Edit(start, end, early.now[len(stays) :])
    yield from edits


def _rearranged(module: Module, call: ast.Call, name: str) -> Iterator[Edit]:
    """The arguments of a function that kept its name."""
    if name == _REVERSE:
        yield from _axes(module, call)
    elif name == _RESIZE:
        yield from _one_size(module, call)
    elif _is_early_order(call, name):
        yield from _arguments(module, call, _REORDERED[name])


def _is_early_order(call: ast.Call, name: str) -> bool:
    """Whether the arguments are certainly meant in the order of before 1.0."""
    early = _REORDERED[name]
    if any(keyword.arg in early.renamed for keyword in call.keywords):
        return True
    if name.endswith("_logits"):  # 1.x takes keywords only
        return bool(call.args) and not _is_constant(call.args[0], type(None))
    if not call.args or len(call.args) + len(call.keywords) < 2:
        return False
    if name == "tensorflow.concat" and len(call.args) > 1:
        is_list, follows_list = (isinstance(a, ast.List | ast.Tuple) for a in call.args[:2])
        if follows_list and not is_list:
            return True
    first = call.args[0]
    return _is_constant(first.operand if isinstance(first, ast.UnaryOp) else first, int)


def _arguments(module: Module, call: ast.Call, early: _Early) -> Iterator[Edit]:
    """The arguments with the names that they have today.

    Raises:
        _Unknown: one has no counterpart, or cannot be seen.
    """
    before = module.span(call.func)[1]
    for position, value in enumerate(call.args if early.parameters else ()):
        if isinstance(value, ast.Starred) or position >= len(early.parameters):
            raise _Unknown("which arguments it gets cannot be told")
        name = _today(early, early.parameters[position])
        if position >= early.in_order:
            start, _ = _whole(module, value, before, "," if position else "(")
            yield Edit(start, start, f"{name}=")
        before = module.span(value)[1]
    for given in call.keywords:
        if given.arg is None:
            if early.renamed:
                raise _Unknown("which arguments it gets cannot be told")
            continue
        name = _today(early, given.arg)
        if name != given.arg:
            start = module.span(given)[0]
            yield Edit(start, start + len(given.arg), name)


def _today(early: _Early, parameter: str) -> str:
    name = early.renamed.get(parameter, parameter)
    if not name:
        raise _Unknown(f"its argument {parameter} has no counterpart")
    return name


def _whole(module: Module, value: ast.expr, before: int, mark: str) -> tuple[int, int]:
    """Where an argument begins and ends, its own parentheses included.

    Args:
        before: where what stands before it ends.
        mark: what comes between, a comma or the call's parenthesis.
    """
    start, end = module.span(value)
    text = module.source.text
    gap = _COMMENT.sub(lambda comment: " " * len(comment[0]), text[before:start])
    first = gap.find("(", gap.index(mark) + 1)
    if first < 0:
        return start, end
    for _ in range(gap.count("(", first)):
        closed = _CLOSED.match(text, end)
        assert closed is not None
        end = closed.end()
    return before + first, end


def _axes(module: Module, call: ast.Call) -> Iterator[Edit]:
    """The axes that a list of booleans marks."""
    marks = argument(call, "dims", 1) or argument(call, "axis", 1)
    if not isinstance(marks, ast.List | ast.Tuple) or not marks.elts:
        return
    values = [mark.value for mark in marks.elts if isinstance(mark, ast.Constant)]
    if len(values) == len(marks.elts) and all(type(value) is bool for value in values):
        yield Edit(*module.span(marks), str([n for n, value in enumerate(values) if value]))
        dims = keyword(call, "dims")
        if dims is not None:
            start = module.span(dims)[0]
            yield Edit(start, start + len("dims"), "axis")


def _one_size(module: Module, call: ast.Call) -> Iterator[Edit]:
    """Height and width, which were two arguments, in one list."""
    if keyword(call, "new_height") or keyword(call, "new_width"):
        raise _Unknown("its arguments new_height and new_width are one now, size")
    if len(call.args) > 2 and _is_constant(call.args[1], int):
        images, height, width = call.args[:3]
        start, _ = _whole(module, height, module.span(images)[1], ",")
        _, end = _whole(module, width, module.span(height)[1], ",")
        yield Edit(start, start, "[")
        yield Edit(end, end, "]")


def _is_constant(node: ast.expr, kind: type) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is kind
