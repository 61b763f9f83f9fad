"""Short texts that stand for values."""

import hashlib


def digest(array):
    """Returns a text that another value has only if it is the same, bit by bit.

    Args:
        array: NumPy array or scalar of any type.
    """
    made = hashlib.blake2b(digest_size=8)
    if array.dtype.kind in "OSU":
        for item in array.ravel().tolist():
            data = item if isinstance(item, bytes) else str(item).encode()
            made.update(b"%d:" % len(data) + data)
    else:
        made.update(array.tobytes())
    return made.hexdigest()


def sums(array):
    """Returns the sum of an array's values, and a sum in which each counts by its place."""
    import numpy as np

    flat = array.ravel().astype(np.float64)
    return [float(flat.sum()), float(np.dot(flat, np.linspace(1.0, 2.0, flat.size)))]


def size(array):
    """Returns the sum of the absolute values of an array."""
    import numpy as np

    return float(np.abs(array.astype(np.float64)).sum())
