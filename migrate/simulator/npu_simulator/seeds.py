"""Makes runs repeatable: two programs that do the same give the same numbers, bit by bit.

What depends on chance, or on which thread comes first, is fixed:

- Python's and NumPy's generators start from the seed, also those that ask the machine for one
  (entropy.py).
- An operator's seed is the number of the random operator in its graph. TensorFlow's own is the
  number of all operators, which changes with each operator that a port adds.
- Operators of a run execute one by one, in the thread that called it, and each in one thread. Not
  with several ranks: where one waits in a collective, another may have to come to its own first.
- A step counter is read before it is advanced (counters.py).
- What a run takes from queues and iterators is taken before it begins (inputs.py).
- What a run reads of a variable that it also changes is read before, where nothing says which comes
  first (updates.py).
- Readers, maps and queues of the input pipeline work in order: one thread each, no shuffling by
  whatever happens to lie in a queue. Nothing is copied to GPUs that are not there: the iterator
  that copies shuffles in another order.
- A Supervisor writes no summaries by itself: its thread would take batches from the training. Nor
  does it look at the step from time to time.
- Grappler leaves graphs as they are: how it rewrites one hangs on options that a port must set,
  and its order of operators on chance.

What stays open: two queue runners that feed one queue race.
"""

import functools
import os
import random
import weakref

from . import counters, entropy, inputs, settings, updates
from .imports import after_import

_MAX_SEED = 2**31 - 1


def install(seed):
    """Seeds what is there, and TensorFlow and NumPy as soon as they are imported.

    Args:
        seed: any integer.
    """
    random.seed(seed)
    entropy.install(seed)
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    for name, patch in (
        ("numpy.random", lambda module: module.seed(seed % _MAX_SEED)),
        (
            "tensorflow.python.framework.random_seed",
            lambda module: _seed_operators(module, seed % _MAX_SEED),
        ),
        ("tensorflow.python.client.session", _run_in_order),
        ("tensorflow.python.data.ops.dataset_ops", _map_in_order),
        ("tensorflow.python.data.ops.readers", _interleave_in_order),
        ("tensorflow.python.data.experimental.ops.batching", _map_and_batch_in_order),
        ("tensorflow.python.data.experimental.ops.prefetching_ops", _copy_nowhere),
        ("tensorflow.python.ops.data_flow_ops", _queue_in_order),
        ("tensorflow.python.training.queue_runner_impl", _enqueue_in_order),
        ("tensorflow.python.training.supervisor", _summarize_never),
        ("tensorflow.contrib.slim.python.slim.data.parallel_reader", _read_in_order),
    ):
        after_import(name, patch)


def _seed_operators(module, seed):
    from tensorflow.python.eager import context
    from tensorflow.python.framework import ops

    get_seed = module.get_seed

    @functools.wraps(get_seed)
    def patched(op_seed):
        if op_seed is None and not context.executing_eagerly():
            graph = ops.get_default_graph()
            op_seed = graph._npu_random_operators = getattr(graph, "_npu_random_operators", 0) + 1
        return get_seed(op_seed)

    module.get_seed = patched
    module.DEFAULT_GRAPH_SEED = seed


