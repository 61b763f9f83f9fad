"""What ranks compute together: the client of the hub, and the operators of HCCL on top of it.

An operator is a Python function that waits until all ranks have come to it, matched by its name
and how often it ran. While it waits it holds a thread of the session, so under several ranks
every session gets threads to spare: ranks may come to independent operators in any order.
"""

import atexit
import collections
import contextlib
import functools
import os
import socket
import threading
import time

import numpy as np
import tensorflow.compat.v1 as tf  # The same, without warnings that names are deprecated.

from . import hub, marks, settings, trace

WORLD = "hccl_world_group"
# More than the operators that one run ever waits in at the same time: gradients go together.
_THREADS = 64
_REDUCTIONS = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


class CollectiveError(RuntimeError):
    """The ranks cannot compute something together."""


class _Client:
    """The connection of this process to the hub."""

    def __init__(self, chosen):
        if not chosen.hub:
            raise CollectiveError(
                "RANK_SIZE=%d, but there is no hub where the ranks meet: start the job with "
                "migrate simulate --ranks %d" % (chosen.rank_size, chosen.rank_size)
            )
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._waiting = {}
        self._lost = None
        self._count = 0
        host, _, port = chosen.hub.rpartition(":")
        try:
            self._connection = socket.create_connection((host, int(port)), timeout=60)
        except (OSError, ValueError) as error:
            raise CollectiveError("cannot reach the hub at %s: %s" % (chosen.hub, error)) from None
        self._connection.settimeout(None)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        hub.send(self._connection, {"op": "hello", "rank": chosen.rank})
        threading.Thread(target=self._read, daemon=True).start()
        atexit.register(self._leave)

    def exchange(self, key, members, spec, payload):
        """Waits for the parts of all members.

        Args:
            key: names the meeting.
            members: ranks that take part.
            spec: what must be the same on all of them.
            payload: bytes of this rank's part.

        Returns:
            The parts, in the order of members.

        Raises:
            CollectiveError: they did not come together; the text says why.
        """
        with self._lock:
            if self._lost:
                raise CollectiveError(self._lost)
            self._count += 1
            number = self._count
            answer = self._waiting[number] = _Answer()
            header = {
                "op": "submit",
                "id": number,
                "key": key,
                "members": list(members),
                "spec": spec,
            }
            try:
                hub.send(self._connection, header, payload)
            except OSError as error:
                raise CollectiveError("lost the hub: %s" % error) from None
        answer.ready.wait()
        if answer.error:
            raise CollectiveError(answer.error)
        return answer.parts

    def _read(self):
        try:
            while True:
                header, payload = hub.receive(self._connection)
                if header["op"] == "error":
                    self._fail(header["id"], header["message"])
                    continue
                with self._lock:
                    answer = self._waiting.pop(header["id"])
                place = 0
                for size in header["sizes"]:
                    answer.parts.append(payload[place : place + size])
                    place += size
                answer.ready.set()
        except hub.Closed:
            self._fail(None, "the hub is gone; the job was stopped")

    def _fail(self, number, text):
        with self._lock:
            if number is None:
                self._lost = self._lost or text
                answers, self._waiting = list(self._waiting.values()), {}
                text = self._lost
            else:
                answers = [self._waiting.pop(number)]
        for answer in answers:
            answer.error = text
            answer.ready.set()

    def _leave(self):
        if self.pid != os.getpid():
            return
        with contextlib.suppress(OSError), self._lock:
            hub.send(self._connection, {"op": "leave"})


class _Answer:
    def __init__(self):
        self.ready = threading.Event()
        self.parts = []
        self.error = None


_lock = threading.Lock()
_client = None
_runs = collections.Counter()
_groups = {}


def _connected():
    global _client
    with _lock:
        if _client is None or _client.pid != os.getpid():
            _client = _Client(settings.read())
        return _client


def _exchange(kind, name, members, spec, arrays):
    """Returns the arrays of all members, in the order of members."""
    with _lock:
        _runs[name, members] += 1
        run = _runs[name, members]
    start = time.perf_counter()
    spec = dict(
        spec,
        kind=kind,
        dtype=[str(array.dtype) for array in arrays],
        shape=[list(array.shape) for array in arrays],
    )
    key = "%s %s, run %d" % (kind, name, run)
    payload = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    try:
        parts = _connected().exchange(key, members, spec, payload)
    except CollectiveError as error:
        trace.emit(
            "problem",
            code="lost-rank" if hub.LOST in str(error) else "collective",
            message=str(error),
            place="",
            severity="error",
            advice="All ranks must run the same collectives on the same shapes, as often.",
        )
        raise
    trace.emit("collective", kind=kind, name=name, seconds=time.perf_counter() - start)
    return [_arrays(part, arrays) for part in parts]


