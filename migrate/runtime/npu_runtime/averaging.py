"""An optimizer whose gradients are averaged over the ranks, wherever they were computed."""

import weakref

import tensorflow.compat.v1 as tf

# Types of operators whose results are the same on all ranks, besides those without state.
_VARIABLES = ("Variable", "VariableV2", "VarHandleOp", "ReadVariableOp")
_FED = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")

# Graph to the operators in it whose results are those of all ranks already.
_reduced = weakref.WeakKeyDictionary()


class AveragedOptimizer(tf.train.Optimizer):
    """An optimizer that trains all ranks as one.

    The adapter's NPUDistributedOptimizer averages what its compute_gradients returns. Gradients
    that tf.gradients computed, and that are only applied here, would be each rank's own: they are
    averaged as they are applied.

    Ranks meet over one gradient after the other, so all take them in the order of their variables'
    names: a list made of a set has another one in each process.

    Args:
        optimizer: tf.train.Optimizer whose compute_gradients averages.
        upstream: the optimizer within, as it was before it was wrapped.
    """

    def __init__(self, optimizer, upstream):
        super().__init__(use_locking=False, name="AveragedOptimizer")
        self._opt = optimizer
        self._upstream = upstream

    def __getattr__(self, name):
        """What only upstream's optimizer has, such as its learning rate."""
        if name == "_upstream":  # Not there yet: somebody copies this object.
            raise AttributeError(name)
        return getattr(self._upstream, name)

    def compute_gradients(self, loss, *args, **kwargs):
        """As tf.train.Optimizer does; the gradients are the mean of those of all ranks."""
        given = args[0] if args else kwargs.get("var_list")
        given = tf.nest.flatten(given) if given is not None else []
        if given and args:
            args = (sorted(given, key=_name), *args[1:])
        elif given:
            kwargs["var_list"] = sorted(given, key=_name)
        pairs = self._opt.compute_gradients(loss, *args, **kwargs)
        mark(gradient for gradient, _ in pairs)
        places = {id(variable): place for place, variable in enumerate(given)}
        return sorted(pairs, key=lambda pair: places.get(id(pair[1]), len(places)))

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """As tf.train.Optimizer does, with the mean of the gradients of all ranks."""
        return self._opt.apply_gradients(averaged(grads_and_vars), global_step, name)

    def get_slot(self, var, name):
        """Returns the slot of upstream's optimizer."""
        return self._upstream.get_slot(var, name)

    def get_slot_names(self):
        """Returns the names of the slots of upstream's optimizer."""
        return self._upstream.get_slot_names()

    def variables(self):
        """Returns the variables of upstream's optimizer."""
        return self._upstream.variables()


def mark(tensors):
    """Notes that tensors are the same on all ranks; they may be tf.IndexedSlices or None."""
    for tensor in tensors:
        if tensor is not None:
            sparse = isinstance(tensor, tf.IndexedSlices)
            for part in (tensor.values, tensor.indices) if sparse else (tensor,):
                _reduced.setdefault(part.graph, set()).add(part.op)


def is_reduced(operator):
    """Whether the results of an operator are those of all ranks."""
    return operator in _reduced.get(operator.graph, ())


def averaged(grads_and_vars):
    """Averages over the ranks what is not known to be the same on all of them.

    Args:
        grads_and_vars: pairs of a gradient, a tensor, tf.IndexedSlices or None, and its variable.

    Returns:
        A list of such pairs.
    """
    pairs = list(grads_and_vars)
    own = [place for place, (gradient, _) in enumerate(pairs) if _is_own(gradient)]
    own.sort(key=lambda place: _name(pairs[place][1]))
    if own:
        # What the adapter has averages all gradients of a step together.
        from npu_bridge.estimator.npu import npu_optimizer

        given = _Given([pairs[place] for place in own])
        found = npu_optimizer.NPUDistributedOptimizer(given).compute_gradients(None)
        mark(gradient for gradient, _ in found)
        for place, pair in zip(own, found):
            pairs[place] = pair
    return pairs


def _name(variable):
    return getattr(variable, "name", "")


class _Given(tf.train.Optimizer):
    """Has computed gradients already."""

    def __init__(self, pairs):
        super().__init__(use_locking=False, name="GivenGradients")
        self._pairs = pairs

    def compute_gradients(self, loss, *args, **kwargs):
        return self._pairs


def _is_own(gradient):
    """Whether a gradient may differ between ranks: something else than averages leads to it."""
    if gradient is None:
        return False
    part = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
    left, seen, found = [part.op], set(), False
    while left:
        operator = left.pop()
        if operator in seen:
            continue
        seen.add(operator)
        if is_reduced(operator):
            found = True
        elif _differs(operator):
            return True
        else:
            left.extend(tensor.op for tensor in operator.inputs)
    # What comes from variables alone, such as sums of gradients, may have been each rank's own.
    return not found


def _differs(operator):
    """Whether each rank has other results: what is fed, read, or drawn at random."""
    if operator.type in _FED:
        return True
    definition = operator.op_def
    stateful = definition is None or definition.is_stateful
    return stateful and operator.type not in _VARIABLES
