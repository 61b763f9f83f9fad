"""Knows what NumPy's own generator has drawn, so that noise that is fed can be told from data."""

import functools

from ..imports import after_import
from .digests import digest

# They choose among data and put it in order, or draw nothing.
_NO_NOISE = frozenset("bytes choice get_state permutation seed set_state shuffle".split())
_MOST_VALUES = 1 << 22  # of one draw
_MOST = 1 << 17  # draws and rows of draws

_drawn = set()


def install():
    """Watches numpy.random.normal() and its like; generators that a program makes are not seen."""
    after_import("numpy.random", _patch)


def is_noise(value):
    """Whether a value was drawn, or is a row of what was, in any type of numbers."""
    return value.dtype.kind in "biuf" and _digest(value) in _drawn


def _patch(module):
    for name, function in list(vars(module).items()):
        made_by = getattr(function, "__self__", None)
        if isinstance(made_by, module.RandomState) and name not in _NO_NOISE:
            setattr(module, name, _watched(function))


def _watched(function):
    @functools.wraps(function)
    def draw(*arguments, **keywords):
        value = function(*arguments, **keywords)
        if getattr(value, "ndim", 0) > 0 and value.size <= _MOST_VALUES:
            if len(_drawn) > _MOST:
                _drawn.clear()  # What is fed was drawn a moment ago.
            _drawn.update(map(_digest, [value] if value.ndim == 1 else [value, *value]))
        return value

    return draw


def _digest(value):
    import numpy as np

    return digest(value.astype(np.float32))
