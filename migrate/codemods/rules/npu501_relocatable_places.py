"""Lets data and outputs lie elsewhere than in the current folder.

What it does: a relative place that is written in the code, and that a file function reads or
writes, is wrapped in `data_path(...)` or `output_path(...)` of the port's runtime: once, where the
path begins. Paths are followed backwards from open, glob, os.makedirs, h5py.File, tf.gfile,
readers of records, Savers, FileWriters, Supervisors and the like, through names, attributes,
parameters, returns, os.path.join, sums and formats. Flags that name a place, or that a checkpoint
is restored from, convert what they are given, `type=output_path` of argparse and
`flag_values=output_flags` of absl and tf.app.flags, so that a relative place on the command line
moves as well. An environment variable that names the data may be unset where NPU_DATA_DIR is set.

`'./' + path` becomes `os.path.join('./', path)` where the path may now be absolute, and
`'./%s/x' % path` becomes `os.path.join('./', '%s/x' % path)`: the same text for a relative one.

Why: ModelArts and shared machines keep data and outputs in OBS, and on a disk of their own while
a job runs; a port that only knows "./dataset" has to be edited for each.

Data or output: what a training writes and nothing reads is output. Else the name decides where it
says so (data, images; logs, checkpoint, samples); otherwise what is only read is data, and what is
written, or read back as a checkpoint, is output; what one script makes for others to read is data.
Logs in the folder of the data, which are only written, are output.

Example:
    files = glob(os.path.join('./dataset', name, '*.jpg'))
    parser.add_argument('--checkpoint_dir', type=str, default='checkpoint')
    tf.app.flags.DEFINE_string('data_dir', './dataset', 'images')

becomes:
    files = glob(os.path.join(data_path('./dataset'), name, '*.jpg'))
    parser.add_argument('--checkpoint_dir', type=output_path, default='checkpoint')
    tf.app.flags.DEFINE_string('data_dir', './dataset', 'images', flag_values=data_flags)

Options: `places` in the recipe says of single places, by their text or by the name of their flag
or variable, that they are "data", "output", or stay ("keep").

Fix safety: safe. With NPU_DATA_DIR and NPU_OUTPUT_DIR unset, every path is upstream's own.
Absolute places and URLs (gs://, obs://, hdfs://) stay as they are in any case.

Not handled: files that come with the project, which stay; places that are only looked for, that
are also compared with a text, or that libraries make up, and those in a file that calls `os.chdir`
with another folder than its own. What is a place for certain and stays is
a note.

Authority: ModelArts, "Preset training images": data_url, train_url, boot file; this kit's
npu_runtime/places.py.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from migrate.analysis.commands import named_in_commands
from migrate.analysis.flags import default_of, is_argparse
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, keyword, string
from migrate.analysis.paths import assigned_in, flags_in, put_behind_in, taken_in
from migrate.analysis.project import Project
from migrate.analysis.values import bound_value
from migrate.codemods.calls import add_keywords
from migrate.codemods.edits import Edit
from migrate.codemods.imports import runtime_import
from migrate.codemods.relocating import (
    Places,
    Relocation,
    compared_in,
    is_relative,
    names_data,
    names_output,
    names_place,
)
from migrate.codemods.rule import (
    Change,
    Context,
    Option,
    ProjectContext,
    Rule,
    RuntimeImport,
    is_table,
)
from migrate.errors import RecipeError
from migrate.findings import Finding

_RUNTIME = "npu_runtime.places"
_CHOICES = ("data", "output", "keep")
_NEAREST = 5  # places that are named where the recipe names one that there is not

NPU501 = Rule(
    "NPU501",
    "relocatable-places",
    group="obs-io",
    paths=lambda project: project.cached(Places).files,
    facts=(assigned_in, flags_in, put_behind_in, taken_in, compared_in, named_in_commands),
    whole=True,  # one script reads what another one wrote
    options={
        "places": Option(
            'a table of places, such as "./files" = "data"; also "output" and "keep"',
            lambda value: is_table(value, lambda item: item in _CHOICES),
        )
    },
)


# The operator of a sum, with nothing but blanks around it.
_PLUS = re.compile(r"[ \t]*\+[ \t]*")
# Where a text begins with the current folder, and a placeholder follows.
_LEAD = re.compile(r"""([A-Za-z]*)('{3}|"{3}|'|")([./]*/)(?=[%{])""")