def _arrays(data, like):
    found, place = [], 0
    for array in like:
        part = np.frombuffer(data, array.dtype, array.size, place).reshape(array.shape)
        found.append(part)
        place += array.nbytes
    return found


# Groups and ranks.


def members_of(group):
    """Returns the ranks of a group, in order.

    Raises:
        ValueError: there is no such group.
    """
    if group == WORLD:
        return tuple(range(settings.read().rank_size))
    if group not in _groups:
        known = ", ".join([WORLD, *sorted(_groups)])
        raise ValueError("unknown group %r; there are: %s. See create_group." % (group, known))
    return _groups[group]


def create_group(group, members):
    """Makes a group of ranks.

    Raises:
        ValueError: its name is taken, or the ranks are not those of the job.
    """
    size = settings.read().rank_size
    if group == WORLD or group in _groups:
        raise ValueError("the group %r exists already" % group)
    if not members or sorted(set(members)) != sorted(members):
        raise ValueError("the ranks of a group must be different, not %s" % list(members))
    if not all(0 <= rank < size for rank in members):
        raise ValueError("ranks go from 0 to %d, not %s" % (size - 1, list(members)))
    _groups[group] = tuple(sorted(members))


def destroy_group(group):
    """Removes a group; ValueError if there is none."""
    members_of(group)
    if group == WORLD:
        raise ValueError("%s cannot be destroyed" % WORLD)
    del _groups[group]


# Operators.


def allreduce(tensors, reduction="sum", group=WORLD, name=None):
    """Reduces tensors over the ranks, each elementwise, all in one exchange.

    Args:
        tensors: tf.Tensors, of the same shapes and types on every rank.
        reduction: sum, prod, max or min.

    Returns:
        The reduced tensors, of the same shapes.

    Raises:
        ValueError: an unknown reduction.
    """
    _check_reduction(reduction)
    combine = _REDUCTIONS[reduction]

    def compute(parts):
        return [functools.reduce(combine, arrays) for arrays in zip(*parts)]

    override = {"PyFunc": "NpuSimulatorAllreduce" if reduction == "sum" else "NpuSimulatorNone"}
    with tf.get_default_graph().gradient_override_map(override):
        return _operator("HcomAllReduce", tensors, compute, group, name, {"reduction": reduction})


def broadcast(tensors, root, group=WORLD, name=None):
    """Returns the tensors that one rank has.

    Args:
        tensors: tf.Tensors, of the same shapes and types on every rank.
        root: rank within the group whose values all get.
    """

    def compute(parts):
        return parts[root]

    return _operator("HcomBroadcast", tensors, compute, group, name, {"root": root})


def reduce(tensor, reduction, root, group=WORLD, name=None):
    """Reduces a tensor to one rank of the group; the others get back what they gave."""
    _check_reduction(reduction)

    def compute(parts):
        own = _place(group)
        if own != root:
            return parts[own]
        return [functools.reduce(_REDUCTIONS[reduction], [part[0] for part in parts])]

    spec = {"reduction": reduction, "root": root}
    return _operator("HcomReduce", [tensor], compute, group, name, spec)[0]


def allgather(tensor, rank_size, group=WORLD, name=None):
    """Joins the tensors of all ranks along the first dimension, in the order of ranks.

    Args:
        tensor: of the same shape on every rank, at least one dimension.
        rank_size: how many ranks the group has.

    Raises:
        ValueError: the group has another number of ranks, or the tensor no dimension.
    """
    _check_size(rank_size, group)
    tensor = tf.convert_to_tensor(tensor)
    if tensor.shape.ndims == 0:
        raise ValueError("allgather needs a tensor of one dimension or more, not %s" % tensor)

    def compute(parts):
        return [np.concatenate([part[0] for part in parts])]

    (result,) = _operator(
        "HcomAllGather", [tensor], compute, group, name, {}, _first(tensor, rank_size, 1)
    )
    return result


