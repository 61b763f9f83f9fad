"""Ports TensorFlow 1.x GPU projects to Huawei Ascend 910."""

__version__ = "0.1.0"
