"""The runs of a program's sessions, watched without editing the program; which of them train.

A run trains if it changes variables by an optimizer's operator, or assigns to trainable ones what
was computed from gradients, as BERT's optimizer does.
"""

import functools
import re

from tensorflow.python.client import session as session_lib

_TRAINS = ("Apply", "ResourceApply", "SparseApply", "ResourceSparseApply")
_ASSIGNMENTS = frozenset(
    "Assign AssignAdd AssignSub AssignVariableOp AssignAddVariableOp AssignSubVariableOp".split()
)
_GRADIENTS = re.compile(r"(^|/)gradients(_\d+)?/")  # the scope that tf.gradients opens


def watch(begin, end=None):
    """Calls functions at each run of any session from now on, however it is started.

    Args:
        begin: called before a run with the session, its fetches, and its feed_dict or None.
        end: called after it with what `begin` returned.
    """
    base = session_lib.BaseSession
    run, make, make_simple = base.run, base._make_callable_from_options, base.make_callable

    def around(session, fetches, feed_dict, function, *args, **kwargs):
        begun = begin(session, fetches, feed_dict)
        result = function(*args, **kwargs)
        if end is not None:
            end(begun)
        return result

    @functools.wraps(run)
    def watched_run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        return around(
            self, fetches, feed_dict, run, self, fetches, feed_dict, options, run_metadata
        )

    @functools.wraps(make)
    def watched_make(self, callable_options):  # how Keras runs its steps
        names = tuple(callable_options.fetch) + tuple(callable_options.target)
        return functools.partial(around, self, names, None, make(self, callable_options))

    @functools.wraps(make_simple)
    def watched_make_simple(self, fetches, feed_list=None, accept_options=False):
        made = make_simple(self, fetches, feed_list, accept_options)
        if feed_list is not None:  # It calls run.
            return made
        return functools.partial(around, self, fetches, None, made)

    base.run = watched_run
    base._make_callable_from_options = watched_make
    base.make_callable = watched_make_simple


def operations(graph, fetches):
    """The operators that a run's fetches name, whatever they are nested in."""
    found = []
    left = [fetches]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left.extend(item.values())
        elif isinstance(item, (list, tuple)):
            left.extend(item)
        elif isinstance(item, (str, bytes)):
            name = item.decode() if isinstance(item, bytes) else item
            found.append(graph.as_graph_element(name))
        elif hasattr(item, "args") and hasattr(item.args, "fetches"):  # SessionRunArgs
            left.append(item.args.fetches)
        elif item is not None:
            try:
                found.append(graph.as_graph_element(item))
            except (TypeError, ValueError):
                left.extend(getattr(item, "__dict__", {}).values())
    return [getattr(element, "op", element) for element in found]


def reached(operators):
    """These operators and all that they need, a set."""
    seen = set()
    left = list(operators)
    while left:
        op = left.pop()
        if op not in seen:
            seen.add(op)
            left.extend(tensor.op for tensor in op.inputs)
            left.extend(op.control_inputs)
    return seen


def trainers(operators):
    """Those among the operators that change variables as an optimizer does."""
    operators = list(operators)
    trainable = _trainable(operators[0].graph) if operators else ()
    return [op for op in operators if op.type.startswith(_TRAINS) or _assigns(op, trainable)]


def scopes(trainers):
    """What to call operators that train: the scopes of their optimizers, sorted."""
    kernels = [op for op in trainers if op.type.startswith(_TRAINS)]
    found = {op.name.split("/update_")[0] for op in kernels}
    return sorted(found) if len(kernels) == len(trainers) else sorted(found | {"assignments"})


def _trainable(graph):
    return {variable.op for variable in graph.get_collection("trainable_variables")}


def _assigns(op, trainable):
    if op.type not in _ASSIGNMENTS or op.inputs[0].op not in trainable:
        return False
    return any(_GRADIENTS.search(part.name) for part in _values(op.inputs[1].op))


def _values(op):
    """An operator and all that computes its value."""
    seen = set()
    left = [op]
    while left:
        op = left.pop()
        if op not in seen:
            seen.add(op)
            yield op
            left.extend(tensor.op for tensor in op.inputs)
