"""The operators of the adapter, as generated from _tf_adapter.so."""

from npu_simulator import settings, surface
from npu_simulator.adapter import operators

version = "v%s" % settings.read().adapter[1:]


class _Operators:
    """What load_op_library returns: an operator is an attribute."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(operators, name, None)
        return found or surface.absent("npu_bridge.helper.helper.get_gen_ops().%s" % name)


npu_bridge_handle = _Operators()


def get_gen_ops():
    """Returns the operators."""
    return npu_bridge_handle
