"""Horovod's functions for TensorFlow 1, on HCCL: what `horovod.tensorflow` of 0.16 to 0.19 has.

A port imports this module where upstream imports `horovod.tensorflow`, and is otherwise as it was.
With one rank everything works without an NPU, as Horovod does in a single process.

Ranks come from the environment (ranks.py), not from mpirun: one process for each device.
"""

import sys

import tensorflow.compat.v1 as tf

from . import collectives, ranks, session

__version__ = "0.19.5"  # The release whose functions these are.

Average, Sum, Adasum = "Average", "Sum", "Adasum"
_CASTS = (tf.float32, tf.float64)

_initialized = False


def __getattr__(name):
    """Modules within: `import horovod.tensorflow` gives horovod.keras, and hvd.mpi_ops, too."""
    if name in ("tensorflow", "mpi_ops"):
        return sys.modules[__name__]
    if name == "keras":
        from . import horovod_keras

        return horovod_keras
    raise AttributeError(
        "npu_runtime.horovod has no %r: it has what Horovod 0.16 to 0.19 offers to TensorFlow"
        " and Keras, as far as HCCL can do it" % name
    )


def init(comm=None):
    """Begins: checks what the environment says about the ranks.

    Args:
        comm: None, or the numbers of all ranks.

    Raises:
        ValueError: what the environment says is wrong, or `comm` leaves ranks out.
        RuntimeError: several ranks, but no adapter (npu_bridge).
    """
    global _initialized
    if comm and (not isinstance(comm, (list, tuple)) or sorted(comm) != list(range(ranks.size()))):
        raise ValueError(
            "init(%r): HCCL trains with all ranks that RANK_SIZE counts; start only those" % (comm,)
        )
    if ranks.size() > 1:
        session.load_adapter()
    _initialized = True


def shutdown():
    """Ends: from now on there are no ranks until init() is called again."""
    global _initialized
    _initialized = False


def is_initialized():
    """Returns whether init() was called, and shutdown() not yet."""
    return _initialized


def _asked(function):
    if not _initialized:
        raise ValueError("Horovod has not been initialized; use hvd.init().")
    return function()


def rank():
    """Returns the number of this process; ValueError before init(), as for those below."""
    return _asked(ranks.rank)


def size():
    """Returns the number of processes."""
    return _asked(ranks.size)


def local_rank():
    """Returns the number of this process among those of its server."""
    return _asked(ranks.local_rank)


def local_size():
    """Returns the number of processes on this server."""
    return _asked(ranks.local_size)


def mpi_threads_supported():
    """Returns False, as all that follow: HCCL takes the place of MPI, Gloo and NCCL."""
    return False


mpi_enabled = mpi_built = gloo_enabled = gloo_built = mpi_threads_supported
nccl_built = ddl_built = ccl_built = mlsl_built = mpi_threads_supported


class Compression:
    """How tensors are compressed while they are exchanged."""

    class none:
        """Not at all."""

        @staticmethod
        def compress(tensor):
            """Returns what is exchanged, and what decompress needs to know."""
            return tensor, None

        @staticmethod
        def decompress(tensor, context):
            """Returns what the tensor was before."""
            return tensor

    class fp16:
        """As fp16. Numbers above 65504 saturate on Ascend 910."""

        @staticmethod
        def compress(tensor):
            """Returns what is exchanged, and what decompress needs to know."""
            return (tf.cast(tensor, tf.float16) if tensor.dtype in _CASTS else tensor), tensor.dtype

        @staticmethod
        def decompress(tensor, context):
            """Returns what the tensor was before."""
            return tf.cast(tensor, context) if context in _CASTS else tensor


def allreduce(
    tensor,
    average=None,
    device_dense="",
    device_sparse="",
    compression=Compression.none,
    op=None,
    name=None,
):
    """Averages or sums over the ranks.

    Args:
        tensor: tensor, variable, or tf.IndexedSlices, whose parts are joined.
        average: whether to average, rather than sum; instead of `op`.
        device_dense, device_sparse: accepted; HCCL has one device for each process.
        compression: of what is exchanged.
        op: Average or Sum.
        name: of the operator.

    Raises:
        ValueError: both `average` and `op`.
        NotImplementedError: op=Adasum.
    """
    mean = _reduction(average, op) == Average
    with tf.name_scope(name or "HorovodAllreduce"):
        if isinstance(tensor, tf.IndexedSlices):
            return collectives.allreduce(tensor, mean)
        small, context = compression.compress(tf.convert_to_tensor(tensor))
        return compression.decompress(collectives.allreduce(small, mean), context)


def _allreduce(tensor, name=None, op=Sum):
    """The sum over the ranks, or with op=Average their mean: what `hvd.mpi_ops` has within."""
    return allreduce(tensor, name=name, op=op)


def allgather(tensor, name=None):
    """Joins the tensors of all ranks along their first dimension.

    Args:
        tensor: of the same shape on every rank, unlike with Horovod: HCCL needs that.
        name: of the operator.
    """
    with tf.name_scope(name or "HorovodAllgather"):
        return collectives.allgather(tensor)


def broadcast(tensor, root_rank, name=None):
    """Returns the tensor that one rank has; ValueError where there is no such rank."""
    with tf.name_scope(name or "HorovodBroadcast"):
        return collectives.broadcast([tensor], root_rank)[0]


def broadcast_variables(variables, root_rank):
    """Returns the operator that gives variables the values that one rank has."""
    return collectives.broadcast_variables(variables, root_rank)


