"""How gradients are split into parts that are reduced together: it changes no result."""

from npu_simulator import collectives


def set_split_strategy_by_idx(idxList, group=collectives.WORLD):
    """Splits by the numbers of gradients.

    Raises:
        ValueError: the numbers do not rise.
    """
    collectives.members_of(group)
    if not idxList or sorted(set(idxList)) != list(idxList):
        raise ValueError("the indices must rise, not %s" % (idxList,))


def set_split_strategy_by_size(dataSizeList, group=collectives.WORLD):
    """Splits by shares of the data.

    Raises:
        ValueError: the shares, in per cent, do not make 100.
    """
    collectives.members_of(group)
    if abs(sum(dataSizeList) - 100) > 1e-6:
        raise ValueError("the shares must make 100 per cent, not %s" % (dataSizeList,))
