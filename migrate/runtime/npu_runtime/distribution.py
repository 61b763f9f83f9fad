"""Makes the ranks of a job train as one: they start from the same variables, and one writes.

The gradients are optimizers.py's business, the data shards.py's.
"""

import sys
import threading
import weakref

import tensorflow.compat.v1 as tf

from . import averaging, collectives, ranks, runs, writing

_NO_NUMBERS = (tf.string, tf.resource, tf.variant)

_lock = threading.RLock()
_began = False


def train_together():
    """Prepares this process for several ranks, once; nothing happens with one.

    Raises:
        ValueError: see ranks.rank().
    """
    global _began
    with _lock:
        if ranks.size() > 1 and not _began:
            _began = True
            broadcast_before_training()
            writing.only_rank_0_writes()


def broadcast_before_training():
    """Gives the variables of each session the values of rank 0 before its first training run.

    Whatever they come from then: initializers, or a checkpoint that was restored. Variables that
    have no value yet are left out, and strings. A run that trains without averaging is told of on
    stderr, since the ranks drift apart.
    """
    done = weakref.WeakSet()
    kinds = weakref.WeakKeyDictionary()  # graph to fetched operators to whether they train

    def begin(session, fetches, feed_dict):
        del feed_dict
        operators = frozenset(runs.operations(session.graph, fetches))
        known = kinds.setdefault(session.graph, {})
        if operators not in known:
            known[operators] = _train(operators)
        if known[operators] and session not in done:
            with _lock:
                if session not in done:
                    _broadcast(session)
                    done.add(session)

    runs.watch(begin)


def _train(operators):
    needed = runs.reached(operators)
    trainers = runs.trainers(needed)
    averaged = any(map(_averages, needed))
    if trainers and not averaged:
        print(
            "npu_runtime: rank %d of %d trains alone: nothing averages the gradients of %s over"
            " the ranks; wrap the optimizer in npu_optimizer(...)"
            % (ranks.rank(), ranks.size(), ", ".join(runs.scopes(trainers))),
            file=sys.stderr,
        )
    return bool(trainers) or averaged


def _averages(operator):
    # Of the adapter's own wrappers nothing but the operator is known.
    return averaging.is_reduced(operator) or "HcomAll" in operator.type + operator.name


def _broadcast(session):
    with session.graph.as_default():
        variables = [v for v in tf.global_variables() if v.dtype.base_dtype not in _NO_NUMBERS]
    variables.sort(key=lambda variable: variable.name)
    try:
        _run(session, _broadcasting, variables)
    except tf.errors.OpError:
        has_value = _run(
            session, lambda many: [tf.is_variable_initialized(v) for v in many], variables
        )
        if all(has_value):
            raise
        _run(session, _broadcasting, [v for v, has in zip(variables, has_value) if has])


def _broadcasting(variables):
    return collectives.broadcast_variables(variables, 0)


def _run(session, make, variables):
    """Runs what `make` makes of variables, in a graph that may be finalized."""
    graph = session.graph
    finalized = graph.finalized
    graph._unsafe_unfinalize()
    try:
        with graph.as_default(), tf.device(None), tf.control_dependencies(None):
            fetches = make(variables)
    finally:
        if finalized:
            graph.finalize()
    return session.run(fetches)
