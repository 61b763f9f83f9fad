"""Collective communication.

Source: adapter, npu_bridge/hccl/hccl_ops.py. Fusion changes no result.
"""

from npu_simulator import collectives
from npu_simulator.collectives import WORLD


def allreduce(tensor, reduction, fusion=1, fusion_id=-1, group=WORLD):
    """Returns a tensor reduced over a group, elementwise: max, min, prod or sum."""
    return collectives.allreduce([tensor], reduction, group)[0]


def allgather(tensor, rank_size, group=WORLD, fusion=0, fusion_id=-1):
    """Returns the tensors of a group of rank_size ranks, joined along the first dimension."""
    return collectives.allgather(tensor, rank_size, group)


def broadcast(tensor, root_rank, fusion=2, fusion_id=0, group=WORLD):
    """Returns the list of tensors that one rank of a group has.

    Args:
        tensor: list of tensors.
    """
    if not isinstance(tensor, (list, tuple)):
        raise TypeError(
            "Expected list for 'input' argument to 'hcom_broadcast' Op, not %s." % tensor
        )
    return collectives.broadcast(tensor, root_rank, group)


def reduce(tensor, reduction, root_rank, fusion=0, fusion_id=-1, group=WORLD):
    """Returns a tensor reduced over a group, on one rank; the others get back what they gave."""
    return collectives.reduce(tensor, reduction, root_rank, group)


def reduce_scatter(tensor, reduction, rank_size, group=WORLD, fusion=0, fusion_id=-1):
    """Returns this rank's part, along the first dimension, of a tensor reduced over a group."""
    return collectives.reduce_scatter(tensor, reduction, rank_size, group)
