"""What one run of a session executes: operators, devices, shapes."""

import collections
import threading
import weakref

from . import bodies, marks, places, sinking, training

_Facts = collections.namedtuple("_Facts", "op kind device unknown why inputs controls inner")

_known = weakref.WeakKeyDictionary()  # {graph: {number of the operator: its facts}}
_lock = threading.Lock()


def summary(graph, fetched, fed):
    """Looks at what a run executes.

    Args:
        graph: tf.Graph.
        fetched: operators whose results or effects are wanted.
        fed: tensors whose values are fed, so that what computes them does not run.

    Returns:
        The fields of a `graph` event that the graph itself tells, and the names of operators and
        tags of summaries whose values hang on time: on how full a queue is.
    """
    with _lock:
        facts = _executed(_known.setdefault(graph, {}), fetched, {id(tensor) for tensor in fed})
    kinds = collections.Counter(fact.kind for fact in facts)
    kinds.update(part.kind for fact in facts for part in fact.inner)
    fields = {
        "ops": dict(kinds),
        "trains": any(kind.startswith(training.KERNELS) for kind in kinds)
        or bool(training.assignments(graph, [fact.op for fact in facts])),
        "devices": dict(collections.Counter(fact.device for fact in facts)),
        "unknown_shapes": sum(fact.unknown for fact in facts),
        "unsinkable": [
            {
                "name": part.name,
                "type": part.kind,
                "why": part.why,
                "place": places.of_operator(fact.op),
            }
            for fact in sorted(facts, key=lambda fact: fact.op._id)
            for part in (bodies.Inner(fact.kind, fact.op.name, fact.why), *fact.inner)
            if part.why
        ],
    }
    return fields, _hanging_on_time(facts)


def _hanging_on_time(facts):
    waiting = [fact.op for fact in facts if fact.kind == "QueueSizeV2"]
    if not waiting:
        return frozenset()
    consumers = collections.defaultdict(list)
    for fact in facts:
        for tensor in fact.inputs:
            consumers[tensor.op].append(fact.op)
    found = set()
    while waiting:
        op = waiting.pop()
        if op not in found:
            found.add(op)
            waiting += consumers[op]
    tags = {_tag(op) for op in found if op.type == "ScalarSummary"}
    return tags | {op.name for op in found}


def _tag(op):
    from tensorflow.python.framework import tensor_util

    tag = tensor_util.constant_value(op.inputs[0])
    return tag.item().decode("utf-8", "replace") if tag is not None else None


def _executed(known, fetched, fed):
    waiting, seen, facts = list(fetched), set(), []
    while waiting:
        op = waiting.pop()
        if op._id in seen:
            continue
        seen.add(op._id)
        fact = known.get(op._id)
        if fact is None:
            fact = known[op._id] = _facts(op)
        facts.append(fact)
        waiting += [tensor.op for tensor in fact.inputs if id(tensor) not in fed]
        waiting += fact.controls
    return facts


def _facts(op):
    unknown = any(not tensor.shape.is_fully_defined() for tensor in op.outputs)
    kind = marks.type_of(op)
    types = tuple(tensor.dtype.base_dtype.name for tensor in op.outputs)
    why = sinking.why_on_host(kind, types)
    return _Facts(
        op, kind, op.device, unknown, why, tuple(op.inputs), op.control_inputs, bodies.inner(op)
    )
