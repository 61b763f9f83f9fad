"""Answers generators that are made or seeded with no seed, and so ask the machine for chance.

What each is given hangs on the module that makes it and on how many that module has made before:
a port that makes one more somewhere else (for the name of a temporary file, say) changes no other.
"""

import collections
import functools
import hashlib
import random
import sys
import threading

from .imports import after_import

# Of NumPy 1.18, and of other versions from 1.17 on.
_NUMPY = ("numpy.random._bit_generator", "numpy.random.bit_generator")


def install(seed):
    """Seeds random.Random(), NumPy's RandomState() and default_rng(), and random.seed().

    Args:
        seed: any integer.
    """
    source = _Source(seed)
    _seed_python(source)
    for name in _NUMPY:
        after_import(name, lambda module: setattr(module, "randbits", source.bits))


class _Source:
    def __init__(self, seed):
        self._seed = seed
        self._lock = threading.Lock()
        self._asked = collections.Counter()

    def bits(self, count):
        """Returns an integer of so many bits, at most 512."""
        module = _asking_module()
        with self._lock:
            self._asked[module] += 1
            number = self._asked[module]
        key = "%d %s %s %d" % (self._seed, _process(), module, number)
        return int.from_bytes(hashlib.sha512(key.encode()).digest(), "big") >> (512 - count)


def _seed_python(source):
    seed = random.Random.seed

    @functools.wraps(seed)
    def patched(self, a=None, version=2):
        if a is None and _asking_module() != "tempfile":  # whose names tell processes apart
            a = source.bits(128)
        seed(self, a, version)

    random.Random.seed = patched
    random.seed = random._inst.seed  # Bound before.


def _asking_module():
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name != "random" and name != __name__ and not name.startswith("numpy."):
            return name
        frame = frame.f_back
    return ""


def _process():
    """Returns the name of this process: workers that are forked are to draw different chance."""
    module = sys.modules.get("multiprocessing.process")
    return module.current_process().name if module else "MainProcess"