@NPU501.on_part
def check_names(context: ProjectContext) -> Iterator[Change]:
    """Every place in the recipe must be a text, a flag or a variable of the project's."""
    project, chosen = context.project, context.options.get("places", {})
    known = project.cached(Places).texts if chosen else frozenset()
    for place in sorted(chosen.keys() - known):
        if any(place in project.cached_for(path, _texts) for path in project.python_files):
            continue
        near = difflib.get_close_matches(place, known, _NEAREST, cutoff=0)
        raise RecipeError(
            "rules.NPU501.places",
            f"the project has no place, flag or variable {place!r}",
            advice=f"It has, among others, {', '.join(sorted(map(repr, near)))}." if near else "",
        )
    yield from ()


def _texts(project: Project, path: str) -> frozenset[str]:
    module = project.parsed(path)
    constants = module.all_of(ast.Constant) if module is not None else ()
    return frozenset(node.value for node in constants if isinstance(node.value, str))


@NPU501.on_module
def relocate(context: Context) -> Iterator[Change]:
    chosen = context.options.get("places", {})
    places = context.project.cached(Places).of(context.module.path, chosen)
    if not (places.moved or places.stays or places.joins):
        return
    nodes = _nodes(context.module)
    for remark in places.stays:
        yield Finding(
            context.module.path, remark.line, context.code, "note", remark.message, remark.advice
        )
    for span in places.joins:
        yield from _joined(context, nodes[span])
    for place in places.moved:
        node = nodes[place.origin.span]
        if place.origin.kind == "flag" and isinstance(node, ast.Call):
            yield from _flag(context, node, place, place.origin.text in chosen)
        else:
            yield from _wrapped(context, node, place)


def _nodes(module: Module) -> dict[tuple[int, int], ast.expr]:
    """The expressions by their place; of those at one, the outermost."""
    found: dict[tuple[int, int], ast.expr] = {}
    for kind in (ast.Constant, ast.JoinedStr, ast.BinOp, ast.Call, ast.Subscript):
        for node in module.all_of(kind):
            # Python before 3.12 gives the pieces of an f-string the place of the whole.
            if not isinstance(module.parents.get(node), ast.JoinedStr | ast.FormattedValue):
                found[module.span(node)] = node
    return found


def _wrapped(context: Context, node: ast.expr, place: Relocation) -> Iterator[Change]:
    of_variable = place.origin.kind == "variable" and place.target == "data"
    if of_variable and (given := _variable(context.module, node)):
        wanted = _runtime(context, "data_variable")
        yield wanted
        yield context.replace(node, f"{wanted.bound}({given})")
        return
    wanted = _runtime(context, f"{place.target}_path")
    yield wanted
    yield from context.wrap(node, f"{wanted.bound}(", ")")


def _variable(module: Module, node: ast.expr) -> str:
    """The name of an environment variable, and its default unless that is a relative place."""
    if isinstance(node, ast.Subscript):
        return module.text_of(node.slice)
    if not isinstance(node, ast.Call):
        return ""
    default = argument(node, "default", 1)
    if _is_relative(default):
        return ""
    name = module.text_of(node.args[0])
    return f"{name}, {module.text_of(default) if default is not None else None}"


