"""Values that differ by rank, or with the number of ranks; with one rank, upstream's own."""

from . import ranks

# A prime: seeds that lie close together stay apart on all ranks.
_STRIDE = 15485863
_SEEDS = 2**31 - 1


def npu_seed(seed):
    """TensorFlow's seed on this rank, so that ranks draw noise, dropout and crops of their own.

    Variables that start differently are made equal before the first step.

    Args:
        seed: a whole number; or None, for which TensorFlow draws one itself.

    Returns:
        On rank 0, `seed` itself; on others another whole number, below 2**31, always the same.

    Raises:
        ValueError: the environment says wrongly which rank this is (ranks.py).
    """
    if seed is None or ranks.is_chief():
        return seed
    return (int(seed) + ranks.rank() * _STRIDE) % _SEEDS


def npu_learning_rate(rate):
    """The learning rate for a batch that is as many times larger as there are ranks.

    Linear scaling: P. Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.1.

    Args:
        rate: a number, a tensor or variable, a function without arguments that gives one, or a
            schedule of tf.keras.optimizers.schedules.

    Returns:
        The same kind of thing, times the number of ranks; with one rank, `rate` itself.

    Raises:
        ValueError: the environment says wrongly how many ranks there are (ranks.py).
    """
    size = ranks.size()
    if size == 1:
        return rate
    if not callable(rate):
        return rate * size
    schedule = _schedule(rate, size)
    return schedule if schedule is not None else lambda: rate() * size


def _schedule(rate, size):
    """`rate` times `size` where it is a schedule; else None."""
    import tensorflow.compat.v1 as tf

    base = tf.keras.optimizers.schedules.LearningRateSchedule
    if not isinstance(rate, base):
        return None

    class Scaled(base):
        def __call__(self, step):
            return rate(step) * size

        def get_config(self):
            return rate.get_config()

    return Scaled()
