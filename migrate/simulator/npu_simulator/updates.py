"""Computes what a run only reads of its variables before what it writes to them.

A run may fetch what depends on a variable and also train that variable: a GAN's run that updates
one network and summarizes the other's gradients. TensorFlow leaves open which comes first, and
which does differs from process to process. Where a run leaves it open, it becomes two here: first
all that does not depend on a write, then the writes and what depends on them, which are fed what
the first has computed. So nothing is computed twice, and no random number drawn twice.

Something else may write to what the optimizer trains, such as weight decay by an assignment. Where
a run leaves open which comes first, that one follows, in a part of its own, and reads what the
optimizer has written.

Other runs stay whole.
"""

import collections

from . import inputs, training
from .counters import ALIASES

_READS = frozenset(["ReadVariableOp", "VarIsInitializedOp", "IsVariableInitialized"])
_NOT_FED = frozenset({"resource", "variant"})
_SWITCHES = frozenset({"Switch", "RefSwitch"})

# after: operators that write, and what depends on one; between: tensors that those are fed.
_Parts = collections.namedtuple("_Parts", "after between")


def run_in_parts(session, fetches, targets, feeds, run):
    """Runs what a session is to run, in parts where it leaves their order open.

    Args:
        session: BaseSession.
        fetches: tensors whose values the run wants.
        targets: operators that it wants for their effect.
        feeds: {tensor: value} that it is given.
        run: gives the values of tensors: run(tensors, targets, feeds, is_last).

    Returns:
        The values of the fetches, in their order.
    """
    parts = _known_parts(session.graph, fetches, targets, feeds)
    if parts is None:
        return run(fetches, targets, feeds, True)
    import numpy as np  # not at the top: only TensorFlow's own import brings it

    def run_early(tensors, targets, feeds, _):
        return run(tensors, targets, feeds, False)

    early = [tensor for tensor in fetches if tensor.op not in parts.after]
    wanted = list(dict.fromkeys(early + parts.between))
    targets = _without_groups(targets)
    first = [op for op in targets if op not in parts.after]
    values = dict(zip(wanted, run_in_parts(session, wanted, first, feeds, run_early)))
    fed = {
        tensor: np.asarray(values[tensor], tensor.dtype.as_numpy_dtype) for tensor in parts.between
    }
    late = [tensor for tensor in fetches if tensor.op in parts.after]
    last = [op for op in targets if op in parts.after]
    values.update(zip(late, run(late, last, {**feeds, **fed}, True)))
    return [values[tensor] for tensor in fetches]


def _known_parts(graph, fetches, targets, feeds):
    known = graph._npu_parts = getattr(graph, "_npu_parts", {})
    key = tuple(map(id, fetches)), tuple(map(id, targets)), frozenset(map(id, feeds))
    if key not in known:
        # The objects as well, so that no other ones get their ids.
        parts = _parts(fetches, targets, set(map(id, feeds)))
        known[key] = parts, (fetches, targets, list(feeds))
    return known[key][0]


def _without_groups(targets):
    """The operators without those that only gather others, and so would join both parts."""
    found, waiting = {}, list(reversed(targets))
    while waiting:
        op = waiting.pop()
        if op.type == "NoOp":
            waiting += op.control_inputs
        else:
            found[op] = None
    return list(found)


def _parts(fetches, targets, given):
    targets = _without_groups(targets)
    ordered = _in_order(set(targets) | {tensor.op for tensor in fetches}, given)
    if ordered is None:
        return None
    writes = {}  # {operator that writes: variables}
    reads = collections.defaultdict(set)  # {variable: operators that read it}
    for op in ordered:
        changed = _changes(op)
        if changed:
            writes[op] = changed
        elif op.type not in training.VARIABLES and op.type not in ALIASES:
            for tensor in op.inputs:
                variable = None if id(tensor) in given else _variable(tensor)
                if variable is not None:
                    reads[variable].add(op)
    pairs, clashes = _open_pairs(ordered, given, writes, reads)
    pairs = _pairs_beside(pairs, clashes, given, writes, reads) or pairs
    # Batch norm's averages may follow on one another in a way that two parts cannot order.
    trained = [pair for pair in pairs if _trains(pair[1])]
    # What an optimizer applies on a condition, such as that nothing overflowed, cannot be fed; the
    # step counter beside it can.
    plain = [pair for pair in pairs if pair[1]._get_control_flow_context() is None]
    for wanted in (pairs, trained, plain):
        parts = _apart(wanted, ordered, given, writes)
        # Of two that write to one variable the first may wait for what it computes with; were both
        # ready at once, either could be lost.
        if parts and not any(parts.after.issuperset(clash) for clash in clashes):
            return parts
    return None


def _trains(op):
    return op.type.startswith(training.KERNELS)


