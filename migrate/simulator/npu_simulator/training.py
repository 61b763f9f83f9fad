"""Which operators of a run train variables.

Most optimizers have operators of their own. Others, such as BERT's, assign what they compute.
"""

import re

KERNELS = ("Apply", "ResourceApply", "SparseApply", "ResourceSparseApply")
_ASSIGNMENTS = frozenset(
    "Assign AssignAdd AssignSub AssignVariableOp AssignAddVariableOp AssignSubVariableOp".split()
)
_GRADIENTS = re.compile(r"(^|/)gradients(_\d+)?/")  # the scope that tf.gradients opens
VARIABLES = frozenset("VariableV2 Variable VarHandleOp".split())


def assignments(graph, ops):
    """Those that assign to a trainable variable what was computed from gradients.

    Args:
        graph: tf.Graph.
        ops: operators that a run executes.

    Returns:
        {operator: name of the variable}.
    """
    trainable = {variable.op.name for variable in graph.get_collection("trainable_variables")}
    found = {}
    for op in ops:
        if op.type in _ASSIGNMENTS:
            name = variable(op.inputs[0])
            if name in trainable and _is_computed_from_gradients(op.inputs[1]):
                found[op] = name
    return found


def variable(tensor):
    """Returns the name of the variable that a tensor refers to, None if it is a value."""
    if not (tensor.dtype._is_ref_dtype or tensor.dtype.name == "resource"):
        return None
    while tensor.op.type not in VARIABLES:
        if not tensor.op.inputs:
            return None
        tensor = tensor.op.inputs[0]
    return tensor.op.name


def _is_computed_from_gradients(tensor):
    waiting, seen = [tensor.op], set()
    while waiting:
        op = waiting.pop()
        if _GRADIENTS.search(op.name):
            return True
        if op not in seen:
            seen.add(op)
            waiting += [tensor.op for tensor in op.inputs]
    return False