def reduce_scatter(tensor, reduction, rank_size, group=WORLD, name=None):
    """Reduces a tensor and gives each rank its part of the first dimension.

    Raises:
        ValueError: the first dimension cannot be divided by the number of ranks, or the group has
            another number of ranks.
    """
    _check_reduction(reduction)
    _check_size(rank_size, group)
    tensor = tf.convert_to_tensor(tensor)
    length = tensor.shape.as_list()[0] if tensor.shape.ndims else None
    if length is not None and length % rank_size:
        raise ValueError(
            "reduce_scatter divides the first dimension, %d, by %d ranks" % (length, rank_size)
        )

    def compute(parts):
        whole = functools.reduce(_REDUCTIONS[reduction], [part[0] for part in parts])
        if len(whole) % rank_size:
            raise CollectiveError(
                "reduce_scatter divides the first dimension, %d, by %d ranks"
                % (len(whole), rank_size)
            )
        return [np.split(whole, rank_size)[_place(group)]]

    spec = {"reduction": reduction}
    (result,) = _operator(
        "HcomReduceScatter", [tensor], compute, group, name, spec, _first(tensor, 1, rank_size)
    )
    return result


def _operator(kind, tensors, compute, group, name, spec, shapes=None):
    """Makes an operator that exchanges tensors and computes its result from those of all ranks.

    Args:
        compute: called with the arrays of all ranks; returns those of the result.
        shapes: static shapes of the result; those of the tensors unless given.
    """
    tensors = [tf.convert_to_tensor(tensor) for tensor in tensors]
    members = members_of(group)
    rank = settings.read().rank
    if rank not in members:
        raise ValueError("rank %d is not in the group %r, %s" % (rank, group, list(members)))

    def function(*arrays):
        if len(members) == 1:
            parts = [list(arrays)]
        else:
            parts = _exchange(kind, operator_name, members, spec, arrays)
        return [np.asarray(array) for array in compute(parts)]

    types = [tensor.dtype.base_dtype for tensor in tensors]
    results = marks.py_func(function, tensors, types, name or kind, kind)
    operator_name = results[0].op.name
    for result, shape in zip(results, shapes or [tensor.shape for tensor in tensors]):
        result.set_shape(shape)
    return results


@tf.RegisterGradient("NpuSimulatorAllreduce")
def _allreduce_gradient(op, *gradients):
    given = [
        tf.zeros_like(output) if gradient is None else gradient
        for output, gradient in zip(op.outputs, gradients)
    ]
    return allreduce(given, "sum")


@tf.RegisterGradient("NpuSimulatorNone")
def _no_gradient(op, *gradients):
    raise LookupError(
        "No gradient defined for operation '%s' (the adapter has one for the sum only)" % op.name
    )


def _place(group):
    return members_of(group).index(settings.read().rank)


def _first(tensor, factor, divisor):
    """Returns the shape of a tensor with its first dimension scaled, as a list of one."""
    shape = tensor.shape
    if shape.ndims is None:
        return [shape]
    length = shape.as_list()[0]
    scaled = None if length is None else length * factor // divisor
    return [tf.TensorShape([scaled]).concatenate(shape[1:])]


def _check_reduction(reduction):
    if reduction not in _REDUCTIONS:
        legal = ", ".join('"%s"' % name for name in ("max", "min", "prod", "sum"))
        raise ValueError(
            "Value for attr 'reduction' of \"%s\" is not in the list of allowed values: %s"
            % (reduction, legal)
        )


def _check_size(rank_size, group):
    size = len(members_of(group))
    if rank_size != size:
        raise ValueError("rank_size=%s, but %s has %d ranks" % (rank_size, group, size))


def install():
    """Gives every session of this process threads enough to wait in; see above."""
    if settings.read().rank_size < 2:
        return
    from tensorflow.python.client import session
    from tensorflow.python.eager import context

    original = session.BaseSession.__init__

    @functools.wraps(original)
    def wrapper(self, target="", graph=None, config=None):
        roomy = tf.ConfigProto()
        roomy.CopyFrom(context.context().config if config is None else config)
        roomy.inter_op_parallelism_threads = max(_THREADS, roomy.inter_op_parallelism_threads)
        roomy.use_per_session_threads = True
        original(self, target, graph, roomy)

    session.BaseSession.__init__ = wrapper
