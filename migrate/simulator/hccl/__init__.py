"""A stand-in for hccl 0.1.0, the collective communication of Ascend: ranks and groups."""
