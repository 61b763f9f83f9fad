"""npu_unary_ops.npu_unary_ops holds the generated operators: npu_unary_ops.gelu(x)."""

from npu_simulator.adapter.helper import npu_bridge_handle as npu_unary_ops  # noqa: F401
