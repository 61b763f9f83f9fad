"""What the functions of a graph execute: branches of an If, bodies of a While, a tf.function."""

import collections

from . import marks, sinking

Inner = collections.namedtuple("Inner", "kind name why")


def inner(op):
    """Returns what the functions that an operator calls execute, those that they call included.

    Functions of tf.data are left out: they run on the host, wherever their iterator is.

    Args:
        op: tf.Operation.
    """
    found, seen = [], set()
    functions = op.graph._functions
    if functions:
        _collect(op.node_def, op.name, functions, seen, found)
    return tuple(found)


def _collect(node, path, functions, seen, found):
    for name in _called(node, functions):
        if name in seen or name not in functions:
            continue
        seen.add(name)
        for part in functions[name].definition.node_def:
            place = "%s/%s" % (path, part.name)
            if part.op not in functions:
                kind = marks.type_of_node(part)
                found.append(Inner(kind, place, sinking.why_on_host(kind, _types(part))))
            _collect(part, place, functions, seen, found)


def _called(node, functions):
    if "Dataset" in node.op or "Iterator" in node.op:
        return
    if node.op in functions:
        yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        for function in value.list.func:
            yield function.name


def _types(node):
    from tensorflow.python.framework import dtypes, op_def_registry

    known = op_def_registry.get_registered_ops().get(node.op)
    numbers = []
    for result in known.output_arg if known else ():
        if result.type_list_attr:
            numbers += node.attr[result.type_list_attr].list.type
        else:
            numbers.append(result.type or node.attr[result.type_attr].type)
    return tuple(dtypes.as_dtype(number).base_dtype.name for number in numbers if number)
