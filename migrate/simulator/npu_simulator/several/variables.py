"""Reads the variables of a session, without a new operator in its graph."""

from .digests import digest

_AT_ONCE = 1 << 24  # values that are read in one run


def read(session, trained, do_run):
    """Reads all global variables that are initialized.

    Args:
        session: BaseSession.
        trained: names of those that an optimizer changes.
        do_run: BaseSession._do_run.

    Returns:
        {name: digest} of the trainable and the trained ones, and of all others.
    """
    from tensorflow.python.framework import ops

    graph = session.graph
    trainable = {_name(v) for v in graph.get_collection(ops.GraphKeys.TRAINABLE_VARIABLES)}
    found = {}
    for variable in graph.get_collection(ops.GraphKeys.GLOBAL_VARIABLES):
        tensor = _value(variable)
        if tensor is not None:
            found[_name(variable)] = tensor
    digests = {}
    for names in _parts(found):
        digests.update(_read(session, {name: found[name] for name in names}, do_run))
    wanted = trainable | set(trained)
    return (
        {name: digests[name] for name in digests if name in wanted},
        {name: digests[name] for name in digests if name not in wanted},
    )


def _name(variable):
    return variable.op.name


def _value(variable):
    """Returns the tensor that gives a variable's value when it is fetched."""
    if hasattr(variable, "_graph_element"):  # a resource
        return variable._graph_element
    return getattr(variable, "_variable", None)


def _parts(found):
    names, values = [], 0
    for name, tensor in found.items():
        names.append(name)
        values += tensor.shape.num_elements() or 0
        if values >= _AT_ONCE:
            yield names
            names, values = [], 0
    yield names


def _read(session, found, do_run):
    from tensorflow.python.framework import errors

    def values(names):
        fetched = do_run(session, None, [], [found[name] for name in names], {}, None, None)
        return {name: digest(value) for name, value in zip(names, fetched)}

    if not found:
        return {}
    try:
        return values(list(found))
    except errors.OpError:
        pass
    read = {}
    for name in found:
        try:
            read.update(values([name]))
        except errors.OpError:  # not initialized
            continue
    return read
