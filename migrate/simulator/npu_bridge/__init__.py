"""A stand-in for the TensorFlow 1.15 adapter of Ascend, for a machine without an NPU.

It has the public names of the adapter release that belongs to NPU_SIMULATOR_CANN, and what ports
use of them computes on the CPU what the device would. The modules are made by
npu_simulator/surface.py; what they compute is in npu_simulator/adapter/.
"""

import sys as _sys

from npu_simulator import collectives as _collectives
from npu_simulator import settings as _settings
from npu_simulator import surface as _surface

_sys.meta_path.append(_surface.Finder(_settings.read().adapter))
_collectives.install()

from npu_bridge.helper.helper import version as __version__  # noqa: E402, F401


def __getattr__(name):
    """Imports what the real package imports at once, when it is first asked for."""
    import npu_bridge.estimator.npu.npu_estimator
    import npu_bridge.hccl.hccl_ops  # noqa: F401

    if name in globals():
        return globals()[name]
    raise AttributeError("module 'npu_bridge' has no attribute %r" % name)
