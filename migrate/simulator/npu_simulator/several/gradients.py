"""Finds what optimizers are given, and the reduction over the ranks that it comes from."""

import collections

from .. import bodies, inputs, marks, training
from . import batches

_REDUCTIONS = frozenset("HcomAllReduce HcomAllGather HcomReduceScatter".split())
_GRADIENTS = ("grad", "delta")  # what the operators call it
_SWITCHES = frozenset("Switch RefSwitch".split())
# They change the shape of what they are given first, as where gradients are stacked and averaged.
_LAID_OUT = frozenset(
    "Concat ConcatV2 ExpandDims Mean Pack Reshape Slice Split SplitV Squeeze StridedSlice Sum "
    "Transpose Unpack UnsortedSegmentSum".split()
)
_PASSED_ON = frozenset("Identity ReadVariableOp RealDiv Mul Switch RefSwitch".split())
_LONGEST = 1000  # operators between a reduction and an optimizer

# applied: tensor that an optimizer's operator is given; reduced, own: what came out of the
# reduction that leads to it, and what this rank gave, both None where there is none; factors: by
# what the former is multiplied on its way, the products of the first none, one, two ... of them.
Gradient = collections.namedtuple("Gradient", "variable applied reduced own factors")
# trained: names of the variables that the operators change; unseen: how many of them cannot be
# looked at, since they are in a loop or a function, are given what a variable has kept, or assign
# what an optimizer has computed; data: tensors through which the run takes data.
Applied = collections.namedtuple("Applied", "gradients trained unseen data")


def find(ops, fed):
    """Looks at what a run would change variables with.

    Args:
        ops: operators whose results or effects the run wants.
        fed: tensors whose values are fed.

    Returns:
        Applied; None if the run changes no variable by an optimizer's operator.
    """
    given = set(map(id, fed))
    reached = inputs.reached(ops, given)
    appliers = [op for op in reached if op.type.startswith(training.KERNELS)]
    unseen = sum(
        part.kind.startswith(training.KERNELS) for op in reached for part in bodies.inner(op)
    )
    assigned = training.assignments(ops[0].graph, reached) if ops else {}
    if not appliers and not unseen and not assigned:
        return None
    after = _after_reductions(reached)
    gradients, trained = [], set(assigned.values())
    unseen += len(assigned)
    for op in sorted(appliers, key=lambda op: op._id):
        changed = [v for v in map(training.variable, op.inputs) if v is not None]
        trained.update(changed)
        applied = _outside(_given(op))
        if applied is None or not changed or id(applied) in given or _kept(applied, changed):
            unseen += 1
        else:
            gradients.append(Gradient(changed[0], applied, *_reduction(applied, after)))
    return Applied(gradients, trained, unseen, batches.tensors(reached, given))


def tensors(applied):
    """Returns what has to be fetched to look at a run, each tensor once."""
    wanted = dict.fromkeys(applied.data)
    for gradient in applied.gradients:
        for tensor in (gradient.applied, gradient.reduced, gradient.own):
            if tensor is not None:
                wanted[tensor] = None
    return list(wanted)


def _given(op):
    """Returns the gradient that an optimizer's operator takes, None for an unknown one."""
    names = [argument.name for argument in op.op_def.input_arg]
    return next((op.inputs[names.index(name)] for name in _GRADIENTS if name in names), None)


def _outside(tensor):
    """Returns the tensor that a branch of a condition gets from outside; None in a loop."""
    from tensorflow.python.ops import control_flow_util

    while tensor is not None and tensor.op._get_control_flow_context() is not None:
        if control_flow_util.IsInWhileLoop(tensor.op) or not tensor.op.inputs:
            return None
        tensor = tensor.op.inputs[0]
    return tensor


def _kept(tensor, changed):
    """Whether it is the value of another variable, as where gradients are accumulated."""
    while tensor.op.type in _PASSED_ON:
        tensor = tensor.op.inputs[0]
    return tensor.op.type in training.VARIABLES and tensor.op.name not in changed


def _after_reductions(reached):
    """Returns the operators that compute with what came out of a reduction."""
    users = collections.defaultdict(list)
    for op in reached:
        # What a condition hangs on is no part of what its branches compute.
        for tensor in op.inputs[:1] if op.type in _SWITCHES else op.inputs:
            users[tensor.op].append(op)
    waiting = [op for op in reached if marks.type_of(op) in _REDUCTIONS]
    after = set()
    while waiting:
        op = waiting.pop()
        if op not in after:
            after.add(op)
            waiting += users[op]
    return after


def _reduction(applied, after):
    """Returns reduced, own and factors of a Gradient."""
    path = [applied]
    while marks.type_of(path[-1].op) not in _REDUCTIONS:
        op, shape = path[-1].op, path[-1].shape
        inner = [t for t in op.inputs if t.op in after]
        # Not a factor, such as one that clips by a norm of all gradients.
        alike = [t for t in inner if op.type in _LAID_OUT or t.shape.is_compatible_with(shape)]
        if not alike or len(path) > _LONGEST:
            return None, None, ()
        path.append(alike[0])
    reduced = path[-1]
    if reduced.op._get_control_flow_context() is not None:
        return None, None, ()
    factors = [1.0]
    for outer, inner in zip(path[-2::-1], path[:0:-1]):
        factor = _factor(outer.op, inner)
        if factor is None:
            break
        factors.append(factors[-1] * factor)
    place = reduced.value_index if len(reduced.op.inputs) == len(reduced.op.outputs) else 0
    return reduced, reduced.op.inputs[place], tuple(factors)


def _factor(op, tensor):
    """Returns the constant by which an operator multiplies a tensor, None if it does not."""
    from tensorflow.python.framework import tensor_util

    if op.type in ("Identity", "Cast", "Switch"):
        return 1.0
    if op.type not in ("RealDiv", "Div", "Mul") or (
        op.type != "Mul" and op.inputs[0] is not tensor
    ):
        return None
    other = op.inputs[1] if op.inputs[0] is tensor else op.inputs[0]
    value = tensor_util.constant_value(other)
    if value is None or value.size != 1:
        return None
    return float(value) if op.type == "Mul" else 1.0 / float(value)
