"""Watches what must be alike on all ranks of a job, or must not; only where there are several.

Events that it adds to the trace of each rank:

    variables  session step trained({variable: digest}) others({variable: digest}): the values that
               global variables have after that many training runs of the session; 0 is before the
               first. "trained" are those that an optimizer changes, its slots, and all others that
               are trainable. After 0, 1, 2, 4, 8 ... runs, and when the session closes.
    gradients  session step unseen(n of optimizers' operators that could not be looked at)
               gradients({variable: {applied(digest of what the optimizer is given) reduced(whether
               a reduction over the ranks leads to it) own(digest of what this rank computed)
               size(sum of its absolute values) sums([this rank's sum, its weighted sum])
               reduced_sums([the same of what came out of the reduction])
               factors([by what the latter is multiplied on its way to the optimizer])}})
    batch      session step rows({tensor: [digest]}) noise([tensor]): the rows of data that a
               training run was given, and of which tensors NumPy drew them at random
    shard      place occurrence(of shards at that place, from 1) number index: data that is split
    element    place occurrence elements([digest]) kept(bool): which have come to a shard, and
               then, of the last ones, whether this rank keeps them
    write      path of a file that is opened for writing, once for each; of a folder for event files
"""

from . import files, noise, shards


def install():
    """Watches files, data and noise; the recorder watches steps."""
    files.install()
    noise.install()
    shards.install()
