"""Takes GPU options out of session configurations.

What it does: removes `gpu_options=` and the GPU entry of `device_count=` from ConfigProto,
statements that set them (`config.gpu_options.allow_growth = True`), and the calls of tf.config
that grow, limit or choose GPU memory. Variables that only they used go as well, and so does an
`if` that is left empty, when its test has no effect.

Why: they mean nothing to an NPU, and a reader takes them for settings that work.

Example:
    config = tf.ConfigProto(allow_soft_placement=True, device_count={'GPU': 1})
    config.gpu_options.allow_growth = True

becomes:
    config = tf.ConfigProto(allow_soft_placement=True)

Options: none.

Fix safety: safe. On a CPU these options do nothing. With NPU_DEVICE=host on a machine with a GPU,
TensorFlow takes all of its memory, as it does by default.

Not handled: a value whose evaluation may have an effect of its own, and calls of tf.config inside
another expression; both are warnings.

Authority: CANN "TensorFlow 1.15 Model Porting Guide", manual migration (delete GPU settings);
TensorFlow 1.15.0, core/protobuf/config.proto.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from migrate.analysis.effects import HOROVOD_QUERIES, effect_free
from migrate.analysis.imported import imports_tensorflow
from migrate.analysis.module import Module
from migrate.analysis.nodes import keyword
from migrate.analysis.values import bound_value
from migrate.codemods.items import without_keys, without_keywords
from migrate.codemods.options import removed_assignment
from migrate.codemods.removals import removal_of
from migrate.codemods.rule import Change, Context, Rule

_CONFIG = "tensorflow.ConfigProto"
_OPTIONS = "tensorflow.GPUOptions"
_SETTERS = (
    "tensorflow.config.experimental.set_memory_growth",
    "tensorflow.config.experimental.set_visible_devices",
    "tensorflow.config.experimental.set_virtual_device_configuration",
    "tensorflow.config.gpu.set_per_process_memory_fraction",
    "tensorflow.config.gpu.set_per_process_memory_growth",
)
# The fields of GPUOptions in TensorFlow 1.15.0.
_FIELDS = frozenset(
    """per_process_gpu_memory_fraction allow_growth allocator_type deferred_deletion_bytes
    visible_device_list polling_active_delay_usecs polling_inactive_delay_msecs
    force_gpu_compatible experimental""".split()
)
_MERGES = frozenset({"CopyFrom", "MergeFrom", "Clear"})

NPU402 = Rule(
    "NPU402",
    "gpu-options",
    group="devices",
    literals=(
        *(b"gpu_options", b"device_count", b"GPUOptions", b"set_memory_growth"),
        *(b"set_visible_devices", b"set_virtual_device", b"set_per_process_memory"),
    ),
    # Horovod's rank is what visible_device_list is made of.
    claims=frozenset(
        {_OPTIONS, *_SETTERS, *(f"horovod.tensorflow.{name}" for name in HOROVOD_QUERIES)}
    ),
)


@NPU402.on_module
def remove_gpu_options(context: Context) -> Iterator[Change]:
    module = context.module
    for call, name in module.calls:
        if name == _CONFIG:
            yield from _configuration(context, call)
        elif (name in _SETTERS and not _is_for_cpu(module, call)) or _merges_options(module, call):
            yield from _setter(context, call)
    for node in module.nodes:
        if isinstance(node, ast.Assign):
            yield from removed_assignment(context, node, lambda target: _is_option(module, target))
        elif _names_options(module, node) and imports_tensorflow(module):
            yield _by_hand(context, module.parents[node])


def _configuration(context: Context, call: ast.Call) -> Iterator[Change]:
    names = ["gpu_options"]
    count = keyword(call, "device_count")
    value = bound_value(context.module, count.value) if count is not None else None
    if isinstance(value, ast.Dict):
        gpus = [k for k in value.keys if isinstance(k, ast.Constant) and k.value == "GPU"]
        if len(gpus) == len(value.keys):
            names.append("device_count")
        else:
            yield from without_keys(context.module, value, gpus)
        numbers = [n for k, n in zip(value.keys, value.values, strict=True) if k in gpus]
        if any(isinstance(n, ast.Constant) and n.value == 0 for n in numbers):
            yield context.finding(
                call,
                "note",
                "device_count={'GPU': 0} asked for a session on the CPU; the session's role "
                "decides where it runs now",
                "Set the role to host in the recipe if it must stay there.",
            )
    elif value is not None and "gpu" in context.module.text_of(value).lower():
        yield _by_hand(context, value)
    options = keyword(call, "gpu_options")
    if options is not None and not effect_free(context.module, options.value):
        names.remove("gpu_options")
        yield _by_hand(context, options.value)
    yield from without_keywords(context.module, call, names)


def _setter(context: Context, call: ast.Call) -> Iterator[Change]:
    module = context.module
    statement: ast.AST = module.parents[call]
    if isinstance(statement, ast.ListComp):  # [set_memory_growth(gpu, True) for gpu in gpus]
        statement = module.parents[statement]
    if isinstance(statement, ast.Expr) and all(
        effect_free(module, part) for part in [*call.args, *(k.value for k in call.keywords)]
    ):
        yield removal_of(module, statement)
    else:
        yield _by_hand(context, call)


def _by_hand(context: Context, node: ast.AST) -> Change:
    return context.finding(
        node,
        "warning",
        f"a GPU setting that could not be taken out: {_shown(context.module.text_of(node))}",
        "Remove it by hand; it means nothing to an NPU.",
    )


def _shown(text: str) -> str:
    """The first line of a text."""
    first, *rest = text.splitlines()
    return f"{first} ..." if rest else first


def _names_options(module: Module, node: ast.AST) -> bool:
    """``'gpu_options'`` as a key or an attribute's name, or ``dict(gpu_options=...)``"""
    if isinstance(node, ast.keyword):
        call = module.parents[node]
        function = call.func if isinstance(call, ast.Call) else None
        is_dict = isinstance(function, ast.Name) and function.id == "dict"
        return node.arg == "gpu_options" and is_dict
    if not isinstance(node, ast.Constant) or node.value != "gpu_options":
        return False
    parent = module.parents[node]
    return isinstance(parent, ast.Dict | ast.Subscript) or (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Name)
        and parent.func.id in ("getattr", "setattr")
    )


