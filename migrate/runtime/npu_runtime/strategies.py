"""The strategies of tf.distribute, as what each process of a training has: one device."""

import functools

from tensorflow.python.distribute import distribute_lib, input_lib, one_device_strategy

from . import ranks, settings

# As the adapter's NPUStrategy has it (npu_bridge/estimator/npu/npu_strategy.py): what is on the
# host's only device goes to the NPU.
_DEVICE = "/cpu:0"


def npu_strategy(kind):
    """Takes the place of a class of strategies.

    TensorFlow's strategies know no NPU. Here each process trains on one device, as one replica:
    `num_replicas_in_sync` is 1, the batch is that of one device, and what a strategy reduces stays
    this process's own. Several ranks train as one all the same: npu_shard gives each its part of
    the data, npu_optimizer and npu_keras_optimizer average gradients, and all start from the
    variables of rank 0. Functions that divide the data by their tf.distribute.InputContext find
    the ranks there.

    Args:
        kind: class of tf.distribute or tf.contrib.distribute, such as MirroredStrategy.

    Returns:
        What takes the arguments of that class, and makes a NpuStrategy whatever they are. With
        NPU_DEVICE=host `kind` itself.
    """
    if settings.on_host():
        return kind
    # Not a function: as the attribute of a class it would become a method.
    return functools.partial(_made)


def _made(*unused, **unused_by_name):
    return NpuStrategy()


class NpuStrategy(one_device_strategy.OneDeviceStrategyV1):
    """Trains on the device of this process."""

    def __init__(self):
        distribute_lib.StrategyV1.__init__(self, _Extended(self, _DEVICE))


class _Extended(one_device_strategy.OneDeviceExtended):
    def _make_input_fn_iterator(
        self, input_fn, replication_mode=distribute_lib.InputReplicationMode.PER_WORKER
    ):
        del replication_mode  # There is one replica.
        strategy = self._container_strategy()
        return input_lib.InputFunctionIterator(
            input_fn, self._input_workers, [_context()], strategy
        )

    def _experimental_distribute_datasets_from_function(self, dataset_fn):
        return input_lib.get_distributed_datasets_from_function(
            dataset_fn, self._input_workers, [_context()], self._container_strategy()
        )


def _context():
    return distribute_lib.InputContext(
        num_input_pipelines=ranks.size(), input_pipeline_id=ranks.rank()
    )
