"""What fp16 does to numbers, on a CPU: the operands of matrix products are rounded to it.

In a session on the device whose precision mode computes in fp16, each float32 operand of a
convolution or matrix product, forwards and backwards, goes through fp16 and back before it is
used; so do their results. Gradients that are too small become 0, as on a device. Numbers that are
too large become inf, which stands for the device's overflow flag: NPULossScaleOptimizer sees it,
leaves the step out, and scales less. So that a few steps show what holds for a long training, a
dynamic scale (ExponentialUpdateLossScaleManager) begins at 2^15 at most, or where
NPU_SIMULATOR_LOSS_SCALE says, and falls by 2^4 with each step that overflows.

It is a test of whether a model bears fp16, and whether its loss is scaled. It cannot tell:

- which operators a release computes in fp16 (its lists, modify_mixlist; other operators, such as
  activations and normalization, stay in float32 here),
- how the device adds up within a product, and in which order,
- bfloat16, and modes that leave the choice to the release,
- models of Keras that run in functions, and what tf.data does.

Source: IEEE 754 binary16; CANN, TensorFlow 1.15 Model Porting, "Mixed Precision".
"""

import functools
import threading
import weakref

from . import trace
from .imports import after_import

SETTLED = 2.0**15  # where tf.train.experimental.DynamicLossScale begins
FALL = 2.0**-4
_PRODUCTS = frozenset(
    "BatchMatMul BatchMatMulV2 Conv2D Conv2DBackpropFilter Conv2DBackpropInput Conv3D "
    "Conv3DBackpropFilterV2 Conv3DBackpropInputV2 DepthwiseConv2dNative "
    "DepthwiseConv2dNativeBackpropFilter DepthwiseConv2dNativeBackpropInput MatMul".split()
)
_IN_FP16 = {
    "precision_mode": frozenset({"allow_mix_precision", "allow_mix_precision_fp16", "force_fp16"}),
    "precision_mode_v2": frozenset({"fp16", "mixed_float16"}),
}
_NAME = "npu_simulator_half"
# Graph to the number of its operators that were looked at.
_seen = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def install(adapter):
    """Patches sessions as soon as the program imports TensorFlow.

    Args:
        adapter: adapter release, such as "r1.15.0".
    """
    after_import("tensorflow.python.client.session", lambda module: _patch(module, adapter))


def _patch(module, adapter):
    extend = module.BaseSession._extend_graph

    @functools.wraps(extend)
    def patched(self):
        if _computes_in_fp16(self._config, adapter):
            round_products(self.graph)
        extend(self)

    module.BaseSession._extend_graph = patched


def _computes_in_fp16(config, adapter):
    from .recorder import npu_options

    options = npu_options(config, adapter) if config is not None else None
    return options is not None and any(options.get(key) in modes for key, modes in _IN_FP16.items())


def round_products(graph):
    """Rounds the operands and results of the products that were added since the last call.

    Args:
        graph: a tf.Graph; products that a session has run already stay as they are.
    """
    with _lock:
        operators = graph.get_operations()
        new = operators[_seen.get(graph, 0) :]
        products = [operator for operator in new if operator.type in _PRODUCTS]
        finalized = graph.finalized
        if products and finalized:
            graph._unsafe_unfinalize()
        rounded = {}
        for product in products:
            _round(graph, product, rounded)
        if products and finalized:
            graph.finalize()
        _seen[graph] = len(graph.get_operations())
    if products:
        trace.emit("rounded", products=len(products))


def _round(graph, product, rounded):
    consumers = [
        (tensor, [(user, _positions(user, tensor)) for user in tensor.consumers()])
        for tensor in product.outputs
    ]
    for position, tensor in enumerate(product.inputs):
        if tensor.dtype.base_dtype.name == "float32" and _NAME not in tensor.op.name:
            product._update_input(position, _in_half(graph, product, tensor, rounded))
    for tensor, users in consumers:
        if tensor.dtype.base_dtype.name != "float32":
            continue
        for user, positions in users:
            for position in positions:
                user._update_input(position, _in_half(graph, product, tensor, rounded))


def _positions(user, tensor):
    return [position for position, taken in enumerate(user.inputs) if taken is tensor]


def _in_half(graph, product, tensor, rounded):
    """The tensor after fp16, in the loop or branch and on the device of the product."""
    import tensorflow.compat.v1 as tf

    context = product._get_control_flow_context()
    key = tensor.name, context
    if key not in rounded:
        with graph.as_default(), graph.control_dependencies(None), graph.device(product.device):
            before = graph._get_control_flow_context()
            graph._set_control_flow_context(context)
            try:
                half = tf.cast(tensor, tf.float16, name=_NAME)
                rounded[key] = tf.cast(half, tf.float32, name=_NAME)
            finally:
                graph._set_control_flow_context(before)
    return rounded[key]