def _flag(context: Context, call: ast.Call, place: Relocation, chosen: bool) -> Iterator[Change]:
    module, name = context.module, place.origin.text
    of_parser, default = is_argparse(call), default_of(call)
    value = _value(context, default)
    relative = _is_relative(value)
    kind = keyword(call, "type" if of_parser else "flag_values")
    if kind is not None and _is_runtime(module, kind.value):
        return
    if value is not None and not relative and not _is_nothing(value):
        return  # an absolute place, or one that is made up elsewhere
    # The value of a flag without a default that a checkpoint is restored from is a place as well.
    by_use = (relative or place.restored) and (_has_folder(value) or not place.origin.is_stem)
    if not (chosen or names_place(name) or by_use):
        if relative:
            message = f"flag {name!r} may be a place, but its name does not say so: left as it is"
            yield context.finding(call, "note", message, "If it is one: [rules.NPU501.places].")
        return
    if kind is not None:
        converted = isinstance(kind.value, ast.Name) and kind.value.id == "str"
    else:
        converted = keyword(call, "action") is None if of_parser else len(call.args) < 4
    if converted:
        if relative or chosen or place.checkpoint or names_data(name) or names_output(name):
            yield from _converted(context, call, place, kind)
    elif relative and default is not None:
        wanted = _runtime(context, f"{place.target}_path")
        yield wanted
        yield from context.wrap(default, f"{wanted.bound}(", ")")


def _value(context: Context, default: ast.expr | None) -> ast.expr | None:
    """What a default stands for, where it is a name that is bound once, here or in another file."""
    if not isinstance(default, ast.Name | ast.Attribute):
        return default
    path, colon, name = (context.module.name_of(default) or "").partition(":")
    other = context.project.parsed(path) if colon and path in context.project.files else None
    bound = other.scope.bindings.get(name, []) if other is not None else []
    if len(bound) == 1 and bound[0].kind == "value" and isinstance(bound[0].node, ast.expr):
        return bound[0].node
    return bound_value(context.module, default)


def _converted(
    context: Context, call: ast.Call, place: Relocation, kind: ast.keyword | None
) -> Iterator[Change]:
    """With `type=data_path` or `flag_values=data_flags`, which hold for a default as well.

    Args:
        kind: the `type=str` that is there already.
    """
    of_parser = is_argparse(call)
    wanted = _runtime(context, f"{place.target}_{'path' if of_parser else 'flags'}")
    yield wanted
    if kind is not None:
        yield context.replace(kind.value, wanted.bound)
        return
    name = "type" if of_parser else "flag_values"
    yield add_keywords(context.module, call, {name: wanted.bound})


def _joined(context: Context, node: ast.expr) -> Iterator[Change]:
    """`'./' + path` as `os.path.join('./', path)`, which an absolute path survives."""
    module = context.module
    end = module.span(node)[1]
    os_name = next(
        (n.id for n in module.all_of(ast.Name) if n.id == "os" and module.qualified(n) == "os"), ""
    )
    parted = list(_parted(module, node)) if os_name else []
    if not parted:
        message = f"{module.text_of(node)}: wrong where the path is absolute"
        advice = "Write os.path.join(...), which keeps an absolute path, in place of the sum."
        yield context.finding(node, "warning", message, advice)
        return
    yield from parted
    yield Edit(end, end, ")")


def _parted(module: Module, node: ast.expr) -> Iterator[Edit]:
    """Parts `'./'` from the path behind it; nothing where it cannot be seen how."""
    text = module.source.text
    start, end = module.span(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = module.span(node.left)[1], module.span(node.right)[0]
        if _PLUS.fullmatch(text[left:right]):
            yield Edit(start, start, "os.path.join(")
            yield Edit(left, right, ", ")
        return
    # A format: './%s/x' % path, './{}/x'.format(path) or f'./{path}/x'.
    if begin := _LEAD.match(text, start, end):
        prefix, quote, lead = begin.groups()
        plain = prefix.replace("f", "").replace("F", "")
        joined = f"os.path.join({plain}{quote}{lead}{quote}, {prefix}{quote}"
        yield Edit(start, begin.end(), joined)


def _runtime(context: Context, name: str) -> RuntimeImport:
    return runtime_import(context.module, name, _RUNTIME)


def _is_runtime(module: Module, node: ast.expr) -> bool:
    return (module.qualified(node) or "").startswith(f"{_RUNTIME}.")


def _is_relative(node: ast.expr | None) -> bool:
    text = string(node)
    return text is not None and is_relative(text)


def _is_nothing(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value


def _has_folder(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and "/" in str(node.value)
