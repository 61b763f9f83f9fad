"""Orders reads of a step counter before the operator that advances it in the same run.

A run that fetches both gets the value from before or from after, as the threads fall, and so do
the weights of losses that depend on the counter. TensorFlow leaves that open, so that either is
right; here it is always the value from before.
"""

import collections

from . import inputs

# Of an old-style variable these pass on the memory of the variable itself, not a copy.
ALIASES = frozenset("Identity Enter RefEnter Switch RefSwitch Merge RefMerge RefIdentity".split())
_ADVANCES = frozenset("AssignAdd AssignAddVariableOp".split())
_VARIABLES = frozenset("Variable VariableV2 VarHandleOp ReadVariableOp VarIsInitializedOp".split())


def order(graph):
    """Adds control inputs to the operators that advance integer variables.

    Args:
        graph: tf.Graph that no session has run yet.
    """
    advances = collections.defaultdict(list)
    for op in graph.get_operations():
        if op.type in _ADVANCES and op.inputs[1].dtype.is_integer:
            advances[op.inputs[0].op].append(op)
    for variable, writers in advances.items():
        for reader in _readers(variable):
            needed = inputs.reached([reader], frozenset())
            if not _can_always_run(needed):
                continue
            for writer in writers:
                if writer not in needed:
                    writer._add_control_input(reader)


def _readers(variable):
    """Returns the operators that first compute something from a variable."""
    waiting, seen, readers = list(variable.outputs), set(), []
    while waiting:
        for op in waiting.pop().consumers():
            if op in seen:
                continue
            seen.add(op)
            if op.type in ALIASES:
                waiting += op.outputs
            # One in a branch that is not taken would take the writer with it.
            elif not op.outputs[:1] or op._get_control_flow_context() is not None:
                continue
            elif not op.outputs[0].dtype._is_ref_dtype:
                readers.append(op)
    return readers


def _can_always_run(ops):
    """Whether operators run without fed values, and without effects."""
    return not any(
        op.type.startswith("Placeholder") or (op.op_def.is_stateful and op.type not in _VARIABLES)
        for op in ops
    )