def broadcast_global_variables(root_rank):
    """Returns the operator that gives all variables of the graph the values that one rank has."""
    return collectives.broadcast_variables(tf.global_variables(), root_rank)


class BroadcastGlobalVariablesHook(tf.train.SessionRunHook):
    """Gives all ranks the variables of one, when a session is created.

    Args:
        root_rank: number of that rank.
        device: accepted; HCCL has one device for each process.
    """

    def __init__(self, root_rank, device=""):
        super().__init__()
        self._root_rank = root_rank
        self._operator = None

    def begin(self):
        """Makes the operator, in the graph that is about to be finalized."""
        self._operator = broadcast_global_variables(self._root_rank)

    def after_create_session(self, session, coord):
        """Runs it."""
        session.run(self._operator)


def DistributedOptimizer(
    optimizer,
    name=None,
    use_locking=False,
    device_dense="",
    device_sparse="",
    compression=Compression.none,
    sparse_as_dense=False,
    backward_passes_per_step=1,
    op=Average,
):
    """Makes an optimizer average its gradients over the ranks.

    Args:
        optimizer: tf.train.Optimizer, or one of tf.keras. One that npu_optimizer made averages
            already; its gradients are not exchanged again.
        name: of the new optimizer.
        use_locking: as tf.train.Optimizer has it.
        device_dense, device_sparse: accepted; HCCL has one device for each process.
        compression: of what is exchanged.
        sparse_as_dense: whether to make tf.IndexedSlices tensors before they are averaged.
        backward_passes_per_step: 1.
        op: Average or Sum.

    Raises:
        ValueError: `optimizer` is none, or passes are to be accumulated.
        NotImplementedError: op=Adasum.
    """
    reduction = _reduction(None, op)
    if backward_passes_per_step != 1:
        raise ValueError(
            "backward_passes_per_step=%s: only 1 is possible without Adasum, as in Horovod 0.19;"
            " add up gradients before they are applied" % backward_passes_per_step
        )
    if isinstance(optimizer, tf.train.Optimizer):
        return _DistributedOptimizer(
            optimizer, name, use_locking, compression, sparse_as_dense, reduction
        )
    if isinstance(optimizer, tf.keras.optimizers.Optimizer):
        from . import horovod_keras

        return horovod_keras.DistributedOptimizer(
            optimizer, name, device_dense, device_sparse, compression, sparse_as_dense
        )
    raise ValueError(
        "DistributedOptimizer takes an optimizer of tf.train or tf.keras, not %r" % (optimizer,)
    )


class _DistributedOptimizer(tf.train.Optimizer):
    def __init__(self, optimizer, name, use_locking, compression, sparse_as_dense, reduction):
        super().__init__(
            name=name or "Distributed" + type(optimizer).__name__, use_locking=use_locking
        )
        self._optimizer = optimizer
        self._compression = compression
        self._sparse_as_dense = sparse_as_dense
        self._reduction = reduction

    def compute_gradients(self, *args, **kwargs):
        """As tf.train.Optimizer does; the gradients are those of all ranks."""
        pairs = self._optimizer.compute_gradients(*args, **kwargs)
        if ranks.size() == 1:
            return pairs
        pairs = _averaging(self._compression, self._sparse_as_dense)(pairs)
        if self._reduction == Average:
            return pairs
        return [(_times(gradient, ranks.size()), variable) for gradient, variable in pairs]

    def apply_gradients(self, *args, **kwargs):
        """As the optimizer that this is made around does."""
        return self._optimizer.apply_gradients(*args, **kwargs)

    def get_slot(self, *args, **kwargs):
        """As the optimizer that this is made around does."""
        return self._optimizer.get_slot(*args, **kwargs)

    def get_slot_names(self, *args, **kwargs):
        """As the optimizer that this is made around does."""
        return self._optimizer.get_slot_names(*args, **kwargs)

    def variables(self, *args, **kwargs):
        """As the optimizer that this is made around does."""
        return self._optimizer.variables(*args, **kwargs)


def _reduction(average, op):
    """The reduction that the arguments of Horovod's releases ask for."""
    if op is not None and average is not None:
        raise ValueError("give op or average, not both; average is the older name")
    if op is None:
        return Sum if average is not None and not average else Average
    if op == Adasum:
        raise NotImplementedError("HCCL has no Adasum: use op=Average, and tune the learning rate")
    if op not in (Average, Sum):
        raise ValueError("op must be Average or Sum, not %r" % (op,))
    return op


def _averaging(compression=Compression.none, sparse_as_dense=False):
    """Makes the function from (gradient, variable) pairs to averaged ones.

    All go together, through the adapter's own optimizer; those that npu_optimizer has averaged
    are left as they are.
    """
    from . import averaging

    def averaged(pairs):
        small, contexts = [], []
        for gradient, variable in pairs:
            if sparse_as_dense and isinstance(gradient, tf.IndexedSlices):
                gradient = tf.convert_to_tensor(gradient)
            context = None
            if isinstance(gradient, tf.Tensor):
                gradient, context = compression.compress(gradient)
            small.append((gradient, variable))
            contexts.append(context)
        return [
            (
                compression.decompress(gradient, context)
                if isinstance(gradient, tf.Tensor)
                else gradient,
                variable,
            )
            for (gradient, variable), context in zip(averaging.averaged(small), contexts)
        ]

    return averaged


def _times(gradient, factor):
    if gradient is None:
        return None
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * factor, gradient.indices, gradient.dense_shape)
    return gradient * factor
