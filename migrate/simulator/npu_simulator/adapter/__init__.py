"""What the stand-in for npu_bridge computes, one module for each of npu_bridge's that is used.

A function or class here takes the arguments of the newest release, and of those before which have
others; npu_simulator/surface.py makes it take exactly those of the release that is simulated.
"""
