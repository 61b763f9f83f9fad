"""Which of the processes that train together this one is. Standard library only.

With nothing set, or RANK_SIZE=1, it is the only one: rank 0 of 1. What the environment says is
checked as a whole when somebody asks for the first time, which is before the first session; see
jobs.py.
"""

from . import jobs
from .rank_tables import read_table

__all__ = ["is_chief", "local_rank", "local_size", "rank", "read_table", "size"]


def rank():
    """The number of this process among those that train together, from 0.

    Raises:
        ValueError: the environment is incomplete or contradicts itself; the text names the
            variable, its value, and what to set. The functions below raise it as well.
    """
    return jobs.job().rank


def size():
    """How many processes train together, one for each device."""
    return jobs.job().size


def local_rank():
    """The number of this process among those of its server, from 0."""
    return jobs.job().local_rank


def local_size():
    """How many of the processes are on this server."""
    return jobs.job().local_size


def is_chief():
    """Whether this process is the one that writes checkpoints, summaries and samples."""
    return rank() == 0
