"""Has rank 0 alone write the files of a training that several ranks run.

What it does: in code that a program which trains can reach, puts `npu_rank_file(...)` around the
path of what is written by something else than TensorFlow's Saver and FileWriter: pictures
(scipy.misc, imageio, cv2, PIL, matplotlib), arrays and tables (NumPy, pandas, h5py), text, pickles,
logs, saved models. On other ranks that is a scratch file, which goes when the process ends. What
removes, copies or renames files is called by rank 0 alone (`npu_rank_0(...)`), and what makes a
folder may find it made already (`npu_make_folder(...)`). A writer that takes the path from its
callers is edited once, for all of them. Commands of a shell that copy, move or remove files are
rank 0's, too.

Why: all ranks of a server work in the same folder, and two that write one file leave a broken one.
The second to make a folder stops with FileExistsError, and a late one that clears the output folder
takes the others' checkpoints along.

Example:
    if not os.path.exists(log_dir):
        os.makedirs(log_dir)
    scipy.misc.imsave(path, merge(images, size))

becomes:
    if not os.path.exists(log_dir):
        npu_make_folder(os.makedirs)(log_dir)
    scipy.misc.imsave(npu_rank_file(path), merge(images, size))

Options: none.

Fix safety: safe. With one rank, the path and the function are upstream's own.

Not handled: what reads, which every rank does at the same place, and places of tempfile, which are
each process's own. Told are: a file that a function writes and reads back, itself or by what it
calls, which stays every rank's; one that another function reads back, which other ranks may do too
early; data that a training downloads, unpacks or converts first; files that are changed in place;
commands that write into a file; a mode that only a run can tell. What libraries
and other programs write is not seen. TensorFlow's checkpoints, event files and graphs need no
edit: the runtime writes them on rank 0 alone.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", distributed training (one process for each
device); this kit's npu_runtime/rank_files.py.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.analysis.commands import Command, commands, named_in_commands
from migrate.analysis.entry_points import training_code, training_files
from migrate.analysis.file_functions import OPENING, WRITING, FileUse, file_uses
from migrate.analysis.module import Module
from migrate.analysis.nodes import argument, is_none, is_self, keyword, string
from migrate.analysis.paths import taken_in
from migrate.analysis.project import Project
from migrate.analysis.read_backs import Given, givers, read_back
from migrate.analysis.references import owner_of
from migrate.analysis.runtime_names import MAKE_FOLDER, RANK_0, RANK_FILE, runtime_call
from migrate.codemods.imports import runtime_import
from migrate.codemods.rank_words import depends_on_rank, values_of
from migrate.codemods.rule import Change, Context, Rule
from migrate.findings import Finding

# TensorFlow writes these itself: nothing on other ranks.
_TENSORFLOWS = (
    "tensorflow.contrib.",
    "tensorflow.estimator.",
    "tensorflow.io.write_graph",
    "tensorflow.summary.",
    "tensorflow.train.",
)
_NO_PATH_OF_TENSORFLOWS = ("TensorBoard",)
_MAKING = frozenset(
    "os.makedirs os.mkdir pathlib.Path.mkdir tensorflow.gfile.MkDir "
    "tensorflow.io.gfile.mkdir".split()
)
# These may find the folder made already.
_MADE_BY_ALL = frozenset({"tensorflow.gfile.MakeDirs", "tensorflow.io.gfile.makedirs"})
_ON_RANK_0 = frozenset(
    "os.remove os.unlink os.rename os.replace os.rmdir os.symlink shutil.rmtree shutil.move "
    "shutil.copy shutil.copyfile shutil.copytree tensorflow.gfile.Copy "
    "pathlib.Path.unlink pathlib.Path.rename pathlib.Path.replace pathlib.Path.rmdir "
    "tensorflow.gfile.Remove tensorflow.gfile.Rename tensorflow.gfile.DeleteRecursively "
    "tensorflow.io.gfile.remove tensorflow.io.gfile.rename tensorflow.io.gfile.rmtree".split()
)
# What makes the data that a training reads.
_FETCHING = frozenset(
    "urllib.request.urlretrieve urllib.urlretrieve six.moves.urllib.request.urlretrieve".split()
)
_PREPARING = _FETCHING | {"tensorflow.io.TFRecordWriter", ".extractall"}
# What makes a path of its first argument.
_MAKING_PATHS = frozenset("os.path.abspath os.path.join os.path.splitext pathlib.Path str".split())
# How far from name to name.
_DEEPEST = 8
_DONE_BY_COMMAND = re.compile(r"(?:^|[;&|])\s*(cp|ln|mv|rm)\b")
# tar unpacks by an x among its options; it packs and lists by others.
_UNPACKING = r"\s+(?:[a-zA-Z]*x[a-zA-Z]*|(?:[^;&|]*\s)?(?:-[a-zA-Z]*x[a-zA-Z]*|--extract|--get))"
_FETCHED_BY_COMMAND = re.compile(
    rf"(?:^|[;&|])\s*(curl\b|gunzip\b|unzip\b|wget\b|tar(?={_UNPACKING}(?:\s|$)))"
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_WRITTEN_BY_COMMAND = re.compile(r"(?<![0-9&>])>>?(?![>\s]*(?:/dev/|&))")
_PREPARE_FIRST = "Prepare the data before, with one rank, or let rank 0 do it and the others wait."


def _has_changing(project: Project, path: str) -> bool:
    # The paths tell most files from those that have any.
    if not project.cached_for(path, taken_in) and not project.cached_for(path, named_in_commands):
        return False
    module = project.parsed(path)
    return module is not None and (
        any(_changes_files(use) for use in file_uses(module)) or any(True for _ in commands(module))
    )


NPU707 = Rule(
    "NPU707",
    "rank-files",
    group="distributed",
    finds=_has_changing,
    paths=lambda project: project.cached(training_files),
    unit_tests=False,
)


@NPU707.on_module
def write_on_rank_0(context: Context) -> Iterator[Change]:
    module, project = context.module, context.project
    uses = list(file_uses(module))
    changing = [use for use in uses if _changes_files(use)]
    code = project.cached(training_code)
    read = [use for use in uses if use.access in ("read", "state")]
    done: set[ast.Call] = set()
    for use in changing:
        if owner_of(module, use.call) not in code or use.call in done:
            continue
        if _is_own(module, use.node) and use.name not in _FETCHING:
            continue
        if use.name in _MAKING or use.name in _ON_RANK_0:
            done.add(use.call)  # a function that takes two paths
            yield from _called(context, use)
        elif use.name in _PREPARING:
            what = use.name.rpartition(".")[2]
            message = f"each rank prepares the same data here ({what}), at the same time"
            yield context.finding(use.call, "warning", message, _PREPARE_FIRST)
        else:
            yield from _written(context, use, read)
    for command in commands(module):
        if owner_of(module, command.call) in code and not _is_by_rank(module, command.call):
            yield from _commanded(context, command)


def _commanded(context: Context, command: Command) -> Iterator[Change]:
    """A command that all ranks give, and that changes files."""
    call, text = command
    if isinstance(call.func, ast.Call):
        return  # in the runtime's hands already
    is_list = isinstance(call.args[0], ast.List | ast.Tuple)  # no shell, which would redirect
    if found := _FETCHED_BY_COMMAND.search(text):
        message = f"each rank prepares the same data here ({found[1]}), at the same time"
        yield context.finding(call, "warning", message, _PREPARE_FIRST)
    elif not is_list and _WRITTEN_BY_COMMAND.search(_QUOTED.sub("", text)):
        message = "each rank runs this command, which writes a file"
        advice = "Let rank 0 run it alone, and the others do without, or give each rank its file."
        yield context.finding(call, "warning", message, advice)
    elif _DONE_BY_COMMAND.search(text):
        if isinstance(context.module.parents.get(call), ast.Expr):
            wanted = runtime_import(context.module, RANK_0)
            yield wanted
            yield from context.wrap(call.func, f"{wanted.bound}(", ")")
        else:
            message = "each rank runs this command, which changes files"
            yield context.finding(call, "warning", message, "Let rank 0 run it alone.")


def _is_by_rank(module: Module, call: ast.Call) -> bool:
    """Whether the code says itself which ranks come here, as by ``if hvd.rank() == 0``."""
    return any(
        isinstance(around, ast.If | ast.IfExp) and depends_on_rank(module, around.test)
        for around in module.ancestors(call)
    )


def _changes_files(use: FileUse) -> bool:
    """Whether it does more than read, and TensorFlow does not see to it."""
    if use.name in _ON_RANK_0:
        return True
    if use.access == "ask":  # a mode that is computed, or no more than a question
        return _mode(use) is not None
    by_tensorflow = use.name.startswith(_TENSORFLOWS) or use.name.endswith(_NO_PATH_OF_TENSORFLOWS)
    return use.access in WRITING and not by_tensorflow and use.name not in _MADE_BY_ALL


def _is_own(module: Module, path: ast.AST | None, depth: int = _DEEPEST) -> bool:
    """Whether a path is a file that is open already, or one that no other process has.

    What may also be another place, as by ``given or tempfile.mkdtemp()``, is none.
    """
    if depth == 0:
        return False
    begins = _beginning(module, path)
    if begins is not None:
        return _is_own(module, begins, depth - 1)
    if isinstance(path, ast.Call):
        name = module.name_of(path.func) or str(getattr(path.func, "id", ""))
        return name.startswith(("tempfile.", "io.")) or name in OPENING
    values: list[ast.AST | None] = []
    if isinstance(path, ast.Name) and (found := module.lookup(path.id, path)):
        values += [
            binding.node or getattr(binding.statement, "value", None)
            for binding in found[1]
            if not isinstance(binding.statement, ast.AugAssign)  # puts something behind it
        ]
    elif isinstance(path, ast.Attribute):
        values += values_of(module, path)
    values = [value for value in values if not is_none(value)]
    return bool(values) and all(_is_own(module, value, depth - 1) for value in values)


def _beginning(module: Module, path: ast.AST | None) -> ast.expr | None:
    """What a path that is made of parts begins with; None for one that is not."""
    if isinstance(path, ast.BinOp) and isinstance(path.op, ast.Mod):
        given = path.right.elts if isinstance(path.right, ast.Tuple) else [path.right]
        return given[0] if given and _begins_with_value(path.left) else path.left
    if isinstance(path, ast.BinOp):
        return path.left
    if isinstance(path, ast.JoinedStr) and path.values:
        first = path.values[0]
        return first.value if isinstance(first, ast.FormattedValue) else first
    if isinstance(path, ast.Subscript):
        return path.value  # of `handle, name = tempfile.mkstemp()` as a whole
    if isinstance(path, ast.Attribute) and not is_self(path.value):
        return path.value
    if isinstance(path, ast.Call) and path.args:
        is_format = isinstance(path.func, ast.Attribute) and _begins_with_value(path.func.value)
        if is_format or module.name_of(path.func) in _MAKING_PATHS:
            return path.args[0]
    return None


def _begins_with_value(text: ast.expr) -> bool:
    """Whether a format begins with the first of the values that it is given."""
    return (string(text) or "").startswith(("%s", "{}", "{0}"))


def _called(context: Context, use: FileUse) -> Iterator[Change]:
    """A function that makes a folder, or that removes, copies or renames something."""
    func, exist_ok = use.call.func, keyword(use.call, "exist_ok")
    if isinstance(func, ast.Call):
        return  # in the runtime's hands already
    if exist_ok is not None and isinstance(exist_ok.value, ast.Constant) and exist_ok.value.value:
        return
    wanted = runtime_import(context.module, MAKE_FOLDER if use.name in _MAKING else RANK_0)
    yield wanted
    yield from context.wrap(func, f"{wanted.bound}(", ")")


def _written(context: Context, use: FileUse, read: list[FileUse]) -> Iterator[Change]:
    module = context.module
    if runtime_call(module, use.node) == RANK_FILE:
        return
    mode = _mode(use)
    if mode is not None and not _creates(mode):
        text, changes = module.text_of(mode), use.access == "write"
        kind = "changes it in place" if changes else "may write it"
        message = f"every rank opens this file, and mode {text} {kind}"
        advice = "Where it writes, open npu_rank_file(path), or let rank 0 do it alone."
        yield context.finding(use.call, "warning" if changes else "note", message, advice)
        return
    text = " ".join(module.text_of(use.node).split())
    written = Given(module, use.call, use.node)
    if own := read_back(context.project, written):
        message = f"every rank writes {text} and reads it back (line {own.lineno}): left as it is"
        advice = "Give each rank a file of its own, by npu_rank_file(...) around both places."
        yield context.finding(use.call, "warning", message, advice)
        return
    given = list(givers(context.project, written))
    if given and all(_is_own(one.module, one.node) for one in given):
        return
    yield from _told(context, use, text, read, given)
    wanted = runtime_import(module, RANK_FILE)
    yield wanted
    yield from context.wrap(use.node, f"{wanted.bound}(", ")")


def _told(
    context: Context, use: FileUse, text: str, read: list[FileUse], given: list[Given]
) -> Iterator[Finding]:
    """What other ranks will not find, or not at once, where rank 0 alone writes."""
    if among := [one for one in given if _is_own(one.module, one.node)]:
        place = _place(context, among[0].module, among[0].node)
        message = f"rank 0 alone writes {text}, also where it is a place of tempfile ({place})"
        advice = (
            "Other ranks find nothing there: call npu_rank_file where the other paths are made."
        )
        yield context.finding(use.call, "warning", message, advice)
    if place := _read_elsewhere(context, use, read, given):
        message = f"rank 0 alone writes {text}, and every rank reads it ({place})"
        advice = "Other ranks may come too early: let them wait, or use what they have in memory."
        yield context.finding(use.call, "warning", message, advice)


def _read_elsewhere(context: Context, use: FileUse, read: list[FileUse], given: list[Given]) -> str:
    """Where another function reads what is written: one with the same words, or a caller."""
    for other in read:
        if _reads_back(context.module, use, other):
            return _place(context, context.module, other.node)
    for one in given:
        back = None if _is_own(one.module, one.node) else read_back(context.project, one)
        if back is not None:
            return _place(context, one.module, back)
    return ""


def _place(context: Context, module: Module, node: ast.expr) -> str:
    line = f"line {node.lineno}"
    return line if module.path == context.module.path else f"{module.path}, {line}"


def _reads_back(module: Module, use: FileUse, other: FileUse) -> bool:
    """Whether what is written is read by the same expression, by this code or another function."""
    if module.text_of(use.node) != module.text_of(other.node):
        return False
    if module.function_of(use.call) is module.function_of(other.call):
        return other.node.lineno > use.node.lineno
    return not isinstance(use.node, ast.Name)  # of each function its own


def _mode(use: FileUse) -> ast.expr | None:
    """The mode that a file is opened in, where the function takes one."""
    if use.name in OPENING:
        return argument(use.call, "mode", OPENING[use.name])
    return argument(use.call, "mode", 0) if use.name == "pathlib.Path.open" else None


def _creates(mode: ast.expr) -> bool:
    """Whether a mode is one that needs no file to be there."""
    text = mode.value if isinstance(mode, ast.Constant) else None
    return isinstance(text, str) and "r" not in text
