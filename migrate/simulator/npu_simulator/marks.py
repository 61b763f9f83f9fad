"""Operators of the device that the simulator computes in Python.

On the graph they are PyFunc, which the device could not run. So each carries an attribute that
says which operator of the adapter it stands for.
"""

_ATTRIBUTE = "_npu_simulated"


def py_func(function, inputs, types, name, kind):
    """Returns tf.numpy_function(function, inputs, types), marked as an operator of the adapter.

    Args:
        kind: type of the operator it stands for, such as "HcomAllReduce".
    """
    # Not at the top: the recorder, which asks for types, is there before TensorFlow is.
    import tensorflow.compat.v1 as tf
    from tensorflow.core.framework import attr_value_pb2

    mark = {_ATTRIBUTE: attr_value_pb2.AttrValue(s=kind.encode())}
    with tf.get_default_graph()._attr_scope(mark):
        return tf.numpy_function(function, inputs, types, name=name)


def type_of(op):
    """Returns the type of an operator, as the real adapter's graph has it."""
    if op.type != "PyFunc":
        return op.type
    try:
        return op.get_attr(_ATTRIBUTE).decode()
    except ValueError:
        return op.type


def type_of_node(node):
    """Returns the same for a node of a function, a NodeDef."""
    mark = node.attr[_ATTRIBUTE].s.decode() if _ATTRIBUTE in node.attr else ""
    return mark or node.op