def _is_for_cpu(module: Module, call: ast.Call) -> bool:
    return "cpu" in module.text_of(call).lower()


def _merges_options(module: Module, call: ast.Call) -> bool:
    """config.gpu_options.CopyFrom(...), or setattr(config.gpu_options, ...)"""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in _MERGES:
        return _are_options(module, function.value, None)
    plain = isinstance(function, ast.Name) and module.lookup(function.id, function) is None
    if plain and function.id == "setattr" and call.args:  # type: ignore[attr-defined]
        return _are_options(module, call.args[0], None)
    return False


def _is_option(module: Module, target: ast.expr) -> bool:
    """config.gpu_options.allow_growth, or config.device_count['GPU']"""
    if isinstance(target, ast.Attribute):
        return _are_options(module, target.value, target.attr)
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Attribute):
        index = target.slice
        return (
            target.value.attr == "device_count"
            and isinstance(index, ast.Constant)
            and index.value == "GPU"
            and module.instance_of(target.value.value) in (_CONFIG, None)
            and imports_tensorflow(module)
        )
    return False


def _are_options(module: Module, node: ast.expr, field: str | None) -> bool:
    """Whether the expression is a GPUOptions, as far as ``field`` of it helps to tell."""
    if isinstance(node, ast.Attribute) and node.attr == "experimental":
        return _are_options(module, node.value, field="experimental")
    if module.instance_of(node) == _OPTIONS:
        return True
    node = bound_value(module, node)
    if not isinstance(node, ast.Attribute) or node.attr != "gpu_options":
        return False
    owner = module.instance_of(node.value)
    if owner is None and imports_tensorflow(module):
        return field is None or field in _FIELDS
    return owner == _CONFIG
