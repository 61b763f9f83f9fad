"""Ranks and groups, from the environment and the rank table.

A group is by default all ranks of the job. The real functions need HCCL to be initialised, by an
initialize_system that ran or by training that began; without that, this is reported.
"""

from npu_simulator import collectives, settings
from npu_simulator.adapter import system


def create_group(group, rank_num, rank_ids):
    """Makes a group.

    Args:
        group: its name.
        rank_num: how many ranks it has.
        rank_ids: their numbers in the job.

    Raises:
        ValueError: the arguments do not fit together, or to the job.
    """
    if rank_num != len(rank_ids):
        raise ValueError("rank_num is %s, but rank_ids has %d ranks" % (rank_num, len(rank_ids)))
    collectives.create_group(group, rank_ids)


def destroy_group(group):
    """Removes a group."""
    collectives.destroy_group(group)


def get_rank_size(group=collectives.WORLD):
    """Returns how many ranks a group has."""
    system.expect_initialized("get_rank_size")
    return len(collectives.members_of(group))


def get_local_rank_size(group=collectives.WORLD):
    """Returns how many ranks of a group are on this machine: all of them, when simulated."""
    system.expect_initialized("get_local_rank_size")
    return len(collectives.members_of(group))


def get_rank_id(group=collectives.WORLD):
    """Returns the number of this process within a group, from 0."""
    system.expect_initialized("get_rank_id")
    return get_group_rank_from_world_rank(settings.read().rank, group)


def get_local_rank_id(group=collectives.WORLD):
    """Returns the number of this process among those of the group on this machine."""
    system.expect_initialized("get_local_rank_id")
    return get_group_rank_from_world_rank(settings.read().rank, group)


def get_world_rank_from_group_rank(group, group_rank_id):
    """Returns the number in the job of a rank of a group.

    Raises:
        ValueError: the group has no such rank.
    """
    members = collectives.members_of(group)
    if not 0 <= group_rank_id < len(members):
        raise ValueError("%s has ranks 0 to %d, not %s" % (group, len(members) - 1, group_rank_id))
    return members[group_rank_id]


def get_group_rank_from_world_rank(world_rank_id, group):
    """Returns the number in a group of a rank of the job.

    Raises:
        ValueError: it is not in the group.
    """
    members = collectives.members_of(group)
    if world_rank_id not in members:
        raise ValueError("rank %s is not in %s, %s" % (world_rank_id, group, list(members)))
    return members.index(world_rank_id)
