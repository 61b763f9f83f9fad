"""Removes settings of CUDA, cuDNN and NCCL from the environment.

What it does: deletes statements that set CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER, NCCL_*, and
TensorFlow's own variables for GPUs (TF_GPU_THREAD_MODE, TF_CUDNN_*, TF_MIN_GPU_MULTIPROCESSOR_COUNT
and the like) in os.environ. Scripts and READMEs that mention them get a note.

Why: nothing on an NPU machine reads them, and a reader takes them for the choice of the device.
ASCEND_DEVICE_ID chooses it.

Example:
    os.environ['CUDA_VISIBLE_DEVICES'] = args.gpu

becomes nothing, with a note that args.gpu has no effect any more.

Options: none.

Fix safety: safe. With NPU_DEVICE=host on a machine with GPUs, TensorFlow sees the GPUs that the
caller's environment gives it.

Not handled: unit tests, which may check what they set; a value whose evaluation may have an effect
(warning), environments built for other processes, and a variable that the project reads without a
default, which stays set (warning).

Authority: CANN "TensorFlow 1.15 Model Porting Guide", environment variables (ASCEND_DEVICE_ID);
adapter, geop_npu.cc (device id).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrate.codemods.environment_settings import CUDA, removed_settings
from migrate.codemods.rule import Change, Context, ProjectContext, Rule
from migrate.findings import Finding

NPU405 = Rule(
    "NPU405",
    "cuda-environment",
    group="devices",
    literals=(b"CUDA_", b"NCCL_", b"TF_"),
    unit_tests=False,
)
_COMMENT = re.compile(r"(?:^|\s)#.*")
_ADVICE = "It means nothing to an NPU. ASCEND_DEVICE_ID chooses the device."


@NPU405.on_module
def remove_cuda_settings(context: Context) -> Iterator[Change]:
    module = context.module
    if not CUDA.search(module.source.text):
        return
    yield from removed_settings(context, CUDA)
    for node in module.nodes:
        if isinstance(node, ast.keyword):
            if node.arg and CUDA.fullmatch(node.arg) and not _is_update(context, node):
                message = f"{node.arg} is set for another process"
                yield context.finding(node, "note", message, _ADVICE)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = CUDA.search(node.value)
            is_text = isinstance(module.parents[node], ast.Expr)
            if found and node.value[found.end() :].startswith("=") and not is_text:
                yield context.finding(node, "note", f"a command that sets {found[0]}", _ADVICE)


def _is_update(context: Context, node: ast.AST) -> bool:
    call = context.module.parents[node]
    return isinstance(call, ast.Call) and context.module.qualified(call.func) == "os.environ.update"


@NPU405.on_project
def note_scripts(context: ProjectContext) -> Iterator[Finding]:
    for path, file in sorted(context.project.files.items()):
        name = path.rpartition("/")[2].lower()
        is_script = name.endswith((".sh", ".bash"))
        if not is_script and not name.startswith("readme"):
            continue
        for number, line in enumerate(file.data.decode("utf-8", "replace").splitlines(), 1):
            # What begins a comment in a script begins a title in a README.
            said = _COMMENT.sub("", line) if is_script else line
            for variable in sorted(set(CUDA.findall(said))):
                message = f"{variable} has no effect on an NPU"
                yield context.finding(path, number, "note", message, _ADVICE)
