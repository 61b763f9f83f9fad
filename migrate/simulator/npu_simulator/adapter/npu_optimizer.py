"""Optimizers that average gradients over the ranks.

The gradients of one step go together, in one exchange, so that ranks cannot wait for each other
in different gradients.

Source: adapter, npu_bridge/estimator/npu/npu_optimizer.py.
"""

import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.
from npu_simulator import collectives, surface
from npu_simulator.adapter import npu_common, util
from npu_simulator.adapter.npu_loss_scale_optimizer import all_finite, apply_if
from tensorflow.python.keras import optimizers
from tensorflow.python.keras.optimizer_v2 import optimizer_v2


def _average(tensors, scope):
    """Averages gradients over the ranks; Nones and a single rank's stay as they are."""
    if int(util.get_ranksize()) <= 1:
        return tensors
    with tf.name_scope(scope + "_Allreduce"):
        return _reduce_all(tensors, "sum", average=True, group=collectives.WORLD)


def _reduce_all(tensors, reduction, average, group):
    """Reduces tensors, and joins the parts of IndexedSlices, over a group."""
    size = len(collectives.members_of(group))
    dense = [
        place
        for place, tensor in enumerate(tensors)
        if tensor is not None and not isinstance(tensor, tf.IndexedSlices)
    ]
    result = list(tensors)
    if dense:
        reduced = collectives.allreduce([tensors[place] for place in dense], reduction, group)
        for place, tensor in zip(dense, reduced):
            result[place] = _divided(tensor, size) if average else tensor
    for place, tensor in enumerate(tensors):
        if isinstance(tensor, tf.IndexedSlices):
            values = collectives.allgather(tensor.values, size, group)
            indices = collectives.allgather(tensor.indices, size, group)
            values = _divided(values, size) if average else values
            result[place] = tf.IndexedSlices(values, indices, tensor.dense_shape)
    return result


def _divided(tensor, size):
    size = tf.cast(size, tensor.dtype)
    return tensor / size if tensor.dtype.is_floating else tensor // size


def _average_pairs(pairs, scope):
    averaged = _average([gradient for gradient, _ in pairs], scope)
    return list(zip(averaged, [variable for _, variable in pairs]))


def allreduce(tensor, average=True, var=None):
    """Returns the sum over all ranks of a tensor, or its average.

    Args:
        tensor: tensor, variable or IndexedSlices, whose parts are joined.
        average: whether to divide by the number of ranks.
        var: the variable, an argument of early releases that changes nothing here.
    """
    npu_common.NPUBasics("").size()
    if not isinstance(tensor, tf.IndexedSlices):
        tensor = tf.convert_to_tensor(tensor)
    return _reduce_all([tensor], "sum", average, collectives.WORLD)[0]


def npu_allreduce(values, reduction="mean", fusion=1, fusion_id=-1, group=collectives.WORLD):
    """Reduces a tensor or IndexedSlices, or a list of them, over a group of ranks.

    Args:
        values: what to reduce.
        reduction: mean, sum, max, min or prod; IndexedSlices are joined for each but averaged
            for mean.
    """
    many = isinstance(values, (list, tuple))
    average = reduction == "mean"
    result = _reduce_all(
        list(values) if many else [values], "sum" if average else reduction, average, group
    )
    return result if many else result[0]


