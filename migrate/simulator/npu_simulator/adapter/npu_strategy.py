"""The distribution strategy: one device for each process, with its share of the data.

Source: adapter, npu_bridge/estimator/npu/npu_strategy.py.
"""

from hccl.manage import api
from npu_simulator.adapter import util
from tensorflow.python.distribute import distribute_lib, one_device_strategy


class NPUExtended(one_device_strategy.OneDeviceExtended):
    """What NPUStrategy does on its one device."""

    def __init__(self, container_strategy, device):
        super().__init__(container_strategy, device)

    @property
    def _num_replicas_in_sync(self):
        return int(util.get_ranksize())

    def _experimental_distribute_dataset(self, dataset):
        return dataset.shard(api.get_rank_size(), api.get_rank_id())


class NPUStrategy(distribute_lib.StrategyV1):
    """Trains on the device of this process.

    Args:
        device: where TensorFlow puts the operators before they go to the NPU.
    """

    def __init__(self, device="/cpu:0"):
        super().__init__(NPUExtended(self, device))
