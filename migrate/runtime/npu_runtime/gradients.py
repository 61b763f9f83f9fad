"""tf.gradients whose loss is scaled as an optimizer's is, and what tells such gradients."""

import re

import tensorflow.compat.v1 as tf

from . import options, ranks, session, settings

# Types of operators that write to the variable or accumulator which is their first input.
_WRITES = re.compile(r"^(Assign|(Resource)?Scatter)|AccumulatorApplyGradient$")


def npu_gradients(ys, xs, grad_ys=None, *args, **kwargs):
    """tf.gradients, of a scaled loss where gradients are computed in fp16.

    The gradients are unscaled, so clipping them stays as it is. The loss scale is that of the
    optimizer which applies them, wherever that is made (see optimizers.npu_optimizer), or which
    applies what is computed from them: clipped, or summed, also in variables that are not
    trained, from run to run. Several calls whose gradients one optimizer applies share its scale;
    so do several optimizers that apply gradients of one call. What no such optimizer applies has
    a scale of 1: it is what tf.gradients computes; so it stays in a session that runs something
    before the optimizer applies it.

    Args:
        ys, xs, grad_ys, args, kwargs: as tf.gradients takes them.

    Returns:
        As tf.gradients: for each of `xs` a tensor, tf.IndexedSlices or None. With NPU_DEVICE=host,
        and where nothing is scaled (see NPU_LOSS_SCALE), the graph is that of tf.gradients.

    Raises:
        ValueError: NPU_PRECISION_MODE or NPU_LOSS_SCALE is not legal, or see ranks.rank().
        RuntimeError: there is no adapter (npu_bridge).
    """
    if settings.on_host() or options.loss_scale() is None:
        return tf.gradients(ys, xs, grad_ys, *args, **kwargs)
    session.load_adapter()
    from npu_bridge.estimator.npu.npu_loss_scale_optimizer import NPULossScaleOptimizer

    given = _Given(ys, xs, grad_ys, args, kwargs)
    with tf.init_scope():
        scaling = NPULossScaleOptimizer(given, _Later(), ranks.size() > 1)
    # The adapter multiplies the "loss" by the scale, and divides the gradients by it.
    pairs = scaling.compute_gradients(tf.constant(1.0, name="npu_loss"), var_list=xs)
    found = [_with_values(old, new) for old, (new, _) in zip(given.found, pairs)]
    remember(found, scaling)
    return found


class _Given(tf.train.Optimizer):
    """Computes gradients of what it is given: its loss is the factor for all of them."""

    def __init__(self, ys, xs, grad_ys, args, kwargs):
        super().__init__(use_locking=False, name="GivenLoss")
        self._ys, self._xs = _listed(ys), _listed(xs)
        self._grad_ys = [None] * len(self._ys) if grad_ys is None else _listed(grad_ys)
        self._args, self._kwargs = args, kwargs
        self.found = None

    def compute_gradients(self, loss, *args, **kwargs):
        with tf.name_scope("npu_gradients"):
            grad_ys = [_times(loss, y, given) for y, given in zip(self._ys, self._grad_ys)]
        self.found = tf.gradients(self._ys, self._xs, grad_ys, *self._args, **self._kwargs)
        return [(_values(gradient), x) for gradient, x in zip(self.found, self._xs)]


class _Later:
    """The loss scale manager of whichever optimizer applies the gradients; 1 until one does."""

    def __init__(self):
        self._scale = tf.identity(tf.constant(1.0), name="npu_loss_scale")

    def get_loss_scale(self):
        return self._scale

    def become(self, manager):
        """Takes the scale of a manager from now on."""
        with tf.init_scope():
            scale = tf.convert_to_tensor(manager.get_loss_scale())
        self._scale.op._update_input(0, scale)


def remember(gradients, scaling):
    """Notes which NPULossScaleOptimizer scaled the loss of gradients that it computed."""
    for gradient in gradients:
        if gradient is not None:
            operator = _values(gradient).op
            _scaled(operator.graph)[operator] = scaling


def scalings(gradients):
    """Finds what scaled the losses of gradients.

    Args:
        gradients: as apply_gradients takes them, or computed from those that were remembered.

    Returns:
        List of NPULossScaleOptimizers, none twice; empty where nothing was remembered.
    """
    left = [gradient for gradient in map(_values, gradients) if hasattr(gradient, "op")]
    left = [gradient.op for gradient in left]
    known = _scaled(left[0].graph) if left else {}
    if not known:
        return []
    trained = {variable.op for variable in tf.trainable_variables()}
    found, seen = [], set()
    while left:
        operator = left.pop()
        if operator in seen:
            continue
        seen.add(operator)
        if operator not in known:
            left.extend(tensor.op for tensor in operator.inputs)
            if not operator.inputs and operator not in trained:
                left.extend(_written_to(operator))
        elif not any(known[operator] is one for one in found):
            found.append(known[operator])
    return found


def joined(found, make_manager):
    """One loss scale manager for gradients of several losses that are applied together.

    Args:
        found: NPULossScaleOptimizers, of `scalings`.
        make_manager: makes the one that is taken where none of them has one yet.
    """
    managers = []
    for scaling in found:
        manager = scaling._loss_scale_manager
        if not isinstance(manager, _Later) and not any(manager is one for one in managers):
            managers.append(manager)
    if not managers:
        managers.append(make_manager())
    for scaling in found:
        if isinstance(scaling._loss_scale_manager, _Later):
            scaling._loss_scale_manager.become(managers[0])
            scaling._loss_scale_manager = managers[0]
    return managers[0] if len(managers) == 1 else _Several(managers)


class _Several:
    """Loss scale managers that are updated together."""

    def __init__(self, managers):
        self._managers = managers

    def update_loss_scale(self, finite):
        return tf.group(*[manager.update_loss_scale(finite) for manager in self._managers])


def _scaled(graph):
    """Operators to what scaled their loss. Kept by the graph itself, to end with it."""
    return vars(graph).setdefault("_npu_scaled", {})


def _written_to(operator):
    """The operators whose results are written to a variable or an accumulator."""
    for tensor in operator.outputs:
        for user in tensor.consumers():
            if _WRITES.search(user.type) and user.inputs[0] is tensor:
                for written in user.inputs:
                    yield written.op


def _listed(given):
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _times(factor, y, grad_y):
    y = tf.convert_to_tensor(y)
    return tf.cast(factor, y.dtype.base_dtype) * (tf.ones_like(y) if grad_y is None else grad_y)


def _values(gradient):
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _with_values(gradient, values):
    """A gradient with other values, as sparse as it was: the adapter's division is for tensors."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return values