def _pairs_beside(pairs, clashes, given, writes, reads):
    """Pairs that put what else writes to trained variables after all that reads or trains them."""
    beside = [
        (one, other)
        for clash in clashes
        for one, other in (clash, clash[::-1])
        if _trains(one) and not _trains(other)
    ]
    found = [pair for pair in pairs if pair[1] in {other for _, other in beside}]
    for one, other in beside:
        found.append((one, other))
        # What it reads of the variable to compute with, it reads of what was trained.
        for op in inputs.reached([other], given):
            if any(op in reads[variable] for variable in writes[one]):
                found.append((one, op))
    return found if beside else []


def _apart(pairs, ordered, given, writes):
    """Parts with the first of each pair in the first, the other in the second, or None."""
    wanted = {later for _, later in pairs}
    while wanted:
        after = _after(ordered, given, wanted)
        if any(earlier in after for earlier, _ in pairs):
            return None
        between, twice = _between(after, given, writes)
        if not twice:
            return _Parts(after, between)
        if not twice <= writes.keys():
            return None
        wanted |= twice
    return None


def _in_order(wanted, given):
    """All operators of a run, each after those that it needs; None where they go in circles."""
    waiting, needs, needed_by = list(wanted), {}, collections.defaultdict(list)
    while waiting:
        op = waiting.pop()
        if op not in needs:
            needs[op] = _needed(op, given)
            waiting += needs[op]
            for other in needs[op]:
                needed_by[other].append(op)
    left = {op: len(others) for op, others in needs.items()}
    ready = [op for op, count in left.items() if not count]
    ordered = []
    while ready:
        op = ready.pop()
        ordered.append(op)
        for other in needed_by[op]:
            left[other] -= 1
            if not left[other]:
                ready.append(other)
    return ordered if len(ordered) == len(needs) else None


def _needed(op, given):
    return {tensor.op for tensor in op.inputs if id(tensor) not in given} | set(op.control_inputs)


def _changes(op):
    """The variables that an operator writes to."""
    if op.type in _READS or op.type in training.VARIABLES or op.type in ALIASES:
        return ()
    arguments = op.op_def.input_arg
    if len(arguments) != len(op.inputs):  # some take lists; no writer does
        return ()
    changed = [
        _variable(tensor)
        for argument, tensor in zip(arguments, op.inputs)
        if argument.is_ref or (tensor.dtype.name == "resource" and _writes_resources(op.type))
    ]
    return tuple(variable for variable in changed if variable is not None)


def _writes_resources(kind):
    return kind.startswith(("Assign", "ResourceApply", "ResourceSparseApply", "ResourceScatter"))


def _variable(tensor):
    """The variable whose memory a tensor is, or None."""
    op = tensor.op
    while op.type in ALIASES and op.inputs:
        op = op.inputs[0].op
    return op if op.type in training.VARIABLES else None


def _open_pairs(ordered, given, writes, reads):
    """Pairs in no order: one that reads a variable and one that writes to it; two that write."""
    number = {op: 1 << place for place, op in enumerate(set().union(*reads.values(), writes))}
    before = {}  # {operator: the readers and writers that come before it, as bits}
    writers = collections.defaultdict(list)  # {variable: operators that write to it}
    for op in ordered:
        bits = number.get(op, 0)
        for other in _needed(op, given):
            bits |= before[other]
        before[op] = bits
        for variable in writes.get(op, ()):
            writers[variable].append(op)

    def is_open(first, other):
        return not before[first] & number[other] and not before[other] & number[first]

    pairs, clashes = [], []
    for variable, found in writers.items():
        for place, writer in enumerate(found):
            pairs += [(reader, writer) for reader in reads[variable] if is_open(reader, writer)]
            clashes += [(writer, other) for other in found[:place] if is_open(writer, other)]
    return pairs, clashes


def _after(ordered, given, wanted):
    """The operators that are wanted, and all that depend on one."""
    after = set()
    for op in ordered:
        if op in wanted or not after.isdisjoint(_needed(op, given)):
            after.add(op)
    return after


def _between(after, given, writes):
    """The tensors between the two parts, and operators that would take effect in both."""
    found, twice, reached, waiting = {}, set(), set(), list(after)
    while waiting:
        op = waiting.pop()
        if op in reached:
            continue
        reached.add(op)
        # What the second part waits for is not fed to it: it is done again.
        if op not in after and (op in writes or _has_effects(op)):
            twice.add(op)
        for tensor in op.inputs:
            if id(tensor) in given or tensor.op in after:
                continue
            if _variable(tensor) is not None or not _can_be_fed(tensor):
                waiting.append(tensor.op)
            else:
                found[tensor] = None
        waiting += op.control_inputs
    return list(found), twice


def _has_effects(op):
    return op.op_def.is_stateful and op.type not in training.VARIABLES | _READS


def _can_be_fed(tensor):
    op = tensor.op
    while op.type == "Identity":
        op = op.inputs[0].op
    return (
        not tensor.dtype._is_ref_dtype
        and tensor.dtype.name not in _NOT_FED
        and tensor.op._get_control_flow_context() is None
        and op.type not in _SWITCHES  # One side of it has no value.
    )
