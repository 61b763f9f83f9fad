"""Horovod for an upstream that trains beside its port: the port's own stand-in, with one process.

What the environment of TensorFlow 1.15.0 has no package for (Horovod needs MPI and a compiler), and
what upstream and port then have in common, so that the rest of both can be compared.
"""

import importlib
import sys

# As NPU704 (migrate/codemods/rules/npu704_horovod.py) names them in a port.
_MODULES = (
    ("tensorflow", "horovod"),
    ("tensorflow.compression", "horovod"),
    ("tensorflow.mpi_ops", "horovod"),
    ("tensorflow.keras", "horovod_keras"),
    ("tensorflow.keras.callbacks", "horovod_callbacks"),
    ("keras", "horovod_keras"),
    ("keras.callbacks", "horovod_callbacks"),
)
for _name, _module in _MODULES:
    _found = importlib.import_module("npu_runtime." + _module)
    sys.modules[__name__ + "." + _name] = _found
    if "." not in _name:
        globals()[_name] = _found
__version__ = sys.modules["npu_runtime.horovod"].__version__