class NPUOptimizer(tf.train.Optimizer):
    """Averages gradients over the ranks, scales the loss, or both.

    Args:
        opt: optimizer that computes and applies.
        loss_scale_manager: a loss scale manager.
        is_distributed: whether to average.
        is_loss_scale: whether to scale.
        is_tailing_optimization: changes the order on the device, no result.

    Raises:
        ValueError: scaling without a manager.
    """

    def __init__(
        self,
        opt,
        loss_scale_manager=None,
        is_distributed=False,
        is_loss_scale=False,
        is_tailing_optimization=False,
        name=None,
    ):
        if is_loss_scale and loss_scale_manager is None:
            raise ValueError("is_loss_scale is True, loss_scale_manager can not be None")
        name = name or "NPUOptimizer%s" % type(opt).__name__
        super().__init__(name=name, use_locking=False)
        self._opt = opt
        self._loss_scale_manager = loss_scale_manager if is_loss_scale else None
        self._is_distributed = is_distributed

    def compute_gradients(self, loss, *args, **kwargs):
        """Computes gradients of the loss as it is."""
        manager = self._loss_scale_manager
        if manager is not None:
            loss = loss() if callable(loss) else loss
            scale = manager.get_loss_scale()
            loss = loss * tf.cast(scale, loss.dtype.base_dtype)
        pairs = self._opt.compute_gradients(loss, *args, **kwargs)
        if self._is_distributed:
            npu_common.NPUBasics("").size()
            pairs = _average_pairs(pairs, self._name)
        if manager is None:
            return pairs
        inverse = tf.math.reciprocal(scale)
        return [
            (None if gradient is None else gradient * tf.cast(inverse, gradient.dtype), variable)
            for gradient, variable in pairs
        ]

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """Applies gradients, if they are finite where the loss is scaled."""
        if self._loss_scale_manager is None:
            return self._opt.apply_gradients(grads_and_vars, global_step, name)
        grads_and_vars = list(grads_and_vars)
        finite = all_finite(grads_and_vars, self._is_distributed)
        return apply_if(
            finite, self._opt, self._loss_scale_manager, grads_and_vars, global_step, name
        )

    def get_slot(self, *args, **kwargs):
        """Returns what the wrapped optimizer does."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args, **kwargs):
        """Returns what the wrapped optimizer does."""
        return self._opt.get_slot_names(*args, **kwargs)

    def variables(self, *args, **kwargs):
        """Returns what the wrapped optimizer does."""
        return self._opt.variables(*args, **kwargs)


class NPUDistributedOptimizer(tf.train.Optimizer):
    """Averages gradients over the ranks, if there are several.

    Args:
        optimizer: optimizer that computes and applies.
        is_weight_update_sharding: not simulated.
        name: its name; Distributed<type of the optimizer> unless given.

    Raises:
        NotSimulated: weight update sharding.
    """

    def __init__(self, optimizer, is_weight_update_sharding=False, name=None):
        if is_weight_update_sharding:
            surface.absent("NPUDistributedOptimizer(is_weight_update_sharding=True)")()
        name = name or "Distributed%s" % type(optimizer).__name__
        super().__init__(name=name, use_locking=False)
        self._optimizer = optimizer

    def compute_gradients(self, *args, **kwargs):
        """Computes gradients and averages them."""
        pairs = self._optimizer.compute_gradients(*args, **kwargs)
        if int(util.get_ranksize()) > 1:
            npu_common.NPUBasics("").size()
        return _average_pairs(pairs, self._name)

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """Applies gradients."""
        return self._optimizer.apply_gradients(grads_and_vars, global_step, name)

    def get_slot(self, *args, **kwargs):
        """Returns what the wrapped optimizer does."""
        return self._optimizer.get_slot(*args, **kwargs)

    def get_slot_names(self, *args, **kwargs):
        """Returns what the wrapped optimizer does."""
        return self._optimizer.get_slot_names(*args, **kwargs)

    def variables(self, *args, **kwargs):
        """Returns what the wrapped optimizer does."""
        return self._optimizer.variables(*args, **kwargs)


class KerasDistributeOptimizer(optimizer_v2.OptimizerV2):
    """Averages the gradients of a Keras optimizer over the ranks, if there are several.

    Args:
        optimizer: Keras optimizer; its get_gradients is replaced.
        name: of this one.
    """

    def __init__(self, optimizer, name="NpuKerasOptimizer", **kwargs):
        super().__init__(name, **kwargs)
        self._optimizer = optimizer
        original = optimizer.get_gradients
        optimizer.get_gradients = lambda loss, params: _average(original(loss, params), name)

    def get_updates(self, loss, params):
        """Returns what the wrapped optimizer does."""
        return self._optimizer.get_updates(loss, params)

    def apply_gradients(self, grads_and_vars, name=None):
        """Returns what the wrapped optimizer does."""
        return self._optimizer.apply_gradients(grads_and_vars, name)

    def get_config(self):
        """Returns the configuration, with the wrapped optimizer in it."""
        return dict(super().get_config(), optimizer=self._optimizer)

    def _compute_gradients(self, loss, var_list, grad_loss=None):
        pairs = self._optimizer._compute_gradients(loss, var_list, grad_loss)
        return _average_pairs(pairs, self._name)


def npu_distributed_optimizer_wrapper(optimizer):
    """Makes an optimizer average its gradients over the ranks, in place.

    Args:
        optimizer: optimizer of TensorFlow or Keras, or the name of one of Keras.

    Returns:
        The optimizer.
    """
    if isinstance(optimizer, str):
        optimizer = optimizers.get(optimizer)
    for name, average, scope in (
        ("compute_gradients", _average_pairs, ""),
        ("get_gradients", _average, "_get_grads"),
        ("_compute_gradients", _average_pairs, "_compute_grads"),
    ):
        if hasattr(optimizer, name):
            original = getattr(optimizer, name)
            scope = "Npu_Distributed_optimizer" + scope
            setattr(optimizer, name, _averaging(original, average, scope))
    return optimizer


def _averaging(original, average, scope):
    return lambda *args, **kwargs: average(original(*args, **kwargs), scope)