def _run_in_order(module):
    from tensorflow.core.protobuf import config_pb2
    from tensorflow.python import pywrap_tensorflow
    from tensorflow.python.eager import context

    alone = settings.read().rank_size == 1
    base = module.BaseSession
    init, do_run, init_callable = base.__init__, base._do_run, base._Callable.__init__
    extend = base._extend_graph

    @functools.wraps(init)
    def patched_init(self, target="", graph=None, config=None):
        given = context.context().config if config is None else config
        if isinstance(given, config_pb2.ConfigProto):
            config = config_pb2.ConfigProto()
            config.CopyFrom(given)
            config.intra_op_parallelism_threads = 0  # So that what the environment says counts.
            config.graph_options.rewrite_options.disable_meta_optimizer = True
        init(self, target, graph, config)

    seen = weakref.WeakSet()

    def order(graph):
        if graph not in seen:
            seen.add(graph)
            counters.order(graph)

    @functools.wraps(extend)
    def patched_extend(self):
        order(self.graph)  # Later it would change nothing of what the session runs.
        extend(self)

    @functools.wraps(do_run)
    def patched_run(self, handle, targets, fetches, feeds, options, metadata):
        order(self.graph)
        ordered = config_pb2.RunOptions()
        if options is not None:
            ordered.ParseFromString(pywrap_tensorflow.TF_GetBuffer(options))
        if alone:
            ordered.inter_op_thread_pool = -1  # The calling thread.
        made = pywrap_tensorflow.TF_NewBufferFromString(ordered.SerializeToString())

        def run(tensors, wanted, given, is_last=False):
            # TensorFlow fills metadata once.
            told = metadata if is_last else None
            return do_run(self, None, wanted, tensors, given, made, told)

        try:
            if handle is not None:
                return do_run(self, handle, targets, fetches, feeds, made, metadata)
            feeds = {**feeds, **inputs.take(self, fetches, targets, feeds, run)}
            return updates.run_in_parts(self, fetches, targets, feeds, run)
        finally:
            pywrap_tensorflow.TF_DeleteBuffer(made)

    @functools.wraps(init_callable)
    def patched_init_callable(self, session, callable_options):
        ordered = config_pb2.CallableOptions()
        ordered.CopyFrom(callable_options)
        if alone:
            ordered.run_options.inter_op_thread_pool = -1
        init_callable(self, session, ordered)

    base.__init__, base._do_run, base._extend_graph = patched_init, patched_run, patched_extend
    base._Callable.__init__ = patched_init_callable


def _map_in_order(module):
    class InOrder(module.MapDataset):  # a class, since Keras asks for it by isinstance
        def __init__(self, input_dataset, map_func, num_parallel_calls, **keywords):
            super().__init__(input_dataset, map_func, **keywords)

    module.ParallelMapDataset = InOrder


def _interleave_in_order(module):
    init = module.ParallelInterleaveDataset.__init__

    @functools.wraps(init)
    def patched(self, input_dataset, map_func, cycle_length, block_length, sloppy, *rest):
        init(self, input_dataset, map_func, cycle_length, block_length, False, *rest)

    module.ParallelInterleaveDataset.__init__ = patched


def _map_and_batch_in_order(module):
    init = module._MapAndBatchDataset.__init__

    @functools.wraps(init)
    def patched(self, input_dataset, map_func, batch_size, num_parallel_calls, *rest, **keywords):
        init(self, input_dataset, map_func, batch_size, 1, *rest, **keywords)

    module._MapAndBatchDataset.__init__ = patched


def _copy_nowhere(module):
    def copy_to_device(target_device, source_device="/cpu:0"):
        return lambda dataset: dataset

    module.copy_to_device = copy_to_device  # prefetch_to_device calls it


def _queue_in_order(module):
    generated = module.gen_data_flow_ops

    def in_order(min_after_dequeue=0, seed=0, seed2=0, **keywords):
        return generated.fifo_queue_v2(**keywords)

    generated.random_shuffle_queue_v2 = in_order


def _enqueue_in_order(module):
    init = module.QueueRunner._init_from_args

    @functools.wraps(init)
    def patched(self, queue=None, enqueue_ops=None, *rest, **keywords):
        once = list(dict.fromkeys(enqueue_ops)) if enqueue_ops else enqueue_ops
        init(self, queue, once, *rest, **keywords)

    module.QueueRunner._init_from_args = patched


def _read_in_order(module):
    read = module.parallel_read

    @functools.wraps(read)
    def patched(sources, reader_class, num_epochs=None, num_readers=4, *rest, **keywords):
        return read(sources, reader_class, num_epochs, 1, *rest, **keywords)

    module.parallel_read = patched


def _summarize_never(module):
    module.SVSummaryThread.run_loop = lambda self: None
    module.SVStepCounterThread.run_loop = lambda self: None
